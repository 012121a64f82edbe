"""The pages that are open: who is told what."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from pbxd.edge.web.outbox import Change, Outbox, encode
from pbxd.edge.web.signin import Session
from pbxd.effects import Count, Tell
from pbxd.ids import AgentId

_REMEMBERED = 10_000  #: pops

POP_STAGE, HANDOVER_STAGE = "pbxd_screenpop_stage_seconds", "pbxd_handover_stage_seconds"

#: Close codes. 4000 and up are ours; the page decides by them what to do next.
GOING_AWAY, NONSENSE, SIGNED_OUT, SILENT, CROWDED = 1001, 4400, 4401, 4408, 4429


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long, how much, how often. Times in seconds."""

    alive_every_s: float = 10.0
    silent_after_s: float = 30.0  #: a page that has said nothing for so long is gone
    send_timeout_s: float = 10.0  #: a page that has read nothing for so long is cut off
    state_every_s: float = 0.1  #: state is sent at most so often; what lies between is folded into one
    moments: int = 64  #: changes that may wait for a slow page; then the oldest pop is dropped
    said_per_s: float = 10.0  #: messages a page may send, on the long run; five times as many at once
    nonsense: int = 5  #: messages that cannot be understood before a page is shown the door
    pages_per_agent: int = 8  #: then the oldest is closed


class Page:
    """One open page."""

    def __init__(self, session: Session, patience: Patience) -> None:
        self.session = session
        self.agent = session.agent.id
        self.outbox = Outbox(patience.moments)
        self.words: deque[str] = deque(maxlen=patience.nonsense)  #: our refusals, outside of the numbers
        self.wanted = asyncio.Event()  #: something is to be sent
        self.resume = True  #: the page needs a snapshot
        self.closing: tuple[int, str] | None = None
        self.heard = time.monotonic()
        self.shown: dict[str, tuple[str, float | None] | None] = {}
        """Pops that went to this page: their node and when they were first sent; None once acknowledged."""
        self.handed: dict[str, bool] = {}  #: hand-overs that went to this page: whether it shows them

    def tell(self, change: Change) -> None:
        self.outbox.put(change)
        self.wanted.set()

    def say(self, text: str) -> None:
        self.words.append(text)
        self.wanted.set()

    def close(self, code: int, reason: str) -> None:
        if self.closing is None:
            self.closing = (code, reason)
        self.wanted.set()


class Pages:
    """All open pages, by agent."""

    def __init__(self, patience: Patience, count: Callable[[Count], None]) -> None:
        self._patience = patience
        self._count = count
        self._open: dict[AgentId, list[Page]] = {}
        self._told: OrderedDict[str, None] = OrderedDict()  #: pops that were told once already

    def __len__(self) -> int:
        return sum(len(pages) for pages in self._open.values())

    def of(self, agent: AgentId) -> tuple[Page, ...]:
        return tuple(self._open.get(agent, ()))

    def all(self) -> tuple[Page, ...]:
        return tuple(page for pages in self._open.values() for page in pages)

    def add(self, page: Page) -> bool:
        """Whether it is the agent's first."""
        pages = self._open.setdefault(page.agent, [])
        pages.append(page)
        excess = len(pages) - self._patience.pages_per_agent
        for oldest in pages[: max(0, excess)]:
            oldest.close(CROWDED, "too many pages of this agent are open")
        return len(pages) == 1

    def remove(self, page: Page) -> bool:
        """Whether it was the agent's last."""
        pages = self._open[page.agent]
        pages.remove(page)
        if pages:
            return False
        del self._open[page.agent]
        return True

    def tell(self, tell: Tell) -> None:
        """Tell every page of this agent, and no other. Never blocks."""
        pages = self._open.get(tell.agent, ())
        node = str(tell.body.get("node", ""))
        pop = str(tell.body["id"]) if tell.kind == "screenpop" else ""
        first = bool(pop) and self._is_new(pop)
        if first:
            self._offered(tell, node, shown=bool(pages))
        elif tell.kind == "handover" and tell.body.get("revision") == 1:
            first = True
            self.stage(node, "offered", time.time() - float(tell.body["at"]), HANDOVER_STAGE)
        if not pages:
            return
        body, told = encode(tell.body), time.monotonic()
        key = {"transfer": "id", "handover": "transfer"}.get(tell.kind, "")
        transfer = str(tell.body.get(key, "")) if key else ""
        change = Change(
            kind=tell.kind, body=body, pop=pop, first=first, node=node, transfer=transfer, told=told
        )
        for page in pages:
            dropped = page.outbox.dropped
            page.tell(change)
            if page.outbox.dropped > dropped:
                self._count(Count(metric="pbxd_screenpops_dropped_total"))

    def _is_new(self, pop: str) -> bool:
        """A pop is told again when more is known of its caller; that is no second screen pop."""
        if pop in self._told:
            return False
        self._told[pop] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return True

    def _offered(self, tell: Tell, node: str, *, shown: bool) -> None:
        at = tell.body.get("at")
        if isinstance(at, int | float):
            self.stage(node, "offered", time.time() - at)
        labels = {"node": node, "shown": "yes" if shown else "no"}
        self._count(Count(metric="pbxd_screenpops_total", labels=labels))

    def stage(self, node: str, stage: str, seconds: float, figure: str = POP_STAGE) -> None:
        """A screen pop, or a hand-over, has come one stage further; the time since the stage before."""
        labels = {"node": node, "stage": stage}
        self._count(Count(metric=figure, labels=labels, value=max(0.0, seconds)))

    def end_session(self, session: str) -> None:
        """Close the pages of a session that was signed out."""
        for pages in self._open.values():
            for page in pages:
                if page.session.id == session:
                    page.close(SIGNED_OUT, "signed out")

    def close_all(self) -> None:
        for pages in self._open.values():
            for page in pages:
                page.close(GOING_AWAY, "pbxd stops")
