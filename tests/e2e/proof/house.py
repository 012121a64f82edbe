"""The call centre of the proof: lanes of callers, agents and queues, its call flow, its settings.

Each lane has a caller, three agents and queues of its own, so that it is certain who gets whom. Of the one
queue for a crowd it is not.
"""

from __future__ import annotations

from typing import Any

from deploy.lab.centre import Desk
from deploy.lab.files import Wishes

Json = dict[str, Any]

LANES = 3
CROWD = LANES + 1  #: the number of the one in which several callers wait together
PATIENCE_S = 60.0  #: how slow a machine may be
SERVICE_LEVEL_S = 2.0
SHORT_S = 1.5
WRAP_UP_S = 1.0
FIRST_CONTACT_S = 12.0  #: who calls again later does not do so because of the call before

QUEUES = """
; Agents of one lane, one after the other: the second when the first declines or does not answer.
[main{n}](lab-queue)
strategy = linear
timeout = 4
member => PJSIP/1{n}01,0,A{n},PJSIP/1{n}01
member => PJSIP/1{n}02,0,B{n},PJSIP/1{n}02
; Notes are written after these calls.
[notes{n}](lab-queue)
strategy = linear
timeout = 4
member => PJSIP/1{n}01,0,A{n},PJSIP/1{n}01
; Asked afterwards how it was.
[rated{n}](lab-queue)
strategy = linear
member => PJSIP/1{n}01,0,A{n},PJSIP/1{n}01
; Its agent is behind a Local channel that stays, as FreePBX makes them.
[local{n}](lab-queue)
member => Local/1{n}01@lab-members/n,0,A{n},PJSIP/1{n}01
; Everybody at once.
[all{n}](lab-queue)
strategy = ringall
member => PJSIP/1{n}01,0,A{n},PJSIP/1{n}01
member => PJSIP/1{n}02,0,B{n},PJSIP/1{n}02
; Where callers overflow to, or are sent.
[over{n}](lab-queue)
member => PJSIP/1{n}03,0,C{n},PJSIP/1{n}03
; May be left with a key.
[keys{n}](lab-queue)
context = lab-keys
member => PJSIP/1{n}01,0,A{n},PJSIP/1{n}01
"""
CROWDED = f"""
; One queue for several callers, each of its agents in turn.
[crowd](lab-queue)
strategy = rrmemory
timeout = 4
member => PJSIP/1{CROWD}01,0,A{CROWD},PJSIP/1{CROWD}01
member => PJSIP/1{CROWD}02,0,B{CROWD},PJSIP/1{CROWD}02
member => PJSIP/1{CROWD}03,0,C{CROWD},PJSIP/1{CROWD}03
"""
EXTENSIONS = """
[lab-members]
exten => _1XXX,1,Dial(PJSIP/${EXTEN})
 same => n,Hangup()

[lab-keys]
exten => 0,1,Hangup()

[pbxd-phones](+)
exten => _8X1,1,Answer()
 same => n,Queue(over${EXTEN:1:1},t)
 same => n,Hangup()

[lab-queue](+)
exten => _3X1,1,Answer()
 same => n,Queue(main${EXTEN:1:1},t)
 same => n,Hangup()
exten => _3X2,1,Answer()
 same => n,Queue(main${EXTEN:1:1},t,,,3)
 same => n,Hangup()
exten => _3X3,1,Answer()
 same => n,Queue(main${EXTEN:1:1},t,,,3)
 same => n,Queue(over${EXTEN:1:1},t,,,60)
 same => n,Hangup()
exten => _3X4,1,Answer()
 same => n,Queue(keys${EXTEN:1:1},t)
 same => n,Hangup()
exten => _3X5,1,Answer()
 same => n,Queue(notes${EXTEN:1:1},t)
 same => n,Hangup()
exten => _3X6,1,Answer()
 same => n,Queue(all${EXTEN:1:1},t)
 same => n,Hangup()
exten => _3X7,1,Dial(PJSIP/1${EXTEN:1:1}02)
 same => n,Hangup()
exten => _3X8,1,Answer()
 same => n,Queue(local${EXTEN:1:1},t)
 same => n,Hangup()
exten => 397,1,Answer()
 same => n,Queue(crowd,t)
 same => n,Hangup()
"""
SURVEY = """\
title: After the call
languages: [en]
start: ask
prompts:
  how_was_it: { en: How was it? }
steps:
  ask:
    type: rate
    label: Satisfaction
    prompt: how_was_it
    timeout: 5s
    retries: 0
    invalid: { prompt: how_was_it, next: over }
    no_input: { next: over }
    next: over
  over: { type: hangup }
"""
FLOW = """\
title: Main number
languages: [en]
start: choose
on_failure: { queue: fallback, subject: broken }
prompts:
  choices: { en: Please press a key. }
  wrong: { en: This is not one of the choices. }
steps:
  choose:
    type: menu
    label: Main menu
    prompt: choices
    options:
{options}
    timeout: 20s
    retries: 2
    invalid: { prompt: wrong, next: bye }
    no_input: { prompt: wrong, next: bye }
  bye: { type: hangup }
"""


def skills(agent: str) -> dict[str, int]:
    """By their names, with the level. The third of each lane has one of his own, that of the crowd none."""
    who, n = agent
    own = {} if n == str(CROWD) else {f"claims{n}": 4}
    return {"a": {"tax": 5}, "b": {"tax": 3, "roof": 8}, "c": own}[who]


def desks() -> list[Desk]:
    return [
        Desk(
            id=f"{who}{n}",
            name=f"{who.upper()} {n}",
            phones=(f"1{n}0{i}",),
            skills=skills(f"{who}{n}"),
            members=(f"Local/1{n}0{i}@lab-members/n",) if who == "a" and n != CROWD else (),
        )
        for n in range(1, CROWD + 1)
        for i, who in enumerate("abc", 1)
    ]


def known_as(desk: Desk) -> tuple[str, ...]:
    """The interfaces by which queues know him."""
    return (f"PJSIP/{desk.phones[0]}", *desk.members)


def wishes() -> Wishes:
    return Wishes(
        phones=[desk.phones[0] for desk in desks()] + [f"100{n}" for n in range(1, 5)],
        extensions=EXTENSIONS,
        queues="".join(QUEUES.replace("{n}", str(n)) for n in range(1, LANES + 1)) + CROWDED,
        scenarios=False,
        cdr=True,
    )


def members() -> dict[str, int]:
    """How many each queue has."""
    written = CROWDED + "".join(QUEUES.replace("{n}", str(n)) for n in range(1, LANES + 1))
    return {part.partition("]")[0]: part.count("member =>") for part in written.split("\n[")[1:]}


def flow() -> str:
    options, steps = "", ""
    for n in range(1, LANES + 1):
        for key, queue in ((n, f"main{n}"), (n + LANES, f"rated{n}")):
            options += f"      {key}: {{ label: To {queue}, subject: {queue}, next: {queue} }}\n"
            steps += f"  {queue}: {{ type: queue, queue: {queue}, timeout: 5m }}\n"
    return FLOW.replace("{options}", options.rstrip("\n")) + steps


def settings() -> Json:
    return {
        "transfers": {"music": "pbxd", "ring_timeout": "60s"},
        "wrap_up": {
            "declined_pause": "0s",
            "queues": {f"notes{n}": f"{WRAP_UP_S:g}s" for n in range(1, LANES + 1)},
        },
        "figures": {
            "service_level": f"{SERVICE_LEVEL_S:g}s",
            "short_abandon": f"{SHORT_S * 1000:.0f}ms",
            "first_contact_days": FIRST_CONTACT_S / 86_400,
        },
        "flows": {"surveys": {f"rated{n}": "survey" for n in range(1, LANES + 1)}},
        "metrics": {"per_agent": True},
    }
