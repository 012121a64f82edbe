"""Lists of headers become an inventory; what cannot be read is left out and counted."""

from __future__ import annotations

from pbxd.ami.inventory import Inventory
from pbxd.ids import NodeId

CHANNEL = {
    "Event": "CoreShowChannel",
    "Channel": "PJSIP/1001-00000001",
    "Uniqueid": "1700000000.1",
    "Linkedid": "1700000000.1",
    "ChannelState": "6",
    "Application": "AppDial",
    "Duration": "01:00:05",
    "BridgeId": "bridge-1",
}
BRIDGE = {"Event": "BridgeListItem", "BridgeUniqueid": "bridge-1", "BridgeTechnology": "simple_bridge"}
QUEUES = [
    {"Event": "QueueParams", "Queue": "support"},
    {
        "Event": "QueueMember",
        "Queue": "support",
        "Name": "Anna",
        "Location": "PJSIP/1001",
        "StateInterface": "PJSIP/1001",
        "Status": "1",
        "Paused": "1",
    },
    {"Event": "QueueEntry", "Queue": "support", "Uniqueid": "1700000000.9", "Position": "1", "Wait": "42"},
]


def taken(**lists: list[dict[str, str]]) -> Inventory:
    return Inventory.of(NodeId("lab"), 1_700_003_605.0, **lists)


def test_everything_in_its_place() -> None:
    inventory = taken(channels=[CHANNEL], bridges=[BRIDGE], queues=QUEUES)
    assert inventory.faults == 0
    (channel,) = inventory.channels
    assert (channel.bridge, channel.application, channel.created) == ("bridge-1", "AppDial", 1_700_000_000.0)
    assert inventory.bridges == (("bridge-1", "simple_bridge"),)
    assert inventory.queues == ("support",)
    assert (inventory.members[0].name, inventory.members[0].paused) == ("Anna", True)
    assert (inventory.waiting[0].since, inventory.waiting[0].position) == (1_700_003_563.0, 1)


def test_a_channel_in_no_bridge() -> None:
    assert taken(channels=[{**CHANNEL, "BridgeId": ""}]).channels[0].bridge is None


def test_what_cannot_be_read_is_counted_and_the_rest_is_kept() -> None:
    broken = {**CHANNEL, "Uniqueid": ""}
    inventory = taken(channels=[broken, CHANNEL], bridges=[{"Event": "BridgeListItem"}], queues=QUEUES)
    assert inventory.faults == 2
    assert len(inventory.channels) == 1


def test_other_events_between_are_passed_over() -> None:
    assert taken(channels=[{"Event": "CoreShowChannelsComplete"}, CHANNEL]).faults == 0


def test_odd_durations_are_no_age() -> None:
    assert taken(channels=[{**CHANNEL, "Duration": "long"}]).channels[0].created == 1_700_003_605.0
