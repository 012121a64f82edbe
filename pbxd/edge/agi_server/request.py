"""What a route gets of a call: panoramisk's Request, with typed verbs beside its ``send_command``."""

from __future__ import annotations

import ipaddress
import re
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from panoramisk.fast_agi import Application, Request

from pbxd.agi import environment
from pbxd.agi.replies import FailedError, HungUpError, Reply
from pbxd.agi.verbs import Verb
from pbxd.edge.agi_server.session import Session
from pbxd.settings.model import Network

T = TypeVar("T")

HANGUP_FOLLOWS = 0.25
"""Seconds within which HANGUP follows a reply of -1 when the caller's leaving is the reason."""


class AgiRequest(Request):  # type: ignore[misc]
    """One call: its ``headers``, and commands to it. ``writer`` is the connection's transport."""

    def __init__(self, app: Application, environment: bytes, session: Session) -> None:
        # What panoramisk's own does, but for the headers, which many routes do not look at.
        self.app = app
        self.reader = None
        self.writer = session.transport
        self.encoding = app.default_encoding
        self.session = session
        self._environment = environment

    @cached_property
    def headers(self) -> dict[str, str]:
        """What Asterisk told of the call: ``agi_callerid`` and the like."""
        return environment.parse(self._environment, self.encoding)

    async def send_command(self, command: str) -> dict[str, Any]:
        """Send one command line; the reply as panoramisk's dict.

        Raises ArgumentError (a ValueError) for a line that would not be one command, ConnectionGoneError (a
        ConnectionResetError) when there is nobody to send it to.
        """
        reply: dict[str, Any] = await self.session.ask(command, True, plain_dict, as_dict)
        return reply

    async def do(self, verb: Verb[T]) -> T:
        """Run one typed verb. Raises HungUpError, FailedError, RefusedError or ArgumentError."""
        reply = await self.session.ask(verb.line, plays=verb.plays)
        try:
            return verb.read(reply)
        except FailedError:
            if await self.session.left_within(HANGUP_FOLLOWS):
                raise HungUpError(reply.text) from None
            raise

    @property
    def peer(self) -> str:
        """The address of the Asterisk that connected."""
        return address(self.session)


def as_dict(reply: Reply) -> dict[str, Any]:
    """A reply in the form of panoramisk's ``parse_agi_result``.

    Different from it on purpose: a time-out is told (``('', 'timeout')``), a usage block is whole, and 511
    (the channel is dead) is a hang-up.
    """
    if reply.code == 511 or (reply.code == 200 and reply.data == "hangup"):
        return {"error": "AGIResultHangup", "msg": "User hungup during execution"}
    if reply.code == 200 and reply.result == "-1":
        if reply.hungup:
            return {"error": "AGIResultHangup", "msg": "User hungup during execution"}
        return {"error": "AGIAppError", "msg": "Error executing application, or hangup"}
    result: dict[str, Any] = {
        "status_code": reply.code,
        "result": (reply.result, reply.data or ""),
        "msg": "",
    }
    if reply.code == 200:
        if reply.endpos is not None:
            result["endpos"] = (str(reply.endpos), "")
    elif reply.code == 510:
        result["error"] = "AGIInvalidCommand"
    else:
        result["error"] = "AGIUsageError" if reply.code == 520 else "AGIUnknownError"
        result["msg"] = reply.text
    return result


def plain_dict(data: bytes, encoding: str) -> dict[str, Any] | None:
    """The same straight from the bytes of a good reply of one line; None for any other."""
    known = _KNOWN.get(data) or _plain_dict(data, encoding)
    return None if known is None else known.copy()


@lru_cache(1024)  # a prompt that is heard to its end has the same reply for every caller
def _plain_dict(data: bytes, encoding: str) -> dict[str, Any] | None:
    try:
        plain = _PLAIN(data.decode(encoding))
    except UnicodeDecodeError:
        return None
    if plain is None:
        return None
    result, endpos, value = plain.groups("")
    if result == "-1" or value == "hangup":
        return None
    if endpos:
        return {"status_code": 200, "result": (result, ""), "msg": "", "endpos": (endpos, "")}
    return {"status_code": 200, "result": (result, value), "msg": ""}


_PLAIN = re.compile(r"200 result=([^ \r\n]*)(?: endpos=(\d+)| \(([^\r\n]*)\))?\n").fullmatch

_KNOWN: dict[bytes, dict[str, Any]] = {
    f"200 result={result}\n".encode(): {"status_code": 200, "result": (str(result), ""), "msg": ""}
    for result in (0, 1, *map(ord, "0123456789*#"))
}


def address(session: Session) -> str:
    """The peer's IP address, '' when it is gone already."""
    peer = session.transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""


def within(peer: str, networks: tuple[Network, ...]) -> bool:
    """Whether an address lies in one of the networks; IPv4 in IPv6 clothes counts as IPv4."""
    try:
        ip = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in networks)
