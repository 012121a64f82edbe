"""Alerts: callers who wait too long, queues in which nobody answers, and who is told of them when. Pure."""
