"""Packages in a folder: repeatable, safe for two at once, and never from an archive that nobody signed."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.lab import unpack
from deploy.lab.archive import ADDRESS_VARIABLE
from deploy.lab.unpack import UnpackError, unpacked

missing = [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)} on this machine")


def deb(folder: Path, name: str) -> Path:
    """A package with one file."""
    tree = folder / name
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n"
        "Description: a test\n"
    )
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin" / name).write_text("#!/bin/sh\n")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-b", str(tree), str(folder)], check=True, capture_output=True
    )
    return folder / f"{name}_1_all.deb"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive on disc with package hello-lab, which nobody has signed."""
    pool = tmp_path / "archive"
    lists = pool / "dists/testing/main/binary-amd64"
    lists.mkdir(parents=True)
    package = deb(tmp_path, "hello-lab")
    (pool / "pool").mkdir()
    target = pool / "pool" / package.name
    package.rename(target)
    control = (tmp_path / "hello-lab/DEBIAN/control").read_text()
    (lists / "Packages").write_text(f"{control}Filename: pool/{target.name}\nSize: {target.stat().st_size}\n")
    (pool / "dists/testing/Release").write_text("Suite: testing\nCodename: testing\nComponents: main\n")
    monkeypatch.setenv(ADDRESS_VARIABLE, f"file:{pool}")
    monkeypatch.setattr(unpack, "CACHE", tmp_path / "cache")
    return pool


def test_an_unsigned_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(UnpackError, match=r"not signed|no longer signed|does not have a Release|NO_PUBKEY"):
        unpacked(["hello-lab"], suite="testing", into=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out.partial-*"))


class Recorded:
    """apt-get's place taken by packages made here; how often it was asked."""

    def __init__(self, tmp_path: Path) -> None:
        self.package = deb(tmp_path, "hello-lab")
        self.asked = 0

    def download(self, packages: list[str], to: Path) -> list[Path]:
        self.asked += 1
        to.mkdir(parents=True)
        return [Path(shutil.copy(self.package, to))]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    source = Recorded(tmp_path)
    monkeypatch.setattr(unpack, "_Apt", lambda suite: source)
    return source


def test_unpacked_once_however_often_it_is_asked_for(recorded: Recorded, tmp_path: Path) -> None:
    into = tmp_path / "cache/hello"
    with ThreadPoolExecutor(4) as crowd:
        roots = list(crowd.map(lambda _: unpacked(["hello-lab"], suite="testing", into=into), range(4)))
    assert set(roots) == {into}
    assert (into / "usr/bin/hello-lab").exists()
    assert recorded.asked == 1


def test_a_half_finished_folder_is_done_again(recorded: Recorded, tmp_path: Path) -> None:
    into = tmp_path / "cache/hello"
    (into / "usr").mkdir(parents=True)
    (into.parent / ".hello.partial-abc").mkdir()
    unpacked(["hello-lab"], suite="testing", into=into)
    assert (into / "usr/bin/hello-lab").exists()
    assert json.loads((into / ".unpacked.json").read_text())["packages"] == ["hello-lab"]
    assert not list(into.parent.glob(".hello.partial-*"))


def test_a_failing_last_step_leaves_nothing(recorded: Recorded, tmp_path: Path) -> None:
    def finish(_: Path) -> None:
        raise UnpackError("no prompts")

    into = tmp_path / "cache/hello"
    with pytest.raises(UnpackError, match="no prompts"):
        unpacked(["hello-lab"], suite="testing", into=into, finish=finish)
    assert not into.exists()
    assert [path.name for path in into.parent.iterdir()] == [".hello.lock"]


def test_more_packages_than_before_are_fetched(recorded: Recorded, tmp_path: Path) -> None:
    into = tmp_path / "cache/hello"
    unpacked(["hello-lab"], suite="testing", into=into)
    unpacked(["hello-lab", "another"], suite="testing", into=into)
    assert recorded.asked == 2


def test_without_apt_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnpackError, match=r"needs apt.*install asterisk with this system's own means"):
        unpacked(["asterisk"], suite="forky", into=tmp_path / "out")
