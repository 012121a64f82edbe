"""One story from beginning to end, checked as it goes: what phones hear, pages show, and figures say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from deploy.lab.centre import Centre, sums
from deploy.lab.ears import MUSIC, SOUND
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Phone, Phones

CALLER = "+8613800138000"
IMPATIENT = "+862088887777"
ACCOUNT = "4711"
QUEUE = "technical"

Tell = Callable[[str], None]
Pop = dict[str, Any]


class StoryError(AssertionError):
    """Something did not happen as it should; the text says what."""


def check(true: object, what: str) -> None:
    if not true:
        raise StoryError(what)


async def play(centre: Centre, phones: Phones, tell: Tell) -> None:
    """Play the story on a running centre. Raises StoryError, PageError, PhoneError or CentreError."""
    anna_phone = await phones.agent(centre.switch, "1001", name="anna")
    bruno_phone = await phones.agent(centre.switch, "1002", name="bruno")
    caller = await phones.caller(centre.switch, CALLER, name="张三丰", label="caller")
    impatient = await phones.caller(centre.switch, IMPATIENT, label="impatient")
    async with centre.page("anna") as anna, centre.page("bruno") as bruno:
        pages = {anna_phone: anna, bruno_phone: bruno}
        tell("Anna and Bruno sit at their desks; both are members of the queue technical.")
        first = await _first_call(centre, phones, caller, pages, tell)
        await _ready(pages)
        await _call_again(centre, phones, caller, pages, first, tell)
        await _gives_up(centre, impatient, tell)
        await _figures(centre, tell)
    await phones.hang_up_everything()
    await centre.switch.leak_check()
    tell("Nothing is left on the switch: 0 channels, 0 bridges.")


async def _through_the_menu(caller: Phone, tell: Tell) -> None:
    await caller.dial("4008001234")
    await caller.connected()
    await caller.hears(SOUND, within_s=20)
    tell("The caller dials 400 800 1234. pbxd answers by FastAGI and the caller hears the menu.")
    await caller.keys("2")
    tell("He presses 2 (technical help)")
    await caller.hears_only(within_s=20)
    await caller.keys(f"{ACCOUNT}#")
    tell(f"and, when asked, keys in his account number, {ACCOUNT}#. It is repeated to him.")


async def _rung(pages: dict[Phone, AgentPage]) -> Phone:
    """The phone that rings, whichever the queue chose; the caller may still hear his account number."""
    waiting = {asyncio.create_task(phone.rings(30)): phone for phone in pages}
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return waiting[done.pop()]


async def _first_call(
    centre: Centre, phones: Phones, caller: Phone, pages: dict[Phone, AgentPage], tell: Tell
) -> str:
    """Who took the call."""
    await _through_the_menu(caller, tell)
    rung = await _rung(pages)
    page = pages[rung]
    pop = await page.pop()
    tell(f"{rung.name.title()}'s phone rings. On the page of {rung.name.title()}, and on no other:")
    _tell_pop(pop, tell)
    _check_pop(pop, rung)
    check(not pop["repeat"]["flag"], f"a first call must not be flagged: {pop['repeat']}")
    for other in pages.values():
        check(other is page or not other.pops, f"{other.agent} must not see the pop of {page.agent}")
    line = await rung.answer()
    await phones.hear_each_other(rung, caller)
    tell("They talk: each phone hears the other's tone, and nobody else's.")
    await rung.hang_up(line)
    await caller.on_hook()
    await page.until(lambda: "closed" in page.pops[pop["id"]], "closed pop")
    contact = await _contact(centre, page, pop["call"])
    check(contact["outcome"] == "answered", f"the contact should be answered: {contact}")
    tell(
        f"They hang up. The history has the contact: {contact['outcome']}, {contact['talk_s']:.1f} s of talk."
    )
    return rung.name


async def _contact(centre: Centre, page: AgentPage, call: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = [row for row in await page.contacts() if row["call"] == call]
        return bool(found)

    await centre.until(there, f"the contact {call} is in the history")
    return found[0]


async def _call_again(
    centre: Centre, phones: Phones, caller: Phone, pages: dict[Phone, AgentPage], before: str, tell: Tell
) -> None:
    await _through_the_menu(caller, tell)
    rung = await _rung(pages)
    pop = await pages[rung].pop(lambda pop: pop["history"]["state"] == "found")
    _tell_pop(pop, tell)
    _check_pop(pop, rung)
    check(pop["repeat"]["flag"], f"the second call must be flagged: {pop['repeat']}")
    check(pop["repeat"]["count"] == 2, f"it is the second call: {pop['repeat']}")
    earlier = [(c["queue"], c["agent"], c["outcome"]) for c in pop["history"]["contacts"]]
    check(earlier == [(QUEUE, before, "answered")], f"the earlier contact must be shown: {earlier}")
    await rung.answer()
    await phones.hear_each_other(rung, caller)
    tell("The same caller again: flagged as a repeat call, the earlier contact before the agent's eyes.")
    await _hand_over(phones, caller, rung, pages, tell)


async def _ready(pages: dict[Phone, AgentPage]) -> None:
    """Nobody is in wrap-up any more."""
    for page in pages.values():
        if _state(page) == "wrapup":
            await page.order("wrap_up.end")
        await page.until(partial(_is_ready, page), f"{page.agent} ready")


def _state(page: AgentPage) -> str:
    return str(page.state["agent"]["state"])


def _is_ready(page: AgentPage) -> bool:
    return _state(page) == "ready"


async def _hand_over(
    phones: Phones, caller: Phone, transferer: Phone, pages: dict[Phone, AgentPage], tell: Tell
) -> None:
    """The caller goes from one agent to the other, who knows everything before his phone rings."""
    page = pages[transferer]
    target = next(phone for phone in pages if phone is not transferer)
    answer = await page.order(
        "transfer.start",
        targets=[{"kind": "agent", "id": target.name}],
        reason="Router",
        note="Its red light blinks, restarted twice already",
    )
    check(answer["outcome"] == "done", f"the transfer should start: {answer}")
    transfer = answer["body"]["id"]
    await target.rings()
    names = transferer.name.title(), target.name.title()
    document = pages[target].handovers.get(transfer)
    check(document is not None, f"the hand-over must be on {names[1]}'s page before the phone rings")
    tell(f"{names[0]} hands the caller over. Before the phone of {names[1]} rings, the page there says:")
    _check_hand_over(document or {}, tell)
    await caller.hears_only(MUSIC)
    await target.answer()
    await phones.hear_each_other(transferer, target)
    tell(f"{names[0]} and {names[1]} talk, the caller hears music.")
    done = await page.order("transfer.complete", transfer=transfer)
    check(done["outcome"] == "done", f"the transfer should be completed: {done}")
    await phones.hear_each_other(target, caller)
    await transferer.on_hook()
    await page.until(
        lambda: page.transfers[transfer]["outcome"] == "completed", "the transfer told as completed"
    )
    tell(f"Completed: the caller and {names[1]} hear each other, {names[0]} is free.")
    await phones.goodbye(caller, target, caller)


def _check_hand_over(document: dict[str, Any], tell: Tell) -> None:
    check(document["caller"]["number"] == CALLER, f"the caller: {document['caller']}")
    digits = [step["digits"] for step in document["path"]]
    check(ACCOUNT in digits, f"the account number: {digits}")
    check(document["repeat"]["flag"], f"the repeat flag: {document['repeat']}")
    reason, note = document["reason"], document["note"]
    check((reason, bool(note)) == ("Router", True), f"reason and note: {reason} {note}")
    tell(f"    {document['caller']['number']}  {document['caller']['name']}, account number {ACCOUNT}")
    tell(f"    {reason}: {note}")
    tell(f"    {document['repeat']['text']}")


async def _gives_up(centre: Centre, impatient: Phone, tell: Tell) -> None:
    before = sums(await centre.metrics(), "pbxd_calls_total", ['outcome="abandoned"'])
    await _through_the_menu(impatient, tell)
    await impatient.hears(MUSIC, within_s=30)
    await impatient.hang_up()
    tell("Another caller waits, hears the music, and gives up.")

    async def recorded() -> bool:
        return sums(await centre.metrics(), "pbxd_calls_total", ['outcome="abandoned"']) == before + 1

    await centre.until(recorded, "the abandoned call is counted")


async def _figures(centre: Centre, tell: Tell) -> None:
    metrics = await centre.metrics()
    answered = sums(metrics, "pbxd_calls_total", ['outcome="answered"'])
    abandoned = sums(metrics, "pbxd_calls_total", ['outcome="abandoned"'])
    repeats = sums(metrics, "pbxd_repeat_calls_total")
    check(answered == 2, f"/metrics should tell 2 answered calls, not {answered:g}")
    check(abandoned == 1, f"/metrics should tell 1 abandoned call, not {abandoned:g}")
    check(repeats >= 1, "/metrics should tell a repeat call")
    handed = sums(metrics, "pbxd_transfers_total", ['kind="attended"', 'outcome="completed"'])
    orphans = sums(metrics, "pbxd_transfer_orphans_total")
    check(handed == 1, f"/metrics should tell 1 completed transfer, not {handed:g}")
    check(orphans == 0, f"/metrics tells {orphans:g} callers left behind")
    tell(
        f"/metrics: {answered:g} answered, {abandoned:g} abandoned, {repeats:g} repeat call, "
        f"{handed:g} transfer completed, {orphans:g} callers left behind."
    )


def _check_pop(pop: Pop, rung: Phone) -> None:
    check(pop["agent"] == rung.name, f"the pop is for {rung.name}: {pop['agent']}")
    check(pop["caller"]["number"] == CALLER, f"number in E.164: {pop['caller']}")
    check(pop["caller"]["dialled_as"], f"the number as it was presented: {pop['caller']}")
    check(pop["caller"]["name"] == "张三丰", f"name as the caller's line gives it: {pop['caller']}")
    check(pop["caller"]["place"], f"the place of the number: {pop['caller']}")
    check(pop["queue"] == QUEUE, f"the queue: {pop['queue']}")
    check(pop["waited_s"] < 30, f"seconds waited so far: {pop['waited_s']}")
    digits = [step["digits"] for step in pop["path"]]
    check("2" in digits and ACCOUNT in digits, f"the keys and the account number: {digits}")
    check(all(step["label"] for step in pop["path"]), f"every step has its label: {pop['path']}")


def _tell_pop(pop: Pop, tell: Tell) -> None:
    caller = pop["caller"]
    presented = "" if caller["dialled_as"] == caller["number"] else f" (as {caller['dialled_as']})"
    tell(f"    {caller['number']}{presented}  {caller['name']}  {caller['place']} {caller['carrier']}")
    tell(f"    queue {pop['queue']}, waited {pop['waited_s']:.1f} s, dialled {pop['dialled']}")
    path = " › ".join(
        step["label"] + (f" [{step['digits']}]" if step["digits"] else "") for step in pop["path"]
    )
    tell(f"    {path}")
    if pop["repeat"]["flag"]:
        tell(f"    {pop['repeat']['text']}")
    for contact in pop["history"]["contacts"]:
        when = datetime.fromtimestamp(contact["arrived"]).astimezone()
        tell(
            f"    earlier: {when:%Y-%m-%d %H:%M}, queue {contact['queue']}, {contact['agent'] or 'nobody'}, "
            f"{contact['outcome']}, {contact['talk_s']:.1f} s of talk"
        )
