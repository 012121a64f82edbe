"""The words in which the table of transfers is written: states, inputs, moves, outcomes, steps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbxd.calls.record import TransferOutcome


class State(StrEnum):
    PLACING = "placing"  #: C is put on hold; B's phone waits for B's page to show the hand-over
    RINGING = "ringing"  #: C on hold, A hears ringing, B is called
    TALKING = "talking"  #: A and B talk, C on hold
    SWAPPING = "swapping"  #: … A is on his way to C
    SWAPPED = "swapped"  #: A and C talk, B on hold
    UNSWAPPING = "unswapping"  #: … A is on his way to B
    MERGING = "merging"  #: all three are on their way into one conference
    MERGED = "merged"  #: all three talk
    LEAVING = "leaving"  #: A is on his way out of the conference
    COMPLETING = "completing"  #: C and B are being joined
    BLONDE = "blonde"  #: A is gone, C on hold until B answers
    RETURNING = "returning"  #: C and A are being joined
    RECALLING = "recalling"  #: nobody is there for C: A's phone is called again, then a queue
    OFFERED = "offered"  #: A and C go on talking; B's phone waits for B's page to show the hand-over
    CALLING = "calling"  #: A and C go on talking, B is called for C
    REQUEUEING = "requeueing"  #: C is on his way to a queue
    DEPOSITING = "depositing"  #: C is on his way to a mailbox
    ENDED = "ended"


class Profile(StrEnum):
    """What the switch of a transfer can do."""

    OWN = "own"  #: it has the dialplan ``pbxd-transfer``
    PLAIN = "plain"  #: it has not: callers can only be handed over blind, and stay with A until B answers


class Input(StrEnum):
    # ---- orders
    CANCEL = "cancel"
    SWAP = "swap"
    MERGE = "merge"
    LEAVE = "leave"
    COMPLETE = "complete"
    HAND_TO_QUEUE = "hand to queue"  #: complete, while the target is a queue in which nobody has answered
    REQUEUE = "requeue"
    # ---- signals: what the switch shows
    RINGS = "B rings"
    CONSULT = "A with B"  #: … and C with neither
    BACK = "A with C"  #: … and B with neither
    JOINED = "B with C"  #: … and A with neither
    ALL = "all three"
    ELSEWHERE = "C with somebody else"  #: a phone that is neither A's nor B's channel
    QUEUED = "C in a queue"
    B_GONE = "B gone"  #: and nobody is left who could be tried
    B_NEXT = "B gone, another left"
    MAILBOX = "a mailbox is next"  #: … or first
    DEPOSITED = "C in a mailbox"
    B_TOLD = "B gone, another told"  #: … whose phone waits until his page shows the hand-over
    A_GONE = "A gone"
    A_SLIPPED = "A gone, wanted back"  #: the same where the settings say that a hang-up is a slip
    C_GONE = "C gone"
    # ---- answers and times
    GO = "B knows"  #: the target's page shows the hand-over, or it has had its time
    GUARD = "C held too long"
    OFFER = "C held too long, offer"  #: … and he is to be asked whether he wants to be called back
    LOOK = "time up"  #: … or an action was refused, or nobody knows what became of it


class Move(StrEnum):
    """One or more actions for the switch; ``pbxd.transfers.moves`` makes them."""

    PART = "C to hold, A to wait"
    DIAL = "call B for A"
    DIAL_FOR_CALLER = "call B for C"
    DIAL_ASIDE = "call B for C, who talks with A"
    ANSWER_FOR_CALLER = "B's answer is for C"
    TO_TRANSFERER = "C to A"
    TO_TARGET = "C to B"
    HAND_OVER = "C to B, A free"
    REGROUP_TRANSFERER = "C and A out of the conference, to each other"
    TARGET_TO_HOLD = "B to hold when A leaves him"
    TARGET_FREE_AFTER = "B free when A leaves him"
    TRANSFERER_FREE_AFTER = "A free when C leaves him"
    BACK_TO_TARGET = "C to hold, B to A"
    CONFERENCE = "all to one conference"
    DROP = "hang up B"
    DROP_LONELY = "hang up B, unless he talks with A"
    FREE_TRANSFERER = "free A"
    ASK_BACK = "ask C whether to call back, then C to A"
    SAY_WHY = "tell A why, then C to A"
    SAY_LEFT = "tell A that C left"
    TO_QUEUE = "C to the queue"
    TO_MAILBOX = "C to the mailbox"
    RESCUE = "C back to A's phone, else a queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row's right-hand side. ``outcome`` while not ENDED: how it will end if all goes as wished."""

    to: State
    moves: tuple[Move, ...] = ()
    event: str = ""  #: what is published, beside the change itself
    outcome: TransferOutcome | None = None
    as_it_went: bool = False  #: the outcome is what became of the attempt to reach B (busy, declined, …)
    again: bool = False  #: an order that has been obeyed already
    stay: bool = False  #: expected, and changes nothing
