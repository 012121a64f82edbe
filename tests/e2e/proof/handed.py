"""How long a transfer took, as the switch and the test's own clock say."""

from __future__ import annotations

from collections.abc import Iterator

from tests.e2e.proof.journey import Journey, Transfer
from tests.e2e.proof.truth import Spell, Truth, settled


def _into_queue(transfer: Transfer) -> bool:
    """Such a one is over for pbxd when the caller waits there."""
    return transfer.by == "pbxd" and transfer.to_kind == "queue"


def begun(truth: Truth, journey: Journey, transfer: Transfer) -> tuple[float, float]:
    """Between when and when it began: the order of a page takes a moment to pbxd and back."""
    if transfer.asked is not None:
        return transfer.asked
    sent = truth.sent_on.get(journey.uniqueid)
    at = sent[0] if transfer.kind == "blind" and sent else _dialled(truth, journey, transfer)
    return at, at


def _dialled(truth: Truth, journey: Journey, transfer: Transfer) -> float:
    """When the transferer began his second call; or the switch one for him, by the digits of ``*2``."""
    came, went = truth.began[journey.uniqueid], truth.ended[journey.uniqueid]
    for_him = f"Local/{transfer.from_.removeprefix('PJSIP/')[:-2]}"
    return next(
        at
        for id_, at in truth.began.items()
        if came < at < went
        and id_ not in truth.rings
        and (truth.phone(id_) == transfer.from_ or truth.names[id_].startswith(for_him))
    )


def _talks(truth: Truth, journey: Journey) -> Iterator[tuple[str, Spell]]:
    """Of the caller: with whose phone, and when."""
    ended = truth.ended[journey.uniqueid]
    for id_, spells in truth.talks.get(journey.uniqueid, {}).items():
        for spell in settled(spells):
            yield truth.phone(id_), Spell(spell.started, spell.ended or ended)


def answered(truth: Truth, journey: Journey, transfer: Transfer) -> float | None:
    """When the target first heard the transferer or the caller. A queue of pbxd's is none."""
    if _into_queue(transfer):
        return None
    began, _ = begun(truth, journey, transfer)
    ended = truth.ended[journey.uniqueid]
    heard = [
        spell.started
        for phone, spell in _talks(truth, journey)
        if phone != transfer.from_ and spell.started > began
    ]
    for pair, spells in truth.aside.items():
        phones = {truth.phone(id_) for id_ in pair}
        if transfer.from_ in phones and len(phones) == 2:
            heard += [spell.started for spell in settled(spells) if began < spell.started < ended]
    return min(heard, default=None)


def silence(truth: Truth, journey: Journey, transfer: Transfer) -> float:
    """How long the caller heard nobody, until he heard the target, or the transferer again, or left."""
    began, _ = begun(truth, journey, transfer)
    talks = list(_talks(truth, journey))
    back = transfer.outcome in ("cancelled", "declined", "recalled")
    ends = [
        spell.started for phone, spell in talks if spell.started > began and (phone == transfer.from_) is back
    ]
    if transfer.outcome == "caller_left":
        ends = [truth.ended[journey.uniqueid]]
    elif _into_queue(transfer) or transfer.outcome == "requeued":
        ends = [s.spell.started for s in truth.stays[journey.uniqueid] if s.spell.started > began]
    ended = min(ends)
    talked = sum(max(0.0, min(spell.ended or ended, ended) - max(spell.started, began)) for _, spell in talks)
    return ended - began - talked


def rang(truth: Truth, journey: Journey, transfer: Transfer) -> float | None:
    """When the first phone of a target rang; a queue rings its own."""
    if _into_queue(transfer):
        return None
    began, _ = begun(truth, journey, transfer)
    ended = truth.ended[journey.uniqueid]
    lane = transfer.from_[:-2]
    return min(
        (at for id_, at in truth.ringing.items() if began < at < ended and truth.phone(id_).startswith(lane)),
        default=None,
    )


def until_heard(truth: Truth, journey: Journey, consult: Spell) -> float:
    """How long after a consultation the caller heard somebody again, or left."""
    ended = consult.ended or truth.ended[journey.uniqueid]
    heard = [spell.started for _, spell in _talks(truth, journey) if spell.started >= ended]
    return min([truth.ended[journey.uniqueid], *heard]) - ended
