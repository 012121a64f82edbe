"""The private Asterisk of demo and tests really runs: what pbxd check says of it must be true."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from deploy.lab.files import SECRET, Ports, Wishes, write_configuration
from pbxd.check.conf import read_conf
from pbxd.check.dialplan import check_dialplan
from pbxd.check.findings import Severity
from pbxd.check.manager import check_manager
from pbxd.check.queues import check_features, check_queues, queues_of
from pbxd.settings.load import parse_settings

SETTINGS = f"""\
nodes: [{{name: lab, ami: {{port: 5038, secret: {SECRET}}}}}]
agi: {{port: 9}}
agents:
  - {{id: anna, interfaces: [PJSIP/1001, Local/1001@from-queue/n]}}
  - {{id: bruno, interfaces: [PJSIP/1002, Local/1002@from-queue/n]}}
  - {{id: carla, interfaces: [PJSIP/1003]}}
  - {{id: dora, interfaces: [PJSIP/1004]}}
"""


def test_the_laboratorys_switch_has_no_faults(tmp_path: Path) -> None:
    asterisk = cast(Any, SimpleNamespace(modules=tmp_path, data=tmp_path))
    wishes = Wishes(real_music=True)
    etc = write_configuration(tmp_path, asterisk, Ports(ami=5038, sip=5060), wishes).parent
    settings = parse_settings(SETTINGS, "pbxd.yaml", environ={})
    node = settings.nodes[0]
    files = {name: read_conf(etc, f"{name}.conf") for name in ("manager", "queues", "features", "extensions")}
    findings = [finding for conf in files.values() for finding in conf.findings]
    findings += check_manager(files["manager"], node)
    names = {queue.name for queue in queues_of(files["queues"])}
    assert {"support", "billing", "technical", "fallback"} <= names
    findings += check_dialplan(files["extensions"], node, settings.agi, names)
    findings += check_queues(files["queues"], node, settings.agents)
    findings += check_features(files["features"])
    # Its secret is short: it lives for minutes, on loopback.
    told = [str(f) for f in findings if f.severity is not Severity.NOTE and "can be guessed" not in f.text]
    assert told == []


def test_every_file_of_the_laboratory_can_be_read(tmp_path: Path) -> None:
    asterisk = cast(Any, SimpleNamespace(modules=tmp_path, data=tmp_path))
    etc = write_configuration(tmp_path, asterisk, Ports(ami=1, sip=2), Wishes(real_music=True)).parent
    for path in etc.glob("*.conf"):
        assert read_conf(etc, path.name).findings == [], path
