"""Random transfers on a small switch: everybody does anything at any moment, links break, pbxd is killed.

Whatever happens, when it has come to rest every caller is with somebody, on hold with somebody responsible,
or in a queue; every transfer has exactly one final fact; nobody is left behind when all have gone home.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pbxd.ids import AgentId
from pbxd.orders import AcknowledgeHandover, Target, TargetKind, TransferMode, Verb
from pbxd.transfers.rules import Acknowledge, GuardThen, OnHangup, TransferRules
from tests.machines.small_switch import QUEUE
from tests.machines.transfer_lab import ANNA, BRUNO, CARLA, DEVICE, DORA, TRUNK, Lab, to
from tests.thorough import examples

AGENTS = (ANNA, BRUNO, CARLA)
TARGETS = (*AGENTS, DORA)
SUPPORT = Target(kind=TargetKind.QUEUE, id=QUEUE)
RESTS = st.sampled_from([True, True, True, False])
SELDOM = st.integers(0, 7).map(lambda number: number == 0)


class Transfers(RuleBasedStateMachine):
    @initialize(
        on_hangup=st.sampled_from(OnHangup),
        acknowledge=st.sampled_from(Acknowledge),
        local=st.booleans(),
        dissolves=st.booleans(),
    )
    def open(self, on_hangup: OnHangup, acknowledge: Acknowledge, local: bool, dissolves: bool) -> None:
        self.lab = Lab(
            TransferRules(
                on_hangup=on_hangup,
                acknowledge=acknowledge,
                acknowledge_up_to_s=0.3,
                guard_after_s=60.0,
                guard_then=GuardThen.OFFER if dissolves else GuardThen.BACK,
                reassure_after_s=0,
            ),
            local=local,
        )
        self.lab.switch.dissolves = dissolves
        self.lab.serves(CARLA)
        self.callers: list[str] = []
        self.started: dict[str, AgentId] = {}
        self.down = False
        self.killed = False
        self.a_caller_comes()

    @precondition(lambda self: not any(name in self.lab.switch.lines for name in self.callers))
    @rule()
    def a_caller_comes(self) -> None:
        if not [name for name in self.lab.switch.lines if name.startswith(DEVICE[ANNA])]:
            caller, _ = self.lab.switch.call(TRUNK, DEVICE[ANNA])
            self.callers.append(caller)
            self._rest(True)

    def _rest(self, rests: bool) -> None:
        if rests and not self.down:
            self.lab.settle()

    # ------------------------------------------------------------ orders

    @rule(
        whom=st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3).map(
            lambda names: [to(name) for name in names]
        )
        | st.just([SUPPORT]),
        mode=st.sampled_from([TransferMode.ATTENDED, TransferMode.ATTENDED, TransferMode.BLIND]),
        rests=RESTS,
    )
    def start(self, whom: list[Target], mode: TransferMode, rests: bool) -> None:
        if self.down:
            return
        id_ = f"t{len(self.started) + 1}"
        for by in AGENTS:
            if self.lab.start(*whom, by=by, id_=id_, mode=mode).outcome == "done":
                self.started[id_] = by
                break
        self._rest(rests)
        if self.lab.rules.acknowledge is Acknowledge.WAIT and rests and not self.down:
            self.lab.wait(0.5)

    @precondition(lambda self: self.started and not self.down)
    @rule(verb=st.sampled_from(Verb), rests=RESTS)
    def order(self, verb: Verb, rests: bool) -> None:
        id_, by = list(self.started.items())[-1]
        self.lab.do(verb, by=by, id_=id_)
        self._rest(rests)

    @precondition(lambda self: not self.down)
    @rule(agent=st.sampled_from(AGENTS))
    def a_page_is_loaded(self, agent: AgentId) -> None:
        """It shows what is so, and what can be done."""
        for view in self.lab.world.snapshot(agent)["transfers"]:
            assert view == self.lab.world.transfer_view(view["id"])
            self.lab.give(AcknowledgeHandover(agent=agent, at=self.lab.switch.now, transfer=view["id"]))

    # ------------------------------------------------------------ people

    @precondition(lambda self: self.lab.switch.ringing())
    @rule(which=st.integers(0, 5), rests=RESTS)
    def a_phone_is_answered(self, which: int, rests: bool) -> None:
        ringing = self.lab.switch.ringing()
        self.lab.switch.answer(ringing[which % len(ringing)])
        self._rest(rests)

    @precondition(lambda self: self.lab.switch.ringing())
    @rule(which=st.integers(0, 5), really=st.booleans(), rests=RESTS)
    def a_call_is_declined(self, which: int, really: bool, rests: bool) -> None:
        ringing = self.lab.switch.ringing()
        if really:
            self.lab.switch.decline(ringing[which % len(ringing)])
            self._rest(rests)

    @rule(which=st.integers(0, 5), really=SELDOM, rests=RESTS)
    def somebody_hangs_up(self, which: int, really: bool, rests: bool) -> None:
        lines = self.lab.switch.lines
        talking = [n for n, line in lines.items() if line.snapshot.state == 6 and n[-2:-1] != ";"]
        if talking and really:
            self.lab.switch.hang_up_phone(talking[which % len(talking)])
            self._rest(rests)

    # ------------------------------------------------------------ what lies between

    @precondition(lambda self: not self.down and self.lab.switch.news)
    @rule(times=st.integers(1, 8))
    def hear(self, times: int) -> None:
        for _ in range(times):
            if self.lab.switch.news:
                self.lab.hear_one()

    @precondition(lambda self: not self.down and self.lab.asks)
    @rule(times=st.integers(1, 20))
    def obey(self, times: int) -> None:
        for _ in range(times):
            if self.lab.asks:
                self.lab.obey_one()

    @rule(seconds=st.sampled_from([0.5, 0.5, 2.0, 2.0, 6.0, 20.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        if self.down:
            self.lab.switch.pass_to(self.lab.switch.now + seconds)
        else:
            self.lab.wait(seconds)

    @precondition(lambda self: not self.down)
    @rule(done=st.integers(0, 20), kill=st.booleans(), really=SELDOM)
    def the_link_is_lost_or_pbxd_is_killed(self, done: int, kill: bool, really: bool) -> None:
        if not really:
            return
        for _ in range(min(done, len(self.lab.asks))):
            self.lab.obey_one()
        self.lab.killed() if kill else self.lab.lost()
        self.down, self.killed = True, kill

    @precondition(lambda self: self.down)
    @rule()
    def back_again(self) -> None:
        self.down = False
        if self.killed:
            self.lab.born()
        else:
            self.lab.link()

    # ------------------------------------------------------------ what must hold

    @invariant()
    def one_final_fact_at_most(self) -> None:
        for id_ in getattr(self, "started", ()):
            assert self.lab.events(id_).count("ended") <= 1, id_

    def teardown(self) -> None:
        if not hasattr(self, "lab"):
            return
        lab, switch = self.lab, self.lab.switch
        if self.down:
            self.back_again()
        lab.wait(12)
        for caller in self.callers:
            if caller in switch.lines:
                self._in_good_hands(caller)
        for name in list(switch.lines):
            if name in switch.lines:
                switch.hang_up_phone(name)
        lab.wait(250)
        while switch.lines:  # phones that were called back meanwhile
            for name in list(switch.lines):
                if name in switch.lines:
                    switch.hang_up_phone(name)
            lab.wait(100)
        for id_ in self.started:
            assert lab.events(id_).count("ended") == 1, (id_, lab.events(id_))
        assert {body["state"] for body in lab.kept.values()} <= {"ended"}
        orphans = [count for count in lab.counts if "orphan" in count.metric]
        assert orphans == []

    def _in_good_hands(self, caller: str) -> None:
        lab, switch = self.lab, self.lab.switch
        brought_back = switch.seats[caller].app == "Dial"  # the dialplan rings somebody for him
        if switch.company(caller) or caller in switch.queued or brought_back:
            return
        # On hold: somebody is called, or talks about him, and the transfer knows it.
        open_ = [view for view in lab.world.transfers(None) if view["state"] != "ended"]
        assert open_, f"{switch.seats[caller]} and no transfer is open"
        assert switch.ringing() or len(switch.lines) > 1, open_


def a_day(day: int, steps: int = 60) -> None:
    """One random day. Hypothesis looks where it has not been; here most things go well, as in life."""
    chance = random.Random(day)
    machine = Transfers()
    machine.open(
        chance.choice(list(OnHangup)), chance.choice(list(Acknowledge)), chance.random() < 0.3, day % 2 == 0
    )
    for _ in range(steps):
        rests = chance.random() < 0.8
        number = chance.randrange(6)
        lab = machine.lab
        match chance.choices(range(9), weights=(12, 22, 14, 2, 2, 4, 4, 6, 1))[0]:
            case 0 if not machine.started or lab.outcome(list(machine.started)[-1]):
                whom = [to(who) for who in chance.sample(TARGETS, chance.randint(1, 3))]
                mode = TransferMode.BLIND if chance.random() < 0.15 else TransferMode.ATTENDED
                machine.start([SUPPORT] if chance.random() < 0.1 else whom, mode, rests)
            case 1 if machine.started and not machine.down:
                machine.order(chance.choice(list(Verb)), rests)
            case 2 if lab.switch.ringing():
                machine.a_phone_is_answered(number, rests)
            case 3 if lab.switch.ringing():
                machine.a_call_is_declined(number, True, rests)
            case 4:
                machine.somebody_hangs_up(number, True, rests)
            case 5 if not machine.down:
                machine.hear(1 + number)
            case 6 if not machine.down:
                machine.obey(1 + 3 * number)
            case 7:
                machine.time_passes(chance.choice([0.5, 2.0, 6.0, 70.0 if number == 0 else 1.0]))
            case 8 if not machine.down:
                machine.the_link_is_lost_or_pbxd_is_killed(number * 3, chance.random() < 0.5, True)
            case _:
                pass
        if machine.down and chance.random() < 0.5:
            machine.back_again()
        if not any(name in lab.switch.lines for name in machine.callers):
            machine.a_caller_comes()
        machine.one_final_fact_at_most()
    machine.teardown()


WEEKS = int(os.environ.get("PBXD_TEST_WEEKS", "4"))
"""Each has 30 days; more of them for a soak."""


@pytest.mark.parametrize("week", range(WEEKS))
def test_random_days(week: int) -> None:
    for day in range(week * 30, week * 30 + 30):
        try:
            a_day(day)
        except Exception as fault:
            raise AssertionError(f"day {day}") from fault


Transfers.TestCase.settings = settings(
    max_examples=examples(60),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestTransfers = Transfers.TestCase
