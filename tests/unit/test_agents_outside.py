"""Which numbers beyond the switch may be dialled: every way out of the decision, and what must never pass."""

from __future__ import annotations

import re
from itertools import product

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import shortnumberinfo

from pbxd.agents.outside import OutsideNumber, OutsideRules, looks_like_number, outside_number
from pbxd.agents.refused import Reason, Refused

EVERYTHING = tuple(f"+{digit}" for digit in range(1, 10))


def rules(region: str = "DE", **more: object) -> OutsideRules:
    values: dict[str, object] = {"allow": EVERYTHING, "dial": "PJSIP/{number}@trunk", **more}
    return OutsideRules(region=region, **values)  # type: ignore[arg-type]


def why(rules: OutsideRules, text: str, **more: object) -> Reason | None:
    told = outside_number(rules, text, **more)  # type: ignore[arg-type]
    return told.code if isinstance(told, Refused) else None


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+49 30 901820", "", "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("(030) 90-18-20", "DE", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("+8613800138000", "DE", "+8613800138000"),
        ("13800138000", "CN", "+8613800138000"),
        ("+91 11 2345 6789", "DE", "+911123456789"),  # Delhi, though 112 is India's emergency number
        ("011 2345 6789", "IN", "+911123456789"),
        ("+86 10 1234 5678", "CN", "+861012345678"),
        ("+1 212 555 2368", "DE", "+12125552368"),
    ],
)
def test_what_is_dialled_is_the_number_in_e164(typed: str, region: str, number: str) -> None:
    told = outside_number(rules(region), typed)
    assert told == OutsideNumber(number=number, dial=f"PJSIP/{number}@trunk")


def test_the_number_without_its_plus() -> None:
    told = outside_number(rules(dial="PJSIP/00{digits}@trunk"), "+4930901820")
    assert isinstance(told, OutsideNumber)
    assert told.dial == "PJSIP/004930901820@trunk"


@pytest.mark.parametrize(
    "typed",
    ["", " ", "+", "anna", "+49 30 9018x", "+4930901820@evil", "+4930901820,30", "+4930901820&PJSIP/1", "٠٣٠",
     "+4930901820\r\nAction: x", "${EXTEN}", "+" * 30, "1" * 41, "+4930901820;ext=1"],
)  # fmt: skip
def test_what_is_no_number(typed: str) -> None:
    assert why(rules(), typed) is Reason.NO_SUCH


@pytest.mark.parametrize("typed", ["123456789012", "+49", "+999123", "4711"])
def test_numbers_that_do_not_exist(typed: str) -> None:
    assert why(rules(region=""), typed) is Reason.NO_SUCH


# ---------------------------------------------------------------- prefixes


def test_nothing_is_allowed_before_a_prefix_is() -> None:
    assert why(OutsideRules(region="DE", dial="PJSIP/{number}@t"), "030901820") is Reason.NOT_ALLOWED


PREFIXES = ((), ("+4",), ("+49",), ("+4930",), ("+43",), ("+4930901820",), ("+43", "+4930"))


@pytest.mark.parametrize(("allow", "deny"), list(product(PREFIXES, PREFIXES)))
def test_the_longest_prefix_decides_and_of_equals_the_denial(
    allow: tuple[str, ...], deny: tuple[str, ...]
) -> None:
    number = "+4930901820"
    hits = [(len(p), kind) for kind, given in ((1, allow), (2, deny)) for p in given if number.startswith(p)]
    wanted = None if hits and max(hits)[1] == 1 else Reason.NOT_ALLOWED
    assert why(rules(allow=allow, deny=deny), number) is wanted


# ---------------------------------------------------------------- emergency numbers


def test_no_emergency_number_of_any_country_is_dialled() -> None:
    for region, number in product(REGIONS, EMERGENCY):
        if shortnumberinfo.is_emergency_number(number, region):
            everything = rules(region, premium=True)
            assert why(everything, number) is Reason.NOT_ALLOWED, (region, number)
            assert why(everything, f" {number[0]}-{number[1:]} ") is Reason.NOT_ALLOWED, (region, number)
            code = phonenumbers.country_code_for_region(region)
            assert why(everything, f"+{code}{number}") is not None, (region, number)
            assert why(rules("", premium=True), number) is Reason.NOT_ALLOWED, (region, number)


REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
EMERGENCY = [f"{number}" for number in (*range(10, 20), *range(100, 1000), 1122, 1699, 9911)]


@pytest.mark.parametrize("region", ["DE", "CN", "US", "GB", "FR"])
def test_the_tables_know_the_usual_ones(region: str) -> None:
    usual = {
        "DE": ["112", "110"],
        "CN": ["110", "119", "120"],
        "US": ["911"],
        "GB": ["999", "112"],
        "FR": ["15"],
    }
    for number in usual[region]:
        assert why(rules(region), number) is Reason.NOT_ALLOWED
        assert "emergency" in getattr(outside_number(rules(region), number), "text", "")


def test_what_begins_with_an_emergency_number_and_does_not_exist_counts_as_one() -> None:
    assert why(rules("US", premium=True), "9112345678") is Reason.NOT_ALLOWED


# ---------------------------------------------------------------- numbers that cost extra


@pytest.mark.parametrize(
    "number",
    [
        "+499001234567",  # premium, Germany
        "+19002345678",  # premium, North America
        "+449012345678",  # premium, United Kingdom
        "+448431234567",  # shared cost, United Kingdom
        "+447012345678",  # personal, United Kingdom
        "+979123456789",  # international premium
        "+12005552368",  # a range that is not in the tables
    ],
)
def test_numbers_that_cost_extra_need_to_be_switched_on(number: str) -> None:
    assert why(rules(), number) is Reason.NOT_ALLOWED
    assert why(rules(premium=True), number) is None


def test_no_premium_number_of_any_country_is_dialled() -> None:
    kinds = (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST)
    for region, kind in product(REGIONS, kinds):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert why(rules(), number) is not None, (region, number)


def test_ordinary_numbers_of_every_country_are() -> None:
    kinds = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
    for region, kind in product(REGIONS, kinds):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert why(rules(), number) is None, (region, number)


# ---------------------------------------------------------------- how many


@pytest.mark.parametrize(
    ("called", "at", "wanted"),
    [
        ((), 0.0, None),
        ((10.0,), 20.0, None),
        ((10.0, 11.0), 20.0, Reason.RATE_LIMITED),
        ((10.0, 11.0), 3609.9, Reason.RATE_LIMITED),
        ((10.0, 11.0), 3610.0, None),
        ((10.0, 11.0, 12.0), 3611.5, None),
        ((10.0, 11.0, 12.0), 3610.5, Reason.RATE_LIMITED),
    ],
)
def test_an_agent_starts_only_so_many_in_an_hour(
    called: tuple[float, ...], at: float, wanted: Reason | None
) -> None:
    assert why(rules(per_agent_per_hour=2), "+4930901820", called=called, at=at) is wanted


def test_none_at_all() -> None:
    assert why(rules(per_agent_per_hour=0), "+4930901820") is Reason.RATE_LIMITED


# ---------------------------------------------------------------- whatever is typed


@example("20100000000000", "DE")
@given(
    st.text(alphabet="+0123456789 ()-./", max_size=20) | st.text(max_size=20),
    st.sampled_from(["", "DE", "CN", "US", "IN"]),
)
def test_what_is_dialled_is_always_a_plus_and_digits_that_are_allowed(typed: str, region: str) -> None:
    told = outside_number(rules(region, allow=("+49", "+86")), typed)
    if isinstance(told, OutsideNumber):
        assert re.fullmatch(r"\+(49|86)[0-9]{4,13}", told.number)
        assert told.dial == f"PJSIP/{told.number}@trunk"
        assert looks_like_number(typed)
    else:
        assert told.text


@pytest.mark.parametrize(
    ("text", "is_one"), [("030 90", True), ("+49", False), ("12", False), ("anna", False), ("112", True)]
)
def test_what_looks_like_a_number(text: str, is_one: bool) -> None:
    assert looks_like_number(text) is is_one
