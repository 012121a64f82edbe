"""Who has to do with a session: its server, and whoever waits for a reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from pbxd.agi.replies import HungUpError, Reply
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.agi_server.outbox import Outbox

if TYPE_CHECKING:
    from pbxd.edge.agi_server.session import Session

GONE = "the connection to Asterisk is closed"

Form = Callable[[Reply], Any]
"""What somebody wants to have of a reply."""

Quick = Callable[[bytes, str], Any]
"""The same straight from the bytes of a plain reply; None when it is not plain."""


class Waiter(Protocol):
    """Who gets a reply: a task (by its Turn), or a call in a flow."""

    def done(self) -> bool:
        """Whether it wants no reply any more."""

    def set_result(self, result: Any, /) -> None:
        """A reply; ignored when it is done."""

    def set_exception(self, error: Exception, /) -> None: ...


Asked = tuple[bytes, bool, Quick, Form | None, Waiter]


class ConnectionGoneError(HungUpError, ConnectionResetError):
    """The connection to Asterisk is closed; whatever was asked may or may not have been done."""


class Owner(Protocol):
    """What a session needs of its server."""

    outbox: Outbox
    now: float  #: loop time, as of the last sweep
    encoding: str
    header_bytes: int
    header_timeout: float
    reply_bytes: int
    reply_timeout: float

    def opened(self, session: Session) -> None: ...
    def begun(self, session: Session, script: str, environment: bytes) -> None: ...
    def closed(self, session: Session) -> None: ...
    def fault(self, fault: Fault, **about: object) -> None: ...
