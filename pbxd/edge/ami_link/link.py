"""One node's link to the world: typed events in order, an inventory at every connect, asks answered once.

How the inventory and the live events fit together. Asterisk writes the answers to our actions and its
events into one stream, each event after its effect. So after the login:

1. events that come before the answer to our first question (a ping, for the switch's clock) are dropped:
   what they did is in the lists that follow;
2. events from there to the end of the last list are held back; what they did may be in the lists or not;
3. ``LinkUp(inventory)`` goes into the inbox, then the held events, then everything as it comes.

So nothing that happens after the lists began is missed, and the model meets events that the inventory
contains already (a Newchannel of a channel it knows, a Hangup of one it does not). They repeat the last
word on each channel, bridge and caller in order; applied again, they end in what the switch holds.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

from pbxd.ami.actions import Ping
from pbxd.ami.event_types import AmiEvent
from pbxd.ami.events import NEEDLES, WANTED
from pbxd.ami.headers import parse
from pbxd.ami.inventory import ASKED, Inventory
from pbxd.ami.snapshots import MalformedEventError
from pbxd.edge.ami_link.asks import Asks
from pbxd.edge.ami_link.client import AmiClient, LinkState
from pbxd.edge.ami_link.dialplan_watch import DialplanWatch
from pbxd.edge.ami_link.protocol import AmiProtocol
from pbxd.edge.ami_link.replies import Reply
from pbxd.effects import Ask
from pbxd.ids import NodeId
from pbxd.messages import LinkDown, LinkUp, Message
from pbxd.settings.model import Ami
from pbxd.transfers import prepared

log = structlog.get_logger(__name__)

HELD_MOST = 50_000
"""Events held back while an inventory is taken; a switch that says more meanwhile is asked again."""


DEPTH_MOST = 2_000
"""Messages in the inbox beyond which reading pauses: a tenth of a second of work, a few megabytes."""

_DEPTH_CALM = 1000
_CALM_S = 0.05
_PORTION = 250


class Inbox(Protocol):
    """Takes messages in order, at once and without raising."""

    def put(self, message: Message) -> None: ...

    @property
    def depth(self) -> int:
        """Messages that wait to be worked off."""
        ...


def _drop(event: AmiEvent) -> None:
    """Where events go that the next inventory contains."""


class AmiLink(AmiClient):
    """Keeps one node's link up and puts all that the world should know into ``inbox``."""

    def __init__(
        self,
        node: NodeId,
        settings: Ami,
        inbox: Inbox,
        *,
        clock: Callable[[], float] = time.time,
        keys: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(
            host=settings.host,
            port=settings.port,
            username=settings.username,
            secret=settings.login_secret,
            events="call,agent,system,user" + (",dtmf" if keys else ""),
            ssl=_context(settings),
            server_name=settings.server_name or settings.host if settings.tls else None,
            connect_timeout=settings.connect_timeout,
            login_timeout=settings.login_timeout,
            ping_every=settings.ping_every,
            dead_after=settings.dead_after,
            retry_first=settings.retry_first,
            retry_most=settings.retry_most,
            message_bytes=settings.message_bytes,
            **more,
        )
        self.node = node
        self.who = {"node": node}
        self.inbox = inbox
        self._clock = clock
        self._inventory_timeout = settings.inventory_timeout
        self._asks = Asks(node, inbox.put, clock, settings.asks_most)
        self._dialplan = DialplanWatch(node, inbox.put, clock, self._new_id)
        self._deliver: Callable[[AmiEvent], None] = _drop
        self._held: list[AmiEvent] = []
        self._told = False  #: the world believes that the link is up
        self._told_why = ""
        self._resync: asyncio.Task[None] | None = None
        self._again = False
        for name, build in WANTED.items():
            self.register_raw(name, self._typed(build, NEEDLES.get(name)))
        self.register_raw(b"FullyBooted", self._booted)
        self.register_raw(b"Reload", lambda raw: self._dialplan.look())

    # ------------------------------------------------------------ events

    def _typed(self, build: Callable[..., AmiEvent | None], needle: bytes | None) -> Callable[[bytes], None]:
        node, clock = self.node, self._clock

        def route(raw: bytes) -> None:
            if needle is not None and needle not in raw:
                return
            try:
                event = build(node, clock(), parse(raw))
            except MalformedEventError as fault:
                self.counts.malformed += 1
                log.warning("an event is not as it should be", fault=str(fault), raw=raw[:200], **self.who)
                return
            if event is not None:
                self._deliver(event)

        return route

    def _hold(self, event: AmiEvent) -> None:
        if len(self._held) >= HELD_MOST:
            self.protocol.fail("too much happened while the inventory was taken")
            return
        self._held.append(event)

    def _booted(self, raw: bytes) -> None:
        """Modules are loaded and devices known from now on: what was listed before may lack them.

        A switch that had finished its start long ago says so right after the login, before any list.
        """
        if self.state is LinkState.UP:
            self.resync("the switch has finished its start")
        elif self._deliver != _drop:
            self._again = True

    def congested(self, share: float) -> bool:
        """The inbox holds more than the world can do in a moment."""
        return self.inbox.depth > share * DEPTH_MOST

    # ------------------------------------------------------------ inventory

    async def prepare(self) -> None:
        """Take the inventory and tell the world."""
        self._again = True
        while self._again:
            self._again = False
            await self._take_inventory()

    async def _take_inventory(self) -> None:
        self._held.clear()
        self._deliver = _drop
        at = self._clock()

        def begin_to_hold(answer: Reply | Exception) -> None:
            nonlocal at
            if isinstance(answer, Reply):
                self._deliver = self._hold
                at = _seconds(answer.headers.get("Timestamp"), at)

        limit = self._inventory_timeout
        self.protocol.request(Ping().headers(), self._new_id(), begin_to_hold, timeout_s=limit)
        *replies, dialplan = await asyncio.gather(
            *[self.request({"Action": name}, limit) for name in ASKED], self.request(prepared.ASKED, limit)
        )
        lists = {name: await _entries(name, reply) for name, reply in zip(ASKED, replies, strict=True)}
        inventory = Inventory.of(
            self.node,
            at,
            channels=lists["CoreShowChannels"],
            bridges=lists["BridgeList"],
            queues=lists["QueueStatus"],
        )
        self._say_up(LinkUp(node=self.node, at=at, inventory=inventory))
        self._dialplan.begin(self.protocol, dialplan)

    def _say_up(self, up: LinkUp) -> None:
        self._told, self._told_why = True, ""
        self.inbox.put(up)
        held, self._held = self._held, []
        self._deliver = self.inbox.put
        for event in held:
            self.inbox.put(event)

    def resync(self, why: str) -> None:
        """Take a fresh inventory on the standing link, because events were lost or lists were too early.

        Until it is there, events of this node are dropped or held back. Does nothing while the link is down.
        """
        if self.state is not LinkState.UP:
            return
        self._again = True
        if self._resync is None or self._resync.done():
            self._deliver = _drop
            log.info("a fresh inventory is taken", why=why, **self.who)
            self._resync = asyncio.get_running_loop().create_task(self._resyncing(self.protocol))

    async def _resyncing(self, protocol: AmiProtocol) -> None:
        try:
            while self._again and not protocol.closed:
                self._again = False
                # Behind a full inbox the events after the inventory would be lost again.
                while self.inbox.depth > _DEPTH_CALM:  # noqa: ASYNC110 - the inbox waits for nobody
                    await asyncio.sleep(_CALM_S)
                await self._take_inventory()
        except OSError as fault:
            protocol.fail(f"no inventory: {fault}")

    # ------------------------------------------------------------ asking

    def ask(self, ask: Ask) -> None:
        """Send it, once. One AskDone, AskRefused or AskUnknown comes by the inbox, and never a second one."""
        self.ask_together((ask,))

    def ask_together(self, asks: Sequence[Ask]) -> None:
        """Send all of them in one write, or none: then each is AskRefused. Else as ``ask``."""
        if self.state is LinkState.UP:
            self._asks.send_together(asks, self.protocol)
            return
        for ask in asks:
            self._asks.refuse(ask, f"not sent: the link to {self.node} is down")

    @property
    def asks_under_way(self) -> int:
        return len(self._asks)

    # ------------------------------------------------------------ the end of a link

    def _lost(self, why: str, up: bool) -> None:
        super()._lost(why, up)
        self._say_down(why)

    def _refused(self, why: str) -> None:
        super()._refused(why)
        self._say_down(why, fatal=True)

    def _shut(self) -> None:
        super()._shut()
        if self._told:
            self._say_down("closed")

    def _drop(self, why: str) -> None:
        if self._resync is not None:
            self._resync.cancel()
            self._resync = None
        self._dialplan.end()
        super()._drop(why)
        self._held.clear()
        self._deliver = _drop

    def _say_down(self, why: str, fatal: bool = False) -> None:
        """Once for each loss, and again when further attempts fail for another reason."""
        if self._told or fatal or why != self._told_why:
            self._told, self._told_why = False, why
            self.inbox.put(LinkDown(node=self.node, at=self._clock(), reason=why, fatal=fatal))


async def _entries(name: str, reply: Reply) -> list[dict[str, str]]:
    """The entries of a list, parsed in portions that leave the loop to others in between."""
    if not reply.success:
        raise ConnectionError(f"the switch refused {name}: {reply.headers.get('Message', '')}")
    entries: list[dict[str, str]] = []
    for raw in reply.messages[1:]:
        entries.append(parse(raw))
        if len(entries) % _PORTION == 0:
            await asyncio.sleep(0)
    return entries


def _seconds(text: str | None, otherwise: float) -> float:
    try:
        value = float(text or "")
    except ValueError:
        return otherwise
    return value if 0 < value < 1e12 else otherwise


def _context(settings: Ami) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as fault:
        raise ValueError(f"ami.ca_file: {settings.ca_file}: {fault}") from None
