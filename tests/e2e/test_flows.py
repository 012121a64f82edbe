"""Flows on a real Asterisk: a phone hears the prompts and presses keys, right ones, wrong ones, none.

The caller hangs up at every moment. Every prompt is a tone of its own here, so that the phone can tell which
one it hears.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import io
import math
import wave
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from deploy.lab.ears import PHONE_HZ, RATE
from deploy.lab.phone import until
from deploy.lab.phones import Phone, Phones
from deploy.lab.switch import Switch
from pbxd.agi import verbs
from pbxd.agi.replies import HungUpError, RefusedError
from pbxd.edge.agi_server import AgiEdge
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.flow_files.book import FlowBook
from pbxd.edge.prompts import make_prompts
from pbxd.effects import Count
from pbxd.ids import NodeId
from pbxd.messages import FlowEntered, FlowEvent, FlowLeft, FlowStep
from pbxd.settings.model import Agi

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

NUMBER = "02012345678"

MAIN = """\
languages: [en, zh]
start: hello
on_failure: { queue: fallback, subject: broken }
prompts:
  hello: { en: hello, zh: nihao }
  choices: { en: choices, zh: xuanze }
  wrong: { en: wrong, zh: cuo }
  silent: { en: silent, zh: jing }
  account: { en: account, zh: zhanghao }
  entered: { en: entered, zh: nin }
  thanks: { en: thanks, zh: xiexie }
steps:
  hello: { type: play, prompt: hello, next: choose }
  choose:
    type: menu
    prompt: choices
    options:
      1: { label: Billing, subject: billing, next: account }
      9: { label: Chinese, language: zh, next: choose }
      0: { label: A person, subject: general, next: bye }
    timeout: 1s
    retries: 1
    invalid: { prompt: wrong, next: bye }
    no_input: { prompt: silent, next: bye }
  account:
    type: collect
    prompt: account
    min: 2
    max: 4
    timeout: 2s
    between: 1500ms
    invalid: { prompt: wrong, next: bye }
    no_input: { prompt: silent, next: bye }
    next: repeat
  repeat: { type: say, before: entered, value: "{account}", next: bye }
  bye: { type: hangup, prompt: thanks }
"""

FLOWS = {
    "main": MAIN,
    "gap": MAIN,
    "script": """\
languages: en
start: a
on_failure: { queue: fallback }
steps:
  a: { type: script, function: "job:run", deadline: 30s, next: bye, failed: failed }
  bye: { type: hangup }
  failed: { type: hangup }
""",
}
SOUNDS = {
    text: PHONE_HZ[-1 - number]
    for number, text in enumerate(
        [
            "hello",
            "choices",
            "wrong",
            "silent",
            "account",
            "entered",
            "thanks",
            "nihao",
            "xuanze",
            "four",
            "two",
        ]
    )
}


def tone(text: str, language: str) -> bytes:
    """The prompt as a tone of 0.7 s; what no test listens for is short and low."""
    hz = SOUNDS.get(text, 310.0)
    samples = (round(12_000 * math.sin(2 * math.pi * hz * n / RATE)) for n in range(RATE * 7 // 10))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(array.array("h", samples).tobytes())
    return out.getvalue()


class Desk:
    """An AGI edge in this process, a switch that sends its calls here, and what the flows told."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.events: list[FlowEvent] = []
        self.counts: list[Count] = []
        book = FlowBook(folder)
        make_prompts([file.flow for file in book.files.values()], folder / "prompts", tone)
        self.edge = AgiEdge(
            Agi(port=0, **{"shutdown_timeout": 0.5, **settings}),
            nodes=[(NodeId("lab"), (ip_network("127.0.0.0/8"),))],
            flow=book.get,
            prompts=str(folder / "prompts"),
            scripts=folder,
            inbox=self,
            count=self.counts.append,
        )

    def put(self, message: FlowEvent) -> None:
        self.events.append(message)

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        return [(e.step, e.digits, e.result) for e in self.events if isinstance(e, FlowStep)]

    @property
    def faults(self) -> dict[Fault, int]:
        return dict(self.edge.server.faults)

    async def left(self) -> tuple[str, str | None]:
        """How the caller left the flow (waits for it)."""
        await until(
            lambda: any(isinstance(e, FlowLeft) for e in self.events), lambda: f"still at {self.steps}", 20
        )
        (left,) = [event for event in self.events if isinstance(event, FlowLeft)]
        await until(lambda: self.edge.open_sessions == 0, lambda: "the session stays open")
        return left.result, left.subject


@contextlib.asynccontextmanager
async def desk(
    switch: Switch, folder: Path, flow: str = "main", script: str = "", **settings: Any
) -> AsyncIterator[Desk]:
    for name, text in FLOWS.items():
        (folder / f"{name}.yaml").write_text(text)
    (folder / "job.py").write_text(script)
    serving = Desk(folder, **settings)
    await serving.edge.start()
    running = asyncio.create_task(serving.edge.run())
    await switch.set_global("PBXD_AGI", f"127.0.0.1:{serving.edge.port}")
    await switch.set_global("PBXD_FLOW", flow)
    try:
        yield serving
    finally:
        await switch.set_global("PBXD_FLOW", "")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def calling(switch: Switch, phones: Phones, **how: str) -> Phone:
    """A caller who knows the prompts' tones and dials."""
    caller = await phones.caller(switch, NUMBER, **how)
    caller.tones.update(SOUNDS)
    caller.sends_tone = False
    await caller.dial("4000")
    return caller


# ------------------------------------------------------------------------------- what callers do


async def test_a_caller_hears_keys_and_is_heard(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    async with desk(switch, tmp_path) as serving:
        caller = await calling(switch, phones)
        for prompt in ("hello", "choices"):
            await caller.hears_only(prompt)
        await caller.hears_only()
        await caller.keys("1")
        await caller.hears_only("account")
        await caller.hears_only()
        await caller.keys("42#")
        for prompt in ("entered", "four", "two", "thanks"):
            await caller.hears_only(prompt)
        await caller.on_hook()
        assert await serving.left() == ("hangup", "billing")
        assert serving.steps == [
            ("hello", "", "played"),
            ("choose", "1", "chosen"),
            ("account", "42", "entered"),
            ("repeat", "", "played"),
            ("bye", "", "done"),
        ]
        entered = serving.events[0]
        assert isinstance(entered, FlowEntered)
        assert (entered.node, entered.number, entered.dialled, entered.language) == (
            "lab",
            NUMBER,
            "4000",
            "en",
        )
        assert serving.faults == {}


async def test_keys_break_prompts_off_and_may_be_pressed_ahead(
    switch: Switch, phones: Phones, tmp_path: Path
) -> None:
    async with desk(switch, tmp_path) as serving:
        caller = await calling(switch, phones)
        await caller.hears("hello")
        await caller.keys("1")
        await caller.hears("account")
        await caller.keys("4242")  # as long as can be, without #
        await caller.hears("entered")
        await caller.on_hook()
        assert await serving.left() == ("hangup", "billing")
        assert serving.steps[:3] == [
            ("hello", "", "played"),
            ("choose", "1", "chosen"),
            ("account", "4242", "entered"),
        ]


async def test_a_wrong_key_and_then_none(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    async with desk(switch, tmp_path) as serving:
        caller = await calling(switch, phones)
        await caller.hears("choices")
        await caller.keys("5")
        await caller.hears("wrong")
        await caller.hears("choices")
        await caller.hears("thanks")
        await caller.on_hook()
        assert await serving.left() == ("hangup", None)
        assert serving.steps[1:] == [
            ("choose", "5", "invalid"),
            ("choose", "", "no_input"),
            ("bye", "", "done"),
        ]


async def test_a_silent_caller(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    async with desk(switch, tmp_path) as serving:
        caller = await calling(switch, phones)
        for prompt in ("hello", "choices", "silent", "choices", "thanks"):
            await caller.hears(prompt)
        await caller.on_hook()
        assert [result for _, _, result in serving.steps] == ["played", "no_input", "no_input", "done"]


@pytest.mark.parametrize(
    ("keys", "digits", "result"),
    [("#", "", "invalid"), ("42", "42", "entered")],
)
async def test_entries(
    switch: Switch, phones: Phones, tmp_path: Path, keys: str, digits: str, result: str
) -> None:
    async with desk(switch, tmp_path) as serving:
        caller = await calling(switch, phones)
        await caller.hears("hello")
        await caller.keys("1")
        await caller.hears("account")
        await caller.hears_only()
        await caller.keys(keys)
        await until(lambda: len(serving.steps) > 2, lambda: f"no entry: {serving.steps}")
        assert serving.steps[2] == ("account", digits, result)
        await caller.hang_up()
        assert (await serving.left())[0] in ("caller_left", "hangup")


async def test_the_language_changes(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    async with desk(switch, tmp_path) as serving:
        caller = await calling(switch, phones)
        await caller.hears("hello")
        await caller.keys("9")
        await caller.hears("xuanze")
        await caller.hang_up()
        assert (await serving.left())[0] == "caller_left"


@pytest.mark.parametrize("moment", ["hello", "keys", "entry", "entered"])
async def test_a_caller_hangs_up(switch: Switch, phones: Phones, tmp_path: Path, moment: str) -> None:
    async with desk(switch, tmp_path) as serving:
        caller = await calling(switch, phones)
        await caller.hears("hello")
        if moment != "hello":
            await caller.hears("choices")
        if moment not in ("hello", "choices"):
            await caller.hears_only()
        if moment in ("account", "entry", "entered"):
            await caller.keys("1")
            await caller.hears("account")
        if moment in ("entry", "entered"):
            await caller.keys("42" if moment == "entry" else "42#")
        if moment == "entered":
            await caller.hears("entered")
        await caller.hang_up()
        assert (await serving.left())[0] == "caller_left"
        assert serving.faults == {}


async def test_a_missing_sound_is_told(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    async with desk(switch, tmp_path, "gap") as serving:
        (tmp_path / "prompts" / "en" / "gap" / "hello.wav").unlink()
        caller = await calling(switch, phones)
        await caller.hears("choices")
        await caller.hang_up()
        await serving.left()
        assert serving.faults == {Fault.PROMPT_MISSING: 1}


async def test_a_hostile_name_does_nothing(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    name = "${SHELL(id)} '<b>, 张三"
    async with desk(switch, tmp_path) as serving:
        caller = await phones.caller(switch, NUMBER, name=name, label="hostile")
        await caller.dial("4000")
        await until(lambda: bool(serving.events), lambda: "no flow entered")
        entered = serving.events[0]
        assert isinstance(entered, FlowEntered)
        assert entered.name == name
        await caller.hang_up()
        await serving.left()


async def test_an_unknown_flow_is_told_and_the_caller_served(
    switch: Switch, phones: Phones, tmp_path: Path
) -> None:
    dora = await phones.agent(switch, "1004")
    async with desk(switch, tmp_path, "nosuch") as serving:
        caller = await calling(switch, phones)
        await dora.rings()
        assert serving.faults == {Fault.UNKNOWN_FLOW: 1}
        await caller.hang_up()


async def test_a_flow_that_takes_too_long_goes_to_its_fallback(
    switch: Switch, phones: Phones, tmp_path: Path
) -> None:
    dora = await phones.agent(switch, "1004")
    async with desk(switch, tmp_path, session_timeout=0.3, header_timeout=0.4) as serving:
        caller = await calling(switch, phones)
        await dora.rings()
        assert await serving.left() == ("failed", "broken")
        assert serving.faults == {Fault.SESSION_TIMEOUT: 1, Fault.FLOW_FAILED: 1}
        await caller.hang_up()


# ------------------------------------------------------------------------------- scripts

OLD_SCRIPT = """
from asterisk.agi import AGI, AGIAppError
import pathlib

told = pathlib.Path(__file__).with_name("told")

def run():
    agi = AGI()
    agi.answer()
    agi.set_variable("X", 'a "quoted" \\\\ value, ${not} expanded')
    agi.database_put("pbxd", "key one", 'va"lue')
    lines = [
        agi.get_variable("X"),
        agi.get_full_variable("${CALLERID(num)}"),
        agi.database_get("pbxd", "key one"),
        str(agi.channel_status()),
        agi.env["agi_extension"],
        repr(agi.wait_for_digit(200)),
        repr(agi.get_data("beep", 300, 3)),
        repr(agi.stream_file("beep", "12")),
    ]
    agi.database_del("pbxd", "key one")
    try:
        agi.appexec("NoSuchApplication", "x")
    except AGIAppError as error:
        lines.append("no application")
    told.write_text("\\n".join(lines))
"""


async def test_an_old_script_moves_in(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    async with desk(switch, tmp_path, "script", OLD_SCRIPT) as serving:
        caller = await calling(switch, phones)
        await caller.on_hook(within_s=20)
        assert await serving.left() == ("hangup", None)
        assert serving.faults == {}
        assert (tmp_path / "told").read_text().split("\n") == [
            'a "quoted" \\ value, ${not} expanded',
            NUMBER,
            'va"lue',
            "6",
            "4000",
            "''",
            "''",
            "''",
            "no application",
        ]


BROKEN_OFF = {
    "stream file": "agi.stream_file('demo-congrats')",
    "wait for digit": "agi.wait_for_digit(20000)",
    "get data": "agi.get_data('demo-congrats', 20000, 5)",
}


@pytest.mark.parametrize("what", BROKEN_OFF)
async def test_a_script_is_broken_off_at_its_deadline(
    switch: Switch, phones: Phones, tmp_path: Path, what: str
) -> None:
    """Whatever Asterisk was doing for it, the next commands are in step with their replies."""
    script = f"def run(agi):\n    {BROKEN_OFF[what]}\n"
    async with desk(switch, tmp_path, "script", script, script_timeout=0.7) as serving:
        caller = await calling(switch, phones)
        await caller.on_hook(within_s=15)
        assert await serving.left() == ("hangup", None)
        assert serving.steps == [("a", "", "failed"), ("failed", "", "done")]
        assert serving.edge.scripts.overdue == 0


async def test_what_cannot_be_broken_off_ends_at_the_dialplans_fallback(
    switch: Switch, phones: Phones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbxd.edge.agi_server.scripts.BREAK_OFF_S", 0.3)
    dora = await phones.agent(switch, "1004")
    script = "def run(agi):\n    agi.exec_command('Wait', 2)\n"
    async with desk(switch, tmp_path, "script", script, script_timeout=0.3) as serving:
        caller = await calling(switch, phones)
        await dora.rings()
        assert serving.faults[Fault.SCRIPT_FAILED] == 1
        await caller.hang_up()


async def test_a_script_hears_the_hang_up(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    script = """
import pathlib
from asterisk.agi import AGIHangup

def run(agi):
    told = pathlib.Path(__file__).with_name("told")
    told.write_text("plays")
    try:
        agi.stream_file("demo-congrats")
    except AGIHangup as hangup:
        told.write_text(type(hangup).__name__)
        raise
"""
    async with desk(switch, tmp_path, "script", script) as serving:
        caller = await calling(switch, phones)
        await caller.hears("sound")
        await caller.hang_up()
        assert (await serving.left())[0] == "caller_left"
        await until(
            lambda: (tmp_path / "told").read_text().startswith("AGI"), lambda: "the script was not told"
        )
        assert serving.faults == {}


async def test_the_longest_command_is_one_command(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    script = """
import pathlib
from pbxd.agi.quoting import LONGEST_COMMAND

def run(agi):
    start = 'SET VARIABLE "X" "'
    value = "x" * (LONGEST_COMMAND - len(start) - 1)
    agi.set_variable("X", value)
    got = agi.get_full_variable("${LEN(${X})}")
    pathlib.Path(__file__).with_name("told").write_text(f"{len(value)} {got}")
"""
    async with desk(switch, tmp_path, "script", script) as serving:
        caller = await calling(switch, phones)
        await caller.on_hook()
        assert await serving.left() == ("hangup", None)
        sent, got = (tmp_path / "told").read_text().split()
        assert sent == got


# ------------------------------------------------------------------------------- typed verbs


async def test_typed_verbs(switch: Switch, phones: Phones, tmp_path: Path) -> None:
    """Each verb on the real thing; the caller's name is hostile, and read without being believed."""
    name = "a) ${SHELL(id)} %41 张"
    told: dict[str, Any] = {}
    recording = tmp_path / "recorded"

    async def route(request: Any) -> None:
        do = request.do
        await do(verbs.answer())
        told["status"] = await do(verbs.channel_status())
        told["unset"] = await do(verbs.get_variable("NO_SUCH"))
        await do(verbs.set_variable("X", 'va"l\\ue ) (x'))
        told["set"] = await do(verbs.get_variable("X"))
        told["full"] = await do(verbs.get_full_variable("${X:0:2}-${CALLERID(num)}"))
        told["name"] = await do(verbs.caller_value("CALLERID(name)"))
        told["missing"] = (await do(verbs.stream_file("no/such/sound"))).missing
        told["played"] = (await do(verbs.stream_file("beep", "1"))).samples
        told["silence"] = await do(verbs.get_data("", 0.2, 3))
        told["none"] = await do(verbs.wait_for_digit(0.2))
        said = [
            await do(verb) for verb in (verbs.say_number(7), verbs.say_digits("12"), verbs.say_alpha("a"))
        ]
        told["said"] = "".join(said)
        told["recorded"] = await do(verbs.record_file(str(recording), keys="#", longest=0.3, beep=False))
        told["run"] = await do(verbs.run("NoOp", "x", 'y"z'))
        await do(verbs.verbose('line\nend "quoted" \\'))
        for wrong in (verbs.run("NoSuchApplication"), verbs.Verb("NO SUCH VERB", verbs.answer().read)):
            try:
                await do(wrong)
            except RefusedError:
                told["refused"] = told.get("refused", 0) + 1
        await do(verbs.hang_up())
        try:
            await do(verbs.stream_file("beep"))
        except HungUpError:
            told["gone"] = True

    async with desk(switch, tmp_path) as serving:
        serving.edge.server.add_route("lab/main", route)
        caller = await phones.caller(switch, NUMBER, name=name, label="hostile2")
        await caller.dial("4000")
        await until(lambda: "gone" in told, lambda: f"only {told}", 20)
        await caller.on_hook()
    assert told.pop("played") > 0
    recorded = told.pop("recorded")
    assert (recorded.why, recorded.key) == ("timeout", "")
    assert recording.with_suffix(".wav").stat().st_size > 1000
    assert told == {
        "status": 6,
        "unset": None,
        "set": 'va"l\\ue ) (x',
        "full": f"va-{NUMBER}",
        "name": name,
        "missing": True,
        "silence": verbs.Entered("", True),
        "none": "",
        "said": "",
        "run": 0,
        "refused": 2,
        "gone": True,
    }
