"""SIP phones that dial, answer, transfer, and hear. Several phones of one process, on one or more switches.

    async with Phones() as phones:
        anna = await phones.agent(switch, "1001")
        caller = await phones.caller(switch, "+8613800138000", name="张三丰")
        await caller.dial("501", trunk="trunk-queue")
        await anna.rings()
        await anna.answer()
        await phones.hear_each_other(anna, caller)

A process can hold one ``Phones`` at a time (the SIP library's own limit). Every wait has a limit and ends
in PhoneError, which says what the phones hear instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Self

import baresip

from deploy.lab.ears import PHONE_HZ, Heard, joined
from deploy.lab.files import SECRET
from deploy.lab.phone import LIMIT_S, Line, Phone, PhoneError, Registrar, until

__all__ = ["CONVERSATION_S", "LIMIT_S", "Line", "Phone", "PhoneError", "Phones", "Registrar", "until"]

_TICK_S = 0.04
CONVERSATION_S = 0.6  #: who hangs up sooner after he met a caller has not talked with him, says pbxd-transfer
_CLOSELY = 12  #: lines that are listened to without a break; with more, each is listened to less often


class Phones:
    """All phones of this process, as an async context. Their sound is looked at every ``tick_s`` seconds."""

    def __init__(self, *, tick_s: float = _TICK_S) -> None:
        self._tick_s = tick_s
        self._runtime = baresip.Runtime()
        self._phones: dict[str, Phone] = {}
        self._tones: dict[str, float] = {}
        self._pumping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        config = baresip.Config(
            net_interface="127.0.0.1",
            max_concurrent_calls=None,
            native_log_level="error",
            expose_headers=("From", "P-Asserted-Identity"),
            extra_config_text="sip_listen 127.0.0.1:0\naudio_jitter_buffer_type off\n",
        )
        await self._runtime.start(config)
        self._pumping = asyncio.create_task(self._pump(), name="phones' sound")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up_everything()
        if self._pumping is not None:
            self._pumping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pumping
        await self._runtime.close()

    async def _pump(self) -> None:
        while True:
            now = time.time()
            lines = [line for phone in self._phones.values() if not phone.deaf for line in phone.open_lines]
            every = 1 + len(lines) // _CLOSELY
            for line in lines:
                line.pump(now, line.phone.sends_tone, 1 if line.phone.closely else every)
            await asyncio.sleep(self._tick_s)

    # ------------------------------------------------------------ phones

    async def goodbye(self, caller: Phone, *talking: Phone) -> None:
        """The first one hangs up, an agent once they have talked; the switch hangs up the others."""
        if talking[0] is not caller:
            await asyncio.sleep(CONVERSATION_S)
        await talking[0].hang_up()
        for phone in talking[1:]:
            await phone.on_hook()

    async def agent(self, registrar: Registrar, number: str, *, name: str = "") -> Phone:
        """A registered phone; the same one again when it is asked for again."""
        name = name or number
        if name in self._phones:
            return self._phones[name]
        account = baresip.Account(
            user=number, domain=f"{registrar.host}:{registrar.sip_port}", password=SECRET, reg_interval=3600
        )
        phone = await self._add(name, account, registrar)
        await phone.sign_on()
        return phone

    async def caller(
        self, registrar: Registrar, number: str, *, name: str = "", trunk: str = "trunk", label: str = ""
    ) -> Phone:
        """A phone outside, which reaches the switch through a trunk and shows this number and name.

        ``trunk`` says where its calls arrive: ``trunk`` in pbxd-in, ``trunk-queue`` and ``trunk-direct`` in
        the laboratory's own contexts. ``label`` is its name among the phones (default: the number).
        """
        label = label or number
        if label in self._phones:
            return self._phones[label]
        account = baresip.Account(
            user=number, domain=f"{registrar.host}:{registrar.sip_port}", password="", reg_interval=0
        )
        phone = await self._add(label, account, registrar)
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        address = f"<sip:{number}@{registrar.host}>"
        phone.headers = {
            "X-Lab-Trunk": trunk,
            "P-Asserted-Identity": f'"{quoted}" {address}' if name else address,
        }
        return phone

    async def _add(self, name: str, account: baresip.Account, registrar: Registrar) -> Phone:
        taken = set(self._tones.values())
        # More phones than tones: the rest share; in a load test nobody listens so closely.
        hz = next((hz for hz in PHONE_HZ if hz not in taken), PHONE_HZ[len(self._phones) % len(PHONE_HZ)])
        agent = await baresip.UserAgent.create(self._runtime, account)
        self._tones[name] = hz
        self._phones[name] = Phone(name, account.user, hz, self._tones, agent, registrar)
        return self._phones[name]

    def __getitem__(self, name: str) -> Phone:
        return self._phones[name]

    # ------------------------------------------------------------ all of them

    async def hear_each_other(self, *parties: Phone, within_s: float = LIMIT_S) -> None:
        """Wait until each of these hears all the others and no further phone."""

        def so() -> bool:
            return all(
                one.heard & self._tones.keys() == {other.name for other in parties if other is not one}
                for one in parties
            )

        def instead() -> str:
            heard = "; ".join(
                f"{one.name} hears {', '.join(sorted(one.heard)) or 'silence'}" for one in parties
            )
            return f"they do not hear each other: {heard}"

        await until(so, instead, within_s)

    async def hang_up_everything(self) -> None:
        """Every phone on the hook."""
        for phone in self._phones.values():
            for line in phone.open_lines:
                with contextlib.suppress(baresip.BaresipError):
                    await line.call.hangup()
        for phone in self._phones.values():
            await phone.on_hook()

    def story(self) -> list[Heard]:
        """Who heard whom from when to when, since the last :meth:`forget`."""
        now = time.time()
        return joined(
            heard for phone in self._phones.values() for line in phone.lines for heard in line.ear.story(now)
        )

    def forget(self) -> None:
        """Forget the lines that have ended."""
        for phone in self._phones.values():
            phone.lines = phone.open_lines
