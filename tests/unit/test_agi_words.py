"""AGI's words: environment, replies, quoting, verbs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.agi import environment, quoting, replies, verbs
from pbxd.agi.replies import FailedError, HungUpError, RefusedError, Reply, ReplyReader, ReplyTooLongError

ENVIRONMENT = (
    "agi_network: yes\nagi_network_script: pbx1/main\nagi_request: agi://127.0.0.1/pbx1/main\n"
    "agi_channel: PJSIP/caller-00000001\nagi_language: en\nagi_type: PJSIP\nagi_uniqueid: 1700000000.1\n"
    "agi_version: 22.10.1\nagi_callerid: 13800138000\nagi_calleridname: {name}\nagi_callingpres: 0\n"
    "agi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\nagi_dnid: 4000\nagi_rdnis: unknown\n"
    "agi_context: pbxd-in\nagi_extension: 4000\nagi_priority: 3\nagi_enhanced: 0.0\nagi_accountcode: \n"
    "agi_threadid: 140\n"
)


def block(name: str = "Li Wei") -> bytes:
    return ENVIRONMENT.format(name=name).encode().removesuffix(b"\n")


# ------------------------------------------------------------------------------- environment


def test_environment_is_read_line_by_line() -> None:
    headers = environment.parse(block("张三: 丰"))
    assert headers["agi_network_script"] == "pbx1/main"
    assert headers["agi_calleridname"] == "张三: 丰"
    assert headers["agi_accountcode"] == ""
    assert len(headers) == 22


def test_broken_utf8_in_a_name_is_marked_not_fatal() -> None:
    headers = environment.parse(block().replace(b"Li Wei", b"\xff\xfe\xc3"))
    assert headers["agi_calleridname"] == "\ufffd\ufffd\ufffd"
    assert headers["agi_threadid"] == "140"


@pytest.mark.parametrize("forged", ["agi_callerid", "agi_network_script", "agi_extension", "agi_dnid"])
def test_a_name_with_a_line_end_forges_nothing(forged: str) -> None:
    honest = environment.parse(block())
    headers = environment.parse(block(f"x\n{forged}: 666\nnonsense"))
    assert headers[forged] == honest[forged]
    assert headers["agi_calleridname"] == "x"


@given(st.text(st.sampled_from("agi_network_script: \nx/\r")), st.booleans())
def test_the_script_alone_is_the_script_of_the_whole(name: str, first: bool) -> None:
    raw = block(name) if first else block().replace(b"agi_network: yes", b"x: y")
    assert environment.script(raw) == environment.parse(raw)["agi_network_script"]


def test_what_is_no_environment_says_so() -> None:
    assert environment.script(b"agi_request: x") == ""
    with pytest.raises(environment.NotAnEnvironmentError):
        environment.script(b"GET / HTTP/1.1\nHost: x")
    with pytest.raises(environment.EnvironmentTooLongError):
        environment.script(b"agi_x: 1\n" * 600)
    with pytest.raises(environment.NotAnEnvironmentError):
        environment.parse(b"GET / HTTP/1.1\nHost: x")
    with pytest.raises(environment.EnvironmentTooLongError):
        environment.parse(b"agi_x: 1\n" * 600)


def test_unknown_is_nothing() -> None:
    assert environment.known("unknown") == ""
    assert environment.known(None) == ""
    assert environment.known("4711") == "4711"


# ------------------------------------------------------------------------------- replies


def read_all(data: bytes, reader: ReplyReader | None = None) -> list[Reply]:
    return (reader or ReplyReader()).feed(data)


@pytest.mark.parametrize(
    ("line", "result", "data", "endpos"),
    [
        ("200 result=0", "0", None, None),
        ("200 result=-1 endpos=8000", "-1", None, 8000),
        ("200 result= (timeout)", "", "timeout", None),
        ("200 result=", "", None, None),
        ("200 result=12 (timeout)", "12", "timeout", None),
        ("200 result=1 (a (b) c)", "1", "a (b) c", None),
        ("200 result=1 (a) endpos=5)", "1", "a) endpos=5", None),
        ("200 result=35 (dtmf) endpos=4711", "35", "dtmf", 4711),
        ("200 result=1 ()", "1", "", None),
    ],
)
def test_good_replies(line: str, result: str, data: str | None, endpos: int | None) -> None:
    (reply,) = read_all(line.encode() + b"\n")
    assert (reply.code, reply.result, reply.data, reply.endpos) == (200, result, data, endpos)


def test_trying_is_not_the_reply() -> None:
    assert [r.result for r in read_all(b"100 result=0 Trying...\n200 result=7\n")] == ["7"]


def test_a_usage_block_is_one_reply() -> None:
    text = b"520-Invalid command syntax.  Proper usage follows:\nUsage: ANSWER\n\tAnswers\n520 End of it.\n"
    first, second = read_all(text + b"200 result=6\n")
    assert first.code == 520
    assert "Usage: ANSWER" in first.text
    assert second.result == "6"


def test_hangup_answers_nothing_and_is_remembered() -> None:
    reader = ReplyReader()
    assert reader.feed(b"HANGUP\n") == []
    assert reader.hungup
    (reply,) = reader.feed(b"200 result=1 (x)\n")
    assert reply.hungup
    assert reply.data == "x"


def test_hangup_inside_a_usage_block() -> None:
    reader = ReplyReader()
    (reply,) = reader.feed(b"520-Invalid\nUsage\nHANGUP\n520 End of proper usage.\n")
    assert reply.hungup
    assert "HANGUP" not in reply.text


def test_a_value_with_a_line_end_is_one_reply() -> None:
    first, second = read_all(b"200 result=1 (Smith\nHANGUP\n\nJones)\n200 result=0\n")
    assert first.data == "Smith\nHANGUP\n\nJones"
    assert not second.hungup


def test_lines_that_are_no_reply_are_counted() -> None:
    reader = ReplyReader()
    assert [r.result for r in reader.feed(b"agi_x: y\nrest)\n\n200 result=0\n")] == ["0"]
    assert reader.strays == 3


def test_too_long_replies_are_refused() -> None:
    reader = ReplyReader(longest=1000)
    with pytest.raises(ReplyTooLongError):
        reader.feed(b"x" * 2000)
    reader = ReplyReader(longest=1000)
    with pytest.raises(ReplyTooLongError):
        reader.feed(b"200 result=1 (" + b"y\n" * 1000)


STREAM = (
    b"100 result=0 Trying...\n200 result=0\n200 result=1 (a\nb)\n520-Bad\nusage\n520 End\n"
    b"510 Invalid or unknown command\nHANGUP\n511 Not Permitted on a dead channel\n200 result= (timeout)\n"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_cut_of_the_bytes_gives_the_same_replies(cuts: list[int]) -> None:
    whole = read_all(STREAM)
    reader = ReplyReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges)]
    assert [r for piece in pieces for r in reader.feed(piece)] == whole
    assert reader.idle
    assert [r.code for r in whole] == [200, 200, 520, 510, 511, 200]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for reply in read_all(data):
        assert reply.code


def test_common_replies_are_what_the_reader_would_make() -> None:
    for raw, reply in replies.COMMON.items():
        assert read_all(raw) == [reply]


# ------------------------------------------------------------------------------- quoting


def asterisk_splits(line: str) -> list[str]:
    """Asterisk's way to take a command apart, for comparison."""
    words, word, in_quotes, escaped, open_word = [], "", False, False, False
    for char in line:
        if escaped:
            word, escaped, open_word = word + char, False, True
        elif char == "\\":
            escaped = True
        elif char == '"':
            in_quotes, open_word = not in_quotes, True
        elif char in " \t" and not in_quotes:
            if open_word:
                words.append(word)
            word, open_word = "", False
        else:
            word, open_word = word + char, True
    return [*words, word] if open_word else words


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])), max_size=4))
def test_what_is_quoted_arrives_as_it_was(values: list[str]) -> None:
    assert asterisk_splits(quoting.command("EXEC", *values)) == ["EXEC", *values]


@pytest.mark.parametrize("bad", ["a\nHANGUP", "a\rb", "a\0b"])
def test_line_ends_are_refused(bad: str) -> None:
    with pytest.raises(quoting.ArgumentError):
        quoting.quoted(bad)
    with pytest.raises(quoting.ArgumentError):
        quoting.encoded(bad)
    with pytest.raises(quoting.ArgumentError):
        verbs.set_variable("X", bad)


def test_a_command_must_fit_into_asterisks_buffer() -> None:
    quoting.encoded("x" * quoting.LONGEST_COMMAND)
    with pytest.raises(quoting.ArgumentError, match="2046"):
        quoting.encoded("x" * (quoting.LONGEST_COMMAND + 1))


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(quoting.ArgumentError):
        quoting.encoded("\udcff")


# ------------------------------------------------------------------------------- verbs


def test_lines_of_the_verbs() -> None:
    assert verbs.answer().line == "ANSWER"
    assert verbs.hang_up().line == "HANGUP"
    assert verbs.hang_up("PJSIP/a-1").line == "HANGUP PJSIP/a-1"
    assert verbs.stream_file("/p/en/x", "12#").line == 'STREAM FILE /p/en/x "12#"'
    assert verbs.wait_for_digit(2.5).line == "WAIT FOR DIGIT 2500"
    assert verbs.wait_for_digit(-1).line == "WAIT FOR DIGIT -1"
    assert verbs.get_data("", 3, 12).line == 'GET DATA "" 3000 12'
    assert verbs.run("Queue", "sales", "", 'a"b').line == 'EXEC Queue "sales,,a\\"b"'
    assert (
        verbs.record_file("/r/a b", longest=30, silence=4).line
        == 'RECORD FILE "/r/a b" wav "#" 30000 BEEP s=4'
    )
    assert verbs.set_variable("CHANNEL(language)", "zh").line == 'SET VARIABLE "CHANNEL(language)" "zh"'
    assert verbs.say_digits("12*").line == 'SAY DIGITS 12* ""'
    assert verbs.say_datetime(1.9, zone="utc").line == 'SAY DATETIME 1 "" "" "utc"'
    assert verbs.verbose("a\nb  c").line == 'VERBOSE "a b c" 1'
    assert verbs.caller_value("CALLERID(name)").line == 'GET FULL VARIABLE "${URIENCODE(${CALLERID(name)})}"'


def test_a_name_of_a_variable_cannot_carry_an_expression() -> None:
    with pytest.raises(ValueError, match="not the name"):
        verbs.caller_value("X)}${SHELL(id)}")


def one(line: str) -> Reply:
    return read_all(line.encode() + b"\n")[0]


def test_get_data_tells_a_timeout_from_an_empty_entry() -> None:
    read = verbs.get_data("x", 3, 4).read
    assert read(one("200 result= (timeout)")) == verbs.Entered("", True)
    assert read(one("200 result=")) == verbs.Entered("", False)
    assert read(one("200 result=12 (timeout)")) == verbs.Entered("12", True)
    assert read(one("200 result=1234")) == verbs.Entered("1234", False)


def test_results_of_the_verbs() -> None:
    assert verbs.stream_file("x").read(one("200 result=49 endpos=800")) == verbs.Played("1", 800)
    assert verbs.stream_file("x").read(one("200 result=0 endpos=0")).missing
    assert verbs.wait_for_digit(1).read(one("200 result=35")) == "#"
    assert verbs.wait_for_digit(1).read(one("200 result=0")) == ""
    assert verbs.get_variable("X").read(one("200 result=0")) is None
    assert verbs.get_variable("X").read(one("200 result=1 ()")) == ""
    assert verbs.get_variable("X").read(one("200 result=1 (-1)")) == "-1"
    assert verbs.caller_value("X").read(one("200 result=1 (%E5%BC%A0%0A%22)")) == '张\n"'
    assert verbs.channel_status().read(one("200 result=6")) == 6
    recorded = verbs.record_file("x", longest=1).read(one("200 result=35 (dtmf) endpos=160"))
    assert recorded == verbs.Recorded("dtmf", "#", 160)


@pytest.mark.parametrize(
    ("line", "hungup", "error"),
    [
        ("200 result=-1", False, FailedError),
        ("200 result=-1", True, HungUpError),
        ("511 Command Not Permitted on a dead channel or intercept routine", False, HungUpError),
        ("200 result=0 (hangup) endpos=5", False, HungUpError),
        ("510 Invalid or unknown command", False, RefusedError),
        ("520 Invalid command syntax.  Proper usage not available.", False, RefusedError),
        ("200 result=x", False, RefusedError),
    ],
)
def test_what_is_wrong_is_told_apart(line: str, hungup: bool, error: type[Exception]) -> None:
    reader = ReplyReader()
    reader.hungup = hungup
    (reply,) = reader.feed(line.encode() + b"\n")
    with pytest.raises(error):
        verbs.wait_for_digit(1).read(reply)


def test_an_application_that_is_missing() -> None:
    with pytest.raises(RefusedError, match="no such application"):
        verbs.run("Nope").read(one("200 result=-2"))
