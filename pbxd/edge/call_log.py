"""One line in the log for each caller's journey that has ended, to be found by its id or its agents."""

from __future__ import annotations

import structlog

from pbxd.messages import Contact

log = structlog.get_logger("pbxd.calls")


def call_ended(contact: Contact) -> None:
    """Log what became of a call; the log masks the number unless the settings say otherwise."""
    record = contact.record
    log.info(
        "call ended",
        call=record.id,
        number=contact.number,
        queue=record.queue,
        outcome=None if record.outcome is None else record.outcome.value,
        wait_s=round(record.wait_s, 1),
        talk_s=round(sum(leg.talk_s for leg in record.legs), 1),
        agents=[agent or leg.interface for agent, leg in zip(contact.agents, record.legs, strict=True)],
        transfers=len(record.transfers),
    )
