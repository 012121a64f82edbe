"""What the world says of agents' time, from what a switch tells of its queue members."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbxd.agents.staff import Agent, Staff
from pbxd.ami.event_types import QueueMember, QueueMemberRemoved
from pbxd.ami.inventory import Inventory
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.effects import Count
from pbxd.ids import AgentId, Interface, NodeId
from pbxd.messages import LinkDown, LinkUp, Tick
from pbxd.world import Rules, World
from tests.members import GONE, TALKS, member_of

NODE = NodeId("pbx1")
START = 1_700_000_000.0

ANNAS = member_of("sales")


class Day:
    """A world with one agent, in which a second passes at each ``passes``."""

    def __init__(self) -> None:
        staff = Staff(
            Agent(id=AgentId(name), name=name, language="en", devices=((None, Interface(device)),))
            for name, device in (("anna", "PJSIP/1001"), ("bruno", "PJSIP/1002"))
        )
        self.world = World(
            Rules(
                nodes=(NODE,),
                staff=staff,
                callers=CallerRules(),
                repeat=RepeatRule(),
                agent_figures=True,
            )
        )
        self.now = START
        self.counted: dict[str, float] = {}
        self.passes(0)
        self.link_up()

    def passes(self, seconds: int) -> None:
        for _ in range(max(1, seconds)):
            self.now += 1 if seconds else 0
            for effect in self.world.step(Tick(at=self.now)):
                if isinstance(effect, Count) and effect.labels.get("agent") == "anna":
                    self.counted[effect.metric] = self.counted.get(effect.metric, 0.0) + effect.value

    def link_up(self) -> None:
        inventory = Inventory(node=NODE, at=self.now, queues=("sales",), members=(ANNAS,))
        self.world.step(LinkUp(node=NODE, at=self.now, inventory=inventory))

    def tells(self, **changes: object) -> None:
        member = replace(ANNAS, **changes)  # type: ignore[arg-type]
        self.world.step(QueueMember(node=NODE, at=self.now, member=member))

    def spent(self) -> dict[str, float]:
        return {state: seconds for state, _, seconds in self.world.timesheets.states(self.now) if seconds}


def test_signed_in_time_and_pauses_follow_what_the_switch_tells() -> None:
    day = Day()
    day.passes(60)
    day.tells(status=TALKS)
    day.passes(30)
    day.tells(paused=True, paused_reason="lunch")
    day.passes(20)
    day.tells(status=GONE)
    day.passes(100)
    assert day.spent() == pytest.approx({"ready": 60, "talking": 30, "paused": 20})
    day.passes(120)  # in which everybody's turn comes
    assert day.counted["pbxd_agent_signed_in_seconds_total"] == pytest.approx(110)
    assert day.counted["pbxd_agent_pause_seconds_total"] == pytest.approx(20)


def test_nobody_is_seen_while_the_link_is_down() -> None:
    day = Day()
    day.passes(10)
    day.world.step(LinkDown(node=NODE, at=day.now, reason="lost"))
    day.passes(50)
    assert day.spent() == pytest.approx({"ready": 10})
    day.link_up()
    day.passes(5)
    assert day.spent() == pytest.approx({"ready": 15})


def test_who_is_taken_out_of_his_queue_is_signed_out() -> None:
    day = Day()
    day.passes(10)
    day.world.step(QueueMemberRemoved(node=NODE, at=day.now, queue="sales", interface=ANNAS.interface))
    day.passes(50)
    assert day.spent() == pytest.approx({"ready": 10})
