"""The floor of a call centre on which callers are handed over: phones that hear, pages, one pbxd."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Self

from deploy.lab.ami import Message
from deploy.lab.centre import DESKS, Centre, sums
from deploy.lab.ears import MUSIC, RINGBACK
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Phone, Phones

CALLER = "+8613800138000"
AGENTS = {"anna": "1001", "bruno": "1002", "carla": "1003", "dora": "1004"}
AT_ANNA = "501"  #: extensions of queues with one member each
AT_BRUNO = "502"

Json = dict[str, Any]

SKILLED = tuple(
    replace(desk, skills={"dora": {"tax": 3}, "carla": {"tax": 9, "roof": 1}}.get(desk.id, {}))
    for desk in DESKS
)
SETTINGS: Json = {
    "transfers": {
        "music": "pbxd",
        "reassure": {"after": "0s", "prompt": "pls-hold-while-try"},
        "ring_timeout": "20s",
        "outside": {"allow": ["+49"], "deny": ["+4930"], "dial": "Local/{digits}@lab-outside/n"},
    },
    "wrap_up": {"declined_pause": "0s"},
}
OUTSIDE = """
[lab-outside]
; A number outside, as a trunk reaches it: the laboratory has a phone for it.
exten => _X.,1,Dial(PJSIP/1008,20)
 same => n,Hangup(${HANGUPCAUSE})
; One that a test answers by itself, at a port of its own.
exten => 498900486,1,Dial(PJSIP/trunk/sip:486@127.0.0.1:${LAB_PORT},20)
 same => n,Hangup(${HANGUPCAUSE})
"""
REVIVING = """
[lab-slow-end]
; A hang-up handler that takes its time, as many installations have one.
exten => s,1,AGI(agi://127.0.0.1:${LAB_SLOW}/)
 same => n,Return()
[lab-unasked]
; As the caller meets somebody in pbxd-transfer, but without asking whether he is hanging up.
exten => s,1,Set(PBXD_WITH=${LAB_WITH})
 same => n,Set(PBXD_MET=${STRFTIME(,,%s%3q)})
 same => n,Bridge(${LAB_WITH},tF(pbxd-transfer^after^1))
 same => n,Goto(pbxd-transfer,over,1)
"""


@dataclass
class Floor:
    """Anna, Bruno, Carla, Dora and a caller. Use as an async context."""

    centre: Centre
    phones: Phones
    anna: Phone = field(init=False)
    bruno: Phone = field(init=False)
    carla: Phone = field(init=False)
    dora: Phone = field(init=False)
    caller: Phone = field(init=False)
    pages: dict[str, AgentPage] = field(default_factory=dict)
    events: list[Message] = field(default_factory=list)
    transfer: str = ""  #: the id of the newest one
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _deaf: Callable[[], None] | None = None

    async def __aenter__(self) -> Self:
        for name, number in AGENTS.items():
            setattr(self, name, await self.phones.agent(self.centre.switch, number, name=name))
        self.caller = await self.phones.caller(
            self.centre.switch, CALLER, name="Zhang", trunk="trunk-queue", label="caller"
        )
        self._deaf = self.centre.switch.ami.on_event(self.events.append)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._deaf is not None:
            self._deaf()
        await self._open.aclose()

    # ------------------------------------------------------------ people

    async def page(self, agent: str) -> AgentPage:
        """This agent's page, open until the test ends."""
        if agent not in self.pages:
            self.pages[agent] = await self._open.enter_async_context(self.centre.page(agent))
        return self.pages[agent]

    async def reload(self, agent: str) -> AgentPage:
        """The agent loads the page anew."""
        old = self.pages.pop(agent, None)
        if old is not None:
            await old.close()
        return await self.page(agent)

    async def handed_over_by_phone(self) -> None:
        """Anna asks Bruno with her telephone, and hands the caller over with it: REFER with Replaces."""
        held = self.anna.line
        await self.anna.hold(held)
        await self.caller.hears_only(MUSIC)
        consult = await self.anna.dial("1002")
        await self.bruno.answer()
        await self.together(self.anna, self.bruno)
        await self.anna.attended_transfer(held, consult)
        await self.together(self.caller, self.bruno)

    async def call(self, extension: str = AT_ANNA, agent: str = "anna") -> None:
        """The caller reaches this agent; pbxd has seen it."""
        phone: Phone = getattr(self, agent)
        page = await self.page(agent)
        await self.caller.dial(extension)
        await phone.answer()
        await self.phones.hear_each_other(self.caller, phone)
        await page.until(lambda: page.state["agent"]["state"] == "talking", f"{agent} talking")

    async def start(self, *targets: str, agent: str = "anna", **more: Any) -> Json:
        """Hand the caller over: ``agent:bruno``, ``queue:q502`` … in turn. The transfer's view."""
        answer = await self.try_start(*targets, agent=agent, **more)
        assert answer["outcome"] == "done", answer
        view: Json = answer["body"]
        self.transfer = view["id"]
        return view

    async def try_start(self, *targets: str, agent: str = "anna", **more: Any) -> Json:
        page = await self.page(agent)
        wanted = [dict(zip(("kind", "id"), target.split(":", 1), strict=True)) for target in targets]
        return await page.order("transfer.start", targets=wanted, **more)

    async def do(self, verb: str, agent: str = "anna", **more: Any) -> Json:
        """Give an order that must be obeyed."""
        answer = await self.try_to(verb, agent, **more)
        assert answer["outcome"] == "done", (verb, answer)
        body: Json = answer["body"]
        return body

    async def try_to(self, verb: str, agent: str = "anna", **more: Any) -> Json:
        page = await self.page(agent)
        return await page.order(f"transfer.{verb}", transfer=self.transfer, **more)

    def view(self, agent: str = "anna") -> Json:
        """The transfer as this agent's page shows it."""
        return self.pages[agent].transfers.get(self.transfer, {})

    async def becomes(self, state: str, agent: str = "anna", within_s: float = 10.0) -> Json:
        page = await self.page(agent)
        await page.until(
            lambda: self.view(agent).get("state") == state,
            f"transfer {state} (it is {self.view(agent).get('state')})",
            within_s,
        )
        return self.view(agent)

    async def ends(self, outcome: str, agent: str = "anna", within_s: float = 10.0) -> Json:
        view = await self.becomes("ended", agent, within_s)
        assert view["outcome"] == outcome, view
        return view

    async def told(self, agent: str = "anna") -> list[str]:
        """The events of this transfer that the agent's page got, up to that of the end."""
        page = await self.page(agent)
        await page.until(lambda: (self.transfer, "ended") in page.happened, "the event of the end")
        return [event for transfer, event in page.happened if transfer == self.transfer]

    async def agent_is(self, agent: str, state: str) -> None:
        page = await self.page(agent)
        await page.until(lambda: page.state["agent"]["state"] == state, f"{agent} {state}")

    # ------------------------------------------------------------ states of a transfer

    async def ringing(self, target: str = "bruno", **more: Any) -> Json:
        """Anna's caller is on hold, this agent's phone rings."""
        await self.call()
        view = await self.start(f"agent:{target}", **more)
        await getattr(self, target).rings()
        await self.becomes("ringing")
        await self.caller.hears_only(MUSIC)
        await self.anna.hears(RINGBACK)
        return view

    async def talking(self, target: str = "bruno", **more: Any) -> None:
        """… and has answered."""
        await self.ringing(target, **more)
        phone: Phone = getattr(self, target)
        await phone.answer()
        await self.phones.hear_each_other(self.anna, phone)
        await self.caller.hears_only(MUSIC)
        await self.becomes("talking")

    async def swapped(self) -> None:
        await self.talking()
        await self.do("swap")
        await self.together(self.anna, self.caller)
        await self.bruno.hears_only(MUSIC)
        await self.becomes("swapped")

    async def merged(self) -> None:
        await self.talking()
        await self.do("merge")
        await self.together(self.anna, self.bruno, self.caller)
        await self.becomes("merged")

    async def to_and_fro(self, times: int) -> None:
        """Anna swaps to the caller and back to Bruno: two hear each other, the third hears music."""
        for _ in range(times):
            await self.do("swap")
            await self.together(self.anna, self.caller)
            await self.bruno.hears_only(MUSIC)
            await self.becomes("swapped")
            await self.do("swap")
            await self.together(self.anna, self.bruno)
            await self.caller.hears_only(MUSIC)
            await self.becomes("talking")

    async def handed_on(self) -> None:
        """Bruno, who talks with the caller, asks Carla, swaps, and hands him on to her by pbxd."""
        await self.start("agent:carla", agent="bruno")
        await self.carla.answer()
        await self.together(self.bruno, self.carla)
        await self.caller.hears_only(MUSIC)
        await self.do("swap", "bruno")
        await self.together(self.bruno, self.caller)
        await self.do("complete", "bruno")
        await self.together(self.carla, self.caller)

    async def together(self, *parties: Phone) -> None:
        """These hear each other, and nobody else."""
        await self.phones.hear_each_other(*parties)

    async def goodbye(self, *phones: Phone) -> None:
        """The first one hangs up, the others are hung up by the switch; then nothing is left."""
        await self.phones.goodbye(self.caller, *phones)

    async def nothing_left(self) -> None:
        """No open transfer, no orphan, nobody paused."""
        page = await self.page("anna")
        await page.until(
            lambda: all(view["state"] == "ended" for view in page.transfers.values()), "end of all transfers"
        )
        metrics = await self.centre.metrics()
        assert sums(metrics, "pbxd_transfer_orphans_total") == 0
        members = await self.centre.switch.ami.listing("QueueStatus")
        assert not [m["Name"] for m in members if m.get("Paused") == "1"]

    def named(self, name: str, **headers: str) -> list[Message]:
        return [e for e in self.events if e["Event"] == name and headers.items() <= e.items()]
