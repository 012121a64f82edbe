"""Sections about what pbxd connects to and listens on."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from pbxd.settings.section import Section, one_secret, without_password
from pbxd.settings.values import (
    ONE_OR_MANY,
    Deadline,
    Duration,
    Folder,
    Like,
    ListenPort,
    Name,
    Port,
    Secret,
    SecretFile,
    Size,
)

Network = IPv4Network | IPv6Network


class Ami(Section):
    """The AMI link to one Asterisk: where it listens, who we are, and how long anything may take."""

    host: str = Field(
        default="127.0.0.1", min_length=1, description="Host name or address of the manager interface."
    )
    port: Port = Field(default=5038, description="Its port; 5039 is usual with TLS.")
    username: Annotated[str, Like(r"[^\s\[\]]+", "an account's name, no spaces or brackets")] = Field(
        default="pbxd", description="The account in manager.conf."
    )
    secret: Secret | None = Field(default=None, description="Its secret. Better: `secret_file`.")
    secret_file: SecretFile | None = Field(
        default=None, description="A file that holds the secret, one line."
    )
    tls: bool = Field(default=False, description="Speak TLS.")
    ca_file: Folder | None = Field(
        default=None, description="Certificates to trust (PEM) instead of the system's."
    )
    server_name: str | None = Field(
        default=None, description="Name on the certificate, when it is not `host`."
    )
    connect_timeout: Deadline = Field(default=5.0, description="For the connection, with TLS, to stand.")
    login_timeout: Deadline = Field(default=5.0, description="For the answer to our login.")
    inventory_timeout: Deadline = Field(
        default=15.0, description="For the lists of channels, bridges and queues."
    )
    ask_timeout: Deadline = Field(
        default=5.0, description="For the answer to an action; then its outcome is unknown."
    )
    ping_every: Deadline = Field(default=3.0, description="A ping is sent after so much silence.")
    dead_after: Deadline = Field(
        default=8.0, description="Silence after which the link counts as dead and is closed."
    )
    retry_first: Deadline = Field(
        default=0.25, description="Pause before the first new attempt; doubles each time."
    )
    retry_most: Deadline = Field(default=15.0, description="The longest pause between attempts.")
    asks_most: Size = Field(
        default=10_000,
        description="Actions under way at once, in about 2 kB each; what would be more is refused. "
        "A transfer begins with some 20 in one go.",
    )
    message_bytes: Size = Field(
        default=1_000_000, description="The longest message accepted; a longer one is dropped."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.login_secret is None:
            raise ValueError("needs secret or secret_file")
        if self.dead_after <= self.ping_every:
            raise ValueError("dead_after must be longer than ping_every")
        if self.retry_most < self.retry_first:
            raise ValueError("retry_most must not be shorter than retry_first")
        return self

    @property
    def login_secret(self) -> str:
        """The secret in the clear, for the login only."""
        return one_secret(self.secret, self.secret_file, "secret")  # type: ignore[return-value]


class Node(Section):
    """One Asterisk."""

    name: Name = Field(description="Its name in ids, records, topics, metrics and FastAGI addresses.")
    ami: Ami = Field(description="Its manager interface.")
    agi_from: Annotated[tuple[Network, ...], ONE_OR_MANY] = Field(
        default=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")),
        description="Addresses or networks its FastAGI connections may come from.",
    )


class Agi(Section):
    """The FastAGI server that Asterisk hands calls to."""

    listen: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: ListenPort = Field(default=4573, description="Port to listen on.")
    backlog: Size = Field(default=1024, description="Connections the system may hold for us to accept.")
    sessions_most: Size = Field(
        default=5000, description="Calls in flows at once; the dialplan serves further ones."
    )
    header_timeout: Deadline = Field(
        default=5.0, description="For Asterisk to send the whole AGI environment."
    )
    header_bytes: Size = Field(default=65_536, description="The longest AGI environment accepted.")
    reply_timeout: Deadline = Field(
        default=10.0, description="For the reply to a command that plays nothing."
    )
    reply_bytes: Size = Field(default=65_536, description="The longest reply line accepted.")
    session_timeout: Deadline = Field(
        default=3600.0, description="The longest time one call may spend in a flow."
    )
    script_timeout: Deadline = Field(default=30.0, description="The longest time a script node may run.")
    script_threads: Size = Field(default=32, description="Script nodes that run at once; further ones wait.")
    shutdown_timeout: Deadline = Field(
        default=5.0, description="For calls in flows to leave when pbxd stops."
    )


class Token(Section):
    """A key for a program (or a person at the command line) that acts for agents by the API."""

    name: Name = Field(description="Whose it is; stands in the log beside what was done with it.")
    token_file: SecretFile | None = Field(
        default=None, description="A file that holds the token, one line of 20 characters or more."
    )
    token_hash: Annotated[str, Like(r"sha256:[0-9a-f]{64}", "made by: pbxd hash-token")] | None = Field(
        default=None, repr=False, description="Instead of the file: its digest, from `pbxd hash-token`."
    )
    agents: Annotated[tuple[Name, ...], ONE_OR_MANY] = Field(
        min_length=1, description="Agents it may act for: a list of their ids, or `all`."
    )

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if (self.token_file is None) == (self.token_hash is None):
            raise ValueError("needs token_file or token_hash, one of them")
        if self.token_file is not None and len(self.token_file.get_secret_value()) < 20:
            raise ValueError("token_file: the token is shorter than 20 characters, which can be guessed")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the token, 64 hexadecimal digits."""
        if self.token_file is None:
            return (self.token_hash or "").removeprefix("sha256:")
        return sha256(self.token_file.get_secret_value().encode()).hexdigest()


class Web(Section):
    """The agent page, the API, the screen pops by WebSocket and /metrics."""

    listen: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: ListenPort = Field(default=8080, description="Port to listen on.")
    public_url: Annotated[str, Like(r"https?://[^/\s]+(/\S*)?", "an http or https address")] | None = Field(
        default=None,
        description="The address people use when a proxy stands before pbxd; https makes cookies secure.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], ONE_OR_MANY] = Field(
        default=(), description="Proxies whose X-Forwarded-For and -Proto are believed."
    )
    session_key_file: Folder = Field(
        default=Path("/var/lib/pbxd/session.key"),
        description="Signs sign-ins; made at the first start. Delete it to sign everybody out.",
    )
    session_lifetime: Deadline = Field(default=43_200.0, description="How long a sign-in lasts.")
    sign_in_tries: Size = Field(default=5, description="Wrong passwords per agent before he must wait.")
    sign_in_pause: Deadline = Field(default=60.0, description="How long he must wait then.")
    client_queue: Size = Field(
        default=64, description="Changes that wait for one slow page; when full, the oldest screen pop goes."
    )
    ping_every: Deadline = Field(default=10.0, description="Silence after which an open page is pinged.")
    silent_after: Deadline = Field(
        default=30.0,
        description="A page that has said nothing for so long is closed; it comes back by itself.",
    )
    send_timeout: Deadline = Field(
        default=10.0, description="A page that has read nothing for so long is closed."
    )
    request_timeout: Deadline = Field(default=10.0, description="For one request to arrive whole.")
    order_timeout: Deadline = Field(
        default=10.0, description="For an order (a transfer, …) to be answered; then its outcome is unknown."
    )
    tokens: tuple[Token, ...] = Field(
        default=(), description="Who may use the API without an agent's password."
    )
    shutdown_timeout: Deadline = Field(default=3.0, description="For open requests to end when pbxd stops.")

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if self.silent_after <= self.ping_every:
            raise ValueError("silent_after must be longer than ping_every")
        return self


class Store(Section):
    """The history of contacts: SQLite in a file, or PostgreSQL."""

    url: str = Field(
        default="sqlite:////var/lib/pbxd/pbxd.db",
        description="`sqlite:////absolute/path` or `postgresql://user@host/database`.",
    )
    password: Secret | None = Field(default=None, description="PostgreSQL password. Better: `password_file`.")
    password_file: SecretFile | None = Field(
        default=None, description="A file that holds the password, one line."
    )
    connect_timeout: Deadline = Field(default=5.0, description="For a connection to the database.")
    lookup_timeout: Deadline = Field(
        default=0.15, description="For the history of a caller; then the call goes on without it and says so."
    )
    lookups_most: Size = Field(
        default=200, description="Look-ups waiting at once; further ones go without history."
    )
    write_timeout: Deadline = Field(default=10.0, description="For one batch of contacts to be written.")
    write_queue: Size = Field(
        default=100_000,
        description="Contacts held in memory while the database is away; when full, they go to `spool`.",
    )
    spool: Folder | None = Field(
        default=None,
        description="File for contacts that the database does not take, read again when it does. Unset: "
        "beside the SQLite file, else `/var/lib/pbxd/contacts.spool`.",
    )
    retry_most: Deadline = Field(
        default=15.0, description="The longest pause before a failed write is tried again."
    )
    shutdown_timeout: Deadline = Field(
        default=10.0, description="For the last contacts to be written at the end."
    )

    @field_validator("url")
    @classmethod
    def _known_engine(cls, url: str) -> str:
        schemes = ("sqlite", "sqlite+aiosqlite", "postgresql", "postgresql+asyncpg")
        return without_password(url, schemes)

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        one_secret(self.password, self.password_file, "password")
        return self

    @property
    def login_password(self) -> str | None:
        """The password in the clear, for the connection only."""
        return one_secret(self.password, self.password_file, "password")


class Mqtt(Section):
    """Screen pops and states for other programs, by an MQTT broker. Leave it out to run without."""

    url: str = Field(description="`mqtt://host:1883`, or `mqtts://host:8883` for TLS.")
    username: str | None = Field(default=None, description="Account at the broker.")
    password: Secret | None = Field(default=None, description="Its password. Better: `password_file`.")
    password_file: SecretFile | None = Field(
        default=None, description="A file that holds the password, one line."
    )
    ca_file: Folder | None = Field(
        default=None, description="Certificates to trust (PEM) instead of the system's."
    )
    client_id: Name = Field(default="pbxd", description="Our name at the broker; one per pbxd.")
    prefix: Annotated[str, Like(r"[^+#/\s][^+#\s]*", "a topic without + and # and no / first")] = Field(
        default="pbxd", description="First part of every topic."
    )
    command_agents: Annotated[tuple[Name, ...], ONE_OR_MANY] = Field(
        default=(),
        description="Agents for whom orders are taken from the broker: a list of their ids, or `all`. "
        "Whoever may publish commands acts for them, see mqtt.md.",
    )
    connect_timeout: Deadline = Field(default=5.0, description="For the broker to accept us.")
    publish_timeout: Deadline = Field(default=10.0, description="For the broker to acknowledge a message.")
    keepalive: Deadline = Field(default=15.0, ge=1, description="Silence after which the broker is pinged.")
    retry_most: Deadline = Field(default=15.0, description="The longest pause between attempts to connect.")
    outbox_size: Size = Field(
        default=100_000,
        description="Messages kept in the store while the broker is away; then the oldest pops go.",
    )
    outbox_age: Duration = Field(
        default=86_400.0, description="Pops older than this are not sent any more; records always are."
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        return without_password(url, ("mqtt", "mqtts"))

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        one_secret(self.password, self.password_file, "password")
        return self

    @property
    def login_password(self) -> str | None:
        """The password in the clear, for the connection only."""
        return one_secret(self.password, self.password_file, "password")
