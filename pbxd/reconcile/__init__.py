"""The history compared with the books that Asterisk keeps: its queue_log and its call detail records."""
