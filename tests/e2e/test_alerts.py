"""A caller waits too long on a real Asterisk: web hook, MQTT and figures are told once, and of the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from deploy.lab.centre import Centre, sums
from deploy.lab.phones import Phone, Phones
from tests.integration.alert_receivers import WebReceiver
from tests.integration.broker_listener import Listener
from tests.integration.mosquitto_broker import MosquittoBroker

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.asyncio(loop_scope="module")]

CALLER = "+8613800138000"
QUEUE = "q599"  #: Carla's


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hook() -> AsyncIterator[WebReceiver]:
    async with WebReceiver() as web:
        yield web


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_centre(suite: str, broker: MosquittoBroker, hook: WebReceiver) -> AsyncIterator[Centre]:
    more = {
        "mqtt": {"url": broker.url},
        "wrap_up": {"default": "0s"},
        "alerts": {
            "caller_waits": {"after": "2s"},
            "unattended": {"after": "0s"},
            "sinks": [{"name": "hook", "kind": "webhook", "url": hook.url, "show_numbers": True}],
        },
    }
    async with Centre(suite, more=more) as centre:
        yield centre


@pytest_asyncio.fixture(loop_scope="module")
async def listener(broker: MosquittoBroker, centre: Centre, hook: WebReceiver) -> AsyncIterator[Listener]:
    hook.requests.clear()
    listener = Listener(broker)
    await listener.start()
    yield listener
    await listener.stop()


def told(hook: WebReceiver) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in hook.requests]


def events(listener: Listener) -> list[tuple[str, str | None]]:
    moments = [listener.bodies(f"pbxd/lab/alert/{event}") for event in ("begun", "ended")]
    return [(body["event"], body["how"]) for bodies in moments for body in bodies]


def still_open(listener: Listener) -> list[dict[str, Any]]:
    states = listener.bodies("pbxd/alerts/state")
    alerts: list[dict[str, Any]] = states[-1]["alerts"] if states else []
    return alerts


async def waits(centre: Centre, phones: Phones) -> tuple[Phone, Phone]:
    """Carla is there but paused, and a caller waits for her."""
    carla = await phones.agent(centre.switch, "1003", name="carla")
    await centre.switch.ami.action("QueuePause", Interface="PJSIP/1003", Paused="true")
    caller = await phones.caller(centre.switch, CALLER, name="Zhang", trunk="trunk-queue", label="caller")
    await caller.dial(QUEUE[1:])
    await caller.connected()
    return carla, caller


async def test_it_is_told_once_through_a_kill_and_that_the_caller_gave_up(
    centre: Centre, all_phones: Phones, hook: WebReceiver, listener: Listener
) -> None:
    _, caller = await waits(centre, all_phones)
    await centre.until(lambda: told(hook), "the web hook is told", 30)
    [begun] = told(hook)
    assert (begun["event"], begun["kind"], begun["queue"]) == ("begun", "caller_waits", QUEUE)
    assert begun["caller"] == {"number": CALLER, "name": "Zhang"}
    assert begun["call_back"] == f"tel:{CALLER}"
    assert begun["waited_s"] >= 2.0
    await centre.until(lambda: [a["id"] for a in still_open(listener)] == [begun["id"]], "MQTT knows", 30)
    metrics = await centre.metrics()
    assert sums(metrics, "pbxd_alerts_total", ['kind="caller_waits"', f'queue="{QUEUE}"']) == 1
    assert sums(metrics, "pbxd_alerts_open") == 1

    await centre.kill_pbxd()
    await centre.start_pbxd()

    async def sees_him() -> bool:
        return sums(await centre.metrics(), "pbxd_queue_waiting", [f'queue="{QUEUE}"']) == 1

    await centre.until(sees_him, "pbxd is back and sees the caller wait", 30)
    steps = sums(await centre.metrics(), "pbxd_steps_total")

    async def had_its_time() -> bool:
        return sums(await centre.metrics(), "pbxd_steps_total") > steps + 4  # ticks

    await centre.until(had_its_time, "some ticks", 30)
    assert sums(await centre.metrics(), "pbxd_alerts_open") == 1
    assert len(told(hook)) == 1
    await caller.hang_up()
    await centre.until(lambda: len(told(hook)) == 2, "the web hook is told of the end", 30)
    ended = told(hook)[1]
    assert (ended["id"], ended["event"], ended["how"]) == (begun["id"], "ended", "abandoned")
    assert ended["call_back"] == f"tel:{CALLER}"
    assert ended["waited_s"] > begun["waited_s"]
    await centre.until(lambda: not still_open(listener), "MQTT shows nothing open", 30)
    assert events(listener) == [("begun", None), ("ended", "abandoned")]


async def test_it_ends_when_somebody_answers(
    centre: Centre, all_phones: Phones, hook: WebReceiver, listener: Listener
) -> None:
    carla, caller = await waits(centre, all_phones)
    await centre.until(lambda: told(hook), "the web hook is told", 30)
    await centre.switch.ami.action("QueuePause", Interface="PJSIP/1003", Paused="false")
    await carla.answer()
    await centre.until(lambda: len(told(hook)) == 2, "the web hook is told of the end", 30)
    assert [(body["event"], body["how"]) for body in told(hook)] == [("begun", None), ("ended", "answered")]
    assert told(hook)[1]["call_back"] is None
    await caller.hang_up()
    await carla.on_hook()
