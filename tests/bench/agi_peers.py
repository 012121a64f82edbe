"""A FastAGI server under test in a process of its own: ``python -m tests.bench.agi_peers KIND``.

KIND is panoramisk, panoramisk-uvloop, pbxd-route or pbxd-flow. The first three serve the same route, written
for panoramisk's Request; pbxd-flow serves a call flow that makes the same ten commands, with its events and
figures, as it does in production. Prints the port, then serves until its input is closed; prints the CPU
seconds that it took.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import uvloop
from panoramisk.fast_agi import Application

from pbxd.edge import garbage
from pbxd.edge.agi_server import AgiEdge
from pbxd.edge.agi_server.server import FastAgi
from pbxd.edge.flow_files.load import parse_flow
from pbxd.edge.metrics import Metrics
from pbxd.ids import NodeId
from pbxd.settings.model import Agi

FLOW = """\
languages: [en]
start: welcome
on_failure: { queue: support }
prompts:
  welcome: { en: Welcome. }
  choices: { en: For billing press 1. }
  account: { en: Your account number. }
  thanks: { en: Thank you. }
steps:
  welcome: { type: play, prompt: welcome, next: choose }
  choose:
    type: menu
    prompt: choices
    options: { 1: { label: Billing, subject: billing, next: account } }
    invalid: { next: billing }
    no_input: { next: billing }
  account:
    type: collect
    prompt: account
    min: 4
    max: 12
    invalid: { next: billing }
    no_input: { next: billing }
    next: billing
  billing: { type: queue, prompt: thanks, queue: billing, timeout: 5m, priority: 5 }
"""

COMMANDS = (
    'STREAM FILE /prompts/en/main/welcome "0123456789*#"',
    'STREAM FILE /prompts/en/main/choices "0123456789*#"',
    "WAIT FOR DIGIT 5000",
    'STREAM FILE /prompts/en/main/account "0123456789*#"',
    'GET DATA "" 3000 12',
    'STREAM FILE /prompts/en/main/thanks ""',
    'SET VARIABLE "PBXD_QUEUE" "billing"',
    'SET VARIABLE "PBXD_QUEUE_TIMEOUT" "300"',
    'SET VARIABLE "QUEUE_PRIO" "5"',
    'SET VARIABLE "PBXD_NEXT" "queue"',
)
"""What that flow asks of Asterisk when the caller does what ``tests/bench/agi_load.c`` replies."""


async def route(request: Any) -> None:
    for command in COMMANDS:
        await request.send_command(command)


class Inbox:
    """Takes the events of the flow as the world's inbox does, and drops them."""

    def put(self, event: object) -> None:
        """Nothing is measured behind the inbox."""


def flows() -> FastAgi:
    flow = parse_flow(FLOW, "main.yaml", "main").flow
    edge = AgiEdge(
        Agi(port=0),
        nodes=[(NodeId("pbx1"), (ip_network("127.0.0.0/8"),))],
        flow=lambda name: flow if name == "main" else None,
        prompts="/prompts",
        scripts=Path("/nonexistent"),
        inbox=Inbox(),
        count=Metrics(version="bench").apply,
    )
    return edge.server


async def serve(kind: str) -> None:
    app: Application
    if kind.startswith("panoramisk"):
        app = Application(loop=asyncio.get_running_loop())
        server = await asyncio.start_server(app.handler, "127.0.0.1", 0, backlog=1024)
        port = server.sockets[0].getsockname()[1]
    else:
        app = flows() if kind == "pbxd-flow" else FastAgi(Agi(port=0))
        await app.listen()
        port = app.port
    if kind != "pbxd-flow":
        app.add_route("pbx1/main", route)
    if kind.startswith("pbxd"):
        garbage.settle()  # as the daemon does when it is ready
    begun = cpu_seconds()
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(cpu_seconds() - begun, flush=True)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(kind: str) -> None:
    logging.disable(logging.CRITICAL)
    if kind != "panoramisk":
        uvloop.run(serve(kind))
    else:
        asyncio.run(serve(kind))


if __name__ == "__main__":
    main(sys.argv[1])
