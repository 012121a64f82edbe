"""Calls through flows over a real socket: events, figures, decisions, and what happens when things break."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from pbxd.edge.agi_server import AgiEdge
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.flow_files.book import FlowBook
from pbxd.effects import Count
from pbxd.ids import NodeId
from pbxd.messages import FlowEntered, FlowEvent, FlowLeft, FlowStep
from pbxd.settings.model import Agi
from tests.integration.agi_peer import Peer
from tests.integration.patience import until

HEAD = "languages: en\nstart: a\non_failure: { queue: rescue, subject: broken }\n"
PROMPTS = "prompts: { p: { en: Hello. } }\n"
MENU = (
    HEAD
    + PROMPTS
    + """\
steps:
  a:
    type: menu
    prompt: p
    retries: 0
    options: { 1: { label: One, subject: first, next: q } }
    invalid: { next: q }
    no_input: { next: q }
  q: { type: queue, queue: sales, timeout: 60s }
"""
)
SCRIPT = (
    HEAD
    + "steps:\n  a: { type: script, function: 'job:run', sets: [x], results: { other: b }, next: q%s }\n"
    + ("  b: { type: hangup }\n  q: { type: queue, queue: sales }\n")
)

RESCUE = ['SET VARIABLE "PBXD_QUEUE" "rescue"', 'SET VARIABLE "PBXD_NEXT" "queue"']
SURVEY = 'SET VARIABLE "PBXD_SURVEY" "survey"'  #: callers of sales are asked afterwards
SALES = [SURVEY, 'SET VARIABLE "PBXD_QUEUE" "sales"', 'SET VARIABLE "PBXD_NEXT" "queue"']


class Desk:
    """An edge with flows in a folder, and what it told."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.events: list[FlowEvent] = []
        self.counts: list[Count] = []
        self.book = FlowBook(folder)
        self.edge = AgiEdge(
            Agi(port=0, **{"shutdown_timeout": 0.3, "script_timeout": 5.0, **settings}),
            nodes=[
                (NodeId("pbx1"), (ip_network("127.0.0.0/8"), ip_network("::1/128"))),
                (NodeId("far"), (ip_network("192.0.2.0/24"),)),
            ],
            flow=self.book.get,
            prompts="/prompts",
            scripts=folder / "scripts",
            inbox=self,
            count=self.counts.append,
            surveys={"sales": "survey"},
        )

    def put(self, message: FlowEvent) -> None:
        self.events.append(message)

    @property
    def faults(self) -> dict[Fault, int]:
        return dict(self.edge.server.faults)

    @property
    def steps(self) -> list[tuple[str, str]]:
        return [(event.step, event.result) for event in self.events if isinstance(event, FlowStep)]

    @property
    def left(self) -> tuple[str, str | None, str | None]:
        (left,) = [event for event in self.events if isinstance(event, FlowLeft)]
        return left.result, left.queue, left.subject

    async def call(self, **headers: str) -> Peer:
        return await Peer.call(self.edge.port, **headers)

    async def over(self) -> None:
        await until(lambda: self.edge.open_sessions == 0)


@contextlib.asynccontextmanager
async def desk(
    folder: Path, flow: str = MENU, script: str | None = None, **settings: Any
) -> AsyncIterator[Desk]:
    (folder / "main.yaml").write_text(flow)
    if script is not None:
        (folder / "scripts").mkdir(exist_ok=True)
        (folder / "scripts" / "job.py").write_text(script)
    serving = Desk(folder, **settings)
    await serving.edge.start()
    running = asyncio.create_task(serving.edge.run())
    await asyncio.sleep(0)
    try:
        yield serving
        await Peer.close_all()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await Peer.close_all()


def replying(**replies: str) -> Callable[[str], str]:
    """Replies by the first word of the command, else all is well."""

    def reply(command: str) -> str:
        return replies.get(command.split(" ")[0].lower(), "200 result=0 endpos=9\n")

    return reply


# ------------------------------------------------------------------------------- walking


async def test_a_call_walks_its_flow(tmp_path: Path) -> None:
    async with desk(tmp_path) as serving:
        peer = await serving.call(calleridname="张三")
        commands = await peer.serve(replying(wait="200 result=49\n"))
        assert commands == [
            'STREAM FILE /prompts/en/main/p "0123456789*#"',
            "WAIT FOR DIGIT 5000",
            SURVEY,
            'SET VARIABLE "PBXD_QUEUE" "sales"',
            'SET VARIABLE "PBXD_QUEUE_TIMEOUT" "60"',
            'SET VARIABLE "PBXD_NEXT" "queue"',
        ]
        entered = serving.events[0]
        assert isinstance(entered, FlowEntered)
        assert (entered.node, entered.uniqueid, entered.flow) == ("pbx1", "1700000000.1", "main")
        assert (entered.number, entered.name, entered.dialled) == ("13800138000", "张三", "4000")
        assert serving.steps == [("a", "chosen"), ("q", "done")]
        assert serving.left == ("queue", "sales", "first")
        await serving.over()
        assert [count.metric for count in serving.counts] == ["pbxd_agi_served_total"]


async def test_the_world_knows_of_the_queue_before_the_dialplan_does(tmp_path: Path) -> None:
    async with desk(tmp_path) as serving:
        peer = await serving.call()
        while not (await peer.command()).startswith("SET"):
            peer.say("200 result=0 endpos=9\n")
        assert isinstance(serving.events[-1], FlowLeft)


async def test_many_calls_at_once_keep_apart(tmp_path: Path) -> None:
    async with desk(tmp_path) as serving:
        keys = {f"17.{n}": "1" if n % 3 else "7" for n in range(200)}

        async def call(uniqueid: str) -> None:
            peer = await serving.call(uniqueid=uniqueid)
            await peer.serve(replying(wait=f"200 result={ord(keys[uniqueid])}\n"))

        await asyncio.gather(*map(call, keys))
        chosen = {e.uniqueid for e in serving.events if isinstance(e, FlowStep) and e.result == "chosen"}
        assert chosen == {uniqueid for uniqueid, key in keys.items() if key == "1"}


@pytest.mark.parametrize(
    ("script", "fault", "why"),
    [
        ("nobody/main", Fault.UNKNOWN_NODE, "knows no node 'nobody'"),
        ("main", Fault.UNKNOWN_NODE, "knows no node 'main'"),
        ("", Fault.UNKNOWN_NODE, "knows no node ''"),
        ("pbx1/nope", Fault.UNKNOWN_FLOW, "has no flow 'nope'"),
        ("pbx1/", Fault.UNKNOWN_FLOW, "has no flow ''"),
        ("pbx1/../main", Fault.UNKNOWN_FLOW, "has no flow '../main'"),
        ("far/main", Fault.FOREIGN_ADDRESS, "node far may not come from this address"),
    ],
)
async def test_what_cannot_be_served_is_said_on_asterisks_console(
    tmp_path: Path, script: str, fault: Fault, why: str
) -> None:
    async with desk(tmp_path) as serving:
        (command,) = await (await serving.call(network_script=script)).serve()
        assert command.startswith(('VERBOSE "pbxd', 'VERBOSE "node'))
        assert why in command
        assert serving.faults == {fault: 1}
        assert serving.events == []


async def test_a_query_behind_the_flow_is_no_part_of_its_name(tmp_path: Path) -> None:
    async with desk(tmp_path) as serving:
        await (await serving.call(network_script="pbx1/main?x=1")).serve(replying())
        assert serving.left[0] == "queue"


async def test_a_reload_leaves_calls_in_progress_alone(tmp_path: Path) -> None:
    async with desk(tmp_path) as serving:
        old = await serving.call()
        await old.command()
        (tmp_path / "main.yaml").write_text(MENU.replace("sales", "other"))
        assert serving.book.reload() == []
        old.say("200 result=49 endpos=9\n")
        assert (await old.serve())[1] == SURVEY
        assert 'SET VARIABLE "PBXD_QUEUE" "other"' in await (await serving.call()).serve(replying())


# ------------------------------------------------------------------------------- breaking


@pytest.mark.parametrize("reply", ["510 Invalid\n", "200 result=-1\n", "520-x\nusage\n520 End\n"])
async def test_a_flow_that_breaks_sends_the_caller_to_its_fallback(tmp_path: Path, reply: str) -> None:
    async with desk(tmp_path) as serving:
        commands = await (await serving.call()).serve(replying(wait=reply))
        assert commands[2:] == RESCUE
        assert serving.left == ("failed", "rescue", "broken")
        assert serving.faults == {Fault.FLOW_FAILED: 1}


@pytest.mark.parametrize("moment", range(5))
@pytest.mark.parametrize("how", ["close", "200 result=-1\nHANGUP\n", "511 dead\n", "HANGUP\n200 result=-1\n"])
async def test_a_caller_who_leaves(tmp_path: Path, moment: int, how: str) -> None:
    async with desk(tmp_path) as serving:
        peer = await serving.call()
        for _ in range(moment):
            await peer.command()
            peer.say("200 result=0 endpos=9\n")
        await peer.command()
        if how == "close":
            await peer.close()
        else:
            peer.say(how)
            assert await peer.command() == ""
        await serving.over()
        assert serving.left[0] == ("caller_left" if moment < 2 else "queue")
        assert serving.faults == {}


async def test_a_missing_prompt_is_counted_and_walked_past(tmp_path: Path) -> None:
    async with desk(tmp_path) as serving:
        await (await serving.call()).serve(replying(stream="200 result=0 endpos=0\n"))
        assert serving.left[:2] == ("queue", "sales")
        assert serving.faults == {Fault.PROMPT_MISSING: 1}


async def test_a_flow_that_takes_too_long_ends_at_its_fallback(tmp_path: Path) -> None:
    """The prompt is broken off; what Asterisk still says of it does not count."""
    async with desk(tmp_path, session_timeout=0.1, header_timeout=0.1) as serving:
        peer = await serving.call()
        assert (await peer.command()).startswith("STREAM FILE")
        resync = await peer.command()
        assert resync.startswith('GET FULL VARIABLE "pbxd-')
        peer.say("200 result=0 endpos=77\n" + f"200 result=1 ({resync.split(chr(34))[1]})\n")
        assert (await peer.serve())[2:] == RESCUE
        assert serving.left == ("failed", "rescue", "broken")


async def test_stopping_closes_calls_so_that_the_dialplan_serves_them(tmp_path: Path) -> None:
    async with desk(tmp_path) as serving:
        peer = await serving.call()
        await peer.command()
        await serving.edge.server.stop()
        with contextlib.suppress(ConnectionError):
            assert await peer.command() == ""
        assert serving.faults == {Fault.SHUT_DOWN: 1}


# ------------------------------------------------------------------------------- scripts


async def test_a_script_gets_pyst2s_agi(tmp_path: Path) -> None:
    script = """
from asterisk.agi import AGI, AGIAppError

def run(agi):
    assert isinstance(agi, AGI)
    agi.answer()
    assert agi.env["agi_callerid"] == "13800138000"
    assert agi.get_variable("X") == "va(l)ue"
    agi.set_variable("Y", 'a "b" \\\\ c')
    assert agi.stream_file("hello", "12") == "2"
    assert agi.database_get("fam", "key") == "stored"
    assert agi.variables == {}
    agi.variables["x"] = 42
    return "other"
"""
    replies = {
        "GET VARIABLE": "200 result=1 (va(l)ue)\n",
        "STREAM FILE": "200 result=50 endpos=3\n",
        "DATABASE GET": "200 result=1 (stored)\n",
    }

    def reply(command: str) -> str:
        return replies.get(" ".join(command.split(" ")[:2]), "200 result=0\n")

    async with desk(tmp_path, SCRIPT % "", script) as serving:
        commands = await (await serving.call()).serve(reply)
        assert commands == [
            "ANSWER",
            'GET VARIABLE "X"',
            'SET VARIABLE "Y" "a \\"b\\" \\\\ c"',
            'STREAM FILE hello "12" 0',
            'DATABASE GET "fam" "key"',
            'SET VARIABLE "PBXD_NEXT" "hangup"',
        ]
        assert serving.left == ("hangup", None, None)
        assert serving.faults == {}


async def test_an_old_script_moves_in_unchanged(tmp_path: Path) -> None:
    """It makes its own AGI(), talks of stderr, and ends by sys.exit()."""
    script = """
import sys
import asterisk.agi

def run():
    agi = asterisk.agi.AGI()
    agi.verbose("hello")
    try:
        agi.appexec("NoSuch", "x")
    except asterisk.agi.AGIAppError:
        agi.verbose("no such application")
    sys.exit(0)
"""
    async with desk(tmp_path, SCRIPT % "", script) as serving:
        commands = await (await serving.call()).serve(replying(exec="200 result=-2\n"))
        assert commands == [
            'VERBOSE "hello" 1',
            'EXEC NoSuch "x"',
            'VERBOSE "no such application" 1',
            *SALES,
        ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise KeyError('x')", "KeyError"),
        ("raise TimeoutError('mine')", "mine"),
        ("import sys; sys.exit(3)", "exit 3"),
        ("agi.verbose('a\\nHANGUP')", "ArgumentError"),
        ("agi.set_variable('a', 'b\\nc')", "ArgumentError"),
        ("agi.execute('NOPE')", "AGIInvalidCommand"),
    ],
)
@pytest.mark.parametrize("failed", ["", ", failed: b"])
async def test_a_script_that_fails(tmp_path: Path, body: str, why: str, failed: str) -> None:
    async with desk(tmp_path, SCRIPT % failed, f"def run(agi):\n    {body}\n") as serving:
        commands = await (await serving.call()).serve(replying(nope="510 Invalid or unknown command\n"))
        assert commands[-1] == ('SET VARIABLE "PBXD_NEXT" "hangup"' if failed else RESCUE[-1])
        assert serving.left[0] == ("hangup" if failed else "failed")
        assert serving.faults == {Fault.SCRIPT_FAILED: 1, Fault.FLOW_FAILED: 1}


@pytest.mark.parametrize(
    "script", [None, "def other(): pass", "run = 3", "syntax error", "import nonexistent_module"]
)
async def test_a_script_that_is_not_there(tmp_path: Path, script: str | None) -> None:
    async with desk(tmp_path, SCRIPT % "", script) as serving:
        assert await (await serving.call()).serve() == RESCUE
        assert serving.left[0] == "failed"


async def test_a_script_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    async with desk(tmp_path, SCRIPT % "", "def run(agi): return ''") as serving:
        assert await (await serving.call()).serve() == SALES
        (tmp_path / "scripts" / "job.py").write_text("def run(agi): return 'other'\n")
        assert await (await serving.call()).serve() == ['SET VARIABLE "PBXD_NEXT" "hangup"']


HANGING_UP = """
from asterisk.agi import AGIHangup
import pathlib

def run(agi):
    try:
        agi.stream_file("long")
        agi.stream_file("longer")
    except AGIHangup as hangup:
        pathlib.Path(__file__).with_name("seen").write_text(type(hangup).__name__)
        raise
"""


@pytest.mark.parametrize("how", ["close", "200 result=-1\nHANGUP\n", "511 dead\n"])
async def test_a_hang_up_raises_in_the_script(tmp_path: Path, how: str) -> None:
    async with desk(tmp_path, SCRIPT % "", HANGING_UP) as serving:
        peer = await serving.call()
        await peer.command()
        if how == "close":
            await peer.close()
        else:
            peer.say(how)
        await serving.over()
        await until(lambda: bool(serving.events) and isinstance(serving.events[-1], FlowLeft))
        assert serving.left[0] == "caller_left"
        assert (tmp_path / "scripts" / "seen").read_text() in ("AGIResultHangup", "AGISIGPIPEHangup")


STUCK = """
import pathlib, time
here = pathlib.Path(__file__).parent

def run(agi):
    agi.verbose("begins")
    while not (here / "go").exists():
        time.sleep(0.01)
    try:
        agi.verbose("too late")
    except BaseException as error:
        (here / "seen").write_text(type(error).__name__ + ": " + str(error))
        raise

def quick(agi):
    agi.verbose("quick")
"""


async def test_a_script_that_does_not_come_back(tmp_path: Path) -> None:
    async with desk(tmp_path, SCRIPT % "", STUCK, script_timeout=0.2) as serving:
        commands = await (await serving.call()).serve()
        assert commands == ['VERBOSE "begins" 1', *RESCUE]
        assert serving.faults == {Fault.SCRIPT_FAILED: 1, Fault.FLOW_FAILED: 1}
        (tmp_path / "scripts" / "go").touch()
        seen = tmp_path / "scripts" / "seen"
        await until(seen.exists)
        await until(lambda: seen.read_text() == "AGISIGHUPHangup: took longer than 0.2 s")
        await until(lambda: serving.edge.scripts.overdue == 0)


async def test_a_script_that_plays_too_long_is_broken_off(tmp_path: Path) -> None:
    async with desk(
        tmp_path, SCRIPT % "", "def run(agi): agi.stream_file('long')", script_timeout=0.2
    ) as serving:
        peer = await serving.call()
        assert (await peer.command()).startswith("STREAM FILE")
        resync = await peer.command()
        peer.say(f"200 result=1 ({resync.split(chr(34))[1]})\n")
        assert (await peer.serve())[2:] == RESCUE
        await until(lambda: serving.edge.scripts.overdue == 0)


async def test_an_asterisk_that_does_not_break_off_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbxd.edge.agi_server.scripts.BREAK_OFF_S", 0.1)
    async with desk(
        tmp_path, SCRIPT % "", "def run(agi): agi.exec_command('Queue')", script_timeout=0.2
    ) as serving:
        peer = await serving.call()
        await peer.command()
        await peer.command()
        with contextlib.suppress(ConnectionError):
            assert await peer.command() == ""
        await serving.over()
        await until(lambda: serving.edge.scripts.overdue == 0)


async def test_stuck_scripts_do_not_starve_others(tmp_path: Path) -> None:
    quick = (SCRIPT % "").replace("job:run", "job:quick")
    async with desk(tmp_path, SCRIPT % "", STUCK, script_threads=4, script_timeout=0.2) as serving:
        (tmp_path / "quick.yaml").write_text(quick)
        assert serving.book.reload() == []
        stuck = [asyncio.create_task((await serving.call()).serve()) for _ in range(8)]
        assert await (await serving.call(network_script="pbx1/quick")).serve() == [
            'VERBOSE "quick" 1',
            *SALES,
        ]
        for each in stuck:
            assert (await each)[-2:] == RESCUE
        assert serving.edge.scripts.overdue <= 4
        # The function that does not come back is not started again; others are.
        assert await (await serving.call()).serve() == RESCUE
        assert await (await serving.call(network_script="pbx1/quick")).serve() == [
            'VERBOSE "quick" 1',
            *SALES,
        ]
        (tmp_path / "scripts" / "go").touch()
        await until(lambda: serving.edge.scripts.overdue == 0)


def test_the_bare_library_cannot_run_in_a_thread_over_a_socket() -> None:
    """Why there is a facade: pyst2 installs a signal handler and reads files."""
    import threading

    from asterisk import agi

    original = agi.AGI.__mro__[1] if agi.AGI.__module__ != "asterisk.agi" else agi.AGI
    raised: list[BaseException] = []

    def script() -> None:
        try:
            original(io.StringIO(), io.StringIO(), io.StringIO())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=script)
    thread.start()
    thread.join(10)
    assert isinstance(raised[0], ValueError)
    assert original.__new__(original)._quote('a"\nHANGUP') == '"a"\nHANGUP"'
