"""A running pbxd, as a command line reaches it: its REST interface, with a token."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from pbxd.cli.ends import UNUSABLE, end_with

REFUSED = 1
UNREACHABLE = 3
UNKNOWN = 4

EPILOG = (
    "Needs a token of the settings (web.tokens), in $PBXD_TOKEN or a file. Exit codes: 0 done, 1 refused, "
    "2 command line, settings or token unusable, 3 pbxd cannot be reached, 4 nobody knows whether it is done."
)

Agent = Annotated[str | None, typer.Option("--agent", "-a", help="Act as this agent.")]
Url = Annotated[
    str | None,
    typer.Option(envvar="PBXD_URL", help="Address of pbxd; else as the settings say.", show_default=False),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(envvar="PBXD_TOKEN_FILE", help="File with the token; else $PBXD_TOKEN.", show_default=False),
]
Config = Annotated[
    Path, typer.Option("--config", "-c", envvar="PBXD_CONFIG", help="Settings, to find pbxd's address.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print what pbxd answered, as JSON.")]


class RunningPbxd:
    """A running pbxd, as this command line can reach it. Ends the command when it cannot."""

    def __init__(self, url: str | None, token_file: Path | None, config: Path) -> None:
        self._token = _token(token_file)
        self._url = (url or _address(config)).rstrip("/")
        if not self._url.startswith(("http://", "https://")):
            end_with(UNUSABLE, f"{self._url}: an address begins with http:// or https://")

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What pbxd answers, as JSON; a refusal ends the command."""
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError
        from urllib.request import ProxyHandler, Request, build_opener

        sent = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", **(headers or {})}
        data = None
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = Request(self._url + path, data=data, method=method, headers=sent)
        try:
            # A token is not for a proxy that happens to be set in the environment.
            with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
                return json.loads(answer.read() or b"{}")
        except HTTPError as refused:
            _refused(refused.code, refused.read())
        except (URLError, OSError, HTTPException) as fault:
            why = getattr(fault, "reason", None) or fault
            why = getattr(why, "strerror", None) or why
            end_with(UNREACHABLE, f"pbxd cannot be reached at {self._url}: {why}")
        except ValueError as fault:
            end_with(UNREACHABLE, f"what answers at {self._url} is no pbxd: {fault}")


def _refused(status: int, body: bytes) -> NoReturn:
    try:
        error = json.loads(body)["error"]
        code, text = str(error["code"]), str(error["text"])
    except (ValueError, KeyError, TypeError):
        end_with(UNREACHABLE, f"what answers is no pbxd: status {status}")
    if status == 504:
        end_with(UNKNOWN, f"{code}: {text}")
    end_with(UNUSABLE if status in (401, 422) else REFUSED, f"{code}: {text}")


def _token(file: Path | None) -> str:
    if file is not None:
        try:
            token = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            end_with(UNUSABLE, f"{file}: {getattr(fault, 'strerror', None) or fault}")
    else:
        token = os.environ.get("PBXD_TOKEN", "").strip()
    if not token:
        end_with(UNUSABLE, "no token: set PBXD_TOKEN, or give --token-file (web.tokens of the settings)")
    if not token.isascii() or not token.isprintable():
        end_with(UNUSABLE, "the token holds characters that no token has")
    return token


def _address(config: Path) -> str:
    if not config.exists():
        end_with(UNUSABLE, f"{config} is not there: give --url")
    from pbxd.settings.load import load_settings
    from pbxd.settings.yaml_source import SourceError

    try:
        web = load_settings(config).web
    except SourceError as error:
        end_with(UNUSABLE, f"{error.faults[0]} (or give --url, then the settings are not read)")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.listen, web.listen)  # noqa: S104  not to listen on
    return f"http://[{host}]:{web.port}" if ":" in host else f"http://{host}:{web.port}"


def path_to(*parts: str, **parameters: str | None) -> str:
    """The address of a part of the API; parameters that are None are left out."""
    from urllib.parse import quote, urlencode

    path = "/".join(["/api", *(quote(part, safe="") for part in parts)])
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
