"""Random days of a call centre on a small switch: the model knows who hears whom, and forgets it all."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from pbxd.ami.event_types import AmiEvent, AttendedTransfer, BlindTransfer
from pbxd.calls.facts import CallEnded
from pbxd.calls.model import CallModel
from pbxd.calls.record import CallRecord
from pbxd.ids import Uniqueid
from pbxd.journal import Journal, Table
from pbxd.ledger.rows import stretches_of
from tests.ledger import check
from tests.machines.small_switch import NODE, Conversation, SmallSwitch
from tests.thorough import examples

AGENTS = [f"PJSIP/{number}" for number in range(1001, 1100)]


def tables(part: object, seen: set[int] | None = None) -> list[Table[Any, Any]]:
    """Every journalled table below ``part``."""
    seen = set() if seen is None else seen
    if id(part) in seen or not type(part).__module__.startswith("pbxd."):
        return []
    seen.add(id(part))
    if isinstance(part, Table):
        return [part]
    return (
        [table for value in vars(part).values() for table in tables(value, seen)]
        if hasattr(part, "__dict__")
        else []
    )


class CallCentre(RuleBasedStateMachine):
    """Callers arrive, wait, talk, are held, transferred in every way, and leave."""

    waiting = Bundle("waiting")
    talking = Bundle("talking")

    @initialize()
    def open(self) -> None:
        self.journal = Journal()
        self.model = CallModel(NODE, self.journal)
        self.tables = tables(self.model)
        self.switch = SmallSwitch(self.take)
        self.ended: dict[str, CallRecord] = {}
        self.agent_line: dict[str, str] = {}  #: caller → the channel of the agent he talks with
        self.far: dict[str, list[str]] = defaultdict(list)  #: caller → Local channels between
        self.held: set[str] = set()

    def take(self, event: AmiEvent) -> None:
        """Step twice: once taken back, once for good. Taking back must leave no trace."""
        before = [dict(table) for table in self.tables]
        self.model.reduce(event)
        self.journal.rollback()
        assert [dict(table) for table in self.tables] == before
        for fact in self.model.reduce(event):
            if isinstance(fact, CallEnded):
                self.ended[fact.record.id] = fact.record
                check(fact.record, stretches_of(fact.record))
        self.journal.commit()

    # ------------------------------------------------------------ callers

    @rule(target=waiting)
    def arrives(self) -> str:
        switch = self.switch
        caller = switch.line("PJSIP/trunk", None, 4, "500")
        switch.book[caller] = Conversation(caller, queued_at=switch.now)
        switch.join(caller)
        return caller

    @rule(caller=consumes(waiting))
    def gives_up(self, caller: str) -> None:
        self.switch.request_hangup(caller)
        self.switch.leave_queue(caller, abandoned=True)
        self._forget_waiting(caller)
        self._ends(caller, "abandoned")

    @rule(caller=waiting, early=st.booleans())
    def is_declined(self, caller: str, early: bool) -> None:
        """By a phone behind Local/…@agents/n; early: before the queue has told that it rings anything."""
        switch, agent = self.switch, self._somebody()
        near, far = switch.local_pair(agent[6:], switch.linkedid(caller))
        phone = switch.line(agent, switch.linkedid(caller), 0)
        if not early:
            self._member_called(caller, near, agent)
        switch.dial(far, phone)
        switch.dialled(far, phone, "BUSY")
        switch.hang_up(phone)
        if early:
            self._member_called(caller, near, agent)
        switch.dialled(caller, near, "BUSY")
        switch.hang_up(near, far)

    @rule(
        target=talking,
        caller=consumes(waiting),
        through=st.booleans(),
        early=st.booleans(),
        optimised=st.booleans(),
    )
    def is_answered(self, caller: str, through: bool, early: bool, optimised: bool) -> str:
        """By a phone, or by a phone behind Local/…@agents/n, whose Local channels may step aside.

        That one may ring before the queue has told that it rings anything.
        """
        switch, agent = self.switch, self._somebody()
        linkedid = switch.linkedid(caller)
        if not through:
            phone = switch.line(agent, linkedid, 0)
            switch.call_member(caller, phone, agent)
            switch.dialled(caller, phone, "ANSWER")
            switch.leave_queue(caller, abandoned=False)
            switch.together(phone, caller)
        else:
            near, far = switch.local_pair(agent[6:], linkedid)
            phone = switch.line(agent, linkedid, 0)
            if early:
                switch.dial(far, phone)
            self._member_called(caller, near, agent)
            if not early:
                switch.dial(far, phone)
            switch.dialled(far, phone, "ANSWER")
            switch.dialled(caller, near, "ANSWER")
            inner = switch.together(phone, far)
            switch.leave_queue(caller, abandoned=False)
            switch.together(near, caller)
            if optimised:
                switch.leave(phone)
                switch.enter(phone, switch.lines[near].bridge or inner, swap=near)
                switch.hang_up(near, far)
            else:
                self.far[caller] = [near, far]
        self._forget_waiting(caller)
        self.agent_line[caller] = phone
        switch.hears(caller, agent)
        return caller

    def _member_called(self, caller: str, near: str, agent: str) -> None:
        self.switch.call_member(caller, near, f"Local/{agent[6:]}@agents/n")

    def _forget_waiting(self, caller: str) -> None:
        conversation = self.switch.book[caller]
        assert conversation.queued_at is not None
        conversation.waited += self.switch.now - conversation.queued_at
        conversation.queued_at = None

    # ------------------------------------------------------------ in conversation

    @rule(caller=talking)
    def holds_or_resumes(self, caller: str) -> None:
        if caller not in self.agent_line:
            return
        switch, phone = self.switch, self.agent_line[caller]
        ear = self.far[caller][1] if self.far[caller] else caller
        if caller in self.held:
            self.held.discard(caller)
            switch.music(ear, False)
            switch.hold(phone, False)
            switch.hears(caller, _interface(phone))
        else:
            self.held.add(caller)
            switch.hold(phone, True)
            switch.music(ear, True)
            switch.hears(caller)

    @rule(caller=talking, answers=st.booleans())
    def is_sent_on(self, caller: str, answers: bool) -> None:
        """A blind transfer to another phone."""
        if not self._may_transfer(caller):
            return
        switch, phone, agent = self.switch, self.agent_line[caller], self._somebody()
        switch.tell(
            BlindTransfer(
                node=NODE,
                at=switch.now,
                success=True,
                transferer=switch.snapshot(phone),
                transferee=switch.snapshot(caller),
                exten=agent[6:],
                context="agents",
            )
        )
        switch.leave(caller)
        switch.hears(caller)
        self._hangs_up(phone)
        target = switch.line(agent, switch.linkedid(caller), 0)
        switch.dial(caller, target)
        switch.pass_time(1.0)
        if answers:
            switch.dialled(caller, target, "ANSWER")
            switch.together(target, caller)
            switch.hears(caller, agent)
            self.agent_line[caller] = target
            return
        switch.dialled(caller, target, "NOANSWER")
        self._hangs_up(target)
        del self.agent_line[caller]
        self._ends(caller, "no_answer")

    @rule(caller=talking, end=st.sampled_from(["complete", "return", "three", "caller"]))
    def is_consulted_about(self, caller: str, end: str) -> None:
        """A consultation on the phone's second line, by REFER with Replaces in the end."""
        if not self._may_transfer(caller):
            return
        switch, first, agent = self.switch, self.agent_line[caller], self._somebody()
        switch.hold(first, True)
        switch.music(caller, True)
        switch.hears(caller)
        second = switch.line(_interface(first), None, 4, agent[6:])
        target = switch.line(agent, switch.linkedid(second), 0)
        switch.dial(second, target)
        switch.pass_time(2.0)
        switch.dialled(second, target, "ANSWER")
        consult = switch.together(target, second)
        switch.pass_time(3.0)
        if end == "complete":
            switch.hold(first, False)
            switch.music(caller, False)
            switch.leave(second)
            switch.enter(caller, consult)
            self._told(first, second)
            self._hangs_up(second, first)
            self.agent_line[caller] = target
            switch.hears(caller, agent)
        elif end == "return":
            self._hangs_up(second, target)
            switch.music(caller, False)
            switch.hold(first, False)
            switch.hears(caller, _interface(first))
        elif end == "three":
            switch.hold(first, False)
            switch.music(caller, False)
            switch.hang_up(second)
            switch.together(caller, first, target)
            switch.hears(caller, _interface(first), agent)
            switch.pass_time(4.0)
            self._hangs_up(first)
            self.agent_line[caller] = target
            switch.hears(caller, agent)
        else:
            self.agent_line.pop(caller)
            self._ends(caller, None)
            switch.pass_time(5.0)
            self._hangs_up(first, second, target)

    def _told(self, first: str, second: str) -> None:
        switch = self.switch
        switch.tell(
            AttendedTransfer(
                node=NODE,
                at=switch.now,
                success=True,
                orig=switch.snapshot(first),
                second=switch.snapshot(second),
                transferee=None,
                target=None,
                dest_type="Bridge",
            )
        )

    @rule(caller=consumes(talking), who=st.booleans())
    def hangs_up(self, caller: str, who: bool) -> None:
        phone = self.agent_line.pop(caller, None)
        if phone is None:
            return
        if who:
            self.switch.request_hangup(caller)
        self._hangs_up(phone)
        self.held.discard(caller)
        self._ends(caller, None)

    @rule(seconds=st.floats(0.5, 100.0))
    def time_passes(self, seconds: float) -> None:
        self.switch.pass_time(seconds)

    # ------------------------------------------------------------ bookkeeping

    def _may_transfer(self, caller: str) -> bool:
        return caller in self.agent_line and caller not in self.held and not self.far[caller]

    def _somebody(self) -> str:
        """An agent whose phone is not in use."""
        busy = {_interface(name) for name in self.switch.lines}
        return next(agent for agent in AGENTS if agent not in busy)

    def _hangs_up(self, *phones: str) -> None:
        self.switch.hang_up(*phones)

    def _ends(self, caller: str, how: str | None) -> None:
        switch = self.switch
        uniqueid = switch.snapshot(caller).uniqueid
        switch.hang_up(caller)
        if self.far[caller]:
            switch.hang_up(*self.far.pop(caller))
        conversation = switch.book.pop(caller)
        record = self.ended.pop(f"{NODE}:{uniqueid}")
        assert record.ended == switch.now
        assert abs(record.wait_s - conversation.waited) < 1e-6
        told: dict[str, float] = defaultdict(float)
        for leg in record.legs:
            told[leg.interface] += leg.talk_s
        assert told.keys() == conversation.talked.keys()
        assert all(abs(told[party] - talked) < 1e-3 for party, talked in conversation.talked.items())
        if how == "abandoned":
            assert record.outcome == "abandoned"
        elif how == "no_answer":
            assert record.transfers[-1].outcome == "no_answer"

    # ------------------------------------------------------------ what always holds

    @invariant()
    def model_hears_what_people_hear(self) -> None:
        if not hasattr(self, "model"):
            return
        journeys = self.model.journeys
        subjects = {call.subject: call_id for call_id, call in journeys.calls.items() if call.ended is None}
        assert subjects.keys() == self.switch.book.keys()
        for caller, conversation in self.switch.book.items():
            now = {talk.interface for talk in journeys.open_talks(subjects[caller]) if talk.since is not None}
            assert now == conversation.hears

    @invariant()
    def model_has_the_switch_s_channels(self) -> None:
        if hasattr(self, "model"):
            there = {line.snapshot.uniqueid for line in self.switch.lines.values()}
            assert self.model.wiring.channels.keys() == there
            assert self.model.strays == 0

    @rule()
    def a_new_model_learns_it_from_an_inventory(self) -> None:
        """Whoever comes later knows the same of the open calls (but for music, which nobody tells)."""
        late = CallModel(NODE, Journal())
        late.resync(self.switch.inventory(), self.switch.now)
        assert _picture(late) == _picture(self.model) or self.held

    @rule()
    def a_resync_of_what_is_known_changes_nothing(self) -> None:
        before = [dict(table) for table in self.tables]
        facts = self.model.resync(self.switch.inventory(), self.switch.now)
        self.journal.commit()
        assert facts == []
        assert [dict(table) for table in self.tables] == before

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        for caller in list(self.switch.book):
            if self.switch.book[caller].queued_at is not None:
                self.gives_up(caller)
            elif caller in self.agent_line:
                self.hangs_up(caller, True)
        self.model_has_the_switch_s_channels()
        assert not self.switch.lines
        phones = self.model._belonging.phones
        left = [dict(table) for table in self.tables if table and table is not phones]
        kept = [table for table in left if not _is_memory(table)]
        assert kept == []


def _interface(name: str) -> str:
    return name.partition("-")[0]


def _is_memory(table: dict[Any, Any]) -> bool:
    """The short memory of channels that have ended, which is bounded."""
    key, value = next(iter(table.items()))
    return key is None or isinstance(key, int) or (isinstance(value, int) and not isinstance(value, bool))


def _picture(model: CallModel) -> dict[str, tuple[frozenset[str], bool]]:
    """For each open journey whom its subject hears, and whether he waits."""
    picture = {}
    for call_id, call in model.journeys.calls.items():
        if call.ended is None:
            hears = {talk.name for talk in model.journeys.open_talks(call_id) if talk.since is not None}
            uniqueid = model.wiring.by_name.get(call.subject, Uniqueid(""))
            picture[call.subject] = frozenset(hears), uniqueid in model.journeys.waiting
    return picture


TestCallCentre = CallCentre.TestCase
TestCallCentre.settings = settings(
    max_examples=examples(60),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking a day takes minutes
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
