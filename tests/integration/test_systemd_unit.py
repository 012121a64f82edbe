"""The unit file as shipped: hardened, valid, and in step with what pbxd says to systemd."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pbxd.cli import UNUSABLE
from pbxd.settings.model import Agi, Store, Web
from pbxd.settings.values import seconds

UNIT = Path(__file__).parents[2] / "deploy/systemd/pbxd.service"
MOST_EXPOSED = 1.5

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="no systemd-analyze on this machine (Debian: apt install systemd)",
)


def value(name: str) -> str:
    found = re.search(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert found is not None, name
    return found[1]


@needs_systemd
def test_the_exposure_is_small() -> None:
    """systemd rates every setting that the unit leaves open; the sum is its exposure, 10 at worst."""
    limit = int(MOST_EXPOSED * 10)
    command = [
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={limit}",
        "--no-pager",
        str(UNIT),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    rating = re.search(r"exposure level for pbxd\.service: ([\d.]+)", told.stdout)
    assert rating is not None, told.stderr
    assert float(rating[1]) <= MOST_EXPOSED, told.stdout
    assert told.returncode == 0


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    program = shutil.which("true")
    text = UNIT.read_text().replace("/opt/pbxd/bin/pbxd run", f"{program} run")
    (tmp_path / "pbxd.service").write_text(text)
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / "pbxd.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in told.stderr.splitlines() if "pbxd.service" in line]
    assert ours == []


def test_it_agrees_with_pbxd() -> None:
    assert value("Type") == "notify"
    assert value("RestartPreventExitStatus") == str(UNUSABLE)
    assert "HUP" in value("ExecReload")
    assert seconds(value("TimeoutStopSec")) > sum(part.shutdown_timeout for part in (Agi(), Web(), Store()))
    assert seconds(value("WatchdogSec")) >= 10


@needs_systemd
def test_the_credentials_that_it_shows_are_named_as_the_settings_name_them() -> None:
    text = UNIT.read_text()
    for name in re.findall(r"\$CREDENTIALS_DIRECTORY/(\S+)", text):
        assert f"#LoadCredential={name}:" in text


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers on this machine")
def test_the_user_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    command = ["systemd-sysusers", f"--root={tmp_path}", str(UNIT.with_name("pbxd.sysusers").absolute())]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert "pbxd:" in (tmp_path / "etc/passwd").read_text()


def test_nothing_is_listed_twice() -> None:
    names = [line.split("=")[0] for line in UNIT.read_text().splitlines() if re.match(r"[A-Z]\w+=", line)]
    twice = {name for name in names if names.count(name) > 1} - {"SystemCallFilter"}
    assert twice == set()
