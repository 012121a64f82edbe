"""The Debian archive is the one that this machine's apt sources name, in whichever style they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.lab.archive import ADDRESS_VARIABLE, NoArchiveError, debian_archive, machine_sources

DEBIAN = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
UBUNTU = {"ID": "ubuntu", "VERSION_CODENAME": "noble"}


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)


def etc_apt(folder: Path, **files: str) -> Path:
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        path = folder / name if name == "sources.list" else folder / "sources.list.d" / name
        path.write_text(text)
    return folder


def test_one_line_style(tmp_path: Path) -> None:
    text = """# deb http://commented.example/debian bookworm main
deb-src http://src.example/debian bookworm main
deb [arch=amd64 signed-by=/none.gpg] http://security.example/debian-security bookworm-security main
deb [ signed-by=/none.gpg ] http://mirror.example/debian/ bookworm main contrib # ours
"""
    etc = etc_apt(tmp_path, **{"sources.list": text})
    assert debian_archive(etc, DEBIAN).uri == "http://mirror.example/debian"


def test_deb822_style(tmp_path: Path) -> None:
    text = """Types: deb
# a comment between the fields
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
URIs: https://proxy.example/repository/deb-remote
Suites: bookworm
 bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY865UxYJKwYBBAHaRw8BAQdA
 -----END PGP PUBLIC KEY BLOCK-----
"""
    etc = etc_apt(tmp_path, **{"debian.sources": text})
    archive = debian_archive(etc, DEBIAN)
    assert archive.uri == "https://proxy.example/repository/deb-remote"
    assert archive.components == ("main",)
    # A key inside the file cannot be handed on; Debian's own keyring, or apt's trust, decides.
    assert archive.signed_by in ("", "/usr/share/keyrings/debian-archive-keyring.gpg")


def test_a_named_keyring_is_kept(tmp_path: Path) -> None:
    keyring = tmp_path / "corporate.gpg"
    keyring.touch()
    line = f"deb [signed-by={keyring}] http://mirror.example/debian bookworm main\n"
    etc = etc_apt(tmp_path, **{"site.list": line})
    assert debian_archive(etc, DEBIAN).signed_by == str(keyring)


def test_a_relative_of_debian_without_its_archive_is_told_what_to_do(tmp_path: Path) -> None:
    etc = etc_apt(
        tmp_path,
        **{"ubuntu.sources": "Types: deb\nURIs: http://a.example/ubuntu\nSuites: noble\nComponents: main\n"},
    )
    with pytest.raises(NoArchiveError, match=f"install Asterisk 16 or later.*{ADDRESS_VARIABLE}"):
        debian_archive(etc, UBUNTU)


def test_a_relative_of_debian_with_its_archive_beside_it(tmp_path: Path) -> None:
    lines = "deb http://a.example/ubuntu noble main\ndeb http://b.example/debian trixie main\n"
    etc = etc_apt(tmp_path, **{"sources.list": lines})
    assert debian_archive(etc, UBUNTU).uri == "http://b.example/debian"


def test_the_variable_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS_VARIABLE, "http://named.example/debian/")
    assert debian_archive(etc_apt(tmp_path), UBUNTU).uri == "http://named.example/debian"


def test_discs_and_unreadable_files_are_passed_over(tmp_path: Path) -> None:
    etc = etc_apt(
        tmp_path,
        **{
            "sources.list": "deb cdrom:[Debian]/ bookworm main\n",
            "broken.sources": "\x00\xff: no\n\n\n deb\n:",
            "notes.txt": "deb http://notes.example/debian bookworm main\n",
        },
    )
    assert [source.uri for source in machine_sources(etc)] == ["cdrom:[Debian]/"]
    with pytest.raises(NoArchiveError):
        debian_archive(etc, DEBIAN)
