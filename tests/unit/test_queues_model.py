"""Who waits where since when, and who is a member: kept from events, corrected by an inventory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbxd.ami.event_types import QueueCallerJoin, QueueCallerLeave, QueueMember, QueueMemberRemoved
from pbxd.ami.inventory import Inventory, QueueEntry
from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.ids import Interface, NodeId, Uniqueid
from pbxd.journal import Journal
from pbxd.queues.model import MemberState, QueueModel, member_state
from tests.members import member_of

NODE = NodeId("lab")
ANNA = member_of("support")


@pytest.fixture
def queues() -> QueueModel:
    return QueueModel(Journal())


def channel(number: int) -> ChannelSnapshot:
    return ChannelSnapshot(
        uniqueid=Uniqueid(f"1.{number}"),
        name=f"PJSIP/trunk-{number:08x}",
        linkedid=f"1.{number}",
        state=6,
        caller=f"0{number}",
        caller_name="",
        exten="500",
    )


def joins(number: int, at: float, queue: str = "support") -> QueueCallerJoin:
    return QueueCallerJoin(node=NODE, at=at, channel=channel(number), queue=queue, position=None)


def leaves(number: int, at: float, queue: str = "support") -> QueueCallerLeave:
    return QueueCallerLeave(node=NODE, at=at, channel=channel(number), queue=queue)


def test_callers_in_the_order_in_which_they_joined(queues: QueueModel) -> None:
    assert queues.reduce(joins(1, 10.0)) == ("support",)
    assert queues.reduce(joins(2, 20.0)) == ("support",)
    assert [(caller.number, caller.since) for caller in queues.waiting("support")] == [("01", 10), ("02", 20)]
    assert queues.reduce(leaves(1, 30.0)) == ("support",)
    assert [caller.number for caller in queues.waiting("support")] == ["02"]
    assert queues.reduce(leaves(1, 31.0)) == ()


def test_a_caller_waits_in_one_queue_only(queues: QueueModel) -> None:
    queues.reduce(joins(1, 10.0))
    assert set(queues.reduce(joins(1, 20.0, "sales"))) == {"support", "sales"}
    assert list(queues.waiting("support")) == []
    assert [caller.since for caller in queues.waiting("sales")] == [20.0]


def test_members_come_change_and_go(queues: QueueModel) -> None:
    assert queues.reduce(QueueMember(node=NODE, at=1.0, member=ANNA)) == ("support",)
    assert queues.reduce(QueueMember(node=NODE, at=2.0, member=ANNA)) == ()
    assert queues.reduce(QueueMember(node=NODE, at=3.0, member=replace(ANNA, paused=True)))
    assert [member.paused for member in queues.members("support")] == [True]
    assert [member.queue for member in queues.memberships(ANNA.interface)] == ["support"]
    gone = QueueMemberRemoved(node=NODE, at=4.0, queue="support", interface=ANNA.interface)
    assert queues.reduce(gone) == ("support",)
    assert list(queues.members("support")) == []
    assert queues.memberships(ANNA.interface) == ()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0, MemberState.READY),
        (1, MemberState.READY),
        (2, MemberState.TALKING),
        (5, MemberState.OFFLINE),
        (6, MemberState.RINGING),
        (8, MemberState.TALKING),
        (99, MemberState.OFFLINE),
    ],
)
def test_what_a_device_state_means(status: int, state: MemberState) -> None:
    assert member_state(replace(ANNA, status=status)) is state


def test_an_inventory_corrects_what_was_missed(queues: QueueModel) -> None:
    queues.reduce(joins(1, 10.0))
    queues.reduce(QueueMember(node=NODE, at=1.0, member=ANNA))
    bruno = replace(ANNA, interface=Interface("PJSIP/1002"), name="Bruno")
    entry = QueueEntry(
        queue="support", uniqueid=Uniqueid("1.2"), name="", caller="02", position=1, since=50.0
    )
    inventory = Inventory(node=NODE, at=60.0, queues=("support", "sales"), members=(bruno,), waiting=(entry,))
    assert set(queues.resync(inventory)) == {"support", "sales"}
    assert [caller.number for caller in queues.waiting("support")] == ["02"]
    assert [member.name for member in queues.members("support")] == ["Bruno"]
    assert set(queues.names) == {"support", "sales"}
    assert queues.resync(inventory) == ()
