"""YAML with places: what stands there is what is read, and every fault names where it is."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pbxd.settings import yaml_source
from pbxd.settings.yaml_source import MOST_NODES, Place, SourceError, dotted, read_yaml
from tests.thorough import THOROUGH


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(SourceError) as caught:
        read_yaml(text, "main.yaml")
    return [str(fault) for fault in caught.value.faults]


def test_plain_scalars_stay_what_was_written() -> None:
    text = "a: 013800138000\nb: no\nc: 12:30\nd: 010\ne: 1e3\nf: 2024-01-01\ng: ~\nh: 0x10\ni: .5\n"
    assert read_yaml(text, "x").data == {
        "a": "013800138000",
        "b": "no",
        "c": "12:30",
        "d": "010",
        "e": "1e3",
        "f": "2024-01-01",
        "g": "~",
        "h": "0x10",
        "i": ".5",
    }


def test_the_bare_library_mangles_them() -> None:
    """Why the resolver is replaced."""
    mangled = YAML(typ="safe", pure=True).load("a: 013800138000\nd: 010\ne: 1e3\n")
    assert mangled == {"a": 13800138000, "d": 10, "e": 1000.0}


def test_an_empty_value_is_none_and_an_empty_text_is_text() -> None:
    assert read_yaml("a:\nb: ''\nc: []\n", "x").data == {"a": None, "b": "", "c": []}
    assert read_yaml("", "x").data is None
    assert read_yaml("# only a comment\n", "x").data is None


def test_places_of_keys_and_values() -> None:
    source = read_yaml("nodes:\n  - name: pbx1\n    张三:   丰\n", "main.yaml")
    assert source.place(("nodes",), of_key=True) == Place("main.yaml", 1, 1)
    assert source.place(("nodes", 0, "name")) == Place("main.yaml", 2, 11)
    assert source.place(("nodes", 0, "张三"), of_key=True) == Place("main.yaml", 3, 5)
    assert source.place(("nodes", 0, "张三")) == Place("main.yaml", 3, 11)
    assert source.place(("nodes", 0, "absent", "deeper")) == Place("main.yaml", 2, 5)
    assert str(source.fault(("nodes", 0, "name"), "bad")) == "main.yaml:2:11: nodes[0].name: bad"
    assert dotted(()) == ""


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    source = read_yaml("\ufeffa: 1\r\nb: x\r\n".encode(), "x")
    assert source.data == {"a": "1", "b": "x"}
    assert source.place(("b",)) == Place("x", 2, 4)


def test_all_faults_of_a_file_are_told() -> None:
    assert faults("a: 1\na: 2\nb: !!int 3\n? [x]\n: 3\n") == [
        "main.yaml:2:1: a: written twice; first at line 1",
        "main.yaml:3:4: b: tags are not used here: tag:yaml.org,2002:int",
        "main.yaml:4:3: a key must be plain text",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [\n", "main.yaml:2:1: not YAML: while parsing a flow node"),
        ("a:\n\t- b", "main.yaml:2:1: not YAML: while scanning for the next token"),
        ("a: b\n---\nc: d\n", "main.yaml:2:1: not YAML: expected a single document in the stream"),
        ("a: b: c\n", "main.yaml:1:5: not YAML: mapping values are not allowed"),
        ("a: 1\nb: \x00", "main.yaml:2:4: not YAML: a control character"),
        ("[" * 1000, "main.yaml: nested too deeply"),
        ('a: "\\U99999999"', "main.yaml: not YAML: "),
        ("x: &a [*a]\n", "main.yaml:1:4: x[0]: an alias of something it is part of"),
        ("x: *nowhere\n", "main.yaml:1:4: not YAML: found undefined alias"),
        ("<<: 3\n", "main.yaml:1:5: <<: only a mapping can be merged in"),
        (b"a: 1\nb: \xe4\xb8\xad\xff", "main.yaml:2:5: not UTF-8: byte 0xff"),
    ],
)
def test_what_cannot_be_read_says_where(text: str | bytes, fault: str) -> None:
    assert faults(text)[0].startswith(fault)


def test_aliases_that_multiply_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    most = MOST_NODES if THOROUGH else 20_000
    monkeypatch.setattr(yaml_source, "MOST_NODES", most)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert f"more than {most} values" in faults("\n".join(lines))[0]


def test_a_merge_gives_what_is_not_written_here_with_its_place() -> None:
    source = read_yaml("d: &d\n  tries: 3\n  wait: {first: 1s}\nm:\n  <<: *d\n  tries: 5\n", "x")
    assert source.data["m"] == {"tries": "5", "wait": {"first": "1s"}}
    assert source.place(("m", "wait", "first")) == Place("x", 3, 17)
    assert source.place(("m", "tries")) == Place("x", 6, 10)
    first_wins = read_yaml("a: &a {k: 1}\nb: &b {k: 2, l: 3}\nc:\n  <<: [*a, *b]\n", "x")
    assert first_wins.data["c"] == {"k": "1", "l": "3"}


@given(st.text(st.sampled_from("ab:-[]{}&*!?|>'\"%@`#,\n \t\\0<x\u00e9\u4e2d"), max_size=60))
def test_no_text_brings_the_reader_down(text: str) -> None:
    with suppress(SourceError):
        source = read_yaml(text, "x")
        assert all(place.line >= 1 and place.column >= 1 for place in source.values.values())


@given(st.binary(max_size=60))
def test_no_bytes_bring_the_reader_down(raw: bytes) -> None:
    with suppress(SourceError):
        read_yaml(raw, "x")
