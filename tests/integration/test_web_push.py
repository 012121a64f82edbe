"""The WebSocket of the agents' pages, over a real server and real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pbxd.edge.web.pages import CROWDED, NONSENSE, SIGNED_OUT, SILENT, Patience
from pbxd.edge.web.sayings import SAYING
from pbxd.orders import PageClosed, PageOpened, PauseAgent
from tests.integration.scripted_desk import PASSWORD, Served, screen_pop, serving, state

LIMIT_S = 10
JSONISH = (
    r'\A\{"type":"(ack|ack_handover|order|pause|resume|alive)"'
    r'(,"(pop|order|paused|reason|transfer|id)":("[^"]{0,9}"|true|null|[0-9]{1,40}))*\}\Z'
)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


async def sign_in(served: Served, agent: str = "anna") -> dict[str, str]:
    """The headers with which a signed-in browser opens the WebSocket."""
    async with httpx.AsyncClient(base_url=served.origin, verify=False) as http:
        answer = await http.post("/api/session", json={"agent": agent, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return {"Cookie": f"pbxd_session={http.cookies['pbxd_session']}", "Origin": served.origin}


def page(served: Served, headers: dict[str, str]) -> connect:
    plain = {name: value for name, value in headers.items() if name != "Origin"}
    return connect(
        served.socket_url, additional_headers=plain, origin=headers.get("Origin"), compression=None
    )  # type: ignore[arg-type]


async def hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT_S):
        while True:
            said: dict[str, Any] = json.loads(await socket.recv())
            if said["type"] != "alive":
                return said


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    """The close code and reason, after whatever else was said before."""
    async with asyncio.timeout(LIMIT_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code, socket.close_reason


async def say(socket: ClientConnection, **said: Any) -> None:
    await socket.send(json.dumps(said))


async def until(condition: Any) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110  the condition belongs to the code under test
            await asyncio.sleep(0.005)


async def test_a_page_gets_a_snapshot_first_then_numbered_changes(served: Served) -> None:
    served.desk.states["anna"] = state()
    served.desk.pops["anna"] = [screen_pop("p0")]
    async with page(served, await sign_in(served)) as socket:
        snapshot = await hear(socket)
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 1)
        assert snapshot["body"]["agent"]["name"] == "Anna Berg"
        assert [pop["id"] for pop in snapshot["body"]["pops"]] == ["p0"]
        served.tell("screenpop", screen_pop("p1"))
        served.tell("screenpop_closed", {"id": "p1", "reason": "elsewhere"})
        heard = [await hear(socket), await hear(socket)]
        assert [(said["seq"], said["kind"]) for said in heard] == [(2, "screenpop"), (3, "screenpop_closed")]
        assert heard[0]["body"]["caller"]["name"] == "张三丰"


async def test_only_the_agent_concerned_sees_his_pop(served: Served) -> None:
    anna, liwei = await sign_in(served), await sign_in(served, "liwei")
    async with page(served, anna) as hers, page(served, anna) as hers_too, page(served, liwei) as his:
        for socket in (hers, hers_too, his):
            await hear(socket)
        served.tell("screenpop", screen_pop("for anna"))
        served.tell("screenpop", screen_pop("for liwei", "liwei"), "liwei")
        assert (await hear(hers))["body"]["id"] == "for anna"
        assert (await hear(hers_too))["body"]["id"] == "for anna"
        assert (await hear(his))["body"]["id"] == "for liwei"


async def test_an_acknowledgement_counts_once(served: Served) -> None:
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        served.tell("screenpop", screen_pop("p1"))
        await hear(socket)
        await say(socket, type="ack", pop="p1")
        await say(socket, type="ack", pop="p1")
        await say(socket, type="ack", pop="p2")
        assert (await hear(socket))["text"] == "pop: this page was not shown such a pop"
    for stage in ("offered", "delivered", "acknowledged"):
        [count] = served.counted("pbxd_screenpop_stage_seconds", stage=stage, node="pbx1")
        assert 0 <= count.value < LIMIT_S


async def test_pause_is_ordered_and_its_reply_goes_back(served: Served) -> None:
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        await say(socket, type="pause", order="o-1", paused=True, reason="lunch")
        await until(lambda: served.desk.given(PauseAgent))
        [order] = served.desk.given(PauseAgent)
        assert (order.order, order.agent, order.paused, order.reason) == ("o-1", "anna", True, "lunch")
        served.tell("order", {"id": "o-1", "outcome": "done", "text": ""})
        assert (await hear(socket))["body"] == {"id": "o-1", "outcome": "done", "text": ""}


async def test_the_desk_hears_when_an_agents_first_page_opens_and_his_last_one_closes(served: Served) -> None:
    headers = await sign_in(served)
    async with page(served, headers) as first:
        await hear(first)
        async with page(served, headers) as second:
            await hear(second)
        assert not served.desk.given(PageClosed)
    await until(lambda: served.desk.given(PageClosed))
    assert [order.agent for order in served.desk.given(PageOpened)] == ["anna"]


async def test_a_pop_that_is_told_again_with_its_history_counts_once(served: Served) -> None:
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        for found in ("pending", "found"):
            served.tell("screenpop", screen_pop("p1", history={"state": found, "why": "", "contacts": []}))
            assert (await hear(socket))["body"]["history"]["state"] == found
    assert len(served.counted("pbxd_screenpops_total", shown="yes")) == 1
    assert len(served.counted("pbxd_screenpop_stage_seconds", stage="delivered")) == 1


async def test_an_order_that_is_turned_down_says_why(served: Served) -> None:
    served.desk.refuse = "you are in no queue"
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        await say(socket, type="pause", order="o-1", paused=True)
        said = await hear(socket)
        assert said["body"] == {
            "id": "o-1",
            "outcome": "refused",
            "code": "",
            "text": "you are in no queue",
            "body": {},
        }


@pytest.mark.parametrize(
    "said",
    [
        "",
        "not json",
        "[]",
        "null",
        "[" * 3000,
        '{"type":"fly"}',
        '{"type":"ack"}',
        '{"type":"ack","pop":""}',
        '{"type":"ack","pop":7}',
        '{"type":"ack","pop":"p","more":1}',
        '{"type":"pause","order":"x","paused":"yes"}',
        '{"type":"pause","order":"x y","paused":true}',
        '{"type":"pause","order":"x\\n","paused":true}',
        '{"type":"pause","order":"x","paused":true,"reason":"a\\r\\nAction: Originate"}',
        b"\xff\xfe",
    ],
)
async def test_a_message_that_makes_no_sense_is_refused_and_counted(
    served: Served, said: str | bytes
) -> None:
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        await socket.send(said)
        answer = await hear(socket)
        assert answer["type"] == "refused"
        assert answer["text"]
        await say(socket, type="resume")
        assert (await hear(socket))["type"] == "snapshot"
    assert not served.desk.given(PauseAgent)
    assert len(served.counted("pbxd_web_refused_total", kind="message")) == 1


async def test_a_page_that_only_talks_nonsense_is_sent_away(served: Served) -> None:
    async with page(served, await sign_in(served)) as socket:
        for _ in range(6):
            await socket.send("nonsense")
        assert (await closed(socket))[0] == NONSENSE


async def test_a_page_that_talks_without_end_is_sent_away(served: Served) -> None:
    async with page(served, await sign_in(served)) as socket:
        for number in range(500):
            try:
                await say(socket, type="pause", order=f"o{number}", paused=True)
            except ConnectionClosed:
                break
        assert (await closed(socket))[0] == NONSENSE
    assert len(served.desk.given(PauseAgent)) <= 60


async def test_too_large_a_message_closes_the_page(served: Served) -> None:
    async with page(served, await sign_in(served)) as socket:
        await socket.send("x" * 20_000)
        assert (await closed(socket))[0] == 1009


async def test_without_a_session_or_from_another_site_no_page_opens(served: Served) -> None:
    good = await sign_in(served)
    for headers, status in (
        ({"Origin": served.origin}, 401),
        ({**good, "Cookie": "pbxd_session=forged.x.y"}, 401),
        ({**good, "Origin": "https://evil.example"}, 403),
        ({"Cookie": good["Cookie"]}, 403),
    ):
        with pytest.raises(InvalidStatus) as refused:
            await page(served, headers)
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body)["error"]["text"]


async def test_signing_out_closes_the_pages_of_that_session_only(served: Served) -> None:
    first, second = await sign_in(served), await sign_in(served)
    async with page(served, first) as gone, page(served, second) as stays:
        await hear(gone)
        await hear(stays)
        async with httpx.AsyncClient(
            base_url=served.origin, headers={"Cookie": first["Cookie"]}, verify=False
        ) as http:
            token = (await http.get("/api/me")).json()["csrf"]
            assert (await http.delete("/api/session", headers={"X-CSRF-Token": token})).status_code == 204
        assert (await closed(gone))[0] == SIGNED_OUT
        await say(stays, type="resume")
        assert (await hear(stays))["type"] == "snapshot"
        with pytest.raises(InvalidStatus):
            await page(served, first)


async def test_heartbeats_go_out_and_a_silent_page_is_closed() -> None:
    async with serving(Patience(alive_every_s=0.05, silent_after_s=0.3)) as served:
        headers = await sign_in(served)
        async with page(served, headers) as silent:
            heard = [json.loads(await silent.recv()) for _ in range(3)]
            assert [said["type"] for said in heard] == ["snapshot", "alive", "alive"]
            assert {said["seq"] for said in heard} == {1}
            assert (await closed(silent))[0] == SILENT


async def test_a_session_that_runs_out_closes_its_page() -> None:
    brief = serving(Patience(alive_every_s=0.05), session_s=1)
    async with brief as served, page(served, await sign_in(served)) as socket:
        assert (await closed(socket))[0] == SIGNED_OUT


async def test_the_oldest_page_goes_when_an_agent_opens_too_many() -> None:
    async with serving(Patience(pages_per_agent=2)) as served:
        headers = await sign_in(served)
        async with (
            page(served, headers) as first,
            page(served, headers) as second,
            page(served, headers) as third,
        ):
            assert (await closed(first))[0] == CROWDED
            for socket in (second, third):
                assert (await hear(socket))["type"] == "snapshot"


async def test_a_page_that_reads_nothing_is_cut_off_and_costs_the_others_nothing() -> None:
    async with serving(Patience(send_timeout_s=3.0, moments=8)) as served:
        headers = await sign_in(served)
        deaf = await deaf_page(served, headers)
        try:
            async with page(served, headers) as other:
                await hear(other)
                await until(lambda: served.edge.open_pages == 2)
                bulk = "x" * 400_000
                for number in range(60):
                    served.tell("screenpop", screen_pop(f"p{number}", subject=bulk))
                    assert (await hear(other))["body"]["id"] == f"p{number}"
                await until(lambda: served.edge.open_pages == 1)
        finally:
            deaf.close()
        assert served.counted("pbxd_screenpops_dropped_total")


async def deaf_page(served: Served, headers: dict[str, str]) -> socket.socket:
    """A WebSocket client that shakes hands and then never reads again."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, served.edge.address)
    lines = ["GET /ws HTTP/1.1", f"Host: {served.origin[7:]}", "Connection: Upgrade", "Upgrade: websocket",
             "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]  # fmt: skip
    lines += [f"{name}: {value}" for name, value in headers.items()]
    await loop.sock_sendall(sock, ("\r\n".join(lines) + "\r\n\r\n").encode())
    assert (await loop.sock_recv(sock, 12)) == b"HTTP/1.1 101"
    return sock


async def test_stopping_says_good_bye_to_every_page() -> None:
    async with serving() as served:
        headers = await sign_in(served)
        sockets = [await page(served, headers) for _ in range(3)]
        for socket in sockets:
            await hear(socket)
    for socket in sockets:
        assert (await closed(socket))[0] in (1001, 1012)
        await socket.wait_closed()


async def test_a_burst_of_states_reaches_the_page_as_few_and_the_last_one_is_the_newest() -> None:
    async with serving(Patience(state_every_s=0.2)) as served, page(served, await sign_in(served)) as socket:
        await hear(socket)
        heard = []
        for number in range(500):
            served.tell("state", {"agent": {"id": "anna"}, "queues": [], "n": number})
            if number % 100 == 0:
                heard.append(await hear(socket))
                served.tell("screenpop", screen_pop(f"p{number}"))
        while not heard or heard[-1]["body"].get("n") != 499:
            heard.append(await hear(socket))
        states = [said["body"]["n"] for said in heard if said["kind"] == "state"]
        assert len(states) < 50
        assert states == sorted(states)
        assert [said["body"]["id"] for said in heard if said["kind"] == "screenpop"] == [
            f"p{number}" for number in range(0, 500, 100)
        ]
        assert [said["seq"] for said in heard] == list(range(2, len(heard) + 2))


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode), st.from_regex(JSONISH)))
def test_whatever_a_page_says_is_either_understood_or_refused(said: bytes | str) -> None:
    with contextlib.suppress(ValidationError):
        saying = SAYING.validate_json(said)
        assert saying.type in {"resume", "alive", "ack", "pause"}
