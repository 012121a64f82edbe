"""The wallboard over real sockets: who may see what, a snapshot first, then numbered changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from pbxd.edge.web.pages import NONSENSE, SIGNED_OUT
from pbxd.effects import Publish
from tests.integration.scripted_desk import PASSWORD, Served, serving
from tests.integration.test_web_push import closed, hear, say, sign_in, until

TODAY = {
    "billing": {"entries": 12, "answered": 10, "abandoned": 2, "service_level": 0.9},
    "technical": {"entries": 3, "answered": 3, "abandoned": 0, "service_level": 1.0},
}


def queue(name: str = "billing", waiting: int = 1, node: str = "pbx1") -> dict[str, Any]:
    callers = [{"call": f"{node}:{n}", "number": "+49301", "since": 1000.0 + n} for n in range(waiting)]
    member = {"interface": "PJSIP/1", "name": "Anna", "state": "ready", "paused": False, "paused_reason": ""}
    longest = 1000.0 if waiting else None
    return {
        "node": node,
        "name": name,
        "waiting": waiting,
        "longest_since": longest,
        "callers": callers,
        "members": [member],
    }


def alert(name: str = "billing") -> dict[str, Any]:
    return {"id": f"caller_waits/{name}", "kind": "caller_waits", "node": "pbx1", "queue": name}


def show(served: Served, body: Mapping[str, Any], topic: str = "") -> None:
    topic = topic or f"{body['node']}/queue/{body['name']}/state"
    served.edge.show(Publish(topic=topic, body=body, retain=True))


def alerts(served: Served, *names: str) -> None:
    show(served, {"version": 1, "alerts": [alert(name) for name in names]}, "alerts/state")


def board(served: Served, headers: dict[str, str]) -> connect:
    plain = {name: value for name, value in headers.items() if name != "Origin"}
    return connect(
        served.socket_url + "/wallboard",
        additional_headers=plain,
        origin=headers.get("Origin"),  # type: ignore[arg-type]
        compression=None,
    )


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        show(served, queue("billing"))
        show(served, queue("technical", 0))
        show(served, {"node": "pbx1", "up": True, "since": 1.0, "reason": ""}, "pbx1/link/state")
        alerts(served, "billing", "technical")
        yield served


async def test_a_supervisor_gets_a_snapshot_first_then_numbered_changes(served: Served) -> None:
    async with board(served, await sign_in(served, "chief")) as socket:
        snapshot = await hear(socket)
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 1)
        body = snapshot["body"]
        assert [(q["name"], q["waiting"]) for q in body["queues"]] == [("billing", 1), ("technical", 0)]
        assert [a["queue"] for a in body["alerts"]] == ["billing", "technical"]
        assert [link["node"] for link in body["links"]] == ["pbx1"]
        assert body["today"] is None
        show(served, queue("billing", 2))
        changed = await hear(socket)
        assert (changed["seq"], changed["kind"], changed["body"]["waiting"]) == (2, "queue", 2)
        alerts(served)
        assert (await hear(socket))["body"] == {"alerts": []}
        show(served, {"node": "pbx1", "up": False, "since": 5.0, "reason": "lost"}, "pbx1/link/state")
        told = await hear(socket)
        assert (told["seq"], told["kind"], told["body"]["up"]) == (4, "link", False)


async def test_who_supervises_some_queues_sees_these(served: Served) -> None:
    async with board(served, await sign_in(served, "lead")) as socket:
        body = (await hear(socket))["body"]
        assert [q["name"] for q in body["queues"]] == ["billing"]
        assert [a["queue"] for a in body["alerts"]] == ["billing"]
        show(served, queue("technical", 5))
        show(served, queue("billing", 3))
        changed = await hear(socket)
        assert (changed["seq"], changed["body"]["name"], changed["body"]["waiting"]) == (2, "billing", 3)


@pytest.mark.parametrize("agent", ["anna", "liwei"])
async def test_an_agent_who_supervises_nobody_is_refused(served: Served, agent: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with board(served, await sign_in(served, agent)):
            pass
    assert refused.value.response.status_code == 403


async def test_nobody_comes_in_without_a_session_or_from_another_site(served: Served) -> None:
    headers = await sign_in(served, "chief")
    for wrong in ({"Origin": served.origin}, {**headers, "Origin": "https://evil.example"}):
        with pytest.raises(InvalidStatus) as refused:
            async with board(served, wrong):
                pass
        assert refused.value.response.status_code in (401, 403)


async def test_who_may_see_it_is_told_so(served: Served) -> None:
    for agent, supervises in (("anna", False), ("lead", True), ("chief", True)):
        headers = await sign_in(served, agent)
        async with httpx.AsyncClient(base_url=served.origin, verify=False) as http:
            me = (await http.get("/api/me", headers={"Cookie": headers["Cookie"]})).json()
        assert me["supervises"] is supervises


async def test_signing_out_closes_the_board(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.origin, verify=False) as http:
        answer = await http.post("/api/session", json={"agent": "chief", "password": PASSWORD})
        headers = {"Cookie": f"pbxd_session={http.cookies['pbxd_session']}", "Origin": served.origin}
        async with board(served, headers) as socket:
            await hear(socket)
            token = {"X-CSRF-Token": answer.json()["csrf"], "Origin": served.origin}
            await http.delete("/api/session", headers=token)
            assert (await closed(socket))[0] == SIGNED_OUT


async def test_a_board_gives_no_orders_and_may_ask_for_a_new_snapshot(served: Served) -> None:
    async with board(served, await sign_in(served, "chief")) as socket:
        await hear(socket)
        await say(socket, type="pause", order="1", paused=True)
        assert (await hear(socket)) == {"type": "refused", "text": "a wallboard gives no orders"}
        assert served.desk.orders == []
        await say(socket, type="resume")
        assert ((await hear(socket))["seq"], served.desk.orders) == (2, [])
        for number in range(6):
            await say(socket, type="order", id=str(number), order="wrap_up.end")
        assert (await closed(socket))[0] == NONSENSE


async def test_a_slow_board_gets_the_newest_of_each_queue(served: Served) -> None:
    async with board(served, await sign_in(served, "chief")) as socket:
        await hear(socket)
        for waiting in range(200):
            show(served, queue("billing", waiting % 7))
            show(served, queue("technical", waiting % 5))
        newest: dict[str, int] = {}
        numbers = []
        while newest != {"billing": 199 % 7, "technical": 199 % 5} or len(numbers) < 2:
            change = await hear(socket)
            numbers.append(change["seq"])
            newest[change["body"]["name"]] = change["body"]["waiting"]
        assert numbers == list(range(2, 2 + len(numbers)))
        assert len(numbers) < 400


async def test_the_figures_of_the_day_are_looked_up_while_a_board_is_open() -> None:
    asked = asyncio.Event()

    async def today() -> Mapping[str, Mapping[str, Any]]:
        asked.set()
        return TODAY

    async with serving(today=today) as served:
        await asyncio.sleep(0.05)
        assert not asked.is_set(), "nobody looks"
        async with board(served, await sign_in(served, "lead")) as socket:
            said = await hear(socket)
            while said.get("kind") != "today" and not (said["type"] == "snapshot" and said["body"]["today"]):
                said = await hear(socket)
            assert said["body"]["today"] == {"billing": TODAY["billing"]}


async def test_a_store_that_is_away_costs_the_board_its_figures_only() -> None:
    failed = asyncio.Event()

    async def today() -> Mapping[str, Mapping[str, Any]]:
        failed.set()
        raise OSError("the store is away")

    async with serving(today=today) as served, board(served, await sign_in(served, "chief")) as socket:
        assert (await hear(socket))["body"]["today"] is None
        await asyncio.wait_for(failed.wait(), 10)
        show(served, queue("billing", 4))
        assert (await hear(socket))["body"]["waiting"] == 4


async def test_what_is_no_state_is_not_shown(served: Served) -> None:
    async with board(served, await sign_in(served, "chief")) as socket:
        await hear(socket)
        served.edge.show(Publish(topic="pbx1/agent/anna/screenpop", body={"node": "pbx1", "name": "x"}))
        served.edge.show(Publish(topic="agent/anna/state", body={"id": "anna", "name": "Anna"}, retain=True))
        show(served, queue("billing", 6))
        changed = await hear(socket)
        assert (changed["seq"], changed["body"]["waiting"]) == (2, 6)


async def test_boards_do_not_count_as_an_agents_open_page(served: Served) -> None:
    async with board(served, await sign_in(served, "chief")) as socket:
        await hear(socket)
        assert served.edge.open_pages == 1
        assert served.desk.orders == []
    await until(lambda: served.edge.open_pages == 0)
    assert json.dumps(served.desk.orders) == "[]"
