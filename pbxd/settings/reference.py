"""The reference of all settings and their JSON Schema, made from the models so that they cannot drift."""

from __future__ import annotations

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pbxd.settings import values
from pbxd.settings.connections import Network
from pbxd.settings.model import Settings
from pbxd.settings.values import DURATION_PATTERN, duration_text

INTRODUCTION = """\
# Settings

One YAML file, by default `/etc/pbxd/pbxd.yaml`; another one by `pbxd run -c FILE` or `PBXD_CONFIG`. A
commented example is [deploy/pbxd.yaml](../deploy/pbxd.yaml). This page is made from the program (`pbxd
settings reference`); `pbxd settings schema` prints a JSON Schema for editors, `pbxd settings show` what takes
effect, and `pbxd check` tests everything without starting.

- **Durations** carry their unit: `500ms`, `5s`, `10m`, `24h`, `7d`, `1h30m`. A bare number is refused.
- **Relative paths** are meant from the folder that the settings file is in; `~` is the home folder, and
  `$CREDENTIALS_DIRECTORY/…` what systemd's `LoadCredential=` provides.
- **Secrets** are best kept in files of their own (`secret_file`, `password_file`: one line each). No log,
  error or dump shows them.
- **Text stays text**: `010`, `no` and `12:30` need no quotes.
- **Mistakes** are told all at once, each as `file:line:column: path: message`.
- **Environment**: every setting can be overridden by `PBXD_` and its path, joined by double underscores:
  `PBXD_STORE__URL`, `PBXD_LOG__LEVEL`. Entries of a list are named by position or name:
  `PBXD_NODES__0__AMI__HOST`, `PBXD_NODES__PBX1__AMI__HOST`. Lists are written `[en, zh]`. A variable that
  begins with `PBXD_`, holds a double underscore and names no setting is refused.

"""


def schema() -> dict[str, Any]:
    """JSON Schema of the settings file."""
    document = Settings.model_json_schema()
    for model in document["$defs"].values():
        for field in model.get("properties", {}).values():
            _write_durations(field)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": "pbxd settings"}


def _write_durations(field: dict[str, Any]) -> None:
    """Defaults of durations are seconds to the program; an editor should offer ``5s``."""
    default = field.get("default")
    if isinstance(default, list) and field.get("items", {}).get("pattern") == DURATION_PATTERN:
        field["default"] = [duration_text(item) for item in default]
    elif isinstance(default, float) and field.get("pattern") == DURATION_PATTERN:
        field["default"] = duration_text(default)


def reference() -> str:
    """docs/settings.md."""
    parts = [INTRODUCTION]
    for path, model, note in _sections(Settings, ""):
        if path:
            parts.append(f"## {path}\n\n{_prose(model)}{note}\n\n")
            parts.append(_table(model))
    return "".join(parts).rstrip() + "\n"


def _sections(
    model: type[BaseModel], path: str, note: str = ""
) -> Iterator[tuple[str, type[BaseModel], str]]:
    yield path, model, note
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is not None:
            here = f"{path}.{name}" if path else name
            many = get_origin(field.annotation) is tuple
            extra = " A list; at least one." if many and field.is_required() else " A list." if many else ""
            if get_origin(field.annotation) is dict:
                here, extra = f"{here}.NAME", " By name."
            yield from _sections(inner, f"{here}[]" if many else here, extra)


def _model_in(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    for inner in get_args(kind):
        found = _model_in(inner)
        if found is not None:
            return found
    return None


def _prose(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _table(model: type[BaseModel]) -> str:
    rows = [
        f"| `{name}` | {_kind(field)} | {_default(field)} | {field.description or ''} |\n"
        for name, field in model.model_fields.items()
        if _model_in(field.annotation) is None
    ]
    if not rows:
        return ""
    return "| setting | kind | default | meaning |\n| --- | --- | --- | --- |\n" + "".join(rows) + "\n"


def _kind(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if any(mark in field.metadata for mark in _marks(values.Duration)):
        return "duration"
    return _kind_name(kind)


def _marks(kind: Any) -> list[Any]:
    """The validators that make an annotated kind what it is."""
    return [mark for mark in kind.__metadata__ if type(mark).__name__ == "BeforeValidator"]


def _kind_name(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        if any(mark in kind.__metadata__ for mark in _marks(values.Duration)):
            return "duration"
        if any(mark in kind.__metadata__ for mark in _marks(values.SecretFile)):
            return "file"
        return _kind_name(arguments[0])
    if kind == Network:
        return "network"
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in arguments)
    if origin in (Union, types.UnionType):
        return _kind_name(next(a for a in arguments if a is not type(None)))
    if origin is tuple:
        return f"list of {_kind_name(arguments[0])}"
    if origin is dict:
        return f"{_kind_name(arguments[1])} by name"
    names = {
        str: "text",
        int: "number",
        float: "number",
        bool: "yes or no",
        Path: "path",
        SecretStr: "secret",
    }
    return names[kind]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    assert value is not PydanticUndefined
    if value is None or value in ((), "", {}):
        return ""
    return f"`{_written(value, 'duration' in (_kind(field), _kind(field).removeprefix('list of ')))}`"


def _written(value: Any, duration: bool) -> str:
    """``value`` as one writes it in the file."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_written(item, duration) for item in value) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if duration:
        return duration_text(value)
    return str(value)
