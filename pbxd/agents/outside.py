"""Which numbers beyond the switch an agent may dial, decided without asking anybody.

Toll fraud begins with a number that nobody meant to allow. So nothing is allowed before a prefix is;
what is dialled is the number in E.164 as read here, never the text that was typed; and emergency numbers
and numbers that cost the caller extra are refused whatever the prefixes say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, shortnumberinfo

from pbxd.agents.refused import Reason, Refused

HOUR_S = 3600.0
E164_DIGITS = 15

_SHORT = 6
"""No emergency number is longer."""

_TYPED = re.compile(r"[+0-9 ().\-/\u00a0]{1,40}\Z")

_COSTLY = {
    PhoneNumberType.PREMIUM_RATE: "a premium number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PERSONAL_NUMBER: "a personal number, which may cost extra",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.UNKNOWN: "of a range that is not in the tables, so it may cost extra",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideRules:
    """Which numbers beyond the switch may be dialled. Without an allowed prefix: none."""

    region: str = ""  #: country (ISO code) of numbers without a country code; '': only ``+…`` is read
    allow: tuple[str, ...] = ()  #: E.164 prefixes, e.g. ``+4989``
    deny: tuple[str, ...] = ()  #: the same; the longest match decides, and of equals the denial
    dial: str = ""  #: how Asterisk dials one, e.g. ``PJSIP/{number}@trunk``; {digits}: without the +
    premium: bool = False  #: numbers that cost extra, too
    per_agent_per_hour: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideNumber:
    """A number that may be dialled."""

    number: str  #: E.164
    dial: str  #: how Asterisk dials it


def looks_like_number(text: str) -> bool:
    """Whether somebody who types this means a telephone number."""
    return bool(_TYPED.match(text)) and sum(letter.isdigit() for letter in text) >= 3


def outside_number(
    rules: OutsideRules, text: str, *, called: Iterable[float] = (), at: float = 0.0
) -> OutsideNumber | Refused:
    """The number to dial for what was typed, or why not.

    ``called``: when this agent started calls to numbers outside before; ``at``: now, by the same clock.
    """
    if not _TYPED.match(text) or not any(letter.isdigit() for letter in text):
        return Refused(code=Reason.NO_SUCH, text="this is not a telephone number")
    parsed = _parsed(text, rules.region)
    if _is_emergency(rules.region, text, parsed):
        return Refused(code=Reason.NOT_ALLOWED, text="emergency numbers are not dialled in a transfer")
    if parsed is None or not _could_exist(parsed):
        return Refused(code=Reason.NO_SUCH, text="there is no such telephone number")
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    if not _is_allowed(rules, number):
        return Refused(code=Reason.NOT_ALLOWED, text=f"{number} is not among the numbers that may be dialled")
    kind = phonenumbers.number_type(parsed)
    if kind in _COSTLY and not rules.premium:
        return Refused(code=Reason.NOT_ALLOWED, text=f"{number} is {_COSTLY[kind]}")
    if sum(at - HOUR_S < when for when in called) >= rules.per_agent_per_hour:
        return Refused(
            code=Reason.RATE_LIMITED,
            text=f"no more than {rules.per_agent_per_hour} calls to numbers outside in an hour",
        )
    dial = rules.dial.replace("{number}", number).replace("{digits}", number[1:])
    return OutsideNumber(number=number, dial=dial)


def _is_emergency(region: str, text: str, parsed: phonenumbers.PhoneNumber | None) -> bool:
    """Whether this reaches an emergency service, as typed or once a gateway has stripped the country code.

    Without a region: anywhere in the world. Of a number that exists only the whole counts (Delhi's begin with
    112, too), of any other one the beginning as well, because some exchanges connect after three digits.
    """
    digits = re.sub(r"[^0-9]", "", text)
    if "+" not in text and len(digits) <= _SHORT:
        regions = [region] if region else phonenumbers.SUPPORTED_SHORT_REGIONS
        if any(shortnumberinfo.is_emergency_number(digits, each) for each in regions):
            return True
    if parsed is None:
        return "+" not in text and region != "" and _connects(digits, region)
    home = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    national = phonenumbers.national_significant_number(parsed)
    if shortnumberinfo.is_emergency_number(national, home):
        return True
    return not phonenumbers.is_valid_number(parsed) and _connects(national, home)


def _connects(digits: str, region: str) -> bool:
    return bool(shortnumberinfo.connects_to_emergency_number(digits, region))


def _could_exist(parsed: phonenumbers.PhoneNumber) -> bool:
    """Whether its length is right; whether its range is known is looked at later."""
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return False
    # The library takes some German numbers to be longer than E.164 allows.
    return len(phonenumbers.format_number(parsed, PhoneNumberFormat.E164)) <= len("+") + E164_DIGITS


def _parsed(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    parsed.extension = None
    return parsed


def _is_allowed(rules: OutsideRules, number: str) -> bool:
    allowed, denied = (
        max((len(prefix) for prefix in prefixes if number.startswith(prefix)), default=0)
        for prefixes in (rules.allow, rules.deny)
    )
    return allowed > denied
