"""modules.conf: is anything kept out that the dialplan of transfers needs?"""

from __future__ import annotations

from collections.abc import Iterator

from pbxd.check.conf import Conf
from pbxd.check.findings import Finding, error, note
from pbxd.check.manager import TRUE

NEEDED = {
    "app_bridgeaddchan": "BridgeAdd",
    "app_bridgewait": "BridgeWait",
    "app_channelredirect": "ChannelRedirect",
    "app_dial": "Dial",
    "app_exec": "ExecIf and TryExec",
    "app_playback": "Playback",
    "app_playtones": "Playtones and StopPlaytones",
    "app_queue": "Queue and QUEUE_EXISTS",
    "app_read": "Read",
    "app_stack": "Gosub and Return",
    "app_userevent": "UserEvent",
    "app_verbose": "Log",
    "bridge_holding": "callers on hold",
    "bridge_simple": "two in a talk",
    "bridge_softmix": "three in a talk",
    "func_channel": "CHANNEL and CHANNEL_EXISTS",
    "func_logic": "IF and IMPORT",
    "func_strings": "LEN, FILTER and STRFTIME",
    "func_version": "VERSION",
}
"""Modules, and what of them dialplans/pbxd-transfer.conf uses."""

_VOICEMAIL = "app_voicemail"

_LOADS = ("load", "preload", "require", "preload-require")


def check_modules(conf: Conf) -> Iterator[Finding]:
    """A channel that meets an application which is not loaded is hung up."""
    modules = conf.category("modules") if conf.exists else None
    if modules is None:
        return
    autoload = modules.last("autoload")
    by_itself = autoload is not None and autoload.value.lower() in TRUE
    place = modules.place if autoload is None else autoload.place
    loaded = {_name(v.value) for name in _LOADS for v in modules.all(name)}
    kept_out = {_name(v.value): v.place for v in modules.all("noload")}
    for name, what in NEEDED.items():
        if name in kept_out:
            yield error(kept_out[name], f"noload = {name}.so: transfers need it ({what})")
        elif not by_itself and name not in loaded:
            yield error(place, f"{name}.so is not loaded: transfers need it ({what})")

    if _VOICEMAIL in kept_out or not (by_itself or any(name.startswith(_VOICEMAIL) for name in loaded)):
        where = kept_out.get(_VOICEMAIL, place)
        yield note(where, f"{_VOICEMAIL}.so is not loaded: a mailbox cannot be the target of a transfer")


def _name(module: str) -> str:
    return module.strip().removesuffix(".so")
