"""What no phone of the laboratory does, played on the small switch; and what captures do not show plainly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbxd.ami.event_types import (
    AmiEvent,
    DialBegin,
    DialEnd,
    Hangup,
    MusicOnHoldStart,
    Newstate,
    QueueMember,
    QueueStatusSet,
    UnParkedCall,
)
from pbxd.ami.snapshots import ChannelState
from pbxd.calls.facts import (
    CallEnded,
    CallFolded,
    Fact,
    LegStarted,
    MemberRinging,
    MemberStoppedRinging,
    QueueLeft,
)
from pbxd.calls.model import CallModel
from pbxd.calls.record import CallRecord
from pbxd.journal import Journal
from tests.machines.small_switch import NODE, QUEUE, SmallSwitch
from tests.members import member_of

ANNA = member_of(QUEUE)


class Played:
    """A small switch and the model that listens to it."""

    def __init__(self) -> None:
        self.model = CallModel(NODE, Journal())
        self.facts: list[Fact] = []
        self.switch = SmallSwitch(self.take)

    def take(self, event: AmiEvent) -> None:
        self.facts += self.model.reduce(event)

    def caller(self, exten: str = "500", trunk: str = "PJSIP/trunk") -> str:
        return self.switch.line(trunk, None, 4, exten)

    def answered_by(self, caller: str, agent: str) -> str:
        phone = self.switch.line(agent, self.switch.linkedid(caller), 0)
        self.switch.dial(caller, phone)
        self.switch.dialled(caller, phone, "ANSWER")
        self.switch.together(phone, caller)
        return phone

    @property
    def ended(self) -> list[CallRecord]:
        return [fact.record for fact in self.facts if isinstance(fact, CallEnded)]


@pytest.fixture
def played() -> Played:
    return Played()


def test_a_parked_caller_is_taken_by_somebody_whose_call_it_is_not(played: Played) -> None:
    switch = played.switch
    caller = played.caller()
    phone = played.answered_by(caller, "PJSIP/1001")
    switch.pass_time(5.0)
    switch.leave(caller)
    switch.hang_up(phone)
    lot = switch.bridge("holding_bridge")
    switch.enter(caller, lot)
    switch.pass_time(20.0)
    taker = switch.line("PJSIP/1002", None, 4, "701")
    switch.tell(
        UnParkedCall(
            node=NODE, at=switch.now, parkee=switch.snapshot(caller), retriever=switch.snapshot(taker)
        )
    )
    switch.together(taker, caller)
    switch.pass_time(7.0)
    switch.hang_up(taker, caller)
    (record,) = played.ended
    assert [(leg.interface, leg.talk_s) for leg in record.legs] == [("PJSIP/1001", 5.0), ("PJSIP/1002", 7.0)]
    assert [fact.into for fact in played.facts if isinstance(fact, CallFolded)] == [record.id]


def test_strangers_on_one_trunk_are_not_one_person(played: Played) -> None:
    """One outside party holds his line; a second call by the same trunk is somebody else's."""
    switch = played.switch
    first = played.caller()
    played.answered_by(first, "PJSIP/1001")
    switch.hold(first, True)
    second = played.caller()
    assert played.model.call_of(switch.snapshot(second).uniqueid) != played.model.call_of(
        switch.snapshot(first).uniqueid
    )


def test_sharing_a_bridge_with_music_is_not_talking(played: Played) -> None:
    switch = played.switch
    caller = played.caller()
    phone = played.answered_by(caller, "PJSIP/1001")
    switch.pass_time(3.0)
    switch.music(caller, True)
    switch.pass_time(30.0)
    switch.hang_up(phone, caller)
    (leg,) = played.ended[0].legs
    assert (leg.talk_s, leg.hold_s) == (3.0, 30.0)


@pytest.mark.parametrize(
    ("goes_away_after", "told", "outcome"),
    [
        (None, None, "timeout"),
        (28.0, None, "no_agent"),
        (2.0, None, "timeout"),  # long before: the queue would have let the caller go at once
        (28.0, "TIMEOUT", "timeout"),
        (None, "LEAVEEMPTY", "no_agent"),
    ],
)
def test_why_a_queue_let_a_caller_go(
    played: Played, goes_away_after: float | None, told: str | None, outcome: str
) -> None:
    switch = played.switch
    switch.tell(QueueMember(node=NODE, at=switch.now, member=ANNA))
    caller = played.caller()
    switch.join(caller)
    switch.pass_time(goes_away_after or 0.0)
    if goes_away_after is not None:
        switch.tell(QueueMember(node=NODE, at=switch.now, member=replace(ANNA, paused=True)))
    switch.pass_time(30.0 - (goes_away_after or 0.0))
    switch.leave_queue(caller, abandoned=True)
    if told is not None:
        switch.tell(QueueStatusSet(node=NODE, at=switch.now, channel=switch.snapshot(caller), status=told))
    switch.hang_up(caller)
    (record,) = played.ended
    assert (record.outcome, record.wait_s) == (outcome, 30.0)


def test_only_a_caller_who_hangs_up_abandons(played: Played) -> None:
    switch = played.switch
    caller = played.caller()
    switch.join(caller)
    switch.pass_time(12.0)
    switch.request_hangup(caller)
    switch.leave_queue(caller, abandoned=True)
    switch.hang_up(caller)
    assert played.ended[0].outcome == "abandoned"
    assert [fact.outcome for fact in played.facts if isinstance(fact, QueueLeft)] == ["abandoned"]


def test_a_caller_waits_until_he_hears_the_agent_who_has_answered(played: Played) -> None:
    """The queue has let him go; the agent hears an announcement first."""
    switch = played.switch
    caller = played.caller()
    switch.join(caller)
    phone = switch.line("PJSIP/1001", switch.linkedid(caller), 0)
    switch.call_member(caller, phone, "PJSIP/1001")
    switch.pass_time(5.0)
    switch.dialled(caller, phone, "ANSWER")
    switch.leave_queue(caller, abandoned=False)
    switch.pass_time(3.0)
    switch.together(phone, caller)
    switch.pass_time(4.0)
    switch.hang_up(phone, caller)
    (record,) = played.ended
    assert [(wait.outcome, wait.left and wait.left - wait.joined) for wait in record.waits] == [
        ("answered", 8.0)
    ]
    assert (record.wait_s, record.legs[0].talk_s) == (8.0, 4.0)
    assert [fact.waited_s for fact in played.facts if isinstance(fact, LegStarted)] == [8.0]


@pytest.mark.parametrize(("silent_s", "talk_s", "hold_s"), [(0.03, 7.03, 0.0), (0.2, 7.0, 0.2)])
def test_a_moment_of_music_is_no_hold(played: Played, silent_s: float, talk_s: float, hold_s: float) -> None:
    """The switch starts it and stops it again when it joins people anew."""
    switch = played.switch
    caller = played.caller()
    phone = played.answered_by(caller, "PJSIP/1001")
    switch.pass_time(3.0)
    switch.music(phone, True)
    switch.pass_time(silent_s)
    switch.music(phone, False)
    switch.pass_time(4.0)
    switch.hang_up(phone, caller)
    (leg,) = played.ended[0].legs
    assert (leg.talk_s, leg.hold_s) == (pytest.approx(talk_s), pytest.approx(hold_s))
    assert len(leg.stints) == 1 + bool(hold_s)


@pytest.mark.parametrize("early", [True, False])
def test_a_phone_that_pbxd_rings_may_ring_before_the_caller_is_on_hold(played: Played, early: bool) -> None:
    """In a capture nobody tells for whom: his hold does. The phone is declined, it was not engaged."""
    switch = played.switch
    caller = played.caller()
    played.answered_by(caller, "PJSIP/1001")
    target = switch.named("PJSIP/1002-000000ff", None, 0, uniqueid="pbxd-cafe-1-near")
    switch.tell(
        DialBegin(node=NODE, at=switch.now, channel=None, dest=switch.snapshot(target), dialstring="1002")
    )
    ringing = replace(switch.snapshot(target), state=ChannelState.RINGING)
    rings = Newstate(node=NODE, at=switch.now, channel=ringing)
    if early:
        switch.tell(rings)
    hold = switch.bridge("holding_bridge")
    switch.rooms[hold] = "pbxd-hold-cafe"
    switch.enter(caller, hold)
    if not early:
        switch.tell(rings)
    switch.pass_time(2.0)
    switch.tell(DialEnd(node=NODE, at=switch.now, channel=None, dest=switch.snapshot(target), status="BUSY"))
    switch.hang_up(target, caller)
    assert [(ring.interface, ring.outcome) for ring in played.ended[0].rings[1:]] == [
        ("PJSIP/1002", "declined")
    ]


def test_a_ringing_ends_once_and_says_why(played: Played) -> None:
    """The losers of a ringall are told CANCEL twice; whoever rang out is cancelled afterwards."""
    switch = played.switch
    caller = played.caller()
    switch.join(caller)
    phones = {}
    for agent in ("PJSIP/1001", "PJSIP/1002", "PJSIP/1003"):
        phones[agent] = switch.line(agent, switch.linkedid(caller), 0)
        switch.call_member(caller, phones[agent], agent)
    switch.dialled(caller, phones["PJSIP/1001"], "NOANSWER")
    switch.dialled(caller, phones["PJSIP/1002"], "ANSWER")
    for _ in range(2):
        switch.dialled(caller, phones["PJSIP/1001"], "CANCEL")
        switch.dialled(caller, phones["PJSIP/1003"], "CANCEL")
    rang = [fact for fact in played.facts if isinstance(fact, MemberRinging)]
    assert [(fact.interface, fact.queue) for fact in rang] == [(agent, QUEUE) for agent in phones]
    stopped = [fact for fact in played.facts if isinstance(fact, MemberStoppedRinging)]
    assert {fact.interface: fact.reason for fact in stopped} == {
        "PJSIP/1001": "no_answer",
        "PJSIP/1002": "answered",
        "PJSIP/1003": "elsewhere",
    }
    assert len(stopped) == 3


def test_what_is_told_of_the_dead_is_no_news(played: Played) -> None:
    switch = played.switch
    caller = played.caller()
    snapshot = switch.snapshot(caller)
    switch.hang_up(caller)
    switch.tell(MusicOnHoldStart(node=NODE, at=switch.now, channel=snapshot))
    switch.tell(Hangup(node=NODE, at=switch.now, channel=snapshot, cause=16))
    assert (played.model.channels_open, played.model.strays, len(played.ended)) == (0, 0, 1)


def test_the_memory_of_the_dead_is_bounded(played: Played) -> None:
    for _ in range(5000):
        played.switch.hang_up(played.caller())
    sizes = [len(table) for table in vars(played.model.wiring).values() if isinstance(table, dict)]
    assert max(sizes) <= 4096
    assert len(played.model.journeys.calls) == 0


def test_clocks_that_step_back_make_no_negative_talk(played: Played) -> None:
    switch = played.switch
    caller = played.caller()
    phone = played.answered_by(caller, "PJSIP/1001")
    switch.now -= 0.001
    switch.hang_up(phone, caller)
    assert played.ended[0].legs[0].talk_s == 0.0


def test_a_call_between_agents_is_direct(played: Played) -> None:
    caller = played.caller("1002", trunk="PJSIP/1001")
    phone = played.answered_by(caller, "PJSIP/1002")
    played.switch.pass_time(4.0)
    played.switch.hang_up(phone, caller)
    (record,) = played.ended
    assert (record.outcome, record.queue, record.dialled) == ("direct", None, "1002")
    assert [leg.talk_s for leg in record.legs] == [4.0]
