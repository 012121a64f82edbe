"""Walking flows without a switch: every answer a caller can give, and every way a call can break."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from pbxd.edge.flow_files.load import read_flow
from pbxd.ivr.asked import Broken, FlowError, PromptMissing, RunScript, ScriptDone, ScriptFailed
from pbxd.ivr.walk import MOST_STEPS, walk
from pbxd.messages import FlowEntered, FlowStep
from tests.unit.walked import ME, Walked, small

MAIN = read_flow(Path(__file__).parents[2] / "dialplans" / "flows" / "main.yaml").flow

RESCUE = [("PBXD_QUEUE", "rescue"), ("PBXD_NEXT", "queue")]


def variables(walked: Walked) -> list[tuple[str, str]]:
    assert walked.decision is not None
    return list(walked.decision.variables())


# ------------------------------------------------------------------------------- the story


def test_the_story() -> None:
    walked = Walked(MAIN, "1", "4", "711#")
    assert walked.steps == [
        ("welcome", "", "played"),
        ("choose", "1", "chosen"),
        ("billing_account", "4711", "entered"),
        ("billing_repeat", "", "played"),
        ("billing", "", "done"),
    ]
    assert walked.left == ("queue", "billing", "billing")
    assert variables(walked) == [
        ("PBXD_QUEUE", "billing"),
        ("PBXD_QUEUE_TIMEOUT", "300"),
        ("PBXD_NEXT", "queue"),
    ]
    assert walked.played == [
        "en/main/welcome",
        "en/main/choices",
        "en/main/account_number",
        "en/main/you_entered",
        "en/digits/4",
        "en/digits/7",
        "en/digits/1",
        "en/digits/1",
        "en/main/to_billing",
    ]
    labels = [event.label for event in walked.events if isinstance(event, FlowStep)]
    assert labels[:3] == ["Welcome", "Billing", "Account number"]


def test_who_enters_is_told_first() -> None:
    entered = Walked(MAIN, "0").events[0]
    assert isinstance(entered, FlowEntered)
    assert (entered.number, entered.name, entered.dialled, entered.language) == (
        "13800138000",
        "张三",
        "4000",
        "en",
    )
    assert (entered.flow, entered.node, entered.uniqueid, entered.at) == (
        "main",
        "pbx1",
        "1700000000.1",
        1000.0,
    )


def test_times_are_those_of_the_replies() -> None:
    walked = Walked(MAIN, "0")
    times = [event.at for event in walked.events]
    assert times == sorted(times)
    assert times[-1] == walked.at > 1000


@pytest.mark.parametrize(
    ("channel", "spoken"),
    [("zh", "zh"), ("zh_CN", "zh"), ("zh-Hans", "zh"), ("EN_us", "en"), ("fr", "en"), ("", "en")],
)
def test_the_channels_language_is_spoken(channel: str, spoken: str) -> None:
    walked = Walked(MAIN, "0", caller=replace(ME, language=channel))
    assert walked.played[0] == f"{spoken}/main/welcome"


def test_a_key_breaks_a_prompt_off_and_counts_at_the_menu() -> None:
    walked = Walked(MAIN, "~2", "5", "555#")
    assert walked.played[:2] == ["en/main/welcome", "en/main/account_number"]
    assert walked.steps[:3] == [
        ("welcome", "", "played"),
        ("choose", "2", "chosen"),
        ("technical_account", "5555", "entered"),
    ]


def test_a_key_during_the_choices() -> None:
    assert Walked(MAIN, "", "~0").steps[1] == ("choose", "", "no_input")
    walked = Walked(MAIN, "~0")
    assert walked.left == ("queue", "support", "general")


def test_wrong_keys_and_silence() -> None:
    walked = Walked(MAIN, "9", "", "*")
    assert walked.steps == [
        ("welcome", "", "played"),
        ("choose", "9", "invalid"),
        ("choose", "", "no_input"),
        ("choose", "*", "invalid"),
        ("person", "", "done"),
    ]
    assert walked.played == [
        "en/main/welcome",
        "en/main/choices",
        "en/main/not_an_option",
        "en/main/choices",
        "en/main/no_key",
        "en/main/choices",
        "en/main/to_a_person",
    ]
    assert walked.left == ("queue", "support", "general")


def test_a_key_during_the_apology_counts() -> None:
    walked = Walked(MAIN, "9", "~1", "4", "711#")
    assert walked.steps[1:3] == [("choose", "9", "invalid"), ("choose", "1", "chosen")]


# ------------------------------------------------------------------------------- exhaustive

WORDS = ("", "1", "9", "#", "x")


@pytest.mark.parametrize("first", WORDS)
def test_whatever_a_caller_does_he_ends_somewhere(first: str) -> None:
    """All ways of five turns through the story's flow: no exception, one end, the decision that fits it."""
    for rest in product(WORDS, repeat=4):
        walked = Walked(MAIN, first, *rest)
        assert not walked.notices, (first, rest, walked.notices)
        result, queue, _ = walked.left
        if walked.decision is None:
            assert (result, queue) == ("caller_left", None)
            assert "x" in (first, *rest)
        else:
            assert (result, queue) == ("queue", walked.decision.queue)
            assert variables(walked)[-1] == ("PBXD_NEXT", "queue")


def test_a_hang_up_at_every_moment() -> None:
    whole = Walked(MAIN, "1", "4", "711#").lines
    for line in whole:
        walked = Walked(MAIN, "1", "4", "711#", replies={line: "511 Not Permitted on a dead channel"})
        assert walked.left == ("caller_left", None, walked.left[2])
        assert walked.decision is None
        assert walked.lines[-1] == line


def test_every_refusal_of_asterisk_still_serves_the_caller() -> None:
    whole = Walked(MAIN, "1", "4", "711#").lines
    for line, reply in product(whole, ("510 Invalid or unknown command", "200 result=-1", "520 Bad")):
        walked = Walked(MAIN, "1", "4", "711#", replies={line: reply})
        assert walked.left[:2] == ("failed", "support")
        assert variables(walked) == [("PBXD_QUEUE", "support"), ("PBXD_NEXT", "queue")]
        (broken,) = walked.notices
        assert isinstance(broken, Broken)
        assert walked.steps[-1][2] == "failed"


# ------------------------------------------------------------------------------- entries

COLLECT = """\
  a:
    type: collect
    prompt: p
    {more}
    invalid: {{ prompt: q, next: end }}
    no_input: {{ prompt: q, next: end }}
    next: end"""


@pytest.mark.parametrize(
    ("more", "doing", "digits", "result"),
    [
        ("min: 1", ("4", "711#"), "4711", "entered"),
        ("min: 1", ("4", ""), "4", "entered"),
        ("min: 1", ("4", "7"), "47", "entered"),
        ("min: 3", ("4", "7"), "47", "invalid"),
        ("min: 1", ("#",), "", "invalid"),
        ("min: 1", ("",), "", "no_input"),
        ("min: 1", ("*", "1#"), "*1", "invalid"),
        ("max: 4", ("1", "2345#"), "12345", "invalid"),
        ("max: 4", ("1", "234#"), "1234", "entered"),
        ("{ min: 4, max: 4 }", ("1", "234"), "1234", "entered"),
        ("{ min: 4, max: 4 }", ("1", "2#"), "12", "invalid"),
        ("{ min: 1, max: 1 }", ("1",), "1", "entered"),
        ("min: 1", ("~4", "711#"), "4711", "entered"),
        ("secret: true", ("4", "711#"), "****", "entered"),
        ("{ secret: true, min: 9 }", ("4", "711#"), "****", "invalid"),
        ("secret: true", ("",), "", "no_input"),
    ],
)
def test_entries(more: str, doing: tuple[str, ...], digits: str, result: str) -> None:
    if more.startswith("{"):
        more = more.strip("{ }").replace(", ", "\n    ")
    flow = small(COLLECT.format(more=f"{more}\n    retries: 0"))
    assert Walked(flow, *doing).steps == [("a", digits, result), ("end", "", "done")]


def test_an_entry_is_asked_for_again() -> None:
    flow = small(COLLECT.format(more="min: 4\n    retries: 1"))
    walked = Walked(flow, "1", "2#", "", "")
    assert [s[2] for s in walked.steps] == ["invalid", "no_input", "done"]
    assert walked.played == ["en/small/p", "en/small/q", "en/small/p"]


def test_a_secret_never_leaves_the_walk() -> None:
    flow = small(COLLECT.format(more="secret: true"))
    walked = Walked(flow, "4", "711#")
    assert "4711" not in repr(walked.events)


def test_the_hash_behind_a_complete_entry_interrupts_nothing() -> None:
    """Of a fixed number of digits nobody waits for the #, yet many callers press it."""
    flow = small(
        COLLECT.format(more="min: 4\n    max: 4").replace("next: end", "next: m", 3)
        + "\n  m:\n    type: menu\n    prompt: p\n    options: { 1: { label: One, next: end } }\n"
        "    invalid: { next: end }\n    no_input: { next: end }"
    )
    walked = Walked(flow, "1", "234", "1")
    stream = [line for line in walked.lines if line.startswith("STREAM")]
    assert stream == [f'STREAM FILE /prompts/en/small/p "0123456789*{last}"' for last in ("#", "")]


def test_keys_pressed_ahead_go_through_menu_and_entry() -> None:
    flow = small(
        "  a:\n    type: play\n    prompt: p\n    next: m\n"
        "  m:\n    type: menu\n    prompt: p\n    options: { 1: { label: One, next: c } }\n"
        "    invalid: { next: end }\n    no_input: { next: end }\n"
        + COLLECT.format(more="min: 2").replace("  a:", "  c:")
    )
    walked = Walked(flow, "~1", "4", "7#")
    assert walked.steps == [
        ("a", "", "played"),
        ("m", "1", "chosen"),
        ("c", "47", "entered"),
        ("end", "", "done"),
    ]
    assert walked.played == ["en/small/p", "en/small/p"]


# ------------------------------------------------------------------------------- say, sounds, languages


def test_digits_are_said_by_our_own_sounds_up_to_a_key() -> None:
    flow = small("  a:\n    type: say\n    before: p\n    value: '12 3-*#'\n    after: q\n    next: end")
    assert Walked(flow).played == [
        "en/small/p",
        "en/digits/1",
        "en/digits/2",
        "en/digits/3",
        "en/digits/star",
        "en/digits/pound",
        "en/small/q",
    ]
    assert Walked(flow, "~5").played == ["en/small/p"]


def test_a_number_is_said_by_asterisk() -> None:
    flow = small("  a:\n    type: say\n    value: '42'\n    as: number\n    next: end", prompts="")
    assert Walked(flow).lines == ['SAY NUMBER 42 "0123456789*#"']
    flow = small("  a:\n    type: say\n    value: '4 2'\n    as: number\n    next: end", prompts="")
    assert Walked(flow).left[0] == "failed"


def test_a_sound_of_asterisks_own() -> None:
    prompts = "p: { en: x }, b: { sound: beep }"
    flow = small("  a:\n    type: play\n    prompt: [p, b]\n    next: end", prompts=prompts)
    assert [line.split(" ")[2] for line in Walked(flow).lines] == ["/prompts/en/small/p", "beep"]


def test_a_prompt_without_barge_in_is_heard_to_its_end() -> None:
    flow = small("  a:\n    type: play\n    prompt: p\n    barge_in: false\n    next: end")
    assert Walked(flow, "~1").lines[0] == 'STREAM FILE /prompts/en/small/p ""'


def test_a_missing_sound_is_told_and_walked_past() -> None:
    walked = Walked(MAIN, "0", missing="main/welcome")
    (notice,) = walked.notices
    assert notice == PromptMissing(flow="main", step="welcome", path="/prompts/en/main/welcome")
    assert walked.left == ("queue", "support", "general")


def test_a_menu_may_change_the_language() -> None:
    flow = small(
        "  a:\n    type: menu\n    prompt: p\n    options: { 9: { label: 中文, language: zh, next: b } }\n"
        "    invalid: { next: end }\n    no_input: { next: end }\n"
        "  b:\n    type: say\n    value: '1'\n    next: end",
        prompts="p: { en: For Chinese press 9, zh: 中文请按 9 }",
        head="languages: [en, zh]\nstart: a\non_failure: { queue: rescue }\n",
    )
    walked = Walked(flow, "9")
    assert walked.lines[-2:] == [
        'SET VARIABLE "CHANNEL(language)" "zh"',
        'STREAM FILE /prompts/zh/digits/1 "0123456789*#"',
    ]


# ------------------------------------------------------------------------------- ends, scripts, loops


@pytest.mark.parametrize("kind", ["hangup", "done"])
def test_other_ends(kind: str) -> None:
    flow = small(f"  a:\n    type: {kind}\n    prompt: p\n    subject: bye")
    walked = Walked(flow)
    assert walked.left == (kind, None, "bye")
    assert variables(walked) == [("PBXD_NEXT", kind)]
    assert walked.events[1].kind == kind  # type: ignore[union-attr]


SCRIPT = (
    "  a:\n    type: script\n    function: crm:find\n    results: {{ vip: v }}\n    sets: [name, digits]\n"
    "    deadline: 3s\n    next: end{failed}\n"
    "  v: {{ type: queue, queue: vip, priority: 10 }}\n"
    "  f: {{ type: queue, queue: other }}\n"
)


def test_a_script_chooses_the_way() -> None:
    seen: list[RunScript] = []

    def find(asked: RunScript, at: float) -> ScriptDone:
        seen.append(asked)
        return ScriptDone(at=at, result="vip", variables={"name": "Li", "other": "x"})

    walked = Walked(small(SCRIPT.format(failed="")), scripts={"crm:find": find})
    assert (seen[0].function, seen[0].deadline, dict(seen[0].variables)) == ("crm:find", 3.0, {})
    assert variables(walked) == [("PBXD_QUEUE", "vip"), ("QUEUE_PRIO", "10"), ("PBXD_NEXT", "queue")]
    assert walked.steps[0] == ("a", "", "done")


def test_a_script_that_says_nothing_goes_on() -> None:
    walked = Walked(
        small(SCRIPT.format(failed="")),
        scripts={"crm:find": lambda asked, at: ScriptDone(at=at, result="", variables={})},
    )
    assert walked.left[1] == "q"


@pytest.mark.parametrize(
    ("failed", "left"), [("", ("failed", "rescue", "broken")), ("\n    failed: f", ("queue", "other", None))]
)
def test_a_script_that_fails(failed: str, left: tuple[str, str, str | None]) -> None:
    walked = Walked(
        small(SCRIPT.format(failed=failed)),
        scripts={"crm:find": lambda asked, at: ScriptFailed(at=at, why="took longer than 3 s")},
    )
    assert walked.left == left
    assert [type(notice) for notice in walked.notices] == [Broken]
    assert walked.steps[0] == ("a", "", "failed")


def test_what_a_driver_throws_in_still_serves_the_caller() -> None:
    walking = walk(MAIN, ME, "/prompts")
    next(walking)
    walking.send(None)
    broken = walking.throw(FlowError("took too long"))
    assert isinstance(broken, Broken)
    failed = walking.send(None)
    assert isinstance(failed, FlowStep)
    assert (failed.step, failed.result) == ("welcome", "failed")


def test_a_walk_in_circles_ends() -> None:
    flow = small(
        "  a:\n    type: menu\n    prompt: p\n    options: { 1: { label: Again, next: a } }\n"
        "    invalid: { next: end }\n    no_input: { next: end }"
    )
    walked = Walked(flow, *["1"] * (MOST_STEPS + 10))
    assert walked.left == ("failed", "rescue", "broken")
    assert len(walked.steps) == MOST_STEPS + 1
    assert variables(walked) == RESCUE
