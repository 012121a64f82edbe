"""``pbxd record``: one node's manager connection into a file, until somebody stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from pbxd.edge.recorder import Recording, RecordingError, record
from pbxd.settings.model import Ami, Node, Settings


def node_named(settings: Settings, name: str | None) -> Node:
    """The node to record. ValueError when it is not one of the settings', or not said which of several."""
    known = ", ".join(node.name for node in settings.nodes)
    if name is None:
        if len(settings.nodes) > 1:
            raise ValueError(f"say which node to record with --node: {known}")
        return settings.nodes[0]
    for node in settings.nodes:
        if node.name == name:
            return node
    raise ValueError(f"there is no node {name!r}; nodes are {known}")


def file_for(node: Node) -> Path:
    """``pbx1-20261121T221423Z.ami.gz``: where a capture goes when nobody says."""
    return Path(f"{node.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.ami.gz")


def record_node(node: Node, path: Path, *, seconds: float | None, replace: bool) -> Recording:
    """Record until ``seconds`` have passed, Ctrl-C, or the end of the link.

    The file is for its owner alone, because callers' numbers are in it. Raises FileExistsError unless
    ``replace``, OSError, and RecordingError when the switch cannot be recorded.
    """
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        try:
            return asyncio.run(_record(node.ami, cast(BinaryIO, file), path.suffix == ".gz", seconds))
        except RecordingError:
            path.unlink()  # at most a greeting is in it
            raise


async def _record(ami: Ami, out: BinaryIO, gz: bool, seconds: float | None) -> Recording:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await record(
        host=ami.host,
        port=ami.port,
        username=ami.username,
        secret=ami.login_secret,
        out=out,
        seconds=seconds,
        stop=stop,
        gz=gz,
        tls=ssl.create_default_context(cafile=ami.ca_file) if ami.tls else None,
        server_name=ami.server_name,
        progress=_show if sys.stderr.isatty() else _silent,
    )


def _show(recording: Recording) -> None:
    print(f"\r{recording.events} events, {recording.bytes} bytes ", end="", file=sys.stderr, flush=True)


def _silent(_: Recording) -> None:
    pass
