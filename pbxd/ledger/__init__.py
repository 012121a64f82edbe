"""The ledger: one row for each stretch of a caller's journey. All figures are computed from it."""
