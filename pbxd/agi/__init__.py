"""The words of Asterisk's Gateway Interface: environment, replies, verbs, quoting. Pure."""
