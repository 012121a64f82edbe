"""Orders over a real Mosquitto: what is carried out, what is refused, and that each gets its reply."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from pbxd.edge.mqtt import Commands, Mqtt
from pbxd.edge.mqtt.broker import Broker, MqttError, ProtocolVersion
from pbxd.edge.replies import Asked
from pbxd.edge.store import Store
from pbxd.effects import Reply
from pbxd.ids import AgentId
from pbxd.orders import (
    AcknowledgeHandover,
    AnnotateTransfer,
    EndCallback,
    EndWrapUp,
    MoveTransfer,
    Order,
    ReportRepeat,
    StartTransfer,
    Verb,
)
from pbxd.settings.connections import Mqtt as Settings
from tests.integration.broker_listener import Listener
from tests.integration.mosquitto_broker import MosquittoBroker
from tests.integration.patience import until
from tests.integration.scripted_desk import refused, view
from tests.integration.store_samples import Counts, sqlite_settings

pytestmark = pytest.mark.mosquitto

COMMAND = "pbxd/command/transfer"
WISH = {"id": "t1", "caller": {"number": "+4989123456", "name": "Müller"}}
TO_LIWEI = {"agent": "anna", "do": "start", "targets": [{"kind": "agent", "id": "liwei"}]}


class Office:
    """A broker, a pbxd that takes commands for anna and liwei, and a program that gives them."""

    def __init__(self, broker: MosquittoBroker, store: Store) -> None:
        self.broker, self.store = broker, store
        self.counts = Counts()
        self.orders: list[Order] = []
        self.answer: Callable[[Asked], Reply] = self.done
        self.held: asyncio.Event | None = None
        self.listener = Listener(broker)
        self.commands = Commands(
            agents=frozenset({AgentId("anna"), AgentId("liwei")}),
            ask=self._ask,
            order=self.orders.append,
            count=self.counts,
            callbacks=lambda agent: [{**WISH, "agent": agent}],
        )
        self.mqtt: Mqtt

    def done(self, order: Asked) -> Reply:
        return Reply(order=order.order, agent=order.agent, outcome="done", body=view())

    async def _ask(self, order: Asked) -> Reply:
        self.orders.append(order)
        if self.held is not None:
            await self.held.wait()
        return self.answer(order)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        settings = Settings.model_validate({"url": self.broker.url, "retry_most": 0.3})
        self.mqtt = Mqtt(settings, self.store.outbox, self.counts, commands=self.commands)
        running = asyncio.create_task(self.mqtt.run())
        try:
            await until(lambda: self.mqtt.connected)
            yield
        finally:
            await self.mqtt.close(5)
            await asyncio.wait([running])

    async def say(self, payload: Any, *, retain: bool = False) -> None:
        text = payload if isinstance(payload, (bytes, str)) else json.dumps(payload)
        async with aiomqtt.Client("127.0.0.1", self.broker.port) as client:
            await client.publish(COMMAND, text, qos=1, retain=retain)

    async def reply(self, order: str, number: int = 1) -> dict[str, Any]:
        def replies() -> list[Any]:
            return self.listener.bodies(f"pbxd/reply/{order}")

        await until(lambda: len(replies()) >= number, lambda: [str(m.topic) for m in self.listener.messages])
        body: dict[str, Any] = replies()[number - 1]
        return body

    def counted(self, result: str) -> float:
        return self.counts[f"pbxd_mqtt_commands_total,result={result}"]

    def given(self, kind: type[Any]) -> list[Any]:
        return [order for order in self.orders if isinstance(order, kind)]


@pytest.fixture
async def office(mosquitto: MosquittoBroker, tmp_path: Path) -> AsyncIterator[Office]:
    store = await Store.open(sqlite_settings(tmp_path), Counts())
    await asyncio.to_thread(mosquitto.start)
    office = Office(mosquitto, store)
    await office.listener.start()
    async with office.open():
        # Connected is before subscribed: wait until a command is heard.
        while not office.listener.bodies("pbxd/reply/hello"):
            await office.say({"order": "hello", "agent": "anna", "do": "ready"})
        office.orders.clear()
        yield office
    await office.listener.stop()
    await store.close()


async def test_a_transfer_is_started_and_the_reply_has_its_view(office: Office) -> None:
    await office.say({**TO_LIWEI, "order": "o-1", "reason": "Refund", "note": "两行\n文字"})
    reply = await office.reply("o-1")
    assert {
        "version": 1,
        "order": "o-1",
        "do": "start",
        "outcome": "done",
        "code": "",
    }.items() <= reply.items()
    assert reply["transfer"]["id"] == "t1"
    [order] = office.given(StartTransfer)
    assert (order.agent, order.reason, order.note) == ("anna", "Refund", "两行\n文字")


@pytest.mark.parametrize("verb", list(Verb))
async def test_every_verb_is_an_order_of_the_agent_who_is_named(office: Office, verb: Verb) -> None:
    await office.say({"order": "o", "agent": "anna", "do": verb.value, "transfer": "t1"})
    assert (await office.reply("o"))["outcome"] == "done"
    [order] = office.given(MoveTransfer)
    assert (order.agent, order.transfer, order.verb) == ("anna", "t1", verb)


async def test_notes_acknowledgements_repeats_and_the_end_of_a_wrap_up(office: Office) -> None:
    liwei = {"agent": "liwei"}
    await office.say({"order": "a", **liwei, "do": "annotate", "transfer": "t1", "note": "x"})
    await office.say({"order": "b", **liwei, "do": "acknowledge", "transfer": "t1"})
    await office.say({"order": "c", **liwei, "do": "repeated", "call": "pbx1:7"})
    await office.say({"order": "d", **liwei, "do": "ready"})
    for name in "abcd":
        assert (await office.reply(name))["outcome"] == "done"
    assert [order.note for order in office.given(AnnotateTransfer)] == ["x"]
    assert [order.agent for order in office.given(AcknowledgeHandover)] == ["liwei"]
    assert [order.call for order in office.given(ReportRepeat)] == ["pbx1:7"]
    assert [order.agent for order in office.given(EndWrapUp)] == ["liwei"]


async def test_who_wants_to_be_called_back_is_told_and_comes_off_the_list(office: Office) -> None:
    await office.say({"order": "a", "agent": "anna", "do": "callbacks"})
    listed = await office.reply("a")
    assert (listed["outcome"], listed["callbacks"]) == ("done", [{**WISH, "agent": "anna"}])
    office.answer = lambda order: Reply(order=order.order, agent=order.agent, outcome="done", body=WISH)
    await office.say({"order": "b", "agent": "anna", "do": "called_back", "callback": "t1"})
    ended = await office.reply("b")
    assert (ended["outcome"], ended["callback"], ended["transfer"]) == ("done", WISH, None)
    assert [(order.agent, order.callback) for order in office.given(EndCallback)] == [("anna", "t1")]
    office.answer = refused("no_such_callback", "somebody else has done it")
    await office.say({"order": "c", "agent": "anna", "do": "called_back", "callback": "t1"})
    assert (await office.reply("c"))["code"] == "no_such_callback"
    await office.say({"order": "d", "agent": "nobody", "do": "callbacks"})
    assert (await office.reply("d"))["code"] == "not_yours"


async def test_a_refusal_and_what_nobody_knows_are_told_as_they_are(office: Office) -> None:
    office.answer = refused("target_busy", "Li Wei is talking")
    await office.say({**TO_LIWEI, "order": "o-1"})
    reply = await office.reply("o-1")
    assert (reply["outcome"], reply["code"], reply["text"]) == ("refused", "target_busy", "Li Wei is talking")
    assert reply["transfer"] is None
    office.answer = lambda order: Reply(order=order.order, agent=None, outcome="unknown", text="lost")
    await office.say({**TO_LIWEI, "order": "o-2"})
    assert (await office.reply("o-2"))["outcome"] == "unknown"
    assert (office.counted("refused"), office.counted("unknown")) == (1, 1)


async def test_a_command_that_comes_twice_is_carried_out_once_and_answered_twice(office: Office) -> None:
    await office.say({**TO_LIWEI, "order": "o-1"})
    first = await office.reply("o-1")
    await office.say({**TO_LIWEI, "order": "o-1"})
    second = await office.reply("o-1", 2)
    assert first == second
    assert len(office.given(StartTransfer)) == 1
    assert office.counted("repeated") >= 1
    await office.say({**TO_LIWEI, "order": "o-1", "reason": "another one"})
    assert (await office.reply("o-1", 3))["code"] == "order_reused"
    assert len(office.given(StartTransfer)) == 1


async def test_a_command_that_comes_again_while_it_is_under_way_has_one_reply(office: Office) -> None:
    office.held = asyncio.Event()
    for _ in range(2):
        await office.say({**TO_LIWEI, "order": "o-1"})
    await office.say({"order": "last", "agent": "anna", "do": "ready"})
    await until(lambda: office.given(EndWrapUp))  # so the two before it were heard as well
    office.held.set()
    await office.reply("o-1")
    await office.reply("last")
    assert len(office.listener.bodies("pbxd/reply/o-1")) == 1
    assert len(office.given(StartTransfer)) == 1


@pytest.mark.parametrize("agent", ["maria", "nobody", "ANNA"])
async def test_for_other_agents_nothing_is_done(office: Office, agent: str) -> None:
    await office.say({**TO_LIWEI, "order": "o-1", "agent": agent})
    reply = await office.reply("o-1")
    assert (reply["outcome"], reply["code"]) == ("refused", "not_yours")
    assert agent in reply["text"]
    assert office.counted("forbidden") == 1
    assert not office.orders


@pytest.mark.parametrize(
    ("payload", "order", "place"),
    [
        (b"", "unreadable", "JSON"),
        (b"\xff\xfe", "unreadable", "JSON"),
        (b"{", "unreadable", "JSON"),
        (b"[" * 5000, "unreadable", "JSON"),
        (b"[]", "unreadable", "object"),
        (b"null", "unreadable", "object"),
        ({"do": "start"}, "unreadable", "order"),
        ({**TO_LIWEI, "order": "a/b"}, "unreadable", "order"),
        ({**TO_LIWEI, "order": "#"}, "unreadable", "order"),
        ({**TO_LIWEI, "order": 7}, "unreadable", "order"),
        ({"order": "o-1", "agent": "anna", "do": "explode"}, "o-1", "do"),
        ({"order": "o-1", "agent": "anna"}, "o-1", "do"),
        ({"order": "o-1", "agent": "anna", "do": "cancel"}, "o-1", "transfer"),
        ({"order": "o-1", "agent": "anna", "do": "cancel", "transfer": "a b"}, "o-1", "transfer"),
        ({"order": "o-1", "do": "cancel", "transfer": "t1"}, "o-1", "agent"),
        ({**TO_LIWEI, "order": "o-1", "targets": []}, "o-1", "targets"),
        ({**TO_LIWEI, "order": "o-1", "hurry": True}, "o-1", "hurry"),
        ({**TO_LIWEI, "order": "o-1", "note": "x" * 20_000}, "o-1", "too many"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_place_and_counted(
    office: Office, payload: Any, order: str, place: str
) -> None:
    await office.say(payload)
    name = order if not (isinstance(payload, dict) and "x" * 20_000 in str(payload)) else "unreadable"
    reply = await office.reply(name)
    assert reply["outcome"] == "refused"
    assert reply["code"] in ("invalid", "too_long")
    assert place in reply["text"]
    assert office.counted("unreadable") == 1
    assert not office.orders
    assert office.mqtt.connected


async def test_a_retained_command_is_not_carried_out_again_at_the_next_connection(office: Office) -> None:
    await office.say({**TO_LIWEI, "order": "kept"}, retain=True)
    assert (await office.reply("kept"))["outcome"] == "done"  # who listens already gets it as any other
    await office.mqtt.close(5)
    async with office.open():
        reply = await office.reply("kept", 2)
    assert (reply["outcome"], reply["code"]) == ("refused", "retained")
    assert len(office.given(StartTransfer)) == 1


async def test_too_many_at_once_are_refused_and_the_others_are_answered(office: Office) -> None:
    office.held = asyncio.Event()
    for number in range(64):
        await office.say({**TO_LIWEI, "order": f"o-{number}"})
    await until(lambda: len(office.given(StartTransfer)) == 64)
    await office.say({**TO_LIWEI, "order": "one-more"})
    assert (await office.reply("one-more"))["code"] == "too_many"
    office.held.set()
    for number in range(64):
        assert (await office.reply(f"o-{number}"))["outcome"] == "done"


async def test_commands_are_taken_again_after_the_broker_was_away(office: Office) -> None:
    await asyncio.to_thread(office.broker.stop)
    await until(lambda: not office.mqtt.connected)
    await office.listener.end()
    await asyncio.to_thread(office.broker.start)
    office.listener = Listener(office.broker)
    await office.listener.start()
    await until(lambda: office.mqtt.connected)
    while not office.listener.bodies("pbxd/reply/back"):
        await office.say({"order": "back", "agent": "anna", "do": "ready"})
    assert (await office.reply("back"))["outcome"] == "done"
    assert len(office.given(EndWrapUp)) == 1


async def test_a_connection_that_is_lost_while_a_reply_is_sent_holds_up_nothing(office: Office) -> None:
    """paho has a lock of its own, which is not to be waited for by who holds it."""
    replied: list[asyncio.Future[str | None] | MqttError] = []
    waited_in_vain: list[int] = []

    def heard(payload: bytes, retained: bool) -> None:
        broker._client.socket().shutdown(socket.SHUT_RDWR)
        try:
            replied.append(broker.send("pbxd/reply", payload, retain=False))
        except MqttError as error:
            replied.append(error)

    def stuck(number: int, frame: object) -> None:
        waited_in_vain.append(number)
        raise AssertionError("everything waits for a lock that nobody else will give back")

    before = signal.signal(signal.SIGALRM, stuck)
    signal.alarm(30)  # nothing that waits in the loop would ever notice
    try:
        broker = Broker(
            *("127.0.0.1", office.broker.port),
            client_id="other",
            username=None,
            password=None,
            tls=None,
            protocol=ProtocolVersion.V5,
            timeout_s=30,
            keepalive_s=30,
            will=aiomqtt.Will("pbxd/gone", b"", qos=1, retain=False),
        )
        with contextlib.suppress(MqttError):
            async with broker:
                assert await broker.listen("pbxd/other", heard) is None
                async with aiomqtt.Client("127.0.0.1", office.broker.port) as client:
                    await client.publish("pbxd/other", "hello", qos=1)
                await until(lambda: broker.lost)
        assert len(replied) == 1
        assert not waited_in_vain
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
