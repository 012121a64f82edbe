"""MQTT through a real Mosquitto that is stopped, killed, frozen, restarted and made to refuse."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from pbxd.edge.mqtt import Mqtt
from pbxd.edge.mqtt.publisher import STRIKES
from pbxd.edge.store import Store
from pbxd.effects import Publish
from pbxd.settings.connections import Mqtt as Settings
from tests.integration.broker_listener import Listener
from tests.integration.gate import Gate
from tests.integration.mosquitto_broker import MosquittoBroker
from tests.integration.patience import until
from tests.integration.store_samples import T0, Counts, sqlite_settings

pytestmark = pytest.mark.mosquitto

DELIVERED = "pbxd_mqtt_messages_total,result=delivered"


class Bench:
    """A broker behind a gate, a listener at it, a store, and as many Mqtts as the test starts."""

    def __init__(self, broker: MosquittoBroker, gate: Gate, store: Store) -> None:
        self.broker, self.gate, self.store = broker, gate, store
        self.counts = Counts()
        self.listener = Listener(broker)
        self.now = T0
        self._running: list[tuple[Mqtt, asyncio.Task[None]]] = []

    def start_mqtt(self, **changed: Any) -> Mqtt:
        settings = Settings.model_validate(
            {
                "url": f"mqtt://127.0.0.1:{self.gate.port}",
                "retry_most": 0.3,
                "publish_timeout": 30.0,
                **changed,
            }
        )
        mqtt = Mqtt(settings, self.store.outbox, self.counts, clock=lambda: self.now)
        self._running.append((mqtt, asyncio.create_task(mqtt.run())))
        return mqtt

    async def start_broker(self) -> None:
        """… with a listener at it before anything of ours can pass."""
        self.gate.shut()
        await asyncio.to_thread(self.broker.start)
        await self.listener.start()
        self.gate.open()

    async def stop_broker(self, how: signal.Signals = signal.SIGTERM) -> None:
        await asyncio.to_thread(self.broker.stop, how)
        await self.listener.end()

    async def close(self) -> None:
        for mqtt, task in self._running:
            await mqtt.close(5)
            await asyncio.wait([task])
        await self.listener.stop()


@pytest.fixture
async def bench(mosquitto: MosquittoBroker, tmp_path: Path) -> AsyncIterator[Bench]:
    store = await Store.open(sqlite_settings(tmp_path), Counts())
    async with Gate(mosquitto.port) as gate:
        made = Bench(mosquitto, gate, store)
        yield made
        await made.close()
    await store.close()


def pop(number: int, **more: Any) -> Publish:
    return Publish(topic="pbx1/agent/anna/screenpop", body={"n": number, **more})


async def settled(mqtt: Mqtt) -> None:
    await until(lambda: mqtt.connected and not mqtt.waiting, lambda: (mqtt.connected, mqtt.waiting))


async def emptied(bench: Bench) -> None:
    """What was delivered leaves the outbox in a moment, several messages at a time."""

    async def empty() -> bool:
        return await bench.store.outbox.waiting() == 0

    await until(empty)


# ---------------------------------------------------------------- the broker is there


async def test_a_message_arrives_once_with_qos_1_at_its_topic(bench: Bench) -> None:
    await bench.start_broker()
    mqtt = bench.start_mqtt()
    await until(lambda: mqtt.connected)
    mqtt.publish(pop(1, name="张三"))
    await settled(mqtt)
    await until(lambda: bench.listener.numbers())
    (message,) = [m for m in bench.listener.messages if "screenpop" in str(m.topic)]
    assert str(message.topic) == "pbxd/pbx1/agent/anna/screenpop"
    assert json.loads(message.payload) == {"n": 1, "name": "张三"}
    assert (message.qos, message.retain) == (1, False)
    assert bench.counts[DELIVERED] == 1
    await emptied(bench)


async def test_who_is_there_is_told_and_untold(bench: Bench) -> None:
    await bench.start_broker()
    mqtt = bench.start_mqtt(client_id="pbxd-7", prefix="calls/centre")
    topic = "calls/centre/pbxd-7/online"
    await until(lambda: bench.listener.bodies(topic) == [{"version": 1, "online": True}])
    await mqtt.close()
    await until(lambda: bench.listener.bodies(topic)[-1]["online"] is False)


async def test_the_broker_tells_when_we_are_gone_without_a_word(bench: Bench) -> None:
    await bench.start_broker()
    mqtt = bench.start_mqtt(retry_most=30.0)
    await until(lambda: mqtt.connected)
    bench.gate.shut()
    await until(lambda: bench.listener.bodies("pbxd/pbxd/online")[-1:] == [{"version": 1, "online": False}])


async def test_many_messages_arrive_in_order(bench: Bench) -> None:
    await bench.start_broker()
    mqtt = bench.start_mqtt()
    for number in range(3000):
        mqtt.publish(pop(number))
    await settled(mqtt)
    await until(lambda: len(bench.listener.numbers()) == 3000)
    assert bench.listener.numbers() == list(range(3000))


async def test_small_messages_are_not_held_back(bench: Bench) -> None:
    """paho leaves Nagle's algorithm on; a message right after another would wait for an acknowledgement."""

    def no_delay(client: aiomqtt.Client) -> int:
        sock = client._client.socket()
        assert sock is not None
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    await bench.start_broker()
    mqtt = bench.start_mqtt()
    await until(lambda: mqtt.connected)
    assert mqtt._window is not None
    assert no_delay(mqtt._window._broker) != 0
    async with aiomqtt.Client("127.0.0.1", bench.broker.port) as bare:
        assert no_delay(bare) == 0


# ---------------------------------------------------------------- it is not


async def test_what_is_published_while_the_broker_is_down_arrives_in_order_when_it_comes(
    bench: Bench,
) -> None:
    mqtt = bench.start_mqtt()
    for number in range(500):
        mqtt.publish(pop(number))
    await until(lambda: not mqtt._shelf.fresh)
    assert await bench.store.outbox.waiting() == 500
    for number in range(500, 700):
        mqtt.publish(pop(number))
    await bench.start_broker()
    await settled(mqtt)
    await until(lambda: len(bench.listener.numbers()) == 700)
    assert bench.listener.numbers() == list(range(700))
    await emptied(bench)


async def test_a_restart_of_pbxd_while_the_broker_is_down_loses_nothing(bench: Bench) -> None:
    first = bench.start_mqtt()
    for number in range(50):
        first.publish(pop(number))
    await first.close()
    second = bench.start_mqtt()
    second.publish(pop(50))
    await bench.start_broker()
    await settled(second)
    await until(lambda: len(bench.listener.numbers()) == 51)
    assert bench.listener.numbers() == list(range(51))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_broker_that_is_stopped_again_and_again_gets_everything(
    bench: Bench, how: signal.Signals
) -> None:
    # With QoS 1 it would owe the dying broker acknowledgements, and the reset they earn empties its buffer.
    bench.listener.qos = 0
    mqtt = bench.start_mqtt()
    number = 0
    # Once more, and a message that none of these brokers lived to acknowledge would be refused as the cause.
    for _ in range(STRIKES):
        await bench.start_broker()
        await until(lambda: mqtt.connected)
        for _ in range(150):
            mqtt.publish(pop(number))
            number += 1
            if number % 20 == 0:
                await asyncio.sleep(0)
        await bench.stop_broker(how)
    await bench.start_broker()
    await settled(mqtt)
    await until(
        lambda: set(bench.listener.numbers()) == set(range(number)),
        lambda: set(range(number)) - set(bench.listener.numbers()),
    )
    assert bench.listener.numbers() == list(range(number))


async def test_a_connection_cut_at_any_moment_loses_nothing_and_keeps_the_order(bench: Bench) -> None:
    await bench.start_broker()
    mqtt = bench.start_mqtt(retry_most=0.05)
    chance = random.Random(7)
    number = 0
    for _ in range(25):
        await until(lambda: mqtt.connected)
        for _ in range(chance.randrange(60)):
            mqtt.publish(pop(number))
            number += 1
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
        bench.gate.slam()
    await settled(mqtt)
    await until(lambda: len(bench.listener.numbers()) == number)
    assert bench.listener.numbers() == list(range(number))


async def test_a_broker_that_stands_still_is_left_and_gets_everything_later(bench: Bench) -> None:
    await bench.start_broker()
    mqtt = bench.start_mqtt(publish_timeout=0.3, connect_timeout=0.5)
    await until(lambda: mqtt.connected)
    bench.broker.freeze()
    for number in range(40):
        mqtt.publish(pop(number))
    await until(lambda: not mqtt.connected)
    for number in range(40, 60):
        mqtt.publish(pop(number))
    await until(lambda: not mqtt._shelf.fresh)
    bench.broker.thaw()
    await settled(mqtt)
    await until(lambda: len(bench.listener.numbers()) == 60)
    assert sorted(bench.listener.numbers()) == list(range(60))


async def test_aiomqtt_alone_waits_for_an_acknowledgement_that_cannot_come_any_more(bench: Bench) -> None:
    """Why a message under way is a future of ours that fails with the connection."""
    await bench.start_broker()
    async with aiomqtt.Client("127.0.0.1", bench.gate.port, timeout=60) as bare:
        bench.broker.freeze()
        waiting = asyncio.create_task(bare.publish("x", b"y", qos=1))
        await asyncio.sleep(0)
        bench.gate.slam()
        await until(lambda: bare._disconnected.done())
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        waiting.cancel()
        bare._disconnected.exception()
        bench.broker.thaw()


# ---------------------------------------------------------------- states


async def test_states_are_retained_and_only_the_newest_is_told_after_an_outage(bench: Bench) -> None:
    mqtt = bench.start_mqtt()
    for number in range(100):
        mqtt.publish(Publish(topic="pbx1/queue/billing", body={"waiting": number}, retain=True))
    mqtt.publish(Publish(topic="pbx1/queue/tech", body={"waiting": 3}, retain=True))
    await bench.start_broker()
    await settled(mqtt)
    await until(lambda: bench.listener.bodies("pbxd/pbx1/queue/tech"))
    assert bench.listener.bodies("pbxd/pbx1/queue/billing") == [{"waiting": 99}]
    late = Listener(bench.broker)
    await late.start()
    await until(lambda: late.bodies("pbxd/pbx1/queue/billing") == [{"waiting": 99}])
    assert all(message.retain for message in late.messages)
    await late.stop()


async def test_a_broker_that_has_forgotten_its_states_is_told_again(bench: Bench) -> None:
    await bench.start_broker()
    mqtt = bench.start_mqtt()
    mqtt.publish(Publish(topic="pbx1/queue/billing", body={"waiting": 1}, retain=True))
    await settled(mqtt)
    await until(lambda: bench.listener.bodies("pbxd/pbx1/queue/billing"))
    await bench.stop_broker(signal.SIGKILL)
    bench.listener.messages.clear()
    await bench.start_broker()
    await until(lambda: bench.listener.bodies("pbxd/pbx1/queue/billing") == [{"waiting": 1}])


# ---------------------------------------------------------------- bounds


async def test_when_the_outbox_is_full_the_oldest_moments_go_and_no_record(bench: Bench) -> None:
    mqtt = bench.start_mqtt(outbox_size=50)
    for number in range(100):
        mqtt.publish(pop(number))
        if number % 10 == 0:
            mqtt.publish(Publish(topic="pbx1/contact", body={"n": number}, record=True))
    await until(
        lambda: not mqtt._shelf.fresh and bench.counts["pbxd_mqtt_messages_total,result=no_room"] == 60
    )
    await bench.start_broker()
    await settled(mqtt)
    await until(lambda: len(bench.listener.numbers()) == 40)
    assert bench.listener.numbers() == list(range(60, 100))
    assert bench.listener.numbers("pbxd/pbx1/contact") == list(range(0, 100, 10))


async def test_moments_that_are_too_old_are_not_sent_and_records_are(bench: Bench) -> None:
    mqtt = bench.start_mqtt(outbox_age="10m")
    mqtt.publish(pop(1))
    mqtt.publish(Publish(topic="pbx1/contact", body={"n": 1}, record=True))
    await until(lambda: not mqtt._shelf.fresh)
    bench.now += 601
    mqtt.publish(pop(2))
    await bench.start_broker()
    await settled(mqtt)
    await until(lambda: bench.listener.numbers())
    assert bench.listener.numbers() == [2]
    assert bench.listener.numbers("pbxd/pbx1/contact") == [1]
    assert bench.counts["pbxd_mqtt_messages_total,result=too_old"] == 1


def take_away(store: Store) -> None:
    async def away(*_: Any) -> Any:
        raise OSError("the store is away")

    for method in ("put", "oldest", "sent", "waiting", "drop_oldest_moments"):
        setattr(store.outbox, method, away)


async def test_with_broker_and_store_away_memory_holds_what_the_outbox_would(bench: Bench) -> None:
    take_away(bench.store)
    mqtt = bench.start_mqtt(outbox_size=30)
    for number in range(40):
        mqtt.publish(pop(number))
    assert mqtt.waiting == 30
    await until(lambda: bench.counts["pbxd_mqtt_faults_total,reason=outbox"])
    assert bench.counts["pbxd_mqtt_messages_total,result=no_room"] == 10
    await bench.start_broker()
    await until(lambda: len(bench.listener.numbers()) == 30)
    assert bench.listener.numbers() == list(range(10, 40))


async def test_without_the_store_a_pop_still_arrives(bench: Bench) -> None:
    take_away(bench.store)
    await bench.start_broker()
    mqtt = bench.start_mqtt()
    mqtt.publish(pop(1))
    await until(lambda: bench.listener.numbers() == [1])


# ---------------------------------------------------------------- what cannot be sent


@pytest.mark.parametrize(
    "bad",
    [
        Publish(topic="pbx1/agent/+/screenpop", body={}),
        Publish(topic="pbx1/#", body={}),
        Publish(topic="pbx1//x", body={}),
        Publish(topic="pbx1/line\nbreak", body={}),
        Publish(topic="x" * 70_000, body={}),
        Publish(topic="x", body={"time": float("nan")}),
        Publish(topic="x", body={"thing": object()}),
        Publish(topic="x", body={"long": "x" * 2_000_000}),
    ],
    ids=["plus", "hash", "empty_level", "control", "long_topic", "nan", "object", "long_body"],
)
async def test_a_message_that_can_never_be_sent_is_counted_and_blocks_nothing(
    bench: Bench, bad: Publish
) -> None:
    await bench.start_broker()
    mqtt = bench.start_mqtt()
    mqtt.publish(pop(1))
    mqtt.publish(bad)
    mqtt.publish(pop(2))
    await settled(mqtt)
    await until(lambda: bench.listener.numbers() == [1, 2])
    assert bench.counts["pbxd_mqtt_messages_total,result=unsendable"] == 1


@pytest.mark.parametrize("waits", [False, True], ids=["fresh", "from_the_outbox"])
async def test_a_message_that_makes_the_broker_hang_up_is_found_and_set_aside(
    bench: Bench, waits: bool
) -> None:
    bench.broker.configure("max_packet_size 2000")
    if not waits:
        await bench.start_broker()
    mqtt = bench.start_mqtt(retry_most=0.05)
    if not waits:
        await until(lambda: mqtt.connected)
    for number in range(10):
        mqtt.publish(pop(number))
    mqtt.publish(pop(99, long="x" * 5000))
    for number in range(10, 20):
        mqtt.publish(pop(number))
    if waits:
        await until(lambda: not mqtt._shelf.fresh)
        await bench.start_broker()
    await until(lambda: len(bench.listener.numbers()) == 20)
    assert bench.listener.numbers() == list(range(20))
    await until(lambda: bench.counts["pbxd_mqtt_messages_total,result=refused"] == 1)
    ((topic, why),) = await bench.store.outbox.refused()
    assert topic == "pbx1/agent/anna/screenpop"
    assert "the broker closed" in why
    await settled(mqtt)
    await emptied(bench)


async def test_what_the_broker_refuses_is_told_and_set_aside(bench: Bench) -> None:
    acl = bench.broker.folder / "acl"
    acl.write_text("topic readwrite pbxd/pbxd/#\ntopic readwrite pbxd/pbx1/agent/#\ntopic read #\n")
    bench.broker.configure(f"acl_file {acl}")
    await bench.start_broker()
    mqtt = bench.start_mqtt()
    mqtt.publish(pop(1))
    mqtt.publish(Publish(topic="secret", body={"n": 1}, record=True))
    mqtt.publish(pop(2))
    await settled(mqtt)
    await until(lambda: bench.listener.numbers() == [1, 2])
    assert bench.counts["pbxd_mqtt_messages_total,result=refused"] == 1
    assert await bench.store.outbox.refused() == [("secret", "Not authorized")]


HOSTILE = ["A\r\nB\0", "${SHELL(id)}", "'\"<b>&", "x" * 10_000, "\udce5\udcbc", "\u202egpj"]


async def test_a_hostile_name_travels_as_text_and_nothing_else(bench: Bench) -> None:
    """Also when whoever made the body has not cleaned it."""
    mqtt = bench.start_mqtt()
    for number, name in enumerate(HOSTILE):
        mqtt.publish(pop(number, name=name))
    await until(lambda: not mqtt._shelf.fresh)
    await bench.start_broker()
    for number, name in enumerate(HOSTILE):
        mqtt.publish(pop(number + 10, name=name))
    await settled(mqtt)
    await until(lambda: len(bench.listener.numbers()) == 2 * len(HOSTILE))
    names = {body["n"]: body["name"] for body in bench.listener.bodies("pbxd/pbx1/agent/anna/screenpop")}
    for number, name in enumerate(HOSTILE):
        assert names[number] == names[number + 10] == name
    assert {str(m.topic) for m in bench.listener.messages} == {
        "pbxd/pbxd/online",
        "pbxd/pbx1/agent/anna/screenpop",
    }
    assert all(b"\n" not in message.payload for message in bench.listener.messages)


# ---------------------------------------------------------------- who we are


async def test_a_wrong_password_is_told_and_nothing_is_lost(bench: Bench, capsys: Any) -> None:
    passwords = bench.broker.folder / "passwords"

    def set_password(password: str) -> None:
        passwords.unlink(missing_ok=True)  # -c of Mosquitto 2.1.2 does not write over it
        program = bench.broker.password_program()
        subprocess.run(
            [*program.argv, "-b", "-c", passwords, "pbxd", password], env=program.environment, check=True
        )

    set_password("another")
    bench.broker.configure("allow_anonymous false", f"password_file {passwords}")
    bench.broker.start()
    mqtt = bench.start_mqtt(username="pbxd", password="s3cret")
    mqtt.publish(pop(1))
    await until(lambda: bench.counts["pbxd_mqtt_faults_total,reason=refused"] >= 2)
    bench.broker.stop()
    set_password("s3cret")
    bench.listener = Listener(bench.broker, username="pbxd", password="s3cret", identifier="listener")
    await bench.start_broker()
    await until(lambda: bench.listener.numbers() == [1])
    out = capsys.readouterr().out
    assert "Not authorized" in out or "not authori" in out.lower()
    assert "s3cret" not in out


async def test_tls_with_a_ca_file(bench: Bench, tmp_path: Path) -> None:
    make_certificate(tmp_path)
    bench.broker.configure(f"certfile {tmp_path}/cert.pem", f"keyfile {tmp_path}/key.pem")
    bench.broker.start()
    bench.listener = Listener(
        bench.broker, tls_params=aiomqtt.TLSParameters(ca_certs=str(tmp_path / "cert.pem"))
    )
    await bench.listener.start()
    mqtt = bench.start_mqtt(url=f"mqtts://127.0.0.1:{bench.gate.port}", ca_file=tmp_path / "cert.pem")
    mqtt.publish(pop(1))
    await until(lambda: bench.listener.numbers() == [1])


async def test_a_broker_whose_certificate_nobody_vouches_for_gets_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    make_certificate(tmp_path)
    bench.broker.configure(f"certfile {tmp_path}/cert.pem", f"keyfile {tmp_path}/key.pem")
    bench.broker.start()
    mqtt = bench.start_mqtt(url=f"mqtts://127.0.0.1:{bench.gate.port}")
    mqtt.publish(pop(1))
    await until(lambda: bench.counts["pbxd_mqtt_faults_total,reason=connection"] >= 2)
    assert not mqtt.connected
    assert "pbxd/pbx1" not in bench.broker.log


def test_a_ca_file_that_is_none_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    settings = Settings(url="mqtts://localhost", ca_file=tmp_path / "ca.pem")
    with pytest.raises(ValueError, match=r"mqtt\.ca_file"):
        Mqtt(settings, None, Counts())  # type: ignore[arg-type]


def make_certificate(folder: Path) -> None:
    try:
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    (folder / "key.pem").chmod(0o644)


async def test_a_broker_that_speaks_only_the_older_protocol_is_served_too(tmp_path: Path) -> None:
    """A peer of MQTT 3.1.1 as its standard asks for: another version is answered with 1, and hung up on."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connect = await reader.read(4096)
        level = connect[connect.index(b"MQTT") + 4]
        writer.write(b"\x20\x02\x00" + (b"\x00" if level == 4 else b"\x01"))
        while level == 4 and (packet := await reader.read(4096)):
            kind = packet[0] >> 4
            if kind == 3:
                topic = 2 + int.from_bytes(packet[2:4], "big") + 2
                got.append(packet[topic + 2 :] if packet[1] < 128 else packet)
                writer.write(b"\x40\x02" + packet[topic : topic + 2])
        writer.close()

    store = await Store.open(sqlite_settings(tmp_path), Counts())
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = Settings(url=f"mqtt://127.0.0.1:{port}", retry_most=0.1, connect_timeout=0.5)
        mqtt = Mqtt(settings, store.outbox, Counts())
        task = asyncio.create_task(mqtt.run())
        mqtt.publish(pop(1))
        await until(lambda: b'{"n":1}' in got, lambda: got)
        await mqtt.close()
        await task
    await store.close()
