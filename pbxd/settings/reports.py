"""Reports, and the comparison of the history with the switch's own books."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from pbxd.settings.section import Section
from pbxd.settings.values import Deadline, Folder, Like, Name


class Reports(Section):
    """What `pbxd report` and `/api/reports` tell."""

    time_zone: str = Field(
        default="UTC",
        max_length=60,
        description="Whose days and hours reports count, e.g. `Asia/Shanghai`; also for `reconcile.at`.",
    )
    show_numbers: bool = Field(
        default=False, description="Show callers' numbers in full; otherwise their last three digits."
    )
    timeout: Deadline = Field(default=60.0, description="For one report to be read and computed.")

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        _zone(name)
        return name

    @property
    def zone(self) -> tzinfo:
        return _zone(self.time_zone)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # there even where the machine has no table of zones
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone that this machine knows, such as Asia/Shanghai") from None


class OwnBooks(Section):
    """The books that one Asterisk keeps."""

    node: Name | None = Field(default=None, description="Whose books they are, when there are several nodes.")
    queue_log: Folder | None = Field(
        default=None,
        description="Asterisk's queue log, e.g. `/var/log/asterisk/queue_log`; rotated ones are read too.",
    )
    cdr: Folder | None = Field(
        default=None,
        description="Call detail records, e.g. `/var/log/asterisk/cdr-csv/Master.csv`; rotated ones too.",
    )
    cdr_time_zone: str = Field(
        default="UTC",
        max_length=60,
        description="Of the times in it: `UTC` with `usegmtime = yes` in cdr.conf, else Asterisk's own.",
    )

    @field_validator("cdr_time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        _zone(name)
        return name

    @property
    def cdr_zone(self) -> tzinfo:
        return _zone(self.cdr_time_zone)


class Reconcile(Section):
    """The history compared with the Asterisks' own books, every night. Leave it out to run without."""

    at: Annotated[str, Like(r"([01]\d|2[0-3]):[0-5]\d", "a time such as 03:10")] = Field(
        default="03:10", description="When yesterday is compared, in the time zone of `reports`."
    )
    books: tuple[OwnBooks, ...] = Field(
        min_length=1, max_length=100, description="Of each Asterisk that is compared."
    )
