"""What a check found, where, and how bad it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pbxd.settings.yaml_source import Fault, Place


class Severity(StrEnum):
    ERROR = "error"  #: calls will fail, or pbxd will not start
    WARNING = "warning"  #: works, but is unsafe, lossy or surely not meant
    NOTE = "note"  #: could not be checked, or is worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """``manager.d/pbxd.conf:14: warning: write class 'all': …``."""

    severity: Severity
    place: Place
    text: str

    def __str__(self) -> str:
        where = str(self.place)
        if self.place.line and not self.place.column:
            where = f"{self.place.source}:{self.place.line}"
        return f"{where}: {self.severity}: {self.text}"

    def as_json(self) -> dict[str, Any]:
        return {
            "severity": str(self.severity),
            "file": self.place.source,
            "line": self.place.line or None,
            "column": self.place.column or None,
            "text": self.text,
        }


def error(place: Place, text: str) -> Finding:
    return Finding(Severity.ERROR, place, text)


def warning(place: Place, text: str) -> Finding:
    return Finding(Severity.WARNING, place, text)


def note(place: Place, text: str) -> Finding:
    return Finding(Severity.NOTE, place, text)


def of_faults(faults: Iterable[Fault]) -> list[Finding]:
    """Faults of a YAML file as errors."""
    return [error(f.place, f"{f.path}: {f.message}" if f.path else f.message) for f in faults]
