"""``pbxd check``: an installation by the documents is clean, and each way to spoil it is named."""

import json
import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pbxd.check.access import admits
from pbxd.check.findings import Finding
from pbxd.check.modules import NEEDED
from pbxd.check.run import check
from pbxd.cli import app
from pbxd.edge.flow_files.load import missing_prompts, read_flow
from pbxd.transfers.prepared import MARK

REPO = Path(__file__).parents[2]
SECRET = "correct horse battery"

SALES = """\
languages: [en]
on_failure: {queue: support}
start: end
steps: {end: {type: queue, queue: billing}}
"""

# Where the documents' installation uses /etc and /var/lib.
ELSEWHERE = """\
flows: {folder: flows, scripts: scripts}
prompts: {folder: prompts, asterisk_folder: /srv/prompts, languages: [en, zh]}
store: {url: "sqlite:///{folder}/pbxd.db"}
"""


def documented() -> dict[str, str]:
    """The files that docs/install.md shows."""
    page = (REPO / "docs/install.md").read_text()
    return dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL))


@cache
def sounds_of_the_flow() -> list[Path]:
    """Every sound file that the flow that ships asks for, below the folder of prompts."""
    nowhere = Path("nowhere")
    missing = missing_prompts(read_flow(REPO / "dialplans/flows/main.yaml"), nowhere)
    return [
        Path(each.message.removeprefix("there is no sound file ")).relative_to(nowhere) for each in missing
    ]


class House:
    """A machine with Asterisk and pbxd set up as docs/install.md says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asterisk = folder / "asterisk"
        shutil.copytree(REPO / "asterisk-conf", self.asterisk)
        for dialplan in ("pbxd.conf", "pbxd-transfer.conf"):
            shutil.copy(REPO / "dialplans" / dialplan, self.asterisk / dialplan)
        for name, text in documented().items():
            if name.endswith(".conf") and "/" not in name:
                (self.asterisk / name).write_text(text)
        self.change("manager.d/pbxd.conf", "secret = CHANGE-ME", f"secret = {SECRET}")
        (folder / "prompts/en").mkdir(parents=True)
        (folder / "flows").mkdir()
        (folder / "flows/sales.yaml").write_text(SALES)
        self.flow("main")
        self.config = folder / "pbxd.yaml"
        (folder / "ami-pbx1.secret").write_text(SECRET)
        self.config.write_text(documented()["pbxd.yaml"] + ELSEWHERE.replace("{folder}", str(folder)))
        self.config.chmod(0o600)

    def flow(self, name: str) -> None:
        """The flow that ships, with a sound for each of its prompts."""
        path = self.folder / "flows" / f"{name}.yaml"
        shutil.copy(REPO / "dialplans/flows/main.yaml", path)
        for name in sounds_of_the_flow():
            sound = self.folder / "prompts" / name
            sound.parent.mkdir(parents=True, exist_ok=True)
            sound.touch()

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / file if file.endswith(".yaml") else self.asterisk / file
        text = path.read_text()
        assert old in text, (file, old)
        path.write_text(text.replace(old, new, 1))

    def findings(self) -> list[Finding]:
        return check(self.config, {"": self.asterisk}, {})

    def line(self, finding: Finding) -> str:
        """It as it is told, with N for the line: the file that it is about may be edited."""
        told = str(finding).replace(f"{self.asterisk}/", "").replace(f"{self.folder}/", "")
        return re.sub(r"^(\S+?):\d+(:\d+)?: ", r"\1:N: ", told)

    def lines(self) -> list[str]:
        return [self.line(finding) for finding in self.findings()]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_an_installation_by_the_book_is_clean(house: House) -> None:
    assert house.lines() == []


SPOILED: dict[str, tuple[str, str, str, str]] = {
    "manager off": (
        "manager.conf",
        "enabled = yes",
        "enabled = no",
        "manager.conf:N: error: enabled = yes is needed",
    ),
    "no times": (
        "manager.conf",
        "timestampevents = yes",
        "",
        "manager.conf:N: warning: timestampevents = yes",
    ),
    "http": ("manager.conf", "port =", "webenabled = yes\nport =", "manager.conf:N: note: webenabled"),
    "port": (
        "manager.conf",
        "port = 5038",
        "port = 5099",
        "manager.conf:N: warning: Asterisk listens on port 5099",
    ),
    "account": ("manager.d/pbxd.conf", "[pbxd]", "[pbx]", "manager.conf: error: there is no account [pbxd]"),
    "twin": (
        "manager.conf",
        "[general]",
        "[pbxd]\n[general]",
        "manager.d/pbxd.conf:N: warning: [pbxd] is there a",
    ),
    "secret": ("manager.d/pbxd.conf", SECRET, "another", "manager.d/pbxd.conf:N: error: the secret differs"),
    "sample secret": (
        "manager.d/pbxd.conf",
        SECRET,
        "CHANGE-ME",
        "manager.d/pbxd.conf:N: error: this secret is",
    ),
    "read less": (
        "manager.d/pbxd.conf",
        "read = call,agent",
        "read = call",
        "manager.d/pbxd.conf:N: error: read lacks 'agent'",
    ),
    "read all": (
        "manager.d/pbxd.conf",
        "read = call",
        "read = all,call",
        "manager.d/pbxd.conf:N: warning: read grants 'all'",
    ),
    "keys kept from it": (
        "manager.d/pbxd.conf",
        "eventfilter = !^Event: DTMFBegin",
        "eventfilter = !^Event: DTMF",
        "manager.d/pbxd.conf:N: warning: keeps the keys",
    ),
    "no keys": (
        "manager.d/pbxd.conf",
        ",dtmf",
        "",
        "manager.d/pbxd.conf:N: note: read lacks 'dtmf'",
    ),
    "write less": (
        "manager.d/pbxd.conf",
        ",reporting",
        "",
        "manager.d/pbxd.conf:N: error: write lacks 'reporting'",
    ),
    "command": (
        "manager.d/pbxd.conf",
        "write = ",
        "write = command,",
        "manager.d/pbxd.conf:N: warning: write grants 'command': any command",
    ),
    "system": (
        "manager.d/pbxd.conf",
        "write = ",
        "write = system,",
        "manager.d/pbxd.conf:N: warning: write grants 'system'",
    ),
    "all": (
        "manager.d/pbxd.conf",
        "write = ",
        "write = all,",
        "manager.d/pbxd.conf:N: warning: write grants 'all'",
    ),
    "refused": (
        "manager.d/pbxd.conf",
        "permit = 127.0.0.1",
        "permit = 10.0.0.1",
        "manager.d/pbxd.conf:N: error: node pbx1 connects from",
    ),
    "nonsense": (
        "manager.d/pbxd.conf",
        "permit = 127.0.0.1",
        "permit = here",
        "manager.d/pbxd.conf:N: error: 'here/255.255.255.255' does not",
    ),
    "impatient": (
        "manager.d/pbxd.conf",
        "writetimeout = 5000",
        "",
        "manager.d/pbxd.conf:N: warning: writetimeout",
    ),
    "once": (
        "manager.conf",
        "port =",
        "allowmultiplelogin=no\nport =",
        "manager.conf:N: warning: allowmultiplelogin",
    ),
    "deaf": (
        "manager.d/pbxd.conf",
        "!^Event: PresenceStateChange",
        "!^Event: Hangup",
        "manager.d/pbxd.conf:N: error: keeps Hangup from",
    ),
    "only some": (
        "manager.d/pbxd.conf",
        "!^Event: PresenceStateChange",
        "^Event: Hangup",
        "manager.d/pbxd.conf:N: error: lets only some",
    ),
    "unseen": (
        "manager.d/pbxd.conf",
        "!^Event: PresenceStateChange",
        "!Event: Presence",
        "manager.d/pbxd.conf:N: warning: '!Event: Presence' is not tied",
    ),
    "broken filter": (
        "manager.d/pbxd.conf",
        "!^Event: PresenceStateChange",
        "!^(",
        "manager.d/pbxd.conf:N: error: '!^(' is no regular",
    ),
    "new filter": (
        "manager.d/pbxd.conf",
        "eventfilter = !^Event: Pres",
        "eventfilter(action(exclude),name(Hangup)) =\nx =",
        "manager.d/pbxd.conf:N: error: keeps Hangup",
    ),
    "no entry": (
        "extensions.conf",
        '#include "pbxd.conf"',
        "",
        "extensions.conf: error: context [pbxd-in] is missing",
    ),
    "no transfers": (
        "pbxd-transfer.conf",
        "[pbxd-transfer]",
        "[pbxd-transfers]",
        "extensions.conf: error: context [pbxd-transfer] is missing, so transfers are refused",
    ),
    "no queue to transfer to": (
        "pbxd-transfer.conf",
        "[pbxd-transfer-queue]",
        "[pbxd-queues]",
        "extensions.conf: error: context [pbxd-transfer-queue] is missing",
    ),
    "other transfers": (
        "pbxd-transfer.conf",
        f"exten => {MARK},",
        "exten => VERSION-2,",
        f"pbxd-transfer.conf:N: error: [pbxd-transfer] is not of {MARK}",
    ),
    "no originate": (
        "manager.d/pbxd.conf",
        "write = call,agent,originate,",
        "write = call,agent,",
        "manager.d/pbxd.conf:N: error: write lacks 'originate' (calling whom a caller is handed over to)",
    ),
    "no agi": ("pbxd.conf", "AGI(agi://", "NoOp(", "pbxd.conf:N: error: no context runs AGI"),
    "no node": ("extensions.conf", "PBXD_NODE = pbx1", "", "extensions.conf:N: error: PBXD_NODE is not set"),
    "wrong node": (
        "extensions.conf",
        "PBXD_NODE = pbx1",
        "PBXD_NODE = x",
        "extensions.conf:N: error: PBXD_NODE is x, but",
    ),
    "wrong port": ("extensions.conf", ":4573", ":4574", "extensions.conf:N: error: PBXD_AGI says port 4574"),
    "wrong host": (
        "extensions.conf",
        "127.0.0.1:4573",
        "10.0.0.1:4573",
        "extensions.conf:N: warning: PBXD_AGI says 10.0.0.1",
    ),
    "fallback": (
        "extensions.conf",
        "QUEUE = support",
        "QUEUE = sport",
        "extensions.conf:N: error: the fallback queue 'sport'",
    ),
    "unknown flow": (
        "extensions.conf",
        "=sales)",
        "=seals)",
        "extensions.conf:N: error: there is no flow 'seals'",
    ),
    "stranger": (
        "queues.conf",
        "PJSIP/1002",
        "PJSIP/1003",
        "queues.conf:N: warning: PJSIP/1003 in queue support is no",
    ),
    "unseated": (
        "pbxd.yaml",
        "[PJSIP/1002]",
        "[PJSIP/1009]",
        "queues.conf: note: agent ben (PJSIP/1009) is a static",
    ),
    "talking": (
        "queues.d/pbxd.conf",
        "ringinuse = no",
        "ringinuse = yes",
        "queues.d/pbxd.conf:N: warning: queue support: ringinuse",
    ),
    "dropped": (
        "features.d/pbxd.conf",
        "atxferdropcall = no",
        "atxferdropcall = yes",
        "features.d/pbxd.conf:N: warning: atxferdropcall",
    ),
    "no key": ("features.d/pbxd.conf", "atxfer => *2", "", "features.conf:N: note: no atxfer key"),
    "syntax": ("queues.conf", "[support]", "[support", "queues.conf:N: error: ']' is missing"),
    "settings": (
        "pbxd.yaml",
        "callers:",
        "calers:",
        "pbxd.yaml:N: error: calers: unknown key (did you mean 'callers'?)",
    ),
    "region": (
        "pbxd.yaml",
        "default_region: CN",
        "language: en",
        "pbxd.yaml:N: warning: callers.default_region is not",
    ),
    "password": (
        "pbxd.yaml",
        "    password_hash: $argon2id$v=19$m=65536,t=3,p=4$…\n",
        "",
        "pbxd.yaml:N: note: agent anna has no password_hash",
    ),
    "clear": (
        "pbxd.yaml",
        "host: 127.0.0.1",
        "host: 10.0.0.1",
        "pbxd.yaml:N: warning: node pbx1: secret and callers'",
    ),
    "tls": ("pbxd.yaml", "host: 127.0.0.1", "tls: yes", "manager.conf:N: error: node pbx1 wants TLS"),
    "flows": ("pbxd.yaml", "folder: flows", "folder: flaws", "pbxd.yaml:N: error: there is no folder"),
    "prompts": (
        "pbxd.yaml",
        "folder: prompts",
        "folder: prompt",
        "pbxd.yaml:N: error: there is no folder",
    ),
    "language": (
        "pbxd.yaml",
        "languages: [en, zh]",
        "languages: [en, zh, fr]",
        "pbxd.yaml:N: warning: there is no folder prompts/fr for language fr",
    ),
    "language of a flow": (
        "pbxd.yaml",
        "languages: [en, zh]",
        "languages: [en]",
        "flows/main.yaml:N: warning: language 'zh' is not among prompts.languages",
    ),
    "a flow's queue": (
        "queues.conf",
        "[billing]",
        "[biling]",
        "flows/main.yaml:N: error: node pbx1 has no queue 'billing'",
    ),
    "flow": (
        "flows/main.yaml",
        "type: menu",
        "type: meun",
        "flows/main.yaml:N: error: steps.choose.type: must be one of",
    ),
    "prompt": (
        "flows/main.yaml",
        "  no_key:",
        "  no_keys:",
        "flows/main.yaml:N: error: steps.choose.no_input.prompt: ",
    ),
    "survey": (
        "pbxd.yaml",
        "folder: flows",
        "folder: flows, surveys: {billing: after}",
        "pbxd.yaml:N: error: flows.surveys: there is no flow 'after'",
    ),
    "survey of nothing": (
        "pbxd.yaml",
        "folder: flows",
        "folder: flows, surveys: {billing: main}",
        "pbxd.yaml:N: error: flows.surveys: flow 'main' asks for no rating",
    ),
    "survey of nobody": (
        "pbxd.yaml",
        "folder: flows",
        "folder: flows, surveys: {biling: main}",
        "pbxd.yaml:N: warning: flows.surveys: no flow leads to queue 'biling'",
    ),
    "page": (
        "pbxd.yaml",
        "callers:",
        "web: {listen: 0.0.0.0}\ncallers:",
        "pbxd.yaml:N: warning: the page listens on",
    ),
    "broker": (
        "pbxd.yaml",
        "callers:",
        "mqtt: {url: 'mqtt://b'}\ncallers:",
        "pbxd.yaml:N: warning: callers' numbers",
    ),
}


@pytest.mark.parametrize("how", SPOILED)
def test_each_way_to_spoil_it_is_named_with_file_and_line(house: House, how: str) -> None:
    file, old, new, expected = SPOILED[how]
    house.change(file, old, new)
    found = {house.line(finding): finding for finding in house.findings()}
    line = next((line for line in found if line.startswith(expected)), None)
    assert line is not None, list(found)
    place = found[line].place
    if place.line and new and place.source.endswith(file):
        told = Path(place.source).read_text().splitlines()[place.line - 1]
        assert new.strip().split("\n")[0] in told or told.lstrip(" -").startswith(
            ("[", "id:", "callers", "deny", "no_input")
        )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("eventfilter = !^Event: DTMFBegin", ";"),
        ("eventfilter = ![[:cntrl:]]Digit:", ";"),
        ("eventfilter = ![[:cntrl:]]Exten:", ";"),
        ("eventfilter = ![[:cntrl:]]Context:", ";"),
        ("([^c]|c[^o]|", "(s|"),
    ],
)
def test_digits_that_callers_enter_are_none_of_its_business(house: House, old: str, new: str) -> None:
    house.change("manager.d/pbxd.conf", old, new)
    (line,) = house.lines()
    assert line.startswith("manager.d/pbxd.conf:N: warning: read grants 'dtmf', digits that callers enter")


def test_a_filter_that_lets_only_others_through_keeps_keys_from_it(house: House) -> None:
    house.change("manager.d/pbxd.conf", "eventfilter = !^Event: DTMFBegin", "eventfilter = ^Event: [A-CE-Z]")
    assert any("keeps the keys of whoever" in line for line in house.lines())


MODULES = [
    ("autoload = yes\nload = chan_pjsip.so", []),
    ("autoload = yes\nnoload => chan_sip.so", []),
    (
        "autoload = yes\nnoload => app_bridgewait.so\nnoload = func_logic",
        [
            "modules.conf:N: error: noload = app_bridgewait.so: transfers need it (BridgeWait)",
            "modules.conf:N: error: noload = func_logic.so: transfers need it (IF and IMPORT)",
        ],
    ),
    (
        "autoload = no\n"
        + "".join(f"load = {name}.so\n" for name in NEEDED if name != "app_bridgeaddchan")
        + "load = app_voicemail.so",
        ["modules.conf:N: error: app_bridgeaddchan.so is not loaded: transfers need it (BridgeAdd)"],
    ),
    (
        "autoload = no\n" + "".join(f"load = {name}.so\n" for name in NEEDED),
        [
            "modules.conf:N: note: app_voicemail.so is not loaded: "
            "a mailbox cannot be the target of a transfer"
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), MODULES)
def test_modules_that_transfers_need(house: House, text: str, expected: list[str]) -> None:
    (house.asterisk / "modules.conf").write_text(f"[modules]\n{text}\n")
    assert house.lines() == expected


def test_the_list_of_modules_is_told_to_the_operator() -> None:
    for page in ("asterisk-conf/README.md", "dialplans/pbxd-transfer.conf"):
        told = (REPO / page).read_text()
        assert not [name for name in NEEDED if name not in told], page


def test_the_list_of_modules_has_all_that_the_dialplan_of_transfers_uses() -> None:
    lines = (REPO / "dialplans/pbxd-transfer.conf").read_text().splitlines()
    code = "\n".join(line for line in lines if not line.startswith(";"))
    used = set(re.findall(r"(?:,1,|n,|n\(\w+\),|[?:]|Set\(|\$\{)([A-Za-z_]+)\(", code))
    core = {"Bridge", "Goto", "GotoIf", "Hangup", "NoOp", "Set", "Wait"}
    assert {"BridgeWait", "CHANNEL_EXISTS", "Gosub"} < used
    assert used - core <= set(re.findall(r"\w+", " ".join(NEEDED.values())))


AWAY = "sends callers away while all agents are paused for their wrap-up"
OF_WRAP_UP = [
    ("joinempty = unavailable,invalid,unknown", "joinempty = no", f"joinempty = no {AWAY}"),
    ("joinempty = unavailable,invalid,unknown", "joinempty = strict", f"joinempty = strict {AWAY}"),
    ("joinempty = unavailable,invalid,unknown", "joinempty = paused", f"joinempty = paused {AWAY}"),
    ("joinempty = unavailable,invalid,unknown", "joinempty = yes", None),
    ("joinempty = unavailable,invalid,unknown", "joinempty = loose", None),
    ("leavewhenempty = unavailable,invalid,unknown", "leavewhenempty = yes", f"leavewhenempty = yes {AWAY}"),
    ("leavewhenempty = unavailable,invalid,unknown", "leavewhenempty = no", None),
    ("wrapuptime = 2", "wrapuptime = 0", "wrapuptime = 2 (with shared_lastcall = yes) closes"),
    ("wrapuptime = 2", "", "wrapuptime = 2 (with shared_lastcall = yes) closes"),
]


@pytest.mark.parametrize(("old", "new", "finding"), OF_WRAP_UP)
def test_queues_that_do_not_fit_a_wrap_up(house: House, old: str, new: str, finding: str | None) -> None:
    house.change("queues.d/pbxd.conf", f"\n{old}\n", f"\n{new}\n")
    assert [line for line in house.lines() if "wrap" in line] == [], "without wrap-up it is all the same"
    with house.config.open("a") as file:
        file.write("wrap_up: {default: 20s, queues: {technical: 0s}}\n")
    told = [line for line in house.lines() if "wrap" in line]
    assert len(told) == (2 if finding else 0), "technical has no wrap-up"
    assert all("queue support" in line or "queue billing" in line for line in told)
    assert all((finding or "") in line for line in told)


def test_the_guard_is_for_one_queue_only_without_a_shared_last_call(house: House) -> None:
    house.change("queues.conf", "shared_lastcall = yes\n", "")
    with house.config.open("a") as file:
        file.write("wrap_up: {queues: {support: 20s}}\n")
    (line,) = house.lines()
    assert "without shared_lastcall = yes" in line


def test_filters_are_read_as_posix_expressions(house: House) -> None:
    house.change(
        "manager.d/pbxd.conf", "!^Event: PresenceStateChange", "!^Event:[[:space:]]Hangup[[:cntrl:]]"
    )
    assert [line for line in house.lines() if "keeps Hangup from" in line]
    assert not [line for line in house.lines() if "HangupRequest" in line]


def test_freepbx_by_the_book_is_clean(house: House) -> None:
    """FreePBX owns manager.conf and includes what the operator may write."""
    (house.asterisk / "manager.conf").write_text(
        "[general]\nenabled = yes\nport = 5038\nbindaddr = 0.0.0.0\ndisplayconnects=no ;only effects 1.6+\n\n"
        "#include manager_additional.conf\n#include manager_custom.conf\n"
    )
    (house.asterisk / "manager_additional.conf").write_text("[admin]\nsecret = theirs\nread = all\n")
    (house.asterisk / "manager_custom.conf").write_text(documented()["freepbx/manager_custom.conf"])
    assert house.lines() == []


WITH_SCRIPT = SALES.replace("steps: {", "steps: {ask: {type: script, function: %s, next: end}, ").replace(
    "start: end", "start: ask"
)


@pytest.mark.parametrize(
    ("function", "finding"),
    [
        ("crm:find", None),
        ("crm:made", None),
        ("crm:imported", None),
        ("crm:fnid", "flows/sales.yaml:N: error: {folder}/scripts/crm.py has no function fnid"),
        ("crm:later", "flows/sales.yaml:N: error: {folder}/scripts/crm.py has no function later"),
        ("cmr:find", "flows/sales.yaml:N: error: there is no file {folder}/scripts/cmr.py for cmr:find"),
        ("bad:find", "scripts/bad.py:N: error: not Python: "),
    ],
)
def test_functions_of_script_steps(house: House, function: str, finding: str | None) -> None:
    scripts = house.folder / "scripts"
    scripts.mkdir()
    witness = house.folder / "witness"
    (scripts / "crm.py").write_text(
        f"open({str(witness)!r}, 'w')\nfrom x import y as imported\n"
        "if True:\n    def find(agi): ...\nmade = find\nasync def later(agi): ...\n"
    )
    (scripts / "bad.py").write_text("def find(:\n")
    (house.folder / "flows/sales.yaml").write_text(WITH_SCRIPT % function)
    expected = [] if finding is None else [finding.replace("{folder}/", "")]
    assert [line[: len(want)] for line, want in zip(house.lines(), expected, strict=True)] == expected
    assert not witness.exists()


@pytest.mark.parametrize("name", ["manager.conf", "queues.conf", "extensions.conf"])
def test_a_file_that_is_missing(house: House, name: str) -> None:
    (house.asterisk / name).unlink()
    assert any(line.startswith(f"{name}: ") and "no such file" in line for line in house.lines())


def test_a_file_that_may_not_be_read_is_said_to_be_unchecked(house: House) -> None:
    included = house.asterisk / "manager.d/pbxd.conf"
    included.unlink()
    included.symlink_to(included)  # as root, nothing else is unreadable
    assert house.lines() == ["manager.d/pbxd.conf: note: not checked: Too many levels of symbolic links"]


def test_a_secret_in_a_readable_file(house: House) -> None:
    house.change("pbxd.yaml", "secret_file: ami-pbx1.secret", f"secret: {SECRET}")
    house.config.chmod(0o644)
    assert house.lines() == [
        "pbxd.yaml:N: warning: secret stands in a file that everybody can read: use secret_file"
    ]


def test_prompts_that_asterisk_cannot_reach(house: House) -> None:
    house.change("pbxd.yaml", ", asterisk_folder: /srv/prompts", "")
    (house.folder / "prompts").chmod(0o700)
    assert any("users other than its owner may not enter" in line for line in house.lines())


def test_books_that_cannot_be_read(house: House) -> None:
    text = house.config.read_text()
    house.config.write_text(text + "reconcile: {books: [{queue_log: books/queue_log}]}\n")
    assert house.lines() == [
        "pbxd.yaml:N: warning: books/queue_log is not there, or not readable for this user"
    ]
    (house.folder / "books").mkdir()
    (house.folder / "books/queue_log").write_text("")
    assert house.lines() == []
    house.config.write_text(text + "reconcile: {books: [{cdr_time_zone: UTC}]}\n")
    assert house.lines() == ["pbxd.yaml:N: warning: neither queue_log nor cdr: there is nothing to compare"]


def test_no_finding_shows_a_secret(house: House) -> None:
    house.change("manager.d/pbxd.conf", SECRET, "another secret of theirs")
    house.config.chmod(0o644)
    text = "\n".join(house.lines())
    assert SECRET not in text
    assert "another secret" not in text


def test_a_node_on_another_machine_is_said_to_be_unchecked(house: House) -> None:
    found = check(house.config, {"pbx2": house.asterisk}, {})
    assert Path("/etc/asterisk").is_dir() or any("were not checked" in f.text for f in found)


def test_the_line_is_the_line_of_the_file_that_was_included(house: House) -> None:
    house.change("manager.d/pbxd.conf", "write = ", "write = all,")
    (found,) = house.findings()
    lines = Path(found.place.source).read_text().splitlines()
    assert lines[found.place.line - 1].startswith("write = all,")


def test_the_command(house: House) -> None:
    arguments = ["check", "-c", str(house.config), "--asterisk", f"pbx1={house.asterisk}"]
    clean = CliRunner().invoke(app, arguments)
    assert clean.exit_code == 0, clean.output
    assert clean.output == "0 errors, 0 warnings, 0 notes\n"
    house.change("queues.conf", "PJSIP/1002", "PJSIP/1003")
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert CliRunner().invoke(app, [*arguments, "--strict"]).exit_code == 1
    house.change("manager.conf", "enabled = yes", "")
    told = CliRunner().invoke(app, [*arguments, "--json"])
    assert told.exit_code == 1
    report = json.loads(told.output)
    assert report["errors"] == 1
    assert {"severity", "file", "line", "column", "text"} == set(report["findings"][0])


def test_permit_and_deny() -> None:
    from ipaddress import ip_address

    here, there = ip_address("127.0.0.1"), ip_address("203.0.113.7")
    rules = [("deny", "0.0.0.0/0.0.0.0"), ("permit", "127.0.0.1/255.255.255.255,10.0.0.0/8")]
    assert admits(rules, here)
    assert not admits(rules, there)
    assert admits([], there)
    assert admits([("deny", "!203.0.113.0/24")], there)
    assert not admits([("permit", "0.0.0.0/0"), ("deny", "203.0.113.7")], there)
    assert admits(rules, ip_address("2001:db8::7"))
    with pytest.raises(ValueError, match="does not appear"):
        admits([("permit", "localhost")], here)
