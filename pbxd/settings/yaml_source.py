"""YAML text as plain data in which every key and value knows where it was written.

All plain scalars stay strings: ``013800138000``, ``no``, ``12:30`` and ``010`` are what they look like, and
the model that reads them decides what they mean. A value left empty is None. Keys written twice, tags and
keys that are not text are faults; all of them are reported, not only the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import VersionedResolver

Path = tuple[str | int, ...]
"""The way to a value: keys, and indices of lists, from 0."""

MOST_NODES = 500_000
"""Values one file may hold once its aliases are written out; more is a mistake or an attack."""

_STR = "tag:yaml.org,2002:str"
_PLAIN_TAGS = {_STR, "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written: a file with line and column (from 1), or just a name."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in a file, for a person to mend: ``main.yaml:14:5: nodes[0].prioritty: unknown key``."""

    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.place}: {where}{self.message}"


class SourceError(ValueError):
    """A file that cannot be used as it is. ``faults`` holds all of its mistakes, in the order of the file."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda f: (f.place.source, f.place.line, f.place.column)))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True, slots=True)
class YamlSource:
    """One file as read: ``data`` is made of dict, list, str and None; places are kept beside it by path."""

    name: str
    data: Any
    keys: dict[Path, Place]
    values: dict[Path, Place]

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Where ``path`` was written; for a path that is not in the file, where its nearest parent was."""
        if of_key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Place(self.name, 1, 1))

    def fault(self, path: Path, message: str, *, of_key: bool = False) -> Fault:
        return Fault(self.place(path, of_key=of_key), dotted(path), message)


def dotted(path: Path) -> str:
    """``nodes[0].ami.port``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_yaml(text: str | bytes, name: str) -> YamlSource:
    """The data of one YAML document. ``name`` is what faults call the file. Raises SourceError."""
    if isinstance(text, bytes):
        text = _decode(text, name)
    root = _compose(text, name)
    builder = _Builder(name)
    data = builder.build(root, (), ()) if root is not None else None
    if builder.faults:
        raise SourceError(builder.faults)
    return YamlSource(name, data, builder.keys, builder.values)


def _decode(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        place = Place(name, line, column)
        raise SourceError([Fault(place, "", f"not UTF-8: byte 0x{raw[error.start]:02x}")]) from None


class _TextOnly(VersionedResolver):
    """Resolves nothing: a plain ``no`` or ``010`` is the text that stands there."""

    @property
    def versioned_resolver(self) -> Any:
        return {}


def _compose(text: str, name: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)  # the round-trip reader gathers comments too, at twice the time
    yaml.Resolver = _TextOnly
    try:
        node: Node | None = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        message = ", ".join(str(part) for part in (error.context, error.problem) if part)
        raise SourceError([Fault(place, "", f"not YAML: {message}")]) from None
    except ReaderError as error:
        before = text[: error.position]
        place = Place(name, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
        raise SourceError([Fault(place, "", "not YAML: a control character")]) from None
    except RecursionError:
        raise SourceError([Fault(Place(name), "", "nested too deeply")]) from None
    except Exception as error:
        # The scanner lets more slip than YAMLError, e.g. OverflowError for an escape beyond Unicode; whatever
        # it is, the text is at fault, and a reload must not die of it.
        what = str(error).partition("\n")[0] or type(error).__name__
        raise SourceError([Fault(Place(name), "", f"not YAML: {what}")]) from None
    return node


class _Builder:
    """Walks the nodes once, making the data and noting every place."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[Fault] = []
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self._count = 0

    def build(self, node: Node, path: Path, inside: tuple[int, ...]) -> Any:
        place = self.values[path] = self._place(node)
        self._count += 1
        if id(node) in inside:
            return self._fault(place, path, "an alias of something it is part of")
        if self._count > MOST_NODES:
            raise SourceError([Fault(place, dotted(path), f"more than {MOST_NODES} values")])
        if str(node.tag) not in _PLAIN_TAGS:
            return self._fault(place, path, f"tags are not used here: {node.tag}")
        if isinstance(node, ScalarNode):
            return None if node.value == "" and node.style is None else str(node.value)
        if isinstance(node, SequenceNode):
            inner = (*inside, id(node))
            return [self.build(item, (*path, i), inner) for i, item in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        return self._mapping(node, path, (*inside, id(node)))

    def _mapping(self, node: MappingNode, path: Path, inside: tuple[int, ...]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, ScalarNode) or str(key_node.tag) != _STR:
                self._fault(place, path, "a key must be plain text")
                continue
            key = str(key_node.value)
            if key == "<<" and key_node.style is None:
                merged.append(value_node)
                continue
            here = (*path, key)
            if key in data:
                self._fault(place, here, f"written twice; first at line {self.keys[here].line}")
                continue
            self.keys[here] = place
            data[key] = self.build(value_node, here, inside)
        for value_node in merged:
            self._merge(value_node, data, path, inside)
        return data

    def _merge(self, node: Node, data: dict[str, Any], path: Path, inside: tuple[int, ...]) -> None:
        """``<<: *defaults``: what is written here wins over what is merged in."""
        if isinstance(node, SequenceNode):
            for item in node.value:
                self._merge(item, data, path, inside)
        elif not isinstance(node, MappingNode):
            self._fault(self._place(node), (*path, "<<"), "only a mapping can be merged in")
        elif id(node) in inside:
            self._fault(self._place(node), (*path, "<<"), "an alias of something it is part of")
        else:
            trial = _Builder(self.name)
            trial._count = self._count
            more: dict[str, Any] = trial.build(node, path, inside) or {}
            self._count = trial._count
            self.faults += trial.faults
            for key in [k for k in more if k not in data]:
                here = (*path, key)
                data[key] = more[key]
                self._adopt(trial, here)

    def _adopt(self, trial: _Builder, here: Path) -> None:
        size = len(here)
        self.keys |= {p: place for p, place in trial.keys.items() if p[:size] == here}
        self.values |= {p: place for p, place in trial.values.items() if p[:size] == here}

    def _place(self, node: Node) -> Place:
        mark = node.start_mark
        return Place(self.name, mark.line + 1, mark.column + 1)

    def _fault(self, place: Place, path: Path, message: str) -> None:
        self.faults.append(Fault(place, dotted(path), message))
