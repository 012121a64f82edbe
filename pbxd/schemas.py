"""JSON Schemas (2020-12) as shipped in the package, beside the modules that make the documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def shipped(package: str, name: str) -> Mapping[str, Any]:
    """The schema in this file of this package."""
    document: Mapping[str, Any] = json.loads(files(package).joinpath(name).read_text("utf-8"))
    return document
