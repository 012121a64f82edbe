"""Asterisk's files as Asterisk reads them; each mend is shown to be needed by the bare library."""

from pathlib import Path

import pytest
from asterisk.config import Config
from hypothesis import given
from hypothesis import strategies as st

from pbxd.check.conf import Conf, read_conf
from pbxd.check.conf_lines import significant_lines

# pyst2 never closes the files that it reads.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

REPO = Path(__file__).parents[2]


def read(folder: Path, text: str | bytes, **others: str) -> Conf:
    for name, content in others.items():
        path = folder / f"{name}.conf"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    (folder / "x.conf").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_conf(folder, "x.conf")


def as_dict(conf: Conf) -> dict[str, list[tuple[str, str]]]:
    return {c.name: [(v.name, v.value) for v in c.variables] for c in conf.categories}


def bare(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """The same file by pyst2 alone."""
    parsed = Config(str(folder / "x.conf"))
    return {c.name: [(i.name, i.value.strip()) for i in c.items] for c in parsed.categories}


MENDED = {
    "templates": (
        "[phone](!)\ntype = endpoint\n[1001](phone)\naor = 1001\n[1002](phone,1001)\n",
        {
            "1001": [("type", "endpoint"), ("aor", "1001")],
            "1002": [("type", "endpoint"), ("type", "endpoint"), ("aor", "1001")],
        },
    ),
    "additions": (
        "[general]\na = 1\n[other]\n[general](+)\nb = 2\n",
        {"general": [("a", "1"), ("b", "2")], "other": []},
    ),
    "block comments": (
        "[a]\nx = 1 ;-- a block --; y\n"
        ";-- spans\n[ghost]\n;-- nested --;\n--;\nz = 2\n;--- a line only\nw = 3\n",
        {"a": [("x", "1  y"), ("z", "2"), ("w", "3")]},
    ),
    "escaped semicolons": ("[a]\nx = one\\;two ; three\n", {"a": [("x", "one;two")]}),
    "lengthened values": (
        "[t](!)\nallow = ulaw\n[a](t)\nallow +=,alaw\nnew += first\n",
        {"a": [("allow", "ulaw,alaw"), ("new", "first")]},
    ),
    "not UTF-8": (b"[a]\nx = Malm\xe5\n", {"a": [("x", "Malm\udce5")]}),
    "text behind a category": ("[a] something\nx = 1\n", {"a": [("x", "1")]}),
    "lines without an equals sign": ("[a]\nnonsense\nx = 1\n", {"a": [("x", "1")]}),
    "an escaped first character": ("[a]\n\\#key = 1\n\\[b] = 2\n", {"a": [("#key", "1"), ("[b]", "2")]}),
    "a value that begins with >": ("[a]\nx => >5\ny = =z\n", {"a": [("x", ">5"), ("y", "=z")]}),
}


@pytest.mark.parametrize("case", MENDED)
def test_what_is_mended_and_that_the_bare_library_needs_it(tmp_path: Path, case: str) -> None:
    text, expected = MENDED[case]
    assert as_dict(read(tmp_path, text)) == expected
    try:
        alone = bare(tmp_path)
    except Exception:
        return
    if case != "a value that begins with >":
        assert alone != expected


def test_plain_files_are_left_to_pyst2(tmp_path: Path) -> None:
    text = "; first\n[a]\nx = 1 ; one\nexten => s,1,NoOp(a=b)\n\n[b]\n"
    conf = read(tmp_path, text)
    assert as_dict(conf) == bare(tmp_path) == {"a": [("x", "1"), ("exten", "s,1,NoOp(a=b)")], "b": []}
    category = conf.category("A")
    assert category is not None
    assert category.place.line == 2
    assert [v.place.line for v in category.variables] == [3, 4]


def test_includes_keep_their_own_lines(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/2.conf").write_text("[two]\nb = 2\n")
    (tmp_path / "d/1.conf").write_text("in_general = yes\n[one]\na = 1\n")
    conf = read(
        tmp_path,
        '[general]\n#include "d/*.conf"\nstill_general = 1\n#tryinclude <absent.conf>\n#include deep.conf\n',
        deep="deep = 1\n",
    )
    assert as_dict(conf) == {
        "general": [("in_general", "yes"), ("still_general", "1")],
        "one": [("a", "1")],
        "two": [("b", "2"), ("deep", "1")],
    }
    two = conf.category("two")
    assert two is not None
    assert (Path(two.place.source).name, two.place.line) == ("2.conf", 1)
    assert not conf.findings


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("[a\nx = 1\n[b\n", "x.conf:1: error: ']' is missing: Asterisk refuses the whole file"),
        ("[a](+)\n", "x.conf:1: error: [a](+) adds to a category that is not there: Asterisk refuses"),
        (
            "[a](b)\n",
            "x.conf:1: error: [a] inherits from b, which is not there: Asterisk refuses the whole file",
        ),
        ("[a](b\n", "x.conf:1: error: ')' is missing"),
        ("x = 1\n", "x.conf:1: error: no [category] above: Asterisk refuses the whole file"),
        (
            "[a]\n#include absent.conf\n",
            "x.conf:2: error: #include absent.conf: there is no such file: Asterisk",
        ),
        ("[a]\n#include absent/*.conf\n", "x.conf:2: error: #include absent/*.conf: there is no such file"),
        ("[a]\n#include x.conf\n", "x.conf:2: error: x.conf is included by itself"),
        ("[a]\n#exec /bin/rm -rf /\n", "x.conf:2: note: #exec /bin/rm -rf /: not executed"),
        ("[a]\n#include\n", "x.conf:2: warning: #include names no file"),
        ("[a]\n#if x\n", "x.conf:2: warning: Asterisk does not know #if"),
        ("[a]\nword\n", "x.conf:2: warning: no '=': Asterisk ignores this line"),
        ("[a]\n;-- open\nx = 1\n", "x.conf:2: warning: this block comment is never closed"),
        ("[a]\nx = " + "y" * 9000, "x.conf:2: warning: longer than 8190 bytes"),
    ],
)
def test_what_asterisk_would_stumble_over(tmp_path: Path, text: str, finding: str) -> None:
    found = [str(f).removeprefix(f"{tmp_path}/") for f in read(tmp_path, text).findings]
    assert len(found) == 1
    assert found[0].startswith(finding)


def test_exec_is_never_executed(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    read(tmp_path, f"[a]\n#exec /usr/bin/touch {witness}\n")
    assert not witness.exists()


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    conf = read(tmp_path, "[a]\n#include y.conf\n", y="[b]\n#include x.conf\n")
    assert "included by itself" in str(conf.findings[0])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    conf = read_conf(tmp_path, "absent.conf")
    assert not conf.exists
    assert conf.categories == []


SAMPLES = sorted(
    path
    for suite in ("forky", "bullseye")
    for path in (REPO / ".cache/asterisk" / suite).glob("usr/share/asterisk/conf/samples/*.conf.sample")
)
OTHER_FORMATS = ("ast_debug_tools", "dbsep", "muted")  # shell, and key=value without categories


@pytest.mark.skipif(
    not SAMPLES, reason="no Asterisk unpacked in .cache (deploy/asterisk-in-folder makes one)"
)
def test_the_sample_files_of_real_asterisks_can_be_read() -> None:
    bare_failures = 0
    for path in SAMPLES:
        if path.name.split(".")[0] in OTHER_FORMATS:
            continue
        conf = read_conf(path.parent, path.name)
        assert conf.exists, path
        # One sample really has a mapping without its category above, all commented out but that.
        refused = [f for f in conf.findings if "cel_sqlite3_custom" not in str(path)]
        assert refused == [], path
        try:
            Config(str(path))
        except Exception:
            bare_failures += 1
    assert bare_failures >= 6


@given(st.text(st.sampled_from("[](!+)=>;-\\#a, \n\t"), max_size=80))
def test_no_text_brings_the_reader_down(text: str) -> None:
    for number, line, _ in significant_lines(text):
        assert number >= 1
        assert "\n" not in line


@given(st.binary(max_size=200))
def test_no_bytes_bring_the_parser_down(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.mktemp("conf")
    (folder / "x.conf").write_bytes(b"[a]\n" + raw)
    assert read_conf(folder, "x.conf").exists
