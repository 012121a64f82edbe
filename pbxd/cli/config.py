"""Which settings a command works with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pbxd.settings.model import Settings

CONFIG = Path("/etc/pbxd/pbxd.yaml")

Config = Annotated[
    Path, typer.Option("--config", "-c", envvar="PBXD_CONFIG", help="The settings file.", show_default=True)
]


def settings_of(config: Path) -> Settings:
    """The settings of this file. Raises SourceError, with everything that is wrong with it."""
    from pbxd.settings.load import load_settings

    return load_settings(config)
