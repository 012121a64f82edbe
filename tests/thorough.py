"""How much is played."""

import os

#: Set PBXD_THOROUGH=1 where there is time, and a machine that does nothing else.
THOROUGH = bool(os.environ.get("PBXD_THOROUGH"))


def examples(thorough: int) -> int:
    """How many examples Hypothesis makes up: half of ``thorough`` where nobody has asked for all."""
    return thorough if THOROUGH else thorough // 2
