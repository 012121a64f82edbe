"""The pbxd command: what it prints, its exit codes, and that small commands load no more than they need."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tests.command_line import pbxd

CAPTURE = (
    b"Asterisk Call Manager/9.0.0\r\n"
    b"Event: FullyBooted\r\nTimestamp: 1732227712.000001\r\nStatus: Fully Booted\r\n\r\n"
)


def modules_after(*arguments: str) -> set[str]:
    """What one command imports."""
    script = (
        "import sys\nfrom pbxd.cli import main\n"
        f"sys.argv = ['pbxd', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('\\0'.join(sys.modules), file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], input=b"", capture_output=True, timeout=60, check=True
    )
    return set(told.stderr.decode().rstrip("\n").split("\0"))


HEAVY = {"sqlalchemy", "fastapi", "uvicorn", "asyncio", "structlog", "aiomqtt", "panoramisk", "phonenumbers"}


@pytest.mark.parametrize("arguments", [("--help",), ("version",), ("replay", "-", "--json")])
def test_the_small_commands_load_no_driver(arguments: tuple[str, ...]) -> None:
    assert modules_after(*arguments) & HEAVY == set()


def test_help_and_version() -> None:
    """As a process of its own, as people start it."""
    told = subprocess.run(
        [sys.executable, "-m", "pbxd.cli", "--help"], capture_output=True, timeout=60, check=False
    )
    assert told.returncode == 0
    for command in ("run", "check", "replay", "hash-password", "version", "flow", "settings"):
        assert command in told.stdout.decode()
    assert pbxd("version").stdout.decode().startswith("pbxd 0.")


@pytest.mark.parametrize(
    "arguments", [("rnu",), ("replay",), ("replay", "/nowhere/x"), ("replay", "/"), ("check", "--colour")]
)
def test_a_command_line_that_cannot_be_used(arguments: tuple[str, ...]) -> None:
    told = pbxd(*arguments)
    assert told.returncode == 2
    assert told.stderr
    assert b"Traceback" not in told.stderr


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    config = tmp_path / "pbxd.yaml"
    config.write_text("nodes: []\nwebb: {}\n")
    for arguments, environ in ((("-c", str(config)), {}), ((), {"PBXD_CONFIG": str(config)})):
        told = pbxd("run", *arguments, **environ)
        assert told.returncode == 2
        assert told.stderr.decode().splitlines() == [
            f"{config}:1:8: nodes: must have at least one entry",
            f"{config}:2:1: webb: unknown key (did you mean 'web'?)",
        ]
    absent = pbxd("run", "-c", str(tmp_path / "absent.yaml"))
    assert (absent.returncode, absent.stderr.count(b"\n")) == (2, 1)


def test_replay_reads_files_gzip_and_standard_input(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.ami", tmp_path / "a.ami.gz"
    plain.write_bytes(CAPTURE)
    packed.write_bytes(gzip.compress(CAPTURE))
    for told in (
        pbxd("replay", str(plain), "--json"),
        pbxd("replay", str(packed), "--json"),
        pbxd("replay", "-", "--json", stdin=CAPTURE),
    ):
        report = json.loads(told.stdout)
        assert told.returncode == 0
        assert {key: report[key] for key in ("events", "channels_left", "strays", "calls")} == {
            "events": 1,
            "channels_left": 0,
            "strays": 0,
            "calls": [],
        }
        assert report["events_per_s"] > 0
    assert b"0 calls in 1 event" in pbxd("replay", str(plain)).stdout


HOSTILE = (
    "Event: Newchannel\r\nTimestamp: 1732227712.000001\r\nChannel: PJSIP/t-00000001\r\nChannelState: 4\r\n"
    "CallerIDNum: 1\x1b[31m\u009b2J\U000e0041\r\n"
    "CallerIDName: Eve\x1b]0;x\x07\u202e\u2028\u3000丰\r\nExten: 501\r\n"
    "Uniqueid: 1732227712.1\r\nLinkedid: 1732227712.1\r\n\r\n"
)


def test_a_caller_cannot_write_on_the_terminal() -> None:
    for arguments in (("replay", "-"), ("replay", "-", "--json")):
        told = pbxd(*arguments, stdin=HOSTILE.encode())
        assert told.returncode == 0, told.stderr
        text = told.stdout.decode()
        assert all(c.isprintable() or c == "\n" for c in text), text
        assert "[31m" in text
    assert json.loads(text)["calls"][0]["caller"] == "1\x1b[31m\u009b2J\U000e0041"


def test_a_file_with_broken_text_is_told_of_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "asterisk").mkdir()
    (tmp_path / "asterisk/queues.conf").write_bytes(b"[q]\nmember => PJSIP/\xff\x1b[2J\n")
    config = tmp_path / "pbxd.yaml"
    config.write_text("nodes: [{name: a, ami: {secret: x}}]\n")
    told = pbxd("check", "-c", str(config), "--asterisk", str(tmp_path / "asterisk"))
    assert told.returncode == 1
    assert b"member" not in told.stderr
    assert b"PJSIP/\\udcff\\x1b[2J in queue q" in told.stdout


def test_passwords() -> None:
    made = pbxd("hash-password", "--stdin", stdin="张三丰的密码很长\n".encode())
    assert made.returncode == 0
    assert PasswordHasher().verify(made.stdout.decode().strip(), "张三丰的密码很长")
    short = pbxd("hash-password", "--stdin", stdin=b"1234\n")
    assert short.returncode == 2
    assert short.stdout == b""


def test_settings_commands(tmp_path: Path) -> None:
    assert json.loads(pbxd("settings", "schema").stdout)["title"] == "pbxd settings"
    assert pbxd("settings", "reference").stdout.decode().startswith("# Settings\n")
    config = tmp_path / "pbxd.yaml"
    config.write_text(
        "nodes: [{name: a, ami: {secret: hunter2hunter2}}]\n"
        "agents: [{id: u, interfaces: PJSIP/1, password_hash: $argon2id$abc}]\n"
    )
    shown = pbxd("settings", "show", "-c", str(config), PBXD_LOG__LEVEL="debug")
    assert json.loads(shown.stdout)["log"]["level"] == "debug"
    assert b"hunter2" not in shown.stdout
    assert b"argon2" not in shown.stdout


def test_a_reader_that_leaves_early_hears_no_complaint() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "pbxd.cli", "settings", "reference"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    child.wait(60)
