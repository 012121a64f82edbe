"""The wallboard: what supervisors see of their queues, by the same kind of conversation as an agent's page.

The board keeps the newest of each state that pbxd publishes (queues, links, open alerts): what goes to MQTT
is what hangs on the wall. Figures of the day come from the history, now and then, while a board is open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog
from starlette.websockets import WebSocket

from pbxd.edge.web.conversation import Conversation
from pbxd.edge.web.desk import Desk, WebAgent
from pbxd.edge.web.outbox import Change, Outbox, encode
from pbxd.edge.web.pages import Page, Pages, Patience
from pbxd.edge.web.sayings import Alive, Resume, Saying
from pbxd.edge.web.signin import Session
from pbxd.effects import Count, Publish

log = structlog.get_logger(__name__)

TODAY_EVERY_S = 30.0
MOST_WAITING = 4096  #: changes for one board: more queues than a switch has
ALERTS, TODAY = "alerts", "today"

Json = Mapping[str, Any]


class Today(Protocol):
    """The figures of this day by queue, JSON-able. OSError, TimeoutError too, when nobody can tell."""

    def __call__(self) -> Awaitable[Mapping[str, Json]]: ...


def may_see(agent: WebAgent, queue: str) -> bool:
    return agent.supervises is None or queue in agent.supervises


def is_supervisor(agent: WebAgent) -> bool:
    return agent.supervises is None or bool(agent.supervises)


class Boards:
    """What is on the wall, and the pages that show it."""

    def __init__(
        self, patience: Patience, count: Callable[[Count], None], today: Today | None = None
    ) -> None:
        self.pages = Pages(patience, count)
        self._queues: dict[str, Json] = {}
        self._links: dict[str, Json] = {}
        self._alerts: list[Json] = []
        self._figures: Mapping[str, Json] | None = None
        self._today = today
        self._opened = asyncio.Event()

    # ------------------------------------------------------------ what is known

    def take(self, publish: Publish) -> None:
        """A state was published. Returns at once."""
        body = publish.body
        if not publish.retain:
            return
        if publish.topic == "alerts/state":
            self._alerts = list(body["alerts"])
            for page in self.pages.all():
                self._tell(page, ALERTS, "", {"alerts": self._alerts_of(page.session.agent)})
        elif publish.topic == f"{body.get('node')}/queue/{body.get('name')}/state":
            key = f"{body['node']}/{body['name']}"
            self._queues[key] = body
            for page in self.pages.all():
                if may_see(page.session.agent, body["name"]):
                    self._tell(page, "queue", key, body)
        elif publish.topic == f"{body.get('node')}/link/state":
            self._links[body["node"]] = body
            for page in self.pages.all():
                self._tell(page, "link", body["node"], body)

    def snapshot(self, agent: WebAgent) -> Json:
        """Everything that this supervisor's board shows."""
        queues = [self._queues[key] for key in sorted(self._queues)]
        return {
            "queues": [queue for queue in queues if may_see(agent, queue["name"])],
            "links": [self._links[node] for node in sorted(self._links)],
            "alerts": self._alerts_of(agent),
            "today": self._today_of(agent),
        }

    def _alerts_of(self, agent: WebAgent) -> list[Json]:
        return [alert for alert in self._alerts if may_see(agent, alert["queue"])]

    def _today_of(self, agent: WebAgent) -> Json | None:
        if self._figures is None:
            return None
        return {queue: figures for queue, figures in self._figures.items() if may_see(agent, queue)}

    def _tell(self, page: Page, kind: str, about: str, body: Json) -> None:
        # Of each thing only the newest waits for a slow board.
        page.tell(Change(kind=kind, body=encode(body), transfer=about or kind))

    # ------------------------------------------------------------ figures of the day

    def open(self, page: Page) -> None:
        self.pages.add(page)
        self._opened.set()

    async def run(self) -> None:
        """Look the day's figures up while a board is open. Until cancelled."""
        if self._today is None:
            return
        while True:
            if not len(self.pages):
                self._opened.clear()
                await self._opened.wait()
            await self._look_up(self._today)
            await asyncio.sleep(TODAY_EVERY_S)

    async def _look_up(self, today: Today) -> None:
        try:
            figures = await today()
        except OSError as fault:
            log.warning("no figures for the wallboard", why=str(fault) or type(fault).__name__)
            return
        except Exception:
            # A defect of ours: the rest of the board goes on.
            log.exception("the figures for the wallboard failed")
            return
        if figures == self._figures:
            return
        self._figures = figures
        for page in self.pages.all():
            self._tell(page, TODAY, "", {"today": self._today_of(page.session.agent)})


class BoardConversation(Conversation):
    """Serves one wallboard: a snapshot, then changes with rising numbers. It gives no orders."""

    def __init__(
        self,
        socket: WebSocket,
        session: Session,
        *,
        desk: Desk,
        boards: Boards,
        patience: Patience,
        count: Callable[[Count], None],
    ) -> None:
        page = Page(session, patience)
        page.outbox = Outbox(MOST_WAITING)
        super().__init__(socket, page, desk=desk, pages=boards.pages, patience=patience, count=count)
        self._boards = boards

    async def run(self) -> None:
        self._boards.open(self._page)
        try:
            await self._talk()
        finally:
            self._pages.remove(self._page)

    def _snapshot(self) -> str:
        body = self._boards.snapshot(self._page.session.agent)
        seq = self._page.outbox.restart()
        every, now = self._patience.alive_every_s, round(time.time(), 3)
        return encode({"type": "snapshot", "seq": seq, "now": now, "alive_every_s": every, "body": body})

    def _heed(self, said: Saying) -> None:
        if isinstance(said, Resume | Alive):
            super()._heed(said)
        else:
            self._refuse("a wallboard gives no orders")
