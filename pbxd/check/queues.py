"""queues.conf and features.conf: whose phone rings, and does anybody get the screen pop?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pbxd.check.conf import Category, Conf
from pbxd.check.findings import Finding, note, warning
from pbxd.check.manager import TRUE
from pbxd.settings.model import Agent, Node, WrapUp
from pbxd.settings.yaml_source import Place


@dataclass(frozen=True, slots=True)
class Member:
    queue: str
    interface: str
    place: Place


def queues_of(conf: Conf) -> list[Category]:
    return [c for c in conf.categories if c.name.lower() != "general"]


def members_of(conf: Conf) -> list[Member]:
    """The static members of all queues."""
    return [
        Member(queue.name, line.value.split(",")[0].strip(), line.place)
        for queue in queues_of(conf)
        for line in queue.all("member")
    ]


def check_queues(conf: Conf, node: Node, agents: tuple[Agent, ...]) -> Iterator[Finding]:
    """Members against the agents of the settings, and what spoils a screen pop."""
    if not conf.exists:
        yield note(conf.place, "there is no such file: queues and their members were not checked")
        return
    if not queues_of(conf):
        yield warning(conf.place, "there is no queue; app_queue may have them from a database")
    members = members_of(conf)
    owners = {
        device.lower(): agent for agent in agents for on, device in agent.devices if on in (None, node.name)
    }
    for member in members:
        if member.interface.lower() not in owners:
            yield warning(
                member.place, f"{member.interface} in queue {member.queue} is no agent's: nobody gets the pop"
            )
    seated = {member.interface.lower() for member in members}
    for agent in agents:
        mine = [device for device, owner in owners.items() if owner is agent]
        if mine and not seated.intersection(mine):
            yield note(
                conf.place, f"agent {agent.id} ({', '.join(agent.interfaces)}) is a static member of no queue"
            )
    for queue in queues_of(conf):
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", queue.name):
            yield note(
                queue.place,
                f"queue {queue.name}: callers cannot be handed over to it, because its name holds more than "
                "letters, digits, _ . and -",
            )
        rings = queue.last("ringinuse")
        if rings is not None and rings.value.lower() in TRUE:
            yield warning(
                rings.place,
                f"queue {queue.name}: ringinuse = yes brings screen pops to agents who are talking",
            )


def check_wrap_up(conf: Conf, wrap_up: WrapUp) -> Iterator[Finding]:
    """Agents who wrap up are paused: queues must not take them for people who went home."""
    general = conf.category("general")
    shared = general.last("shared_lastcall") if general else None
    for queue in queues_of(conf):
        if not wrap_up.queues.get(queue.name, wrap_up.default):
            continue
        for name in ("joinempty", "leavewhenempty"):
            line = queue.last(name)
            if line is not None and _counts_paused(name, line.value):
                yield warning(
                    line.place,
                    f"queue {queue.name}: {name} = {line.value} sends callers away while all agents are "
                    "paused for their wrap-up; better: unavailable,invalid,unknown",
                )
        guard = queue.last("wrapuptime")
        if guard is None or guard.value.strip() in ("", "0"):
            yield note(
                guard.place if guard else queue.place,
                f"queue {queue.name}: wrapuptime = 2 (with shared_lastcall = yes) closes the two "
                "milliseconds between a hang-up and pbxd's pause",
            )
        elif shared is None or shared.value.lower() not in TRUE:
            yield note(
                guard.place,
                f"queue {queue.name}: without shared_lastcall = yes in [general] wrapuptime holds for calls "
                "of this queue only",
            )


def _counts_paused(name: str, value: str) -> bool:
    words = {word.strip().lower() for word in value.split(",")}
    plain = {"no", "false", "n", "f", "0", "off"} if name == "joinempty" else TRUE
    return bool(words & {"paused", "strict"} or words & set(plain))


def check_features(conf: Conf) -> Iterator[Finding]:
    """Transfers by the keys of the phone."""
    if not conf.exists:
        return
    general, keys = conf.category("general"), conf.category("featuremap")
    drops = general.last("atxferdropcall") if general else None
    if drops is not None and drops.value.lower() in TRUE:
        yield warning(
            drops.place, "atxferdropcall = yes: an agent who hangs up while the target rings loses the caller"
        )
    if keys is None or keys.last("atxfer") is None:
        yield note(
            keys.place if keys else conf.place, "no atxfer key: phones without a transfer button have none"
        )
