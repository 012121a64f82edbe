"""Handing a caller over, so that he is never alone: a table-driven machine for each transfer."""
