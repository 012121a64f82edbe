"""Carries out Publish effects: at once while the broker is there, from the outbox when it is back.

A message is in exactly one place: fresh in memory, under way to the broker, or in the store's outbox. While
the broker is there and the outbox is empty, messages go straight from memory. When the connection is lost,
those under way and those that come after go to the outbox and leave it in the same order; the broker gets
each at least once. States (retained) do not wait in line: only the newest of each topic is true, and all of
them are published again at every new connection, for the broker may have forgotten them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from pbxd.edge.mqtt.broker import Broker, MqttError
from pbxd.edge.mqtt.commands import TOPIC, Commands
from pbxd.edge.mqtt.greeting import Greeting
from pbxd.edge.mqtt.letter import Letter, UnsendableError, write
from pbxd.edge.mqtt.shelf import MEMORY, Count, Outbox, Shelf
from pbxd.edge.mqtt.window import SIZE, Window
from pbxd.effects import Publish
from pbxd.settings.connections import Mqtt as Settings

log = structlog.get_logger("pbxd.mqtt")

RETRY_OUTBOX_S = 5.0  #: how often a store that is away is asked again
STRIKES = 3  #: connections that one message may take down before it is refused


class Mqtt:
    """``run()`` in a task; ``publish()`` from the loop; ``await close()`` before the task is cancelled."""

    def __init__(
        self,
        settings: Settings,
        outbox: Outbox,
        count: Count,
        *,
        commands: Commands | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._commands = commands
        self._settings = settings
        self._count = count
        self._clock = clock
        self._greeting = Greeting(settings, count)
        self._shelf = Shelf(
            outbox,
            count,
            prefix=settings.prefix,
            size=settings.outbox_size,
            age_s=settings.outbox_age,
        )
        self._states: dict[str, Letter] = {}  #: the newest of each topic
        self._untold: dict[str, Letter] = {}  #: states that the broker does not know yet
        self._page: list[Letter] = []  #: read from the outbox, not yet sent
        self._window: Window | None = None
        self._direct = False  #: the outbox is empty: fresh messages may go straight to the broker
        self._suspect: tuple[str, bytes] | None = None
        self._strikes = 0
        self._wake = asyncio.Event()
        self._closing = False
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._window is not None

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged yet, as far as is known."""
        return self._shelf.waiting + (len(self._window) if self._window else 0)

    def publish(self, message: Publish) -> None:
        """Take a message. Returns at once and never raises; one that can never be sent is counted."""
        try:
            letter = write(message, prefix=self._settings.prefix, made=self._clock())
        except UnsendableError as error:
            self._count("pbxd_mqtt_messages_total", result="unsendable")
            log.error("mqtt.unsendable", topic=message.topic[:200], error=str(error)[:200])
            return
        if message.retain:
            self._states[letter.topic] = self._untold[letter.topic] = letter
        else:
            self._shelf.add(letter)
        if self._window is not None:
            self._send(self._window)
        if self._window is None or len(self._shelf.fresh) > MEMORY:
            self._wake.set()

    async def run(self) -> None:
        """Keep a connection to the broker and send, until closed."""
        self._task = asyncio.current_task()
        try:
            while not self._closing:
                try:
                    await self._connect()
                except (MqttError, OSError, TimeoutError) as error:
                    self._greeting.failed(error, waiting=self.waiting)
                except Exception:
                    # A defect of ours or of the library: counted, told at length, and tried again.
                    self._count("pbxd_mqtt_faults_total", reason="defect")
                    log.exception("mqtt.defect")
                if not self._closing:
                    await self._wait_offline()
        finally:
            self._ended.set()

    async def close(self, deadline_s: float = 5.0) -> None:
        """Send what can be sent within the deadline, say that we are offline, keep the rest in the outbox."""
        self._closing = True
        if self._commands is not None:
            self._commands.close()
        self._wake.set()
        try:
            await asyncio.wait_for(self._ended.wait(), deadline_s)
        except TimeoutError:
            log.warning("mqtt.close_timeout", waiting=self.waiting)
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
        await self._shelf.put_away()

    # ---------------------------------------------------------------- one connection

    async def _connect(self) -> None:
        async with self._greeting.broker() as broker:
            online, payload = self._greeting.online(True)
            await asyncio.wait_for(broker.send(online, payload, retain=True), broker.timeout)
            self._greeting.taken()
            broker.when_lost(self._wake.set)
            window = Window(broker, self._wake.set, time.monotonic)
            window.size = window.size if self._suspect is None else 1
            self._window, self._untold = window, dict(self._states)
            try:
                await self._listen(broker)
                await self._serve(broker, window)
                online, payload = self._greeting.online(False)
                await asyncio.wait_for(broker.send(online, payload, retain=True), broker.timeout)
            finally:
                self._window = None
                await self._take_back(window)

    async def _listen(self, broker: Broker) -> None:
        """Take commands, where the settings allow them; without that everything else goes on."""
        commands = self._commands
        if commands is None:
            return
        topic = f"{self._settings.prefix}/{TOPIC}"

        def heard(payload: bytes, retained: bool) -> None:
            commands.take(payload, retained=retained, publish=self.publish)

        refused = await broker.listen(topic, heard)
        if refused is not None:
            self._count("pbxd_mqtt_faults_total", reason="subscribe")
            log.error("mqtt.no_commands", topic=topic, why=refused)

    async def _serve(self, broker: Broker, window: Window) -> None:
        """Send until everything is sent and we are closing; MqttError when the connection is lost."""
        ask_at, asked = 0.0, False
        while True:
            self._wake.clear()
            await self._settle(window)
            if broker.lost:
                raise MqttError("connection lost")
            if window.oldest_age() > self._settings.publish_timeout:
                raise MqttError("no acknowledgement in time")
            if not self._page and not (self._direct and asked) and time.monotonic() >= ask_at:
                page = await self._shelf.page(self._clock())
                self._page, asked = page or [], page is not None
                # With the store away too, a pop that arrives out of order beats one that does not arrive.
                self._direct = not page
                ask_at = 0.0 if asked else time.monotonic() + RETRY_OUTBOX_S
            self._send(window)
            if self._closing and not (window.busy or self._page or self._shelf.fresh or self._untold):
                return
            if len(self._shelf.fresh) > MEMORY:
                self._direct = False  # first, or one of them could be sent and stored
                await self._shelf.put_away()
            if not (self._page and window.open):
                await self._wait(self._settings.publish_timeout / 4)

    def _send(self, window: Window) -> None:
        """Fill the window: states first, then the outbox, then what is fresh."""
        while window.open:
            if self._untold:
                topic = next(iter(self._untold))
                window.send(self._untold.pop(topic))
            elif self._page:
                window.send(self._page.pop(0))
            elif self._direct and self._shelf.fresh:
                window.send(self._shelf.fresh.popleft())
            else:
                return

    async def _settle(self, window: Window) -> None:
        answered = window.take_answered()
        if answered.delivered:
            now = self._clock()
            self._count("pbxd_mqtt_messages_total", len(answered.delivered), result="delivered")
            for letter in answered.delivered:
                self._count("pbxd_mqtt_delivery_seconds", max(0.0, now - letter.made))
                if letter.key == self._suspect:
                    self._suspect, self._strikes, window.size = None, 0, SIZE
            self._shelf.delivered(answered.delivered)
            await self._shelf.tidy()
        for letter, why in answered.refused:
            await self._refuse(letter, why)

    async def _take_back(self, window: Window) -> None:
        """The connection has ended: what it leaves open goes back, and whoever keeps ending it is found."""
        answered = window.take_answered()
        open_ = window.unanswered()
        self._page, self._direct = [], False
        self._shelf.delivered(answered.delivered)
        self._shelf.take_back(open_)
        self._count("pbxd_mqtt_messages_total", len(answered.delivered), result="delivered")
        for letter, why in answered.refused:
            await self._refuse(letter, why)
        if not open_ or self._closing:
            return
        # The broker was alive when the connection began: it had acknowledged that we are online.
        self._strikes = self._strikes + 1 if open_[0].key == self._suspect else 1
        self._suspect = open_[0].key
        if self._strikes > STRIKES:
            self._suspect, self._strikes = None, 0
            self._shelf.forget(open_[0])
            await self._refuse(open_[0], f"the broker closed {STRIKES + 1} connections on it")

    async def _refuse(self, letter: Letter, why: str) -> None:
        if letter.message.retain and self._states.get(letter.topic) is letter:
            del self._states[letter.topic]
        await self._shelf.refused(letter, why)

    # ---------------------------------------------------------------- between connections

    async def _wait_offline(self) -> None:
        """Let the back-off pass; what comes meanwhile goes to the outbox."""
        until = time.monotonic() + self._greeting.pause_s()
        while not self._closing:
            self._wake.clear()
            await self._shelf.put_away()
            left = until - time.monotonic()
            if left <= 0:
                return
            await self._wait(left)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
