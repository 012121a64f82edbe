"""The key that signs sign-ins: read from its file, or made there at the first start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

KEY_BYTES = 32


def read_or_make_key(path: Path) -> bytes:
    """The key in the file at ``path``; a new one, for our own eyes only, where there is none.

    Raises OSError that names the file, ValueError when what is in it is too short to be a key.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) < KEY_BYTES:
            raise ValueError(
                f"web.session_key_file: {path}: a key of {KEY_BYTES} bytes is needed; delete the file and a "
                "new one is made"
            ) from None
        return key
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key
