"""Call flows: what they are, what is wrong with one, and the walk of a caller through it. Pure."""
