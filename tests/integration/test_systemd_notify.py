"""The notify protocol, spoken to a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbxd.edge.systemd import Notify


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.settimeout(5)
    if request.param == "path":
        name = str(tmp_path / "notify")
        listener.bind(name)
    else:
        name = f"@pbxd-test-{os.getpid()}-{id(listener)}"
        listener.bind("\0" + name[1:])
    yield listener, name
    listener.close()


def test_the_life_of_a_service(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notify = Notify({"NOTIFY_SOCKET": name})
    assert notify.listening
    notify.ready("2 nodes up")
    notify.status("3 calls\nREADY=0")
    notify.reloading()
    notify.stopping()
    notify.close()
    assert listener.recv(999) == b"READY=1\nSTATUS=2 nodes up"
    assert listener.recv(999) == b"STATUS=3 calls READY=0"
    assert listener.recv(999).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert listener.recv(999) == b"STOPPING=1"
    assert notify.failed == 0


def test_the_watchdog_is_fed_at_its_own_pace_and_only_when_asked(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notify = Notify({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, pid=7)
    assert notify.feed_every == 10
    for now in (100.0, 100.1, 109.9, 110.0, 110.1):
        notify.feed(now)
    notify.stopping()
    assert [listener.recv(99) for _ in range(3)] == [b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]
    notify.close()


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "8"}],
)
def test_no_watchdog_when_it_is_not_ours(environ: dict[str, str]) -> None:
    assert Notify(environ, pid=7).feed_every is None


def test_without_a_manager_nothing_happens() -> None:
    notify = Notify({})
    notify.ready()
    notify.feed(1.0)
    assert not notify.listening


def test_a_manager_that_went_away_or_does_not_read_costs_nothing(tmp_path: Path) -> None:
    gone = Notify({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.ready()
    assert gone.failed == 1
    gone.close()
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    deaf.bind(str(tmp_path / "deaf"))
    notify = Notify({"NOTIFY_SOCKET": str(tmp_path / "deaf")})
    for _ in range(10_000):
        notify.status("x")
        if notify.failed:
            break
    assert notify.failed == 1
    notify.close()
    deaf.close()
