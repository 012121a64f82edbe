"""The pbxd command. Every command imports what it needs itself, so that the small ones start at once.

Exit codes: 0 all is well; 1 faults were found, or the daemon ended by a fault of its own; 2 the command
line or the settings cannot be used; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from pbxd.cli.callbacks import callbacks_app
from pbxd.cli.config import CONFIG, Config, settings_of
from pbxd.cli.draw import draw_app
from pbxd.cli.ends import FAULTS, INTERRUPTED, UNUSABLE, end_with
from pbxd.cli.flow_app import flow_app
from pbxd.cli.reconcile import reconcile
from pbxd.cli.report import report
from pbxd.cli.shown import print_findings, print_json, print_lines
from pbxd.cli.transfer import transfer_app

app = typer.Typer(
    name="pbxd",
    help="Telephony integration for Asterisk: call flows, screen pops, history and figures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 well, 1 faults found, 2 command line or settings unusable, 130 interrupted.",
)
settings_app = typer.Typer(help="The settings: schema and reference.", no_args_is_help=True)
app.add_typer(transfer_app, name="transfer")
app.add_typer(callbacks_app, name="callbacks")
app.add_typer(flow_app, name="flow")
app.add_typer(settings_app, name="settings")
app.add_typer(draw_app, name="draw")
app.command()(report)
app.command()(reconcile)


def main() -> None:
    """Entry point of the ``pbxd`` command."""
    from pbxd.edge.visible import visible
    from pbxd.settings.yaml_source import SourceError

    try:
        app()
    except SourceError as error:
        for fault in error.faults:
            print(visible(str(fault)), file=sys.stderr)
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


@app.command()
def run(config: Config = CONFIG) -> None:
    """Serve calls until SIGTERM; SIGHUP reads the call flows again."""
    from pbxd.edge import garbage

    garbage.wait()
    settings = settings_of(config)
    from pbxd.app import run as serve

    raise typer.Exit(serve(settings))


@app.command()
def check(
    config: Config = CONFIG,
    asterisk: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NODE=]FOLDER",
            help="Asterisk's configuration folder; /etc/asterisk for a node on this machine.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as faults, too.")] = False,
) -> None:
    """Find what is wrong with settings, flows, prompts and Asterisk's files, without starting anything."""
    from pbxd.check.run import check as check_all

    folders = {node: Path(folder) for node, _, folder in (text.rpartition("=") for text in asterisk or [])}
    print_findings(check_all(config, folders, os.environ), as_json=as_json, strict=strict)


@app.command()
def record(
    capture: Annotated[
        Path | None, typer.Argument(help="File to write, packed if it ends in .gz.", show_default=False)
    ] = None,
    config: Config = CONFIG,
    node: Annotated[str | None, typer.Option(help="Which Asterisk, if there are several.")] = None,
    during: Annotated[
        str | None, typer.Option("--for", help="How long, e.g. 10m; else until Ctrl-C.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Keep what an Asterisk says, as raw bytes, for a bug report or a test. Callers' numbers are in it."""
    settings = settings_of(config)
    from pbxd.cli.recording import file_for, node_named, record_node
    from pbxd.edge.recorder import RecordingError
    from pbxd.settings.values import seconds

    try:
        chosen = node_named(settings, node)
        path = capture or file_for(chosen)
        told = record_node(chosen, path, seconds=seconds(during) if during else None, replace=force)
    except ValueError as error:
        end_with(UNUSABLE, str(error))
    except FileExistsError:
        end_with(UNUSABLE, f"{path} exists; --force replaces it")
    except OSError as error:
        end_with(UNUSABLE, f"{error.filename or chosen.name}: {error.strerror or error}")
    except RecordingError as error:
        typer.echo(f"{chosen.name}: {error}", err=True)
        raise typer.Exit(FAULTS) from None
    typer.echo(f"{path}: {told.events} events, {told.bytes} bytes; {told.ended}", err=True)
    if told.unstamped:
        typer.echo(
            f"{told.unstamped} events carry no time: set timestampevents = yes in manager.conf", err=True
        )


@app.command()
def replay(
    capture: Annotated[Path, typer.Argument(help="Raw AMI bytes, plain or gzip; - for standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell the story of the calls in a capture."""
    import time

    from pbxd.replay import replay as play

    try:
        with _opened(capture) as stream:
            told = play(stream, clock=time.perf_counter)
    except OSError as error:
        end_with(UNUSABLE, f"{capture}: {error.strerror or error}")
    if as_json:
        print_json(told.as_json())
    else:
        print_lines(told.as_text())


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb")


@app.command("hash-password")
def hash_password(
    stdin: Annotated[bool, typer.Option("--stdin", help="Read the password from standard input.")] = False,
) -> None:
    """Make the password_hash of an agent."""
    from argon2 import PasswordHasher

    if stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if len(password) < 8:
        end_with(UNUSABLE, "a password needs at least 8 characters")
    typer.echo(PasswordHasher().hash(password))


@app.command("hash-token")
def hash_token(
    stdin: Annotated[bool, typer.Option("--stdin", help="Read the token from standard input.")] = False,
) -> None:
    """Make a token for the API and its token_hash, or the token_hash of one that there is."""
    import secrets
    from hashlib import sha256

    token = sys.stdin.readline().rstrip("\r\n") if stdin else secrets.token_urlsafe(32)
    if len(token) < 20:
        end_with(UNUSABLE, "a token needs at least 20 characters")
    if not stdin:
        typer.echo(f"token:      {token}")
    typer.echo(f"token_hash: sha256:{sha256(token.encode()).hexdigest()}")


@app.command()
def version() -> None:
    """Tell the versions of pbxd and of what it runs on."""
    import platform
    from importlib.metadata import version as installed

    typer.echo(f"pbxd {installed('pbxd')}")
    names = ("panoramisk", "pyst2", "SQLAlchemy", "fastapi", "aiomqtt", "uvloop")
    parts = [f"Python {platform.python_version()}", *(f"{name} {_installed(name)}" for name in names)]
    typer.echo(", ".join(parts))


def _installed(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


@settings_app.command("schema")
def settings_schema() -> None:
    """Print the JSON Schema of the settings file, for editors."""
    from pbxd.settings.reference import schema

    print_json(schema())


@settings_app.command("reference")
def settings_reference() -> None:
    """Print every setting with its default and meaning, as Markdown."""
    from pbxd.settings.reference import reference

    typer.echo(reference(), nl=False)


@settings_app.command("show")
def settings_show(config: Config = CONFIG) -> None:
    """Print the settings as they take effect; secrets stay hidden."""
    settings = settings_of(config)
    typer.echo(settings.model_dump_json(indent=2, exclude={"agents": {"__all__": {"password_hash"}}}))
