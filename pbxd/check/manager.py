"""manager.conf: can pbxd log in, hear what it must, do what it must, and nothing more?"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from pbxd.check.access import STRANGERS, admits
from pbxd.check.conf import Category, Conf, Variable
from pbxd.check.event_filters import event_filters, filter_findings
from pbxd.check.findings import Finding, error, note, warning
from pbxd.check.keys import key_findings
from pbxd.settings.model import Node

READ = {"call": "channels and bridges", "agent": "queues and their members"}
READ_WELL = {
    "system": "starts and shutdowns",
    "user": "UserEvent from the dialplan",
    "dtmf": "the keys of whoever hands a caller over",
}
WRITE = {
    "call": "transfers",
    "agent": "an agent's pause and sign-in",
    "originate": "calling whom a caller is handed over to",
    "reporting": "CoreShowChannels, with which pbxd finds its place after a lost link",
}
DANGEROUS = {
    "all": "everything, running programs too",
    "command": "any command of the console, '!' and 'dialplan add' too",
    "config": "reading and writing these very files",
    "system": "restarts, and Originate of System() and SHELL()",
}
CHATTY = {
    "all": "every event there is, digits that callers enter too",
    "dialplan": "VarSet and Newexten: more than half of all events, with the digits that callers enter",
    "verbose": "every line of the console",
}
TRUE = frozenset({"yes", "true", "y", "t", "1", "on"})
SHORT_SECRET = 12


def check_manager(conf: Conf, node: Node) -> Iterator[Finding]:
    """The manager interface and pbxd's account on it."""
    if not conf.exists:
        yield error(conf.place, "there is no such file: Asterisk's manager interface is off")
        return
    general = conf.category("general")
    if general is None:
        yield error(conf.place, "[general] is missing: the manager interface is off")
    else:
        yield from _general(general, node)
    accounts = conf.named(node.ami.username)
    if not accounts:
        yield error(conf.place, f"there is no account [{node.ami.username}] for node {node.name}")
        return
    for twin in accounts[1:]:
        yield warning(
            twin.place, f"[{twin.name}] is there a second time; write [{twin.name}](+) to add to it"
        )
    account = accounts[0]
    yield from _secret(account, node)
    yield from _classes(account, "read", READ, READ_WELL, CHATTY)
    yield from _classes(account, "write", WRITE, {}, DANGEROUS)
    yield from _access(account, general, node)
    yield from _endurance(account, general)
    filters, faults = event_filters(account)
    yield from faults
    yield from filter_findings(filters)
    granted = account.last("read")
    if granted is not None and "dtmf" in _words(granted):
        yield from key_findings(filters, granted.place)


def _on(category: Category | None, name: str, default: bool) -> bool:
    found = category.last(name) if category else None
    return default if found is None else found.value.lower() in TRUE


def _general(general: Category, node: Node) -> Iterator[Finding]:
    enabled = general.last("enabled")
    if not _on(general, "enabled", False):
        yield error(enabled.place if enabled else general.place, "enabled = yes is needed")
    if not _on(general, "timestampevents", False):
        at = general.last("timestampevents")
        yield warning(
            at.place if at else general.place,
            "timestampevents = yes is wanted: without it events carry no time of their own, and "
            "after a delay waits and talks are measured wrongly",
        )
    if _on(general, "webenabled", False):
        at = general.last("webenabled")
        yield note(at.place if at else general.place, "webenabled: pbxd does not use the manager over HTTP")
    yield from _listener(general, node)


def _listener(general: Category, node: Node) -> Iterator[Finding]:
    """The port that pbxd's settings name, against the one that Asterisk opens."""
    if node.ami.tls:
        if not _on(general, "tlsenable", False):
            yield error(general.place, f"node {node.name} wants TLS, but tlsenable = yes is not set")
        bound = general.last("tlsbindaddr")
        port = bound.value.rpartition(":")[2] if bound and ":" in bound.value else "5039"
    else:
        bound = general.last("port")
        port = bound.value if bound else "5038"
    if port.isdigit() and int(port) != node.ami.port:
        place = bound.place if bound else general.place
        yield warning(place, f"Asterisk listens on port {port}, node {node.name} connects to {node.ami.port}")


def _secret(account: Category, node: Node) -> Iterator[Finding]:
    secret = account.last("secret")
    if secret is None or not secret.value:
        yield error(secret.place if secret else account.place, "a secret is needed")
    elif secret.value.upper().startswith("CHANGE"):
        yield error(secret.place, "this secret is the sample's: choose one of your own")
    elif secret.value != node.ami.login_secret:
        yield error(secret.place, f"the secret differs from the one in the settings of node {node.name}")
    elif len(secret.value) < SHORT_SECRET:
        yield warning(secret.place, f"a secret of fewer than {SHORT_SECRET} characters can be guessed")


def _words(granted: Variable) -> set[str]:
    """The classes of a ``read`` or ``write``."""
    return {word.strip().lower() for word in granted.value.split(",") if word.strip()}


def _classes(
    account: Category, name: str, needed: dict[str, str], useful: dict[str, str], harmful: dict[str, str]
) -> Iterator[Finding]:
    granted = account.last(name)
    place = granted.place if granted else account.place
    classes = _words(granted) if granted else set()
    for word, why in needed.items():
        if word not in classes and "all" not in classes:
            yield error(place, f"{name} lacks {word!r} ({why})")
    for word, why in useful.items():
        if word not in classes and "all" not in classes:
            yield note(place, f"{name} lacks {word!r} ({why})")
    for word in sorted(classes - needed.keys() - useful.keys()):
        why = harmful.get(word, "pbxd does not need it")
        yield warning(place, f"{name} grants {word!r}: {why}; take it out")


def _access(account: Category, general: Category | None, node: Node) -> Iterator[Finding]:
    named = account.last("acl")
    if named is not None:
        yield note(named.place, f"acl {named.value}: the rules in acl.conf are not checked")
        return
    lines = [v for v in account.variables if v.name.lower() in ("permit", "deny")]
    exposed = not _is_loopback(general.value("bindaddr") if general else "")
    if not lines:
        if exposed:
            yield warning(
                account.place, "no deny and permit: anybody who reaches the port may try the secret"
            )
        return
    rules: list[tuple[str, str]] = []
    for line in lines:
        try:
            admits([(line.name, line.value)], STRANGERS[0])
        except ValueError as fault:
            yield error(line.place, f"{fault}: Asterisk refuses everybody")
            return
        rules.append((line.name, line.value))
    if exposed and any(admits(rules, stranger) for stranger in STRANGERS):
        yield warning(
            lines[0].place, "these rules let any address in: begin with deny = 0.0.0.0/0 and deny = ::/0"
        )
    if _is_loopback(node.ami.host) and not admits(rules, ip_address(_plain(node.ami.host))):
        yield error(
            lines[0].place, f"node {node.name} connects from {node.ami.host}, which these rules refuse"
        )


def _plain(host: str) -> str:
    return "127.0.0.1" if host.lower() == "localhost" else host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(_plain(host)).is_loopback
    except ValueError:
        return False


def _endurance(account: Category, general: Category | None) -> Iterator[Finding]:
    """What cuts a good connection off."""
    patience = account.last("writetimeout")
    if patience is None or not patience.value.isdigit() or int(patience.value) < 1000:
        yield warning(
            patience.place if patience else account.place,
            "writetimeout = 5000 is wanted: the default of 100 ms cuts off a reader that was held up",
        )
    for category in (general, account):
        once = category.last("allowmultiplelogin") if category else None
        if once is not None and once.value.lower() not in TRUE:
            yield warning(
                once.place,
                "allowmultiplelogin = no: after a broken link pbxd stays out until Asterisk notices",
            )
