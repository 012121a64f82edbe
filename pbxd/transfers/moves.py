"""What each move is for the switch: one or more actions, in the order in which they must be carried out.

The places and variables are those of the dialplan ``pbxd-transfer``, which says what each of them does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pbxd.ami.actions import Hangup, Place, Redirect
from pbxd.calls.names import OWN
from pbxd.ids import Uniqueid
from pbxd.orders import TargetKind
from pbxd.transfers.record import OpenTransfer
from pbxd.transfers.rules import OnHangup, TransferRules
from pbxd.transfers.words import Move, Outcome

CONTEXT = "pbxd-transfer"
QUEUE_CONTEXT = "pbxd-transfer-queue"
Action = Mapping[str, str | Sequence[str]]

_WHY = {
    Outcome.BUSY: "why-busy",
    Outcome.DECLINED: "why-declined",
    Outcome.NO_ANSWER: "why-noanswer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlace:
    """Where in a queue the caller joins."""

    position: int | None = None


def target_channel(record: OpenTransfer) -> Uniqueid:
    """The name that we give to the channel of the current attempt."""
    return Uniqueid(f"{OWN}{record.id}-{record.attempt}")


def actions(move: Move, record: OpenTransfer, rules: TransferRules, place: QueuePlace) -> list[Action]:
    """The actions of a move. A target that does not exist needs none."""
    caller, transferer, target = record.caller, record.transferer, record.channel
    match move:
        case Move.PART:
            return _part(record, rules)
        case Move.DIAL:
            return _dial(record, rules, meet="transferer")
        case Move.DIAL_FOR_CALLER:
            return _dial(record, rules, meet="caller")
        case Move.ANSWER_FOR_CALLER:
            return [] if target is None else [_set(target, "PBXD_MEET", "caller")]
        case Move.TO_TRANSFERER:
            return [_send(caller, "meet-transferer")]
        case Move.TO_TARGET:
            return [_send(caller, "meet-target")]
        case Move.REGROUP_TRANSFERER:
            return [*_drop(target), _send(caller, "meet-transferer", transferer, "consult")]
        case Move.TARGET_TO_HOLD:
            return [] if target is None else [_set(target, "PBXD_AFTER", "hold")]
        case Move.TARGET_FREE_AFTER:
            return [] if target is None else [_set(target, "PBXD_AFTER", "release")]
        case Move.TRANSFERER_FREE_AFTER:
            return [_set(transferer, "PBXD_AFTER", "release")]
        case Move.BACK_TO_TARGET:
            if target is None:
                return []
            return [_set(target, "PBXD_MEET", "transferer"), _send(caller, "hold", target, "answered")]
        case Move.CONFERENCE:
            return _conference(record)
        case Move.DROP:
            return _drop(target)
        case Move.FREE_TRANSFERER:
            return [Hangup(channel=transferer).headers()]
        case Move.SAY_WHY:
            return [_send(transferer, _WHY.get(record.went or Outcome.FAILED, "why-gone"))]
        case Move.SAY_LEFT:
            return [_send(transferer, "release")]
        case Move.TO_QUEUE:
            return _queue(record, place)
        case Move.RESCUE:
            return [_send(caller, "rescue")]


def _set(channel: str, variable: str, value: str) -> Action:
    return {"Action": "Setvar", "Channel": channel, "Variable": variable, "Value": value}


def _send(channel: str, exten: str, extra: str | None = None, extra_exten: str = "") -> Action:
    return Redirect(
        channel=channel,
        to=Place(context=CONTEXT, exten=exten),
        extra_channel=extra,
        extra_to=None if extra is None else Place(context=CONTEXT, exten=extra_exten),
    ).headers()


def _drop(target: Uniqueid | None) -> list[Action]:
    return [] if target is None else [Hangup(channel=target).headers()]


def _part(record: OpenTransfer, rules: TransferRules) -> list[Action]:
    """Both get what their dialplan needs to end this well without us, and whatever an earlier one left."""
    on_caller = {
        "PBXD_TRANSFER": record.id,
        "PBXD_TRANSFERER": record.transferer,
        "PBXD_TARGET": "",
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
        "PBXD_TARGET": "",
        "PBXD_TRANSFERER": "",
        "PBXD_AFTER": "",
        "PBXD_WHY": "",
    }
    return [
        *(_set(record.caller, name, value) for name, value in on_caller.items()),
        *(_set(record.transferer, name, value) for name, value in on_transferer.items()),
        _send(record.caller, "hold", record.transferer, "consult"),
    ]


def _dial(record: OpenTransfer, rules: TransferRules, *, meet: str) -> list[Action]:
    """Call the target on a channel whose name is known before it exists."""
    channel = target_channel(record)
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
    if rules.on_hangup is OnHangup.BACK and meet == "transferer":
        variables["PBXD_AFTER"] = "back"
    originate: Action = {
        "Action": "Originate",
        "Channel": dial,
        "Context": CONTEXT,
        "Exten": "answered",
        "Priority": "1",
        "Async": "true",
        "Timeout": str(round(wait_s * 1000)),
        "CallerID": caller_id(record.caller_name, record.caller_number),
        "ChannelId": channel,
        **({"OtherChannelId": f"{channel};2"} if dial.startswith("Local/") else {}),
        "Variable": [f"{name}={value}" for name, value in variables.items()],
    }
    named = [_set(record.caller, "PBXD_TARGET", channel)]
    if meet == "transferer":
        named.append(_set(record.transferer, "PBXD_TARGET", channel))
    return [*named, originate]


def caller_id(name: str, number: str) -> str:
    """``"Name" <number>``: of a name that a stranger chose nothing but what cannot end the quotes."""
    kept = "".join(char for char in name if char.isprintable() and char not in '"\\<>')[:60]
    dialled = "".join(char for char in number if char.isascii() and (char.isalnum() or char in "+*#_.-"))
    return f'"{kept}" <{dialled}>'


def _conference(record: OpenTransfer) -> list[Action]:
    target = record.channel
    if target is None:
        return []
    together = _send(record.caller, "conference", record.transferer, "conference")
    if record.consult_since is not None:  # the target is with the transferer, and follows when he goes
        return [_set(target, "PBXD_AFTER", "conference"), together]
    return [together, _send(target, "conference")]


def _queue(record: OpenTransfer, place: QueuePlace) -> list[Action]:
    values = {
        "PBXD_QUEUE": record.back_to or record.queue or "",
        "PBXD_QUEUE_TIMEOUT": "",
        "PBXD_QUEUE_POSITION": "" if place.position is None else str(place.position),
        "PBXD_TRANSFER": "",
    }
    redirect = Redirect(channel=record.caller, to=Place(context="pbxd-queue", exten="s")).headers()
    return [*(_set(record.caller, name, value) for name, value in values.items()), redirect]


def _seconds(value: float) -> str:
    return str(max(0, round(value)))
