"""The passport of a journey as it is kept over pbxd's own end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pbxd.calls.record import TransferMaker
from pbxd.transfers.handover import Handing, Notes, Party, Passport, Person, Repeated


def passport_body(passport: Passport) -> dict[str, Any]:
    """A passport as JSON; ``read_passport`` gives the same back."""
    return asdict(passport)


def read_passport(body: Mapping[str, Any]) -> Passport:
    """KeyError, TypeError or ValueError when ``body`` is not what ``passport_body`` makes."""
    return Passport(
        call=body["call"],
        node=body["node"],
        handings=tuple(_handing(each) for each in body["handings"]),
        repeated=tuple(Repeated(**each) for each in body["repeated"]),
        person=None if body.get("person") is None else Person(**body["person"]),
    )


def _handing(body: Mapping[str, Any]) -> Handing:
    return Handing(
        **{
            **body,
            "by": TransferMaker(body["by"]),
            "from_": Party(**body["from_"]),
            "to": Party(**body["to"]),
            "notes": Notes(**body["notes"]),
            "given": tuple(body.get("given", ())),
            "shown": tuple(body.get("shown", ())),
        }
    )
