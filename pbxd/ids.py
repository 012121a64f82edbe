"""Identities. Every id that leaves a node's own model carries the node (which Asterisk) it came from."""

from typing import NewType

NodeId = NewType("NodeId", str)
"""The name of one Asterisk, as the settings call it, e.g. ``pbx1``."""

Uniqueid = NewType("Uniqueid", str)
"""Asterisk's name for one channel on one node. Never changes while the channel lives."""

CallId = NewType("CallId", str)
"""pbxd's own name for one caller's journey: ``<node>:<uniqueid of the caller's first channel>``.

Unlike Asterisk's Linkedid it stays the same through every transfer, and it is the same again when the
same capture is replayed or the daemon restarts in the middle of the call.
"""

AgentId = NewType("AgentId", str)
"""A person who takes calls, as the settings name them, e.g. ``anna``."""

Interface = NewType("Interface", str)
"""A queue member's device as Asterisk writes it, e.g. ``PJSIP/1001`` or ``Local/1001@from-queue/n``."""

AskId = NewType("AskId", str)
"""One request to a switch (an AMI action). Never used twice, never sent twice."""

TransferId = NewType("TransferId", str)
"""One attempt of an agent to hand a caller over: letters, digits and ``-`` only, at most 40."""


def call_id(node: NodeId, uniqueid: Uniqueid) -> CallId:
    """The id of the journey that began on channel ``uniqueid`` of ``node``."""
    return CallId(f"{node}:{uniqueid}")
