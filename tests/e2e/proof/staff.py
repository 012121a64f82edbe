"""What the agents did with their time, as the switch says: on the phone, paused, writing notes, all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from deploy.lab.centre import sums
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.house import WRAP_UP_S
from tests.e2e.proof.truth import Spell, Truth

STATES = ("ready", "ringing", "talking", "paused", "wrapup")
NOTES = "pbxd:wrap-up"  #: the reason of pauses that pbxd makes


def united(spells: Iterable[Spell]) -> list[Spell]:
    """The same time in as few pieces as possible."""
    pieces: list[Spell] = []
    for spell in sorted(spells, key=lambda one: one.started):
        if pieces and spell.started <= (pieces[-1].ended or 0.0):
            pieces[-1].ended = max(pieces[-1].ended or 0.0, spell.ended or 0.0)
        else:
            pieces.append(Spell(spell.started, spell.ended))
    return pieces


def calls(truth: Truth, interface: str, began: float) -> list[Spell]:
    """When this phone was in a call: from its answer, or from its own dialling, to the end."""
    return united(
        Spell(truth.up.get(id_, at) if id_ in truth.rings else at, truth.ended[id_])
        for id_, at in truth.began.items()
        if at > began and truth.phone(id_) == interface and (id_ in truth.up or id_ not in truth.rings)
    )


def compare_staff(
    compared: Compared,
    truth: Truth,
    interfaces: Iterable[str],
    was: tuple[float, Mapping[str, float]],
    now: tuple[float, Mapping[str, float]],
) -> None:
    """``was``, ``now``: a time shortly before the scrape, and what it said; nobody was in a call then."""
    agents, began = list(interfaces), was[0]
    told = {
        state: sums(now[1], "pbxd_staff_seconds_total", [f'state="{state}"'])
        - sums(was[1], "pbxd_staff_seconds_total", [f'state="{state}"'])
        for state in STATES
    }
    signed_in = len(agents) * (now[0] - began)
    compared.close("staff: signed in", signed_in, sum(told.values()), len(agents) * 2)
    talks = [spell for agent in agents for spell in calls(truth, agent, began)]
    compared.close("staff: talking", _sum(talks), told["talking"], len(talks))
    pauses = [
        (reason, pause, agent)
        for agent in agents
        for pause, reason in zip(truth.pauses[agent], truth.reasons[agent], strict=True)
        if began < pause.started < now[0]
    ]
    wrap_ups = [(pause, calls(truth, agent, began)) for why, pause, agent in pauses if why == NOTES]
    notes = [_outside(pause, talks_) for pause, talks_ in wrap_ups]
    others = [pause.seconds for why, pause, _ in pauses if why != NOTES]
    least = [min(seconds, WRAP_UP_S) for seconds in notes]  # see Book.wrap_up
    late = sum(_since_the_call(pause, talks_) for pause, talks_ in wrap_ups) - sum(least)
    compared.close("staff: wrap-up", sum(least), told["wrapup"], len(notes), up_to=late)
    compared.close("staff: paused", sum(others), told["paused"], len(others))


def _sum(spells: Iterable[Spell]) -> float:
    return sum((spell.seconds for spell in spells), 0.0)


def _since_the_call(pause: Spell, talks: Iterable[Spell]) -> float:
    """From the end of the call to the end of the pause, which a busy switch begins some time after it."""
    ended = pause.ended or pause.started
    return ended - max(freed for freed in (talk.ended for talk in talks) if freed and freed <= ended)


def _outside(pause: Spell, talks: Iterable[Spell]) -> float:
    """A pause that begins in a call counts from its end."""
    ended = pause.ended or pause.started
    common = (
        min(talk.ended or ended, ended) - max(talk.started, pause.started)
        for talk in talks
        if talk.started < ended and (talk.ended or ended) > pause.started
    )
    return ended - pause.started - sum(common)
