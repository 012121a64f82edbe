"""pbxd: telephony integration for Asterisk."""
