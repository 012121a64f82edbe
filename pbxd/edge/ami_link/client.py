"""panoramisk's Manager, made to last: connects, signs in, watches the peer, tries again, never twice.

What its users know stays: ``Manager(**config)``, ``connect``, ``close``, ``register_event`` with wildcards,
``send_action`` and ``send_command`` with their futures, the ``on_…`` callbacks. New is ``run``, for a
TaskGroup. What differs, differs on purpose: no action is ever sent again after a reconnect (its future fails
with LinkLostError), a refused login ends the attempts, and a listener that raises harms nobody.
"""

from __future__ import annotations

import asyncio
import random
from enum import StrEnum
from typing import Any, ClassVar, Self

import structlog
from panoramisk.actions import Action
from panoramisk.manager import Manager

from pbxd.ami.frames import MESSAGE_LIMIT
from pbxd.edge.ami_link.backoff import BackOff
from pbxd.edge.ami_link.errors import LoginRefusedError, NoAnswerError, NotSentError
from pbxd.edge.ami_link.listening import ListeningManager
from pbxd.edge.ami_link.login import on_this_machine, sign_in
from pbxd.edge.ami_link.protocol import AmiProtocol
from pbxd.edge.ami_link.pulse import Pulse
from pbxd.edge.ami_link.replies import Reply

log = structlog.get_logger(__name__)


class LinkState(StrEnum):
    """Where a link stands, for people and for the health page."""

    IDLE = "idle"
    CONNECTING = "connecting"
    UP = "up"
    WAITING = "waiting"  #: for the next attempt
    REFUSED = "refused"  #: the switch does not take our login; nobody tries again
    CLOSED = "closed"


class AmiClient(ListeningManager):
    """A panoramisk Manager. Takes its settings as keywords; times are seconds."""

    defaults: ClassVar[dict[str, Any]] = dict(
        Manager.defaults,
        protocol_factory=AmiProtocol,
        server_name=None,  #: on the certificate, when it is not the host
        login_by="auto",  #: secret, challenge; auto: the secret itself only over TLS or on this machine
        connect_timeout=5.0,
        login_timeout=5.0,
        action_timeout=60.0,
        ping_every=3.0,
        dead_after=8.0,
        retry_first=0.25,
        retry_most=15.0,
        message_bytes=MESSAGE_LIMIT,
        jitter=random.random,
    )

    def __init__(self, **config: Any) -> None:
        self.state = LinkState.IDLE
        self.why = ""  #: the reason of the last loss, failure or refusal
        self._running: asyncio.Task[None] | None = None
        self._first: asyncio.Future[Any] | None = None  #: done at the first login
        self._pulse: Pulse | None = None
        if "ping_interval" in config:
            config.setdefault("ping_every", config["ping_interval"])
        if "reconnect_timeout" in config:
            config.setdefault("retry_first", config["reconnect_timeout"])
        super().__init__(**config)
        if str(self.config["encoding"]).lower().replace("-", "") != "utf8":
            raise ValueError("AMI is spoken in UTF-8")
        self.who = {"host": self.config["host"], "port": self.config["port"]}
        self.loop: Any = self.config["loop"]
        self._backoff = BackOff(self.config["retry_first"], self.config["retry_most"], self.config["jitter"])

    # ------------------------------------------------------------ asking

    def send_action(self, action: Any, as_list: bool | None = None, **kwargs: Any) -> asyncio.Future[Any]:
        """As panoramisk's: a future of the AmiMessage, or of a list of them. It fails with NotSentError,
        LinkLostError or NoAnswerError; a value that would forge a second action raises UnsafeHeaderError."""
        action.update(kwargs)
        if self.protocol is None:
            refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            refused.set_exception(NotSentError("the link is down"))
            refused.exception()
            return refused
        answer: asyncio.Future[Any] = self.protocol.send(action, as_list=as_list)
        return answer

    async def send_awaiting_actions(self, *_: Any) -> None:
        """Nothing is ever sent again. Kept because panoramisk has it."""

    def request(self, headers: dict[str, str], timeout_s: float) -> asyncio.Future[Reply]:
        """Send one action now; the future gets its whole answer, raw."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def finish(answer: Reply | Exception) -> None:
            if future.done():
                return
            if isinstance(answer, Reply):
                future.set_result(answer)
            else:
                future.set_exception(answer)
                future.exception()  # nobody need look: the one who waits is told, and the link logs its loss

        self.protocol.request(headers, self._new_id(), finish, timeout_s=timeout_s)
        return future

    def _new_id(self) -> str:
        return str(Action.action_id_generator())

    # ------------------------------------------------------------ running

    def connect(self, run_forever: bool = False, on_startup: Any = None, on_shutdown: Any = None) -> Any:
        """Begin to connect; the task ends when the first login was taken, or raises why it never will be."""
        if self.loop is None:
            self.loop = asyncio.get_event_loop()
        if self._running is None or self._running.done():
            self._first = self.loop.create_future()
            self._running = self.loop.create_task(self.run())
        elif self._first is None:
            self._first = self.loop.create_future()
            if self.authenticated:
                self._first.set_result((self.protocol.transport, self.protocol))
        task = self.loop.create_task(_result(self._first))
        if run_forever:
            self.run_forever(on_startup, on_shutdown)
        return task

    async def __aenter__(self) -> Self:
        """Signed in; raises as the task of ``connect`` does."""
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self.wait_closed()

    async def run(self) -> None:
        """Keep the link until cancelled. Returns only when the login was refused (state REFUSED)."""
        self.loop = asyncio.get_running_loop()
        self._running = asyncio.current_task()
        try:
            while True:
                self.state = LinkState.CONNECTING
                try:
                    await self._one_link()
                except LoginRefusedError as refusal:
                    self._refused(str(refusal))
                    self._connected_or(refusal)
                    return
                self.state = LinkState.WAITING
                await asyncio.sleep(self._backoff.next())
        finally:
            self._shut()
            self._connected_or(NotSentError("closed before the first login"))

    def _connected_or(self, fault: Exception | None) -> None:
        """Tell whoever waits for ``connect``."""
        if self._first is None or self._first.done():
            return
        if fault is None:
            self._first.set_result((self.protocol.transport, self.protocol))
        else:
            self._first.set_exception(fault)
            self._first.exception()  # nobody need wait

    async def _one_link(self) -> None:
        """From connecting to the loss of it. Returns when it is worth trying again."""
        loop = asyncio.get_running_loop()
        why, up = "closed", False
        try:
            protocol = await self._open()
            try:
                await self._sign_in(protocol)
            except NoAnswerError:
                if protocol.version is None:
                    raise NoAnswerError("no manager interface answers there") from None
                raise
            self._connected_or(None)
            await self.prepare()
            up = True
            self.state, self.why = LinkState.UP, ""
            self._backoff.up(loop.time())
            why = await protocol.lost
        except LoginRefusedError:
            raise
        except Exception as fault:
            why = f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__
            if not isinstance(fault, OSError):
                log.exception("a fault of our own while the link was made", **self.who)
        finally:
            self._backoff.down(loop.time())
            self._drop(why)
        self.counts.failed_attempts += not up
        self._lost(why, up)

    async def _open(self) -> AmiProtocol:
        config = self.config
        tls = config["ssl"]
        async with asyncio.timeout(config["connect_timeout"]):
            _, protocol = await asyncio.get_running_loop().create_connection(
                lambda: config["protocol_factory"]().serve(self),
                config["host"],
                config["port"],
                ssl=tls or None,
                server_hostname=config["server_name"] if tls else None,
            )
        self.protocol = protocol
        self.responses = protocol.responses
        self._call(self.on_connect, self)
        link: AmiProtocol = protocol
        return link

    async def _sign_in(self, protocol: AmiProtocol) -> None:
        config = self.config
        if "username" in config:
            challenged = config["login_by"] == "challenge" or (
                config["login_by"] == "auto" and not (config["ssl"] or on_this_machine(config["host"]))
            )
            await sign_in(
                lambda headers: self.request(headers, config["login_timeout"]),
                username=config["username"],
                secret=config["secret"],
                events=str(config["events"]),
                challenged=challenged,
            )
            self.authenticated = True
            self._call(self.on_login, self)
        self.counts.connects += 1
        log.info("signed in", version=protocol.version, **self.who)
        self._pulse = Pulse(protocol, config["ping_every"], config["dead_after"], self._new_id)

    async def prepare(self) -> None:
        """What must be done with a fresh link before it counts as up."""

    def ping(self) -> None:
        """Ping now. The link does it by itself."""
        if self._pulse is not None:
            self._pulse.ping()

    def congested(self, share: float) -> bool:
        """Should reading pause? ``share`` 1.0 asks whether it must, 0.5 whether it may not go on yet."""
        return False

    # ------------------------------------------------------------ the end of a link

    def _lost(self, why: str, up: bool) -> None:
        self.why = why
        self.counts.losses += up
        log.warning("the link is lost" if up else "no link", why=why, **self.who)
        self._call(self.on_disconnect, self, ConnectionError(why))

    def _refused(self, why: str) -> None:
        self.state, self.why = LinkState.REFUSED, why
        log.error(
            "the switch refuses our login; nobody tries again",
            why=why,
            user=self.config["username"],
            **self.who,
        )

    def _drop(self, why: str) -> None:
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None
        self.authenticated = False
        if self.protocol is not None:
            self.protocol.fail(why or "closed")
            self.protocol = None

    def _shut(self) -> None:
        self._drop("closed")
        for task in self._tasks:
            task.cancel()
        if self.state is not LinkState.REFUSED:
            self.state = LinkState.CLOSED

    def close(self) -> None:
        """End the link and every attempt at a new one."""
        if self._running is not None:
            self._running.cancel()
        self._drop("closed")
        self._connected_or(NotSentError("closed before the first login"))

    async def wait_closed(self) -> None:
        """After ``close``: until nothing of it is left on the loop."""
        left = [task for task in (self._running, *self._tasks) if task is not None]
        await asyncio.gather(*left, return_exceptions=True)


async def _result(future: asyncio.Future[Any]) -> Any:
    return await future
