"""``pbxd callbacks``: the callers who want to be called back, over the REST interface of a running pbxd."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from pbxd.cli.config import CONFIG
from pbxd.cli.running import EPILOG, Agent, AsJson, Config, RunningPbxd, TokenFile, Url, path_to
from pbxd.cli.shown import print_json, print_table, since

callbacks_app = typer.Typer(
    help="Callers who want to be called back: list them, say that one is done.",
    no_args_is_help=True,
    epilog=EPILOG,
)


@callbacks_app.command("list")
def list_(
    agent: Agent = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: Config = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show who wants to be called back, the oldest first; --agent: whom this agent may call."""
    answer = RunningPbxd(url, token_file, config).request("GET", path_to("callbacks", agent=agent))
    if as_json:
        print_json(answer)
    else:
        _table(answer["callbacks"])


@callbacks_app.command()
def done(
    callback: Annotated[str, typer.Argument(metavar="ID", help="The call-back's id, as list shows it.")],
    agent: Annotated[str, typer.Option("--agent", "-a", help="Who has called back.")],
    url: Url = None,
    token_file: TokenFile = None,
    config: Config = CONFIG,
    as_json: AsJson = False,
) -> None:
    """The caller was called back, or need not be any more: off the list."""
    from pbxd.edge.visible import visible

    path = path_to("callbacks", callback, "done", agent=agent)
    wish = RunningPbxd(url, token_file, config).request("POST", path, {})
    if as_json:
        print_json(wish)
    else:
        typer.echo(visible(f"{wish['id']}  done  {_caller(wish)}"))


def _caller(wish: Mapping[str, Any]) -> str:
    return str(wish["caller"]["number"] or "withheld")


def _table(wishes: Sequence[Mapping[str, Any]]) -> None:
    if not wishes:
        typer.echo("nobody wants to be called back")
        return
    now = time.time()
    rows = [
        (
            wish["id"],
            since(now - wish["at"]),
            _caller(wish),
            wish["caller"]["name"],
            wish["queue"] or "",
            wish["agent"],
            wish["reason"],
        )
        for wish in wishes
    ]
    print_table(("ID", "FOR", "CALLER", "NAME", "QUEUE", "AGENT", "REASON"), rows)
