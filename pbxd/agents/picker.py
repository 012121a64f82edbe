"""Who can solve this now: everybody and everything that a call could be handed to, the best first.

Expected waits are estimates by the queue-length predictor: whoever finds n callers before him and s people
who answer, each busy for a mean time h per call, waits (n + 1) · h / s (W. Whitt, "Predicting Queueing
Delays", Management Science 45, 1999; R. Ibrahim and W. Whitt, "Real-Time Delay Estimation Based on Delay
History", M&SOM 11, 2009: of the simple predictors the best where few give up). With somebody free and nobody
before him he waits 0. For one busy person n = 0 and s = 1: what is left of a call is, as long as nothing else
is known, as long as a whole one. h is the mean of the last calls (``handling``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pbxd.agents.availability import (
    Available,
    Floor,
    Standing,
    Switch,
    available,
    nobody_free,
    serving,
    standings,
    why_not,
    with_skill,
)
from pbxd.agents.handling import Handling
from pbxd.agents.outside import looks_like_number
from pbxd.agents.refused import Reason, Refused
from pbxd.agents.state import AgentState
from pbxd.ids import AgentId, NodeId
from pbxd.orders import Target, TargetKind
from pbxd.queues.model import MemberState, member_state

_KINDS = list(TargetKind)
_YOURSELF = Refused(code=Reason.YOURSELF, text="that is yourself")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One target as the picker shows it."""

    kind: TargetKind
    id: str
    name: str
    state: str  #: of an agent as everywhere; else: ready, busy, offline
    free: int  #: how many people could take the call now
    skill: int | None  #: level in the skill that is looked for
    expected_wait_s: float | None  #: None: nobody knows
    refused: Refused | None
    why: str
    skills: Mapping[str, int]

    def row(self) -> dict[str, Any]:
        """JSON-able."""
        wait = self.expected_wait_s
        return {
            "kind": self.kind.value,
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "free": self.free,
            "skill": self.skill,
            "skills": dict(self.skills),
            "expected_wait_s": None if wait is None else round(wait, 1),
            "allowed": self.refused is None,
            "code": None if self.refused is None else self.refused.code.value,
            "why": self.why,
        }

    def rank(self) -> tuple[object, ...]:
        wait = self.expected_wait_s
        return (
            self.refused is not None,
            wait is None,
            wait or 0.0,
            -(self.skill or 0),
            _KINDS.index(self.kind),
            self.name.casefold(),
            self.id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for."""

    by: AgentId
    node: NodeId
    at: float  #: pbxd's clock
    queue: str | None = None  #: the one through which the call came
    query: str = ""  #: part of a name, a skill, or a number; '': everybody


def pick(floor: Floor, handling: Handling, search: Search) -> list[Candidate]:
    """All that fit, the best first: who can be tried, who is there soonest, who can do it best."""
    everybody = standings(floor, floor.staff.agents.values(), search.node)
    skills = sorted({skill for agent in floor.staff.agents.values() for skill in agent.skills})
    needed = _needed(search, skills)
    found = [
        *_agents(floor, handling, search, everybody, needed),
        *_skills(floor, handling, search, everybody, skills),
        *_queues(floor, handling, search),
        *_outside(floor, search),
        *_mailboxes(floor, search),
    ]
    return ranked(found)


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Who can be tried, who is there soonest, who can do it best."""
    return sorted(candidates, key=Candidate.rank)


def expected_wait_s(ahead: int, people: int, handling_s: float) -> float | None:
    """How long until one of ``people``, all busy, takes whoever has ``ahead`` others before him."""
    return (ahead + 1) * handling_s / people if people else None


def _needed(search: Search, skills: list[str]) -> str | None:
    """The skill that is looked for: what was typed, else the one that is called like the call's queue."""
    typed = search.query.casefold()
    named = [skill for skill in skills if typed and skill.casefold().startswith(typed)]
    if named:
        return named[0]
    return search.queue if search.queue in skills else None


def _fits(search: Search, *words: str) -> bool:
    typed = search.query.casefold()
    return not typed or any(typed in word.casefold() for word in words)


# ---------------------------------------------------------------- one kind after the other


def _agents(
    floor: Floor, handling: Handling, search: Search, everybody: list[Standing], needed: str | None
) -> Iterator[Candidate]:
    for standing in everybody:
        agent = standing.agent
        if agent.id == search.by or not _fits(search, agent.name, agent.id, *agent.skills):
            continue
        refused = why_not(standing, search.by, search.node)
        wait = _wait_for(floor, handling, search, standing)
        level = agent.skills.get(needed) if needed is not None else None
        able = f", {needed} {level}" if level is not None else ""
        yield Candidate(
            kind=TargetKind.AGENT,
            id=agent.id,
            name=agent.name,
            state=standing.state.value,
            free=int(refused is None),
            skill=level,
            expected_wait_s=wait,
            refused=refused,
            why=f"free{able}" if refused is None else f"{refused.text}{_in_about(wait)}",
            skills=agent.skills,
        )


def _wait_for(floor: Floor, handling: Handling, search: Search, standing: Standing) -> float | None:
    match standing.state:
        case AgentState.READY:
            return 0.0 if standing.device is not None else None
        case AgentState.TALKING | AgentState.RINGING:
            serves = [m.queue for node, m in floor.served(standing.agent) if node == search.node]
            queues: list[str | None] = [*serves] or [None]
            means = [handling.mean_s(search.node, queue) for queue in queues]
            return expected_wait_s(0, 1, sum(means) / len(means))
        case AgentState.WRAPUP:
            wrap_up = floor.wrapping.get(standing.agent.id)
            if wrap_up is None:
                return None
            return wrap_up.length_s if wrap_up.until is None else max(0.0, wrap_up.until - search.at)
        case AgentState.PAUSED | AgentState.OFFLINE:
            return None


def _skills(
    floor: Floor, handling: Handling, search: Search, everybody: list[Standing], skills: list[str]
) -> Iterator[Candidate]:
    known = {standing.agent.id: standing for standing in everybody}
    for skill in skills:
        if not _fits(search, skill):
            continue
        able = [known[agent.id] for agent in with_skill(floor.staff, skill) if agent.id != search.by]
        refusals = [why_not(standing, search.by, search.node) for standing in able]
        best = [s for s, refusal in zip(able, refusals, strict=True) if refusal is None]
        waits = [_wait_for(floor, handling, search, standing) for standing in able]
        busy = [wait for wait in waits if wait is not None]
        wait = 0.0 if best else expected_wait_s(0, len(busy), sum(busy) / len(busy)) if busy else None
        reasons = [refusal for refusal in refusals if refusal is not None]
        refused = None if best else nobody_free(skill, reasons or [_YOURSELF])
        yield Candidate(
            kind=TargetKind.SKILL,
            id=skill,
            name=skill,
            state="ready" if best else "busy" if busy else "offline",
            free=len(best),
            skill=best[0].agent.skills[skill] if best else None,
            expected_wait_s=wait,
            refused=refused,
            why=f"{len(best)} of {len(able)} free" if refused is None else refused.text + _in_about(wait),
            skills={},
        )


def _queues(floor: Floor, handling: Handling, search: Search) -> Iterator[Candidate]:
    switch = floor.switches.get(search.node)
    for queue in switch.queues.names if switch is not None else ():
        if switch is not None and _fits(search, queue):
            yield _of_queue(floor, handling, search, switch, queue)


def _of_queue(floor: Floor, handling: Handling, search: Search, switch: Switch, queue: str) -> Candidate:
    told = available(
        floor, Target(kind=TargetKind.QUEUE, id=queue), by=search.by, node=search.node, at=search.at
    )
    refused = told if isinstance(told, Refused) else None
    waiting = sum(1 for _ in switch.queues.waiting(queue))
    people = serving(switch.queues.members(queue))
    ready = [m for m in people if member_state(m) is MemberState.READY and not m.paused]
    free = max(0, len(ready) - waiting)
    handling_s = handling.mean_s(search.node, queue)
    wait = 0.0 if free else expected_wait_s(waiting, len(people), handling_s)
    numbers = f"{_callers(waiting)}, {len(people)} serving, {free} free"
    return Candidate(
        kind=TargetKind.QUEUE,
        id=queue,
        name=queue,
        state="ready" if free else "busy" if people else "offline",
        free=free,
        skill=None,
        expected_wait_s=wait,
        refused=refused,
        why=f"{numbers}{_in_about(wait)}" if refused is None else refused.text,
        skills={},
    )


def _outside(floor: Floor, search: Search) -> Iterator[Candidate]:
    if not looks_like_number(search.query):
        return
    target = Target(kind=TargetKind.OUTSIDE, id=search.query)
    told = available(floor, target, by=search.by, node=search.node, at=search.at)
    allowed = isinstance(told, Available)
    yield Candidate(
        kind=TargetKind.OUTSIDE,
        id=told.id if isinstance(told, Available) else search.query,
        name=told.name if isinstance(told, Available) else search.query,
        state="ready" if allowed else "offline",
        free=int(allowed),
        skill=None,
        expected_wait_s=0.0 if allowed else None,
        refused=told if isinstance(told, Refused) else None,
        why=told.text if isinstance(told, Refused) else "a number outside",
        skills={},
    )


def _mailboxes(floor: Floor, search: Search) -> Iterator[Candidate]:
    """Those of the settings, where the switch takes messages. The last resort: behind all who may answer."""
    for mailbox in floor.mailboxes:
        if not mailbox.is_on(search.node) or not _fits(search, mailbox.title, mailbox.id):
            continue
        target = Target(kind=TargetKind.VOICEMAIL, id=mailbox.id)
        told = available(floor, target, by=search.by, node=search.node, at=search.at)
        if isinstance(told, Available):
            yield Candidate(
                kind=TargetKind.VOICEMAIL,
                id=told.id,
                name=told.name,
                state="ready",
                free=0,
                skill=None,
                expected_wait_s=None,
                refused=None,
                why="takes a message",
                skills={},
            )


# ---------------------------------------------------------------- words


def _callers(waiting: int) -> str:
    return "nobody waits" if not waiting else "1 caller waits" if waiting == 1 else f"{waiting} callers wait"


def _in_about(seconds: float | None) -> str:
    """``; in about 4 min``."""
    if not seconds:
        return ""
    if seconds < 90:
        return f"; in about {max(5, round(seconds / 5) * 5):.0f} s"
    return f"; in about {round(seconds / 60):.0f} min"


def rows(candidates: Iterable[Candidate]) -> list[dict[str, Any]]:
    """For the API."""
    return [candidate.row() for candidate in candidates]
