"""Fetches the programs that the tests run, before they are needed: ``python -m deploy.lab.fetch``.

Needs nothing but Python, so that it can run while the environment is being installed. What cannot be had here
is said and left out: the tests that need it skip, with the reason.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from deploy.lab import tools
from deploy.lab.archive import NoArchiveError
from deploy.lab.unpack import UnpackError

_PROGRAMS: tuple[Callable[[], object], ...] = (
    lambda: tools.asterisk(tools.FORKY),
    lambda: tools.asterisk(tools.BULLSEYE),
    tools.espeak,
    tools.mosquitto,
    tools.postgres,
    tools.prometheus,
    tools.sipp,
    tools.chromium,
)


def main() -> None:
    for program in _PROGRAMS:
        try:
            program()
        except (UnpackError, NoArchiveError) as missing:
            print(f"fetch: {missing}", file=sys.stderr)


if __name__ == "__main__":
    main()
