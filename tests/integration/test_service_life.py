"""pbxd as a service: ready when it serves, alive while its loop works, reloaded by HUP, gone by TERM."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.lab.ports import free_port

REPO = Path(__file__).parents[2]
SETTINGS = f"""\
nodes: [{{name: pbx1, ami: {{port: 1, secret: abcdefgh}}}}]
agents: [{{id: anna, interfaces: [PJSIP/1001]}}]
web: {{port: {{port}}, session_key_file: session.key}}
agi: {{port: 0}}
store: {{url: "sqlite:///{{folder}}/pbxd.db"}}
flows: {{folder: flows}}
prompts: {{folder: {REPO}, languages: [en, zh]}}
"""
FLOW = REPO / "dialplans/flows/main.yaml"


class Manager:
    """The part of a service manager that listens."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)

    def hears(self, word: str) -> str:
        """The next message that begins with ``word``; what comes before it is let go."""
        while True:
            text = self.socket.recv(4096).decode()
            if text.startswith(word):
                return text


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


def test_a_service_from_start_to_stop(tmp_path: Path, manager: Manager) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/main.yaml").write_text(FLOW.read_text())
    port = free_port()
    config = tmp_path / "pbxd.yaml"
    config.write_text(SETTINGS.replace("{port}", str(port)).replace("{folder}", str(tmp_path)))
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PBXD_")}
    environ |= {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "3000000"}
    with (tmp_path / "log").open("wb") as log:
        pbxd = subprocess.Popen(
            [sys.executable, "-m", "pbxd.cli", "run", "-c", str(config)], stderr=log, env=environ
        )
    try:
        manager.hears("READY=1")
        healthy = f"http://127.0.0.1:{port}/-/healthy"
        with urllib.request.urlopen(healthy, timeout=30) as answer:
            assert answer.status == 200

        manager.hears("WATCHDOG=1")
        manager.hears("WATCHDOG=1")
        pbxd.send_signal(signal.SIGSTOP)  # a loop that stands still feeds nobody
        while True:
            manager.socket.settimeout(2.5)
            try:
                manager.socket.recv(4096)
            except TimeoutError:
                break
        pbxd.send_signal(signal.SIGCONT)
        manager.socket.settimeout(60)
        manager.hears("WATCHDOG=1")

        (tmp_path / "flows/main.yaml").write_text("start: nowhere\n")
        pbxd.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in manager.hears("RELOADING=1")
        assert "fault" in manager.hears("READY=1")

        pbxd.send_signal(signal.SIGTERM)
        manager.hears("STOPPING=1")
        assert pbxd.wait(30) == 0
    finally:
        pbxd.kill()
        pbxd.wait(30)
    text = (tmp_path / "log").read_text()
    assert "abcdefgh" not in text
    assert all(line.startswith('{"timestamp"') for line in text.splitlines())
