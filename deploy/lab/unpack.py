"""Debian packages unpacked in a folder, without root: private apt directories, signatures checked by apt."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.lab.archive import Source, debian_archive

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache"

#: The suite name that means: this machine's own sources, on top of what it has installed.
OWN = "own"

_STAMP = ".unpacked.json"
_LISTS_AGE_S = 24 * 3600.0  #: how long a fetched package list is used before it is fetched again
_TIMEOUT_S = 900.0


class UnpackError(Exception):
    """The packages could not be fetched or unpacked; the text says which step, and apt's own words."""


class UnreachableError(UnpackError):
    """This machine has no apt, or apt cannot fetch the packages from here."""


def unpacked(
    packages: Sequence[str],
    *,
    suite: str,
    into: Path,
    finish: Callable[[Path], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """The folder ``into`` with these packages and all they need unpacked in it; made if it is not there yet.

    Repeatable and safe to call from several processes at once: a half-made folder never carries the final
    name. ``finish(folder)`` does what the packages' install scripts would have done.
    Raises UnpackError and NoArchiveError.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    with locked(into.parent / f".{into.name}.lock"):
        if _wanted(into, packages):
            return into
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise UnreachableError(
                    f"{tool} is missing: unpacking {packages[0]} needs apt (Debian and relatives); "
                    f"install {packages[0]} with this system's own means instead"
                )
        _sweep(into)
        work = Path(tempfile.mkdtemp(prefix=f".{into.name}.partial-", dir=into.parent))
        try:
            say(f"fetching {', '.join(packages)} ({suite})")
            debs = _Apt(suite).download(packages, work / "debs")
            say(f"unpacking {len(debs)} packages")
            root = work / "root"
            root.mkdir()
            for deb in debs:
                _run(["dpkg-deb", "-x", str(deb), str(root)])
            _link_libraries(root)
            if finish is not None:
                finish(root)
            stamp = {"suite": suite, "packages": list(packages), "debs": sorted(deb.name for deb in debs)}
            (root / _STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
            if into.exists():
                shutil.rmtree(into)
            root.rename(into)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return into


def library_folders(root: Path) -> list[Path]:
    """Where an unpacked folder keeps its libraries, with the private ones that programs find by an rpath."""
    folders = [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")]
    folders += [root / "usr/lib", root / "lib"]
    folders = [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]
    private = {library.parent for folder in folders for library in folder.glob("*/lib*.so*")}
    return folders + sorted(private - set(folders) - {folder / "gconv" for folder in folders})


def _link_libraries(root: Path) -> None:
    """Links from the names that programs ask for to the files, where a package leaves that to ldconfig."""
    ldconfig = shutil.which("ldconfig") or shutil.which("ldconfig", path="/sbin:/usr/sbin")
    if ldconfig is not None:
        _run([ldconfig, "-n", *map(str, library_folders(root))])


def _wanted(folder: Path, packages: Sequence[str]) -> bool:
    """Whether the folder was unpacked to its end and holds what is asked for."""
    try:
        stamp = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
        return set(packages) <= set(stamp["packages"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sweep(into: Path) -> None:
    """Remove what a killed run left; the lock is held, so nobody works there."""
    for left in into.parent.glob(f".{into.name}.partial-*"):
        shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``file``; it goes with the process, however that ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class _Apt:
    """apt-get with directories of its own, for one suite."""

    suite: str

    def download(self, packages: Sequence[str], to: Path) -> list[Path]:
        """Fetch the packages and what they need; their .deb files."""
        (to / "partial").mkdir(parents=True)
        with locked(CACHE / "apt" / f".{self.suite}.lock"):
            home = self._home()
            command = [
                *self._apt(home),
                *("-o", f"Dir::Cache::Archives={to}"),
                *("install", "--download-only", "-y", "--no-install-recommends", *packages),
            ]
            fresh = self._update(home)
            try:
                _run(command)
            except UnpackError:
                # A list that is some hours old may name packages that the archive has replaced since.
                if fresh:
                    raise
                self._update(home, force=True)
                _run(command)
        debs = sorted(to.glob("*.deb"))
        if not debs and self.suite != OWN:
            raise UnpackError(f"apt fetched nothing for {', '.join(packages)} from {self.suite}")
        return debs

    def _home(self) -> Path:
        home = CACHE / "apt" / self.suite
        for folder in ("lists/partial", "cache"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        (home / "status").touch()
        return home

    def _apt(self, home: Path) -> list[str]:
        settings = {
            "Dir::State::Lists": home / "lists",
            "Dir::Cache": home / "cache",
            "APT::Install-Recommends": "false",
            "APT::Get::List-Cleanup": "true",
            "Acquire::Languages": "none",
            "Acquire::Retries": 3,
            "Debug::NoLocking": 1,
        }
        if self.suite != OWN:
            settings |= {
                # An empty status file: nothing counts as installed, so every library comes along and the
                # folder's own loader finds a complete set.
                "Dir::State::status": home / "status",
                "Dir::Etc::SourceList": home / "sources.list",
                "Dir::Etc::SourceParts": "/dev/null",
                "Dir::Etc::Preferences": "/dev/null",
                "Dir::Etc::PreferencesParts": "/dev/null",
            }
        command = ["apt-get", "-q"]
        for key, value in settings.items():
            command += ["-o", f"{key}={value}"]
        return command

    def _update(self, home: Path, force: bool = False) -> bool:
        """Fetch the package lists unless they are recent; whether they were fetched now."""
        done = home / "updated"
        if not force and done.exists() and 0 <= time.time() - done.stat().st_mtime < _LISTS_AGE_S:
            return False
        if self.suite == OWN:
            _run([*self._apt(home), "update"])
        else:
            self._update_from_archive(home)
        done.touch()
        return True

    def _update_from_archive(self, home: Path) -> None:
        archive = debian_archive()
        addresses = [archive.uri]
        if archive.uri.endswith("/debian"):
            # An old release moves from the archive to the archive of archives, which mirrors keep beside it.
            addresses.append(archive.uri.removesuffix("/debian") + "/debian-archive/debian")
        failures = []
        for address in addresses:
            (home / "sources.list").write_text(_source_line(archive, address, self.suite), encoding="utf-8")
            try:
                _run([*self._apt(home), "-o", "APT::Update::Error-Mode=any", "update"])
            except UnpackError as failure:
                failures.append(str(failure))
                continue
            if list((home / "lists").glob("*_Packages*")):
                return
            failures.append(f"{address} has no packages of {self.suite}")
        raise UnreachableError("\n".join(failures))


def _source_line(archive: Source, address: str, suite: str) -> str:
    options = f"[signed-by={archive.signed_by}] " if archive.signed_by else ""
    return f"deb {options}{address} {suite} main\n"


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
            env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"{command[0]} did not end within {_TIMEOUT_S:.0f} s") from None
    if done.returncode:
        said = [
            line for line in done.stdout.decode(errors="replace").splitlines() if line[:2] in ("E:", "W:")
        ]
        tail = "\n".join(said[-6:]) or done.stdout.decode(errors="replace")[-600:]
        kind = UnreachableError if command[0] == "apt-get" else UnpackError
        raise kind(f"{command[0]} {command[-1]} failed ({done.returncode}):\n{tail}")
