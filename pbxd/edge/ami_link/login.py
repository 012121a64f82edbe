"""Signing in, with or without sending the secret."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

from pbxd.ami.actions import Challenge, Login
from pbxd.edge.ami_link.errors import LoginRefusedError
from pbxd.edge.ami_link.replies import Reply


async def sign_in(
    ask: Callable[[dict[str, str]], Awaitable[Reply]],
    *,
    username: str,
    secret: str,
    events: str,
    challenged: bool,
) -> None:
    """Return when the switch has taken the login; LoginRefusedError with its words when it does not.

    ``challenged``: answer a challenge, so that who listens on the wire does not learn the secret.
    """
    challenge = None
    if challenged:
        asked = await ask(Challenge().headers())
        challenge = asked.headers.get("Challenge")
        if challenge is None:  # never fall back to the secret itself: that is what an attacker would wait for
            raise LoginRefusedError(asked.headers.get("Message") or "no challenge was given")
    login = Login(username=username, secret=secret, events=events, challenge=challenge)
    reply = await ask(login.headers())
    if not reply.success:
        raise LoginRefusedError(reply.headers.get("Message") or "login refused")


def on_this_machine(host: str) -> bool:
    """Is this an address that no packet leaves the machine for?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
