"""The Python functions that script steps name: are they there? Read, never executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from pbxd.check.findings import Finding, error
from pbxd.edge.flow_files.load import FlowFile
from pbxd.ivr.flow import Script
from pbxd.settings.yaml_source import Place

ANY = "*"


def check_scripts(flows: Mapping[str, FlowFile], folder: Path) -> Iterator[Finding]:
    """Script steps whose file, or whose function in it, cannot be found."""
    broken: set[Path] = set()
    for file in flows.values():
        for name, step in file.flow.steps.items():
            if not isinstance(step, Script):
                continue
            place = file.source.place(("steps", name, "function"))
            module, _, function = step.function.partition(":")
            path = folder.joinpath(*module.split(".")).with_suffix(".py")
            try:
                names = top_level_names(path.read_bytes())
            except OSError:
                yield error(place, f"there is no file {path} for {step.function}")
            except (SyntaxError, ValueError) as fault:
                if path not in broken:
                    broken.add(path)
                    line = getattr(fault, "lineno", 0) or 0
                    yield error(Place(str(path), line), f"not Python: {getattr(fault, 'msg', fault)}")
            else:
                if function not in names and ANY not in names:
                    yield error(place, f"{path} has no function {function}")


def top_level_names(source: bytes) -> set[str]:
    """What a module defines at its top, also within ``if`` and ``try``; ``*`` if it imports everything."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(ast.parse(source).body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.AsyncFunctionDef():
                pass  # a coroutine is not what a script step can call
            case _:
                waiting.extend(ast.iter_child_nodes(node))
    return names
