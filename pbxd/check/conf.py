"""Asterisk's .conf files as Asterisk reads them, through pyst2's parser.

pyst2 reads plain categories and ``name = value``. What it does not know is prepared for it here: templates
``[x](!)`` and ``[y](x)``, additions ``[x](+)``, ``#include`` and ``#tryinclude`` with wildcards, block
comments, ``+=``, escaped semicolons, files that are not UTF-8. ``#exec`` is never executed; it is reported.
"""

from __future__ import annotations

import glob
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asterisk.config import Config

from pbxd.check.conf_lines import significant_lines
from pbxd.check.findings import Finding, error, note, warning
from pbxd.settings.yaml_source import Place

DEEPEST = 10
"""Files that may include one another; Asterisk's own limit."""

# pyst2 cuts lines at semicolons and takes a first [ for a category; these characters stand in for them.
_SEMICOLON = "\ue03b"
_ITEM = "\ue001"


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    value: str
    place: Place


@dataclass(slots=True)
class Category:
    """One ``[name]`` with everything it inherits."""

    name: str
    place: Place
    template: bool = False
    variables: list[Variable] = field(default_factory=list)

    def all(self, name: str) -> list[Variable]:
        return [v for v in self.variables if v.name.lower() == name.lower()]

    def last(self, name: str) -> Variable | None:
        """The one that counts where only one can."""
        found = self.all(name)
        return found[-1] if found else None

    def value(self, name: str, default: str = "") -> str:
        found = self.last(name)
        return found.value if found else default


@dataclass(slots=True)
class Conf:
    """One file with all that it includes. Templates are not listed; they live on in what inherits them."""

    path: Path
    exists: bool
    categories: list[Category]
    findings: list[Finding]
    readable: bool = True  #: False where this user may not read all of it

    def category(self, name: str) -> Category | None:
        return next((c for c in self.categories if c.name.lower() == name.lower()), None)

    def named(self, name: str) -> list[Category]:
        return [c for c in self.categories if c.name.lower() == name.lower()]

    @property
    def place(self) -> Place:
        return Place(str(self.path))


def read_conf(folder: Path, name: str) -> Conf:
    """The file ``name`` in Asterisk's configuration folder ``folder``."""
    reader = _Reader(folder)
    path = folder / name
    exists = reader.include(path)
    plain = _Prepared(list(_flatten(reader.categories)))
    categories = [
        Category(
            name=found.name.replace(_SEMICOLON, ";"),
            place=plain.origins[found.number - 1],
            variables=[
                Variable(
                    item.name.removeprefix(_ITEM).replace(_SEMICOLON, ";"),
                    item.value.replace(_SEMICOLON, ";"),
                    plain.origins[item.number - 1],
                )
                for item in found.items
            ],
        )
        for found in plain.categories
    ]
    return Conf(path, exists, categories, reader.findings, not reader.unreadable)


def _flatten(categories: list[Category]) -> Iterator[tuple[str, Place]]:
    for category in categories:
        if not category.template:
            yield f"[{category.name.replace(';', _SEMICOLON)}]", category.place
            for v in category.variables:
                text = f"{_ITEM}{v.name}=>{v.value}".replace(";", _SEMICOLON)
                yield text, v.place


class _Prepared(Config):  # type: ignore[misc]  # pyst2 has no types
    """pyst2's parser over lines instead of a file."""

    def __init__(self, lines: list[tuple[str, Place]]) -> None:
        self._lines = lines
        self.origins = [place for _, place in lines]
        super().__init__("")

    def load(self) -> None:
        self.raw_lines = [line for line, _ in self._lines]


_HEADER = re.compile(r"\[([^\]]*)\](?:\(([^)]*)(\)?))?")
_DIRECTIVE = re.compile(r"#(\S+)\s*(.*)")


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.categories: list[Category] = []
        self.findings: list[Finding] = []
        self.current: Category | None = None
        self.unreadable = False
        self._inside: list[Path] = []
        self._refused: set[str] = set()

    def include(self, path: Path) -> bool:
        """Read ``path``; False if there is no such file."""
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                return False
            text = path.read_bytes().decode("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as fault:
            self.unreadable = True
            self.findings.append(note(Place(str(path)), f"not checked: {fault.strerror}"))
            return True
        self._inside.append(path)
        here = self.current
        for number, line, wrong in significant_lines(text):
            place = Place(str(path), number)
            if wrong:
                self._doubt(place, wrong)
            elif line.startswith("["):
                here = self.current = self._header(line, place, here)
            elif line.startswith("#"):
                self._directive(line, place)
            else:
                self._variable(line, place, here)
        self._inside.pop()
        return True

    def _refuse(self, place: Place, why: str) -> None:
        """Asterisk reads no further here; what it would say of the rest of the file is not worth telling."""
        if place.source not in self._refused:
            self._refused.add(place.source)
            self.findings.append(error(place, f"{why}: Asterisk refuses the whole file"))

    def _doubt(self, place: Place, what: str) -> None:
        if place.source not in self._refused:
            self.findings.append(warning(place, what))

    def _header(self, line: str, place: Place, before: Category | None) -> Category | None:
        match = _HEADER.match(line)
        if match is None or (match[2] is not None and not match[3]):
            self._refuse(place, f"'{']' if match is None else ')'}' is missing")
            return before
        name, options = match[1], [o.strip() for o in (match[2] or "").split(",") if o.strip()]
        if any(option.startswith("+") for option in options):
            category = self._find(name)
            if category is None:
                self._refuse(place, f"[{name}](+) adds to a category that is not there")
                category = Category(name, place)
        else:
            category = Category(name, place)
            self.categories.append(category)
        for option in options:
            if option == "!":
                category.template = True
            elif not option.startswith("+"):
                self._inherit(category, option, place)
        return category

    def _inherit(self, category: Category, name: str, place: Place) -> None:
        source = self._find(name)
        if source is None or source is category:
            self._refuse(place, f"[{category.name}] inherits from {name}, which is not there")
            return
        category.variables += source.variables

    def _find(self, name: str) -> Category | None:
        exact = (c for c in self.categories if c.name == name)
        loose = (c for c in self.categories if c.name.lower() == name.lower())
        return next(exact, None) or next(loose, None)

    def _directive(self, line: str, place: Place) -> None:
        match = _DIRECTIVE.fullmatch(line)
        word = match[1].lower() if match else ""
        if match is None or word not in ("include", "tryinclude", "exec"):
            self._doubt(place, f"Asterisk does not know {line.split()[0]}")
            return
        name = match[2].strip()
        if len(name) > 1 and (name[0] + name[-1]) in ('""', "<>"):
            name = name[1:-1]
        if not name:
            self._doubt(place, f"#{word} names no file")
        elif word == "exec":
            self.findings.append(note(place, f"#exec {name}: not executed, so what it writes is not checked"))
        else:
            self._include_all(name, word == "tryinclude", place)

    def _include_all(self, pattern: str, may_be_absent: bool, place: Place) -> None:
        paths = [Path(p) for p in sorted(glob.glob(str(self.folder / pattern)))]
        if len(self._inside) >= DEEPEST or any(path in self._inside for path in paths):
            self._refuse(place, f"{pattern} is included by itself")
            return
        found = [self.include(path) for path in paths]
        if not any(found) and not may_be_absent:
            self._refuse(place, f"#include {pattern}: there is no such file")

    def _variable(self, line: str, place: Place, category: Category | None) -> None:
        line = line[1:] if line.startswith("\\") else line
        name, equals, value = line.partition("=")
        if not equals:
            self._doubt(place, "no '=': Asterisk ignores this line")
            return
        if category is None:
            self._refuse(place, "no [category] above")
            return
        if name.endswith("+"):
            self._append(category, name[:-1].strip(), value, place)
            return
        category.variables.append(Variable(name.strip(), value.removeprefix(">").strip(), place))

    def _append(self, category: Category, name: str, value: str, place: Place) -> None:
        """``name += value`` lengthens the last variable of that name, the inherited one too."""
        for index in reversed(range(len(category.variables))):
            old = category.variables[index]
            if old.name == name:
                category.variables[index] = Variable(name, (old.value + value).strip(), place)
                return
        category.variables.append(Variable(name, value.strip(), place))
