"""Who is calling: the number card, the repeat-call rule, and what is known of each open call. Pure."""
