"""An agent at his page, in a real browser, before a real pbxd and a real Asterisk."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from deploy.lab.centre import Centre
from deploy.lab.phones import Phones
from deploy.lab.tools import FORKY
from tests.integration.chromium import LIMIT_MS, Visitor, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CALLER = "+8613800138000"


@pytest.fixture(scope="module")
def suite() -> str:
    """One Asterisk is enough: what differs between versions is tested below the page."""
    return FORKY


@pytest_asyncio.fixture(loop_scope="module")
async def anna(browser: Browser, centre: Centre) -> AsyncIterator[Visitor]:
    """Anna, signed in, with her page open."""
    async with visiting(browser, SimpleNamespace(origin=centre.url)) as anna:
        await anna.sign_in(password=centre.password)
        yield anna
        assert not anna.dialogs


async def test_she_pauses_and_resumes_and_the_switch_knows(
    centre: Centre, all_phones: Phones, anna: Visitor
) -> None:
    await all_phones.agent(centre.switch, "1001", name="anna")
    page = anna.page
    await expect(page.get_by_role("banner")).to_contain_text("Ready")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("banner")).to_contain_text("Paused")
    await expect(page.get_by_role("button", name="Resume")).to_be_enabled()
    assert re.search(r"PJSIP/1001.*\(paused", await centre.switch.cli("queue show"))
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("banner")).to_contain_text("Ready")
    assert not re.search(r"PJSIP/1001.*\(paused", await centre.switch.cli("queue show"))


async def test_a_call_from_the_first_ring_to_the_history(
    centre: Centre, all_phones: Phones, anna: Visitor
) -> None:
    phone = await all_phones.agent(centre.switch, "1001", name="anna")
    caller = await all_phones.caller(centre.switch, CALLER, name="张三丰", label="caller")
    page = anna.page
    await expect(page.locator("[data-idle]")).to_be_visible()
    await caller.dial("4008001234")
    await caller.connected()
    await caller.keys("2")
    await caller.hears_only(within_s=20)
    await caller.keys("4711#")
    line = await phone.rings(30)
    pop = page.locator("[data-pop]").first
    await expect(pop.locator("[data-name]")).to_have_text("张三丰")
    await expect(pop.locator("[data-number]")).to_have_text(CALLER)
    await expect(pop.locator("[data-place]")).to_contain_text("China")
    await expect(pop.locator("[data-fact=queue]")).to_have_text("technical")
    await expect(pop.locator("[data-path]")).to_contain_text("4711")
    # On a busy machine the look-up may take longer than the caller is made to wait; then that is said.
    await expect(pop.locator("[data-history=found], [data-history=missing]")).to_be_visible()
    await phone.answer()
    await all_phones.hear_each_other(phone, caller)
    await expect(pop).to_contain_text("Call in progress")
    await expect(page.get_by_role("banner")).to_contain_text("Talking")
    await page.reload()
    await expect(pop.locator("[data-number]")).to_have_text(CALLER)
    await expect(pop).to_contain_text("Call in progress")
    await phone.hang_up(line)
    await caller.on_hook()
    await expect(page.locator("[data-closed] summary")).to_contain_text("Ended")
    recent = page.get_by_role("region", name="My last contacts").first
    await expect(recent).to_contain_text("张三丰", timeout=LIMIT_MS)
    await expect(recent).to_contain_text("Answered")


async def test_pbxd_is_restarted_and_the_page_comes_back_by_itself(
    centre: Centre, all_phones: Phones, anna: Visitor
) -> None:
    await all_phones.agent(centre.switch, "1001", name="anna")
    page = anna.page
    await expect(page.get_by_role("banner")).to_contain_text("Ready")
    await centre.kill_pbxd()
    await expect(page.locator("[data-lost]")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    await centre.start_pbxd()
    await expect(page.locator("[data-lost]")).to_have_count(0)
    await expect(page.get_by_role("banner")).to_contain_text("Ready")
    await expect(page.get_by_role("button", name="Pause")).to_be_enabled()
