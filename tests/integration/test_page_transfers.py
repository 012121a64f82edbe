"""Transfers at the agents' page, in a real browser before a desk that the test writes by hand."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from deploy.build_page import build
from pbxd.edge.web.pages import Patience
from pbxd.effects import Reply
from pbxd.ids import AgentId
from pbxd.orders import (
    AcknowledgeHandover,
    AnnotateTransfer,
    EndWrapUp,
    MoveTransfer,
    ReportRepeat,
    StartTransfer,
    TransferMode,
)
from tests.integration.chromium import Visitor, visiting
from tests.integration.scripted_desk import (
    Served,
    done,
    handover,
    refused,
    screen_pop,
    serving,
    state,
    target,
    view,
)
from tests.integration.test_web_push import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

#: what a transferer can do in each state; the page shows these and no others
CAN = {
    "created": {"cancel", "complete", "requeue"},
    "ringing": {"cancel", "complete", "requeue"},
    "talking": {"cancel", "swap", "merge", "complete", "requeue"},
    "swapped": {"cancel", "swap", "complete"},
    "merged": {"cancel", "leave"},
    "completing": set(),
}


NOT_NOW = {"allowed": False, "why": "Maria is paused", "code": "target_paused"}


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build()


def busy(agent: str = "anna", name: str = "Anna Berg", what: str = "talking") -> dict[str, Any]:
    body = state(agent, name)
    body["agent"]["state"] = what
    return body


@pytest_asyncio.fixture(loop_scope="module")
async def served() -> AsyncIterator[Served]:
    """Anna talks with a caller (card p1, call pbx1:p1)."""
    async with serving(Patience(alive_every_s=0.5)) as served:
        served.desk.states["anna"] = busy()
        served.desk.states["liwei"] = busy("liwei", "李伟", "ready")
        served.desk.pops["anna"] = [screen_pop("p1")]
        served.desk.rows = [
            target(),
            target(
                "maria", "Maria", state="paused", allowed=False, why="Maria is paused", code="target_paused"
            ),
            target("billing", "billing", kind="skill", state=None, free=2),
            target("technical", "technical", kind="queue", state=None, free=0, expected_wait_s=83.0),
        ]
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def anna(browser: Browser, served: Served) -> AsyncIterator[Visitor]:
    async with visiting(browser, served) as visitor:
        yield visitor
        assert not visitor.faults
        assert not visitor.dialogs


@pytest_asyncio.fixture(loop_scope="module")
async def liwei(browser: Browser, served: Served) -> AsyncIterator[Visitor]:
    """The target, who reads English for once."""
    async with visiting(browser, served) as visitor:
        await visitor.enter("liwei")
        await visitor.page.get_by_role("button", name="EN").click()
        yield visitor
        assert not visitor.faults
        assert not visitor.dialogs


async def focused(page: Page) -> str:
    """The label of what has the focus, however deep."""
    text: str = await page.evaluate(
        """() => { let at = document.activeElement;
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        return at.getAttribute('aria-label') || at.getAttribute('data-target') || at.textContent.trim() }"""
    )
    return text


# ---------------------------------------------------------------- choosing


async def test_the_picker_says_who_can_and_why_not_and_starts_with_fallbacks(anna: Visitor) -> None:
    page, desk = anna.page, anna.served.desk
    desk.answer = done(view())
    await anna.enter()
    await page.get_by_role("button", name="Transfer…").click()
    await expect(page.get_by_role("dialog")).to_contain_text("To whom with 张三丰?")
    maria = page.locator("[data-target='agent/maria']")
    await expect(maria).to_be_disabled()
    await expect(maria).to_contain_text("Maria is paused")
    await expect(page.locator("[data-target='skill/billing']")).to_contain_text("2 free")
    await expect(page.locator("[data-target='queue/technical']")).to_contain_text("about 1:23")
    await expect(page.locator("[data-attended]")).to_be_disabled()
    await page.locator("[data-target='agent/liwei']").click()
    await page.locator("[data-target='skill/billing']").click()
    await expect(page.locator("[data-chain]")).to_have_text("First 李伟, then billing")
    await page.get_by_label("Reason").fill("Refund")
    await page.get_by_label("Note").fill("paid twice")
    await page.locator("[data-attended]").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    [order] = desk.given(StartTransfer)
    assert [(each.kind.value, each.id) for each in order.targets] == [
        ("agent", "liwei"),
        ("skill", "billing"),
    ]
    assert (order.call, order.mode, order.reason, order.note) == (
        "pbx1:p1",
        TransferMode.ATTENDED,
        "Refund",
        "paid twice",
    )


async def test_a_second_click_takes_a_target_out_again_and_blind_is_blind(anna: Visitor) -> None:
    page, desk = anna.page, anna.served.desk
    await anna.enter()
    await page.locator("[data-start]").click()
    for each in ("agent/liwei", "skill/billing", "agent/liwei"):
        await page.locator(f"[data-target='{each}']").click()
    await expect(page.locator("[data-chain]")).to_have_text("billing")
    await page.locator("[data-blind]").click()
    await until(lambda: desk.given(StartTransfer))
    [order] = desk.given(StartTransfer)
    assert order.mode is TransferMode.BLIND
    assert [each.id for each in order.targets] == ["billing"]


async def test_searching_asks_for_what_is_typed_and_for_this_call(anna: Visitor) -> None:
    page, desk = anna.page, anna.served.desk
    await anna.enter()
    await page.locator("[data-start]").click()
    await page.get_by_role("searchbox").fill("tech")
    await expect(page.locator("[data-target]")).to_have_count(1)
    assert desk.sought[-1] == ("anna", "pbx1:p1", "tech")
    await page.get_by_role("searchbox").fill("nobody of that name")
    await expect(page.locator("[data-nobody]")).to_be_visible()


async def test_the_picker_is_used_with_the_keyboard_alone(anna: Visitor) -> None:
    page, desk = anna.page, anna.served.desk
    desk.answer = done(view())
    await anna.enter()
    await page.locator("[data-start]").focus()
    await page.keyboard.press("Enter")
    await page.locator("[data-target='agent/liwei']").wait_for()
    assert await focused(page) == "Name, skill, queue or number"
    await page.keyboard.press("ArrowDown")
    assert await focused(page) == "agent/liwei"
    await page.keyboard.press("ArrowDown")
    assert await focused(page) == "skill/billing"  # Maria, between them, cannot be chosen
    await page.keyboard.press("Space")
    await expect(page.locator("[data-chain]")).to_have_text("billing")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    assert await focused(page) == "Name, skill, queue or number"
    await page.keyboard.type("li")
    await page.keyboard.press("Escape")  # empties the field
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await focused(page) == "Transfer…"
    await page.keyboard.press("Enter")
    await page.locator("[data-target='agent/liwei']").wait_for()
    await page.keyboard.press("Enter")  # takes the first who can be had
    await expect(page.locator("[data-chain]")).to_have_text("李伟")
    await page.keyboard.press("Enter")
    await until(lambda: desk.given(StartTransfer))
    anna.served.transfer(view())
    await expect(page.locator("[data-transfer-state=ringing]")).to_be_visible()


async def test_a_refused_start_says_why_and_the_dialog_stays(anna: Visitor) -> None:
    page, desk = anna.page, anna.served.desk
    await anna.enter()
    await page.locator("[data-start]").click()
    await page.locator("[data-target='agent/liwei']").click()
    desk.answer = refused("target_busy", "Li Wei is talking")
    await page.locator("[data-attended]").click()
    trouble = page.locator("[data-trouble]")
    await expect(trouble).to_have_text("Li Wei is talking")
    await expect(page.get_by_role("dialog")).to_be_visible()
    desk.answer = lambda order: Reply(
        order=order.order, agent=None, outcome="unknown", code="no_answer", text="no answer within 10 s"
    )
    await page.locator("[data-attended]").click()
    await expect(trouble).to_contain_text("Nobody knows whether the switch did it.")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="中文").click()
    await page.locator("[data-start]").click()
    await page.locator("[data-target='agent/liwei']").click()
    await expect(page.locator("[data-target='agent/maria']")).to_contain_text("Maria 已暂停")
    desk.answer = refused("target_busy", "Li Wei is talking")
    await page.locator("[data-attended]").click()
    await expect(trouble).to_have_text("Li Wei 正在通话")


async def test_a_mailbox_is_the_last_resort_and_nobody_talks_with_it_first(anna: Visitor) -> None:
    page, desk = anna.page, anna.served.desk
    mailbox = target("2000@default", "Sales' messages", kind="voicemail", expected_wait_s=None, free=0)
    desk.rows.append({**mailbox, "why": "takes a message"})
    await anna.enter()
    await page.locator("[data-start]").click()
    row = page.locator("[data-target='voicemail/2000@default']")
    await expect(row).to_have_text(re.compile(r"Sales' messages\s*mailbox\s*takes a message"))
    await page.locator("[data-target='agent/liwei']").click()
    await row.click()
    await expect(page.locator("[data-chain]")).to_have_text("First 李伟, then Sales' messages")
    await expect(page.locator("[data-attended]")).to_be_enabled()
    await page.locator("[data-target='agent/liwei']").click()
    await expect(page.locator("[data-attended]")).to_have_count(0)
    await page.locator("[data-blind]").click()
    await until(lambda: desk.given(StartTransfer))
    [order] = desk.given(StartTransfer)
    [wanted] = order.targets
    assert (wanted.kind.value, wanted.id, order.mode) == ("voicemail", "2000@default", TransferMode.BLIND)


async def test_where_callers_can_only_be_sent_at_once_the_picker_says_so_and_does_it(anna: Visitor) -> None:
    page, desk = anna.page, anna.served.desk
    desk.states["anna"]["links"][0]["transfers"] = "blind"
    await anna.enter()
    await page.locator("[data-start]").click()
    await expect(page.locator("[data-limits=blind]")).to_contain_text("can only be sent at once")
    await expect(page.locator("[data-attended]")).to_have_count(0)
    await expect(page.locator("[data-blind]")).to_be_disabled()
    await page.locator("[data-target='agent/liwei']").wait_for()
    await page.keyboard.press("Enter")  # in the search field: takes the first who can be had
    await expect(page.locator("[data-chain]")).to_have_text("李伟")
    assert await focused(page) == "Send at once"
    await page.keyboard.press("Enter")
    await until(lambda: desk.given(StartTransfer))
    [order] = desk.given(StartTransfer)
    assert order.mode is TransferMode.BLIND


async def test_where_nobody_can_be_handed_over_the_picker_says_why(anna: Visitor) -> None:
    page = anna.page
    anna.served.desk.states["anna"]["links"][0]["transfers"] = "none"
    await anna.enter()
    await page.locator("[data-start]").click()
    await page.locator("[data-target='agent/liwei']").click()
    await expect(page.locator("[data-limits=none]")).to_contain_text("The switch is not prepared")
    await expect(page.locator("[data-blind]")).to_be_disabled()
    await expect(page.locator("[data-attended]")).to_have_count(0)


async def test_without_pbxd_the_picker_says_so(anna: Visitor) -> None:
    await anna.enter()
    await anna.page.route("**/api/targets*", lambda route: route.abort())
    await anna.page.locator("[data-start]").click()
    await expect(anna.page.get_by_role("dialog")).to_contain_text("pbxd does not answer")


# ---------------------------------------------------------------- the transfer


@pytest.mark.parametrize("at", CAN)
async def test_the_buttons_are_what_can_be_done_also_after_a_reload(anna: Visitor, at: str) -> None:
    page = anna.page
    await anna.enter()
    anna.served.transfer(view("t1", at, can=sorted(CAN[at])))
    for _ in range(2):
        await expect(page.locator(f"[data-transfer-state={at}]")).to_be_visible()
        buttons = await page.locator("[data-verb]").all()
        assert {await each.get_attribute("data-verb") for each in buttons} == CAN[at]
        await expect(page.locator("[data-start]")).to_have_count(0)
        await page.reload()


async def test_who_came_through_no_queue_cannot_be_sent_back_to_it(anna: Visitor) -> None:
    await anna.enter()
    anna.served.transfer(view("t1", "talking", queue=None))
    await expect(anna.page.locator("[data-verb=complete]")).to_be_visible()
    await expect(anna.page.locator("[data-verb=requeue]")).to_have_count(0)
    anna.served.transfer(view("t1", "talking"))
    await expect(anna.page.locator("[data-verb=requeue]")).to_be_visible()


async def test_a_button_orders_waits_and_says_what_became_of_it(anna: Visitor) -> None:
    page, desk = anna.page, anna.served.desk
    await anna.enter()
    anna.served.transfer(view("t1", "talking"))
    desk.answer = lambda order: None
    await page.get_by_role("button", name="Hand over").click()
    for button in await page.locator("[data-verb]").all():
        await expect(button).to_be_disabled()
    await until(lambda: desk.given(MoveTransfer))
    [order] = desk.given(MoveTransfer)
    assert (order.transfer, order.verb.value, order.agent) == ("t1", "complete", "anna")
    desk.replies.take(refused("not_possible_now", "Li Wei is gone")(order))
    await expect(page.locator("[data-trouble]")).to_have_text("Li Wei is gone")
    await expect(page.get_by_role("button", name="Hand over")).to_be_enabled()
    anna.served.transfer(view("t1", "swapped"))
    await expect(page.locator("[data-trouble]")).to_have_count(0)
    await expect(page.get_by_role("status").first).to_contain_text("You talk with 张三丰, 李伟 is on hold")


async def test_who_declined_before_the_next_one_is_called_is_told_until_that_one_answers(
    anna: Visitor,
) -> None:
    page, served = anna.page, anna.served
    await anna.enter()
    first, second = view("t1", "ringing", why="李伟 declined"), view("t1", "ringing", attempt=2)
    served.transfer(view("t1", "ringing"))
    await expect(page.locator("[data-transfer-state=ringing]")).to_be_visible()
    await expect(page.locator("[data-why]")).to_have_count(0)
    served.tell("transfer_event", {"version": 1, "event": "declined", "at": time.time(), "transfer": first})
    served.transfer(second)
    await expect(page.locator("[data-why]")).to_have_text("李伟 declined")
    served.tell("transfer_event", {"version": 1, "event": "ringing", "at": time.time(), "transfer": second})
    await expect(page.locator("[data-why]")).to_have_text("李伟 declined")
    answered = view("t1", "talking", attempt=2)
    served.transfer(answered)
    served.tell(
        "transfer_event", {"version": 1, "event": "answered", "at": time.time(), "transfer": answered}
    )
    await expect(page.locator("[data-why]")).to_have_count(0)


async def test_what_is_typed_is_sent_and_goes_before_the_button(anna: Visitor) -> None:
    page, desk = anna.page, anna.served.desk
    desk.answer = done(view("t1", "talking"))
    await anna.enter()
    anna.served.transfer(view("t1", "talking"))
    note = page.locator("pbxd-transfer [name=note]")
    await note.press_sequentially("paid", delay=5)
    await until(lambda: desk.given(AnnotateTransfer))
    await expect(page.locator("[data-saving]")).to_have_attribute("data-saving", "saved")
    assert desk.given(AnnotateTransfer)[-1].note == "paid"
    anna.served.transfer(view("t1", "talking", note="paid"))
    await note.press_sequentially(" twice")
    anna.served.transfer(view("t1", "talking", note="paid"))  # older than what is typed
    await expect(note).to_have_value("paid twice")
    await page.locator("[data-verb=complete]").click()
    await until(lambda: desk.given(MoveTransfer))
    kinds = [type(order) for order in desk.orders if isinstance(order, (AnnotateTransfer, MoveTransfer))]
    assert kinds[-2:] == [AnnotateTransfer, MoveTransfer]
    assert desk.given(AnnotateTransfer)[-1].note == "paid twice"


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("no_answer", "李伟 does not answer; the caller is back with you"),
        ("declined", "李伟 declined; the caller is back with you"),
        ("busy", "李伟 is busy; the caller is back with you"),
        ("cancelled", "Transfer to 李伟 ended; the caller is back with you"),
    ],
)
async def test_the_end_is_told_until_it_is_read(anna: Visitor, outcome: str, text: str) -> None:
    page = anna.page
    await anna.enter()
    anna.served.transfer(view())
    anna.served.transfer(view("t1", "ended", outcome=outcome))
    told = page.locator(f"[data-ended={outcome}]")
    await expect(told).to_contain_text(text)
    await expect(page.locator("[data-start]")).to_be_enabled()
    await told.get_by_role("button", name="Dismiss").click()
    await expect(told).to_have_count(0)


async def test_when_the_caller_has_left_both_see_it_with_his_number(anna: Visitor, liwei: Visitor) -> None:
    await anna.enter()
    for served in (anna.served,):
        served.transfer(view("t1", "talking"))
        served.hand_over(handover())
    await liwei.page.locator("[data-handover]").wait_for()
    anna.served.tell("screenpop_closed", {"id": "p1", "reason": "caller_left"})
    anna.served.tell("handover_closed", {"id": "t1/liwei", "reason": "caller_left"}, "liwei")
    anna.served.transfer(view("t1", "ended", outcome="caller_left"))
    for visitor in (anna, liwei):
        told = visitor.page.locator("[data-ended=caller_left]")
        await expect(told).to_contain_text("The caller has hung up")
        await expect(told.locator("[data-call-back]")).to_contain_text("+8613912345678")
    await expect(anna.page.locator("[data-idle]")).to_contain_text("You are on the phone.")


async def test_a_transfer_whose_call_has_no_card_keeps_its_buttons(anna: Visitor) -> None:
    anna.served.desk.pops["anna"] = []
    anna.served.desk.views = [view("t1", "talking")]
    await anna.enter()
    await expect(anna.page.get_by_role("article", name="Transfer of 张三丰")).to_be_visible()
    await expect(anna.page.locator("[data-verb=complete]")).to_be_enabled()


async def test_a_call_that_was_handed_over_says_to_whom_when_it_is_folded(anna: Visitor) -> None:
    await anna.enter()
    anna.served.transfer(view("t1", "completing"))
    anna.served.tell("screenpop_closed", {"id": "p1", "reason": "ended"})
    anna.served.transfer(view("t1", "ended", outcome="completed"))
    await expect(anna.page.locator("[data-closed=p1] summary")).to_contain_text("Handed over to 李伟")


async def test_who_serves_no_queue_can_transfer_the_call_that_he_has_answered(anna: Visitor) -> None:
    page, served = anna.page, anna.served
    served.desk.states["anna"] = busy(what="offline")
    served.desk.pops["anna"] = []
    await anna.enter()
    served.pop(screen_pop("p1", queue=None))
    served.pop(screen_pop("p2", queue=None))
    await expect(page.locator("[data-pop=p2]")).to_contain_text("Incoming call")
    await expect(page.locator("[data-start]")).to_have_count(0)
    served.tell("screenpop_answered", {"id": "p2", "at": time.time()})
    await expect(page.locator("[data-pop=p2]")).to_contain_text("Call in progress")
    await expect(page.locator("[data-pop=p2] [data-start]")).to_be_enabled()
    await expect(page.locator("[data-pop=p1]")).to_contain_text("Incoming call")


async def test_what_was_typed_while_the_line_was_down_is_sent_when_it_is_back(anna: Visitor) -> None:
    page, served = anna.page, anna.served
    await anna.enter()
    served.transfer(view("t1", "talking"))
    await page.locator("[data-verb=complete]").wait_for()
    await anna.context.set_offline(True)
    [open_page] = served.edge.pages_of(AgentId("anna"))
    open_page.close(1012, "test")
    await expect(page.locator("[data-lost]")).to_be_visible()
    await page.locator("pbxd-transfer [name=note]").fill("typed in the dark")
    await expect(page.locator("[data-saving]")).to_have_attribute("data-saving", "failed")
    assert not served.desk.given(AnnotateTransfer)
    await anna.context.set_offline(False)
    await until(lambda: served.desk.given(AnnotateTransfer))
    assert served.desk.given(AnnotateTransfer)[-1].note == "typed in the dark"
    await expect(page.locator("[data-saving]")).to_have_attribute("data-saving", "saved")


# ---------------------------------------------------------------- the hand-over


async def test_the_hand_over_is_there_before_the_phone_rings_and_is_acknowledged(liwei: Visitor) -> None:
    page, served = liwei.page, liwei.served
    served.transfer(view("t1", "created"))
    served.hand_over(handover())
    part = page.locator("[data-handover=t1]")
    await expect(part.locator("[data-standing]")).to_have_text("Anna Berg hands this caller over to you")
    await expect(part.locator("[data-reason]")).to_have_text("Refund above my limit")
    await expect(part.locator("[data-agents]")).to_contain_text("Anna Berg")
    card = page.get_by_role("article")
    await expect(card).to_contain_text("Hand-over from Anna Berg")
    await expect(card.locator("[data-number]")).to_have_text("+8613912345678")
    await expect(card.locator("[data-path]")).to_contain_text("471100")
    await expect(card.locator("[data-repeat]")).to_be_visible()
    await expect(card.locator("[data-fact=waited]")).to_have_text("0:47")
    await expect(card.locator("[data-history=found]")).to_contain_text("Gave up")
    await until(lambda: served.desk.given(AcknowledgeHandover))
    assert [(each.agent, each.transfer) for each in served.desk.given(AcknowledgeHandover)] == [
        ("liwei", "t1")
    ]
    served.pop(screen_pop("p9", "liwei", call="pbx1:p1"))
    await expect(page.locator("[data-pop=p9] [data-handover]")).to_be_visible()
    await expect(page.get_by_role("article")).to_have_count(1)
    await page.reload()
    await expect(page.locator("[data-pop=p9] [data-reason]")).to_have_text("Refund above my limit")


async def test_the_way_through_the_queue_is_kept_although_the_phone_rings_for_a_colleague(
    liwei: Visitor,
) -> None:
    page, served = liwei.page, liwei.served
    served.hand_over(handover())
    served.pop(screen_pop("p9", "liwei", call="pbx1:p1", queue=None, waited_s=0.0))
    await expect(page.locator("[data-pop=p9] [data-fact=queue]")).to_have_text("billing")
    await expect(page.locator("[data-pop=p9] [data-fact=waited]")).to_have_text("0:47")


async def test_notes_appear_while_they_are_typed_and_the_standing_follows(liwei: Visitor) -> None:
    page, served = liwei.page, liwei.served
    served.hand_over(handover())
    for note in ("p", "pai", "paid\ntwice"):
        served.hand_over(handover(note=note))
        await expect(page.locator("[data-note]")).to_have_text(note)
    for at, text in {
        "ringing": "your phone rings",
        "talking": "You talk with Anna Berg; the caller is on hold",
        "swapped": "Anna Berg talks with the caller; you are on hold",
        "merged": "You, Anna Berg and the caller are together",
    }.items():
        served.transfer(view("t1", at))
        await expect(page.locator("[data-standing]")).to_contain_text(text)
    served.transfer(view("t1", "ended", outcome="completed"))
    await expect(page.locator("[data-standing]")).to_have_text("The caller is with you")
    served.tell("handover_closed", {"id": "t1/liwei", "reason": "ended"}, "liwei")
    await expect(page.locator("[data-handover]")).to_have_count(0)


async def test_the_target_has_no_buttons_of_the_transferer(liwei: Visitor) -> None:
    page, served = liwei.page, liwei.served
    served.desk.states["liwei"] = busy("liwei", "李伟")
    served.tell("state", busy("liwei", "李伟"), "liwei")
    served.hand_over(handover())
    served.transfer(view("t1", "talking"))
    await expect(page.locator("[data-standing]")).to_contain_text("You talk with")
    await expect(page.locator("[data-verb], [data-start]")).to_have_count(0)
    served.transfer(view("t1", "ended", outcome="completed"))
    await expect(page.locator("[data-start]")).to_be_enabled()  # now the caller is his


async def test_a_caller_who_was_handed_over_is_handed_on(liwei: Visitor) -> None:
    page, served = liwei.page, liwei.served
    served.tell("state", busy("liwei", "李伟"), "liwei")
    served.pop(screen_pop("p9", "liwei", call="pbx1:p1"))
    served.hand_over(handover())
    standing = page.locator("[data-standing]")
    await expect(standing).to_have_text("Hand-over from Anna Berg")  # made on a phone, so far as is known
    served.transfer(view("t1", "ended", outcome="completed"))
    await expect(standing).to_have_text("The caller is with you")
    on = {"transferer": {"agent": "liwei", "name": "李伟", "interface": "PJSIP/1002"}}
    to = {"target": {"kind": "agent", "id": "maria", "name": "Maria", "agent": "maria"}}
    served.transfer(view("t2", "talking", **on, **to))
    await expect(page.locator("[data-transfer=t2]")).to_contain_text("You talk with Maria")
    await expect(page.locator("[data-verb=complete]")).to_be_enabled()
    await expect(standing).to_have_text("The caller is with you")


async def test_the_caller_had_to_repeat(liwei: Visitor) -> None:
    page, served = liwei.page, liwei.served
    served.hand_over(handover(repeated=[{"at": 1.0, "agent": "anna", "name": "Anna Berg"}]))
    await expect(page.locator("[data-repeated-to]")).to_have_text("Had to repeat himself to Anna Berg")
    served.desk.answer = refused("not_yours", "this call is not yours")
    button = page.get_by_role("button", name="Caller had to repeat")
    await button.click()
    await expect(page.get_by_text("this call is not yours")).to_be_visible()
    served.desk.answer = done()
    await button.click()
    await expect(page.get_by_role("button", name="Noted: caller had to repeat")).to_be_disabled()
    assert [each.call for each in served.desk.given(ReportRepeat)] == ["pbx1:p1"] * 2


async def test_hostile_hand_overs_are_shown_as_text(liwei: Visitor) -> None:
    page, served = liwei.page, liwei.served
    evil = '"><img src=x onerror=alert(1)><script>alert(2)</script>' + "\u202e" + "W" * 300
    earlier = {
        "transfer": "t0",
        "at": 1.0,
        "from": {"agent": evil, "name": evil},
        "to": {"kind": "agent", "id": evil, "name": evil},
        "outcome": "completed",
        "reason": evil,
        "note": evil,
    }
    person = {"agent": "anna", "name": evil, "interface": "PJSIP/1001"}
    served.hand_over(
        handover(reason=evil, note=evil, disposition=evil, transfers=[earlier], **{"from": person})
    )
    served.transfer(view("t1", "ringing", why=evil, transferer=person))
    await expect(page.locator("[data-reason]")).to_have_text(evil)
    inside = "document.querySelector('pbxd-page').shadowRoot"
    assert await page.evaluate(f"{inside}.querySelectorAll('script, img, iframe').length") == 0
    assert await page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


# ---------------------------------------------------------------- wrap-up, lost links, windows


async def test_wrap_up_counts_down_and_ends_with_the_button(anna: Visitor) -> None:
    page, served = anna.page, anna.served
    await anna.enter()
    wrapping = state()
    wrapping["agent"] |= {"state": "wrapup", "wrap_up": {"since": time.time(), "until": time.time() + 25}}
    wrapping["queues"][0]["members"][0] |= {"paused": True, "paused_reason": "pbxd:wrap-up"}
    served.tell("screenpop_closed", {"id": "p1", "reason": "ended"})
    served.tell("state", wrapping)
    await expect(page.get_by_role("banner")).to_contain_text("Wrap-up")
    await expect(page.locator("[data-wrap-up]")).to_have_text(re.compile(r"0:2\d left"))
    await expect(page.locator("[data-queue=billing]")).to_contain_text("Wrap-up")
    first = str(await page.locator("[data-wrap-up]").text_content())
    await expect(page.locator("[data-wrap-up]")).not_to_have_text(first)
    await expect(page.locator("[data-idle]")).to_contain_text("You write up your last call.")
    served.desk.answer = refused("not_in_wrap_up", "")
    await page.get_by_role("button", name="Ready", exact=True).click()
    await expect(page.locator("[data-notice]")).to_contain_text("You are not in wrap-up any more.")
    served.desk.answer = done()
    await page.get_by_role("button", name="Ready", exact=True).click()
    await until(lambda: len(served.desk.given(EndWrapUp)) == 2)
    served.tell("state", state())
    await expect(page.locator("[data-ready]")).to_have_count(0)
    still_on_the_phone = state()
    still_on_the_phone["agent"] |= {"state": "wrapup", "wrap_up": {"since": time.time(), "until": None}}
    served.tell("state", still_on_the_phone)
    await expect(page.locator("[data-ready]")).to_be_visible()
    await expect(page.locator("[data-wrap-up]")).to_have_count(0)


async def test_on_a_lost_link_time_stands_still_and_nothing_can_be_ordered(anna: Visitor) -> None:
    page, served = anna.page, anna.served
    now = time.time()
    served.desk.pops["anna"] = [screen_pop("p1", at=now - 100)]
    await anna.enter()
    served.transfer(view("t1", "talking"))
    await expect(page.locator("[data-verb=complete]")).to_be_enabled()
    lost = busy()
    lost["links"] = [
        {"node": "pbx1", "up": False, "since": now - 40, "reason": "nothing was heard for 5.0 s"}
    ]
    served.tell("state", lost)
    await expect(page.locator("[data-unheard]")).to_be_visible()
    for button in await page.locator("[data-verb]").all():
        await expect(button).to_be_disabled()
    await expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    since = page.locator("[data-pop=p1] [data-since]")
    await expect(since).to_have_text("1:00")
    queue = str(await page.locator("[data-queue=billing] [data-longest]").text_content())
    await page.evaluate("() => new Promise(done => setTimeout(done, 2200))")  # two ticks of the page
    assert await since.text_content() == "1:00"
    assert await page.locator("[data-queue=billing] [data-longest]").text_content() == queue
    await page.get_by_role("button", name="中文").click()
    await expect(page.locator("[data-unheard]")).to_contain_text("已有 5.0 秒没有收到任何信息")
    await page.get_by_role("button", name="EN").click()
    served.tell("state", busy())
    await expect(page.locator("[data-verb=complete]")).to_be_enabled()
    await expect(page.get_by_role("button", name="Pause")).to_be_enabled()
    await expect(since).to_have_text(re.compile(r"1:[4-5]\d"))


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_fits_its_window(browser: Browser, served: Served, width: int, scheme: Any) -> None:
    options: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    async with visiting(browser, served, **options) as anna:
        await anna.enter()
        page = anna.page

        async def fits() -> bool:
            wide = await page.evaluate(
                """() => { const over = [];
                const look = (root) => { for (const each of root.querySelectorAll('*')) {
                  const box = each.getBoundingClientRect();
                  if (box.right > window.innerWidth + 1 && box.width > 0
                      && !each.closest('.hidden, .scroll')) over.push(each.tagName);
                  if (each.shadowRoot) look(each.shadowRoot); } };
                look(document); return over; }"""
            )
            return wide == [] and await page.evaluate("document.documentElement.scrollWidth") <= width

        await page.locator("[data-start]").click()
        await page.locator("[data-target='agent/liwei']").click()
        assert await fits()
        inside = await page.get_by_role("dialog").bounding_box()
        assert inside is not None
        assert inside["y"] >= 0
        assert inside["y"] + inside["height"] <= 800
        await page.keyboard.press("Escape")
        for at in ("ringing", "talking", "merged"):
            served.transfer(view("t1", at, reason="x" * 200))
            await expect(page.locator(f"[data-transfer-state={at}]")).to_be_visible()
            assert await fits()
        served.transfer(view("t1", "ended", outcome="no_answer"))
        await page.locator("[data-ended]").wait_for()
        assert await fits()
