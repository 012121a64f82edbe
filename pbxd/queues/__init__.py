"""Who waits where since when, and who could answer. Pure."""
