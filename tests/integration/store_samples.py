"""Contacts and databases for the tests of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pbxd.calls.record import CallRecord, Leg, Outcome, Transfer, TransferKind, TransferOutcome, Wait
from pbxd.effects import LookUp
from pbxd.ids import AgentId, CallId, Interface, NodeId
from pbxd.messages import Contact, PathStep
from pbxd.settings.connections import Store as Settings

NUMBER = "+8613800138000"
T0 = 1_700_000_000.0


class Counts:
    """Adds up what an edge counts."""

    def __init__(self) -> None:
        self.sums: Counter[str] = Counter()
        self.times: Counter[str] = Counter()

    def __call__(self, metric: str, value: float = 1, **labels: str) -> None:
        name = metric + "".join(f",{key}={labels[key]}" for key in sorted(labels))
        self.sums[name] += value
        self.times[name] += 1

    def __getitem__(self, name: str) -> float:
        return self.sums[name]


def contact(
    call: str | int,
    *,
    number: str = NUMBER,
    name: str = "张三",
    arrived: float = T0,
    outcome: Outcome = Outcome.ANSWERED,
    queue: str | None = "billing",
    subject: str | None = "invoice",
    agents: Iterable[str | None] = ("anna",),
    node: str = "pbx1",
    label: str = "账单",
) -> Contact:
    """A contact whose legs follow each other, one for each of ``agents``."""
    agents = tuple(agents)
    legs = tuple(
        Leg(
            interface=Interface(f"PJSIP/{1001 + position}"),
            started=arrived + 10 + 30 * position,
            ended=arrived + 40 + 30 * position,
            talk_s=25.0,
            hold_s=5.0,
        )
        for position, _ in enumerate(agents)
    )
    transfers = tuple(
        Transfer(
            kind=TransferKind.ATTENDED,
            at=leg.started,
            from_=legs[position].interface,
            to=leg.interface,
            outcome=TransferOutcome.COMPLETED,
        )
        for position, leg in enumerate(legs[1:])
    )
    waits = (Wait(queue=queue, joined=arrived + 1, left=arrived + 10, outcome="answered"),) if queue else ()
    return Contact(
        record=CallRecord(
            id=CallId(str(call) if ":" in str(call) else f"{node}:{call}"),
            node=NodeId(node),
            caller=number,
            caller_name=name,
            dialled="4001",
            queue=queue,
            arrived=arrived,
            answered=arrived + 10 if legs else None,
            ended=arrived + 10 + 30 * len(legs),
            wait_s=9.0,
            outcome=outcome,
            legs=legs,
            waits=waits,
            transfers=transfers,
        ),
        number=number,
        subject=subject,
        path=(PathStep(at=arrived + 1, step="menu", kind="menu", label=label, digits="1", result="chosen"),),
        agents=tuple(None if agent is None else AgentId(agent) for agent in agents),
    )


def look_up(number: str = NUMBER, before: float = T0 + 1e9) -> LookUp:
    return LookUp(call=CallId("pbx1:now"), number=number, before=before)


def sqlite_settings(folder: Path, **changed: object) -> Settings:
    return Settings.model_validate({"url": f"sqlite:///{folder}/data/pbxd.db", **QUICK, **changed})


#: deadlines for tests: long enough for a busy machine, short where the test waits for them to pass
QUICK = {"lookup_timeout": 5.0, "retry_most": 0.2, "shutdown_timeout": 20.0, "connect_timeout": 5.0}
