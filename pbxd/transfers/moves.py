"""What each move is for the switch: one or more actions, in the order in which they must be carried out.

The places and variables are those of the dialplan ``pbxd-transfer``, which says what each of them does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pbxd.ami.actions import Hangup, Place, Redirect
from pbxd.calls.names import own_channels
from pbxd.calls.record import TransferOutcome
from pbxd.orders import TargetKind
from pbxd.transfers.record import OpenTransfer
from pbxd.transfers.rules import OnHangup, TransferRules
from pbxd.transfers.words import Move

CONTEXT = "pbxd-transfer"
QUEUE_CONTEXT = "pbxd-transfer-queue"
_CODECS = "ulaw,alaw"
Action = Mapping[str, str | Sequence[str]]

_WHY = {
    TransferOutcome.BUSY: "why-busy",
    TransferOutcome.DECLINED: "why-declined",
    TransferOutcome.NO_ANSWER: "why-noanswer",
}


def actions(
    move: Move, record: OpenTransfer, rules: TransferRules, *, line: str | None, position: int | None
) -> list[Action]:
    """The actions of a move.

    ``line``: the name of the target's channel, once it exists; what is for it before that is not said.
    ``position``: where in the queue the caller joins, 1 being the first.
    """
    caller, transferer = record.caller, record.transferer
    match move:
        case Move.PART:
            return _part(record, rules)
        case Move.DIAL:
            return _dial(record, rules, meet="transferer", position=position)
        case Move.DIAL_FOR_CALLER:
            return _dial(record, rules, meet="caller", position=position)
        case Move.DIAL_ASIDE:
            return [_dial_aside(record, rules)]
        case Move.TO_TRANSFERER:
            return [_send(caller, "meet-transferer")]
        case Move.TO_TARGET:
            return [_send(caller, "meet-target")]
        case Move.HAND_OVER:
            return [_send(caller, "meet-target", transferer, "release")]
        case Move.TRANSFERER_FREE_AFTER:
            return [_set(transferer, "PBXD_AFTER", "release")]
        case Move.FREE_TRANSFERER | Move.SAY_LEFT:
            return [_send(transferer, "release")]
        case Move.ASK_BACK:
            return [_set(caller, "PBXD_OFFER", rules.offer_prompt), _send(caller, "offer")]
        case Move.SAY_WHY:
            return [_send(transferer, _WHY.get(record.went or TransferOutcome.FAILED, "why-gone"))]
        case Move.TO_QUEUE:
            return _queue(record, rules, position)
        case Move.TO_MAILBOX:
            return [_set(caller, "PBXD_MAILBOX", record.dial), _send(caller, "voicemail")]
        case Move.RESCUE:
            return [_send(caller, "rescue")]
        case _:
            return [] if line is None else _with_target(move, record, rules, line)


def _with_target(move: Move, record: OpenTransfer, rules: TransferRules, line: str) -> list[Action]:
    """What has to be done with the target's own channel."""
    caller, transferer = record.caller, record.transferer
    match move:
        case Move.DROP_LONELY if record.consult_since is not None:
            return []
        case Move.DROP | Move.DROP_LONELY:
            return [Hangup(channel=line).headers()]
        case Move.ANSWER_FOR_CALLER:
            return [_set(line, "PBXD_MEET", "caller")]
        case Move.TARGET_TO_HOLD:
            return [_set(line, "PBXD_AFTER", "hold")]
        case Move.TARGET_FREE_AFTER:
            return [_set(line, "PBXD_AFTER", "release")]
        case Move.REGROUP_TRANSFERER:
            together = _send(caller, "meet-transferer", transferer, "consult")
            return [Hangup(channel=line).headers(), together]
        case Move.BACK_TO_TARGET:
            return [
                _set(transferer, "PBXD_AFTER", "wait"),
                _set(line, "PBXD_MEET", "transferer"),
                _set(line, "PBXD_AFTER", _after(rules)),
                _send(caller, "hold", line, "answered"),
            ]
        case Move.CONFERENCE:
            # Whoever waits joins the two who talk.
            return [_send(caller if record.consult_since is not None else line, "conference")]
        case _:
            raise ValueError(move)


def _after(rules: TransferRules) -> str:
    """What the target does when the transferer hangs up while they talk."""
    return "back" if rules.on_hangup is OnHangup.BACK else ""


def _set(channel: str, variable: str, value: str) -> Action:
    return {"Action": "Setvar", "Channel": channel, "Variable": variable, "Value": value}


def _send(channel: str, exten: str, extra: str | None = None, extra_exten: str = "") -> Action:
    return Redirect(
        channel=channel,
        to=Place(context=CONTEXT, exten=exten),
        extra_channel=extra,
        extra_to=None if extra is None else Place(context=CONTEXT, exten=extra_exten),
    ).headers()


def _part(record: OpenTransfer, rules: TransferRules) -> list[Action]:
    """Both get what their dialplan needs to end this well without us. Their channels may have been through
    a transfer before, so that what is not needed is said as well."""
    first, _ = own_channels(record.id, record.attempt + 1)
    on_caller = {
        "PBXD_TRANSFER": record.id,
        "PBXD_TRANSFERER": record.transferer,
        "PBXD_TARGET": first,
        "PBXD_CALLER": "",
        "PBXD_AFTER": "",
        "PBXD_RECALL": record.interface,
        "PBXD_RECALL_S": _seconds(rules.recall_timeout_s),
        "PBXD_RECALL_QUEUE": rules.recall_queue or record.queue or "",
        "PBXD_MUSIC": rules.music_for(record.queue),
        "PBXD_REASSURE_AFTER": _seconds(rules.reassure_after_s),
        "PBXD_REASSURE_EVERY": _seconds(rules.reassure_every_s),
        "PBXD_REASSURE_PROMPT": rules.prompt_for(record.queue),
    }
    on_transferer = {
        "PBXD_TRANSFER": record.id,
        "PBXD_CALLER": record.caller,
        "PBXD_TARGET": first,
        "PBXD_TRANSFERER": "",
        "PBXD_AFTER": "",
        "PBXD_MEET": "",
        "PBXD_WHY": "",
    }
    return [
        *(_set(record.caller, name, value) for name, value in on_caller.items()),
        *(_set(record.transferer, name, value) for name, value in on_transferer.items()),
        _send(record.caller, "hold", record.transferer, "consult"),
    ]


def _dial(record: OpenTransfer, rules: TransferRules, *, meet: str, position: int | None) -> list[Action]:
    """Call the target on a channel whose name is known before it exists."""
    near, far = own_channels(record.id, record.attempt)
    queue = record.target.kind is TargetKind.QUEUE
    dial = f"Local/{record.dial}@{QUEUE_CONTEXT}/n" if queue else record.dial
    wait_s = rules.queue_timeout_s if queue else rules.ring_timeout_s
    variables = {
        "PBXD_TRANSFER": record.id,
        "PBXD_CALLER": record.caller,
        "PBXD_TRANSFERER": record.transferer,
        "PBXD_MEET": meet,
        "PBXD_MUSIC": rules.music_for(record.queue),
    }
    if queue:
        variables |= _standing(record.dial, rules, position)
    if meet == "transferer" and _after(rules):
        variables["PBXD_AFTER"] = _after(rules)
    originate: Action = {
        "Action": "Originate",
        "Channel": dial,
        "Context": CONTEXT,
        "Exten": "answered",
        "Priority": "1",
        "Async": "true",
        "Timeout": str(round(wait_s * 1000)),
        "CallerID": caller_id(record.caller_name, record.caller_number),
        "ChannelId": near,
        "OtherChannelId": far,
        "Variable": [f"{name}={value}" for name, value in variables.items()],
    }
    if dial.startswith("Local/"):
        # Else a Local channel speaks slin, everything through it is coded twice, and on Asterisk 22 the phone
        # behind it falls silent when its partner changes.
        originate = {**originate, "Codecs": _CODECS}
    if record.attempt == 1:
        return [originate]  # they know it from the start
    named = [_set(record.caller, "PBXD_TARGET", near)]
    if meet == "transferer":
        named.append(_set(record.transferer, "PBXD_TARGET", near))
    return [*named, originate]


def _dial_aside(record: OpenTransfer, rules: TransferRules) -> Action:
    """Call the target, whose channel then fetches the caller by itself; needs nothing of the dialplan.

    ``x``: the caller whose own dialplan has ended is hung up after the talk, instead of being sent through it
    once more. One who is in an application (Queue, Dial) goes on behind it, as he would have done otherwise.
    """
    near, far = own_channels(record.id, record.attempt)
    action: Action = {
        "Action": "Originate",
        "Channel": record.dial,
        "Application": "Bridge",
        "Data": f"{record.caller},x",
        "Async": "true",
        "Timeout": str(round(rules.ring_timeout_s * 1000)),
        "CallerID": caller_id(record.caller_name, record.caller_number),
        "ChannelId": near,
        "OtherChannelId": far,
    }
    return {**action, "Codecs": _CODECS} if record.dial.startswith("Local/") else action


def caller_id(name: str, number: str) -> str:
    """``"Name" <number>``: of a name that a stranger chose nothing but what cannot end the quotes."""
    kept = "".join(char for char in name if char.isprintable() and char not in '"\\<>')[:60]
    dialled = "".join(char for char in number if char.isascii() and (char.isalnum() or char in "+*#_.-"))
    return f'"{kept}" <{dialled}>'


def _queue(record: OpenTransfer, rules: TransferRules, position: int | None) -> list[Action]:
    queue = record.back_to or record.queue or ""
    values = {
        **_standing(queue, rules, position),
        "PBXD_QUEUE": queue,
        "PBXD_QUEUE_TIMEOUT": "",
        "PBXD_TRANSFER": "",
    }
    if queue in rules.surveys:
        values["PBXD_SURVEY"] = rules.surveys[queue]
    return [
        *(_set(record.caller, name, value) for name, value in values.items()),
        _send(record.caller, "requeue"),
    ]


def _standing(queue: str, rules: TransferRules, position: int | None) -> dict[str, str]:
    """Where in a queue he stands who is handed over to it."""
    priority = rules.priority_in(queue)
    place = {"PBXD_QUEUE_POSITION": "" if position is None else str(position)}
    return place if priority is None else {**place, "QUEUE_PRIO": str(priority)}


def _seconds(value: float) -> str:
    return str(max(0, round(value)))
