"""One call as people would tell it, for ``pbxd replay`` and for golden tests."""

from __future__ import annotations

from collections.abc import Iterator

from pbxd.calls.record import CallRecord, Leg, Transfer, Wait

_OUTCOMES = {
    "answered": "answered",
    "abandoned": "abandoned",
    "timeout": "the queue's time ran out",
    "no_agent": "nobody was there to answer",
    "left": "left the queue by himself",
    "ivr_hangup": "never left the menus",
    "direct": "answered without a queue",
    "unanswered": "rang out",
    "busy": "busy or declined",
}


def story_of(call: CallRecord) -> str:
    """A headline and one line for each thing that happened, with seconds since the call's arrival."""
    who = call.caller or "(number withheld)"
    name = f' "{call.caller_name}"' if call.caller_name else ""
    lines = [f"{who}{name} calls {call.dialled or '(nothing)'}"]
    if call.missed:
        lines[0] += "  (its beginning was not seen)"
    for at, text in sorted(_lines(call), key=lambda line: (round(line[0], 2), line[1])):
        lines.append(f"  {_offset(at - call.arrived)}  {text}")
    return "\n".join(lines) + "\n"


def _lines(call: CallRecord) -> Iterator[tuple[float, str]]:
    for wait in call.waits:
        yield from _wait_lines(wait)
    for leg in call.legs:
        yield from _leg_lines(leg)
    for transfer in call.transfers:
        yield transfer.at, _transfer_line(transfer)
    if call.ended is None:
        return
    outcome = "" if call.outcome is None else _OUTCOMES[call.outcome]
    waited = f", waited {call.wait_s:.1f} s" if call.waits else ""
    yield call.ended + 0.01, f"ends: {outcome}{waited}"


def _wait_lines(wait: Wait) -> Iterator[tuple[float, str]]:
    yield wait.joined, f"waits in {wait.queue}"
    if wait.left is not None:
        yield wait.left, f"leaves {wait.queue} after {wait.left - wait.joined:.1f} s: {wait.outcome}"


def _leg_lines(leg: Leg) -> Iterator[tuple[float, str]]:
    member = f" for {leg.member}" if leg.member and leg.member != leg.interface else ""
    queue = f" ({leg.queue})" if leg.queue else ""
    yield leg.started, f"talks with {leg.interface}{member}{queue}"
    if leg.ended is not None:
        hold = f", {leg.hold_s:.1f} s on hold" if leg.hold_s >= 0.05 else ""
        yield leg.ended, f"{leg.interface} is out: talked {leg.talk_s:.1f} s{hold}"


def _transfer_line(transfer: Transfer) -> str:
    outcome = str(transfer.outcome).replace("_", " ")
    return f"{transfer.kind} transfer from {transfer.from_} to {transfer.to}: {outcome}"


def _offset(seconds: float) -> str:
    return f"{int(seconds // 60):3d}:{seconds % 60:04.1f}"
