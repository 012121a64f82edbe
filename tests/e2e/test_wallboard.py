"""The wallboard shows what ``queue show`` shows, on a real Asterisk under a few calls."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from deploy.lab.centre import DESKS, Centre
from deploy.lab.phones import Phones

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SLACK_S = 2.5  #: Asterisk tells waits in whole seconds
STATES = {
    "Not in use": "ready",
    "Unknown": "ready",
    "Ringing": "ringing",
    "In use": "talking",
    "Busy": "talking",
    "On Hold": "talking",
    "Ring+Inuse": "talking",
    "Unavailable": "offline",
    "Invalid": "offline",
}
Members = dict[str, tuple[str, bool]]
"""State and whether paused, by device."""


@dataclass
class Shown:
    waiting: int
    members: Members = field(default_factory=dict)
    longest: float | None = None  #: seconds


def read_queue_show(text: str) -> dict[str, Shown]:
    """What Asterisk's own command says of each queue."""
    queues: dict[str, Shown] = {}
    for line in text.splitlines():
        if head := re.match(r"(\S+) has (\d+) calls? ", line):
            queues[head[1]] = now = Shown(waiting=int(head[2]))
        elif member := re.match(r"\s+.*?\((\w+/[^\s)]+)[^)]*\)(.*)$", line):
            state = next(STATES[word] for word in re.findall(r"\(([^()]*)\)", member[2]) if word in STATES)
            now.members[member[1]] = (state, "(paused" in member[2])
        elif caller := re.match(r"\s+\d+\. \S+ \(wait: (\d+):(\d+)", line):
            waited = int(caller[1]) * 60.0 + int(caller[2])
            now.longest = waited if now.longest is None else max(now.longest, waited)
    return queues


def read_board(queues: dict[str, dict[str, Any]]) -> dict[str, Shown]:
    return {
        name: Shown(
            waiting=queue["waiting"],
            members={m["interface"]: (m["state"], m["paused"]) for m in queue["members"]},
            longest=None if queue["longest_since"] is None else time.time() - queue["longest_since"],
        )
        for name, queue in queues.items()
    }


def differences(switch: dict[str, Shown], board: dict[str, Shown]) -> list[str]:
    found = [f"{name} is on one side only" for name in switch.keys() ^ board.keys() if name != "default"]
    for name in switch.keys() & board.keys():
        theirs, ours = switch[name], board[name]
        if (theirs.waiting, theirs.members) != (ours.waiting, ours.members):
            found.append(f"{name}: {theirs} and {ours}")
        elif theirs.longest is not None and abs(theirs.longest - (ours.longest or 0.0)) > SLACK_S:
            found.append(f"{name}: waits {theirs.longest} and {ours.longest}")
    return found


class Board:
    """A wallboard that is open: what it shows now."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.queues: dict[str, dict[str, Any]] = {}
        self.alerts: list[dict[str, Any]] = []
        self.numbers: list[int] = []

    async def read(self) -> None:
        async for text in self._socket:
            said = json.loads(text)
            if said["type"] == "alive":
                await self._socket.send('{"type":"alive"}')
                continue
            self.numbers.append(said["seq"])
            body, kind = said["body"], said.get("kind", "snapshot")
            if kind == "snapshot":
                self.queues = {queue["name"]: queue for queue in body["queues"]}
                self.alerts = body["alerts"]
            elif kind == "queue":
                self.queues[body["name"]] = body
            elif kind == "alerts":
                self.alerts = body["alerts"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_centre(suite: str) -> AsyncIterator[Centre]:
    desks = (*DESKS[:3], replace(DESKS[3], supervises=("all",)))
    alerts = {"caller_waits": {"after": "0s", "queues": {"q599": "1s"}}, "unattended": {"after": "0s"}}
    more = {"alerts": alerts, "wrap_up": {"default": "0s"}}
    async with Centre(suite, desks=desks, more=more) as centre:
        yield centre


@pytest_asyncio.fixture(loop_scope="module")
async def board(centre: Centre) -> AsyncIterator[Board]:
    async with httpx.AsyncClient(base_url=centre.url, trust_env=False) as http:
        who = {"agent": "dora", "password": centre.password}
        answer = await http.post("/api/session", json=who, headers={"Origin": centre.url})
        assert answer.status_code == 200, answer.text
        cookie = f"pbxd_session={http.cookies['pbxd_session']}"
    address = centre.url.replace("http", "ws", 1) + "/ws/wallboard"
    origin: Any = centre.url
    async with connect(address, additional_headers={"Cookie": cookie}, origin=origin, proxy=None) as socket:
        board = Board(socket)
        reading = asyncio.create_task(board.read())
        yield board
        reading.cancel()
        await asyncio.wait([reading])


async def agrees(centre: Centre, board: Board, what: str, *, waiting: dict[str, int] | None = None) -> None:
    """Until the board shows what the switch shows, and both that these wait."""
    last: list[str] = []

    async def same() -> bool:
        shown = read_queue_show(await centre.switch.cli("queue show"))
        last[:] = differences(shown, read_board(board.queues))
        wait = {name: queue["waiting"] for name, queue in board.queues.items() if queue["waiting"]}
        return bool(shown) and not last and waiting in (None, wait)

    try:
        await centre.until(same, what, 30)
    except Exception as error:
        raise AssertionError(f"{what}: {last}") from error


async def test_the_wallboard_shows_what_queue_show_shows(
    centre: Centre, board: Board, all_phones: Phones
) -> None:
    phones, switch = all_phones, centre.switch
    anna = await phones.agent(switch, "1001", name="anna")
    await phones.agent(switch, "1002", name="bruno")
    await phones.agent(switch, "1003", name="carla")
    await agrees(centre, board, "everybody is there")
    await switch.ami.action("QueuePause", Interface="PJSIP/1003", Paused="true")
    await agrees(centre, board, "Carla is paused")

    callers = [
        await phones.caller(switch, f"0201111111{n}", trunk="trunk-queue", label=f"caller {n}")
        for n in range(3)
    ]
    await callers[0].dial("501")
    await anna.rings()
    await agrees(centre, board, "Anna's phone rings")
    await anna.answer()
    await callers[0].connected()
    await agrees(centre, board, "Anna talks")
    await callers[1].dial("501")
    await callers[2].dial("599")
    await callers[2].connected()
    await agrees(centre, board, "two wait", waiting={"q501": 1, "q599": 1})
    await centre.until(lambda: [a["queue"] for a in board.alerts] == ["q599"], "the alert in red", 30)

    await callers[2].hang_up()
    await centre.until(lambda: not board.alerts, "the alert is gone", 30)
    await anna.hang_up()
    await agrees(centre, board, "one has given up, and the next rings")
    await anna.answer()
    await callers[1].connected()
    await agrees(centre, board, "Anna talks with the next")
    await callers[1].hang_up()
    await anna.on_hook()
    await switch.ami.action("QueuePause", Interface="PJSIP/1003", Paused="false")
    await agrees(centre, board, "nobody waits")
    assert board.numbers == list(range(1, len(board.numbers) + 1))
