"""What Asterisk says and hears on its manager interface (AMI), as plain values. No I/O in here."""
