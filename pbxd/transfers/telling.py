"""Who is told how a transfer goes on: the two agents' pages, and programs that listen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pbxd.effects import Effect, Publish, Tell
from pbxd.ids import AgentId
from pbxd.transfers.passports import Passports
from pbxd.transfers.record import OpenTransfer
from pbxd.transfers.view import view


class Telling:
    def __init__(self, passports: Passports) -> None:
        self._passports = passports

    def view(self, record: OpenTransfer) -> Mapping[str, Any]:
        notes = self._passports.notes(record.id)
        return view(record, notes, self._passports.acknowledged_s(record.id))

    def tell(self, before: OpenTransfer | None, record: OpenTransfer) -> list[Effect]:
        """The transferer, the target once he is called, and whoever was the target until now."""
        body = self.view(record)
        return [Tell(agent=agent, kind="transfer", body=body) for agent in _concerned(before, record)]

    def publish(self, record: OpenTransfer, event: str, at: float) -> list[Effect]:
        """What has happened. The pages, too: on them a later view takes the place of an earlier one."""
        body = {"version": 1, "event": event, "at": at, "transfer": self.view(record)}
        topic = f"{record.node}/transfer/{record.id}/{event}"
        moments = [Tell(agent=agent, kind="transfer_event", body=body) for agent in _concerned(None, record)]
        return [Publish(topic=topic, body=body, record=True), *moments]


def _concerned(before: OpenTransfer | None, record: OpenTransfer) -> list[AgentId]:
    told: list[AgentId] = [record.agent]
    for agent in (None if before is None else before.target_agent, record.target_agent):
        if agent is not None and agent not in told and record.attempt > 0:
            told.append(agent)
    return told
