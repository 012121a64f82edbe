"""The people who take calls: whose device is whose, and what they are doing. Pure."""
