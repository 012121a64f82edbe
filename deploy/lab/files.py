"""The configuration of a private Asterisk: the operator's own files, and what a laboratory adds to them."""

from __future__ import annotations

import math
import shutil
import struct
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.lab.tools import Asterisk
from deploy.lab.unpack import CHECKOUT

#: The three notes of the laboratory's hold music, in Hz. No phone's tone comes near them.
MUSIC_HZ = (330.0, 390.0, 510.0)
_MUSIC_S = 12
_RATE = 8000

SECRET = "lab-secret"  # noqa: S105 - a switch on loopback, for minutes
LAB_ACCOUNT = "lab"  #: the account that may do and hear everything
PBXD_ACCOUNT = "pbxd"  #: the operator's account of least privileges


_INDICATIONS = """[general]
country = us
[us]
description = North America
ringcadence = 2000,4000
dial = 350+440
busy = 480+620/500,0/500
ring = 440+480/2000,0/4000
congestion = 480+620/250,0/250
callwaiting = 440/300,0/10000
dialrecall = !350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440
record = 1400/500,0/15000
info = !950/330,!1400/330,!1800/330,0
"""


_CDR = """[general]
enable = yes
unanswered = yes
[csv]
usegmtime = yes
loguniqueid = yes
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a test or a demo wants of its switch beyond the usual."""

    phones: Sequence[str] = tuple(str(number) for number in range(1001, 1009))
    node: str = "lab"
    agi: str = "127.0.0.1:9"  #: where pbxd listens for FastAGI; port 9: nobody
    fallback_queue: str = "fallback"
    globals: Mapping[str, str] = field(default_factory=dict)
    extensions: str = ""  #: more dialplan
    queues: str = ""  #: more queues
    scenarios: bool = True  #: with the queues q5XX of the recorded scenarios
    features: str = ""  #: replaces keys of features.conf's general section, e.g. "atxferdropcall = yes"
    real_music: bool = False  #: music for people instead of the three notes
    cdr: bool = False  #: keeps its call detail records, Master.csv, with unique ids and in UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    ami: int
    sip: int


def write_configuration(folder: Path, asterisk: Asterisk, ports: Ports, wishes: Wishes) -> Path:
    """Write everything below ``folder`` and return the path of asterisk.conf."""
    etc = folder / "etc"
    for name in ("etc", "lib", "db", "keys", "agi-bin", "spool", "run", "log", "moh"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lab = Path(__file__).parent / "conf"
    operator = CHECKOUT / "asterisk-conf"
    for part in ("manager.d", "pjsip.d", "queues.d", "features.d", "musiconhold.d"):
        shutil.copytree(operator / part, etc / part)
    account = etc / "manager.d/pbxd.conf"
    account.write_text(account.read_text().replace("CHANGE-ME", SECRET))
    for name in ("pbxd.conf", "pbxd-transfer.conf"):
        shutil.copy(CHECKOUT / "dialplans" / name, etc / name)
    shutil.copy(lab / "modules.conf", etc / "modules.conf")
    texts = {
        "asterisk.conf": _asterisk_conf(folder, asterisk),
        "logger.conf": "[general]\ndateformat = %H:%M:%S.%3q\n[logfiles]\n"
        "messages.log => notice,warning,error\nfull.log => notice,warning,error,verbose(4)\n",
        "manager.conf": _manager_conf(ports),
        "pjsip.conf": _pjsip_conf(ports, wishes),
        "queues.conf": '[general]\nupdatecdr = no\n#include "queues.d/pbxd.conf"\n'
        + (lab / "queues.conf").read_text()
        + ((lab / "queues-scenarios.conf").read_text() if wishes.scenarios else "")
        + wishes.queues,
        "features.conf": f'[general]\n[featuremap]\n#include "features.d/pbxd.conf"\n'
        f"[general](+)\n{wishes.features}\n",
        "musiconhold.conf": "[general]\n[default]\nmode = files\ndirectory = moh\n"
        '#include "musiconhold.d/pbxd.conf"\n',
        "extensions.conf": _extensions_conf(wishes)
        + (lab / "extensions.conf").read_text()
        + wishes.extensions,
        "rtp.conf": "[general]\nrtpstart = 20000\nrtpend = 29999\nstrictrtp = no\n",
        "confbridge.conf": "[general]\n",
        "cdr.conf": _CDR if wishes.cdr else "[general]\nenable = no\n",
        "udptl.conf": "[general]\n",
        "ccss.conf": "[general]\n",
        "cel.conf": "[general]\nenable = no\n",
        "acl.conf": "",
        "pjproject.conf": "",
        "queuerules.conf": "[general]\n",
        "indications.conf": _INDICATIONS,
    }
    for name, text in texts.items():
        (etc / name).write_text(text)
    if wishes.cdr:
        with (etc / "modules.conf").open("a") as modules:
            modules.write("load = cdr_csv.so\n")
        (folder / "log/cdr-csv").mkdir()
    if not wishes.real_music:
        for conf in (etc / "musiconhold.conf", etc / "musiconhold.d/pbxd.conf"):
            conf.write_text(conf.read_text().replace("directory = moh", f"directory = {folder / 'moh'}"))
        write_tones(folder / "moh/notes.wav", MUSIC_HZ, _MUSIC_S)
    return etc / "asterisk.conf"


def _asterisk_conf(folder: Path, asterisk: Asterisk) -> str:
    return f"""[directories]
astetcdir => {folder}/etc
astmoddir => {asterisk.modules}
astvarlibdir => {folder}/lib
astdbdir => {folder}/db
astkeydir => {folder}
astdatadir => {asterisk.data}
astagidir => {folder}/agi-bin
astspooldir => {folder}/spool
astrundir => {folder}/run
astlogdir => {folder}/log
[options]
verbose = 4
nocolor = yes
documentation_language = en_US
"""


def _manager_conf(ports: Ports) -> str:
    return f"""[general]
enabled = yes
bindaddr = 127.0.0.1
port = {ports.ami}
timestampevents = yes
authtimeout = 10
authlimit = 1000
[{LAB_ACCOUNT}]
secret = {SECRET}
read = all
write = all
writetimeout = 5000
#include "manager.d/pbxd.conf"
"""


def _pjsip_conf(ports: Ports, wishes: Wishes) -> str:
    phones = "".join(
        f"""[{name}](pbxd-phone)
auth = {name}
aors = {name}
callerid = "Agent {name}" <{name}>
[{name}](pbxd-phone-auth)
username = {name}
password = {SECRET}
[{name}](pbxd-phone-aor)
qualify_frequency = 0
"""
        for name in wishes.phones
    )
    # A caller's INVITE says which way he wants to go; he is known by a header, so that his From and his
    # asserted identity can be anything, as on a trunk.
    trunks = "".join(
        f"""[{name}](pbxd-trunk)
context = {context}
{name.replace("trunk", "aors = trunk")}
[{name}]
type = identify
endpoint = {name}
match_header = X-Lab-Trunk: {name}
"""
        for name, context in (
            ("trunk", "pbxd-in"),
            ("trunk-queue", "lab-queue"),
            ("trunk-direct", "lab-direct"),
        )
    )
    trunks = "\n".join(line for line in trunks.splitlines() if not line.startswith("aors"))
    return f"""[global]
type = global
endpoint_identifier_order = header,username,ip,anonymous
[transport]
type = transport
protocol = udp
bind = 127.0.0.1:{ports.sip}
#include "pjsip.d/pbxd.conf"
{trunks}
{phones}"""


def _extensions_conf(wishes: Wishes) -> str:
    values = {
        "PBXD_AGI": wishes.agi,
        "PBXD_NODE": wishes.node,
        "PBXD_FALLBACK_QUEUE": wishes.fallback_queue,
        **wishes.globals,
    }
    lines = "".join(f"{key} = {value}\n" for key, value in values.items())
    return f'[general]\nstatic = yes\n[globals]\n{lines}#include "pbxd.conf"\n'


def write_tones(path: Path, frequencies: Sequence[float], seconds: int) -> None:
    """A WAV file of 8 kHz, 16 bit, mono, with these tones at once."""
    amplitude = 9000 / len(frequencies)
    samples = (
        int(sum(amplitude * math.sin(2 * math.pi * hz * n / _RATE) for hz in frequencies))
        for n in range(_RATE)
    )
    second = b"".join(struct.pack("<h", sample) for sample in samples)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        # Whole numbers of periods fit into a second, so that seconds follow each other without a click.
        file.writeframes(second * seconds)
