"""Who can take a caller now, and why not: every state, every kind of target; and the picker's answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbxd.agents.availability import Available, Floor, available
from pbxd.agents.handling import USUAL_S, Handling
from pbxd.agents.mailboxes import Mailbox
from pbxd.agents.outside import OutsideRules
from pbxd.agents.pausing import DECLINED, WRAP_UP
from pbxd.agents.picker import Candidate, Search, expected_wait_s, pick
from pbxd.agents.refused import Reason, Refused
from pbxd.agents.staff import Agent, Staff
from pbxd.agents.wrapup import WrapUp
from pbxd.ami.event_types import AgentCalled, Newchannel, QueueCallerJoin, QueueMember
from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.calls.facts import LegEnded
from pbxd.ids import AgentId, CallId, Interface, NodeId, Uniqueid
from pbxd.journal import Journal
from pbxd.messages import DialplanSeen
from pbxd.node import Node, served
from pbxd.orders import Target, TargetKind
from tests.members import BUSY, FREE, GONE, ON_HOLD, RINGS, TALKS, member_of

NODE, OTHER = NodeId("pbx1"), NodeId("pbx2")
ANNA, BRUNO, CARLA, DORA = (AgentId(name) for name in ("anna", "bruno", "carla", "dora"))

STAFF = Staff(
    [
        Agent(id=ANNA, name="Anna", language="en", devices=((None, Interface("PJSIP/1001")),)),
        Agent(
            id=BRUNO,
            name="Bruno",
            language="en",
            devices=((None, Interface("Local/1002@from-queue/n")), (None, Interface("PJSIP/1002"))),
            skills={"billing": 5},
        ),
        Agent(
            id=CARLA,
            name="Carla",
            language="en",
            devices=((NODE, Interface("PJSIP/1003")),),
            skills={"billing": 9, "french": 2},
        ),
        Agent(
            id=DORA,
            name="Dora",
            language="en",
            devices=((OTHER, Interface("PJSIP/1004")),),
            skills={"french": 7},
        ),
    ]
)


class House:
    """Two switches; everybody is free in queue ``support`` of the first, but for those told otherwise."""

    def __init__(self, **rules: object) -> None:
        journal = Journal()
        self.nodes = {node: Node(node, journal) for node in (NODE, OTHER)}
        self.wrapping: dict[AgentId, WrapUp] = {}
        self.ringing: set[AgentId] = set()
        self.called: dict[AgentId, tuple[float, ...]] = {}
        self.rules = OutsideRules(region="DE", **rules)  # type: ignore[arg-type]
        self.handling = Handling(journal)
        self.mailboxes: tuple[Mailbox, ...] = ()
        self._channels = 0

    def member(
        self,
        device: str,
        status: int = FREE,
        *,
        reason: str | None = None,
        queue: str = "support",
        node: NodeId = NODE,
        last_call: float = 0.0,
        state_interface: str = "",
    ) -> None:
        told = member_of(
            queue,
            device,
            name=device,
            state_interface=state_interface or device,
            status=status,
            paused=reason is not None,
            paused_reason=reason or "",
            last_call=last_call,
        )
        self.nodes[node].on_event(QueueMember(node=node, at=1.0, member=told))

    def channel(self, device: str, node: NodeId = NODE) -> ChannelSnapshot:
        self._channels += 1
        name = f"{device}-{self._channels:08x}"
        unique = Uniqueid(f"1.{self._channels}")
        channel = ChannelSnapshot(
            uniqueid=unique, name=name, linkedid=unique, state=6, caller="", caller_name="", exten="s"
        )
        self.nodes[node].on_event(Newchannel(node=node, at=1.0, channel=channel))
        return channel

    def waits(self, queue: str = "support") -> ChannelSnapshot:
        caller = self.channel("PJSIP/trunk")
        self.nodes[NODE].on_event(
            QueueCallerJoin(node=NODE, at=1.0, channel=caller, queue=queue, position=None)
        )
        return caller

    @property
    def floor(self) -> Floor:
        return Floor(
            staff=STAFF,
            switches=self.nodes,
            served=lambda agent: served(self.nodes, agent),
            wrapping=self.wrapping,
            called=self.ringing,
            outside=self.rules,
            outside_calls=self.called,
            mailboxes=self.mailboxes,
        )

    def ask(
        self,
        kind: TargetKind,
        id: str,
        *,
        by: AgentId = ANNA,
        node: NodeId = NODE,
        tried: tuple[AgentId, ...] = (),
    ) -> Available | Refused:
        return available(self.floor, Target(kind=kind, id=id), by=by, node=node, at=100.0, tried=tried)

    def agent(self, id: AgentId, **more: object) -> Available | Refused:
        return self.ask(TargetKind.AGENT, id, **more)  # type: ignore[arg-type]

    def pick(self, query: str = "", queue: str | None = "support") -> list[Candidate]:
        search = Search(by=ANNA, node=NODE, at=100.0, queue=queue, query=query)
        return pick(self.floor, self.handling, search)

    def row(self, id: str, kind: TargetKind = TargetKind.AGENT) -> Candidate:
        (found,) = [one for one in self.pick(id) if one.id == id and one.kind is kind]
        return found


def code(told: Available | Refused) -> Reason | None:
    return told.code if isinstance(told, Refused) else None


# ---------------------------------------------------------------- agents


STATES = [
    (FREE, None, False, None),
    (0, None, False, None),
    (FREE, "lunch", False, Reason.PAUSED),
    (FREE, "", False, Reason.PAUSED),
    (FREE, WRAP_UP, False, Reason.BUSY),
    (FREE, WRAP_UP, True, Reason.BUSY),
    (FREE, None, True, Reason.BUSY),
    (FREE, DECLINED, False, None),
    (FREE, "lunch", True, Reason.PAUSED),
    *((status, None, False, Reason.BUSY) for status in (TALKS, BUSY, RINGS, 7, ON_HOLD)),
    *((status, "lunch", True, Reason.BUSY) for status in (TALKS, BUSY, RINGS, 7, ON_HOLD)),
    *((status, None, False, Reason.OFFLINE) for status in (4, GONE, 9)),
    *((status, "lunch", False, Reason.OFFLINE) for status in (4, GONE)),
    (GONE, None, True, Reason.OFFLINE),
]


@pytest.mark.parametrize(("status", "reason", "wraps_up", "wanted"), STATES)
def test_an_agent_by_what_his_phone_does(
    status: int, reason: str | None, wraps_up: bool, wanted: Reason | None
) -> None:
    house = House()
    house.member("PJSIP/1003", status, reason=reason)
    if wraps_up:
        house.wrapping[CARLA] = WrapUp(agent=CARLA, node=NODE, call=None, queue="support", length_s=30.0)
    told = house.agent(CARLA)
    assert code(told) is wanted
    row = house.row("carla")
    assert (row.refused.code if row.refused else None) is wanted, "the picker says the same"
    if isinstance(told, Available):
        assert (told.dial, told.agent, told.name) == ("PJSIP/1003", CARLA, "Carla")
    else:
        assert "Carla" in told.text


def test_oneself_and_nobody() -> None:
    house = House()
    house.member("PJSIP/1001")
    assert code(house.agent(ANNA)) is Reason.YOURSELF
    assert code(house.agent(AgentId("zoe"))) is Reason.NO_SUCH
    assert "anna" not in [row.id for row in house.pick()]


def test_who_serves_no_queue_can_be_called_unless_he_has_a_channel() -> None:
    house = House()
    told = house.agent(CARLA)
    assert isinstance(told, Available)
    assert told.dial == "PJSIP/1003"
    house.channel("PJSIP/1003")
    assert code(house.agent(CARLA)) is Reason.BUSY
    assert "talking" in getattr(house.agent(CARLA), "text", "")


def test_a_channel_counts_although_the_queue_sees_nothing() -> None:
    """A member behind a Local channel, whose state the queue does not follow."""
    house = House()
    house.member("Local/1002@from-queue/n")
    assert isinstance(house.agent(BRUNO), Available)
    house.channel("PJSIP/1002")
    assert code(house.agent(BRUNO)) is Reason.BUSY


def test_a_channel_of_the_device_whose_state_the_queue_follows_counts() -> None:
    house = House()
    house.member("PJSIP/1003", state_interface="PJSIP/77")
    house.channel("PJSIP/77")
    assert code(house.agent(CARLA)) is Reason.BUSY


def test_the_same_name_on_another_switch_is_another_phone() -> None:
    house = House()
    house.member("PJSIP/1003")
    house.channel("PJSIP/1003", OTHER)
    assert isinstance(house.agent(CARLA), Available)


def test_who_talks_on_another_switch_is_busy_here() -> None:
    house = House()
    house.member("Local/1002@from-queue/n")
    house.channel("PJSIP/1002", OTHER)
    assert code(house.agent(BRUNO)) is Reason.BUSY


def test_who_has_no_phone_on_this_switch_is_not_reached_from_it() -> None:
    house = House()
    house.member("PJSIP/1004", node=OTHER)
    assert code(house.agent(DORA)) is Reason.OFFLINE
    assert isinstance(house.agent(DORA, node=OTHER), Available)


def test_a_phone_that_rings_for_a_queue_is_busy() -> None:
    house = House()
    caller = house.waits()
    phone = house.channel("PJSIP/1003")
    called = AgentCalled(
        node=NODE,
        at=1.0,
        channel=caller,
        dest=phone,
        queue="support",
        interface=Interface("PJSIP/1003"),
        member="Carla",
    )
    house.nodes[NODE].on_event(called)
    told = house.agent(CARLA)
    assert isinstance(told, Refused)
    assert (told.code, "rings" in told.text) == (Reason.BUSY, True)


def test_who_is_being_called_for_another_transfer_is_busy() -> None:
    """Before his phone has a channel: two who ask at once do not get the same colleague."""
    house = House()
    house.member("PJSIP/1002")
    house.member("PJSIP/1003")
    house.ringing.add(CARLA)
    assert code(house.agent(CARLA)) is Reason.BUSY
    told = skill(house)
    assert isinstance(told, Available)
    assert told.agent == BRUNO


def test_the_device_that_a_queue_could_ring_is_dialled() -> None:
    house = House()
    house.member("Local/1002@from-queue/n", state_interface="PJSIP/1002")
    told = house.agent(BRUNO)
    assert isinstance(told, Available)
    assert told.dial == "Local/1002@from-queue/n"
    house.member("Local/1002@from-queue/n", GONE, state_interface="PJSIP/1002")
    house.member("PJSIP/1002", queue="sales")
    told = house.agent(BRUNO)
    assert isinstance(told, Available)
    assert told.dial == "PJSIP/1002"


# ---------------------------------------------------------------- skills


def skill(house: House, name: str = "billing", **more: object) -> Available | Refused:
    return house.ask(TargetKind.SKILL, name, **more)  # type: ignore[arg-type]


def test_the_best_who_is_free() -> None:
    house = House()
    house.member("PJSIP/1003")
    house.member("PJSIP/1002")
    told = skill(house)
    assert isinstance(told, Available)
    assert (told.agent, told.id, told.kind) == (CARLA, "billing", TargetKind.SKILL)
    house.member("PJSIP/1003", TALKS)
    told = skill(house)
    assert isinstance(told, Available)
    assert (told.agent, told.dial) == (BRUNO, "PJSIP/1002")
    told = skill(house, by=BRUNO)
    assert code(told) is Reason.BUSY


def test_those_tried_are_not_tried_again() -> None:
    house = House()
    house.member("PJSIP/1003")
    house.member("PJSIP/1002")
    told = skill(house, tried=(CARLA,))
    assert isinstance(told, Available)
    assert told.agent == BRUNO
    assert code(skill(house, tried=(CARLA, BRUNO))) is Reason.BUSY


@pytest.mark.parametrize(
    ("bruno", "carla", "wanted"),
    [
        (TALKS, GONE, Reason.BUSY),
        ("lunch", TALKS, Reason.BUSY),
        ("lunch", GONE, Reason.PAUSED),
        ("lunch", "lunch", Reason.PAUSED),
        (GONE, GONE, Reason.OFFLINE),
    ],
)
def test_why_nobody_with_a_skill_can_be_tried(bruno: int | str, carla: int | str, wanted: Reason) -> None:
    house = House()
    for device, does in (("PJSIP/1002", bruno), ("PJSIP/1003", carla)):
        house.member(
            device, does if isinstance(does, int) else FREE, reason=None if isinstance(does, int) else does
        )
    assert code(skill(house)) is wanted
    row = house.row("billing", TargetKind.SKILL)
    assert row.refused is not None
    assert row.refused.code is wanted


def test_a_skill_that_only_he_has_and_one_that_nobody_has() -> None:
    house = House()
    assert code(skill(house, "french", by=CARLA)) is Reason.OFFLINE  # Dora has no phone here
    assert code(skill(house, "latin")) is Reason.NO_SUCH
    only = replace(house.floor, staff=Staff([STAFF.agents[CARLA]]))
    target = Target(kind=TargetKind.SKILL, id="billing")
    assert code(available(only, target, by=CARLA, node=NODE, at=0.0)) is Reason.YOURSELF


def test_of_equals_the_one_who_was_without_a_call_for_longest() -> None:
    house = House()
    staff = Staff(replace(agent, skills={"billing": 5}) for agent in STAFF.agents.values())
    house.member("PJSIP/1002", last_call=500.0)
    house.member("PJSIP/1003", last_call=400.0)
    target = Target(kind=TargetKind.SKILL, id="billing")
    told = available(replace(house.floor, staff=staff), target, by=ANNA, node=NODE, at=0.0)
    assert isinstance(told, Available)
    assert told.agent == CARLA


# ---------------------------------------------------------------- queues and numbers


def test_a_queue_that_somebody_serves() -> None:
    house = House()
    assert code(house.ask(TargetKind.QUEUE, "support")) is Reason.NO_SUCH
    house.member("PJSIP/1003", GONE)
    assert code(house.ask(TargetKind.QUEUE, "support")) is Reason.OFFLINE
    house.member("PJSIP/1003", reason="lunch")
    assert code(house.ask(TargetKind.QUEUE, "support")) is Reason.OFFLINE
    for status, reason in ((TALKS, None), (FREE, WRAP_UP), (FREE, DECLINED), (FREE, None)):
        house.member("PJSIP/1003", status, reason=reason)
        told = house.ask(TargetKind.QUEUE, "support")
        assert isinstance(told, Available)
        assert (told.dial, told.agent) == ("support", None)
    assert code(house.ask(TargetKind.QUEUE, "support", node=OTHER)) is Reason.NO_SUCH


def test_a_number_outside() -> None:
    house = House(allow=("+4930",), dial="PJSIP/{number}@trunk", per_agent_per_hour=1)
    told = house.ask(TargetKind.OUTSIDE, "030 901820")
    assert told == Available(
        kind=TargetKind.OUTSIDE,
        id="+4930901820",
        name="+4930901820",
        agent=None,
        dial="PJSIP/+4930901820@trunk",
    )
    assert code(house.ask(TargetKind.OUTSIDE, "089 901820")) is Reason.NOT_ALLOWED
    assert code(house.ask(TargetKind.OUTSIDE, "110")) is Reason.NOT_ALLOWED
    house.called[ANNA] = (90.0,)
    assert code(house.ask(TargetKind.OUTSIDE, "030 901820")) is Reason.RATE_LIMITED
    assert isinstance(house.ask(TargetKind.OUTSIDE, "030 901820", by=BRUNO), Available)


# ---------------------------------------------------------------- the picker


def leg(house: House, queue: str | None, talk_s: float, hold_s: float = 0.0, wrap_up_s: float = 0.0) -> None:
    house.handling.ended(
        LegEnded(
            call=CallId("pbx1:1"),
            node=NODE,
            at=1.0,
            interface=Interface("x"),
            queue=queue,
            talk_s=talk_s,
            hold_s=hold_s,
        ),
        wrap_up_s,
    )


def test_the_mean_begins_with_what_is_usual_and_follows_what_was_seen() -> None:
    house = House()
    assert house.handling.mean_s(NODE, "support") == USUAL_S
    leg(house, "support", 40.0, 10.0, 10.0)
    assert house.handling.mean_s(NODE, "support") == (USUAL_S + 60) / 2
    for _ in range(500):
        leg(house, "support", 60.0)
    assert house.handling.mean_s(NODE, "support") == pytest.approx(60, abs=1)
    assert house.handling.mean_s(NODE, None) == USUAL_S


@pytest.mark.parametrize(
    ("ahead", "people", "handling_s", "wait"),
    [(0, 1, 180, 180), (0, 2, 180, 90), (3, 2, 100, 200), (9, 5, 60, 120), (5, 0, 60, None)],
)
def test_the_formula(ahead: int, people: int, handling_s: float, wait: float | None) -> None:
    assert expected_wait_s(ahead, people, handling_s) == wait


def test_a_queues_row_counts_who_waits_and_who_serves() -> None:
    house = House()
    house.member("PJSIP/1002")
    house.member("PJSIP/1003", TALKS)
    row = house.row("support", TargetKind.QUEUE)
    assert (row.free, row.expected_wait_s, row.state) == (1, 0.0, "ready")
    house.waits()
    row = house.row("support", TargetKind.QUEUE)
    assert (row.free, row.expected_wait_s, row.state) == (0, 2 * USUAL_S / 2, "busy")
    assert row.why == "1 caller waits, 2 serving, 0 free; in about 3 min"
    house.member("PJSIP/1002", GONE)
    house.member("PJSIP/1003", GONE)
    row = house.row("support", TargetKind.QUEUE)
    assert (row.free, row.expected_wait_s, row.state) == (0, None, "offline")


def test_what_an_agent_does_says_when_he_is_free() -> None:
    house = House()
    house.member("PJSIP/1003", TALKS)
    leg(house, "support", 0.0)
    assert house.row("carla").expected_wait_s == USUAL_S / 2
    house.member("PJSIP/1003", reason=WRAP_UP)
    assert house.row("carla").expected_wait_s is None, "his wrap-up is not known here"
    running = WrapUp(agent=CARLA, node=NODE, call=None, queue=None, length_s=30.0, since=90.0, until=120.0)
    house.wrapping[CARLA] = running
    assert house.row("carla").expected_wait_s == 20.0
    house.wrapping[CARLA] = replace(running, since=None, until=None)
    assert house.row("carla").expected_wait_s == 30.0
    house.member("PJSIP/1003", reason="lunch")
    assert house.row("carla").expected_wait_s is None


def test_the_best_first() -> None:
    house = House()
    house.member("PJSIP/1002")
    house.member("PJSIP/1003", queue="billing")
    house.member("PJSIP/1001", queue="billing")
    rows = [(row.kind.value, row.id, row.refused is None) for row in house.pick(queue="billing")]
    assert rows == [
        ("agent", "carla", True),  # billing 9
        ("skill", "billing", True),
        ("agent", "bruno", True),  # billing 5
        ("skill", "french", True),
        ("queue", "billing", True),
        ("queue", "support", True),
        ("agent", "dora", False),
    ]
    house.member("PJSIP/1003", TALKS, queue="billing")
    assert [row.id for row in house.pick(queue="billing")][:2] == ["bruno", "billing"]


def test_a_query_finds_names_skills_queues_and_numbers() -> None:
    house = House(allow=("+4930",), dial="PJSIP/{number}@trunk")
    house.member("PJSIP/1003", queue="billing")
    assert [(row.kind.value, row.id) for row in house.pick("carl")] == [("agent", "carla")]
    found = house.pick("french")
    assert [(row.kind.value, row.id, row.skill) for row in found] == [
        ("agent", "carla", 2),
        ("skill", "french", 2),
        ("agent", "dora", 7),
    ]
    (number,) = house.pick("030 901820")
    assert number.row() == {
        "kind": "outside",
        "id": "+4930901820",
        "name": "+4930901820",
        "state": "ready",
        "free": 1,
        "skill": None,
        "skills": {},
        "expected_wait_s": 0.0,
        "allowed": True,
        "code": None,
        "why": "a number outside",
    }
    (emergency,) = house.pick("110")
    assert (emergency.refused is not None, emergency.row()["code"]) == (True, "not_allowed")
    assert house.pick("xyz") == []


def test_mailboxes_come_last_where_the_switch_takes_messages() -> None:
    house = House()
    house.member("PJSIP/1002")
    house.member("PJSIP/1003", TALKS)
    house.mailboxes = (
        Mailbox(id="2000@default", name="Sales"),
        Mailbox(id="2001@default"),
        Mailbox(id="2002@default", name="Elsewhere", node=OTHER),
    )
    found = [(row.id, row.name) for row in house.pick() if row.refused is None]
    assert found[-2:] == [("2001@default", "mailbox 2001@default"), ("2000@default", "Sales")]
    (sales,) = house.pick("sale")
    assert sales.row() == {
        "kind": "voicemail",
        "id": "2000@default",
        "name": "Sales",
        "state": "ready",
        "free": 0,
        "skill": None,
        "skills": {},
        "expected_wait_s": None,
        "allowed": True,
        "code": None,
        "why": "takes a message",
    }
    told = house.ask(TargetKind.VOICEMAIL, "2000@default")
    assert isinstance(told, Available)
    assert told.name == "Sales"
    house.nodes[NODE].on_dialplan(DialplanSeen(node=NODE, at=1.0, lacks="", no_voicemail="it has none"))
    assert house.pick("sale") == []
    assert code(house.ask(TargetKind.VOICEMAIL, "2000@default")) is Reason.NOT_PREPARED


def test_every_row_says_why() -> None:
    house = House()
    house.member("PJSIP/1002", TALKS)
    house.member("PJSIP/1003")
    told = {row.id: row.why for row in house.pick(queue=None) if row.kind is TargetKind.AGENT}
    assert told == {
        "bruno": "Bruno is talking; in about 3 min",
        "carla": "free",
        "dora": "Dora has no phone on pbx1",
    }
    assert [row.why for row in house.pick("billing") if row.id == "carla"] == ["free, billing 9"]


@pytest.mark.parametrize("name", ["Support Team", "büro", "a&b", "x,y", ""])
def test_a_queue_whose_name_cannot_be_dialled(name: str) -> None:
    house = House()
    house.member("PJSIP/1003", queue=name)
    assert code(house.ask(TargetKind.QUEUE, name)) is Reason.NO_SUCH
