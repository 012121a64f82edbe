"""How much is played."""

import os

#: Set PBXD_THOROUGH=1 where there is time, and a machine that does nothing else.
THOROUGH = bool(os.environ.get("PBXD_THOROUGH"))

#: Each test so often in a row, with the same Asterisk and the same pbxd.
TIMES = int(os.environ.get("PBXD_TIMES", "1"))


def examples(thorough: int) -> int:
    """How many examples Hypothesis makes up: half of ``thorough`` where nobody has asked for all."""
    return thorough if THOROUGH else thorough // 2
