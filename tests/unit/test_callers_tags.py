"""What the house says of a caller's number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.callers.dossier import CallerRules, open_dossier, with_flow
from pbxd.callers.tags import MAX_TAGS, Tags
from pbxd.from_settings import rules
from pbxd.ids import CallId, NodeId, Uniqueid
from pbxd.messages import FlowEntered
from pbxd.settings.model import Settings

TAGS = Tags({"vip": ["+8613800138000", "+4930*"], "press": ["+493012*", "+8613800138000"], "vip ": ["+1*"]})


@pytest.mark.parametrize(
    ("number", "tags"),
    [
        ("+8613800138000", ("vip", "press")),
        ("+8613800138001", ()),
        ("+493099", ("vip",)),
        ("+49301234", ("vip", "press")),
        ("+4930", ("vip",)),
        ("+49", ()),
        ("1001", ()),
        ("", ()),
    ],
)
def test_a_number_has_its_own_tags_and_those_of_its_first_digits(number: str, tags: tuple[str, ...]) -> None:
    assert TAGS.of(number) == tags


@given(st.text(max_size=30))
def test_any_text_at_all_is_looked_up(number: str) -> None:
    assert len(TAGS.of(number)) <= MAX_TAGS


def test_a_caller_has_them_by_the_number_that_the_switch_or_else_the_flow_presents() -> None:
    known = CallerRules(default_region="CN", tags=TAGS)
    opened = {"call": CallId("pbx1:1.1"), "node": NodeId("pbx1"), "at": 1.0, "name": "", "dialled": ""}
    assert open_dossier(known, presented="013800138000", **opened).tags == ("vip", "press")  # type: ignore[arg-type]
    withheld = open_dossier(known, presented="", **opened)  # type: ignore[arg-type]
    assert withheld.tags == ()
    entered = FlowEntered(
        node=NodeId("pbx1"),
        at=1.0,
        uniqueid=Uniqueid("1.1"),
        flow="main",
        number="+8613800138000",
        name="",
        dialled="",
        language="",
    )
    assert with_flow(known, withheld, entered).tags == ("vip", "press")


SETTINGS = {"nodes": [{"name": "pbx1", "ami": {"host": "127.0.0.1", "username": "u", "secret": "s"}}]}


def test_they_come_from_the_settings() -> None:
    settings = Settings.model_validate({**SETTINGS, "callers": {"tags": {"vip": ["+4930*"], "own": "1001"}}})
    known = rules(settings).callers
    assert (known.tags.of("+49301"), known.tags.of("1001")) == (("vip",), ("own",))


@pytest.mark.parametrize("number", ["030 1234", "+49-30", "*", "vip", "+0301234", ""])
def test_a_number_that_is_none_is_refused_with_its_tag(number: str) -> None:
    with pytest.raises(ValueError, match="vip"):
        Settings.model_validate({**SETTINGS, "callers": {"tags": {"vip": [number]}}})
