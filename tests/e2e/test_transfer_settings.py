"""What the settings of transfers say, done by pbxd and the switch by themselves: nobody helps."""

from __future__ import annotations

import asyncio
from array import array
from pathlib import Path

import pytest

from deploy.lab.ears import MUSIC, SOUND, WINDOW, heard_in
from tests.e2e.floor import SETTINGS, Floor

MORE = {
    "transfers": {
        **SETTINGS["transfers"],
        "ring_timeout": "5s",
        "reassure": {"after": "1s", "every": "1s", "prompt": "pls-hold-while-try"},
        "hold_guard": {"after": "8s"},
        "on_hangup": "back",
    },
}

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_nobody_answers_in_time_and_a_recording_goes_on(floor: Floor, tmp_path: Path) -> None:
    """Back with Anna after the ring time. The recording holds both talks, and the music between them."""
    await floor.call()
    file = tmp_path / "call.wav"
    names = (await floor.centre.switch.held())["channels"]
    trunk = next(name for name in names if name.startswith("PJSIP/trunk"))
    await floor.centre.switch.ami.action("MixMonitor", Channel=trunk, File=str(file))
    tones = {phone.name: phone.hz for phone in (floor.anna, floor.caller)}
    await floor.centre.until(lambda: bool(_heard(file, tones)), "the beginning of the recording")
    await floor.start("agent:bruno")
    await floor.bruno.rings()
    await floor.caller.hears(MUSIC)
    await floor.anna.hears(SOUND, within_s=30)  # why; then her caller
    view = await floor.ends("no_answer", within_s=30)
    assert view["why"] == "Bruno did not answer"
    assert await floor.told() == ["created", "ringing", "timeout", "ended"]
    await floor.together(floor.anna, floor.caller)
    assert not floor.bruno.ringing
    await floor.centre.until(lambda: len(_heard(file, tones)) >= 3, "three parts")
    await floor.goodbye(floor.caller, floor.anna)
    parts = _heard(file, tones)
    assert "anna" in parts[0]
    assert any(MUSIC in part and "anna" not in part for part in parts)
    assert "anna" in parts[-1]


def _heard(file: Path, tones: dict[str, float]) -> list[frozenset[str]]:
    """What is in a recording, one after the other; only what lasts for some time."""
    pcm = array("h", file.read_bytes()[44:]) if file.exists() and file.stat().st_size > 44 else array("h")
    heard: list[frozenset[str]] = []
    for start in range(0, len(pcm) - WINDOW, WINDOW):
        what = heard_in(pcm[start : start + WINDOW], tones) & {"anna", MUSIC}
        if what and (not heard or heard[-1] != what):
            heard.append(what)
    return heard


class Busy(asyncio.DatagramProtocol):
    """Somebody outside who says 486 Busy Here to each call, and rings never."""

    def __init__(self) -> None:
        self.said = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        if not data.startswith(b"INVITE "):
            return
        self.said += 1
        lines = data.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        wanted = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:")
        same = [line for line in lines if line.lower().startswith(wanted)]
        same = [line + b";tag=486" if line.lower().startswith(b"to:") else line for line in same]
        self._transport.sendto(
            b"\r\n".join([b"SIP/2.0 486 Busy Here", *same, b"Content-Length: 0\r\n\r\n"]), addr
        )


async def test_a_target_who_is_busy(floor: Floor) -> None:
    loop = asyncio.get_running_loop()
    transport, busy = await loop.create_datagram_endpoint(Busy, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        await floor.centre.switch.set_global("LAB_PORT", str(port))
        await floor.call()
        await floor.start("outside:+498900486")
        view = await floor.ends("busy", within_s=30)
        assert (busy.said, "busy" in view["why"]) == (1, True), view
    finally:
        transport.close()
    await floor.together(floor.anna, floor.caller)
    await floor.goodbye(floor.anna, floor.caller)


async def test_the_caller_is_spoken_to_and_not_held_for_ever(floor: Floor) -> None:
    """Words now and then; when it takes too long he is back with Anna, although Bruno talks with her."""
    await floor.call()
    await floor.start("agent:bruno")
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    for _ in range(2):
        await floor.caller.hears_only(SOUND)
        await floor.caller.hears_only(MUSIC)
    await floor.together(floor.anna, floor.caller)
    view = await floor.ends("cancelled")
    assert view["why"] == "the caller was on hold for too long"
    await floor.bruno.on_hook()
    await floor.goodbye(floor.anna, floor.caller)


async def test_a_hang_up_is_a_slip(floor: Floor) -> None:
    """Anna puts down her phone while she talks with Bruno: it rings, and she has her caller again."""
    await floor.call()
    await floor.start("agent:bruno")
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.becomes("talking")
    await floor.anna.hang_up()
    await floor.bruno.on_hook()
    await floor.anna.answer()
    await floor.together(floor.anna, floor.caller)
    assert len(floor.anna.lines) == 2, "it rang once"
    await floor.ends("recalled")
    await floor.goodbye(floor.caller, floor.anna)


async def test_a_hang_up_cancels(floor: Floor) -> None:
    """Where a hang-up is a slip, Anna cancels by it from her phone: Bruno's stops ringing, hers rings."""
    await floor.ringing()
    await floor.anna.hang_up()
    await floor.bruno.on_hook()
    await floor.anna.answer()
    await floor.together(floor.anna, floor.caller)
    await floor.ends("recalled")
    await floor.goodbye(floor.caller, floor.anna)
