"""The settings file: what it means, what is refused, and where each refusal points."""

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from ipaddress import IPv4Network
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pbxd.from_settings import books
from pbxd.settings.load import load_settings, parse_settings
from pbxd.settings.model import Settings
from pbxd.settings.reference import reference, schema
from pbxd.settings.values import duration_text, seconds
from pbxd.settings.yaml_source import SourceError

REPO = Path(__file__).parents[2]
LEAST = "nodes:\n  - name: pbx1\n    ami: {secret: abc}\n"


def parse(text: str, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    return parse_settings(text, "pbxd.yaml", folder, environ or {})


def faults(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(SourceError) as caught:
        parse(text, environ)
    return [str(fault) for fault in caught.value.faults]


def test_the_least_file_is_enough() -> None:
    settings = parse(LEAST)
    assert settings.nodes[0].ami.login_secret == "abc"
    assert settings.nodes[0].ami.port == 5038
    assert settings.mqtt is None
    assert settings.callers.repeat.windows == (86400, 604800)
    assert settings.prompts.folder == Path("/var/lib/pbxd/prompts")


def test_every_fault_is_told_with_its_place() -> None:
    text = """\
nodes:
  - name: pbx1
    ami: {host: 127.0.0.1, prot: 5038, secret: abc, ping_every: 3}
    agi_form: [1.2.3.4]
  - name: PBX1
    ami: {port: 99999}
agents:
  - id: anna
    interfaces: [PJSIP/1001, "pbx2:PJSIP/1002"]
  - id: bob
    interfaces: pjsip/1001
    language: zhh
  - interfaces: []
log: {format: jsn, level: }
store: {url: "postgresql://x:topsecret@h/db"}
callers: {repeat: {windows: [7d, 24h]}, default_region: cn}
weeb: {port: 80}
"""
    assert faults(text) == [
        "pbxd.yaml:3:28: nodes[0].ami.prot: unknown key (did you mean 'port'?)",
        "pbxd.yaml:3:65: nodes[0].ami.ping_every: a duration needs a unit: 3s, 3ms, 3m …",
        "pbxd.yaml:4:5: nodes[0].agi_form: unknown key (did you mean 'agi_from'?)",
        "pbxd.yaml:5:11: nodes[1].name: 'PBX1' is used already at pbxd.yaml:2:11",
        "pbxd.yaml:6:17: nodes[1].ami.port: must be less than or equal to 65535",
        "pbxd.yaml:9:30: agents[0].interfaces[1]: there is no node 'pbx2'; nodes are pbx1, PBX1",
        "pbxd.yaml:11:17: agents[1].interfaces: 'pjsip/1001' belongs to an agent already at pbxd.yaml:9:18",
        "pbxd.yaml:12:15: agents[1].language: must be one of en, zh (did you mean 'zh'?)",
        "pbxd.yaml:13:5: agents[2].id: missing",
        "pbxd.yaml:13:17: agents[2].interfaces: must have at least one entry",
        "pbxd.yaml:14:15: log.format: must be one of console, json (did you mean 'json'?)",
        "pbxd.yaml:15:14: store.url: must not hold the password: use password_file",
        "pbxd.yaml:16:29: callers.repeat.windows: must be in ascending order, each span once",
        "pbxd.yaml:16:57: callers.default_region: must be two capital letters, e.g. CN",
        "pbxd.yaml:17:1: weeb: unknown key (did you mean 'web'?)",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "pbxd.yaml:1:1: nodes: missing"),
        ("- a\n", "pbxd.yaml:1:1: must be a mapping: nodes:, agents:, …"),
        ("nodes: []\n", "pbxd.yaml:1:8: nodes: must have at least one entry"),
        ("nodes: pbx1\n", "pbxd.yaml:1:8: nodes: must be a list"),
        ("nodes: [pbx1]\n", "pbxd.yaml:1:9: nodes[0]: must be a mapping"),
        (
            "nodes: [{name: a b, ami: {secret: x}}]\n",
            "pbxd.yaml:1:16: nodes[0].name: must be letters, digits",
        ),
        ("nodes: [{name: a, ami: {}}]\n", "pbxd.yaml:1:24: nodes[0].ami: needs secret or secret_file"),
        ("nodes: [{name: a, ami:}]\n", "pbxd.yaml:1:19: nodes[0].ami:: unknown key"),
        (LEAST + "store: {write_queue: 0}\n", "pbxd.yaml:4:22: store.write_queue: must be greater than or"),
        (LEAST + "web: {ping_every: 0s}\n", "pbxd.yaml:4:19: web.ping_every: must be greater than or equal"),
        (LEAST + "mqtt: {url: http://x}\n", "pbxd.yaml:4:13: mqtt.url: must begin with mqtt:, mqtts:"),
        (LEAST + "mqtt: {}\n", "pbxd.yaml:4:7: mqtt.url: missing"),
        (LEAST + "mqtt: {url: mqtt://h, prefix: a/#}\n", "pbxd.yaml:4:31: mqtt.prefix: must be a topic"),
        (LEAST + "log: {show_numbers: perhaps}\n", "pbxd.yaml:4:21: log.show_numbers: must be yes or no"),
        (
            LEAST + "prompts: {languages: [e n]}\n",
            "pbxd.yaml:4:22: prompts.languages: 'e n' is not a language",
        ),
    ],
)
def test_refusals(text: str, fault: str) -> None:
    assert any(line.startswith(fault) for line in faults(text)), faults(text)


def test_a_device_may_belong_to_one_agent_on_each_node() -> None:
    text = "nodes:\n- {name: a, ami: {secret: x}}\n- {name: b, ami: {secret: x}}\nagents:\n"
    apart = text + "- {id: u, interfaces: 'a:PJSIP/1'}\n- {id: v, interfaces: ['b:PJSIP/1']}\n"
    assert parse(apart).agents[0].devices == (("a", "PJSIP/1"),)
    both = text + "- {id: u, interfaces: 'a:PJSIP/1'}\n- {id: v, interfaces: [PJSIP/1]}\n"
    assert "belongs to an agent already" in faults(both)[0]
    host = text + "- {id: u, interfaces: 'SIP/1001@host:5060'}\n"
    assert parse(host).agents[0].devices == ((None, "SIP/1001@host:5060"),)


# ---------------------------------------------------------------- transfers, wrap-up, tokens


FAULTS_OF_TRANSFERS = [
    "pbxd.yaml:5:58: agents[0].skills.billing: must be less than or equal to 10",
    "pbxd.yaml:5:69: agents[0].skills.a b: must be letters, digits, _ and -, at most 32, no - or _ first",
    "pbxd.yaml:5:80: agents[0].skills.french: must be a whole number",
    "pbxd.yaml:7:3: transfers.musik: unknown key (did you mean 'music'?)",
    "pbxd.yaml:8:23: transfers.hold_guard.after: a duration needs a unit: 180s, 180ms, 180m …",
    "pbxd.yaml:8:34: transfers.hold_guard.then: must be one of back, offer (did you mean 'back'?)",
    "pbxd.yaml:9:25: transfers.acknowledge.policy: must be one of at_once, wait",
    "pbxd.yaml:9:39: transfers.acknowledge.up_to: must be less than or equal to 5",
    "pbxd.yaml:10:24: transfers.recall.then_queue: must be a queue's name of letters, digits, _ . and -",
    "pbxd.yaml:12:13: transfers.outside.allow[0]: must be the beginning of a number with + and country code",
    "pbxd.yaml:12:19: transfers.outside.allow[1]: must be the beginning of a number with + and country code",
    "pbxd.yaml:13:11: transfers.outside.deny: must be the beginning of a number with + and country code",
    "pbxd.yaml:14:11: transfers.outside.dial: must hold {number} or {digits}, and no other braces",
    "pbxd.yaml:15:25: transfers.outside.per_agent_per_hour: must be greater than or equal to 0",
    "pbxd.yaml:17:15: transfers.queues.support.musik: unknown key (did you mean 'music'?)",
    "pbxd.yaml:18:12: transfers.queues.a,b: must be the name of a queue: no comma, slash or bracket",
    "pbxd.yaml:20:21: wrap_up.queues.support: a duration needs a unit: 30s, 30ms, 30m …",
    "pbxd.yaml:21:3: wrap_up.declined: unknown key (did you mean 'declined_pause'?)",
    "pbxd.yaml:24:7: web.tokens[0]: needs token_file or token_hash, one of them",
    "pbxd.yaml:24:34: web.tokens[0].agents[1]: no agent 'bruno'",
    "pbxd.yaml:25:14: web.tokens[1].name: 'CRM' is used already at pbxd.yaml:24:14",
    "pbxd.yaml:25:44: web.tokens[1].token_hash: must be made by: pbxd hash-token",
]


def test_every_fault_of_transfers_is_told_with_its_place() -> None:
    text = (
        LEAST
        + """\
agents:
  - {id: anna, interfaces: PJSIP/1001, skills: {billing: 11, "a b": 3, french: good}}
transfers:
  musik: soft
  hold_guard: {after: 180, then: bak}
  acknowledge: {policy: later, up_to: 6s}
  recall: {then_queue: Support Team}
  outside:
    allow: [0049, +0]
    deny: 49
    dial: PJSIP/trunk
    per_agent_per_hour: -1
  queues:
    support: {musik: soft}
    "a,b": {music: soft}
wrap_up:
  queues: {support: 30, billing: 30s}
  declined: 5s
web:
  tokens:
    - {name: crm, agents: [anna, bruno]}
    - {name: CRM, agents: all, token_hash: sha256:abc}
"""
    )
    assert faults(text) == FAULTS_OF_TRANSFERS


def test_a_mailbox_is_named_as_the_switch_has_it_and_is_on_one_of_the_nodes() -> None:
    [mailbox] = parse(
        LEAST + "transfers: {mailboxes: [{id: 2000@default, name: Sales}]}\n"
    ).transfers.mailboxes
    assert (mailbox.id, mailbox.name, mailbox.node) == ("2000@default", "Sales", None)
    assert faults(LEAST + "transfers: {mailboxes: [{id: 2000}]}\n") == [
        "pbxd.yaml:4:30: transfers.mailboxes[0].id: must be a mailbox and its context: 1001@default"
    ]
    [fault] = faults(LEAST + "transfers: {mailboxes: [{id: 2000@default, node: other}]}\n")
    assert fault.endswith("transfers.mailboxes[0].node: must be one of pbx1")


def test_each_switch_has_books_of_its_own() -> None:
    two = LEAST + "  - name: pbx2\n    ami: {secret: abc}\n"
    each_its_own = "[{node: pbx2, cdr: /b.csv}, {node: pbx1, queue_log: /a/queue_log}]"
    kept = books(parse(two + f"reconcile: {{books: {each_its_own}}}\n"))
    assert [(each.node, each.queue_log, each.cdr) for each in kept] == [
        ("pbx2", None, Path("/b.csv")),
        ("pbx1", Path("/a/queue_log"), None),
    ]
    [alone] = books(parse(LEAST + "reconcile: {books: [{queue_log: /a/queue_log}]}\n"))
    assert alone.node == "pbx1"
    assert books(parse(two)) == []

    def fault(text: str) -> str:
        [one] = faults(two + f"reconcile: {{books: [{text}]}}\n")
        return one.partition("reconcile.")[2]

    assert fault("{cdr: /b.csv}") == "books[0].node: must be one of pbx1, pbx2"
    assert fault("{node: pbx1}, {node: pbx3}") == "books[1].node: must be one of pbx1, pbx2"
    assert fault("{node: pbx1}, {node: pbx1}") == "books[1].node: the books of pbx1 are there already"
    assert fault("").startswith("books: ")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('{cancel: "#9"}', ["#9", "*3", "*4"]),
        ('{cancel: "", merge: "", swap: ""}', ["", "", ""]),
        ("{swap: 044}", ["*1", "*3", "044"]),
        ('{cancel: "*1", swap: "*11"}', "pbxd.yaml:4:19: transfers.keys: *1 is in another code"),
        ('{cancel: "12", swap: "*12*"}', "pbxd.yaml:4:19: transfers.keys: 12 is in another code"),
        ('{cancel: "1"}', "pbxd.yaml:4:28: transfers.keys.cancel: must be two to five keys of a phone: *1"),
        ('{cancel: "*A"}', "pbxd.yaml:4:28: transfers.keys.cancel: must be two to five keys of a phone: *1"),
        (
            '{cancel: "*123456"}',
            "pbxd.yaml:4:28: transfers.keys.cancel: must be two to five keys of a phone: *1",
        ),
        ('{cancel: "*3"}', "pbxd.yaml:4:19: transfers.keys: *3 is in another code: they could not"),
        ("{cancel: *1}", "pbxd.yaml:4:28: not YAML: found undefined alias"),
    ],
)
def test_keys_of_a_transferer(keys: str, expected: str | list[str]) -> None:
    text = LEAST + f"transfers: {{keys: {keys}}}\n"
    if isinstance(expected, list):
        assert [*parse(text).transfers.keys.model_dump().values()] == expected
    else:
        assert faults(text)[0].startswith(expected), faults(text)


@pytest.mark.parametrize(
    ("dial", "good"),
    [
        ("PJSIP/{number}@trunk", True),
        ("PJSIP/00{digits}@trunk", True),
        ("Local/{number}@outbound/n", True),
        ("PJSIP/{number}{x}@trunk", False),
        ("{number}", False),
        ("/{number}", False),
        ("PJSIP/{number}&PJSIP/1", False),
        ("PJSIP/{number},30", False),
        ("PJSIP/${{number}}", False),
    ],
)
def test_how_a_number_outside_is_dialled(dial: str, good: bool) -> None:
    text = LEAST + f"transfers:\n  outside:\n    allow: +49\n    dial: {json.dumps(dial)}\n"
    if good:
        assert parse(text).transfers.outside.dial == dial
    else:
        assert any("pbxd.yaml:7:11: transfers.outside.dial: must" in fault for fault in faults(text))


def test_an_allowed_number_must_be_diallable() -> None:
    text = LEAST + "transfers: {outside: {allow: [+49]}}\n"
    assert faults(text) == [
        "pbxd.yaml:4:22: transfers.outside: allow needs dial, how Asterisk dials such a number"
    ]


def test_names_of_queues_stay_text() -> None:
    settings = parse(
        LEAST + "wrap_up: {queues: {501: 10s, no: 5s}}\ntransfers: {queues: {0800: {music: a}}}\n"
    )
    assert settings.wrap_up.queues == {"501": 10.0, "no": 5.0}
    assert settings.transfers.queues["0800"].music == "a"


def test_the_environment_reaches_what_goes_by_name() -> None:
    settings = parse(
        LEAST + "wrap_up: {queues: {Sales-EU: 10s}}\n",
        {
            "PBXD_WRAP_UP__QUEUES__SALES_EU": "20s",
            "PBXD_WRAP_UP__QUEUES__SUPPORT": "30s",
            "PBXD_TRANSFERS__QUEUES__SUPPORT__MUSIC": "soft",
        },
    )
    assert settings.wrap_up.queues == {"Sales-EU": 20.0, "support": 30.0}
    assert settings.transfers.queues["support"].music == "soft"


def test_tokens(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("0123456789abcdef0123\n")
    digest = "e8f0f4a42a7b1b5f6c9c7c8f7f6fbdc1d9ff0b9d2d9f1b1d1c1a1f1e1d1c1b1a"
    text = LEAST + (
        "agents: [{id: anna, interfaces: PJSIP/1001}]\nweb:\n  tokens:\n"
        f"    - {{name: crm, token_file: t, agents: all}}\n"
        f"    - {{name: erp, token_hash: 'sha256:{digest}', agents: anna}}\n"
    )
    crm, erp = parse(text, folder=tmp_path).web.tokens
    assert crm.digest == sha256(b"0123456789abcdef0123").hexdigest()
    assert (erp.digest, erp.agents) == (digest, ("anna",))
    assert "0123456789abcdef" not in repr(crm)
    (tmp_path / "t").write_text("short\n")
    with pytest.raises(SourceError, match=r"pbxd.yaml:7:7: web.tokens\[0\]: .*can be guessed"):
        parse(text, folder=tmp_path)


# ---------------------------------------------------------------- secrets


def test_secrets_come_from_files_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "ami.secret").write_text("hunter2hunter2\n")
    text = "nodes: [{name: pbx1, ami: {secret_file: ami.secret}}]\n"
    text += "store: {url: 'postgresql://h/d', password: pw!}\n"
    settings = parse(text, folder=tmp_path)
    assert settings.nodes[0].ami.login_secret == "hunter2hunter2"
    assert settings.store.login_password == "pw!"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "hunter2" not in shown
        assert "pw!" not in shown


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "must hold one line"),
        (b"one\ntwo\n", "must hold one line"),
        (b"\xff\n", "is not UTF-8 text"),
    ],
)
def test_a_secret_file_that_is_no_use(tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    with pytest.raises(SourceError) as caught:
        parse("nodes: [{name: a, ami: {secret_file: s}}]", folder=tmp_path)
    assert f"pbxd.yaml:1:38: nodes[0].ami.secret_file: {why}" in str(caught.value)


def test_a_fault_never_quotes_a_secret() -> None:
    text = "nodes: [{name: a, ami: {secret: [hunter2], secret_file: x}}]\n"
    assert "hunter2" not in "\n".join(faults(text))
    line_break = 'nodes: [{name: a, ami: {secret: "hunter2\\r\\nAction: x"}}]\n'
    assert faults(line_break) == ["pbxd.yaml:1:33: nodes[0].ami.secret: must be one line of text, not empty"]


def test_systemd_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "nodes: [{name: a, ami: {secret_file: $CREDENTIALS_DIRECTORY/ami}}]\n"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "LoadCredential= only" in faults(text)[0]
    (tmp_path / "ami").write_text("from systemd")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert parse(text).nodes[0].ami.login_secret == "from systemd"


# ---------------------------------------------------------------- the environment


def test_the_environment_overrides_and_adds() -> None:
    settings = parse(
        LEAST + "log: {format: console}\n",
        {
            "PBXD_LOG__FORMAT": "json",
            "PBXD_NODES__0__AMI__PORT": "5039",
            "PBXD_NODES__PBX1__AMI__HOST": "10.1.2.3",
            "PBXD_NODES__PBX1__AGI_FROM": "[10.0.0.0/8]",
            "PBXD_PROMPTS__LANGUAGES": "zh",
            "PBXD_CALLERS__REPEAT__WINDOWS": "[1h, 2h]",
            "PBXD_MQTT__URL": "mqtt://broker",
            "PBXD_STORE__PASSWORD": "[not: yaml",
            "PBXD_PORT": "tcp://10.0.0.1:80",
            "PBXD_SERVICE_HOST": "10.0.0.1",
            "OTHER__LOG__FORMAT": "x",
        },
    )
    assert settings.log.format == "json"
    assert (settings.nodes[0].ami.host, settings.nodes[0].ami.port) == ("10.1.2.3", 5039)
    assert settings.nodes[0].agi_from == (IPv4Network("10.0.0.0/8"),)
    assert settings.prompts.languages == ("zh",)
    assert settings.callers.repeat.windows == (3600, 7200)
    assert settings.mqtt is not None
    assert settings.store.login_password == "[not: yaml"


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("PBXD_WEB__PORT", "abc", "environment variable PBXD_WEB__PORT: web.port: must be a whole number"),
        (
            "PBXD_STORE__URLL",
            "x",
            "environment variable PBXD_STORE__URLL: URLL names no setting (did you mean 'URL'?)",
        ),
        (
            "PBXD_WEBB__PORT",
            "1",
            "environment variable PBXD_WEBB__PORT: WEBB names no setting (did you mean 'WEB'?)",
        ),
        (
            "PBXD_NODES__7__NAME",
            "x",
            "environment variable PBXD_NODES__7__NAME: 7 names no setting; known here: pbx1",
        ),
        ("PBXD_NODES__0__AGI_FROM", "[", "environment variable PBXD_NODES__0__AGI_FROM: not YAML:"),
        ("PBXD_WEB__PORT__X", "1", "environment variable PBXD_WEB__PORT__X: X names no setting"),
        ("PBXD_NODES__X__NAME", "x", "environment variable PBXD_NODES__X__NAME: X names no setting"),
        ("PBXD___", "x", "environment variable PBXD___:"),
    ],
)
def test_a_variable_that_is_wrong_names_itself(variable: str, value: str, fault: str) -> None:
    assert faults(LEAST, {variable: value})[0].startswith(fault)


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "value"), [("500ms", 0.5), ("5s", 5), ("1h30m", 5400), ("7d", 604800), ("1.5 s", 1.5), ("0s", 0)]
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "5", "-5s", "5 parsecs", "5s!", "s", "1e3s", "٥s", None, True, []])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(text)


@given(st.integers(1, 10**9))
def test_durations_survive_being_written(milliseconds: int) -> None:
    assert seconds(duration_text(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


# ---------------------------------------------------------------- what ships


def test_the_sample_file_loads_and_says_what_the_defaults_are(tmp_path: Path) -> None:
    sample = (REPO / "deploy/pbxd.yaml").read_text()
    (tmp_path / "ami-pbx1.secret").write_text("s")
    settings = parse(sample, folder=tmp_path)
    assert [agent.id for agent in settings.agents] == ["anna", "ben"]
    plain = parse(LEAST)
    sections = (
        "agi",
        "web",
        "store",
        "flows",
        "prompts",
        "log",
        "metrics",
        "figures",
        "switchboard",
        "transfers",
        "wrap_up",
    )
    for section in sections:
        assert getattr(settings, section) == getattr(plain, section), section


def test_what_the_sample_file_comments_out_loads_too(tmp_path: Path) -> None:
    for name in ("ami-pbx1.secret", "store.password", "mqtt.password"):
        (tmp_path / name).write_text("s")
    for name in ("wecom.url", "slack.url", "crm.secret"):
        (tmp_path / name).write_text("https://chat.example/robot")
    lines = (REPO / "deploy/pbxd.yaml").read_text().splitlines()
    switched_on = [
        line.replace("# ", "", 1)
        if line.lstrip().startswith("# ") and ":" in line and "pbx2" not in line
        else line
        for line in lines[4:]
        if not line.startswith("# ---") and "argon2" not in line
    ]
    switched_on = [line.replace("sha256:…", "sha256:" + "0" * 64) for line in switched_on]
    text = "\n".join(switched_on).replace("  url: sqlite:////var/lib/pbxd/pbxd.db\n", "")
    settings = parse(text, folder=tmp_path)
    assert settings.mqtt is not None
    assert settings.store.url.startswith("postgresql:")
    assert settings.nodes[0].ami.tls
    assert settings.transfers.outside.allow == ("+8610", "+8621")
    assert settings.wrap_up.queues == {"billing": 30.0, "support": 60.0}
    assert settings.figures.queues["support"].service_level == 60.0
    assert settings.web.tokens[0].agents == ("all",)
    assert [sink.kind for sink in settings.alerts.sinks] == ["wecom", "slack", "webhook"]
    assert settings.alerts.quiet_hours.spans[1] == (frozenset({5, 6}), 0, 24 * 60)


def test_the_reference_is_current() -> None:
    page = (REPO / "docs/settings.md").read_text()
    assert page == reference(), "run: pbxd settings reference > docs/settings.md"


def test_every_setting_says_what_it_means() -> None:
    for name, model in schema()["$defs"].items():
        assert model.get("description"), name
        for key, field in model.get("properties", {}).items():
            assert field.get("description") or "$ref" in field, f"{name}.{key}"


def test_the_schema_takes_the_sample_file() -> None:
    document = schema()
    assert document["$defs"]["Ami"]["properties"]["ping_every"]["default"] == "3s"
    assert document["$defs"]["Repeat"]["properties"]["windows"]["default"] == ["1d", "7d"]
    jsonschema.Draft202012Validator.check_schema(document)
    data = YAML(typ="safe", pure=True).load((REPO / "deploy/pbxd.yaml").read_text())
    data["callers"]["repeat"]["same_subject"] = False
    data["log"]["show_numbers"] = False
    jsonschema.validate(json.loads(json.dumps(data)), document)
    data["web"]["prot"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, document)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        load_settings(tmp_path / "absent.yaml", {})


_KEYS = ["nodes", "agents", "name", "id", "ami", "secret", "port", "interfaces", "web", "repeat", "windows"]
_WORDS = [
    "pbx1",
    "anna",
    "PJSIP/1001",
    "pbx1:PJSIP/1001",
    "5s",
    "5",
    "yes",
    "",
    "mqtt://h",
    "[",
    "$argon2id$x",
]
_ANYTHING = st.recursive(
    st.sampled_from(_WORDS) | st.text(max_size=5) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from([*_KEYS, "store", "mqtt", "callers"]), _ANYTHING, max_size=5))
def test_no_file_brings_the_reader_down(data: object) -> None:
    """JSON is YAML: whatever stands there is either settings or a list of faults, each with its place."""
    try:
        parse(json.dumps(data))
    except SourceError as refusal:
        places = [fault.place for fault in refusal.faults]
        assert all(place.source == "pbxd.yaml" and place.line == 1 for place in places)


@given(
    st.sampled_from(
        ["NODES", "NODES__0", "NODES__PBX1", "WEB", "MQTT", "AGENTS__0", "STORE__URL", "CALLERS"]
    ),
    st.sampled_from(["", "__PORT", "__AMI", "__AMI__PORT", "__0", "__REPEAT__WINDOWS", "__", "____"]),
    st.sampled_from(["", "1", "x", "[", "[a]", "{a: b}", "{name: x, ami: {secret: y}}"]),
)
def test_no_environment_brings_the_reader_down(first: str, rest: str, value: str) -> None:
    with suppress(SourceError):
        parse(LEAST, {f"PBXD_{first}{rest}": value})
