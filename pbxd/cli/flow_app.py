"""``pbxd flow``: call flows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pbxd.cli.config import CONFIG, Config, settings_of
from pbxd.cli.shown import print_findings, print_json, print_lines

flow_app = typer.Typer(help="Call flows: their schema, their faults, their shape.", no_args_is_help=True)


@flow_app.command("schema")
def schema() -> None:
    """Print the JSON Schema of flow files, for editors."""
    from pbxd.edge.flow_files.schema import flow_schema

    print_json(flow_schema())


@flow_app.command("check")
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Flow files or folders; else the settings' folder.")
    ] = None,
    config: Config = CONFIG,
    prompts: Annotated[Path | None, typer.Option(help="Look for the prompts' sounds in this folder.")] = None,
) -> None:
    """Tell everything that is wrong with flow files."""
    from pbxd.cli.flow import check_files

    if not paths:
        settings = settings_of(config)
        paths, prompts = [settings.flows.folder], prompts or settings.prompts.folder
    print_findings(check_files(paths, prompts))


@flow_app.command("show")
def show(
    flow: Annotated[Path, typer.Argument(help="A flow file, or the name of a flow in the settings' folder.")],
    config: Config = CONFIG,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a Mermaid diagram.")] = False,
) -> None:
    """Show the steps of a flow and where they lead."""
    from pbxd.cli.flow import as_mermaid, as_text
    from pbxd.edge.flow_files.load import read_flow

    path = flow if flow.suffix else settings_of(config).flows.folder / f"{flow}.yaml"
    shown = read_flow(path).flow
    print_lines(as_mermaid(shown) if mermaid else as_text(shown))


@flow_app.command("speak")
def speak(
    config: Config = CONFIG,
    espeak: Annotated[str, typer.Option("--espeak", help="The synthesiser's program.")] = "espeak-ng",
) -> None:
    """Make the sound files that flows lack, by espeak-ng; recordings are left alone."""
    settings = settings_of(config)
    from pbxd.cli.flow import speak_prompts

    made, findings = speak_prompts(settings.flows.folder, settings.prompts.folder, espeak)
    if made is not None:
        typer.echo(f"{len(made.spoken)} made, {len(made.kept)} kept, {len(made.recorded)} recorded by people")
    print_findings(findings)
