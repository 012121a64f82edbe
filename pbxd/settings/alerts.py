"""The section about alerts: what is too long, and who is told of it how."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator

from pbxd.settings.section import Section, one_secret
from pbxd.settings.transfers import QueueName
from pbxd.settings.values import (
    ONE_OR_MANY,
    Deadline,
    Duration,
    Folder,
    Like,
    Name,
    Port,
    Secret,
    SecretFile,
    Size,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = f"(?:{'|'.join(DAYS)})"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d|24:00"
HOURS = rf"(?:({_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*) )?({_TIME})-({_TIME})"
"""``20:00-07:00``, ``sat,sun 00:00-24:00``, ``mon-fri 18:00-08:00``."""

Hours = Annotated[str, Like(HOURS, "hours such as 20:00-07:00 or sat,sun 00:00-24:00")]
Mail = Annotated[str, Like(r"[^\s<>,;:\"()@]+@[^\s<>,;:\"()@]+", "a bare mail address")]


def is_loopback(host: str) -> bool:
    """Does this name or address mean the machine itself?"""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _goes_safely(url: SecretStr | None) -> SecretStr | None:
    """What is sent holds callers' numbers, and the address of a chat robot is its password."""
    if url is None:
        return None
    try:
        parts = urlsplit(url.get_secret_value())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no web address") from None
    if not host or parts.scheme not in ("https", "http") or "@" in parts.netloc:
        raise ValueError("must be an https address without user name and password")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must begin with https: only this machine itself may be told without encryption")
    return url


class CallerWaits(Section):
    """A caller who waits too long."""

    after: Duration = Field(default=300.0, description="In queues that are not in `queues`; `0s`: no alert.")
    queues: dict[QueueName, Duration] = Field(default={}, description="In these: `{support: 2m}`.")


class Unattended(Section):
    """Callers wait in a queue in which nobody could answer: all paused, out of reach, or none there."""

    after: Duration = Field(default=60.0, description="In queues that are not in `queues`; `0s`: no alert.")
    queues: dict[QueueName, Duration] = Field(default={}, description="In these: `{night: 0s}`.")


class QuietHoursSection(Section):
    """When no sink is used. The wallboard and MQTT show alerts at any hour."""

    time_zone: str = Field(default="UTC", description="Whose clocks count: `Europe/Berlin`, `Asia/Shanghai`.")
    hours: Annotated[tuple[Hours, ...], ONE_OR_MANY] = Field(
        default=(),
        description="`20:00-07:00` on every day, or of some: `sat,sun 00:00-24:00`, `mon-fri 18:00-08:00`; "
        "over midnight they belong to the day on which they begin.",
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone that this machine knows") from None
        return value

    @property
    def spans(self) -> list[tuple[frozenset[int], int, int]]:
        """Each as days (0 is Monday), beginning and end in minutes after midnight."""
        return [_span(text) for text in self.hours]


def _span(text: str) -> tuple[frozenset[int], int, int]:
    match = re.fullmatch(HOURS, text)
    assert match is not None  # the field's pattern
    days: set[int] = set()
    for part in (match[1] or "mon-sun").split(","):
        first, _, last = part.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days |= {day % 7 for day in range(begin, end + 1 if begin <= end else end + 8)}
    since, until = (int(time[:2]) * 60 + int(time[3:]) for time in (match[2], match[3]))
    return frozenset(days), since, until


class MailServer(Section):
    """How a sink of the kind `email` sends."""

    host: str = Field(description="The mail server.")
    port: Port | None = Field(default=None, description="587 with `starttls`, 465 with `tls`, else 25.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`none` only on this machine itself."
    )
    username: str | None = Field(default=None, description="Account at the mail server.")
    password: Secret | None = Field(default=None, description="Its password. Better: `password_file`.")
    password_file: SecretFile | None = Field(
        default=None, description="A file that holds the password, one line."
    )
    ca_file: Folder | None = Field(
        default=None, description="Certificates to trust (PEM) instead of the system's."
    )
    sender: Mail = Field(description="The address that it comes from.")
    to: Annotated[tuple[Mail, ...], ONE_OR_MANY] = Field(min_length=1, description="Who gets it.")

    @model_validator(mode="after")
    def _safe(self) -> Self:
        one_secret(self.password, self.password_file, "password")
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError("security: none is for this machine itself")
        return self

    @property
    def login_password(self) -> str | None:
        """The password in the clear, for the connection only."""
        return one_secret(self.password, self.password_file, "password")


class AlertSink(Section):
    """One way to tell people of alerts."""

    name: Name = Field(description="What it is called in the log and in the figures.")
    kind: Literal["webhook", "email", "wecom", "dingtalk", "feishu", "slack", "teams"] = Field(
        description="`webhook`: the alert as JSON, signed; `email`; or the robot of a group chat."
    )
    url: Secret | None = Field(default=None, description="Where to, https. Better: `url_file`.")
    url_file: SecretFile | None = Field(
        default=None, description="A file that holds the address: for chat robots it is their password."
    )
    secret: Secret | None = Field(
        default=None, description="What messages are signed with (webhook, dingtalk, feishu)."
    )
    secret_file: SecretFile | None = Field(default=None, description="A file that holds it, one line.")
    mail: MailServer | None = Field(default=None, description="For `email`.")
    queues: Annotated[tuple[QueueName, ...], ONE_OR_MANY] = Field(
        default=(), description="Only alerts of these queues; none named: of all."
    )
    after: Duration = Field(
        default=0.0, description="Only alerts that have been open for so long: an escalation."
    )
    ended: bool = Field(default=True, description="Also tell how it ended, e.g. that the caller gave up.")
    in_quiet_hours: bool = Field(default=False, description="Tell in quiet hours too.")
    language: Literal["en", "zh"] = Field(default="en", description="Language of the message.")
    show_numbers: bool = Field(
        default=False,
        description="Tell callers' numbers in full; otherwise masked, without the link that dials.",
    )

    @field_validator("url", "url_file")
    @classmethod
    def _safe_way(cls, url: SecretStr | None) -> SecretStr | None:
        return _goes_safely(url)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        url = one_secret(self.url, self.url_file, "url")
        secret = one_secret(self.secret, self.secret_file, "secret")
        if self.kind == "email":
            if self.mail is None or url is not None or secret is not None:
                raise ValueError("an email sink needs mail, and neither url nor secret")
        elif url is None or self.mail is not None:
            raise ValueError(f"a {self.kind} sink needs url_file (or url), and no mail")
        if secret is not None and self.kind not in ("webhook", "dingtalk", "feishu"):
            raise ValueError(f"nothing is signed for {self.kind}: leave the secret out")
        return self

    @property
    def address(self) -> str:
        """The URL in the clear, for the request only."""
        return one_secret(self.url, self.url_file, "url") or ""

    @property
    def signing_secret(self) -> str | None:
        """The secret in the clear, for the signature only."""
        return one_secret(self.secret, self.secret_file, "secret")


class Alerts(Section):
    """What pbxd raises alerts for by itself, and who is told. Prometheus' own rules: deploy/prometheus."""

    caller_waits: CallerWaits = CallerWaits()
    unattended: Unattended = Unattended()
    repeat: Duration = Field(
        default=0.0,
        description="Whoever was told is told again while it lasts, so often; `0s`: once is enough.",
    )
    quiet_hours: QuietHoursSection = QuietHoursSection()
    call_back: Annotated[
        str, Like(r"(?:tel|sip|sips|callto|https|http):\S{1,300}", "a tel:, sip: or https: address")
    ] = Field(
        default="tel:{number}",
        description="The link by which a caller is called back, with `{number}`, `{call}`, `{queue}`, "
        "`{node}` or `{id}` (of the alert).",
    )
    sinks: tuple[AlertSink, ...] = Field(default=(), description="Who is told outside of pbxd.")
    timeout: Deadline = Field(default=10.0, description="For one attempt to deliver.")
    attempts: Size = Field(default=8, le=100, description="Attempts for one message.")
    retry_most: Deadline = Field(default=60.0, description="The longest pause between attempts.")
    queue_size: Size = Field(
        default=500, description="Messages that wait for one sink; when full, the oldest goes."
    )
    shutdown_timeout: Deadline = Field(default=3.0, description="For the last messages when pbxd stops.")

    @field_validator("call_back")
    @classmethod
    def _known_places(cls, value: str) -> str:
        bare = re.sub(r"\{(?:number|call|queue|node|id)\}", "", value)
        if "{" in bare or "}" in bare:
            raise ValueError("knows {number}, {call}, {queue}, {node} and {id} only")
        return value

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        names = [sink.name for sink in self.sinks]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two sinks are called {min(twice)}")
        return self
