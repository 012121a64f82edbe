"""Phone numbers, secrets and control characters kept out of the log, in values and in free text.

What is masked: every run of five digits or more, and numbers written with spaces, dashes, dots or
parentheses from seven digits on; the last three digits of the longer ones stay, so that two lines about
one caller can be told to belong together. What stays legible, because a log is useless without it: call
ids and channels' Uniqueids (``1732227712.33``), dates, decimals, IP addresses, ports, UUIDs, hex ids,
counts with a unit, and the extension and serial number of a device (``PJSIP/10001-0000002a``). What a caller
keyed in (``digits``) goes whatever its length.

Numbers are text here as everywhere in pbxd; an int or a float in a log line is a port, a count or a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pbxd.edge.visible import visible

LONGEST = 2000
"""Characters of one value that are written; a caller's name may have 10,000."""

_HEX = "[0-9a-fA-F]"
_EPOCH = r"(?:1[5-9]|20)\d{8}\.\d"  # 2017 to 2036 with a fraction; a channel's serial number looks the same
_DAY = r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-[0-3]\d"
_GAP = "[ ()\\-\u00a0\u2009\u202f\u2010-\u2015]"
_UNIT = "bytes|B|kB|MB|ms|s|seconds|events|messages|calls|rows|lines|channels|characters"

_PATTERN = re.compile(
    rf"""
      (?P<keep>
          (?<!{_HEX}){_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}(?!{_HEX})
        | (?<![0-9A-Za-z])0x{_HEX}+
        | (?<!\d){_DAY}(?!\d)(?:[T\ ]\d\d:\d\d(?::\d\d(?:[.,]\d{{1,9}})?)?(?:[+-]\d\d:?\d\d(?!\d))?)?
        | (?<![\d+]){_EPOCH}\d*
        | (?<![\d.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d{{1,5}})?(?![\d.])
        | (?<![\d.])\d{{1,6}}\.\d+(?![\d.]) | (?<![\d.])\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}(?![\d.])
        | (?<=[A-Za-z0-9\]])(?<!sip)(?<!sips)(?<!tel):\d{{1,5}}(?!\d)
        | (?<![0-9A-Za-z])(?=(?:[0-9]{{0,64}}[a-f]){{3}})[0-9a-f]{{8,64}}(?![0-9A-Za-z])
        | (?<![\d+])\d{{1,7}}(?=\ ?(?:{_UNIT})\b)
      )
    | (?P<device>(?<![0-9A-Za-z/])[A-Za-z][A-Za-z0-9]{{1,15}}/
          (?:[^\s/;,'"]{{1,80}}?-{_HEX}{{8}}(?![0-9A-Za-z@]) | \d{{5,6}}(?!\d)))
    | (?P<number>(?:%2B|\+)\(?\d(?:\d|(?:{_GAP}|\.){{1,2}}\d){{4,}}
          | \(?\d(?:\d|{_GAP}{{1,2}}(?!{_EPOCH})(?!{_DAY})\d){{4,}}
          | \d\d\d?(?:\.\d{{2,4}}){{2,5}})
    | (?P<word>(?i:secret|passw(?:or)?d|token)["']?\s?[:=]\s?)(?P<secret>"[^"]*"|'[^']*'|[^\s,;&]+)
    | (?P<digits>\bdigits['"]?[=:]\s?)(?:'[^']*'|"[^"]*")
    | (?P<hash>\$argon2[^\s'"]+)
    """,
    re.VERBOSE,
)

_SECRET_KEYS = re.compile(r"secret|passw|token|cookie|authorization|api_?key", re.IGNORECASE)
_NUMBER_KEYS = frozenset(
    {"number", "caller", "callers", "dialled", "dialled_as", "callerid", "calleridnum", "exten", "digits"}
)
_DIGITS = re.compile(r"\d")


def mask_text(text: str, *, show_numbers: bool = False) -> str:
    """``text`` without secrets and, unless ``show_numbers``, without phone numbers."""

    def instead(match: re.Match[str]) -> str:
        if match["word"] is not None:
            return f"{match['word']}***"
        if match["hash"] is not None:
            return "$argon2***"
        if match["keep"] is not None or show_numbers:
            return match[0]
        if match["digits"] is not None:
            return f"{match['digits']}***"
        if match["device"] is not None:
            return _mask_device(match["device"])
        return _mask_number(match[0]) if _is_number(match[0]) else match[0]

    return _PATTERN.sub(instead, text)


def _mask_number(written: str) -> str:
    digits = _DIGITS.findall(written)
    return "***" + "".join(digits[-3:] if len(digits) >= 7 else ())


def _is_number(written: str) -> bool:
    """Not ``10-20 30``: five digits on end, or seven in groups."""
    return len(_DIGITS.findall(written)) >= 7 or re.search(r"\d{5}", written) is not None


def _mask_device(device: str) -> str:
    """A channel keeps its technology, its serial number and an extension; a subscriber's number goes."""
    return re.sub(r"(?<![0-9])\+?\d{7,}(?=[^0-9a-fA-F;]|-)", lambda m: _mask_number(m[0]), device)


def clean(key: str, value: Any, *, show_numbers: bool) -> Any:
    """``value`` as it may be written under ``key``: masked, on one line, and not endless."""
    if value is None or isinstance(value, bool):
        return value
    if _SECRET_KEYS.search(key):
        return "***"
    number_key = key.lower() in _NUMBER_KEYS and not show_numbers
    if isinstance(value, (int, float)) and not number_key:
        return value
    if isinstance(value, Mapping):
        return {visible(str(k)): clean(str(k), v, show_numbers=show_numbers) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [clean(key, item, show_numbers=show_numbers) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: getattr(value, f.name) for f in fields(value) if f.repr}
        return {"is": type(value).__name__, **clean("", parts, show_numbers=show_numbers)}
    text = value if isinstance(value, str) else _said(value)
    text = text[: 2 * LONGEST]
    if number_key and _DIGITS.search(text):
        return "***" if key.lower() == "digits" else _mask_number(text)
    return _cut(visible(mask_text(text, show_numbers=show_numbers)))


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:  # a log line is no place to fail
        return f"<{type(value).__name__}>"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… (cut)"
