"""manager.conf's eventfilter lines, tried out on keys: pbxd hears those of transferers, and no caller's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pbxd.check.event_filters import EventFilter, withheld_by
from pbxd.check.findings import Finding, warning
from pbxd.settings.yaml_source import Place


def _pressed(
    event: str = "DTMFEnd",
    *,
    context: str = "pbxd-transfer",
    exten: str = "consult",
    direction: str = "Received",
) -> str:
    """What Asterisk tells when somebody in this extension presses a key (or is sent one), in short."""
    headers = (
        f"Event: {event}",
        "Channel: PJSIP/1",
        f"Context: {context}",
        f"Exten: {exten}",
        "Priority: 5",
        "Digit: 1",
        *(["DurationMs: 100"] if event == "DTMFEnd" else []),
        f"Direction: {direction}",
    )
    return "".join(f"{header}\r\n" for header in headers)


NOT_ITS_AFFAIR = (
    _pressed("DTMFBegin", exten="s"),
    _pressed("DTMFBegin"),
    _pressed(direction="Sent"),
    _pressed(context="from-internal"),
    *(_pressed(exten=exten) for exten in ("", "s", "100", "c", "conference", "console", "hold")),
)
"""Keys of callers, and of agents who hand nobody over."""


def key_findings(filters: Sequence[EventFilter], granted: Place) -> Iterator[Finding]:
    """Of an account that is told keys (``read`` with ``dtmf``, which stands at ``granted``)."""
    if any(one.narrow for one in filters):
        return  # one that looks at a header by its name, which is not tried out here
    if not all(withheld_by(filters, event) for event in NOT_ITS_AFFAIR):
        yield warning(
            granted,
            "read grants 'dtmf', digits that callers enter: take over the eventfilter lines about keys from "
            "asterisk-conf/manager.d/pbxd.conf, all of them, or take it out",
        )
    elif (against := withheld_by(filters, _pressed())) is not None:
        yield warning(against.line.place, "keeps the keys of whoever hands a caller over from pbxd")
