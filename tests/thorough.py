"""How much is played."""

import os

#: Set PBXD_THOROUGH=1 where there is time, and a machine that does nothing else.
THOROUGH = bool(os.environ.get("PBXD_THOROUGH"))
