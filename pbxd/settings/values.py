"""The kinds of value that stand in the settings file as text: durations, folders, secrets, names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

SECOND = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
"""Seconds in each unit a duration may be written in."""

DURATION_PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"
"""The same for JSON Schema."""

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


def seconds(text: object) -> float:
    """``500ms``, ``5s``, ``1h30m``, ``7d`` as seconds. ValueError for anything else, a bare number too."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)  # a default, or a value given by code: already seconds
    if isinstance(text, str):
        compact = text.replace(" ", "")
        if _DURATION.fullmatch(compact):
            return sum(float(number) * SECOND[unit] for number, unit in _PIECE.findall(compact))
        if re.fullmatch(r"\d+(\.\d+)?", compact, re.ASCII):
            raise ValueError(f"a duration needs a unit: {compact}s, {compact}ms, {compact}m …")
    raise ValueError("must be a duration such as 500ms, 5s, 10m, 24h or 7d")


def duration_text(value: float) -> str:
    """How a person would write ``value`` seconds: the largest unit that leaves a whole number."""
    if not value:
        return "0s"
    for unit in ("d", "h", "m", "s"):
        if value >= SECOND[unit] and value % SECOND[unit] == 0:
            return f"{value / SECOND[unit]:.0f}{unit}"
    return f"{round(value * 1000)}ms"


def _absolute(path: Path, info: ValidationInfo) -> Path:
    """Relative paths are meant from the folder of the settings file; ``~`` and credentials are filled in."""
    text = os.fspath(path)
    if text.startswith("$CREDENTIALS_DIRECTORY/"):
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            raise ValueError("$CREDENTIALS_DIRECTORY is set by systemd's LoadCredential= only")
        return Path(folder, text.partition("/")[2])
    base = (info.context or {}).get("folder")
    expanded = path.expanduser()
    return Path(base, expanded) if base is not None else expanded


def _read_secret(value: Any, info: ValidationInfo) -> SecretStr:
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, (str, Path)) or not str(value):
        raise ValueError("must be the path of a file")
    path = _absolute(Path(value), info)
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror} ({path})") from None
    except UnicodeDecodeError:
        raise ValueError(f"is not UTF-8 text ({path})") from None
    if not secret or "\n" in secret or "\r" in secret or "\0" in secret:
        raise ValueError(f"must hold one line, the secret ({path})")
    return SecretStr(secret)


def _one_line(secret: SecretStr) -> SecretStr:
    if re.search(r"[\r\n\0]", secret.get_secret_value()) or not secret.get_secret_value():
        raise ValueError("must be one line of text, not empty")
    return secret


Duration = Annotated[
    float,
    Field(ge=0, le=SECOND["d"] * 3660),
    BeforeValidator(seconds),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["5s", "24h"]}),
]
"""Seconds; in the file a number with its unit."""

Deadline = Annotated[Duration, Field(ge=0.001)]
"""A duration that cannot be zero, because something waits for it."""

Secret = Annotated[SecretStr, AfterValidator(_one_line)]
"""One line of text that no log, error or repr shows."""

SecretFile = Annotated[
    SecretStr, BeforeValidator(_read_secret), WithJsonSchema({"type": "string", "title": "path of a file"})
]
"""In the file the path of a file; here the one line that it holds."""

Folder = Annotated[Path, AfterValidator(_absolute)]
"""A path; in the file relative to the folder that the file is in."""


@dataclass(frozen=True, slots=True)
class Like:
    """Text that matches ``pattern`` as a whole; ``saying`` tells a person what that is."""

    pattern: str
    saying: str

    def check(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"must be {self.saying}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


ONE_OR_MANY = BeforeValidator(_listed)
"""Of a list: a single entry may be written without brackets."""

Name = Annotated[
    str, Like(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", "letters, digits, _ and -, at most 32, no - or _ first")
]
"""A name that is safe in topics, metric labels, URLs and file names: letters, digits, ``_`` and ``-``."""

Port = Annotated[int, Field(ge=1, le=65535)]
ListenPort = Annotated[int, Field(ge=0, le=65535)]
"""A port to listen on; 0 lets the system choose one, as tests do."""

Size = Annotated[int, Field(ge=1, le=100_000_000)]
"""How many things a queue holds before its documented way of being full begins."""
