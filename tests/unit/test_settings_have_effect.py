"""A setting that nobody reads is a lie: every one is used somewhere outside of the settings themselves."""

import re
from pathlib import Path

import pytest

from pbxd.settings import model
from pbxd.settings.model import Section

PACKAGE = Path(__file__).parents[2] / "pbxd"
BY_PROPERTY = {"secret_file", "password_file", "token_file", "token_hash", "url_file", "hours"}
BY_PROPERTY |= {"authorization", "authorization_file", "cdr_time_zone"}
"""Read as ``login_secret``, ``login_password``, ``digest``, ``address``, ``spans``, ``all_headers`` and
``cdr_zone``."""

SECTIONS = [
    section
    for name in model.__all__
    if isinstance(section := getattr(model, name), type) and issubclass(section, Section)
]


def readers() -> str:
    files = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "settings" not in path.parents]
    return "\n".join(path.read_text() for path in files)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_setting_is_read(section: type[Section]) -> None:
    text = readers()
    unread = {
        name
        for name in section.model_fields
        if not re.search(rf"\.{name}\b", text) and name not in BY_PROPERTY
    }
    assert unread == set()
