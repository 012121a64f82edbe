"""The wallboard in a real browser, before a real web edge whose states are published by the test."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from deploy.build_page import build
from pbxd.edge.web.pages import Patience
from pbxd.effects import Publish
from tests.integration.chromium import Visitor, visiting
from tests.integration.scripted_desk import PASSWORD, Served, serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TODAY = {
    "billing": {"entries": 118, "answered": 104, "abandoned": 9, "service_level": 0.74},
    "technical": {"entries": 64, "answered": 61, "abandoned": 2, "service_level": 0.57},
    "sales": {"entries": 31, "answered": 31, "abandoned": 0, "service_level": 1.0},
}
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build()


def member(name: str, state: str = "ready", paused: bool = False) -> dict[str, Any]:
    reason = "pbxd:wrap-up" if paused else ""
    return {
        "interface": f"PJSIP/{name}",
        "name": name,
        "state": state,
        "paused": paused,
        "paused_reason": reason,
    }


def queue(name: str, waits: tuple[float, ...], *members: dict[str, Any]) -> dict[str, Any]:
    now = time.time()
    callers = [{"call": f"pbx1:{n}", "number": "", "since": now - waited} for n, waited in enumerate(waits)]
    longest = now - max(waits) if waits else None
    return {
        "node": "pbx1",
        "name": name,
        "waiting": len(waits),
        "longest_since": longest,
        "callers": callers,
        "members": list(members),
    }


def alerts(*, name: str = "Grüne Wiese GmbH", link: str = "tel:+4930123456") -> dict[str, Any]:
    now = time.time()
    about = {"version": 1, "event": "open", "node": "pbx1", "at": now, "limit_s": 300.0, "how": None}
    waits = {
        **about,
        "id": "caller_waits/pbx1:7/1",
        "kind": "caller_waits",
        "queue": "billing",
        "call": "pbx1:7",
        "caller": {"number": "+4930123456", "name": name},
        "since": now - 372.0,
        "waited_s": 372.0,
        "began": now - 72.0,
        "waiting": None,
        "call_back": link,
    }
    nobody = {
        **about,
        "id": "queue_unattended/pbx1/night/1",
        "kind": "queue_unattended",
        "queue": "night",
        "call": None,
        "caller": None,
        "since": now - 95.0,
        "waited_s": 95.0,
        "began": now - 35.0,
        "waiting": 2,
        "call_back": None,
    }
    return {"version": 1, "alerts": [waits, nobody]}


def show(served: Served, body: Mapping[str, Any], topic: str = "") -> None:
    topic = topic or f"{body['node']}/queue/{body['name']}/state"
    served.edge.show(Publish(topic=topic, body=body, retain=True))


@pytest_asyncio.fixture(loop_scope="module")
async def served() -> AsyncIterator[Served]:
    async def today() -> Mapping[str, Mapping[str, Any]]:
        return TODAY

    async with serving(Patience(alive_every_s=0.5), today=today) as served:
        anna, liwei = member("Anna Berg"), member("李伟", "talking")
        show(served, queue("billing", (372.0, 41.0, 12.0), liwei, member("Maria", "talking")))
        show(served, queue("technical", (65.0,), anna, liwei, member("Tom", paused=True)))
        show(served, queue("sales", (), anna, member("Eve", "ringing"), member("Jo", "offline")))
        show(served, queue("night", (95.0, 20.0), member("Jo", "offline")))
        show(served, {"node": "pbx1", "up": True, "since": 1.0, "reason": ""}, "pbx1/link/state")
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def chief(browser: Browser, served: Served) -> AsyncIterator[Visitor]:
    async with visiting(browser, served, viewport={"width": 1440, "height": 900}) as visitor:
        yield visitor
        assert not visitor.faults
        assert not visitor.dialogs


async def enter(visitor: Visitor, agent: str = "chief") -> None:
    await visitor.page.goto(f"{visitor.served.origin}/wallboard")
    await visitor.page.locator("[name=agent]").fill(agent)
    await visitor.page.locator("[name=password]").fill(PASSWORD)
    await visitor.page.keyboard.press("Enter")


async def test_it_shows_who_waits_who_is_there_and_how_the_day_goes(chief: Visitor, tmp_path: Path) -> None:
    show(chief.served, alerts(), "alerts/state")
    await enter(chief)
    page = chief.page
    billing = page.locator("[data-queue=billing]")
    await expect(billing.locator("[data-waiting]")).to_have_text("3")
    await expect(billing.locator("[data-longest]")).to_have_text(re.compile(r"6:[1-5]\d"))
    first = await billing.locator("[data-longest]").text_content()
    await expect(billing.locator("[data-longest]")).not_to_have_text(str(first))
    await expect(billing.locator("[data-state=talking]")).to_contain_text(
        re.compile("2.*Talking.*李伟, Maria", re.S)
    )
    await expect(billing).to_contain_text("118")
    await expect(billing).to_contain_text("74 %")
    await expect(page.locator("[data-queue=technical]")).to_contain_text("57 %")
    alert = page.locator("[data-alert]").first
    await expect(alert).to_contain_text(re.compile("billing.*a caller has waited.*Grüne Wiese", re.S))
    await expect(alert.locator("[data-lasted]")).to_have_text(re.compile(r"6:[1-5]\d"))
    await expect(alert.locator("[data-call-back]")).to_have_attribute("href", "tel:+4930123456")
    red = await alert.evaluate("each => getComputedStyle(each).backgroundColor")
    assert red == "rgb(179, 38, 30)"
    await expect(page).to_have_title("(2) Wallboard – pbxd")
    await page.screenshot(path=str(tmp_path / "wallboard.png"), full_page=True)


async def test_it_follows_what_happens_without_being_loaded_again(chief: Visitor) -> None:
    await enter(chief)
    page = chief.page
    sales = page.locator("[data-queue=sales]")
    await expect(sales.locator("[data-waiting]")).to_have_text("0")
    show(chief.served, queue("sales", (3.0,), member("Eve", "talking")))
    await expect(sales.locator("[data-waiting]")).to_have_text("1")
    await expect(sales.locator("[data-state]")).to_have_count(1)
    show(chief.served, alerts(), "alerts/state")
    await expect(page.locator("[data-alert]")).to_have_count(2)
    # The queue that needs somebody comes first.
    await expect(page.locator("[data-queue]").first).to_have_attribute("data-queue", "billing")
    show(chief.served, {"version": 1, "alerts": []}, "alerts/state")
    await expect(page.locator("[data-alert]")).to_have_count(0)
    lost = {"node": "pbx1", "up": False, "since": time.time() - 5.0, "reason": "no answer in time"}
    show(chief.served, lost, "pbx1/link/state")
    await expect(page.locator("[data-unheard=pbx1]")).to_be_visible()


async def test_it_speaks_chinese(chief: Visitor) -> None:
    show(chief.served, alerts(), "alerts/state")
    await enter(chief)
    await chief.page.get_by_role("button", name="中文").click()
    await expect(chief.page.get_by_role("heading", name="看板")).to_be_visible()
    await expect(chief.page.locator("[data-alert]").first).to_contain_text("来电者已等待")
    await expect(chief.page.locator("[data-alert]").nth(1)).to_contain_text("无人值守，2 人等待")
    await expect(chief.page.locator("[data-call-back]")).to_have_text(re.compile("回拨"))


async def test_a_strangers_words_stay_words(chief: Visitor) -> None:
    show(chief.served, alerts(name=HOSTILE, link="javascript:alert(1)"), "alerts/state")
    await enter(chief)
    alert = chief.page.locator("[data-alert]").first
    await expect(alert).to_contain_text(HOSTILE)
    await expect(alert.locator("[data-call-back]")).to_have_attribute("href", "#")
    assert await chief.page.locator("img").count() == 0


async def test_an_agent_who_supervises_nobody_is_told_so(chief: Visitor) -> None:
    await enter(chief, "anna")
    await expect(chief.page.locator("[data-no-right]")).to_contain_text("the wallboard is for supervisors")
    await expect(chief.page.locator("[data-queue]")).to_have_count(0)


async def test_who_supervises_one_queue_sees_one(chief: Visitor) -> None:
    show(chief.served, alerts(), "alerts/state")
    await enter(chief, "lead")
    await expect(chief.page.locator("[data-queue]")).to_have_count(1)
    await expect(chief.page.locator("[data-alert]")).to_have_count(1)
