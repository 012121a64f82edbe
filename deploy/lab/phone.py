"""One SIP phone and its lines: it dials, answers, transfers, and hears."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import baresip
from baresip.events import Event, StackEvent

from deploy.lab.ears import RATE, WINDOW, Ear, tone

LIMIT_S = 10.0  #: how long a wait lasts unless told otherwise
_AHEAD_S = 0.6  #: sound that is handed over ahead of time: a busy machine may skip some ticks


class Registrar(Protocol):
    """Where a phone registers and dials: a Switch, or anything else with an address."""

    host: str

    @property
    def sip_port(self) -> int: ...

    async def knows(self, number: str) -> None:
        """Wait until the switch counts on this registered phone."""


class PhoneError(AssertionError):
    """A phone did not do, or did not hear, what was expected within the limit."""


async def until(condition: Callable[[], bool], what: Callable[[], str], within_s: float = LIMIT_S) -> None:
    """Wait until the condition holds; PhoneError with ``what()`` when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise PhoneError(f"{what()} (waited {within_s:g} s)")
        await asyncio.sleep(0.02)


class Line:
    """One call of one phone."""

    def __init__(self, phone: Phone, call: baresip.Call, event: StackEvent | None = None) -> None:
        self.phone = phone
        self.call = call
        self.ear = Ear(phone.name, phone.tones)
        self.incoming = call.state is baresip.CallState.INCOMING
        self.digits = ""  #: DTMF received
        self.closed: str | None = None  #: why the call ended, in the words of the SIP stack
        self.began = time.time()
        self.answered: float | None = None
        self.ended: float | None = None
        self._offset = 0
        call.on(self._on_event)
        call.on_dtmf(self._on_digit)

    def _on_digit(self, digit: baresip.DigitEvent) -> None:
        self.digits += digit.digit

    def _on_event(self, event: StackEvent) -> None:
        match event.event:
            case Event.CALL_ESTABLISHED:
                self.answered = time.time()
            case Event.CALL_CLOSED:
                self.closed = event.text or ""
                self.ended = time.time()
                self.ear.close(self.ended)
            case _:
                pass

    @property
    def talking(self) -> bool:
        return self.call.state is baresip.CallState.ESTABLISHED

    @property
    def caller_number(self) -> str:
        """Who calls, as the phone's display shows it: the user part of the caller's address."""
        match = re.search(r"sips?:([^@>;]+)@", self.call.headers.get("From", "") or self.call.peer or "")
        return match[1] if match else ""

    @property
    def caller_name(self) -> str:
        match = re.match(r'\s*"((?:[^"\\]|\\.)*)"|\s*([^<"]*?)\s*<', self.call.headers.get("From", ""))
        name = (match[1] or match[2] or "") if match else ""
        return re.sub(r"\\(.)", r"\1", name)

    def pump(self, now: float, sends: bool, every: int) -> None:
        """Send some more of the tone, take what came; ``every`` as in Ear.take."""
        audio = self.call.audio
        pcm = b""
        with contextlib.suppress(baresip.AudioNotActive, baresip.AudioRestarted):
            info = audio.info()
            if info.tx_ready and sends:
                missing = int(_AHEAD_S * RATE) * 2 - info.tx_buffered
                if missing > 0:
                    wave = tone(self.phone.hz)
                    size = WINDOW * 2
                    start = self._offset % size
                    chunk = (wave * (missing // size + 2))[start : start + missing]
                    self._offset += audio.write(chunk)
            if info.rx_ready:
                pcm = audio.read(4 * RATE)
        self.ear.take(pcm, now, every)


class Phone:
    """One SIP phone. Its verbs act on its newest open line unless told another."""

    def __init__(
        self,
        name: str,
        number: str,
        hz: float,
        tones: dict[str, float],
        agent: baresip.UserAgent,
        registrar: Registrar,
    ) -> None:
        self.name = name
        self.number = number
        self.hz = hz
        self.tones = tones
        self.sends_tone = True
        self.closely = False  #: listen without a break, however many other lines there are
        self.deaf = False  #: nobody speaks or listens here: it sends silence and costs less
        self.lines: list[Line] = []
        self.headers: dict[str, str] = {}
        self._agent = agent
        self._registrar = registrar
        agent.on_incoming(self._on_incoming)

    def __repr__(self) -> str:
        return f"<Phone {self.name}>"

    def _on_incoming(self, call: baresip.Call) -> None:
        self.lines.append(Line(self, call))

    # ------------------------------------------------------------ lines

    @property
    def open_lines(self) -> list[Line]:
        return [line for line in self.lines if line.closed is None]

    @property
    def line(self) -> Line:
        """The newest open line; PhoneError when there is none."""
        if not self.open_lines:
            raise PhoneError(f"{self.name} is on the hook")
        return self.open_lines[-1]

    @property
    def ringing(self) -> bool:
        return any(line.incoming and not line.talking for line in self.open_lines)

    def address(self, extension: str) -> str:
        return f"sip:{extension}@{self._registrar.host}:{self._registrar.sip_port}"

    # ------------------------------------------------------------ verbs

    async def sign_off(self) -> None:
        """Unregister: the switch cannot reach this phone any more."""
        await self._agent.unregister()

    async def sign_on(self) -> None:
        """Register (again), and wait until the switch counts on it."""
        await self._agent.register()
        await self._registrar.knows(self.number)

    async def dial(self, extension: str, *, headers: dict[str, str] | None = None) -> Line:
        """Dial and return at once; see :meth:`connected`."""
        # A switch on the same machine may answer before the library's own call object listens, which then
        # stays "outgoing" for ever: what was said meanwhile is kept and told to it.
        meanwhile: list[StackEvent] = []
        runtime = self._agent._runtime
        runtime.subscribe(meanwhile.append)
        try:
            call = await self._agent.dial(
                self.address(extension), headers={**self.headers, **(headers or {})}
            )
        finally:
            runtime.unsubscribe(meanwhile.append)
        line = Line(self, call)
        for event in meanwhile:
            call._on_stack_event(event)
        self.lines.append(line)
        return line

    async def rings(self, within_s: float = LIMIT_S) -> Line:
        """Wait until a call comes in; its line."""
        await until(lambda: self.ringing, lambda: f"{self.name} does not ring", within_s)
        return next(line for line in reversed(self.open_lines) if line.incoming and not line.talking)

    async def answer(self, within_s: float = LIMIT_S) -> Line:
        """Answer the call that comes in (waits for it); PhoneError when it ends at this moment."""
        line = await self.rings(within_s)
        try:
            await line.call.answer()
        except baresip.StaleHandleError:
            raise PhoneError(f"{self.name}'s call is over") from None
        return await self.connected(line, within_s)

    async def connected(self, line: Line | None = None, within_s: float = LIMIT_S) -> Line:
        """Wait until the line is answered; PhoneError when it ends instead."""
        line = line or self.line
        await until(
            lambda: line.talking or line.closed is not None,
            lambda: f"{self.name}'s call is not answered",
            within_s,
        )
        if line.closed is not None:
            raise PhoneError(f"{self.name}'s call ended: {line.closed}")
        return line

    async def reject(self, line: Line | None = None) -> None:
        """Decline with 486 Busy Here."""
        await (line or await self.rings()).call.reject()

    async def hang_up(self, line: Line | None = None) -> None:
        """End one line (the newest). Harmless when the other end was faster."""
        line = line or self.line
        with contextlib.suppress(baresip.StaleHandleError):
            await line.call.hangup()
        await self.on_hook(line)

    async def on_hook(self, line: Line | None = None, within_s: float = LIMIT_S) -> None:
        """Wait until the line (default: every line) has ended, whoever ends it."""
        await until(
            lambda: line.closed is not None if line else not self.open_lines,
            lambda: f"{self.name} is still in a call",
            within_s,
        )

    async def hold(self, line: Line | None = None) -> None:
        await self._reinvite((line or self.line).call.hold)

    async def resume(self, line: Line | None = None) -> None:
        await self._reinvite((line or self.line).call.resume)

    async def _reinvite(self, verb: Callable[[], object]) -> None:
        """Hold and resume fail while another re-INVITE is under way: try again, as a person would."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                await verb()  # type: ignore[misc]
                return
            except baresip.StaleHandleError:
                raise
            except baresip.BaresipError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)

    async def keys(self, digits: str, line: Line | None = None) -> None:
        """Press keys, sent as RFC 4733 events; about a quarter of a second each."""
        await (line or self.line).call.send_dtmf(digits)

    async def blind_transfer(self, extension: str, line: Line | None = None) -> None:
        """Send the other party elsewhere (REFER) and leave; PhoneError when the switch refuses."""
        try:
            await (line or self.line).call.transfer(self.address(extension))
        except baresip.TransferFailed as failure:
            raise PhoneError(f"{self.name}'s transfer to {extension}: {failure}") from None

    async def attended_transfer(self, held: Line, consult: Line) -> None:
        """Connect the party of ``held`` with the party of ``consult`` (REFER with Replaces) and leave."""
        try:
            await held.call.attended_transfer(consult.call)
        except baresip.TransferFailed as failure:
            raise PhoneError(f"{self.name}'s attended transfer: {failure}") from None

    # ------------------------------------------------------------ ears

    @property
    def heard(self) -> frozenset[str]:
        """What this phone hears now, on any line: names of phones, ``music``, ``ringback``, ``sound``."""
        return frozenset().union(*(line.ear.settled for line in self.open_lines))

    async def hears(self, *what: Phone | str, within_s: float = LIMIT_S) -> None:
        """Wait until all of these are heard, whatever else is."""
        wanted = _names(what)
        await until(lambda: wanted <= self.heard, lambda: self._says(wanted), within_s)

    async def hears_only(self, *what: Phone | str, within_s: float = LIMIT_S) -> None:
        """Wait until these and nothing else are heard; without arguments: silence."""
        wanted = _names(what)
        await until(lambda: wanted == self.heard, lambda: self._says(wanted), within_s)

    async def hears_nobody(self, within_s: float = LIMIT_S) -> None:
        """Wait until no other phone is heard; music or prompts may be."""
        await until(
            lambda: not self.heard & self.tones.keys(), lambda: self._says(frozenset(["nobody"])), within_s
        )

    def _says(self, wanted: Iterable[str]) -> str:
        heard = ", ".join(sorted(self.heard)) or "silence"
        return f"{self.name} should hear {', '.join(sorted(wanted)) or 'silence'} but hears {heard}"


def _names(what: Iterable[Phone | str]) -> frozenset[str]:
    return frozenset(one.name if isinstance(one, Phone) else one for one in what)
