"""The messages under way on one connection, and what became of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pbxd.edge.mqtt.broker import Broker, MqttError
from pbxd.edge.mqtt.letter import Letter

SIZE = 20  #: messages under way at once; more is not faster, and more is sent twice after a loss


@dataclass(slots=True, kw_only=True)
class Answered:
    delivered: list[Letter] = field(default_factory=list)
    refused: list[tuple[Letter, str]] = field(default_factory=list)  #: with the broker's reason


class Window:
    def __init__(self, broker: Broker, answered: Callable[[], None], clock: Callable[[], float]) -> None:
        self._broker = broker
        self._answered = answered
        self._clock = clock
        self._under_way: deque[tuple[Letter, asyncio.Future[str | None], float]] = deque()
        self._never: list[tuple[Letter, str]] = []
        self.size = SIZE

    @property
    def busy(self) -> bool:
        """Whether any letter is without an answer, or has one that nobody took yet."""
        return bool(self._under_way or self._never)

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def open(self) -> bool:
        """Whether one more may be sent."""
        return len(self._under_way) < self.size and not self._broker.lost

    def send(self, letter: Letter) -> None:
        """Send now. MqttError when the connection is gone: the letter still counts as under way then."""
        try:
            answer = self._broker.send(letter.topic, letter.payload, retain=letter.message.retain)
        except ValueError as error:
            self._never.append((letter, str(error)))
            self._answered()
            return
        except MqttError as error:
            answer = asyncio.get_running_loop().create_future()
            answer.set_exception(error)
            answer.exception()
        self._under_way.append((letter, answer, self._clock()))
        answer.add_done_callback(lambda _: self._answered())

    def take_answered(self) -> Answered:
        """What the broker has answered since the last time."""
        result = Answered(refused=self._never)
        self._never = []
        waiting: deque[tuple[Letter, asyncio.Future[str | None], float]] = deque()
        for letter, answer, sent in self._under_way:
            if not answer.done() or answer.exception() is not None:
                waiting.append((letter, answer, sent))
                continue
            why = answer.result()
            if why is None:
                result.delivered.append(letter)
            else:
                result.refused.append((letter, why))
        self._under_way = waiting
        return result

    def oldest_age(self) -> float:
        """Seconds since the oldest letter without an answer was sent; 0 when there is none."""
        return self._clock() - self._under_way[0][2] if self._under_way else 0.0

    def unanswered(self) -> list[Letter]:
        """The letters that the broker may or may not have, oldest first."""
        return [letter for letter, _, _ in self._under_way]
