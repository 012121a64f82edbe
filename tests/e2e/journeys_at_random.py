"""Callers' journeys as they come: several at the same time, each kind again and again, repeatable by seed.

Each lane has callers, three agents and queues of its own, so that it is certain who gets whom, and what is
intended can be written down beforehand. What a journey does to the figures, and what it is to become, is its
own account (Journey); when it happened is the switch's to say (tests/e2e/truth.py).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from deploy.lab.centre import Centre, Desk
from deploy.lab.files import Wishes
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Line, Phone, Phones, until
from tests.e2e.truth import Truth

Json = dict[str, Any]

LANES = 3
PATIENCE_S = 60.0  #: how slow a machine may be
SERVICE_LEVEL_S = 2.0
SHORT_S = 1.5
WRAP_UP_S = 1.0

QUEUES = """
; Agents of one lane, one after the other: the second when the first declines or does not answer.
[main{n}](lab-queue)
strategy = linear
timeout = 4
member => PJSIP/1{n}01,0,A{n},PJSIP/1{n}01
member => PJSIP/1{n}02,0,B{n},PJSIP/1{n}02
; Notes are written after these calls.
[notes{n}](lab-queue)
strategy = linear
timeout = 4
member => PJSIP/1{n}01,0,A{n},PJSIP/1{n}01
; Everybody at once.
[all{n}](lab-queue)
strategy = ringall
member => PJSIP/1{n}01,0,A{n},PJSIP/1{n}01
member => PJSIP/1{n}02,0,B{n},PJSIP/1{n}02
; Where callers overflow to, or are sent.
[over{n}](lab-queue)
member => PJSIP/1{n}03,0,C{n},PJSIP/1{n}03
; May be left with a key.
[keys{n}](lab-queue)
context = lab-keys
member => PJSIP/1{n}01,0,A{n},PJSIP/1{n}01
"""
EXTENSIONS = """
[lab-keys]
exten => 0,1,Hangup()

[pbxd-phones](+)
exten => _8X1,1,Answer()
 same => n,Queue(over${EXTEN:1:1},t)
 same => n,Hangup()

[lab-queue](+)
exten => _3X1,1,Answer()
 same => n,Queue(main${EXTEN:1:1},t)
 same => n,Hangup()
exten => _3X2,1,Answer()
 same => n,Queue(main${EXTEN:1:1},t,,,3)
 same => n,Hangup()
exten => _3X3,1,Answer()
 same => n,Queue(main${EXTEN:1:1},t,,,3)
 same => n,Queue(over${EXTEN:1:1},t,,,60)
 same => n,Hangup()
exten => _3X4,1,Answer()
 same => n,Queue(keys${EXTEN:1:1},t)
 same => n,Hangup()
exten => _3X5,1,Answer()
 same => n,Queue(notes${EXTEN:1:1},t)
 same => n,Hangup()
exten => _3X6,1,Answer()
 same => n,Queue(all${EXTEN:1:1},t)
 same => n,Hangup()
"""
FLOW = """\
title: Main number
languages: [en]
start: choose
on_failure: { queue: fallback, subject: broken }
prompts:
  choices: { en: Please press a key. }
  wrong: { en: This is not one of the choices. }
steps:
  choose:
    type: menu
    label: Main menu
    prompt: choices
    options:
{options}
    timeout: 20s
    retries: 2
    invalid: { prompt: wrong, next: bye }
    no_input: { prompt: wrong, next: bye }
  bye: { type: hangup }
"""


def desks() -> list[Desk]:
    return [
        Desk(id=f"{who}{n}", name=f"{who.upper()} {n}", phones=(f"1{n}0{i}",))
        for n in range(1, LANES + 1)
        for i, who in enumerate("abc", 1)
    ]


def wishes() -> Wishes:
    return Wishes(
        phones=[desk.phones[0] for desk in desks()] + [f"100{n}" for n in range(1, 5)],
        extensions=EXTENSIONS,
        queues="".join(QUEUES.replace("{n}", str(n)) for n in range(1, LANES + 1)),
        scenarios=False,
        cdr=True,
    )


def flow() -> str:
    options, steps = "", ""
    for n in range(1, LANES + 1):
        options += f"      {n}: {{ label: Lane {n}, subject: lane{n}, next: lane{n} }}\n"
        steps += f"  lane{n}: {{ type: queue, queue: main{n}, timeout: 5m }}\n"
    return FLOW.replace("{options}", options.rstrip("\n")) + steps


def settings() -> Json:
    return {
        "transfers": {"music": "pbxd", "ring_timeout": "60s"},
        "wrap_up": {
            "declined_pause": "0s",
            "queues": {f"notes{n}": f"{WRAP_UP_S:g}s" for n in range(1, LANES + 1)},
        },
        "figures": {"service_level": f"{SERVICE_LEVEL_S:g}s", "short_abandon": f"{SHORT_S * 1000:.0f}ms"},
        "metrics": {"per_agent": True},
    }


# ---------------------------------------------------------------- what a journey is to become


@dataclass
class Transfer:
    by: str
    kind: str
    outcome: str
    from_: str  #: interface
    queue: str = ""  #: that had brought the two together
    to_kind: str = "agent"
    target: str = ""  #: name of a queue


@dataclass
class Journey:
    """One caller, and what was done to him. Queues and interfaces are the switch's names."""

    kind: str
    lane: int
    number: str
    uniqueid: str = ""
    outcome: str = ""
    waits: list[tuple[str, str]] = field(default_factory=list)  #: queue, outcome
    legs: list[tuple[str, str]] = field(default_factory=list)  #: interface, the queue it counts under
    rings: list[tuple[str, str]] = field(default_factory=list)  #: queue, why it stopped
    transfers: list[Transfer] = field(default_factory=list)
    begun_by_phone: int = 0  #: consultations by phone that came to nothing
    flow: list[str] = field(default_factory=list)  #: entered, chosen, invalid, hung_up; in their order
    wraps_up: str = ""  #: interface of the agent who writes notes afterwards
    disturbed: bool = False  #: pbxd could not see all of it

    @property
    def queue(self) -> str:
        return self.waits[0][0] if self.waits else ""


# ---------------------------------------------------------------- playing


@dataclass
class Lane:
    """Callers, three agents, queues of their own."""

    n: int
    centre: Centre
    phones: Phones
    truth: Truth
    chance: random.Random
    journeys: list[Journey]
    a: Phone = field(init=False)
    b: Phone = field(init=False)
    c: Phone = field(init=False)
    caller: Phone = field(init=False)
    pages: dict[str, AgentPage] = field(default_factory=dict)
    transfer: str = ""
    now: Journey = field(init=False)
    seen: int = 0
    between: Callable[[], Awaitable[None]] | None = None  #: before each next journey

    async def open(self) -> None:
        switch = self.centre.switch
        for i, who in enumerate("abc", 1):
            phone = await self.phones.agent(switch, f"1{self.n}0{i}", name=f"{who}{self.n}")
            phone.deaf = True
            setattr(self, who, phone)
        self.caller = await self.phones.caller(switch, f"0{self.n}", label=f"caller{self.n}")
        self.caller.deaf = True
        await self.open_pages()

    async def open_pages(self) -> None:
        for who in "abc":
            self.pages[who] = await self.centre.page(f"{who}{self.n}").open()

    async def close_pages(self) -> None:
        for page in self.pages.values():
            await page.close()
        self.pages.clear()

    # ------------------------------------------------------------ names

    def queue(self, kind: str) -> str:
        return f"{kind}{self.n}"

    def interface(self, phone: Phone) -> str:
        return f"PJSIP/{phone.number}"

    # ------------------------------------------------------------ one journey

    async def play(self, kind: str) -> None:
        """One journey from beginning to end; then nobody of this lane is busy any more."""
        self.now = self.another(kind)
        self.journeys.append(self.now)
        try:
            await KINDS[kind](self)
            await self.all_over()
        except BaseException as fault:
            fault.add_note(f"in lane {self.n}: {self.now}")
            raise

    def another(self, kind: str) -> Journey:
        return Journey(kind=kind, lane=self.n, number=self._number())

    def _number(self) -> str:
        """A new one, or one that has called before."""
        mine = [journey.number for journey in self.journeys if journey.lane == self.n]
        if mine and self.chance.random() < 0.25:
            return self.chance.choice(mine)
        self.seen += 1
        return f"+861380{self.n}{self.seen:06}"

    async def dial(self, extension: str, trunk: str = "trunk-queue") -> None:
        number, truth = self.now.number, self.truth
        before = len(truth.numbers[number])
        self.caller.headers = {
            "X-Lab-Trunk": trunk,
            "P-Asserted-Identity": f"<sip:{number}@127.0.0.1>",
        }
        await self.caller.dial(extension)
        await until(
            lambda: len(truth.numbers[number]) > before, lambda: "the switch sees no call", PATIENCE_S
        )
        self.now.uniqueid = truth.numbers[number][before]

    async def together(self, *phones: Phone) -> None:
        """The caller hears exactly these, as the switch knows."""
        wanted = {self.interface(phone) for phone in phones}
        await until(
            lambda: self.truth.hears_now(self.now.uniqueid) == wanted,
            lambda: f"the caller hears {self.truth.hears_now(self.now.uniqueid)} instead of {wanted}",
            PATIENCE_S,
        )

    async def some_time(self, least: float = 0.3, most: float = 1.5) -> None:
        """People talk, or wait; how long is of no account."""
        await asyncio.sleep(self.chance.uniform(least, most))

    async def answers(self, phone: Phone) -> Line:
        await phone.rings(PATIENCE_S)
        await asyncio.sleep(self.chance.uniform(0.0, 0.4))
        return await phone.answer(PATIENCE_S)

    async def reaches(self, extension: str, phone: Phone, queue: str) -> None:
        """The caller waits in this queue until this agent answers; pbxd knows it."""
        await self.dial(extension)
        await self.is_answered(phone, queue)

    async def is_answered(self, phone: Phone, queue: str) -> None:
        await self.answers(phone)
        await self.together(phone)
        self.now.rings.append((queue, "answered"))
        self.now.waits.append((queue, "answered"))
        self.leg(phone, queue)
        self.now.outcome = "answered"
        await self.some_time()

    def leg(self, phone: Phone, queue: str | None = None) -> None:
        """The caller talks with this one; without a queue of its own in which he waited last."""
        last = self.now.waits[-1][0] if self.now.waits else ""
        self.now.legs.append((self.interface(phone), last if queue is None else queue))

    async def goodbye(self, *agents: Phone) -> None:
        """Somebody hangs up, and then everybody is out."""
        first = self.chance.choice((self.caller, *agents)) if len(agents) == 1 else self.caller
        if first.open_lines:
            await first.hang_up()
        for phone in (self.caller, *agents):
            await phone.on_hook(within_s=PATIENCE_S)

    async def takes_over(self, phone: Phone) -> None:
        """The caller is with this one instead, and who gave him away is out of it."""
        await self.together(phone)
        await self.a.on_hook(within_s=PATIENCE_S)
        self.leg(phone)

    async def phones_down(self) -> None:
        for phone in (self.a, self.b, self.c):
            for line in phone.open_lines:
                await phone.hang_up(line)

    async def all_over(self) -> None:
        for phone in (self.caller, self.a, self.b, self.c):
            await phone.on_hook(within_s=PATIENCE_S)
        uniqueid = self.now.uniqueid
        await until(lambda: uniqueid in self.truth.ended, lambda: "the caller's channel stays", PATIENCE_S)
        for who, page in self.pages.items():
            await page.until(
                lambda page=page: page.state["agent"]["state"] == "ready",  # type: ignore[misc]
                f"{who} ready",
                PATIENCE_S,
            )

    # ------------------------------------------------------------ transfers by pbxd

    async def knows(self, who: str = "a", state: str = "talking") -> None:
        page = self.pages[who]
        await page.until(lambda: page.state["agent"]["state"] == state, f"{who} {state}", PATIENCE_S)

    async def hand_over(self, kind: str = "agent", id_: str = "", mode: str = "attended") -> None:
        await self.knows()
        answer = await self.pages["a"].order(
            "transfer.start", targets=[{"kind": kind, "id": id_ or f"c{self.n}"}], mode=mode
        )
        assert answer["outcome"] == "done", answer
        self.transfer = answer["body"]["id"]

    async def order(self, verb: str) -> None:
        answer = await self.pages["a"].order(f"transfer.{verb}", transfer=self.transfer)
        assert answer["outcome"] == "done", (verb, answer)

    async def becomes(self, state: str) -> None:
        page = self.pages["a"]
        await page.until(
            lambda: page.transfers.get(self.transfer, {}).get("state") == state,
            f"transfer {state} ({page.transfers.get(self.transfer)})",
            PATIENCE_S,
        )

    def transferred(self, by: str, kind: str, outcome: str = "completed", **more: str) -> None:
        queue = self.now.legs[0][1]
        self.now.transfers.append(
            Transfer(by=by, kind=kind, outcome=outcome, from_=self.interface(self.a), queue=queue, **more)
        )

    async def consults(self) -> None:
        """Anna's caller is on hold, she talks with the third one."""
        await self.hand_over()
        await self.answers(self.c)
        await self.becomes("talking")
        await self.some_time()
        self.now.rings.append(("", "answered"))


Play = Callable[[Lane], Awaitable[None]]
KINDS: dict[str, Play] = {}


def journey(play: Play) -> Play:
    KINDS[play.__name__] = play
    return play


# ---------------------------------------------------------------- queues


@journey
async def answered(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.goodbye(lane.a)


@journey
async def on_hold(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    for _ in range(lane.chance.choice((1, 2))):
        await lane.a.hold()
        await lane.together()
        await lane.some_time()
        await lane.a.resume()
        await lane.together(lane.a)
        await lane.some_time()
    await lane.goodbye(lane.a)


@journey
async def notes_afterwards(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}5", lane.a, lane.queue("notes"))
    lane.now.wraps_up = lane.interface(lane.a)
    await lane.goodbye(lane.a)
    pauses = lane.truth.pauses[lane.now.wraps_up]
    began = lane.truth.began[lane.now.uniqueid]
    await until(
        lambda: bool(pauses) and pauses[-1].started > began and pauses[-1].ended is not None,
        lambda: "no wrap-up",
        PATIENCE_S,
    )


@journey
async def ringing_all(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}6")
    await lane.b.rings(PATIENCE_S)
    await lane.is_answered(lane.a, lane.queue("all"))
    lane.now.rings.append((lane.queue("all"), "elsewhere"))
    await lane.b.on_hook(within_s=PATIENCE_S)
    await lane.goodbye(lane.a)


@journey
async def given_up_at_once(lane: Lane) -> None:
    await _given_up(lane, 0.3)


@journey
async def given_up(lane: Lane) -> None:
    await _given_up(lane, SHORT_S + 0.4)


async def _given_up(lane: Lane, after_s: float) -> None:
    await lane.dial(f"3{lane.n}4")
    await lane.a.rings(PATIENCE_S)
    await asyncio.sleep(after_s + lane.chance.uniform(0, 0.4))
    await lane.caller.hang_up()
    lane.now.outcome = "abandoned"
    lane.now.waits.append((lane.queue("keys"), "abandoned"))
    lane.now.rings.append((lane.queue("keys"), "caller_left"))


@journey
async def timed_out(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}2")
    await lane.caller.on_hook(within_s=PATIENCE_S)
    lane.now.outcome = "timeout"
    lane.now.waits.append((lane.queue("main"), "timeout"))
    lane.now.rings.append((lane.queue("main"), "no_answer"))


@journey
async def overflow(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}3")
    lane.now.rings.append((lane.queue("main"), "no_answer"))
    lane.now.waits.append((lane.queue("main"), "timeout"))
    await lane.is_answered(lane.c, lane.queue("over"))
    await lane.goodbye(lane.c)


@journey
async def overflow_and_given_up(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}3")
    await lane.c.rings(PATIENCE_S)
    await lane.some_time()
    await lane.caller.hang_up()
    main, over = lane.queue("main"), lane.queue("over")
    lane.now.outcome = "abandoned"
    lane.now.waits += [(main, "timeout"), (over, "abandoned")]
    lane.now.rings += [(main, "no_answer"), (over, "caller_left")]


@journey
async def left_by_key(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}4")
    await lane.a.rings(PATIENCE_S)
    await lane.some_time()
    await lane.caller.keys("0")
    await lane.caller.on_hook(within_s=PATIENCE_S)
    lane.now.outcome = "left"
    lane.now.waits.append((lane.queue("keys"), "left"))
    lane.now.rings.append((lane.queue("keys"), "elsewhere"))


@journey
async def declined_by_the_first(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}1")
    await lane.a.rings(PATIENCE_S)
    await lane.some_time(0.1, 0.6)
    await lane.a.reject()
    lane.now.rings.append((lane.queue("main"), "busy"))
    await lane.is_answered(lane.b, lane.queue("main"))
    await lane.goodbye(lane.b)


@journey
async def no_answer_of_the_first(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}1")
    lane.now.rings.append((lane.queue("main"), "no_answer"))
    await lane.is_answered(lane.b, lane.queue("main"))
    await lane.goodbye(lane.b)


@journey
async def first_is_paused(lane: Lane) -> None:
    ami, interface = lane.centre.switch.ami, lane.interface(lane.a)
    await ami.action("QueuePause", Interface=interface, Paused="true", Reason="lunch")
    await lane.knows("a", "paused")
    await lane.reaches(f"3{lane.n}1", lane.b, lane.queue("main"))
    await lane.goodbye(lane.b)
    await ami.action("QueuePause", Interface=interface, Paused="false")


# ---------------------------------------------------------------- flows


@journey
async def hung_up_in_the_menu(lane: Lane) -> None:
    await lane.dial("4000", "trunk")
    await until(lambda: bool(lane.truth.visits[lane.now.uniqueid]), lambda: "no flow", PATIENCE_S)
    await lane.some_time(0.5)
    await lane.caller.hang_up()
    lane.now.flow = ["hung_up"]
    lane.now.outcome = "ivr_hangup"


@journey
async def by_the_menu(lane: Lane) -> None:
    await lane.dial("4000", "trunk")
    await until(lambda: bool(lane.truth.visits[lane.now.uniqueid]), lambda: "no flow", PATIENCE_S)
    await lane.some_time(0.5)
    await lane.caller.keys(str(lane.n))
    lane.now.flow = ["chosen"]
    await lane.is_answered(lane.a, lane.queue("main"))
    await lane.goodbye(lane.a)


# ---------------------------------------------------------------- transfers by pbxd


@journey
async def attended(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.consults()
    await lane.order("complete")
    await lane.takes_over(lane.c)
    lane.transferred("pbxd", "attended")
    await lane.some_time()
    await lane.goodbye(lane.c)


@journey
async def cancelled(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.consults()
    await lane.order("cancel")
    await lane.together(lane.a)
    lane.transferred("pbxd", "attended", "cancelled")
    await lane.some_time()
    await lane.goodbye(lane.a)


@journey
async def declined(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.hand_over()
    await lane.c.rings(PATIENCE_S)
    await lane.some_time(0.2, 0.8)
    await lane.c.reject()
    await lane.together(lane.a)
    lane.now.rings.append(("", "busy"))
    lane.transferred("pbxd", "attended", "declined")
    await lane.some_time()
    await lane.goodbye(lane.a)


@journey
async def blonde(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.hand_over()
    await lane.c.rings(PATIENCE_S)
    await lane.becomes("ringing")
    await lane.order("complete")
    await lane.a.on_hook(within_s=PATIENCE_S)
    await lane.some_time()
    await lane.answers(lane.c)
    lane.now.rings.append(("", "answered"))
    await lane.takes_over(lane.c)
    lane.transferred("pbxd", "blonde")
    await lane.some_time()
    await lane.goodbye(lane.c)


@journey
async def all_three(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.consults()
    await lane.order("merge")
    await lane.together(lane.a, lane.c)
    await lane.becomes("merged")
    await lane.some_time()
    await lane.order("leave")
    await lane.takes_over(lane.c)
    lane.transferred("pbxd", "threeway")
    await lane.some_time()
    await lane.goodbye(lane.c)


@journey
async def swapped(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.consults()
    await lane.order("swap")
    await lane.together(lane.a)
    await lane.becomes("swapped")
    await lane.some_time()
    await lane.order("complete")
    await lane.takes_over(lane.c)
    lane.transferred("pbxd", "attended")
    await lane.some_time()
    await lane.goodbye(lane.c)


@journey
async def blind(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.hand_over(mode="blind")
    await lane.answers(lane.c)
    lane.now.rings.append(("", "answered"))
    await lane.takes_over(lane.c)
    lane.transferred("pbxd", "blind")
    await lane.some_time()
    await lane.goodbye(lane.c)


@journey
async def to_a_queue(lane: Lane) -> None:
    over = lane.queue("over")
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.hand_over("queue", over, mode="blind")
    lane.transferred("pbxd", "blind", to_kind="queue", target=over)
    await lane.is_answered(lane.c, over)
    await lane.goodbye(lane.c)


@journey
async def caller_leaves_the_transfer(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.consults()
    await lane.caller.hang_up()
    await lane.becomes("ended")
    lane.transferred("pbxd", "attended", "caller_left")
    await lane.some_time(0.1, 0.5)
    await lane.phones_down()


# ---------------------------------------------------------------- transfers by phone


@journey
async def refer(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.a.blind_transfer(lane.c.number)
    await lane.answers(lane.c)
    lane.now.rings.append(("", "answered"))
    await lane.takes_over(lane.c)
    lane.transferred("phone", "blind")
    await lane.some_time()
    await lane.goodbye(lane.c)


@journey
async def refer_to_a_queue(lane: Lane) -> None:
    over = lane.queue("over")
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    await lane.a.blind_transfer(f"8{lane.n}1")
    lane.transferred("phone", "blind", to_kind="queue", target=over)
    await lane.is_answered(lane.c, over)
    await lane.goodbye(lane.c)


@journey
async def refer_with_replaces(lane: Lane) -> None:
    held, consult = await _consults_by_phone(lane)
    await lane.a.attended_transfer(held, consult)
    await lane.takes_over(lane.c)
    lane.transferred("phone", "attended")
    await lane.some_time()
    await lane.goodbye(lane.c)


@journey
async def back_to_the_caller(lane: Lane) -> None:
    held, consult = await _consults_by_phone(lane)
    await lane.a.hang_up(consult)
    await lane.c.on_hook(within_s=PATIENCE_S)
    await lane.a.resume(held)
    await lane.together(lane.a)
    lane.now.begun_by_phone = 1
    await lane.some_time()
    await lane.goodbye(lane.a)


async def _consults_by_phone(lane: Lane) -> tuple[Line, Line]:
    await lane.reaches(f"3{lane.n}1", lane.a, lane.queue("main"))
    held = lane.a.line
    await lane.a.hold(held)
    await lane.together()
    consult = await lane.a.dial(lane.c.number)
    await lane.answers(lane.c)
    await lane.a.connected(consult, PATIENCE_S)
    await lane.some_time()
    lane.now.rings.append(("", "answered"))
    return held, consult


# ---------------------------------------------------------------- many


#: One of each sort that matters, for every day; what races against the clock of a busy machine is left out.
SHORT = (
    "answered",
    "on_hold",
    "notes_afterwards",
    "given_up_at_once",
    "given_up",
    "overflow",
    "left_by_key",
    "declined_by_the_first",
    "by_the_menu",
    "attended",
    "refer",
    "refer_with_replaces",
)


def deck(seed: int, journeys: int) -> list[str]:
    """So many kinds in random order, all of them before one comes again; the short ones if it is but few."""
    chance = random.Random(seed)
    sort, kinds = SHORT if journeys <= len(SHORT) else sorted(KINDS), list[str]()
    while len(kinds) < journeys:
        kinds += chance.sample(sort, len(sort))
    return kinds[:journeys]


async def play(lanes: list[Lane], kinds: list[str]) -> None:
    """All of these, dealt to whichever lane is free."""
    left = list(reversed(kinds))

    async def work(lane: Lane) -> None:
        while left:
            kind = left.pop()
            if lane.between is not None:
                await lane.between()
            await lane.play(kind)

    async with asyncio.TaskGroup() as all_lanes:
        for lane in lanes:
            all_lanes.create_task(work(lane))
