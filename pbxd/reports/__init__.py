"""Reports: the figures of a period, computed from the history, each with the calls behind it."""
