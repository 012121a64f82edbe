"""A presented number turned into a card: E.164, place, country, carrier. Offline, by phonenumbers' tables.

The numbering plan's tables take about a second to load; ``preload`` does it at start, so that the first
caller does not wait for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers

from pbxd.callers.names import NOBODY, safe_text

NUMBER_LENGTH = 64

#: digits, in any script's form, and what people and switches put between them
_DIALLABLE = re.compile(r"\+?[\d\s().\-/]+\Z")
_URI = re.compile(r"^(?:sips?|tel):", re.IGNORECASE)


class NumberKind(StrEnum):
    PUBLIC = "public"  #: a number of the public plan: ``number`` is E.164
    INTERNAL = "internal"  #: digits that are no public number: an extension, a service number
    TEXT = "text"  #: not a number at all, e.g. a SIP user's name
    WITHHELD = "withheld"  #: nothing was presented; ``number`` is ''


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCard:
    """What a number tells of the caller. Fields that are not known are ''."""

    presented: str  #: as the switch gave it, on one line
    number: str  #: E.164, else the digits or text as presented; '' when withheld. The key of the history
    kind: NumberKind
    place: str = ""  #: province or city, in the language asked for where the tables have it
    country: str = ""
    region: str = ""  #: ISO 3166 code of the country, e.g. CN
    carrier: str = ""


def preload(languages: tuple[str, ...] = ("en", "zh")) -> None:
    """Load the tables of places and carriers now (about a second), so that no call has to wait for it."""
    for language in languages:
        read_number("+8613800138000", language=language)


@lru_cache(maxsize=8192)
def read_number(
    presented: str, *, default_region: str = "", language: str = "en", internal_digits: int = 5
) -> NumberCard:
    """The card of a number as a switch presents it. Never raises; what cannot be read stays as presented.

    ``default_region`` is the country (ISO code) in which numbers without a country code are read. Up to
    ``internal_digits`` digits without ``+`` are always an internal number.
    """
    text = safe_text(presented, NUMBER_LENGTH)
    bare = _address(text)
    if bare.casefold() in NOBODY or not any(letter.isalnum() for letter in bare):
        return NumberCard(presented=text, number="", kind=NumberKind.WITHHELD)
    if not _DIALLABLE.match(bare):
        return NumberCard(presented=text, number=bare, kind=NumberKind.TEXT)
    plus = "+" if bare[0] == "+" else ""
    digits = plus + "".join(str(int(letter)) for letter in bare if letter.isdecimal())
    internal = NumberCard(presented=text, number=digits, kind=NumberKind.INTERNAL)
    if not plus and len(digits) <= internal_digits:
        return internal
    parsed = _parse(digits, default_region.upper() or None)
    return internal if parsed is None else _card(text, parsed, language)


def _address(text: str) -> str:
    """The user's part of a SIP or tel URI, or the text itself."""
    without_scheme, schemes = _URI.subn("", text, count=1)
    if schemes:
        without_scheme = without_scheme.split(";", 1)[0]
    return without_scheme.split("@", 1)[0].strip(' "')


def _parse(digits: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    """The public number behind the digits, or None. Tries the prefixes that switches leave out or add."""
    attempts = [digits]
    if not digits.startswith("+"):
        if digits.startswith("00"):
            attempts.append("+" + digits[2:])
        attempts.append("+" + digits)
    for attempt in attempts:
        try:
            parsed = phonenumbers.parse(attempt, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return parsed
    return _new_range(digits)


def _new_range(digits: str) -> phonenumbers.PhoneNumber | None:
    """A full international number whose range is younger than our tables still has its E.164 form."""
    if not digits.startswith(("+", "00")):
        return None
    try:
        parsed = phonenumbers.parse(digits if digits[0] == "+" else "+" + digits[2:], None)
    except phonenumbers.NumberParseException:
        return None
    fits = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    return parsed if fits else None


def _card(text: str, parsed: phonenumbers.PhoneNumber, language: str) -> NumberCard:
    # Imported here because the tables of places cost a second and tens of megabytes, which a command
    # that never sees a caller should not pay.
    from phonenumbers import carrier, geocoder

    country = geocoder.country_name_for_number(parsed, language)
    place = geocoder.description_for_number(parsed, language)
    if place == country:
        # The tables hold most places in English only; a place in English beats no place.
        english = geocoder.description_for_number(parsed, "en")
        place = "" if english == geocoder.country_name_for_number(parsed, "en") else english
    return NumberCard(
        presented=text,
        number=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        kind=NumberKind.PUBLIC,
        place=place,
        country=country,
        region=phonenumbers.region_code_for_number(parsed) or "",
        carrier=carrier.name_for_number(parsed, language) or carrier.name_for_number(parsed, "en"),
    )
