"""``pbxd transfer``: what an operator does with the transfers of a running pbxd, over its REST interface."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from pbxd.cli.config import CONFIG
from pbxd.cli.ends import UNUSABLE, end_with
from pbxd.cli.running import EPILOG, Agent, AsJson, Config, RunningPbxd, TokenFile, Url, path_to
from pbxd.cli.shown import print_json, print_table, since

transfer_app = typer.Typer(
    help="Transfers of calls in a running pbxd: start them, move them on, list them.",
    no_args_is_help=True,
    epilog=EPILOG,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The transfer's id, as list shows it.")]


@transfer_app.command()
def start(
    agent: Annotated[str, typer.Option("--agent", "-a", help="Whose call is handed over.")],
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            metavar="TARGET",
            help="agent:ID, skill:NAME, queue:NAME, outside:+NUMBER or voicemail:BOX@CONTEXT; again for "
            "who is tried next.",
        ),
    ],
    call: Annotated[str | None, typer.Option(help="The call; else the one that the agent talks in.")] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Send the caller at once.")] = False,
    reason: Annotated[str, typer.Option(help="One line for the target.")] = "",
    note: Annotated[str, typer.Option(help="What the target should know.")] = "",
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key again is the same transfer.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: Config = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Hand an agent's caller over to somebody."""
    body: dict[str, Any] = {
        "agent": agent,
        "targets": [_target(text) for text in to],
        "mode": "blind" if blind else "attended",
        "reason": reason,
        "note": note,
    }
    if call is not None:
        body["call"] = call
    pbxd = RunningPbxd(url, token_file, config)
    view = pbxd.request("POST", "/api/transfers", body, {"Idempotency-Key": key} if key else {})
    _tell(view, as_json)


def _verb(name: str, text: str) -> None:
    def command(
        transfer: Id,
        agent: Agent = None,
        url: Url = None,
        token_file: TokenFile = None,
        config: Config = CONFIG,
        as_json: AsJson = False,
    ) -> None:
        _move(RunningPbxd(url, token_file, config), transfer, name, agent, {}, as_json)

    transfer_app.command(name, help=text)(command)


_verb("cancel", "The target goes, the caller is back with the transferer.")
_verb("swap", "The transferer changes between caller and target.")
_verb("merge", "All three hear each other.")
_verb("leave", "The transferer leaves the three; caller and target go on.")
_verb("complete", "Caller and target are joined, the transferer is free.")


@transfer_app.command()
def requeue(
    transfer: Id,
    queue: Annotated[str | None, typer.Option(help="Else the queue that the caller came from.")] = None,
    agent: Agent = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: Config = CONFIG,
    as_json: AsJson = False,
) -> None:
    """The caller goes to a queue with the waiting time he has; the transferer is free."""
    body = {} if queue is None else {"queue": queue}
    _move(RunningPbxd(url, token_file, config), transfer, "requeue", agent, body, as_json)


@transfer_app.command("list")
def list_(
    agent: Agent = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that have just ended.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    config: Config = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show the transfers under way."""
    answer = RunningPbxd(url, token_file, config).request("GET", path_to("transfers", agent=agent))
    views = [view for view in answer["transfers"] if every or view["state"] != "ended"]
    if as_json:
        print_json({"transfers": views})
    else:
        _table(views)


@transfer_app.command()
def targets(
    agent: Annotated[str, typer.Option("--agent", "-a", help="Who wants to hand over.")],
    query: Annotated[str, typer.Argument(help="Part of a name, or a number.")] = "",
    call: Annotated[str | None, typer.Option(help="The call that is to be handed over.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: Config = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show who can take a call now, best first, and why not who cannot."""
    path = path_to("targets", agent=agent, call=call, q=query or None)
    answer = RunningPbxd(url, token_file, config).request("GET", path)
    if as_json:
        print_json(answer)
    else:
        _targets(answer["targets"])


def _move(
    pbxd: RunningPbxd, transfer: str, verb: str, agent: str | None, body: Mapping[str, Any], as_json: bool
) -> None:
    _tell(pbxd.request("POST", path_to("transfers", transfer, verb, agent=agent), body), as_json)


def _target(text: str) -> dict[str, str]:
    kind, colon, name = text.partition(":")
    if not colon and text.startswith("+"):
        kind, name = "outside", text
    if kind not in ("agent", "skill", "queue", "outside", "voicemail") or not name:
        kinds = "agent:ID, skill:NAME, queue:NAME, outside:+NUMBER or voicemail:BOX@CONTEXT"
        end_with(UNUSABLE, f"--to {text}: write {kinds}")
    return {"kind": kind, "id": name}


# ---------------------------------------------------------------- telling people


def _tell(view: Mapping[str, Any], as_json: bool) -> None:
    from pbxd.edge.visible import visible

    if as_json:
        print_json(view)
        return
    state = view["state"] if view["outcome"] is None else f"{view['state']}, {view['outcome']}"
    typer.echo(visible(f"{view['id']}  {state}  {_who(view['transferer'])} → {_target_name(view)}"))


def _who(person: Mapping[str, Any]) -> str:
    return str(person["agent"] or person["name"])


def _target_name(view: Mapping[str, Any]) -> str:
    target = view["target"]
    named = f"{target['kind']}:{target['id']}"
    return f"{named} ({target['agent']})" if target["agent"] not in (None, target["id"]) else named


def _table(views: Sequence[Mapping[str, Any]]) -> None:
    if not views:
        typer.echo("no transfer is under way")
        return
    now = time.time()
    rows = [
        (
            view["id"],
            view["state"] if view["outcome"] is None else f"{view['state']} ({view['outcome']})",
            since(now - view["times"]["created"]),
            view["caller"]["number"] or "withheld",
            _who(view["transferer"]),
            _target_name(view),
            ", ".join(view["can"]),
            view["reason"],
        )
        for view in views
    ]
    print_table(("ID", "STATE", "FOR", "CALLER", "FROM", "TO", "CAN", "REASON"), rows)


def _targets(found: Sequence[Mapping[str, Any]]) -> None:
    if not found:
        typer.echo("nobody fits")
        return
    rows = [
        (
            f"{row['kind']}:{row['id']}",
            row["name"],
            row.get("state") or "",
            "yes" if row["allowed"] else "no",
            "" if row.get("expected_wait_s") is None else since(row["expected_wait_s"]),
            row.get("why") or "",
        )
        for row in found
    ]
    print_table(("TARGET", "NAME", "STATE", "NOW", "WAIT", "WHY"), rows)
