"""Random transfers on a small switch: everybody does anything at any moment, links break, pbxd is killed.

Whatever happens, when it has come to rest every caller is with somebody, on hold with somebody responsible,
or in a queue; every transfer has exactly one final fact; nobody is left behind when all have gone home.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pbxd.ids import AgentId
from pbxd.orders import AcknowledgeHandover, TransferMode, Verb
from pbxd.transfers.rules import Acknowledge, OnHangup, TransferRules
from tests.machines.transfer_lab import ANNA, BRUNO, CARLA, DEVICE, DORA, TRUNK, Lab, to

AGENTS = (ANNA, BRUNO, CARLA)
TARGETS = (*AGENTS, DORA)


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
                reassure_after_s=0,
            ),
            local=local,
        )
        self.lab.switch.dissolves = dissolves
        self.caller, _ = self.lab.switch.call(TRUNK, DEVICE[ANNA])
        self.lab.settle()
        self.started: dict[str, AgentId] = {}
        self.down = False

    # ------------------------------------------------------------ orders

    @rule(
        whom=st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3),
        by=st.sampled_from(AGENTS),
        mode=st.sampled_from(TransferMode),
    )
    def start(self, whom: list[AgentId], by: AgentId, mode: TransferMode) -> None:
        if self.down:
            return
        id_ = f"t{len(self.started) + 1}"
        reply = self.lab.start(*(to(who) for who in whom), by=by, id_=id_, mode=mode)
        if reply.outcome == "done":
            self.started[id_] = by

    @precondition(lambda self: self.started)
    @rule(verb=st.sampled_from(Verb))
    def order(self, verb: Verb) -> None:
        if not self.down:
            id_, by = list(self.started.items())[-1]
            self.lab.do(verb, by=by, id_=id_)

    @rule(agent=st.sampled_from(AGENTS))
    def a_page_is_loaded(self, agent: AgentId) -> None:
        """It shows what is so, and what can be done."""
        if self.down:
            return
        for view in self.lab.world.snapshot(agent)["transfers"]:
            assert view == self.lab.world.transfer_view(view["id"])
            self.lab.give(AcknowledgeHandover(agent=agent, at=self.lab.switch.now, transfer=view["id"]))

    # ------------------------------------------------------------ people

    @rule(which=st.integers(0, 5), how=st.sampled_from(["answer", "answer", "answer", "decline"]))
    def a_phone_that_rings(self, which: int, how: str) -> None:
        ringing = self.lab.switch.ringing()
        if ringing:
            getattr(self.lab.switch, how)(ringing[which % len(ringing)])

    @rule(which=st.integers(0, 5))
    def somebody_hangs_up(self, which: int) -> None:
        talking = [name for name, line in self.lab.switch.lines.items() if line.snapshot.state != 5]
        if talking:
            self.lab.switch.hang_up_phone(talking[which % len(talking)])

    @rule(agent=st.sampled_from(AGENTS))
    def an_agent_hangs_up(self, agent: AgentId) -> None:
        for name in list(self.lab.switch.lines):
            if name.startswith(DEVICE[agent]) and name not in self.lab.switch.ringing():
                self.lab.switch.hang_up_phone(name)
                return

    # ------------------------------------------------------------ what lies between

    @rule(times=st.integers(1, 8))
    def hear(self, times: int) -> None:
        for _ in range(times):
            if self.lab.switch.news and not self.down:
                self.lab.hear_one()

    @rule(times=st.integers(1, 20))
    def obey(self, times: int) -> None:
        for _ in range(times):
            if self.lab.asks and not self.down:
                self.lab.obey_one()

    @rule()
    def rest(self) -> None:
        if not self.down:
            self.lab.settle()

    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0, 20.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        if self.down:
            self.lab.switch.pass_to(self.lab.switch.now + seconds)
        else:
            self.lab.wait(seconds)

    @rule(done=st.integers(0, 20))
    def the_link_is_lost(self, done: int) -> None:
        if self.down:
            return
        for _ in range(min(done, len(self.lab.asks))):
            self.lab.obey_one()
        self.lab.lost()
        self.down = True
        self.killed = False

    @rule(done=st.integers(0, 20))
    def pbxd_is_killed(self, done: int) -> None:
        if self.down:
            return
        for _ in range(min(done, len(self.lab.asks))):
            self.lab.obey_one()
        self.lab.killed()
        self.down = True
        self.killed = True

    @rule()
    def back_again(self) -> None:
        if self.down:
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
        self.back_again()
        lab.wait(12)
        if self.caller in switch.lines:
            self._in_good_hands()
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
        assert lab.kept == {}
        orphans = [count for count in lab.counts if "orphan" in count.metric]
        assert orphans == []

    def _in_good_hands(self) -> None:
        lab, switch = self.lab, self.lab.switch
        if switch.company(self.caller) or self.caller in switch.queued:
            return
        # On hold: somebody is called, or talks about him, and the transfer knows it.
        open_ = [view for view in lab.world.transfers(None) if view["state"] != "ended"]
        assert open_, f"{switch.seats[self.caller]} and no transfer is open"
        assert switch.ringing() or len(switch.lines) > 1, open_


Transfers.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestTransfers = Transfers.TestCase
