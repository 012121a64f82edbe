"""How the REST interface answers: JSON in ASCII, refusals of one shape."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


class Ascii(JSONResponse):
    """JSON in ASCII: a caller's name may hold characters that no encoding of text takes."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def refusal(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Ascii:
    return Ascii({"error": {"code": code, "text": text}}, status_code=status, headers=headers)


class RefusedError(HTTPException):
    """A request that is turned down, with a code for programs."""

    def __init__(self, status: int, code: str, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, text, headers)
        self.code = code
