"""The FastAGI edge as the daemon uses it: server, flows and scripts put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pbxd.edge.agi_server.flow_calls import FlowCalls, Inbox
from pbxd.edge.agi_server.scripts import UserScripts
from pbxd.edge.agi_server.server import FastAgi
from pbxd.effects import Count
from pbxd.ids import NodeId
from pbxd.ivr.flow import Flow
from pbxd.settings.model import Agi, Network


class AgiEdge:
    """Serves ``agi://host:port/<node>/<flow>``. Must be made on the running loop.

    ``nodes`` are the known switches and where each may connect from; ``flow`` finds a flow by name, for each
    call anew, so that a reload takes effect; ``prompts`` is the folder of the sounds as Asterisk sees it;
    ``surveys`` are the flows that callers of some queues hear after the talk.
    """

    def __init__(
        self,
        settings: Agi,
        *,
        nodes: Iterable[tuple[NodeId, tuple[Network, ...]]],
        flow: Callable[[str], Flow | None],
        prompts: str,
        scripts: Path,
        inbox: Inbox,
        count: Callable[[Count], None],
        surveys: Mapping[str, str] | None = None,
    ) -> None:
        known = dict(nodes)
        networks = tuple(network for each in known.values() for network in each)
        self.server = FastAgi(settings, allowed=networks, count=count)
        self.scripts = UserScripts(
            scripts,
            most=settings.script_threads,
            deadline=settings.script_timeout,
            fault=self.server.fault,
        )
        self.server.otherwise = FlowCalls(
            nodes=known,
            flow=flow,
            prompts=prompts,
            scripts=self.scripts,
            inbox=inbox,
            fault=self.server.fault,
            surveys=surveys,
        )

    async def start(self) -> None:
        """Accept calls. Raises OSError when the address cannot be had."""
        await self.server.listen()

    async def run(self) -> None:
        """Serve until cancelled; then let calls leave, for ``shutdown_timeout`` at most."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await self.server.stop()

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def open_sessions(self) -> int:
        """Calls that are in a flow or a route now."""
        return self.server.open_sessions
