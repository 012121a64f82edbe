"""A private Asterisk by hand, until Ctrl-C.

    python -m deploy.lab                     whatever Asterisk there is, else 22 in a folder
    python -m deploy.lab --suite bullseye    Asterisk 16
    python -m deploy.lab --agi 127.0.0.1:4573 --node pbx1 --real-music

Prints where it listens and the SIP accounts; every softphone on this machine can register. Lines that are
typed go to Asterisk's console.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from deploy.lab.ami import AmiError
from deploy.lab.archive import NoArchiveError
from deploy.lab.files import SECRET, Wishes
from deploy.lab.switch import Switch, SwitchError
from deploy.lab.unpack import UnpackError


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _run(arguments: argparse.Namespace) -> None:
    wishes = Wishes(node=arguments.node, agi=arguments.agi, real_music=arguments.real_music)
    over = asyncio.Event()
    async with Switch(arguments.suite, wishes, say=_say) as switch:
        # Before anything is printed: who started us in the background, where SIGINT is ignored, may send it.
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(sign, over.set)
        print(f"Asterisk {switch.version} ({switch.asterisk.suite}) in {switch.folder}")
        print(f"AMI      {switch.host}:{switch.ami_port}  accounts pbxd, lab; secret {SECRET}")
        accounts = ", ".join(wishes.phones)
        print(f"SIP      {switch.host}:{switch.sip_port}/udp  accounts {accounts}; secret {SECRET}")
        print("dial     1001… a phone, 501 a queue, 800 a menu, 0123 an echo, 4000 pbxd", flush=True)
        reading = asyncio.create_task(_console(switch, over))
        await over.wait()
        reading.cancel()


async def _console(switch: Switch, over: asyncio.Event) -> None:
    """What is typed goes to Asterisk; the end of the input ends nothing (a service has no terminal)."""
    reader = asyncio.StreamReader()
    try:
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
    except (OSError, ValueError):
        return
    while line := await reader.readline():
        command = line.decode(errors="replace").strip()
        if command in ("quit", "exit"):
            over.set()
        elif command:
            with contextlib.suppress(AmiError):
                print(await switch.cli(command), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.lab", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--suite", help="forky (22), bullseye (16), own, installed; default: any there is")
    parser.add_argument("--agi", default="127.0.0.1:4573", help="where pbxd listens for FastAGI")
    parser.add_argument("--node", default="lab", help="what pbxd's settings call this Asterisk")
    parser.add_argument("--real-music", action="store_true", help="hold music for people, not three notes")
    try:
        asyncio.run(_run(parser.parse_args()))
    except (SwitchError, UnpackError, NoArchiveError) as failure:
        _say(f"lab: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
