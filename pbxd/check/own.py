"""pbxd's own side: files and folders that the settings name, and doors that stand open."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pbxd.check.findings import Finding, error, note, warning
from pbxd.settings.model import Settings
from pbxd.settings.yaml_source import YamlSource

_SECRET_KEYS = frozenset({"secret", "password"})


def check_own(settings: Settings, source: YamlSource) -> Iterator[Finding]:
    """Everything outside of Asterisk that can be looked at without starting."""
    yield from _readable_secrets(source)
    yield from _links(settings, source)
    yield from _pages(settings, source)
    yield from _folders(settings, source)
    yield from _books(settings, source)
    for index, agent in enumerate(settings.agents):
        if agent.password_hash is None:
            place = source.place(("agents", index))
            yield note(place, f"agent {agent.id} has no password_hash and cannot sign in")
    if not settings.agents:
        yield warning(source.place(("agents",)), "there are no agents: nobody gets a screen pop")
    if settings.callers.default_region is None:
        place = source.place(("callers",))
        yield warning(
            place, "callers.default_region is not set: only numbers that begin with + are understood"
        )


def _readable_secrets(source: YamlSource) -> Iterator[Finding]:
    path = Path(source.name)
    if not os.path.isfile(path) or not path.stat().st_mode & stat.S_IROTH:
        return
    for key, place in source.values.items():
        if key and key[-1] in _SECRET_KEYS and place.source == source.name:
            yield warning(place, f"{key[-1]} stands in a file that everybody can read: use {key[-1]}_file")


def _links(settings: Settings, source: YamlSource) -> Iterator[Finding]:
    for index, node in enumerate(settings.nodes):
        if not node.ami.tls and not is_local(node.ami.host):
            yield warning(
                source.place(("nodes", index, "ami", "host")),
                f"node {node.name}: secret and callers' numbers cross the network in the clear (tls: yes)",
            )
    if settings.mqtt is not None:
        address = urlsplit(settings.mqtt.url)
        if address.scheme == "mqtt" and not is_local(address.hostname or ""):
            place = source.place(("mqtt", "url"))
            yield warning(place, "callers' numbers cross the network in the clear (mqtts://)")


def _pages(settings: Settings, source: YamlSource) -> Iterator[Finding]:
    web = settings.web
    secure = web.public_url is not None and web.public_url.startswith("https:")
    if not is_local(web.listen) and not secure:
        yield warning(
            source.place(("web", "listen")),
            f"the page listens on {web.listen} without TLS: put a proxy before it and set public_url",
        )
    if secure and not web.trusted_proxies:
        yield note(
            source.place(("web", "public_url")),
            "trusted_proxies is empty: every sign-in seems to come from the proxy",
        )


def _folders(settings: Settings, source: YamlSource) -> Iterator[Finding]:
    if not os.path.isdir(settings.flows.folder):
        yield error(source.place(("flows", "folder")), f"there is no folder {settings.flows.folder}")
    prompts = settings.prompts.folder
    if not os.path.isdir(prompts):
        yield error(source.place(("prompts", "folder")), f"there is no folder {prompts}")
    else:
        yield from _prompt_folders(settings, source)
    if settings.store.url.startswith("sqlite"):
        path = Path(settings.store.url.partition(":///")[2])
        if not os.path.isdir(path.parent):
            yield error(source.place(("store", "url")), f"there is no folder {path.parent}")
        elif not os.access(path.parent, os.W_OK):
            yield warning(source.place(("store", "url")), f"{path.parent} is not writable for this user")


def _books(settings: Settings, source: YamlSource) -> Iterator[Finding]:
    for number, books in enumerate(() if settings.reconcile is None else settings.reconcile.books):
        at = ("reconcile", "books", number)
        if books.queue_log is None and books.cdr is None:
            yield warning(source.place(at), "neither queue_log nor cdr: there is nothing to compare")
        for key, path in (("queue_log", books.queue_log), ("cdr", books.cdr)):
            if path is not None and not os.access(path, os.R_OK):
                place = source.place((*at, key))
                yield warning(place, f"{path} is not there, or not readable for this user")


def _prompt_folders(settings: Settings, source: YamlSource) -> Iterator[Finding]:
    place = source.place(("prompts", "folder"))
    prompts = settings.prompts.folder
    for language in settings.prompts.languages:
        if not os.path.isdir(prompts / language):
            yield warning(place, f"there is no folder {prompts / language} for language {language}")
    if settings.prompts.asterisk_folder is None:
        for folder in (prompts, *prompts.absolute().parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                why = f"users other than its owner may not enter {folder}: can Asterisk read the prompts?"
                yield warning(place, why)
                break


def is_local(host: str) -> bool:
    """Whether traffic to ``host`` stays on this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() in ("localhost", "ip6-localhost")
