"""Reports over real HTTP: from a history on disk, for those who may see them, as far as they may."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from jsonschema import Draft202012Validator

from pbxd.edge.store import Store
from pbxd.edge.store.reports import Reports
from pbxd.edge.web import Reporting
from pbxd.figures.thresholds import Thresholds
from pbxd.reports.shares import Rules
from tests.integration.scripted_desk import BOSS, DESKTOP, PASSWORD, serving
from tests.integration.store_samples import contact, sqlite_settings

AT = datetime(2026, 11, 21, 22, 30, tzinfo=UTC).timestamp()  # in Shanghai it is the next day
SHANGHAI = ZoneInfo("Asia/Shanghai")
LIMITS = Thresholds()
RULES = Rules(
    service_level_s=LIMITS.service_level_s,
    short_abandon_s=LIMITS.short_abandon_s,
    first_contact_days=7,
    skills={},
)
Json = dict[str, Any]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def http(reports_share_a_process: None, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = sqlite_settings(tmp_path)
    store = await Store.open(settings)
    for number, (agent, queue) in enumerate((("anna", "billing"), ("liwei", "=1+1"), ("anna", "billing"))):
        store.remember(contact(number, arrived=AT + number, agents=(agent,), queue=queue))
    await store.flushed()
    await store.close()
    reports = Reports(settings, timeout_s=60)
    reporting = Reporting(books=reports, rules=RULES, zone=SHANGHAI)
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving(reporting=reporting))
        yield await stack.enter_async_context(
            httpx.AsyncClient(base_url=served.origin, timeout=60, verify=False)
        )


async def test_the_figures_of_a_day_of_this_place(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/reports?date=2026-11-22&by=agent", headers=bearer(BOSS))
    assert answer.status_code == 200
    told = answer.json()
    assert told["from"] == "2026-11-22T00:00+08:00"
    assert {row["key"]: row["calls"] for row in told["rows"]} == {"anna": 2, "liwei": 1}
    assert told["total"]["calls"] == 3
    assert told["total"]["occupancy"] is None
    assert told["top"][0]["key"] == "anna"
    assert told["top"][0]["calls"][0]["number"] == "***000"
    before = await http.get("/api/reports?date=2026-11-21", headers=bearer(BOSS))
    assert before.json()["total"]["calls"] == 0


async def test_what_is_answered_is_what_the_description_says(http: httpx.AsyncClient) -> None:
    description = (await http.get("/api/openapi.json")).json()
    for path in ("/api/reports", "/api/reports/calls"):
        answer = (await http.get(f"{path}?date=2026-11-22", headers=bearer(BOSS))).json()
        schema = description["paths"][path]["get"]["responses"]["200"]["content"]["application/json"][
            "schema"
        ]
        Draft202012Validator({**schema, "components": description["components"]}).validate(answer)


async def test_the_calls_behind_a_number(http: httpx.AsyncClient) -> None:
    where = "/api/reports/calls?date=2026-11-22&by=agent&key=anna&figure=talk_s"
    told = (await http.get(where, headers=bearer(BOSS))).json()
    assert told["total"] == 2
    assert [(call["call"], call["value"], call["of"]) for call in told["calls"]] == [
        ("pbx1:0", 25.0, 1),
        ("pbx1:2", 25.0, 1),
    ]
    second = (await http.get(f"{where}&offset=1&limit=1", headers=bearer(BOSS))).json()
    assert [call["call"] for call in second["calls"]] == ["pbx1:2"]
    assert "+86" not in str(told)


async def test_a_sheet_computes_nothing(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/reports?date=2026-11-22&format=csv", headers=bearer(BOSS))
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [line["queue"] for line in lines] == ["'=1+1", "billing", ""]
    behind = await http.get("/api/reports/calls?date=2026-11-22&format=csv", headers=bearer(BOSS))
    assert "'=1+1" in behind.text


async def test_an_operator_of_some_agents_sees_theirs_only(http: httpx.AsyncClient) -> None:
    told = (await http.get("/api/reports?date=2026-11-22&by=agent", headers=bearer(DESKTOP))).json()
    assert [row["key"] for row in told["rows"]] == ["anna"]
    assert told["total"] is None
    assert [top["key"] for top in told["top"]] == ["anna"]
    sheet = await http.get("/api/reports?date=2026-11-22&by=agent&format=csv", headers=bearer(DESKTOP))
    assert "liwei" not in sheet.text
    assert "total" not in sheet.text
    for refused in (
        "/api/reports?by=queue",
        "/api/reports/calls?by=agent",
        "/api/reports/calls?by=agent&key=liwei",
        "/api/reports/calls?by=queue&key=anna",
    ):
        answer = await http.get(refused, headers=bearer(DESKTOP))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours")


async def test_agents_and_strangers_get_none(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/reports")).status_code == 401
    assert (await http.get("/api/reports", headers=bearer("x" * 30))).status_code == 401
    await http.post("/api/session", json={"agent": "anna", "password": PASSWORD})
    assert (await http.get("/api/reports")).status_code == 403
    assert (await http.get("/api/reports/calls")).status_code == 403


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("/api/reports?by=moon", "by"),
        ("/api/reports?date=yesterday", "date"),
        ("/api/reports?from=2026-11-02&to=2026-11-01", "to"),
        ("/api/reports?from=2016-11-02&to=2026-11-01", "to"),
        ("/api/reports/calls?figure=moon", "figure"),
        ("/api/reports/calls?limit=0", "limit"),
    ],
)
async def test_a_question_that_makes_no_sense_is_told_where(
    http: httpx.AsyncClient, question: str, place: str
) -> None:
    answer = await http.get(question, headers=bearer(BOSS))
    assert answer.status_code == 422
    assert place in answer.json()["error"]["text"]


async def test_a_history_that_is_away_is_told(tmp_path: Path) -> None:
    async def away(*_: object) -> Any:
        raise OSError("no route")

    class Away:
        report = staticmethod(away)
        calls = staticmethod(away)

    reporting = Reporting(books=Away(), rules=RULES, zone=UTC)
    async with (
        serving(reporting=reporting) as served,
        httpx.AsyncClient(base_url=served.origin, verify=False) as http,
    ):
        answer = await http.get("/api/reports", headers=bearer(BOSS))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
