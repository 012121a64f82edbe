"""Two agents at their pages hand a caller over: real browsers, a real pbxd, a real Asterisk, real phones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from deploy.lab.centre import DESKS, Centre, Desk
from deploy.lab.phones import Phone, Phones
from deploy.lab.tools import FORKY
from pbxd.edge.web.documents import TransferView
from tests.integration.chromium import Visitor, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CALLER = "02011111111"
QUEUE = "q501"  #: in which Anna answers first
TOKEN = "a-token-for-the-end-to-end-test"


@pytest.fixture(scope="module")
def suite() -> str:
    """One Asterisk is enough: what differs between versions is tested below the page."""
    return FORKY


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_centre(suite: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text(TOKEN)
    more = {
        "wrap_up": {"default": "10m", "declined_pause": "0s"},
        "web": {"tokens": [{"name": "boss", "token_file": str(token), "agents": "all"}]},
    }
    # Emil serves no queue: callers reach him by his number only.
    emil = Desk(id="emil", name="Emil", phones=("1007",), language="zh")
    async with Centre(suite, more=more, desks=(*DESKS, emil)) as centre:
        yield centre


async def _visit(browser: Browser, centre: Centre, agent: str) -> AsyncIterator[Visitor]:
    async with visiting(browser, SimpleNamespace(origin=centre.url)) as visitor:
        await visitor.sign_in(agent, centre.password)
        await expect(visitor.page.get_by_role("banner")).to_contain_text(agent)
        yield visitor
        assert not visitor.dialogs
        assert not visitor.faults


@pytest_asyncio.fixture(loop_scope="module")
async def anna(browser: Browser, centre: Centre) -> AsyncIterator[Page]:
    async for visitor in _visit(browser, centre, "anna"):
        yield visitor.page


@pytest_asyncio.fixture(loop_scope="module")
async def bruno(browser: Browser, centre: Centre) -> AsyncIterator[Page]:
    async for visitor in _visit(browser, centre, "bruno"):
        yield visitor.page


@pytest_asyncio.fixture(loop_scope="module")
async def emil(browser: Browser, centre: Centre) -> AsyncIterator[Page]:
    async for visitor in _visit(browser, centre, "emil"):
        yield visitor.page


@pytest_asyncio.fixture(loop_scope="module")
async def talking(
    centre: Centre, all_phones: Phones, anna: Page, bruno: Page
) -> AsyncIterator[tuple[Phone, Phone, Phone]]:
    """Anna talks with a caller; Bruno is ready. In the end nobody is in wrap-up."""
    her = await all_phones.agent(centre.switch, "1001", name="anna")
    his = await all_phones.agent(centre.switch, "1002", name="bruno")
    caller = await all_phones.caller(centre.switch, CALLER, trunk="trunk-queue", label="caller")
    await caller.dial(QUEUE[1:])
    await her.answer()
    await all_phones.hear_each_other(her, caller)
    yield her, his, caller
    await all_phones.hang_up_everything()
    await centre.quiet()
    async with operator(centre) as http:
        for agent in ("anna", "bruno"):
            await http.post("/api/wrap-up/end", params={"agent": agent})
    for page in (anna, bruno):
        await expect(page.get_by_role("banner")).to_contain_text("Ready")


def operator(centre: Centre) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.AsyncClient(base_url=centre.url, trust_env=False, headers=headers, verify=False)


async def starts(page: Page, *targets: str, how: str = "attended", reason: str = "Refund") -> None:
    """Open the picker and choose these."""
    await page.locator("[data-start]").click()
    for target in targets:
        await page.locator(f"[data-target='{target}']").click()
    await page.locator("pbxd-picker [name=reason]").fill(reason)
    await page.locator(f"[data-{how}]").click()


async def verbs(page: Page) -> set[str]:
    """The buttons of the transfer, as they can be pressed."""
    buttons = await page.locator("[data-verb]:enabled").all()
    return {str(await button.get_attribute("data-verb")) for button in buttons}


async def state(page: Page, wanted: str) -> None:
    await expect(page.locator(f"[data-transfer-state={wanted}]")).to_be_visible()


async def view(centre: Centre) -> dict[str, object]:
    """The only transfer, as a program with a token sees it; it is as the interface's description says."""
    async with operator(centre) as http:
        answer = await http.get("/api/transfers")
    open_ = [each for each in answer.json()["transfers"] if each["state"] != "ended"]
    assert len(open_) == 1, answer.text
    TransferView.model_validate(open_[0])
    return dict(open_[0])


async def test_anna_talks_with_bruno_writes_swaps_and_hands_over(
    centre: Centre,
    all_phones: Phones,
    talking: tuple[Phone, Phone, Phone],
    anna: Page,
    bruno: Page,
) -> None:
    her, his, caller = talking
    await starts(anna, "agent/bruno")
    # He knows why before he answers.
    await expect(bruno.locator("[data-handover] [data-reason]")).to_have_text("Refund")
    await his.rings()
    await state(anna, "ringing")
    assert (await view(centre))["state"] == "ringing"
    await his.answer()
    await all_phones.hear_each_other(her, his)
    await state(anna, "talking")
    await expect(bruno.locator("[data-standing]")).to_contain_text("You talk with Anna")
    await anna.locator("pbxd-transfer [name=note]").press_sequentially("Paid twice")
    await expect(bruno.locator("[data-note]")).to_have_text("Paid twice")
    before = await verbs(anna)
    assert {"cancel", "swap", "merge", "complete"} <= before
    await anna.reload()
    await state(anna, "talking")
    await expect(anna.locator("pbxd-transfer [name=note]")).to_have_value("Paid twice")
    assert await verbs(anna) == before
    assert before == set((await view(centre))["can"])  # type: ignore[call-overload]
    await anna.locator("[data-verb=swap]").click()
    await all_phones.hear_each_other(her, caller)
    await state(anna, "swapped")
    await expect(bruno.locator("[data-standing]")).to_contain_text("you are on hold")
    await anna.locator("[data-verb=complete]").click()
    await all_phones.hear_each_other(his, caller)
    await expect(bruno.locator("[data-standing]")).to_have_text("The caller is with you")
    await expect(anna.get_by_role("banner")).to_contain_text("Wrap-up")
    await expect(anna.locator("[data-wrap-up]")).to_contain_text("9:")
    await expect(anna.locator("[data-closed] summary").first).to_contain_text("Handed over to Bruno")
    await bruno.locator("[data-had-to-repeat]").click()
    await expect(bruno.locator("[data-had-to-repeat]")).to_have_attribute("aria-pressed", "true")
    await bruno.reload()
    await expect(bruno.locator("[data-had-to-repeat]")).to_have_attribute("aria-pressed", "true")
    await expect(bruno.locator("[data-note]")).to_have_text("Paid twice")
    await anna.locator("[data-ready]").click()
    await expect(anna.get_by_role("banner")).to_contain_text("Ready")
    await caller.hang_up()
    await expect(bruno.locator("[data-handover]")).to_have_count(0)
    await expect(bruno.get_by_role("banner")).to_contain_text("Wrap-up")


async def test_back_to_his_queue_by_the_button(
    all_phones: Phones, talking: tuple[Phone, Phone, Phone], anna: Page
) -> None:
    """It names no queue; that of the caller rings the only one that it has, when she is ready."""
    her, his, caller = talking
    await starts(anna, "agent/bruno")
    await his.rings()
    await anna.locator("[data-verb=requeue]").click()
    await his.on_hook()
    await her.on_hook()
    await anna.locator("[data-ready]").click()
    await her.answer()
    await all_phones.hear_each_other(her, caller)


async def test_a_reload_shows_the_same_buttons_in_each_state(
    centre: Centre,
    all_phones: Phones,
    talking: tuple[Phone, Phone, Phone],
    anna: Page,
    bruno: Page,
) -> None:
    her, his, caller = talking

    async def the_same_after_a_reload(at: str) -> None:
        await state(anna, at)
        before, standing = await verbs(anna), await bruno.locator("[data-standing]").text_content()
        assert before == set((await view(centre))["can"])  # type: ignore[call-overload]
        for page in (anna, bruno):
            await page.reload()
        await state(anna, at)
        await expect(anna.locator("[data-verb]:disabled")).to_have_count(0)
        assert await verbs(anna) == before
        await expect(bruno.locator("[data-standing]")).to_have_text(str(standing))

    await starts(anna, "agent/bruno")
    await his.rings()
    await expect(bruno.locator("[data-standing]")).to_contain_text("your phone rings")
    await the_same_after_a_reload("ringing")
    await his.answer()
    await all_phones.hear_each_other(her, his)
    await expect(bruno.locator("[data-standing]")).to_contain_text("You talk with")
    await the_same_after_a_reload("talking")
    await anna.locator("[data-verb=swap]").click()
    await all_phones.hear_each_other(her, caller)
    await expect(bruno.locator("[data-standing]")).to_contain_text("you are on hold")
    await the_same_after_a_reload("swapped")
    await anna.locator("[data-verb=merge]").click()
    await all_phones.hear_each_other(her, his, caller)
    await expect(bruno.locator("[data-standing]")).to_contain_text("are together")
    await the_same_after_a_reload("merged")
    await anna.locator("[data-verb=cancel]").click()
    await all_phones.hear_each_other(her, caller)
    await his.on_hook()
    await expect(anna.locator("[data-ended=cancelled]")).to_be_visible()


async def test_all_three_talk_and_anna_leaves_the_two(
    centre: Centre,
    all_phones: Phones,
    talking: tuple[Phone, Phone, Phone],
    anna: Page,
    bruno: Page,
) -> None:
    her, his, caller = talking
    await starts(anna, "agent/bruno")
    await his.answer()
    await state(anna, "talking")
    await anna.locator("[data-verb=merge]").click()
    await all_phones.hear_each_other(her, his, caller)
    await state(anna, "merged")
    await expect(bruno.locator("[data-standing]")).to_contain_text("are together")
    assert "leave" in await verbs(anna)
    await anna.locator("[data-verb=leave]").click()
    await her.on_hook()
    await all_phones.hear_each_other(his, caller)
    await expect(anna.get_by_role("banner")).to_contain_text("Wrap-up")
    await expect(bruno.locator("[data-standing]")).to_have_text("The caller is with you")


async def test_pbxd_is_killed_and_the_same_buttons_are_there_again(
    centre: Centre,
    all_phones: Phones,
    talking: tuple[Phone, Phone, Phone],
    anna: Page,
    bruno: Page,
) -> None:
    her, his, caller = talking
    await starts(anna, "agent/bruno")
    await his.answer()
    await all_phones.hear_each_other(her, his)
    await state(anna, "talking")
    await anna.locator("pbxd-transfer [name=note]").fill("Paid twice")
    await expect(bruno.locator("[data-note]")).to_have_text("Paid twice")
    before = await verbs(anna)
    await centre.kill_pbxd()
    await expect(anna.locator("[data-lost]")).to_be_visible()
    assert await verbs(anna) == set()
    await all_phones.hear_each_other(her, his)
    await centre.start_pbxd()
    await expect(anna.locator("[data-lost]")).to_have_count(0)
    await state(anna, "talking")
    await expect(anna.locator("[data-verb=complete]")).to_be_enabled()
    assert await verbs(anna) == before
    await expect(anna.locator("pbxd-transfer [name=note]")).to_have_value("Paid twice")
    await expect(bruno.locator("[data-note]")).to_have_text("Paid twice")
    await anna.locator("[data-verb=complete]").click()
    await all_phones.hear_each_other(his, caller)
    await expect(bruno.locator("[data-standing]")).to_have_text("The caller is with you")


async def test_bruno_declines_and_anna_sees_why(
    centre: Centre,
    all_phones: Phones,
    talking: tuple[Phone, Phone, Phone],
    anna: Page,
    bruno: Page,
) -> None:
    her, his, caller = talking
    await starts(anna, "agent/bruno")
    await his.rings()
    await his.reject()
    await all_phones.hear_each_other(her, caller)
    await expect(anna.locator("[data-ended]")).to_contain_text("the caller is back with you")
    await expect(anna.locator("[data-start]")).to_be_enabled()
    await expect(bruno.locator("[data-handover]")).to_have_count(0)


async def test_the_caller_hangs_up_and_both_see_it(
    centre: Centre,
    all_phones: Phones,
    talking: tuple[Phone, Phone, Phone],
    anna: Page,
    bruno: Page,
) -> None:
    her, his, caller = talking
    await starts(anna, "agent/bruno")
    await his.answer()
    await all_phones.hear_each_other(her, his)
    await state(anna, "talking")
    await caller.hang_up()
    await expect(anna.locator("[data-ended=caller_left]").first).to_contain_text("The caller has hung up")
    await expect(anna.locator("[data-ended=caller_left]").first).to_contain_text(CALLER[1:])
    await expect(bruno.locator("[data-ended=caller_left]").first).to_contain_text("The caller has hung up")
    await all_phones.hear_each_other(her, his)


async def test_who_is_on_the_phone_cannot_be_chosen_and_oneself_neither(
    centre: Centre,
    all_phones: Phones,
    talking: tuple[Phone, Phone, Phone],
    anna: Page,
    bruno: Page,
) -> None:
    await bruno.get_by_role("button", name="Pause").click()
    await expect(bruno.get_by_role("banner")).to_contain_text("Paused")
    await anna.locator("[data-start]").click()
    row = anna.locator("[data-target='agent/bruno']")
    await expect(row).to_be_disabled()
    await expect(row).to_contain_text("aused")
    await expect(anna.locator("[data-target='agent/anna']:enabled")).to_have_count(0)
    await anna.get_by_role("searchbox").fill("bru")
    await expect(anna.locator("[data-target]")).to_have_count(1)
    await anna.keyboard.press("Escape")  # empties the field
    await anna.keyboard.press("Escape")
    await expect(anna.locator("[data-picker]")).to_be_hidden()
    await bruno.get_by_role("button", name="Resume").click()
    await expect(bruno.get_by_role("banner")).to_contain_text("Ready")


async def test_who_serves_no_queue_hands_a_direct_call_over_in_chinese(
    centre: Centre, all_phones: Phones, emil: Page, bruno: Page
) -> None:
    his_phone = await all_phones.agent(centre.switch, "1007", name="emil")
    bruno_s = await all_phones.agent(centre.switch, "1002", name="bruno")
    direct = await all_phones.caller(centre.switch, "02033333333", trunk="trunk-direct", label="direct")
    await direct.dial("1007")
    await his_phone.rings()
    await expect(emil.locator("[data-pop]")).to_contain_text("来电")
    await expect(emil.locator("[data-start]")).to_have_count(0)
    await his_phone.answer()
    await all_phones.hear_each_other(his_phone, direct)
    await expect(emil.locator("[data-start]")).to_be_enabled()
    await starts(emil, "agent/bruno", reason="退款")
    await expect(bruno.locator("[data-handover] [data-reason]")).to_have_text("退款")
    await bruno_s.answer()
    await all_phones.hear_each_other(his_phone, bruno_s)
    await expect(emil.locator("[data-transfer-state=talking]")).to_contain_text("您正在与 Bruno 通话")
    await emil.get_by_role("button", name="完成转接").click()
    await all_phones.hear_each_other(bruno_s, direct)
    await his_phone.on_hook()
    await expect(emil.locator("[data-closed] summary").first).to_contain_text("已转接给 Bruno")
    await direct.hang_up()
    async with operator(centre) as http:
        await http.post("/api/wrap-up/end", params={"agent": "bruno"})
