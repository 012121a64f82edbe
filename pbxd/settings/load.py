"""From the settings file and the PBXD_* variables to Settings, or to every fault at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pbxd.settings.environment import overridden
from pbxd.settings.located import did_you_mean, located
from pbxd.settings.model import Settings, split_device
from pbxd.settings.yaml_source import Fault, Place, SourceError, YamlSource, read_yaml


def load_settings(path: Path | str, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in the file at ``path``, overridden by ``environ`` (by default this process's).

    Raises SourceError, which names every fault with file, line and column.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        fault = Fault(Place(str(path)), "", f"cannot be read: {error.strerror}")
        raise SourceError([fault]) from None
    return parse_settings(raw, str(path), path.parent.absolute(), environ)


def parse_settings(
    text: str | bytes, name: str, folder: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """As load_settings, from text. Relative paths are meant from ``folder``."""
    source = read_yaml(text, name)
    if source.data is None or isinstance(source.data, dict):
        source, faults = overridden(source, Settings, os.environ if environ is None else environ)
    else:
        raise SourceError([source.fault((), "must be a mapping: nodes:, agents:, …")])
    faults += _twice(source)
    try:
        settings = Settings.model_validate(source.data, context={"folder": folder})
    except ValidationError as error:
        raise SourceError(faults + located(error, source, Settings)) from None
    if faults:
        raise SourceError(faults)
    return settings


# ------------------------------------------------- rules between entries, read from the raw data, so that
# they are told together with the faults of single values, and at the entry that breaks them


def _twice(source: YamlSource) -> list[Fault]:
    faults = [*_repeated(source, "nodes", "name"), *_repeated(source, "agents", "id")]
    faults += [*_repeated(source, "web.tokens", "name"), *_unknown_agents(source)]
    return faults + list(_shared_devices(source)) + list(_unknown_nodes(source))


def _entries(source: YamlSource, section: str) -> Iterator[tuple[int, dict[str, Any]]]:
    entries: Any = source.data
    for key in section.split("."):
        entries = entries.get(key) if isinstance(entries, dict) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield index, entry


def _repeated(source: YamlSource, section: str, key: str) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, entry in _entries(source, section):
        name = entry.get(key)
        if not isinstance(name, str):
            continue
        earlier = first.setdefault(name.lower(), index)
        if earlier != index:
            where = source.place((*section.split("."), earlier, key))
            yield source.fault((*section.split("."), index, key), f"{name!r} is used already at {where}")


def _devices(source: YamlSource) -> Iterator[tuple[int, tuple[str | int, ...], str | None, str]]:
    for index, entry in _entries(source, "agents"):
        listed = entry.get("interfaces")
        for at, text in enumerate(listed if isinstance(listed, list) else [listed]):
            if isinstance(text, str):
                path: tuple[str | int, ...] = ("agents", index, "interfaces")
                yield index, (*path, at) if isinstance(listed, list) else path, *split_device(text)


def _shared_devices(source: YamlSource) -> Iterator[Fault]:
    """On one node a device has one agent: else a pop could not know whose screen to open on."""
    owners: dict[str, list[tuple[int, tuple[str | int, ...], str | None]]] = {}
    for agent, path, node, device in _devices(source):
        others = owners.setdefault(device.lower(), [])
        for _, earlier_path, earlier_node in others:
            if node is None or earlier_node is None or node == earlier_node:
                where = source.place(earlier_path)
                yield source.fault(path, f"{device!r} belongs to an agent already at {where}")
                break
        others.append((agent, path, node))


def _unknown_nodes(source: YamlSource) -> Iterator[Fault]:
    known = [str(entry.get("name")) for _, entry in _entries(source, "nodes")]
    for _, path, node, _device in _devices(source):
        if node is not None and node not in known:
            yield source.fault(path, f"there is no node {node!r}; nodes are {', '.join(known) or 'none'}")


def _unknown_agents(source: YamlSource) -> Iterator[Fault]:
    """A permission for an agent who is nobody would do nothing, and nobody would know why."""
    known = {entry["id"] for _, entry in _entries(source, "agents") if isinstance(entry.get("id"), str)}
    listings: list[tuple[tuple[str | int, ...], Any]] = [
        (("web", "tokens", index, "agents"), entry.get("agents"))
        for index, entry in _entries(source, "web.tokens")
    ]
    mqtt = source.data.get("mqtt") if isinstance(source.data, dict) else None
    if isinstance(mqtt, dict):
        listings.append((("mqtt", "command_agents"), mqtt.get("command_agents")))
    for path, listed in listings:
        for at, name in enumerate(listed if isinstance(listed, list) else [listed]):
            if isinstance(name, str) and name != "all" and name not in known:
                hint = did_you_mean(name, sorted(known))
                yield source.fault(
                    (*path, at) if isinstance(listed, list) else path, f"no agent {name!r}{hint}"
                )
