"""Where messages wait for the broker, in order: a few fresh ones in memory, the rest in the outbox."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Iterable, Sequence
from itertools import islice
from typing import Protocol

import structlog

from pbxd.edge.mqtt.letter import Letter, UnsendableError, marked, write
from pbxd.effects import Publish

log = structlog.get_logger("pbxd.mqtt")

PAGE = 200  #: messages read from or written to the outbox at once
MEMORY = 1000  #: fresh messages that may wait in memory while the outbox is being emptied


class Count(Protocol):
    """Moves one counter or histogram; see pbxd.effects.Count."""

    def __call__(self, metric: str, value: float = 1, **labels: str) -> None: ...


class Outbox(Protocol):
    """What the store offers; see pbxd.edge.store.outbox. Every method may raise while the store is away."""

    async def put(self, messages: Sequence[tuple[float, Publish]]) -> None: ...
    async def put_refused(self, made: float, message: Publish, why: str) -> None: ...
    async def oldest(self, limit: int, after: int = 0) -> list[tuple[int, float, Publish]]: ...
    async def sent(self, numbers: Sequence[int]) -> None: ...
    async def refuse(self, number: int, why: str) -> None: ...
    async def waiting(self) -> int: ...
    async def drop_oldest_moments(self, most: int) -> int: ...


class Shelf:
    """``size`` is how many messages the outbox holds; ``age_s`` how old a moment may be when it is sent."""

    def __init__(self, outbox: Outbox, count: Count, *, prefix: str, size: int, age_s: float) -> None:
        self._outbox = outbox
        self._count = count
        self._prefix = prefix
        self._size = size
        self._age_s = age_s
        self._stored: int | None = None  #: messages in the outbox; None until somebody has looked
        self._delivered: list[int] = []  #: to be deleted from the outbox
        self._read_to = 0  #: the outbox has been read up to this number
        self.fresh: deque[Letter] = deque()
        self.troubled = False  #: the store did not do what it was asked, the last time

    @property
    def waiting(self) -> int:
        return len(self.fresh) + (self._stored or 0)

    def add(self, letter: Letter) -> None:
        """Append a fresh letter. When memory is full too, the oldest moment goes; never a record."""
        self.fresh.append(letter)
        if len(self.fresh) > self._size:
            victim = next((old for old in self.fresh if old.moment), None)
            if victim is not None:
                self.fresh.remove(victim)
                self._dropped(1, "no_room")

    def take_back(self, letters: Iterable[Letter]) -> None:
        """Letters that were under way when the connection was lost: they come first again, in order.

        Those that are in the outbox anyway are read from there again.
        """
        self._read_to = 0
        again = [letter for letter in letters if letter.number is None and not letter.message.retain]
        self.fresh.extendleft(reversed(again))

    def forget(self, letter: Letter) -> None:
        """Take one that was given back out again."""
        if letter in self.fresh:
            self.fresh.remove(letter)

    async def put_away(self) -> None:
        """Move fresh letters into the outbox. They stay in memory while the store is away."""
        while self.fresh:
            group = list(islice(self.fresh, PAGE))
            if not await self._try(self._outbox.put([(letter.made, letter.message) for letter in group])):
                return
            # Only letters that are in the outbox leave memory; fresh ones may have come meanwhile, behind.
            for letter in group:
                if self.fresh and self.fresh[0] is letter:
                    self.fresh.popleft()
            self._stored = (self._stored or 0) + len(group)
        await self.tidy()
        await self._keep_size()

    async def page(self, now: float) -> list[Letter] | None:
        """The next letters from the outbox, oldest first; [] at its end, None while the store is away."""
        try:
            rows = await self._outbox.oldest(PAGE, self._read_to)
        except Exception as error:
            self._trouble(error)
            return None
        letters: list[Letter] = []
        stale: list[int] = []
        for number, made, message in rows:
            self._read_to = number
            if number in self._delivered:
                continue
            try:
                letter = write(message, prefix=self._prefix, made=made, number=number)
            except UnsendableError as error:
                await self.refused(marked(message, made=made, number=number), str(error))
                continue
            if letter.moment and now - made > self._age_s:
                stale.append(number)
            else:
                letters.append(letter)
        if stale and await self._try(self._outbox.sent(stale)):
            self._stored = max(0, (self._stored or 0) - len(stale))
            self._dropped(len(stale), "too_old")
        if rows and not letters:
            return await self.page(now)
        if not rows:
            self._stored = 0
        return letters

    def delivered(self, letters: Iterable[Letter]) -> None:
        """The broker has these: those of the outbox leave it at the next ``tidy``."""
        self._delivered += [letter.number for letter in letters if letter.number is not None]

    async def tidy(self) -> None:
        """Delete from the outbox what has been delivered."""
        numbers = list(self._delivered)
        if numbers and await self._try(self._outbox.sent(numbers)):
            del self._delivered[: len(numbers)]
            self._stored = max(0, (self._stored or 0) - len(numbers))

    async def refused(self, letter: Letter, why: str) -> None:
        """This one can never be delivered: keep it with the reason, and go on with the others."""
        self._count("pbxd_mqtt_messages_total", result="refused")
        log.error("mqtt.refused", topic=letter.topic[:200], why=why[:200])
        if letter.number is not None:
            if await self._try(self._outbox.refuse(letter.number, why)):
                self._stored = max(0, (self._stored or 0) - 1)
        elif not letter.message.retain:
            await self._try(self._outbox.put_refused(letter.made, letter.message, why))

    async def _keep_size(self) -> None:
        try:
            if self._stored is None or self._stored > self._size:
                self._stored = await self._outbox.waiting()
            if self._stored > self._size:
                gone = await self._outbox.drop_oldest_moments(self._stored - self._size)
                self._stored -= gone
                self._dropped(gone, "no_room")
        except Exception as error:
            self._trouble(error)

    def _dropped(self, number: int, why: str) -> None:
        if number:
            self._count("pbxd_mqtt_messages_total", number, result=why)
            log.warning("mqtt.moments_dropped", count=number, why=why)

    async def _try(self, doing: Awaitable[object]) -> bool:
        try:
            await doing
        except Exception as error:
            self._trouble(error)
            return False
        self.troubled = False
        return True

    def _trouble(self, error: Exception) -> None:
        # Only the first is logged: the store itself says at length what is wrong with it.
        self._count("pbxd_mqtt_faults_total", reason="outbox")
        if not self.troubled:
            log.error("mqtt.outbox_away", error=type(error).__name__)
        self.troubled = True
