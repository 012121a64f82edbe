"""Another program at the broker, for the tests of what pbxd publishes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import aiomqtt

from tests.integration.mosquitto_broker import MosquittoBroker


class Listener:
    """Keeps everything it gets."""

    def __init__(self, broker: MosquittoBroker, **login: Any) -> None:
        self._broker = broker
        self._login = login
        self._task: asyncio.Task[None] | None = None
        self.messages: list[aiomqtt.Message] = []
        self.qos = 1

    async def start(self) -> None:
        subscribed = asyncio.Event()
        self._task = asyncio.create_task(self._run(subscribed))
        await asyncio.wait_for(subscribed.wait(), 20)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def end(self) -> None:
        """Read to the end what a broker that has stopped had sent before."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self, subscribed: asyncio.Event) -> None:
        client = aiomqtt.Client("127.0.0.1", self._broker.port, **self._login)
        # The broker has stopped; what it had sent before is in the client's queue all the same.
        with contextlib.suppress(aiomqtt.MqttError):
            async with client:
                await client.subscribe("#", qos=self.qos)
                subscribed.set()
                async for message in client.messages:
                    self.messages.append(message)
        while client._queue.qsize():
            self.messages.append(client._queue.get_nowait())
        if client._disconnected.done():
            client._disconnected.exception()

    def bodies(self, topic: str) -> list[Any]:
        return [json.loads(m.payload) for m in self.messages if str(m.topic) == topic]

    def numbers(self, topic: str = "pbxd/pbx1/agent/anna/screenpop") -> list[int]:
        """The numbers of the numbered messages, each where it came for the first time."""
        return list(dict.fromkeys(body["n"] for body in self.bodies(topic)))
