"""A scripted switch on the other end of an AMI link: real TCP, answers as told, misbehaves as told."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any, Self

from pbxd.ami.frames import Framer
from pbxd.ami.headers import parse
from pbxd.messages import Message

Headers = dict[str, str]
Answer = Callable[["Session", Headers], None]

LISTS = {
    "CoreShowChannels": ("Channels will follow", "CoreShowChannelsComplete"),
    "BridgeList": ("Bridge listing will follow", "BridgeListComplete"),
    "QueueStatus": ("Queue status will follow", "QueueStatusComplete"),
}


def message(headers: Headers | Iterable[tuple[str, str]]) -> bytes:
    pairs = headers.items() if isinstance(headers, dict) else headers
    return "".join(f"{key}: {value}\r\n" for key, value in pairs).encode() + b"\r\n"


def event(name: str, **headers: str) -> bytes:
    return message({"Event": name, "Privilege": "call,all", "Timestamp": f"{time.time():.6f}", **headers})


class Session(asyncio.Protocol):
    """One connection as the switch sees it."""

    def __init__(self, peer: AmiPeer) -> None:
        self.peer = peer
        self.framer = Framer()
        self.signed_in = False
        self.challenge = ""
        self.closed = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.peer.sessions.append(self)
        if self.peer.greeting:
            transport.write(self.peer.greeting)

    def data_received(self, data: bytes) -> None:
        if self.peer.deaf:
            return
        for raw in self.framer.feed(data):
            headers = parse(raw)
            self.peer.received.append(headers)
            self.peer.answers.get(headers.get("Action", ""), _executed)(self, headers)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True

    def send(self, *raw: bytes) -> None:
        if not self.closed:
            self.transport.write(b"".join(raw))

    def respond(self, asked: Headers, response: str = "Success", **headers: str) -> None:
        self.send(message({"Response": response, "ActionID": asked.get("ActionID", ""), **headers}))

    def cut(self) -> None:
        self.transport.abort()


def _executed(session: Session, asked: Headers) -> None:
    session.respond(asked, Message="done")


def _challenge(session: Session, asked: Headers) -> None:
    session.challenge = "270411"
    session.respond(asked, Challenge=session.challenge)


def _login(session: Session, asked: Headers) -> None:
    peer = session.peer
    proof = hashlib.md5((session.challenge + peer.secret).encode(), usedforsecurity=False).hexdigest()
    if asked.get("Secret") == peer.secret or (session.challenge and asked.get("Key") == proof):
        session.signed_in = True
        session.respond(asked, Message="Authentication accepted")
        session.send(message({"Event": "FullyBooted", "Privilege": "system,all", "Status": "Fully Booted"}))
    else:
        session.respond(asked, "Error", Message="Authentication failed")
        session.transport.close()


def _ping(session: Session, asked: Headers) -> None:
    session.respond(asked, Ping="Pong", Timestamp=f"{time.time():.6f}")


def _list(session: Session, asked: Headers) -> None:
    name = asked["Action"]
    told, complete = LISTS[name]
    entries = session.peer.lists[name]() if name in session.peer.lists else []
    session.respond(asked, EventList="start", Message=told)
    asked_id = asked.get("ActionID", "")
    session.send(*(message({"Event": e["Event"], "ActionID": asked_id, **e}) for e in entries))
    session.send(message({"Event": complete, "ActionID": asked_id, "EventList": "Complete"}))


class AmiPeer:
    """``async with AmiPeer() as peer``: listens on ``peer.port`` of the loopback."""

    def __init__(self, *, secret: str = "s3cret", tls: ssl.SSLContext | None = None) -> None:
        self.secret = secret
        self.greeting = b"Asterisk Call Manager/9.0.0\r\n"
        self.deaf = False  #: connections stay open, but nothing is read or answered
        self.sessions: list[Session] = []
        self.received: list[Headers] = []
        self.lists: dict[str, Callable[[], list[Headers]]] = {}
        self.answers: dict[str, Answer] = {
            "Challenge": _challenge,
            "Login": _login,
            "Ping": _ping,
            **dict.fromkeys(LISTS, _list),
        }
        self._tls = tls

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self), "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for session in self.sessions:
            session.cut()
        await until(lambda: all(session.closed for session in self.sessions))

    @property
    def session(self) -> Session:
        """The newest connection."""
        return self.sessions[-1]

    def count(self, action: str) -> int:
        """How often an action of this name arrived."""
        return sum(headers.get("Action") == action for headers in self.received)

    def emit(self, *raw: bytes) -> None:
        """Events for everybody who has signed in, in one write."""
        for session in self.sessions:
            if session.signed_in:
                session.send(*raw)


class ListInbox:
    """An inbox that keeps all."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.depth = 0

    def put(self, message: Message) -> None:
        self.messages.append(message)

    def of(self, *kinds: type) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kinds)]


async def until(true: Callable[[], object], limit_s: float = 10.0) -> None:
    """Poll until it is true; TimeoutError after the limit."""
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110 - what is waited for is of all kinds
            await asyncio.sleep(0.005)
