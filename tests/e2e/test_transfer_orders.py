"""A caller is handed over by command line and by broker: a real pbxd, a real Asterisk, real phones."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiomqtt
import pytest
import pytest_asyncio

from deploy.lab.centre import Centre
from deploy.lab.phones import Phone, Phones
from deploy.lab.tools import FORKY
from pbxd.transfers.handover import schema
from tests.integration.broker_listener import Listener
from tests.integration.mosquitto_broker import MosquittoBroker

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.asyncio(loop_scope="module")]

CALLER = "02011111111"
QUEUE = "q501"
TOKEN = "a-token-for-the-end-to-end-test"


@pytest.fixture(scope="module")
def suite() -> str:
    """One Asterisk is enough: what differs between versions is tested below the interfaces."""
    return FORKY


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_centre(
    suite: str, broker: MosquittoBroker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Centre]:
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text(TOKEN)
    more = {
        "wrap_up": {"default": "0s", "declined_pause": "0s"},
        "web": {"tokens": [{"name": "boss", "token_file": str(token), "agents": "all"}]},
        "mqtt": {"url": broker.url, "command_agents": ["anna"]},
    }
    async with Centre(suite, more=more) as centre:
        yield centre


@pytest_asyncio.fixture(loop_scope="module")
async def listener(broker: MosquittoBroker, centre: Centre) -> AsyncIterator[Listener]:
    """Another program at the broker, from before the call on."""
    listener = Listener(broker)
    await listener.start()
    yield listener
    await listener.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def talking(
    centre: Centre, all_phones: Phones, listener: Listener
) -> AsyncIterator[tuple[Phone, Phone, Phone]]:
    her = await all_phones.agent(centre.switch, "1001", name="anna")
    his = await all_phones.agent(centre.switch, "1002", name="bruno")
    caller = await all_phones.caller(centre.switch, CALLER, trunk="trunk-queue", label="caller")
    await caller.dial(QUEUE[1:])
    await her.answer()
    await all_phones.hear_each_other(her, caller)
    yield her, his, caller


async def pbxd(centre: Centre, *arguments: str) -> tuple[int, str]:
    """``pbxd transfer …`` as an operator types it: exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pbxd.cli", "transfer", *arguments, "--url", centre.url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PBXD_TOKEN": TOKEN},
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, said.decode()


async def command(broker: MosquittoBroker, centre: Centre, listener: Listener, **said: Any) -> dict[str, Any]:
    """Give an order by the broker and wait for its reply."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish("pbxd/command/transfer", json.dumps(said), qos=1)
    topic = f"pbxd/reply/{said['order']}"
    await centre.until(lambda: listener.bodies(topic), f"a reply to {said['order']}")
    reply: dict[str, Any] = listener.bodies(topic)[-1]
    return reply


def events(listener: Listener, transfer: str) -> list[str]:
    """What was published of a transfer, in order."""
    topics = [str(message.topic) for message in listener.messages]
    return [topic.rpartition("/")[2] for topic in topics if f"/transfer/{transfer}/" in topic]


async def happened(centre: Centre, listener: Listener, transfer: str, *expected: str) -> None:
    """It has ended, and these events were published before that, no others."""
    await centre.until(lambda: "ended" in events(listener, transfer), "the event of the end")
    assert events(listener, transfer) == [*expected, "ended"]


async def test_by_the_command_line_from_the_first_order_to_the_last(
    centre: Centre, all_phones: Phones, talking: tuple[Phone, Phone, Phone], listener: Listener
) -> None:
    her, his, caller = talking
    assert "agent:bruno" in (await pbxd(centre, "targets", "--agent", "anna"))[1]
    code, said = await pbxd(centre, "start", "--agent", "anna", "--to", "agent:bruno", "--reason", "Refund")
    assert code == 0, said
    transfer = said.split()[0]
    await his.rings()
    # The document was there before the phone rang.
    [document, *_] = listener.bodies("pbxd/lab/agent/bruno/handover")
    assert (document["transfer"], document["reason"]) == (transfer, "Refund")
    assert set(schema()["required"]) <= set(document)
    assert (await pbxd(centre, "start", "--agent", "anna", "--to", "agent:carla"))[0] == 1
    await his.answer()
    await all_phones.hear_each_other(her, his)
    code, said = await pbxd(centre, "list")
    assert code == 0
    assert transfer in said
    assert "talking" in said
    assert (await pbxd(centre, "swap", transfer))[0] == 0
    await all_phones.hear_each_other(her, caller)
    assert (await pbxd(centre, "complete", transfer))[0] == 0
    await all_phones.hear_each_other(his, caller)
    await her.on_hook()
    code, said = await pbxd(centre, "complete", "no-such-transfer")
    assert (code, said) == (1, "no_such_transfer: there is no such transfer of yours\n")
    await happened(centre, listener, transfer, "created", "ringing", "answered", "swapped", "completed")


async def test_the_other_orders_of_the_command_line(
    centre: Centre, all_phones: Phones, talking: tuple[Phone, Phone, Phone], listener: Listener
) -> None:
    """Back to the queue, which rings Anna again; taken back; the three together, without Anna in the end."""
    her, his, caller = talking

    async def start() -> str:
        code, said = await pbxd(centre, "start", "--agent", "anna", "--to", "agent:bruno")
        assert code == 0, said
        await his.rings()
        return said.split()[0]

    async def do(verb: str, transfer: str) -> None:
        code, said = await pbxd(centre, verb, transfer)
        assert code == 0, said

    line = her.line
    transfer = await start()
    await do("requeue", transfer)
    await his.on_hook()
    await her.on_hook(line)  # it may ring again by then
    await her.answer()
    await all_phones.hear_each_other(her, caller)
    await happened(centre, listener, transfer, "created", "ringing", "requeued")
    transfer = await start()
    await do("cancel", transfer)
    await his.on_hook()
    await all_phones.hear_each_other(her, caller)
    await happened(centre, listener, transfer, "created", "ringing", "cancelled")
    transfer = await start()
    await his.answer()
    await all_phones.hear_each_other(her, his)
    await do("merge", transfer)
    await all_phones.hear_each_other(her, his, caller)
    await do("leave", transfer)
    await her.on_hook()
    await all_phones.hear_each_other(his, caller)
    await happened(centre, listener, transfer, "created", "ringing", "answered", "merged", "completed")


async def test_by_the_broker_and_only_for_whom_it_is_released(
    centre: Centre,
    all_phones: Phones,
    talking: tuple[Phone, Phone, Phone],
    listener: Listener,
    broker: MosquittoBroker,
) -> None:
    her, his, caller = talking
    once = uuid4().hex  # an order of a name that was used before is answered, and not carried out
    start = {"do": "start", "targets": [{"kind": "agent", "id": "bruno"}]}
    refused = await command(broker, centre, listener, order=f"{once}-0", agent="bruno", **start)
    assert refused["code"] == "not_yours"
    started = await command(broker, centre, listener, order=f"{once}-1", agent="anna", **start)
    assert started["outcome"] == "done", started
    transfer = started["transfer"]["id"]
    again = await command(broker, centre, listener, order=f"{once}-1", agent="anna", **start)
    assert again["transfer"]["id"] == transfer
    await his.answer()
    await all_phones.hear_each_other(her, his)
    noted = {"do": "annotate", "transfer": transfer, "note": "Paid twice"}
    assert (await command(broker, centre, listener, order=f"{once}-2", agent="anna", **noted))[
        "outcome"
    ] == "done"
    topic = "pbxd/lab/agent/bruno/handover"
    await centre.until(lambda: listener.bodies(topic)[-1]["note"] == "Paid twice", "the note at the target's")
    cancel = {"do": "cancel", "transfer": transfer}
    assert (await command(broker, centre, listener, order=f"{once}-3", agent="anna", **cancel))[
        "outcome"
    ] == "done"
    await all_phones.hear_each_other(her, caller)
    await his.on_hook()
    await happened(centre, listener, transfer, "created", "ringing", "answered", "cancelled")
