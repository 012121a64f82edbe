"""``pbxd check``: everything that can be known to be wrong before a call comes, without starting anything."""
