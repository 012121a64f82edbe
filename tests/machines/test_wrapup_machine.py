"""Random days of agents who wrap up, pause, resume, and of links and daemons that break meanwhile.

Whatever happens: nobody who paused himself is resumed by pbxd, nobody is rung while he writes his notes, and
nobody stays paused by pbxd for good.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pbxd.agents.pausing import WRAP_UP, Pausing
from pbxd.agents.staff import Agent, Staff
from pbxd.agents.wrapup import WrapUpRules, Wrapups
from pbxd.ami.event_types import QueueMember, QueueMemberRemoved
from pbxd.ami.inventory import Inventory
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.effects import Ask, Effect
from pbxd.ids import AgentId, CallId, Interface, NodeId
from pbxd.journal import Journal, Table
from pbxd.messages import AskDone, AskUnknown
from pbxd.queues.model import QueueModel
from tests.members import member_of
from tests.thorough import examples

NODE = NodeId("lab")
ANNA = AgentId("anna")
DEVICES = (Interface("PJSIP/1001"), Interface("PJSIP/2001"))
QUEUES = ("support", "sales", "billing")
CALL = CallId("lab:1.1")
RULES = WrapUpRules(default_s=30.0)
Key = tuple[str, Interface]


@dataclass(frozen=True)
class Action:
    """Something on its way to the switch; ``knew`` are the pauses that pbxd knew people to have made."""

    interface: Interface
    queue: str | None
    reason: str | None
    ask: Ask | None  #: None: made by a person
    knew: frozenset[Key] = frozenset()


class Days(RuleBasedStateMachine):
    """One agent with two phones in three queues, on one switch, before one pbxd."""

    @initialize(jobs=st.sets(st.tuples(st.sampled_from(QUEUES), st.sampled_from(DEVICES)), min_size=1))
    def open(self, jobs: set[Key]) -> None:
        self.now = 1000.0
        self.members: dict[Key, MemberSnapshot] = {}
        self.by_hand: set[Key] = set()  #: paused by a person
        self.actions: deque[Action] = deque()
        self.events: deque[QueueMember | QueueMemberRemoved] = deque()
        self.up = True
        self.excused = False  #: somebody resumed him, or he is being resumed
        self.start_pbxd()
        for key in sorted(jobs):
            self.add(key)
        self.settle()

    # ------------------------------------------------------------ the switch

    def add(self, key: Key) -> None:
        queue, interface = key
        self.members[key] = member_of(queue, interface)
        self.tell(key)

    def tell(self, key: Key) -> None:
        if self.up:
            self.events.append(QueueMember(node=NODE, at=self.now, member=self.members[key]))

    def execute(self, action: Action) -> None:
        for key in list(self.members):
            if key[1] != action.interface or action.queue not in (None, key[0]):
                continue
            if action.ask is None:
                (self.by_hand.discard if action.reason is None else self.by_hand.add)(key)
            else:
                assert not (key in self.by_hand and key in action.knew), "he had paused himself"
                self.by_hand.discard(key)
            paused = action.reason is not None
            at = self.now if paused else self.members[key].last_pause
            self.members[key] = replace(
                self.members[key], paused=paused, paused_reason=action.reason or "", last_pause=at
            )
            self.tell(key)

    # ------------------------------------------------------------ pbxd

    def start_pbxd(self) -> None:
        self.journal = Journal()
        self.queues = QueueModel(self.journal)
        staff = Staff(
            [Agent(id=ANNA, name="Anna", language="en", devices=tuple((None, device) for device in DEVICES))]
        )
        self.wrapups = Wrapups(
            self.journal,
            Pausing(self.journal),
            staff,
            RULES,
            lambda agent: [(NODE, m) for _, d in agent.devices for m in self.queues.memberships(d)],
        )
        self.tables = [
            table
            for part in (self.wrapups, self.queues, self.wrapups._pausing)
            for table in vars(part).values()
            if isinstance(table, Table)
        ]

    def known_pauses(self) -> frozenset[Key]:
        known = [member for device in DEVICES for member in self.queues.memberships(device)]
        return frozenset(
            (member.queue, member.interface)
            for member in known
            if member.paused and member.paused_reason != WRAP_UP
        )

    def do(self, effects: list[Effect] | None) -> None:
        self.journal.commit()
        for ask in (effect for effect in effects or () if isinstance(effect, Ask)):
            head = {key: str(value) for key, value in ask.action.items()}
            action = Action(
                interface=Interface(head["Interface"]),
                queue=head.get("Queue"),
                reason=head["Reason"] if head["Paused"] == "true" else None,
                ask=ask,
                knew=self.known_pauses(),
            )
            if self.up:
                self.actions.append(action)
            else:
                self.wrapups.answered(AskUnknown(ask=ask.ask, at=self.now, why="down"))
                self.journal.commit()

    @rule()
    def action_arrives(self) -> None:
        if self.actions:
            action = self.actions.popleft()
            self.execute(action)
            if action.ask is not None:
                self.wrapups.answered(AskDone(ask=action.ask.ask, at=self.now, response={}))
                self.journal.commit()

    @rule()
    def event_arrives(self) -> None:
        if self.events:
            event = self.events.popleft()
            self.queues.reduce(event)
            self.journal.commit()
            if isinstance(event, QueueMember):
                self.do(self.wrapups.stands(NODE, event.member, self.now))

    def settle(self) -> None:
        while self.up and (self.actions or self.events):
            self.action_arrives()
            self.event_arrives()

    # ------------------------------------------------------------ what people do

    @rule()
    def his_call_ends(self) -> None:
        self.excused = False
        self.do(self.wrapups.begin(ANNA, self.now, node=NODE, call=CALL, queue="support"))

    @rule()
    def ready(self) -> None:
        self.do(self.wrapups.ready(ANNA, self.now))

    @rule(reason=st.sampled_from(["", "lunch", None]), device=st.sampled_from(DEVICES))
    def by_a_feature_code(self, reason: str | None, device: Interface) -> None:
        self.excused = self.excused or reason is None
        self.execute(Action(interface=device, queue=None, reason=reason, ask=None))

    @rule(reason=st.sampled_from(["", "lunch", None]))
    def at_his_page(self, reason: str | None) -> None:
        """The desk's own order: an action for each of his devices, behind those that are under way."""
        self.wrapups.dropped(ANNA, self.now, paused=reason is not None)
        self.journal.commit()
        for device in DEVICES:
            if self.up:
                self.actions.append(Action(interface=device, queue=None, reason=reason, ask=None))

    @rule(key=st.tuples(st.sampled_from(QUEUES), st.sampled_from(DEVICES)))
    def signs_in_or_out(self, key: Key) -> None:
        if key in self.members:
            del self.members[key]
            self.by_hand.discard(key)
            if self.up:
                self.events.append(QueueMemberRemoved(node=NODE, at=self.now, queue=key[0], interface=key[1]))
        else:
            self.add(key)

    @rule(busy=st.booleans(), device=st.sampled_from(DEVICES))
    def phone(self, busy: bool, device: Interface) -> None:
        for key in self.members:
            if key[1] == device:
                self.members[key] = replace(self.members[key], status=2 if busy else 1)
                self.tell(key)

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.do(self.wrapups.tick(self.now))

    # ------------------------------------------------------------ what breaks

    @rule(arrive=st.booleans())
    def link_is_lost(self, arrive: bool) -> None:
        """Nobody knows whether what was under way has arrived."""
        self.up = False
        for action in self.actions:
            if arrive:
                self.execute(action)
            if action.ask is not None:
                self.wrapups.answered(AskUnknown(ask=action.ask.ask, at=self.now, why="lost"))
        self.journal.commit()
        self.actions.clear()
        self.events.clear()

    @precondition(lambda self: not self.up)
    @rule()
    def link_is_back(self) -> None:
        self.up = True
        # What somebody did meanwhile looks the same as what never arrived.
        self.excused = True
        members = tuple(self.members.values())
        inventory = Inventory.of(NODE, self.now)
        self.queues.resync(replace(inventory, members=members, queues=QUEUES))
        self.do(self.wrapups.linked(NODE, self.now))

    @rule(arrive=st.booleans())
    def pbxd_is_killed(self, arrive: bool) -> None:
        self.link_is_lost(arrive)
        self.start_pbxd()
        self.link_is_back()

    @rule()
    def a_step_fails(self) -> None:
        """Whatever a step has done so far is taken back whole."""
        before = [dict(table) for table in self.tables]
        self.wrapups.begin(ANNA, self.now, node=NODE, call=CALL, queue="sales")
        self.wrapups.tick(self.now + 100)
        self.journal.rollback()
        assert [dict(table) for table in self.tables] == before

    # ------------------------------------------------------------ what must hold

    @invariant()
    def who_wraps_up_is_paused_everywhere(self) -> None:
        quiet = self.up and not self.actions and not self.events
        if quiet and not self.excused and ANNA in self.wrapups.open:
            assert all(member.paused for member in self.members.values())

    def teardown(self) -> None:
        if not hasattr(self, "up"):
            return
        if not self.up:
            self.link_is_back()
        self.settle()
        for device in DEVICES:
            self.phone(False, device)
        for _ in range(6):
            self.settle()
            self.time_passes(40.0)
        self.settle()
        assert not self.wrapups.open
        assert [m for m in self.members.values() if m.paused_reason == WRAP_UP] == []
        assert {key for key, member in self.members.items() if member.paused} == self.by_hand


TestDays = Days.TestCase
TestDays.settings = settings(max_examples=examples(150), stateful_step_count=40, deadline=None)
