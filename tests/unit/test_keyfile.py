"""The key that signs sign-ins outlives restarts and is for nobody else's eyes."""

import stat
from pathlib import Path

import pytest

from pbxd.edge.keyfile import KEY_BYTES, read_or_make_key


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "session.key"
    key = read_or_make_key(path)
    assert len(key) == KEY_BYTES
    assert read_or_make_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_places_have_two_keys(tmp_path: Path) -> None:
    assert read_or_make_key(tmp_path / "a") != read_or_make_key(tmp_path / "b")


def test_a_file_too_short_for_a_key_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "session.key"
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match=r"session_key_file: .*session\.key"):
        read_or_make_key(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        read_or_make_key(tmp_path / "absent" / "session.key")
