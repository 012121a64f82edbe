"""What can be wrong with a FastAGI session."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Each is counted under its name, in ``pbxd_agi_faults_total``."""

    FOREIGN_ADDRESS = "foreign_address"  #: from an address that no node may come from
    TOO_MANY_CONNECTIONS = "too_many_connections"  #: the oldest that has sent nothing whole is closed
    TOO_MANY_SESSIONS = "too_many_sessions"
    CLOSED_EARLY = "closed_early"  #: before the environment was complete
    HEADER_TIMEOUT = "header_timeout"
    HEADER_TOO_LONG = "header_too_long"
    NOT_AGI = "not_agi"
    NO_ROUTE = "no_route"
    UNKNOWN_NODE = "unknown_node"
    UNKNOWN_FLOW = "unknown_flow"
    REPLY_TIMEOUT = "reply_timeout"
    REPLY_TOO_LONG = "reply_too_long"
    STRAY_LINE = "stray_line"  #: a line that answers nothing
    SESSION_TIMEOUT = "session_timeout"
    ROUTE_FAILED = "route_failed"  #: a route raised
    FLOW_FAILED = "flow_failed"  #: the caller was sent where the flow's on_failure says
    PROMPT_MISSING = "prompt_missing"  #: Asterisk has no such sound file
    SCRIPT_FAILED = "script_failed"
    SHUT_DOWN = "shut_down"  #: still running when pbxd had to stop
