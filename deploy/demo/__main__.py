"""``make demo``: a private Asterisk, pbxd, callers and agents. ``--once`` plays and checks one story."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import httpx
from rich.console import Console
from rich.live import Live

from deploy.demo.screen import screen
from deploy.demo.story import StoryError, play
from deploy.demo.traffic import Traffic
from deploy.lab.archive import NoArchiveError
from deploy.lab.centre import DESKS, Centre, CentreError, Desk
from deploy.lab.files import SECRET, Wishes
from deploy.lab.pages import AgentPage, PageError
from deploy.lab.phones import PhoneError, Phones
from deploy.lab.switch import SwitchError
from deploy.lab.unpack import UnpackError

YOU = Desk(id="you", name="You", phones=("1005",), supervises=("all",))
CALLER_ACCOUNT = "1006"

#: A place for the newcomer: phone 1005 takes calls of every queue, any phone can call in.
WISHES = Wishes(
    scenarios=False,
    queues="".join(
        f"\n[{queue}](+)\nmember => PJSIP/1005,0,You,PJSIP/1005\n"
        for queue in ("support", "technical", "billing")
    ),
    extensions="\n[pbxd-phones]\nexten => 4000,1,Goto(pbxd-in,4000,1)\n",
    real_music=True,
)

_FAULTS = (StoryError, PageError, PhoneError, CentreError, SwitchError, UnpackError, NoArchiveError)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description=__doc__)
    parser.add_argument("--once", action="store_true", help="play one story, check it, end with 0 or 1")
    parser.add_argument("--suite", help="which Asterisk: forky (22), bullseye (16), installed; default: any")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="repeat a run's chances")
    parser.add_argument("--web-port", type=int, default=None, help="port of the page; default: a free one")
    options = parser.parse_args(arguments)
    console = Console()
    status = 1
    try:
        status = asyncio.run(_run(options, console))
    except* _FAULTS as faults:
        for fault in _leaves(faults):
            console.print(f"[red]FAILED[/] {type(fault).__name__}:", markup=True)
            console.print(str(fault), markup=False)
    return status


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


async def _run(options: argparse.Namespace, console: Console) -> int:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    playing = asyncio.create_task(_once(options, console) if options.once else _forever(options, console))
    waiting = asyncio.create_task(interrupted.wait())
    await asyncio.wait((playing, waiting), return_when=asyncio.FIRST_COMPLETED)
    if playing.done():
        waiting.cancel()
        return playing.result()
    console.print("Ending: phones, pbxd, Asterisk …")
    playing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await playing
    console.print("Nothing is left behind.")
    return 130 if options.once else 0


async def _once(options: argparse.Namespace, console: Console) -> int:
    def tell(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    async with (
        Centre(options.suite, say=tell, web_port=options.web_port) as centre,
        Phones() as phones,
    ):
        tell(f"Asterisk {centre.switch.version} and pbxd are up.")
        await play(centre, phones, tell)
    tell("The story is complete.")
    return 0


async def _forever(options: argparse.Namespace, console: Console) -> int:
    said: deque[str] = deque(maxlen=6)
    async with (
        Centre(
            options.suite,
            wishes=WISHES,
            desks=(*DESKS, YOU),
            more={"wrap_up": {"default": "6s"}, "alerts": {"caller_waits": {"after": "30s"}}},
            web_port=options.web_port,
            say=lambda line: console.print(line, markup=False),
        ) as centre,
        Phones() as phones,
        contextlib.AsyncExitStack() as stack,
    ):
        pages = [await stack.enter_async_context(centre.page(desk.id)) for desk in DESKS]
        async with asyncio.TaskGroup() as tasks:
            traffic = Traffic(centre, phones, seed=options.seed, tell=said.append)
            desks = {desk.phones[0]: page for desk, page in zip(DESKS, pages, strict=True)}
            tasks.create_task(traffic.run(desks))
            tasks.create_task(_show(centre, pages, said, console, options.seed))
    return 0


async def _show(
    centre: Centre, pages: Sequence[AgentPage], said: deque[str], console: Console, seed: int
) -> None:
    invitation = _invitation(centre, seed)
    if not console.is_terminal:
        console.print(invitation, markup=False)
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                metrics = await centre.metrics()
                if console.is_terminal:
                    live.update(screen(invitation, pages, metrics, said), refresh=True)
            await asyncio.sleep(1.0)


def _invitation(centre: Centre, seed: int) -> str:
    where = f"{centre.switch.host}:{centre.switch.sip_port}"
    return "\n".join(
        (
            f"Asterisk {centre.switch.version}; pbxd with SQLite; callers of seed {seed}",
            f"Page      {centre.url}/   sign in as anna, bruno, carla, dora or you",
            f"          password {centre.password}",
            f"Wallboard {centre.url}/wallboard   sign in as you",
            f"Figures   {centre.url}/metrics   {centre.url}/-/ready   {centre.url}/api/openapi.json",
            f"          {Path(sys.executable).with_name('pbxd')} report --config {centre.settings_file}",
            f"Join in   SIP (UDP) {where}, password {SECRET}:",
            f"          as a caller: account {CALLER_ACCOUNT}, dial 4000",
            f"          as an agent: account {YOU.phones[0]}, sign in as {YOU.id}; answer what rings",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
