"""The demonstration: a whole call centre on one machine, without root, gone when it ends."""
