"""Transfers over REST: who may do what, what is asked of the desk, and how each outcome is told."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pbxd.agents.refused import Reason
from pbxd.edge.asking import transfer_for
from pbxd.edge.web.documents import TargetRow, TransferView
from pbxd.edge.web.transfers import STATUS
from pbxd.orders import (
    AcknowledgeHandover,
    AnnotateTransfer,
    EndCallback,
    EndWrapUp,
    MoveTransfer,
    ReportRepeat,
    StartTransfer,
    Target,
    TargetKind,
    TransferMode,
    Verb,
)
from tests.integration.scripted_desk import (
    BOSS,
    DESKTOP,
    PASSWORD,
    Served,
    done,
    handover,
    refused,
    serving,
    target,
    view,
)

LIMIT_S = 10
WEB_PAGE = Path(__file__).parents[2] / "docs/web.md"
TO_LIWEI = {"targets": [{"kind": "agent", "id": "liwei"}]}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        served.desk.answer = done(view())
        yield served


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """Anna at her page."""
    async with httpx.AsyncClient(base_url=served.origin, timeout=LIMIT_S, verify=False) as http:
        signed = await http.post("/api/session", json={"agent": "anna", "password": PASSWORD})
        http.headers["X-CSRF-Token"] = signed.json()["csrf"]
        yield http


@pytest.fixture
async def boss(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {BOSS}"}
    async with httpx.AsyncClient(
        base_url=served.origin, timeout=LIMIT_S, headers=headers, verify=False
    ) as http:
        yield http


@pytest.fixture
async def desktop(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A program that may act for anna only."""
    headers = {"Authorization": f"Bearer {DESKTOP}"}
    async with httpx.AsyncClient(
        base_url=served.origin, timeout=LIMIT_S, headers=headers, verify=False
    ) as http:
        yield http


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# ---------------------------------------------------------------- an agent for himself


async def test_an_agent_starts_a_transfer_with_fallbacks_and_gets_the_view(
    http: httpx.AsyncClient, served: Served
) -> None:
    body = {
        "call": "pbx1:1732227712.33",
        "targets": [{"kind": "agent", "id": "liwei"}, {"kind": "skill", "id": "billing"}],
        "mode": "blind",
        "reason": " Refund ",
        "note": "Invoice 4711\r\nis wrong 退款",
    }
    answer = await http.post("/api/transfers", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json() == view() | {"times": answer.json()["times"]}
    [order] = served.desk.given(StartTransfer)
    assert order.agent == "anna"
    assert order.call == "pbx1:1732227712.33"
    assert order.targets == (
        Target(kind=TargetKind.AGENT, id="liwei"),
        Target(kind=TargetKind.SKILL, id="billing"),
    )
    assert order.mode is TransferMode.BLIND
    assert (order.reason, order.note) == ("Refund", "Invoice 4711\nis wrong 退款")


async def test_the_same_key_is_the_same_transfer_and_no_key_a_new_one(
    http: httpx.AsyncClient, served: Served
) -> None:
    key = {"Idempotency-Key": "a-1"}
    for headers in (key, key, {}, {}):
        assert (await http.post("/api/transfers", json=TO_LIWEI, headers=headers)).status_code == 201
    ids = [order.transfer for order in served.desk.given(StartTransfer)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert len({order.order for order in served.desk.given(StartTransfer)}) == 4
    other = {"targets": [{"kind": "queue", "id": "billing"}]}
    assert code(await http.post("/api/transfers", json=other, headers=key)) == (422, "key_reused")
    assert len(served.desk.given(StartTransfer)) == 4


async def test_a_key_is_the_interfaces_own(http: httpx.AsyncClient, served: Served) -> None:
    await http.post("/api/transfers", json=TO_LIWEI, headers={"Idempotency-Key": "mqtt 7"})
    [order] = served.desk.given(StartTransfer)
    assert order.transfer != transfer_for("anna", "mqtt 7")


async def test_two_agents_with_the_same_key_have_two_transfers(
    boss: httpx.AsyncClient, served: Served
) -> None:
    for agent in ("anna", "liwei"):
        body = {**TO_LIWEI, "agent": agent}
        await boss.post("/api/transfers", json=body, headers={"Idempotency-Key": "a-1"})
    assert len({order.transfer for order in served.desk.given(StartTransfer)}) == 2


@pytest.mark.parametrize("verb", list(Verb))
async def test_every_verb_becomes_an_order(http: httpx.AsyncClient, served: Served, verb: Verb) -> None:
    answer = await http.post(f"/api/transfers/t1/{verb.value}")
    assert answer.status_code == 200
    [order] = served.desk.given(MoveTransfer)
    assert (order.agent, order.transfer, order.verb, order.queue) == ("anna", "t1", verb, None)


async def test_a_requeue_names_its_queue(http: httpx.AsyncClient, served: Served) -> None:
    await http.post("/api/transfers/t1/requeue", json={"queue": "technical"})
    assert [order.queue for order in served.desk.given(MoveTransfer)] == ["technical"]


async def test_notes_change_only_what_is_given(http: httpx.AsyncClient, served: Served) -> None:
    answer = await http.patch("/api/transfers/t1", json={"note": "knows the case"})
    assert answer.status_code == 200
    [order] = served.desk.given(AnnotateTransfer)
    assert (order.reason, order.note, order.disposition) == (None, "knows the case", None)


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        ("target_busy", 409),
        ("already_transferring", 409),
        ("not_possible_now", 409),
        ("no_call", 409),
        ("not_allowed", 409),
        ("link_down", 409),
        ("not_yours", 403),
        ("no_such_transfer", 404),
        ("rate_limited", 429),
    ],
)
async def test_a_refusal_has_its_code_and_its_reason(
    http: httpx.AsyncClient, served: Served, refusal: str, status: int
) -> None:
    served.desk.answer = refused(refusal, "Li Wei is talking")
    answer = await http.post("/api/transfers", json=TO_LIWEI)
    assert answer.status_code == status
    assert answer.json() == {"error": {"code": refusal, "text": "Li Wei is talking"}}


async def test_nobody_answers_in_time_and_that_is_said_as_it_is(
    http: httpx.AsyncClient, served: Served
) -> None:
    served.desk.answer = lambda order: None
    served.desk.deadline_s = 0.05
    answer = await http.post("/api/transfers/t1/complete")
    assert code(answer) == (504, "unknown")
    assert "nobody knows" in answer.json()["error"]["text"]
    assert len(served.desk.replies) == 0


async def test_he_sees_what_concerns_him_and_nothing_else(http: httpx.AsyncClient, served: Served) -> None:
    other = {"agent": "maria", "name": "Maria", "interface": "PJSIP/1003"}
    to_bob = {"kind": "agent", "id": "bob", "name": "Bob", "agent": "bob"}
    served.desk.views = [view(), view("t2", transferer=other, target=to_bob)]
    listed = (await http.get("/api/transfers")).json()["transfers"]
    assert [each["id"] for each in listed] == ["t1"]
    assert (await http.get("/api/transfers/t1")).json()["id"] == "t1"
    assert code(await http.get("/api/transfers/t2")) == (404, "no_such_transfer")
    assert code(await http.get("/api/transfers?agent=maria")) == (403, "not_yours")
    body = {**TO_LIWEI, "agent": "liwei"}
    assert code(await http.post("/api/transfers", json=body)) == (403, "not_yours")
    assert not served.desk.given(StartTransfer)


async def test_the_picker_is_asked_for_a_call_and_a_word(http: httpx.AsyncClient, served: Served) -> None:
    why = "paused: lunch"
    served.desk.rows = [target(), target("maria", "Maria", state="paused", allowed=False, why=why)]
    answer = await http.get("/api/targets", params={"call": "pbx1:7", "q": " mar "})
    assert [row["id"] for row in answer.json()["targets"]] == ["maria"]
    assert answer.json()["targets"][0]["why"] == why
    assert served.desk.sought == [("anna", "pbx1:7", "mar")]


async def test_an_acknowledgement_needs_a_hand_over(http: httpx.AsyncClient, served: Served) -> None:
    assert code(await http.post("/api/transfers/t1/acknowledge")) == (404, "no_such_transfer")
    served.desk.handovers["anna"] = [handover("t1", "anna")]
    assert (await http.post("/api/transfers/t1/acknowledge")).status_code == 204
    [order] = served.desk.given(AcknowledgeHandover)
    assert (order.agent, order.transfer) == ("anna", "t1")


async def test_a_repeat_and_the_end_of_a_wrap_up(http: httpx.AsyncClient, served: Served) -> None:
    served.desk.answer = done()
    assert (await http.post("/api/calls/pbx1:1732227712.33/repeated")).json() == {"done": True}
    [repeat] = served.desk.given(ReportRepeat)
    assert (repeat.agent, repeat.call) == ("anna", "pbx1:1732227712.33")
    assert (await http.post("/api/wrap-up/end")).status_code == 200
    assert [order.agent for order in served.desk.given(EndWrapUp)] == ["anna"]


async def test_callers_who_want_to_be_called_back(http: httpx.AsyncClient, served: Served) -> None:
    wish = {
        "version": 1,
        "id": "t1",
        "node": "pbx1",
        "call": "pbx1:1732227712.33",
        "at": 1732227800.0,
        "caller": {"number": "+4989123456", "name": "Müller"},
        "queue": "support",
        "agent": "liwei",
        "reason": "an invoice",
    }
    served.desk.wishes = [wish]
    assert (await http.get("/api/callbacks")).json() == {"callbacks": [wish]}
    served.desk.answer = done(wish)
    answer = await http.post("/api/callbacks/t1/done")
    assert (answer.status_code, answer.json()) == (200, wish)
    assert [(order.agent, order.callback) for order in served.desk.given(EndCallback)] == [("anna", "t1")]
    served.desk.answer = refused("no_such_callback", "somebody else has done it")
    assert (await http.post("/api/callbacks/t1/done")).status_code == 404


# ---------------------------------------------------------------- who comes in


async def test_without_a_session_without_the_csrf_token_and_from_another_site_nothing_is_done(
    http: httpx.AsyncClient, served: Served
) -> None:
    async with httpx.AsyncClient(base_url=served.origin, verify=False) as nobody:
        for method, path in (
            ("GET", "/api/transfers"),
            ("GET", "/api/targets"),
            ("POST", "/api/transfers"),
            ("POST", "/api/transfers/t1/cancel"),
            ("PATCH", "/api/transfers/t1"),
            ("POST", "/api/wrap-up/end"),
        ):
            content = TO_LIWEI if path == "/api/transfers" else {}
            answer = await nobody.request(method, path, json=content if method != "GET" else None)
            assert code(answer) == (401, "signed_out"), path
    del http.headers["X-CSRF-Token"]
    assert (await http.post("/api/transfers", json=TO_LIWEI)).status_code == 403
    assert not served.desk.orders


async def test_a_token_acts_for_whom_it_names(boss: httpx.AsyncClient, served: Served) -> None:
    answer = await boss.post("/api/transfers", json={**TO_LIWEI, "agent": "anna"})
    assert answer.status_code == 201
    assert (await boss.post("/api/transfers/t1/cancel", params={"agent": "anna"})).status_code == 200
    assert (await boss.post("/api/transfers/t1/cancel")).status_code == 200
    assert [order.agent for order in served.desk.given(StartTransfer)] == ["anna"]
    assert [order.agent for order in served.desk.given(MoveTransfer)] == ["anna", None]
    assert code(await boss.post("/api/transfers", json=TO_LIWEI)) == (422, "no_agent")
    nobody = {**TO_LIWEI, "agent": "nobody"}
    assert code(await boss.post("/api/transfers", json=nobody)) == (404, "no_such_agent")


async def test_a_token_for_one_agent_reaches_no_other(desktop: httpx.AsyncClient, served: Served) -> None:
    liwei = {"agent": "liwei", "name": "李伟", "interface": "PJSIP/1002"}
    to_bob = {"kind": "agent", "id": "bob", "name": "Bob", "agent": "bob"}
    to_anna = {"kind": "agent", "id": "anna", "name": "Anna Berg", "agent": "anna"}
    served.desk.views = [
        view("mine"),
        view("to-me", transferer=liwei, target=to_anna),
        view("theirs", transferer=liwei, target=to_bob),
    ]
    listed = (await desktop.get("/api/transfers")).json()["transfers"]
    assert [each["id"] for each in listed] == ["mine", "to-me"]
    assert (await desktop.post("/api/transfers/mine/cancel")).status_code == 200
    assert code(await desktop.post("/api/transfers/to-me/cancel")) == (403, "not_yours")
    assert code(await desktop.post("/api/transfers/theirs/cancel")) == (404, "no_such_transfer")
    as_liwei = {"agent": "liwei"}
    assert code(await desktop.post("/api/transfers/theirs/cancel", params=as_liwei)) == (403, "not_yours")
    assert [order.transfer for order in served.desk.given(MoveTransfer)] == ["mine"]


@pytest.mark.parametrize(
    "authorization",
    ["Bearer wrong", f"Basic {BOSS}", BOSS, "Bearer", f"Bearer {BOSS}x", "Bearer " + "x" * 600],
)
async def test_a_wrong_token_is_refused_and_says_how_to_come_in(served: Served, authorization: str) -> None:
    headers = {"Authorization": authorization.encode()}
    async with httpx.AsyncClient(base_url=served.origin, headers=headers, verify=False) as http:
        answer = await http.get("/api/transfers")
        assert code(answer) == (401, "wrong_token")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_guessing_tokens_is_braked_and_the_right_one_is_not(
    served: Served, boss: httpx.AsyncClient
) -> None:
    async with httpx.AsyncClient(
        base_url=served.origin, headers={"Authorization": "Bearer x"}, verify=False
    ) as http:
        for _ in range(10):
            assert (await http.get("/api/transfers")).status_code == 401
        answer = await http.get("/api/transfers")
    assert code(answer) == (429, "too_many")
    assert int(answer.headers["retry-after"]) > 0
    assert (await boss.get("/api/transfers")).status_code == 200


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "targets"),
        ({"targets": []}, "targets"),
        ({"targets": [{"kind": "agent"}]}, "targets.0.id"),
        ({"targets": [{"kind": "friend", "id": "x"}]}, "targets.0.kind"),
        ({"targets": [{"kind": "agent", "id": "x\ny"}]}, "targets.0.id"),
        ({"targets": [{"kind": "agent", "id": ""}]}, "targets.0.id"),
        ({"targets": [{"kind": "agent", "id": "x"}] * 9}, "targets"),
        ({**TO_LIWEI, "mode": "fast"}, "mode"),
        ({**TO_LIWEI, "reason": "x" * 201}, "reason"),
        ({**TO_LIWEI, "reason": "a\x00b"}, "reason"),
        ({**TO_LIWEI, "note": "x" * 2001}, "note"),
        ({**TO_LIWEI, "note": "a\x1bb"}, "note"),
        ({**TO_LIWEI, "call": "a b"}, "call"),
        ({**TO_LIWEI, "hurry": True}, "hurry"),
        ([], "body"),
    ],
)
async def test_a_bad_start_is_refused_and_the_place_is_named(
    http: httpx.AsyncClient, served: Served, body: Any, place: str
) -> None:
    answer = await http.post("/api/transfers", json=body)
    assert answer.status_code == 422
    assert place in answer.json()["error"]["text"]
    assert not served.desk.orders
    assert served.counted("pbxd_web_refused_total", kind="request")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/transfers/t1/explode"),
        ("POST", "/api/transfers/bad_id/cancel"),
        ("POST", f"/api/transfers/{'x' * 41}/cancel"),
        ("PATCH", "/api/transfers/bad id"),
        ("POST", "/api/calls/a%20b/repeated"),
        ("GET", "/api/targets?q=" + "x" * 81),
    ],
)
async def test_bad_paths_are_refused(http: httpx.AsyncClient, served: Served, method: str, path: str) -> None:
    answer = await http.request(method, path, json={} if method == "PATCH" else None)
    assert answer.status_code == 422, answer.text
    assert not served.desk.orders


# ---------------------------------------------------------------- the description


async def test_the_description_names_every_reason_for_not_now(http: httpx.AsyncClient) -> None:
    document = (await http.get("/api/openapi.json")).json()
    schemas = document["components"]["schemas"]
    named = set(schemas["NotNow"]["properties"]["code"]["enum"])
    for path, does in (("/api/transfers", "post"), ("/api/transfers/{transfer}/{verb}", "post")):
        answer = document["paths"][path][does]["responses"]["409"]["content"]["application/json"]
        assert answer["schema"] == {"$ref": "#/components/schemas/NotNowRefusal"}
    assert {reason.value for reason in Reason if reason.value not in STATUS} <= named
    (row,) = (line for line in WEB_PAGE.read_text().splitlines() if line.startswith("| 409 |"))
    assert named == set(re.findall(r"`(\w+)`", row))


async def test_what_the_tests_call_a_view_is_what_the_description_says(http: httpx.AsyncClient) -> None:
    for state in ("created", "ringing", "talking", "swapped", "merged", "ended"):
        TransferView.model_validate(view("t1", state))
    TargetRow.model_validate(target())
    document = (await http.get("/api/openapi.json")).json()
    start = document["paths"]["/api/transfers"]["post"]
    assert {"201", "401", "403", "404", "409", "422", "429", "504"} <= set(start["responses"])
    assert {"HTTPBearer", "APIKeyCookie"} == set(document["components"]["securitySchemes"])
    assert {"APIKeyCookie": []} in start["security"]
    assert {"HTTPBearer": []} in start["security"]
    assert any(each["name"] == "idempotency-key" for each in start["parameters"])
    assert json.dumps(document)


async def test_orders_of_many_at_once_are_each_answered_by_their_own_reply(
    boss: httpx.AsyncClient, served: Served
) -> None:
    from pbxd.effects import Reply

    def mirror(order: Any) -> Reply:
        return Reply(order=order.order, agent=None, outcome="done", body=view(order.transfer))

    served.desk.answer = mirror
    names = [f"t{n}" for n in range(50)]
    answers = await asyncio.gather(*(boss.post(f"/api/transfers/{name}/swap") for name in names))
    assert [answer.json()["id"] for answer in answers] == names
