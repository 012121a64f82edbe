"""What a switch tells of one queue member, in the order in which it happened."""

from __future__ import annotations

import time
from typing import Self

from deploy.lab.phones import until
from deploy.lab.switch import Switch


class Told:
    """Listens while it is open: when the member is rung by a queue, paused, and resumed."""

    def __init__(self, switch: Switch, interface: str) -> None:
        self._switch = switch
        self._interface = interface
        self.events: list[tuple[str, str]] = []  #: what, and in which queue
        self.reasons: list[str] = []  #: of the pauses
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        self._end = self._switch.ami.on_event(self._on_event)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _on_event(self, event: dict[str, str]) -> None:
        if event.get("Interface") != self._interface:
            return
        self._last = time.monotonic()
        if event.get("Event") == "AgentCalled":
            self.events.append(("rung", event["Queue"]))
        elif event.get("Event") == "QueueMemberPause":
            paused = event["Paused"] == "1"
            self.events.append(("paused" if paused else "resumed", event["Queue"]))
            if paused:
                self.reasons.append(event["PausedReason"])

    def kinds(self) -> list[str]:
        """What happened; the same in several queues at once is told once."""
        kinds = [kind for kind, _ in self.events]
        return [kind for n, kind in enumerate(kinds) if n == 0 or kinds[n - 1] != kind]

    def age(self) -> float:
        """Seconds since something was told last."""
        return time.monotonic() - self._last

    @property
    def resumed(self) -> set[str]:
        return {queue for kind, queue in self.events if kind == "resumed"}

    async def until(self, kinds: list[str]) -> None:
        await until(lambda: self.kinds() == kinds, lambda: f"wanted {kinds}, told {self.events}")

    async def others_resumed(self, *, besides: str) -> None:
        """Until he was resumed in every queue in which he was paused, but for one."""

        def done() -> bool:
            paused = {queue for kind, queue in self.events if kind == "paused"} - {besides}
            return bool(paused) and paused <= self.resumed

        await until(done, lambda: f"not resumed: {self.events}", 20)
