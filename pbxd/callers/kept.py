"""What a caller has entered, as it is kept over pbxd's own end: nobody has to say things twice.

The history is not part of it: it is in the store, and is looked up again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from pbxd.callers.dossier import MAX_STEPS, CallerRules, Dossier, open_dossier
from pbxd.callers.surveys import read_survey
from pbxd.ids import CallId, NodeId
from pbxd.messages import PathStep

VERSION = 1


def dossier_body(dossier: Dossier) -> dict[str, Any]:
    """A dossier as JSON; ``read_dossier`` gives the same back, but for the history."""
    return {
        "version": VERSION,
        "call": dossier.call,
        "node": dossier.node,
        "arrived": dossier.arrived,
        "presented": dossier.card.presented,
        "name": dossier.name,
        "dialled": dossier.dialled,
        "language": dossier.language,
        "flow": dossier.flow,
        "path": [asdict(step) for step in dossier.path],
        "steps_dropped": dossier.steps_dropped,
        "subject": dossier.subject,
        "survey": None if dossier.survey is None else asdict(dossier.survey),
    }


def read_dossier(rules: CallerRules, body: Mapping[str, Any]) -> Dossier:
    """KeyError, TypeError or ValueError when ``body`` is not what ``dossier_body`` makes."""
    if body["version"] != VERSION:
        raise ValueError(f"version {body['version']!r} of a kept dossier is not known")
    dossier = open_dossier(
        rules,
        call=CallId(body["call"]),
        node=NodeId(body["node"]),
        at=float(body["arrived"]),
        presented=body["presented"],
        name=body["name"],
        dialled=body["dialled"],
    )
    return replace(
        dossier,
        language=str(body["language"]),
        flow=_text(body["flow"]),
        path=tuple(PathStep(**step) for step in body["path"])[-MAX_STEPS:],
        steps_dropped=int(body["steps_dropped"]),
        subject=_text(body["subject"]),
        survey=read_survey(body.get("survey")),
    )


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"text expected, not {type(value).__name__}")
