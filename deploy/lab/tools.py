"""Programs that the laboratory runs: the installed one if there is one, else one unpacked in a folder."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.lab.unpack import CACHE, OWN, UnpackError, library_folders, locked, unpacked

#: Debian's suite with the newest Asterisk of long support (22), and the one with the oldest pbxd serves (16).
FORKY = "forky"
BULLSEYE = "bullseye"
INSTALLED = "installed"

_OLDEST_ASTERISK = 16
_INSTALL_S = 900.0
_SYSTEM_PATHS = ("/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/games")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """How to start a program: ``[*tool.argv, *arguments]`` with ``env={**os.environ, **tool.env}``."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None  #: the folder it was unpacked in; None for an installed one

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.env}

    def run(self, *arguments: str, timeout_s: float = 60.0) -> str:
        """Run it to its end and return what it printed; CalledProcessError when it fails."""
        done = subprocess.run(
            [*self.argv, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=True,
        )
        return done.stdout.decode(errors="replace")


def tool(
    program: str,
    packages: Sequence[str] = (),
    *,
    suite: str = FORKY,
    installed: bool = True,
    inside: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> Tool:
    """The program from PATH, else from Debian packages (default: one of its name), unpacked in ``.cache``.

    ``suite`` is a Debian suite, whose program runs under its own loader and libraries, or ``own``: the
    machine's own release, whose program runs directly (needed by programs that start others of their kind).
    ``inside`` says where in the folder the program lies, as a glob, if it is not in bin or sbin.
    Raises UnpackError and NoArchiveError.
    """
    if installed:
        path = _on_path(program)
        if path is not None:
            return Tool(argv=(path,))
    packages = tuple(packages) or (program,)
    folder = CACHE / "tools" / suite / packages[0]
    root = unpacked(packages, suite=suite, into=folder, say=say)
    return Tool(
        argv=_argv(root, _program_in(root, program, inside), suite),
        env=_environment(root, suite),
        root=root,
    )


def _on_path(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(_SYSTEM_PATHS))


def espeak(*, installed: bool = True) -> Tool:
    """The speech synthesiser that renders prompts when there is no recording: ``espeak-ng``."""
    found = tool("espeak-ng", installed=installed)
    if found.root is None:
        return found
    data = next(found.root.glob("usr/lib/*/espeak-ng-data"), None)
    if data is None:
        raise UnpackError(f"no espeak-ng-data in {found.root}")
    return Tool(argv=found.argv, env={**found.env, "ESPEAK_DATA_PATH": str(data.parent)}, root=found.root)


def sipp() -> Tool:
    """SIPp, for load and for malformed SIP."""
    return tool("sipp", ["sip-tester"])


def mosquitto() -> Tool:
    """The Mosquitto broker."""
    return tool("mosquitto", ["mosquitto"])


def promtool() -> Tool:
    """Prometheus's checker of metrics and rules."""
    return tool("promtool", ["prometheus"])


def prometheus() -> Tool:
    """Prometheus itself."""
    return tool("prometheus", ["prometheus"])


def chromium() -> Tool:
    """A browser without windows, which takes a third of the processor that one with windows takes; else any.

    The installed one, else Debian's installed now (as root), else unpacked.
    """
    shell = "chromium-headless-shell"
    if _on_path(shell) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        CACHE.mkdir(exist_ok=True)
        with locked(CACHE / ".chromium.lock"):
            _install(shell)
    for name in (shell, "chromium", "chromium-browser", "google-chrome"):
        if path := _on_path(name):
            return Tool(argv=(path,))
    return tool(shell, [shell, "fonts-dejavu-core"], suite=OWN, inside="usr/lib/chromium")


def _install(package: str) -> None:
    """With this machine's own package manager, as root. What it cannot do is found out by looking for it."""
    if _on_path(package):
        return
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=600", "-qq"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with contextlib.suppress(subprocess.SubprocessError):
        for step in (["update"], ["install", "-y", "--no-install-recommends", package]):
            subprocess.run(
                [*apt, *step], env=environment, capture_output=True, check=True, timeout=_INSTALL_S
            )


def postgres() -> Tool:
    """PostgreSQL's server; ``initdb`` lies beside it."""
    inside = "usr/lib/postgresql/*/bin"
    installed = sorted(Path("/").glob(f"{inside}/postgres"))
    if installed:
        return Tool(argv=(str(installed[-1]),))
    return tool("postgres", ["postgresql"], suite=OWN, installed=False, inside=inside)


def _program_in(root: Path, program: str, inside: str) -> Path:
    for pattern in (inside, "usr/bin", "usr/sbin", "bin", "sbin", "usr/games"):
        for folder in sorted(root.glob(pattern)) if pattern else ():
            if (folder / program).is_file():
                return folder / program
    raise UnpackError(f"{program} is not in {root}: is its package installed already, or the wrong one?")


def _argv(root: Path, path: Path, suite: str) -> tuple[str, ...]:
    if suite == OWN:
        return (str(path),)
    loader = next(
        (
            file
            for pattern in ("usr/lib/*/ld-linux*.so.*", "lib/*/ld-linux*.so.*", "usr/lib*/ld-linux*.so.*")
            for file in sorted(root.glob(pattern))
            # Absolute links (/lib64/ld-…) point out of the folder, to the machine's own loader.
            if not (file.is_symlink() and os.readlink(file).startswith("/"))
        ),
        None,
    )
    if loader is None:
        raise UnpackError(f"no program loader in {root}")
    libraries = os.pathsep.join(str(folder) for folder in library_folders(root))
    return (str(loader), "--library-path", libraries, str(path))


def _environment(root: Path, suite: str) -> dict[str, str]:
    if suite != OWN:
        return {}
    return {"LD_LIBRARY_PATH": os.pathsep.join(str(folder) for folder in library_folders(root))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asterisk:
    """An Asterisk that can be started: its program and where its modules and sounds are."""

    program: Tool
    version: str  #: e.g. 22.10.1
    modules: Path
    data: Path  #: astdatadir: sounds, music, documentation
    suite: str  #: forky, bullseye, own or installed

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


def asterisk(suite: str | None = None, *, say: Callable[[str], None] = lambda _: None) -> Asterisk:
    """An Asterisk of a Debian suite, the ``installed`` one, the distribution's ``own``, or (None) any.

    None takes an installed one of version 16 or later, else unpacks 22 from Debian's forky.
    Raises UnpackError and NoArchiveError.
    """
    if suite in (None, INSTALLED):
        found = _installed_asterisk()
        if found is not None and found.major >= _OLDEST_ASTERISK:
            return found
        if suite == INSTALLED:
            has = f"the installed one is {found.version}" if found else "none is installed"
            raise UnpackError(f"Asterisk {_OLDEST_ASTERISK} or later is needed, {has}")
        suite = FORKY
    return _unpacked_asterisk(suite, say)


def _installed_asterisk() -> Asterisk | None:
    path = _on_path("asterisk")
    if path is None:
        return None
    program = Tool(argv=(path,))
    modules = [*Path("/usr/lib").glob("*/asterisk/modules"), Path("/usr/lib64/asterisk/modules")]
    modules += [Path("/usr/lib/asterisk/modules"), Path("/usr/local/lib/asterisk/modules")]
    data = [Path("/usr/share/asterisk"), Path("/var/lib/asterisk")]
    return Asterisk(
        program=program,
        version=_version(program),
        modules=next((folder for folder in modules if folder.is_dir()), modules[0]),
        data=next((folder for folder in data if (folder / "sounds").is_dir()), data[0]),
        suite=INSTALLED,
    )


def _unpacked_asterisk(suite: str, say: Callable[[str], None]) -> Asterisk:
    packages = ["asterisk", "asterisk-core-sounds-en-wav", "asterisk-moh-opsound-wav"]
    root = unpacked(packages, suite=suite, into=CACHE / "asterisk" / suite, finish=_finish_asterisk, say=say)
    program = Tool(
        argv=_argv(root, _program_in(root, "asterisk", "usr/sbin"), suite),
        env=_environment(root, suite),
        root=root,
    )
    modules = next(
        iter([*root.glob("usr/lib/*/asterisk/modules"), *root.glob("usr/lib/asterisk/modules")]), None
    )
    if modules is None:
        raise UnpackError(f"no Asterisk modules in {root}")
    return Asterisk(
        program=program,
        version=_version(program),
        modules=modules,
        data=root / "usr/share/asterisk",
        suite=suite,
    )


def _finish_asterisk(root: Path) -> None:
    """What the packages' install scripts do: without the sounds link every English prompt is missing."""
    sounds = root / "usr/share/asterisk/sounds"
    english = sounds / "en"
    if english.exists() or english.is_symlink():
        return
    voices = sorted(folder for folder in sounds.glob("en_*") if folder.is_dir())
    if not voices:
        raise UnpackError(f"no English prompts in {sounds}")
    english.symlink_to(voices[0].name)


def _version(program: Tool) -> str:
    printed = program.run("-V")
    match = re.search(r"Asterisk (\d+(?:\.\d+)*)", printed)
    if match is None:
        raise UnpackError(f"{program.argv[-1]} -V says {printed.strip()[:80]!r}, which is no version")
    return match[1]
