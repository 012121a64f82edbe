"""What can be done on a switch that has the dialplan of transfers, and on one that has not. Pure.

Asterisk's own attended transfer (AMI ``Atxfer``) is none of it: see docs/decisions.
"""

from __future__ import annotations

from collections.abc import Collection

from pbxd.agents.refused import Reason, Refused
from pbxd.ids import AgentId, NodeId
from pbxd.orders import Target, TargetKind, TransferMode
from pbxd.transfers.choosing import Choose, Chosen
from pbxd.transfers.rules import TransferRules, Unprepared
from pbxd.transfers.words import Profile

_THROUGH_DIALPLAN = frozenset({TargetKind.QUEUE, TargetKind.VOICEMAIL})
"""Targets that are reached by way of pbxd's dialplan alone."""


def not_prepared(node: NodeId, lacks: str, rules: TransferRules, mode: TransferMode) -> str | None:
    """Why a switch that lacks this cannot be asked for such a transfer; None: it can."""
    if not lacks:
        return None
    why = f"the switch {node} is not prepared for transfers: {lacks}"
    if rules.unprepared is Unprepared.REFUSE:
        return why
    return None if mode is TransferMode.BLIND else f"only blind transfers are possible now; {why}"


def narrowed(choose: Choose, profile: Profile) -> Choose:
    """The targets that can be had in this profile are chosen by ``choose``."""

    def by_profile(
        target: Target, *, by: AgentId, node: NodeId, at: float, tried: Collection[AgentId] = ()
    ) -> Chosen | Refused:
        if profile is Profile.PLAIN and target.kind in _THROUGH_DIALPLAN:
            what = f"a {target.kind.value} is no target now: the switch {node} is not prepared for transfers"
            return Refused(code=Reason.NOT_PREPARED, text=what)
        return choose(target, by=by, node=node, at=at, tried=tried)

    return by_profile
