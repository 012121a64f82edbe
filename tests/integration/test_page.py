"""The agents' page in a real browser, before a real web edge whose desk is written by the test."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from deploy.build_page import build
from pbxd.edge.web.pages import Patience
from pbxd.effects import Count
from pbxd.orders import EndCallback, PauseAgent
from tests.integration.chromium import LIMIT_MS, Visitor, visiting
from tests.integration.scripted_desk import PASSWORD, Served, contact, screen_pop, serving, state
from tests.integration.test_web_push import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build()


@pytest_asyncio.fixture(loop_scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving(Patience(alive_every_s=0.5)) as served:
        served.desk.states["anna"] = state()
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def anna(browser: Browser, served: Served) -> AsyncIterator[Visitor]:
    async with visiting(browser, served) as visitor:
        yield visitor
        assert not visitor.faults
        assert not visitor.dialogs


def acknowledged(served: Served) -> list[Count]:
    """The page has said that it shows a pop."""
    return served.counted("pbxd_screenpop_stage_seconds", stage="acknowledged")


async def test_a_wrong_password_is_said_plainly_and_the_right_one_lets_in(anna: Visitor) -> None:
    page = anna.page
    await anna.sign_in(password="wrong")
    await expect(page.get_by_role("alert")).to_have_text("Agent or password is wrong.")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("banner")).to_contain_text("Anna Berg")
    assert [cookie["httpOnly"] for cookie in await anna.context.cookies()] == [True]


async def test_guessing_is_told_to_wait(anna: Visitor) -> None:
    for _ in range(6):
        await anna.sign_in(password="wrong")
        await expect(anna.page.get_by_role("alert")).not_to_be_empty()
    await expect(anna.page.get_by_role("alert")).to_contain_text(re.compile(r"Try again in \d+ s"))


async def test_the_queues_show_who_waits_and_count_up(anna: Visitor) -> None:
    await anna.enter()
    billing = anna.page.locator("[data-queue=billing]")
    await expect(billing.locator("[data-waiting]")).to_have_text("2")
    await expect(billing.locator("[data-longest]")).to_have_text(re.compile(r"1:[2-5]\d"))
    first = await billing.locator("[data-longest]").text_content()
    await expect(billing.locator("[data-longest]")).not_to_have_text(str(first))
    members = billing.get_by_role("list", name="Members").get_by_role("listitem")
    await expect(members).to_contain_text(["Anna Berg", "李伟", "Maria"])
    await expect(members).to_contain_text(["Ready", "Talking", "Paused"])
    await expect(anna.page.locator("[data-queue=technical]")).to_contain_text("Nobody is waiting")
    emptied = state()
    emptied["queues"] = emptied["queues"][1:]
    anna.served.tell("state", emptied)
    await expect(anna.page.locator("[data-queue]")).to_have_count(1)


async def test_who_wants_to_be_called_back_is_listed_until_somebody_has_done_it(anna: Visitor) -> None:
    page, served = anna.page, anna.served
    wish = {
        "id": "t1",
        "at": time.time(),
        "caller": {"number": "+4989123456", "name": "<b>Müller</b>"},
        "queue": "billing",
        "reason": "an invoice",
    }
    await anna.enter()
    await expect(page.locator("[data-callback]")).to_have_count(0)
    served.tell("callbacks", {"callbacks": [wish]})
    row = page.locator("[data-callback=t1]")
    await expect(row).to_contain_text("<b>Müller</b>")
    await expect(row).to_contain_text("an invoice")
    await row.get_by_role("button", name="Done").click()
    await until(lambda: served.desk.given(EndCallback))
    assert [(order.agent, order.callback) for order in served.desk.given(EndCallback)] == [("anna", "t1")]
    served.tell("callbacks", {"callbacks": []})
    await expect(page.locator("[data-callback]")).to_have_count(0)


async def test_a_screen_pop_says_who_calls_and_why_and_is_acknowledged(anna: Visitor) -> None:
    await anna.enter()
    await expect(anna.page.locator("[data-idle]")).to_be_visible()
    anna.served.pop(screen_pop("p1"))
    pop = anna.page.locator("[data-pop=p1]")
    await expect(pop.locator("[data-name]")).to_have_text("张三丰")
    await expect(pop.locator("[data-number]")).to_have_text("+8613912345678")
    await expect(pop.locator("[data-presented]")).to_contain_text("13912345678")
    await expect(pop.locator("[data-place]")).to_have_text("Suzhou, Jiangsu, China")
    await expect(pop.locator("[data-fact=queue]")).to_have_text("billing")
    await expect(pop.locator("[data-fact=waited]")).to_have_text("0:47")
    await expect(pop.locator("[data-fact=subject]")).to_have_text("invoice")
    await expect(pop.locator("[data-fact=dialled]")).to_have_text("4008001234")
    steps = pop.locator("[data-path]").get_by_role("listitem")
    await expect(steps).to_have_text([re.compile(r"Billing\s+1"), re.compile(r"Account number\s+471100")])
    repeat = pop.locator("[data-repeat]")
    await expect(repeat).to_have_text("3rd call in 24 h, same subject, last one unanswered")
    rows = pop.get_by_role("row")
    await expect(rows).to_have_count(3)
    await expect(rows.nth(1)).to_contain_text("Gave up")
    await expect(rows.nth(2)).to_contain_text("liwei")
    await expect(rows.nth(2)).to_contain_text("6:52")
    await until(lambda: acknowledged(anna.served))
    await expect(anna.page).to_have_title(re.compile("张三丰"))
    await expect(anna.page.locator("[data-announce]")).to_have_text("Incoming call: 张三丰, billing")


async def test_nobody_else_sees_the_pop(browser: Browser, anna: Visitor) -> None:
    await anna.enter()
    async with visiting(browser, anna.served) as liwei:
        await liwei.enter("liwei")
        anna.served.pop(screen_pop("p1"))
        await anna.page.locator("[data-pop=p1]").wait_for()
        anna.served.pop(screen_pop("p2", "liwei"))
        await liwei.page.locator("[data-pop=p2]").wait_for()
        await expect(liwei.page.locator("[data-pop]")).to_have_count(1)
        await expect(anna.page.locator("[data-pop]")).to_have_count(1)


async def test_the_history_is_awaited_found_or_said_to_be_missing(anna: Visitor) -> None:
    await anna.enter()
    pending = screen_pop("p1", history={"state": "pending", "why": "", "contacts": []})
    anna.served.tell("screenpop", pending)
    history = anna.page.locator("[data-pop=p1] [data-history]")
    await expect(history).to_contain_text("Looking up the earlier contacts")
    why = "the store took longer than 150 ms"
    anna.served.tell("screenpop", {**pending, "history": {"state": "missing", "why": why, "contacts": []}})
    await expect(history).to_contain_text("History missing: the store did not answer")
    await expect(history).to_contain_text(why)
    anna.served.tell("screenpop", {**pending, "history": {"state": "found", "why": "", "contacts": []}})
    await expect(history).to_contain_text("No earlier contact with this number.")
    withheld = screen_pop("p2", history={"state": "missing", "why": "number withheld", "contacts": []})
    withheld["caller"] = dict.fromkeys(withheld["caller"], "")
    anna.served.tell("screenpop", withheld)
    card = anna.page.locator("[data-pop=p2]")
    await expect(card.locator("[data-name]")).to_have_text("Unknown caller")
    await expect(card.locator("[data-number]")).to_have_text("Number withheld")
    await expect(card.locator("[data-history]")).to_contain_text("the caller withholds his number")
    await expect(anna.page.locator("[data-pop]")).to_have_count(2)


async def test_several_pops_stand_one_above_the_other_and_fold_when_they_are_over(anna: Visitor) -> None:
    await anna.enter()
    for name in ("p1", "p2"):
        anna.served.pop(screen_pop(name))
        await anna.page.locator(f"[data-pop={name}]").wait_for()
    ids = [await card.get_attribute("data-pop") for card in await anna.page.locator("[data-pop]").all()]
    assert ids == ["p2", "p1"]
    anna.served.tell("screenpop_closed", {"id": "p2", "reason": "no_answer"})
    folded = anna.page.locator("[data-closed=p2]")
    await expect(folded.locator("summary")).to_contain_text("Not answered")
    await expect(folded.locator("[data-pop=p2]")).to_have_count(0)
    await folded.locator("summary").click()
    await expect(folded.locator("[data-pop=p2] [data-number]")).to_be_visible()
    await expect(anna.page.locator("[data-pop=p1] [data-number]")).to_be_visible()


async def test_a_reload_shows_the_same_again(anna: Visitor) -> None:
    over = screen_pop("over", closed="ended")
    anna.served.desk.pops["anna"] = [over]
    await anna.enter()
    anna.served.pop(screen_pop("p1"))
    await until(lambda: acknowledged(anna.served))
    await anna.page.reload()
    await expect(anna.page.locator("[data-pop=p1] [data-name]")).to_have_text("张三丰")
    await expect(anna.page.locator("[data-closed=over]")).to_be_visible()
    await expect(anna.page.locator("[data-queue]")).to_have_count(2)


async def test_pause_is_ordered_shown_when_it_is_so_and_resumed(anna: Visitor) -> None:
    page, served = anna.page, anna.served
    await anna.enter()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("button", name="Pausing…")).to_be_disabled()
    await until(lambda: served.desk.given(PauseAgent))
    [order] = served.desk.given(PauseAgent)
    assert order.paused
    served.tell("order", {"id": order.order, "outcome": "done", "text": ""})
    served.tell("state", state(paused=True))
    resume = page.get_by_role("button", name="Resume")
    await expect(resume).to_be_enabled()
    await expect(page.get_by_role("banner")).to_contain_text("Paused")
    await resume.click()
    await until(lambda: len(served.desk.given(PauseAgent)) == 2)
    assert not served.desk.given(PauseAgent)[1].paused


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("refused", "The switch refused: Interface not found"),
        ("unknown", "Nobody knows whether the switch did it: the link was lost. Look at your state."),
    ],
)
async def test_an_order_that_fails_says_what_is_known(anna: Visitor, outcome: str, text: str) -> None:
    page, served = anna.page, anna.served
    await anna.enter()
    await page.get_by_role("button", name="Pause").click()
    await until(lambda: served.desk.given(PauseAgent))
    why = text.removeprefix("The switch refused: ") if outcome == "refused" else "the link was lost"
    order = served.desk.given(PauseAgent)[0].order
    served.tell("order", {"id": order, "outcome": outcome, "text": why})
    await expect(page.locator("[data-notice]")).to_contain_text(text)
    await page.get_by_role("button", name="Dismiss").click()
    await expect(page.locator("[data-notice]")).to_have_count(0)
    await expect(page.get_by_role("button", name="Pause")).to_be_enabled()


async def test_a_lost_connection_is_said_and_comes_back_by_itself(browser: Browser) -> None:
    async with serving(session_secret=b"k" * 32) as first:
        _, port = first.edge.address
        first.desk.states["anna"] = state()
        context = visiting(browser, first)
        anna = await context.__aenter__()
        await anna.enter()
    try:
        banner = anna.page.locator("[data-lost]")
        await expect(banner).to_contain_text("Connection lost")
        await expect(anna.page.get_by_role("button", name="Pause")).to_be_disabled()
        async with serving(session_secret=b"k" * 32, port=port) as second:
            second.desk.states["anna"] = state(paused=True)
            second.desk.pops["anna"] = [screen_pop("meanwhile")]
            await expect(banner).to_have_count(0)
            await expect(anna.page.locator("[data-pop=meanwhile]")).to_be_visible()
            await expect(anna.page.get_by_role("button", name="Resume")).to_be_enabled()
    finally:
        await context.__aexit__(None, None, None)


def without(node: str, *, since: float | None) -> dict[str, Any]:
    """The state when pbxd does not hear this switch; the queue of another one is as ever."""
    body = state()
    body["queues"][1]["node"] = "pbx2"
    waiting = body["queues"][0]["callers"][0]
    body["queues"][1] |= {"waiting": 1, "longest_since": waiting["since"], "callers": [waiting]}
    reason = "" if since is None else "nothing was heard for 5.0 s"
    body["links"] = [
        {"node": each, "up": each != node, "since": since, "reason": reason if each == node else ""}
        for each in ("pbx1", "pbx2")
    ]
    return body


async def test_a_switch_that_is_not_heard_is_said_and_its_waits_stand_still(anna: Visitor) -> None:
    page, served = anna.page, anna.served
    await anna.enter()
    bar = page.locator("[role=alert] [data-unheard]")
    await expect(bar).to_have_count(0)
    lost = time.time() - 20
    served.tell("state", without("pbx1", since=lost))
    clock = await page.evaluate(
        """at => new Date(at * 1000).toLocaleTimeString('en',
        {hour: '2-digit', minute: '2-digit', hour12: false})""",
        lost,
    )
    await expect(bar).to_contain_text(f"pbxd cannot hear the switch pbx1 since {clock}.")
    await expect(bar).to_contain_text("What is shown below may be out of date.")
    await expect(bar).to_contain_text("nothing was heard for 5.0 s")
    await expect(page.locator("[data-idle]")).to_contain_text("without appearing here")
    old, new = page.locator("[data-queue=billing]"), page.locator("[data-queue=technical]")
    await expect(old.locator("[data-stale]")).to_have_text(f"as of {clock}")
    await expect(new.locator("[data-stale]")).to_have_count(0)
    frozen = str(await old.locator("[data-longest]").text_content())
    counted = str(await new.locator("[data-longest]").text_content())
    await expect(new.locator("[data-longest]")).not_to_have_text(counted)
    await expect(old.locator("[data-longest]")).to_have_text(frozen)
    await page.get_by_role("button", name="中文").click()
    await expect(bar).to_contain_text(f"自 {clock} 起，pbxd 无法接收交换机 pbx1 的信息")
    served.tell("state", state())
    await expect(bar).to_have_count(0)
    await expect(page.locator("[data-stale]")).to_have_count(0)
    await expect(old.locator("[data-longest]")).not_to_have_text(frozen)


async def test_a_switch_that_was_never_heard_is_said_from_the_snapshot_on(anna: Visitor) -> None:
    anna.served.desk.states["anna"] = without("pbx2", since=None)
    await anna.enter()
    await expect(anna.page.locator("[data-unheard]")).to_contain_text("cannot hear the switch pbx2 yet.")


async def test_a_gap_in_the_numbers_is_healed_by_a_snapshot(anna: Visitor) -> None:
    await anna.enter()
    [page] = anna.served.edge.pages_of("anna")
    anna.served.desk.pops["anna"] = [screen_pop("lost one")]
    page.outbox.seq += 1
    anna.served.tell("screenpop", screen_pop("next one"))
    await expect(anna.page.locator("[data-pop='lost one']")).to_be_visible()


async def test_signing_out_ends_it_everywhere(browser: Browser, anna: Visitor) -> None:
    await anna.enter()
    other_tab = await anna.context.new_page()
    await other_tab.goto(anna.served.origin)
    await other_tab.locator("[data-queue]").first.wait_for()
    await anna.page.get_by_role("button", name="Sign out").click()
    await expect(anna.page.get_by_label("Password")).to_be_visible()
    await expect(other_tab.get_by_label("Password")).to_be_visible()
    await anna.page.reload()
    await expect(anna.page.get_by_label("Password")).to_be_visible()


async def test_a_session_that_ends_leads_back_to_the_door(browser: Browser) -> None:
    async with serving(Patience(alive_every_s=0.2), session_s=2) as served:
        served.desk.states["anna"] = state()
        async with visiting(browser, served) as anna:
            await anna.enter()
            await expect(anna.page.get_by_label("Password")).to_be_visible()


async def test_the_page_speaks_chinese_to_who_wants_it(browser: Browser, served: Served) -> None:
    async with visiting(browser, served) as liwei:
        await liwei.enter("liwei")
        page = liwei.page
        await expect(page.get_by_role("button", name="暂停")).to_be_visible()
        assert await page.evaluate("document.documentElement.lang") == "zh"
        repeat = copy.deepcopy(screen_pop("p1", "liwei")["repeat"])
        repeat["text"] = "24 小时内第 3 次来电，同一事项，上次未接通"
        served.pop(screen_pop("p1", "liwei", repeat=repeat))
        await expect(page.locator("[data-repeat]")).to_have_text(repeat["text"])
        await page.get_by_role("button", name="EN").click()
        await expect(page.get_by_role("button", name="Pause")).to_be_visible()
        await expect(page.locator("[data-repeat]")).to_have_text(
            "3rd call in 24 h, same subject, last one unanswered"
        )
        await page.reload()
        await expect(page.get_by_role("button", name="Pause")).to_be_visible()
        await page.get_by_role("button", name="中文").click()
        await expect(page.locator("[data-repeat]")).to_have_text(repeat["text"])


async def test_my_last_contacts_are_listed_or_said_to_be_missing(anna: Visitor) -> None:
    anna.served.contacts += [contact(), contact("pbx1:6", "", "")]
    await anna.enter()
    recent = anna.page.get_by_role("region", name="My last contacts").first
    await expect(recent).to_contain_text("Grüne Wiese GmbH")
    await expect(recent).to_contain_text("+4930123456")
    await expect(recent).to_contain_text("Number withheld")
    anna.served.store_fault.append(OSError("away"))
    await anna.page.get_by_role("button", name="Refresh").click()
    await expect(recent).to_contain_text("Your last contacts are missing: the store did not answer.")


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "${alert(3)}{{7*7}}`${alert(4)}`",
    "<pbxd-page></pbxd-page><svg/onload=alert(5)>",
    "javascript:alert(6)",
    "\u202eevil\u2066 name\u0000\u0007",
    "</title><script>alert(7)</script>",
    "<b>" * 3000,
    "Ωmega 张三丰 " * 400,
)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_is_shown_as_text_and_does_nothing(anna: Visitor, name: str) -> None:
    """Everything that somebody else chose: names, numbers, labels, digits, subjects, reasons, agents."""
    pop = screen_pop("p1", queue=name, subject=name, dialled=name, flow=name)
    pop["caller"] = dict.fromkeys(pop["caller"], name)
    for step in pop["path"]:
        step |= {"label": name, "digits": name, "step": name, "result": name, "kind": "menu"}
    for old in pop["history"]["contacts"]:
        old |= {"queue": name, "subject": name, "agent": name, "outcome": name}
    pop["repeat"]["text"] = name
    bad = state(name=name)
    bad["queues"][0] |= {"name": name}
    bad["queues"][0]["callers"][0]["number"] = name
    bad["queues"][0]["members"][0] |= {"interface": name, "name": name, "state": name}
    anna.served.desk.states["anna"] = bad
    anna.served.contacts.append(contact(name=name, number=name))
    await anna.enter()
    anna.served.pop(pop)
    card = anna.page.locator("[data-pop=p1]")
    await expect(card.locator("[data-name]")).to_have_text(name)
    anna.served.tell("screenpop_closed", {"id": "p1", "reason": name})
    await expect(anna.page.locator("[data-closed=p1]")).to_be_visible()
    inside = "document.querySelector('pbxd-page').shadowRoot"
    foreign = await anna.page.evaluate(
        f"{inside}.querySelectorAll('script, img, iframe, pbxd-page, [onerror], [onload], a').length"
    )
    assert foreign == 0
    wide = await anna.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0


@pytest.mark.parametrize(
    "attempt",
    [
        # eval itself cannot be tried: the browser lets its debugger, which runs these, do it.
        "setTimeout('window.broken = 1', 0)",
        "document.body.innerHTML = '<img src=x onerror=\"window.broken = 1\">'",
        "document.createElement('script').textContent = 'window.broken = 1'",
        "document.createElement('script').src = '/assets/x.js'",
        "fetch('https://evil.example/')",
    ],
)
async def test_the_policy_forbids_what_the_page_never_does(anna: Visitor, attempt: str) -> None:
    """A hole in the page would still not be enough to run or to send anything."""
    await anna.enter()
    code = f"async () => {{ try {{ await ({attempt}); return 'allowed' }} catch {{ return 'refused' }} }}"
    assert await anna.page.evaluate(code) == "refused"
    assert await anna.page.evaluate("window.broken === undefined")
    assert all("Policy" in fault or "Trusted" in fault for fault in anna.faults), anna.faults
    anna.faults.clear()


@pytest.mark.parametrize("width", [360, 768, 1280])
async def test_the_page_fits_its_window(browser: Browser, served: Served, width: int) -> None:
    served.contacts.append(contact())
    async with visiting(browser, served, viewport={"width": width, "height": 800}) as anna:
        await anna.enter()
        served.pop(screen_pop("p1"))
        await anna.page.locator("[data-pop=p1]").wait_for()
        assert await anna.page.evaluate("document.documentElement.scrollWidth") <= width


async def test_everything_can_be_reached_by_keyboard(anna: Visitor) -> None:
    anna.served.contacts.append(contact())
    await anna.enter()
    anna.served.pop(screen_pop("p1", closed="ended"))
    await anna.page.locator("[data-closed=p1]").wait_for()
    reached = set()
    for _ in range(12):
        await anna.page.keyboard.press("Tab")
        reached.add(
            await anna.page.evaluate(
                """() => { let at = document.activeElement;
                while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
                return at.getAttribute('aria-label') || at.textContent.trim().split(/\\s+/)[0] }"""
            )
        )
    assert {"Pause", "EN", "中文", "Sign out", "Refresh", "My last contacts"} <= reached


async def test_my_last_contacts_are_looked_up_again_when_a_call_is_over(anna: Visitor) -> None:
    await anna.enter()
    recent = anna.page.get_by_role("region", name="My last contacts").first
    await expect(recent).to_contain_text("None yet.")
    anna.served.pop(screen_pop("p1"))
    await anna.page.locator("[data-pop=p1]").wait_for()
    anna.served.tell("screenpop_closed", {"id": "p1", "reason": "ended"})
    anna.served.contacts.append(contact())
    await expect(recent).to_contain_text("Grüne Wiese GmbH", timeout=LIMIT_MS)
