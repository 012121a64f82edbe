"""Transfers: from the agent's order to the target's INVITE, beside AMI's Atxfer; and from complete to sound.

Everything on one real Asterisk with real phones, in one run. Times are taken where people would: at the
agent's page and at the phones.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from array import array
from collections.abc import Mapping
from typing import Any

from deploy.lab import phones as lab_phones
from deploy.lab.centre import Centre
from deploy.lab.ears import RATE, WINDOW, amplitude_in_pieces
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Line, Phone, Phones

TRANSFERS, WAITING, NATIVE = 100, 50, 5
FASTER, INVITE_MS, SOUND_MS = 20.0, 100.0, 150.0
_PIECE = WINDOW // 5  #: 20 ms
_HEARD = 2500.0  #: half of what a phone sends
_SETTINGS: Mapping[str, Any] = {"music": "pbxd", "reassure": {"after": "0s"}}
_WAIT = {**_SETTINGS, "acknowledge": {"policy": "wait", "up_to": "2s"}}


def rows() -> list[dict[str, Any]]:
    lab_phones._TICK_S = 0.01  # the phones' sound is looked at four times as often as in a test
    return asyncio.run(_measure())


async def _measure() -> list[dict[str, Any]]:
    async with Phones() as phones:
        async with Centre(more={"transfers": _SETTINGS}) as centre, Floor(centre, phones) as floor:
            orders, sounds = await floor.transfers(TRANSFERS, listen=True)
            native = await floor.native(NATIVE)
        phones.forget()
        phones._phones.clear()
        phones._tones.clear()
        async with Centre(more={"transfers": _WAIT}) as centre, Floor(centre, phones) as floor:
            waited, _ = await floor.transfers(WAITING, listen=False)
            known = floor.known_before / WAITING
    median, peer = statistics.median(orders), statistics.median(native)
    return [
        {
            "name": f"transfer, ms from order to INVITE, median of {len(orders)}; peer: AMI Atxfer",
            "pbxd": round(median, 1),
            "peer": round(peer, 1),
            "ratio": round(peer / median, 1),
            "goal": f">= {FASTER:g}",
            "met": peer / median >= FASTER,
        },
        _limit(f"transfer, ms from order to INVITE, p99 of {len(orders)}", _p99(orders), INVITE_MS),
        _limit(
            f"transfer, ms from complete to two-way sound, median of {len(sounds)}",
            statistics.median(sounds),
            SOUND_MS,
        ),
        _limit(
            f"transfer, ms from complete to two-way sound, p95 of {len(sounds)}",
            statistics.quantiles(sounds, n=20)[-1],
            SOUND_MS,
        ),
        _limit(f"transfer, policy wait: ms from order to INVITE, p99 of {WAITING}", _p99(waited), INVITE_MS),
        {
            "name": f"transfer, policy wait: hand-over on the page before the INVITE, share of {WAITING}",
            "pbxd": known,
            "peer": 1.0,
            "ratio": known,
            "goal": "= 1",
            "met": known == 1.0,
        },
    ]


def _p99(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def _limit(name: str, measured: float, limit: float) -> dict[str, Any]:
    return {
        "name": name,
        "pbxd": round(measured, 1),
        "peer": limit,
        "ratio": round(measured / limit, 3),
        "goal": "<= 1 (the peer is the limit)",
        "met": measured <= limit,
    }


class Floor:
    """Two agents and a caller."""

    def __init__(self, centre: Centre, phones: Phones) -> None:
        self.centre = centre
        self.phones = phones
        self.known_before = 0
        self.anna: Phone
        self.bruno: Phone
        self.caller: Phone
        self.page: AgentPage
        self.his: AgentPage

    async def __aenter__(self) -> Floor:
        switch = self.centre.switch
        self.anna = await self.phones.agent(switch, "1001", name=f"anna {switch.sip_port}")
        self.bruno = await self.phones.agent(switch, "1002", name=f"bruno {switch.sip_port}")
        self.caller = await self.phones.caller(
            switch, "+8613800138000", trunk="trunk-queue", label=f"caller {switch.sip_port}"
        )
        self.page = await self.centre.page("anna").open()
        self.his = await self.centre.page("bruno").open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.page.close()
        await self.his.close()

    async def transfers(self, many: int, *, listen: bool) -> tuple[list[float], list[float]]:
        """Milliseconds from order to INVITE, and from complete to both hearing each other."""
        orders, sounds = [], []
        for _ in range(many):
            await self._call()
            began = time.time()
            answer = await self.page.order("transfer.start", targets=[{"kind": "agent", "id": "bruno"}])
            id_ = answer["body"]["id"]
            line = await self.bruno.rings()
            orders.append((line.began - began) * 1000)
            handed = self.his.handed_at.get(id_)
            self.known_before += handed is not None and handed < line.began
            if listen:
                await self.bruno.answer()
                await self.phones.hear_each_other(self.anna, self.bruno)
                sounds.append(await self._complete(id_, line) * 1000)
            await self._end()
        return orders, sounds

    async def _complete(self, id_: str, line: Line) -> float:
        theirs = _Listener(self.caller.line, self.bruno.hz), _Listener(line, self.caller.hz)
        began = time.time()
        await self.page.order("transfer.complete", transfer=id_)
        await self.phones.hear_each_other(self.caller, self.bruno)
        return max(listener.since(began) for listener in theirs) - began

    async def native(self, many: int) -> list[float]:
        """The same by the switch's own action."""
        found = []
        for _ in range(many):
            await self._call()
            names = (await self.centre.switch.held())["channels"]
            hers = next(name for name in names if name.startswith("PJSIP/1001-"))
            began = time.time()
            await self.centre.switch.ami.action(
                "Atxfer", Channel=hers, Exten="1002", Context="pbxd-phones", Priority="1"
            )
            line = await self.bruno.rings(within_s=20)
            found.append((line.began - began) * 1000)
            await self._end()
        return found

    async def _call(self) -> None:
        await self.caller.dial("501")
        await self.anna.answer()
        await self.phones.hear_each_other(self.caller, self.anna)
        await self.page.until(lambda: self.page.state["agent"]["state"] == "talking", "Anna talking")

    async def _end(self) -> None:
        if self.caller.open_lines:
            await self.caller.hang_up()
        await self.phones.hang_up_everything()
        await self.centre.switch.leak_check()
        self.phones.forget()
        await self.page.until(lambda: self.page.state["agent"]["state"] == "ready", "Anna ready")
        await self.his.until(lambda: self.his.state["agent"]["state"] == "ready", "Bruno ready")


class _Listener:
    """When a tone began in what a line receives, to a fiftieth of a second."""

    def __init__(self, line: Line, hz: float) -> None:
        self._hz = hz
        self._pieces: list[tuple[float, bytes]] = []
        take = line.ear.take

        def tapped(pcm: bytes, at: float, every: int = 1) -> None:
            if pcm:
                self._pieces.append((at, pcm))
            take(pcm, at, every)

        line.ear.take = tapped  # type: ignore[method-assign]

    def since(self, began: float) -> float:
        """The time at which the first piece of 20 ms with the tone had arrived."""
        rest = bytearray()
        for at, pcm in self._pieces:
            rest += pcm
            while len(rest) >= _PIECE * 2:
                samples = array("h", bytes(rest[: _PIECE * 2]))
                del rest[: _PIECE * 2]
                if at >= began and _strength(samples, self._hz) >= _HEARD:
                    return at - len(rest) / 2 / RATE
        return math.inf


def _strength(samples: array[int], hz: float) -> float:
    # One piece, repeated: the function takes a window of five.
    return amplitude_in_pieces(samples * 5, hz)
