"""Sections about people, callers, flows and how pbxd runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pbxd.settings.section import Section
from pbxd.settings.transfers import QueueName
from pbxd.settings.values import ONE_OR_MANY, Deadline, Folder, Like, Name, Size

LANGUAGE = r"[a-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*"


class Agent(Section):
    """A person who takes calls."""

    id: Name = Field(description="Name to sign in with; also in topics.")
    name: str = Field(default="", max_length=100, description="Name for people; the id when left out.")
    interfaces: Annotated[tuple[str, ...], ONE_OR_MANY] = Field(
        min_length=1,
        description="Devices as queues name members, `PJSIP/1001`; of one node only: `pbx1:PJSIP/1001`.",
    )
    password_hash: Annotated[str, Like(r"\$argon2id?\$\S+", "made by: pbxd hash-password")] | None = Field(
        default=None,
        repr=False,
        description="From `pbxd hash-password`; without it nobody can sign in as this agent.",
    )
    language: Literal["en", "zh"] = Field(
        default="en", description="Language of the agent's page and screen pops."
    )
    supervises: Annotated[tuple[QueueName, ...], ONE_OR_MANY] = Field(
        default=(), description="Queues that he sees on the wallboard: a list, or `all`."
    )
    skills: dict[Name, Annotated[int, Field(ge=1, le=10)]] = Field(
        default={},
        description="What he can do and how well, 10 is best: `{billing: 8, french: 3}`. A skill that "
        "several have at the same level is a group.",
    )

    @field_validator("interfaces")
    @classmethod
    def _devices(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not re.fullmatch(r"(?:[A-Za-z0-9_-]+:)?[A-Za-z0-9]+/[^\s,&|]+", text):
                raise ValueError(f"{text!r} is not a device such as PJSIP/1001 or Local/1001@from-queue/n")
        return value

    @property
    def display_name(self) -> str:
        return self.name or self.id

    @property
    def devices(self) -> tuple[tuple[str | None, str], ...]:
        """Each interface with its node, or None for every node."""
        return tuple(split_device(text) for text in self.interfaces)


def split_device(text: str) -> tuple[str | None, str]:
    """``pbx1:PJSIP/1001`` → ``("pbx1", "PJSIP/1001")``; a colon behind the slash belongs to the device."""
    head, slash, tail = text.partition("/")
    node, colon, technology = head.rpartition(":")
    return (node, technology + slash + tail) if colon else (None, text)


class Repeat(Section):
    """When a call counts as a repeated one."""

    windows: Annotated[tuple[Deadline, ...], ONE_OR_MANY] = Field(
        default=(86_400.0, 604_800.0),
        min_length=1,
        description="Time spans looked back, shortest first; the first with an earlier contact is told.",
    )
    same_subject: bool = Field(
        default=False,
        description="Count only contacts about the same subject (calls without a subject always count).",
    )
    least: Size = Field(default=2, ge=2, description="From which call in the window on it is flagged.")

    @field_validator("windows")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("must be in ascending order, each span once")
        return value


class Callers(Section):
    """How numbers are read and what is said about callers."""

    default_region: Annotated[str, Like("[A-Z]{2}", "two capital letters, e.g. CN")] | None = Field(
        default=None,
        description="Country of numbers without a country code, e.g. `CN`. Unset: only `+…` is read.",
    )
    language: Annotated[str, Like(LANGUAGE, "a language, e.g. en or zh_CN")] = Field(
        default="en", description="Language of places and carriers on screen pops."
    )
    repeat: Repeat = Field(default=Repeat(), description="The repeat-call rule.")
    tags: dict[
        Annotated[str, Field(min_length=1, max_length=80)], Annotated[tuple[str, ...], ONE_OR_MANY]
    ] = Field(
        default={},
        description="What the house says of numbers in E.164, for hand-overs; with `*` all that begin so: "
        "`{vip: [+4930123456, +4940*]}`.",
    )

    @field_validator("tags")
    @classmethod
    def _numbers(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for tag, numbers in value.items():
            for number in numbers:
                if not re.fullmatch(r"\+[1-9]\d{1,14}\*?|[0-9]{1,15}\*?", number, re.ASCII):
                    raise ValueError(f"{tag}: {number!r} is neither a number such as +4930123456 nor +4930*")
        return value


class Flows(Section):
    """The call flows."""

    folder: Folder = Field(
        default=Path("/etc/pbxd/flows"),
        description="Folder of the flow files (`*.yaml`), read again on SIGHUP.",
    )
    scripts: Folder = Field(
        default=Path("/etc/pbxd/scripts"),
        description="Folder of the Python files whose functions the flows' script steps run.",
    )
    surveys: dict[QueueName, Name] = Field(
        default={},
        description="Queues whose callers are asked after the talk how it was, and the flow that asks: "
        "`{support: survey}`.",
    )


class Prompts(Section):
    """The recordings that flows play."""

    folder: Folder = Field(
        default=Path("/var/lib/pbxd/prompts"),
        description="Folder of the recordings, one folder per language in it, as pbxd sees it.",
    )
    asterisk_folder: str | None = Field(
        default=None, description="The same folder as Asterisk sees it, when that is another path or machine."
    )
    languages: Annotated[tuple[str, ...], ONE_OR_MANY] = Field(
        default=("en",),
        min_length=1,
        description="Languages that every prompt must exist in; the first is the default.",
    )

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not re.fullmatch(LANGUAGE, text):
                raise ValueError(f"{text!r} is not a language such as en or zh_CN")
        return value


class Log(Section):
    """What pbxd writes to its standard error."""

    format: Literal["console", "json"] = Field(
        default="json", description="One JSON object a line, or text for people."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level written."
    )
    show_numbers: bool = Field(
        default=False, description="Write phone numbers in full; otherwise they are masked."
    )


class Metrics(Section):
    """What /metrics tells."""

    per_agent: bool = Field(
        default=False, description="Add an `agent` label where it makes sense: more series."
    )


class Switchboard(Section):
    """The one loop that everything passes through."""

    inbox_size: Size = Field(
        default=100_000,
        description="Messages waiting for the loop; when full, the AMI links are taken down and resynced.",
    )
