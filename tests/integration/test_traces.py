"""Journeys as traces, at a collector that listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from deploy.lab.collector import Collected, Collector
from pbxd.edge.traces import Traces
from pbxd.effects import Count
from pbxd.ids import AgentId, CallId, Interface, NodeId
from pbxd.ledger.stretch import Stage, Stretch
from pbxd.messages import Contact
from pbxd.settings.traces import Traces as Settings
from tests.integration.patience import until
from tests.integration.store_samples import NUMBER, T0, Counts, contact


class Counted(Counts):
    def take(self, count: Count) -> None:
        self(count.metric, count.value, **count.labels)

    def spans(self, result: str) -> float:
        return self[f"pbxd_trace_spans_total,result={result}"]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def row(position: int, stage: Stage, started: float, ended: float, **more: Any) -> Stretch:
    return Stretch(
        call=CallId("pbx1:7"),
        position=position,
        node=NodeId("pbx1"),
        stage=stage,
        started=T0 + started,
        ended=T0 + ended,
        **more,
    )


def journey() -> Contact:
    """Through a flow and a queue to Anna, and on to Bruno."""
    anna: dict[str, Any] = {
        "interface": Interface("PJSIP/1001"),
        "agent": AgentId("anna"),
        "queue": "billing",
    }
    return replace(
        contact(7, agents=("anna", "bruno")),
        stretches=(
            row(0, Stage.IVR, 0.0, 5.0, outcome="queue"),
            row(1, Stage.WAIT, 5.0, 10.0, queue="billing", outcome="answered"),
            row(2, Stage.RING, 7.0, 10.0, outcome="answered", **anna),
            row(3, Stage.TALK, 10.0, 40.0, **anna),
        ),
    )


def named(collector: Collector, name: str) -> Collected:
    (span,) = [span for span in collector.spans if span.name == name]
    return span


async def send(collector: Collector, counts: Counted, contact: Contact, *later: Stretch, **more: Any) -> None:
    traces = Traces(Settings(endpoint=collector.endpoint, **more), counts.take, version="1.2.3")
    traces.ended(contact)
    for stretch in later:
        traces.appended(stretch)
    await traces.close()
    await until(lambda: counts.spans("sent") == counts.spans("offered"), lambda: str(counts.sums))


async def test_a_journey_is_one_trace(collector: Collector) -> None:
    counts = Counted()
    wrap_up = row(4, Stage.WRAP_UP, 40.0, 55.0, agent=AgentId("anna"))
    await send(collector, counts, journey(), wrap_up, service="calls", instance="one")
    root = named(collector, "call")
    assert (root.started, root.parent, root.events) == (pytest.approx(T0), b"", ("transfer",))
    assert root.attributes["pbxd.call"] == "pbx1:7"
    assert root.attributes["pbxd.outcome"] == "answered"
    assert {span.trace for span in collector.spans} == {root.trace}
    assert len({span.span for span in collector.spans}) == len(collector.spans) == counts.spans("sent")
    below = {span.name: span for span in collector.spans if span.parent == root.span}
    assert sorted(below) == ["ivr", "ring", "talk", "wait", "wrap_up"]
    assert (below["wait"].started, below["wait"].ended) == (pytest.approx(T0 + 5), pytest.approx(T0 + 10))
    assert below["talk"].attributes["pbxd.agent"] == "anna"
    assert below["wrap_up"].ended == pytest.approx(T0 + 55)
    steps = [span for span in collector.spans if span.parent == below["ivr"].span]
    assert steps
    assert all(below["ivr"].started <= step.started <= step.ended <= below["ivr"].ended for step in steps)
    resource = {"service.name": "calls", "service.version": "1.2.3", "service.instance.id": "one"}
    assert all(resource.items() <= told.items() for told in collector.resources)


async def test_who_called_and_what_he_keyed_in_stay_here(collector: Collector) -> None:
    await send(collector, Counted(), journey())
    told = [value for span in collector.spans for value in span.attributes.values()]
    assert NUMBER not in told
    digits = {step.digits for step in journey().path if step.digits}
    assert digits
    assert digits.isdisjoint(map(str, told))


async def test_the_number_is_told_where_the_house_wants_it(collector: Collector) -> None:
    await send(collector, Counted(), journey(), numbers=True)
    assert named(collector, "call").attributes["pbxd.caller"] == NUMBER


async def test_headers_the_secret_one_among_them(collector: Collector) -> None:
    await send(collector, Counted(), journey(), headers={"X-Scope-OrgID": "a"}, authorization="Bearer s3cret")
    (headers,) = collector.headers
    assert headers["x-scope-orgid"] == "a"
    assert headers["authorization"] == "Bearer s3cret"


async def test_a_collector_that_refuses_is_counted(collector: Collector) -> None:
    collector.status = 400
    counts = Counted()
    traces = Traces(Settings(endpoint=collector.endpoint), counts.take, version="1")
    traces.ended(journey())
    await traces.close()
    await until(lambda: counts.spans("failed") == counts.spans("offered") > 0, lambda: str(counts.sums))
    assert counts.spans("sent") == 0


async def test_a_collector_that_is_not_there_holds_nobody_up() -> None:
    counts = Counted()
    traces = Traces(Settings(endpoint="http://127.0.0.1:1/v1/traces", timeout=0.2), counts.take, version="1")
    for _ in range(5000):
        traces.ended(journey())
    await asyncio.wait_for(traces.close(), 30.0)
    assert counts.spans("sent") == 0
    assert counts.spans("offered") > 25_000


def test_one_call_is_always_the_same_trace(collector: Collector) -> None:
    async def twice() -> None:
        await send(collector, Counted(), replace(journey(), record=replace(journey().record)))
        await send(collector, Counted(), journey())

    asyncio.run(twice())
    spans = [(span.trace, span.span) for span in collector.spans]
    assert len(set(spans)) * 2 == len(spans)
