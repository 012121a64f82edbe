"""Overrides from the environment: ``PBXD_STORE__URL``, ``PBXD_NODES__0__AMI__PORT`` (or ``__PBX1__``).

A variable that begins with ``PBXD_`` and holds a double underscore must name a setting; any other is not
ours (an orchestrator sets PBXD_PORT and the like for a service of our name).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, get_origin

from pydantic import BaseModel

from pbxd.settings.located import did_you_mean, known_keys, types_at
from pbxd.settings.yaml_source import Fault, Path, Place, SourceError, YamlSource, read_yaml

PREFIX = "PBXD_"


def overridden(
    source: YamlSource, model: type[BaseModel], environ: Mapping[str, str]
) -> tuple[YamlSource, list[Fault]]:
    """``source`` with what ``environ`` puts over it, and the variables that name no setting."""
    data = copy.deepcopy(source.data) if source.data is not None else {}
    result = YamlSource(source.name, data, dict(source.keys), dict(source.values))
    faults: list[Fault] = []
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and "__" in variable:
            faults += _put(result, model, variable, environ[variable])
    return result, faults


def _put(source: YamlSource, model: type[BaseModel], variable: str, text: str) -> list[Fault]:
    place = Place(f"environment variable {variable}")
    path: Path = ()
    data = source.data
    parts = variable.removeprefix(PREFIX).split("__")
    for depth, part in enumerate(parts):
        step = _step(source, model, path, data, part)
        if step is None:
            known = _known(model, path, data)
            hint = did_you_mean(part, known) or f"; known here: {', '.join(known)}" if known else ""
            return [Fault(place, "", f"{part} names no setting{hint}")]
        path = (*path, step)
        if depth < len(parts) - 1:
            data = _into(data, step)
    try:
        value = _value(model, path, source.data, text, place)
    except SourceError as error:
        return list(error.faults)
    data[path[-1]] = value
    source.values[path] = source.keys[path] = place
    return []


def _step(source: YamlSource, model: type[BaseModel], path: Path, data: Any, part: str) -> str | int | None:
    if isinstance(data, list):
        if part.isascii() and part.isdigit():
            return int(part) if int(part) < len(data) else None
        for index, entry in enumerate(data):
            name = entry.get("name") if path == ("nodes",) and isinstance(entry, dict) else None
            if name is None and isinstance(entry, dict):
                name = entry.get("id")
            if isinstance(name, str) and name.upper().replace("-", "_") == part.upper():
                return index
        return None
    key = part.lower()
    if key in known_keys(model, path, source.data):
        return key
    return _name(model, path, source.data, data, part) if part else None


def _name(model: type[BaseModel], path: Path, whole: Any, data: Any, part: str) -> str | None:
    """A key of a mapping from names, as ``wrap_up.queues``: the one that is there, else a new one."""
    if all(get_origin(kind) is not dict for kind in types_at(model, path, whole)):
        return None
    there = data if isinstance(data, dict) else {}
    return next((key for key in there if _spoken(key) == part.upper()), part.lower())


def _spoken(key: str) -> str:
    return key.upper().replace("-", "_").replace(" ", "_")


def _known(model: type[BaseModel], path: Path, data: Any) -> list[str]:
    if isinstance(data, list):
        return [str(entry.get("name") or entry.get("id")) for entry in data if isinstance(entry, dict)]
    return [key.upper() for key in known_keys(model, path)]


def _into(data: Any, step: str | int) -> Any:
    """The container at ``step``, made if it is not there."""
    there = data[step] if isinstance(step, int) else data.get(step)
    if not isinstance(there, (dict, list)):
        data[step] = {}
    return data[step]


def _value(model: type[BaseModel], path: Path, data: Any, text: str, place: Place) -> Any:
    """Text for a single value; YAML, e.g. ``[en, zh]``, where the setting is a list or a mapping."""
    kinds = types_at(model, path, data)
    if any(_is_structure(kind) for kind in kinds) and text.lstrip()[:1] in ("[", "{"):
        try:
            return read_yaml(text, str(place)).data
        except SourceError as error:
            raise SourceError([Fault(place, "", fault.message) for fault in error.faults]) from None
    return text


def _is_structure(kind: Any) -> bool:
    plain = getattr(kind, "__origin__", kind)
    return isinstance(plain, type) and issubclass(plain, (BaseModel, tuple, list, dict))
