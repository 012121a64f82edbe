"""The repeat-call rule, at every edge of its windows and with every mix of subjects and outcomes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.callers.repeat import DAY, HOUR, Repeat, RepeatRule, judge, ordinal
from pbxd.calls.record import Outcome
from pbxd.ids import CallId
from pbxd.messages import PastContact

NOW = 1_700_000_000.0
ME = CallId("pbx1:now")


def past(
    age_s: float, *, subject: str | None = None, outcome: str = "answered", call: str = ""
) -> PastContact:
    return PastContact(
        call=CallId(call or f"pbx1:{age_s}"),
        arrived=NOW - age_s,
        ended=NOW - age_s + 60,
        queue="sales",
        subject=subject,
        agent=None,
        outcome=outcome,
        talk_s=0.0,
    )


def verdict(*history: PastContact, rule: RepeatRule | None = None, subject: str | None = None) -> Repeat:
    return judge(rule or RepeatRule(), call=ME, at=NOW, subject=subject, history=history)


def test_the_first_call_is_not_flagged() -> None:
    result = verdict()
    assert (result.flag, result.count, result.window_s) == (False, 1, DAY)
    assert (result.last_outcome, result.same_subject) == (None, None)
    assert result.text("en") == result.text("zh") == ""


def test_the_sentence_of_the_screen_pop() -> None:
    result = verdict(
        past(HOUR, subject="billing", outcome="abandoned"),
        past(5 * HOUR, subject="billing", outcome="answered"),
        subject="billing",
    )
    assert (result.flag, result.count, result.window_s, result.same_subject) == (True, 3, DAY, True)
    assert result.last_outcome == "abandoned"
    assert result.text("en") == "3rd call in 24 h, same subject, last one unanswered"
    assert result.text("zh") == "24 小时内第 3 次来电，同一事项，上次未接通"
    assert result.text("zh-CN") == result.text("zh")
    assert result.text("de") == result.text("en")


@pytest.mark.parametrize(
    ("age_s", "count", "window_s"),
    [
        (0.001, 2, DAY),
        (DAY - 0.001, 2, DAY),
        (DAY, 2, DAY),
        (DAY + 0.001, 2, 7 * DAY),
        (7 * DAY, 2, 7 * DAY),
        (7 * DAY + 0.001, 1, DAY),
        (0.0, 1, DAY),
        (-10.0, 1, DAY),
    ],
)
def test_a_window_holds_what_is_exactly_as_old_as_it_is_long(
    age_s: float, count: int, window_s: float
) -> None:
    result = verdict(past(age_s))
    assert (result.count, result.window_s, result.flag) == (count, window_s, count > 1)


def test_the_shortest_window_that_makes_it_a_repeat_is_told_and_all_are_counted() -> None:
    result = verdict(past(HOUR), past(3 * DAY), past(4 * DAY))
    assert (result.count, result.window_s) == (2, DAY)
    assert result.counts == ((DAY, 2), (7 * DAY, 4))
    result = verdict(past(3 * DAY), past(4 * DAY))
    assert (result.count, result.window_s) == (3, 7 * DAY)
    assert result.text("en") == "3rd call in 7 days, last one answered"


def test_windows_may_stand_in_any_order_and_twice() -> None:
    rule = RepeatRule(windows=(7 * DAY, HOUR, HOUR))
    result = verdict(past(60), past(2 * HOUR), rule=rule)
    assert result.counts == ((HOUR, 2), (7 * DAY, 3))


def test_from_which_call_on_is_a_setting() -> None:
    rule = RepeatRule(least=3)
    two = verdict(past(HOUR), rule=rule)
    assert (two.flag, two.count, two.text("en")) == (False, 2, "")
    assert verdict(past(HOUR), past(2 * HOUR), rule=rule).flag
    longer = verdict(past(HOUR), past(2 * DAY), rule=rule)
    assert (longer.flag, longer.count, longer.window_s) == (True, 3, 7 * DAY)


def test_the_call_itself_does_not_count_when_it_is_in_the_history_already() -> None:
    """After a restart in the middle of a call, its own earlier part may be stored."""
    assert not verdict(past(60, call=ME)).flag


def test_the_newest_outcome_is_told_whatever_the_order_of_the_history() -> None:
    contacts = [past(HOUR, outcome="timeout"), past(2 * HOUR), past(3 * HOUR, outcome="direct")]
    results = {verdict(*order).text("en") for order in itertools.permutations(contacts)}
    assert results == {"4th call in 24 h, last one unanswered"}


UNANSWERED = {"abandoned", "timeout", "no_agent", "unanswered", "busy", "left"}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_words(outcome: Outcome) -> None:
    result = verdict(past(HOUR, outcome=outcome))
    if outcome.value in UNANSWERED:
        en, zh = "last one unanswered", "上次未接通"
    elif outcome is Outcome.IVR_HANGUP:
        en, zh = "last one ended in the menu", "上次在语音菜单中挂断"
    else:
        en, zh = "last one answered", "上次已接听"
    assert result.text_en == f"2nd call in 24 h, {en}"
    assert result.text_zh == f"24 小时内第 2 次来电，{zh}"


def test_an_outcome_of_a_later_version_is_left_out() -> None:
    assert verdict(past(HOUR, outcome="callback")).text_en == "2nd call in 24 h"


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        ("billing", ["billing"], True),
        ("billing", ["billing", "billing"], True),
        ("billing", ["billing", None], True),
        ("billing", [None], None),
        ("billing", ["tech"], False),
        ("billing", ["billing", "tech"], False),
        (None, ["billing"], None),
        (None, [None], None),
    ],
)
def test_the_same_subject_is_said_only_when_it_is_known(
    mine: str | None, theirs: list[str | None], same: bool | None
) -> None:
    history = [past(HOUR * (n + 1), subject=subject) for n, subject in enumerate(theirs)]
    result = verdict(*history, subject=mine)
    assert result.same_subject is same
    assert result.count == len(theirs) + 1
    assert ("same subject" in result.text_en) == (same is True)


@pytest.mark.parametrize(
    ("mine", "theirs", "count"),
    [
        ("billing", ["billing", "tech"], 2),
        ("billing", ["tech"], 1),
        ("billing", ["tech", None], 2),
        ("billing", [None, None], 3),
        (None, ["tech", "billing"], 3),
    ],
)
def test_with_the_same_subject_asked_for_other_subjects_do_not_count(
    mine: str | None, theirs: list[str | None], count: int
) -> None:
    history = [past(HOUR * (n + 1), subject=subject) for n, subject in enumerate(theirs)]
    assert verdict(*history, rule=RepeatRule(same_subject=True), subject=mine).count == count


@pytest.mark.parametrize(
    ("window_s", "en", "zh"),
    [
        (45.0, "45 s", "45 秒"),
        (1800.0, "30 min", "30 分钟"),
        (90 * 60.0, "90 min", "90 分钟"),
        (HOUR, "1 h", "1 小时"),
        (2 * DAY, "48 h", "48 小时"),
        (3 * DAY, "3 days", "3 天"),
        (73 * HOUR, "73 h", "73 小时"),
        (30 * DAY, "30 days", "30 天"),
    ],
)
def test_windows_read_well(window_s: float, en: str, zh: str) -> None:
    result = verdict(past(10), rule=RepeatRule(windows=(window_s,)))
    assert result.text_en.startswith(f"2nd call in {en},")
    assert result.text_zh.startswith(f"{zh}内第 2 次来电")


def test_ordinals() -> None:
    said = [ordinal(n) for n in (1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 23, 101, 111, 112)]
    assert said == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "10th",
        "11th",
        "12th",
        "13th",
        "21st",
        "22nd",
        "23rd",
        "101st",
        "111th",
        "112th",
    ]


@pytest.mark.parametrize(
    "bad", [{"windows": ()}, {"windows": (0.0,)}, {"windows": (-1.0, 5.0)}, {"least": 1}]
)
def test_a_rule_that_makes_no_sense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="repeat"):
        RepeatRule(**bad)  # type: ignore[arg-type]


ages = st.floats(-DAY, 10 * DAY)
subjects = st.sampled_from([None, "billing", "tech"])
histories = st.lists(st.builds(lambda age, subject: past(age, subject=subject), ages, subjects), max_size=12)


@given(histories, subjects, st.booleans(), st.integers(2, 5), st.randoms())
def test_the_rule_holds_for_every_history(
    history: list[PastContact], subject: str | None, same: bool, least: int, shuffler: object
) -> None:
    rule = RepeatRule(same_subject=same, least=least)
    result = verdict(*history, rule=rule, subject=subject)
    shuffler.shuffle(history)  # type: ignore[attr-defined]
    assert verdict(*history, rule=rule, subject=subject) == result
    assert result.flag == any(count >= least for _, count in result.counts)
    assert result.flag == bool(result.text_en) == bool(result.text_zh)
    assert (result.window_s, result.count) in result.counts
    assert list(result.counts) == sorted(result.counts)
    assert [count for _, count in result.counts] == sorted(count for _, count in result.counts)
    if not same:
        inside = [c for c in history if 0 < NOW - c.arrived <= result.window_s]
        assert result.count == len(inside) + 1
