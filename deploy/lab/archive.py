"""Which Debian archive this machine uses, read from its own apt sources.

No archive's address is written into the project: a machine behind a mirror, or with no way out but a
mirror, has named it in its sources already.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Overrides what the sources say: the address of a Debian archive, e.g. ``http://mirror.example/debian``.
ADDRESS_VARIABLE = "PBXD_DEBIAN_ARCHIVE"

_DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SIDE_SUITES = ("-security", "/updates", "-updates", "-backports", "-proposed-updates")


class NoArchiveError(Exception):
    """The machine's sources name no Debian archive; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One binary source of the machine's apt: where, which suites, and whose signature it must carry."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""  #: a keyring file; '' for apt's own trusted keys


def machine_sources(etc: Path = Path("/etc/apt")) -> list[Source]:
    """Every enabled binary source of the machine, in apt's order; unreadable files are passed over."""
    found: list[Source] = []
    files = [etc / "sources.list"]
    if (etc / "sources.list.d").is_dir():
        files += sorted((etc / "sources.list.d").iterdir())
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if file.suffix == ".list":
            found += _one_line_style(text)
        elif file.suffix == ".sources":
            found += _deb822_style(text)
    return found


def _one_line_style(text: str) -> Iterator[Source]:
    """``deb [options] uri suite component...``"""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<rest>[^#]+)", line)
        if match is None:
            continue
        uri, *words = match["rest"].split()
        options = dict(option.split("=", 1) for option in (match["options"] or "").split() if "=" in option)
        if words:
            yield Source(
                uri=uri,
                suites=(words[0],),
                components=tuple(words[1:]),
                signed_by=options.get("signed-by", ""),
            )


def _deb822_style(text: str) -> Iterator[Source]:
    """Paragraphs of ``Types: URIs: Suites: Components:``, with folded lines and comments."""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in " \t" and key:
                fields[key] += "\n" + line.strip()
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        enabled = fields.get("enabled", "yes").lower() in ("yes", "true", "1", "on", "with", "enable")
        if not enabled or "deb" not in fields.get("types", "").split():
            continue
        signed_by = fields.get("signed-by", "")
        for uri in fields.get("uris", "").split():
            yield Source(
                uri=uri,
                suites=tuple(fields.get("suites", "").split()),
                components=tuple(fields.get("components", "").split()),
                signed_by=signed_by if signed_by.startswith("/") and "\n" not in signed_by else "",
            )


def os_release(file: Path = Path("/etc/os-release")) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key: value.strip().strip('"') for key, value in pairs}


def debian_archive(etc: Path = Path("/etc/apt"), release: dict[str, str] | None = None) -> Source:
    """The Debian archive that this machine uses, with main and without its side suites.

    On Debian that is the source of its own release; on a relative of Debian only an address that ends in
    ``/debian`` is taken for one. Raises NoArchiveError.
    """
    override = os.environ.get(ADDRESS_VARIABLE, "")
    if override:
        return Source(uri=override.rstrip("/"), suites=(), components=("main",), signed_by=_keyring(""))
    release = os_release() if release is None else release
    codename = release.get("VERSION_CODENAME", "")
    names = {codename, "stable", "testing", "unstable", "sid"} - {""}
    candidates = [
        source
        for source in machine_sources(etc)
        if "main" in source.components
        and not source.uri.startswith(("cdrom:", "mirror"))
        and any(not suite.endswith(_SIDE_SUITES) for suite in source.suites)
    ]
    on_debian = release.get("ID") == "debian"
    for source in candidates:
        of_this_release = on_debian and bool(names.intersection(source.suites))
        if of_this_release or re.search(r"/debian/?$", source.uri):
            return Source(
                uri=source.uri.rstrip("/"),
                suites=source.suites,
                components=("main",),
                signed_by=_keyring(source.signed_by),
            )
    raise NoArchiveError(
        f"the apt sources in {etc} name no Debian archive from which an Asterisk could be unpacked; "
        f"install Asterisk 16 or later (apt install asterisk), or name a Debian archive in {ADDRESS_VARIABLE}"
    )


def _keyring(signed_by: str) -> str:
    """The keyring that must have signed the archive: the one named for it, else Debian's own, else apt's."""
    if signed_by and Path(signed_by).exists():
        return signed_by
    return str(_DEBIAN_KEYRING) if _DEBIAN_KEYRING.exists() else ""
