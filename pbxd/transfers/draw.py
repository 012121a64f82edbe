"""The diagram of the table, for the docs: generated, so that it cannot lie."""

from __future__ import annotations

from pbxd.transfers.table import AWAITING, ORDERS, TABLE
from pbxd.transfers.words import Input, State

_ENDS = frozenset({Input.C_GONE, Input.QUEUED, Input.ELSEWHERE})
"""What ends a transfer in nearly every state: said beside the picture instead of drawn a dozen times."""
_AWAITED = frozenset({State.RECALLING, State.REQUEUEING})
"""… but for these, which wait for just that."""


def mermaid() -> str:
    """A state diagram in Mermaid's language: orders as they are, signals in brackets."""
    lines = ["stateDiagram-v2", "    direction TB", f"    [*] --> {State.PLACING}: start"]
    lines.append(f"    [*] --> {State.OFFERED}: start without the dialplan")
    for state in State:
        if state is State.ENDED:
            continue
        for to, inputs in _steps(state).items():
            end = "[*]" if to is State.ENDED else to.value
            lines.append(f"    {state} --> {end}: {', '.join(_said(one) for one in inputs)}")
    lines.append(f"    classDef waits stroke-dasharray: 4 3\n    class {','.join(sorted(AWAITING))} waits")
    return "\n".join(lines) + "\n"


def _steps(state: State) -> dict[State, list[Input]]:
    found: dict[State, list[Input]] = {}
    for (was, input_), step in TABLE.items():
        if was is not state or step.stay or step.again:
            continue
        if input_ in _ENDS and (input_ is Input.C_GONE or state not in _AWAITED):
            continue
        if step.to is not state or step.event or step.moves:
            found.setdefault(step.to, []).append(input_)
    return {to: sorted(inputs, key=list(Input).index) for to, inputs in found.items()}


def _said(input_: Input) -> str:
    return input_.value if input_ in ORDERS else f"[{input_.value}]"


def rows() -> str:
    """The whole table as Markdown: state, input, next state, moves, outcome."""
    lines = ["| state | input | to | moves | outcome |", "| --- | --- | --- | --- | --- |"]
    for state in State:
        for input_ in Input:
            step = TABLE.get((state, input_))
            if step is None or step.stay:
                continue
            outcome = "as the attempt went" if step.as_it_went else (step.outcome or "")
            moves = "done already" if step.again else "; ".join(step.moves)
            lines.append(f"| {state} | {_said(input_)} | {step.to} | {moves} | {outcome} |")
    return "\n".join(lines) + "\n"
