"""The link by which somebody calls a caller back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

_PLACE = re.compile(r"\{(number|call|queue|node|id)\}")
_DIALLABLE = re.compile(r"\+?[0-9]{2,20}", re.ASCII)


def call_back_link(template: str, places: Mapping[str, str]) -> str | None:
    """``template`` filled in; None when it needs a number and there is none that could be dialled.

    What is filled in is a stranger's text: everything that could end its place in an address is quoted.
    """
    if "{number}" in template and not _DIALLABLE.fullmatch(places["number"]):
        return None
    # In the query of a web address a plus is a space; in a telephone's address it is a plus.
    plain = "" if template.startswith("http") else "+"
    return _PLACE.sub(lambda place: quote(places[place[1]], safe=plain), template)
