"""``pbxd …`` as somebody types it, but in this process: to start one costs half a second of processor.

Where the process itself is the question (what it imports, signals, its end), a test starts one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper

import pytest

from pbxd.cli import main


def pbxd(*arguments: str, stdin: bytes = b"", **environ: str) -> subprocess.CompletedProcess[bytes]:
    """What the command says and how it ends, with no settings of pbxd in its environment but ``environ``."""
    out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        for key in [key for key in os.environ if key.startswith("PBXD_")]:
            patch.delenv(key)
        for key, value in environ.items():
            patch.setenv(key, value)
        patch.setattr(sys, "argv", ["pbxd", *arguments])
        patch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin), encoding="utf-8"))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code or 0
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, _said(out), _said(err))


def _said(stream: TextIOWrapper) -> bytes:
    assert isinstance(stream.buffer, BytesIO)
    return stream.buffer.getvalue()
