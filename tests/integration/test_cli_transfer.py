"""``pbxd transfer`` as an operator types it, against a web edge whose desk is written by the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deploy.lab.ports import free_port
from pbxd.orders import MoveTransfer, StartTransfer, Target, TargetKind, TransferMode
from tests import command_line
from tests.integration.scripted_desk import BOSS, DESKTOP, Served, done, refused, serving, target, view


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    # What pbxd logs is kept away from what the command says: here they are one process.
    with capture_logs():
        async with serving() as served:
            served.desk.answer = done(view())
            yield served


async def pbxd(*arguments: str, token: str | None = BOSS, url: str | None = None) -> tuple[int, str, str]:
    """Exit code, what it said and what it complained about."""
    environment = {} if token is None else {"PBXD_TOKEN": token}
    if url is not None:
        environment["PBXD_URL"] = url
    ended = await asyncio.to_thread(command_line.pbxd, "transfer", *arguments, **environment)
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


async def test_a_transfer_is_started_with_fallbacks_and_its_state_is_told(served: Served) -> None:
    start = ["start", "--agent", "anna", "--to", "agent:liwei", "--to", "+498912345", "--blind"]
    more = ["--reason", "Refund", "--note", "two\nlines", "--call", "pbx1:7", "--key", "k1"]
    code, said, complained = await pbxd(*start, *more, url=served.origin)
    assert (code, complained) == (0, "")
    assert said == "t1  ringing  anna → agent:liwei\n"
    [order] = served.desk.given(StartTransfer)
    assert order.agent == "anna"
    assert order.call == "pbx1:7"
    assert order.mode is TransferMode.BLIND
    assert order.targets == (
        Target(kind=TargetKind.AGENT, id="liwei"),
        Target(kind=TargetKind.OUTSIDE, id="+498912345"),
    )
    assert (order.reason, order.note) == ("Refund", "two\nlines")
    await pbxd(*start, *more, url=served.origin)
    assert len({order.transfer for order in served.desk.given(StartTransfer)}) == 1


@pytest.mark.parametrize("verb", ["cancel", "swap", "merge", "leave", "complete", "requeue"])
async def test_every_verb_moves_the_transfer_that_is_named(served: Served, verb: str) -> None:
    queue = ["--queue", "technical"] if verb == "requeue" else []
    code, said, _ = await pbxd(verb, "t1", *queue, "--json", url=served.origin)
    assert code == 0
    assert json.loads(said)["id"] == "t1"
    [order] = served.desk.given(MoveTransfer)
    assert (order.transfer, order.verb.value, order.agent) == ("t1", verb, None)
    assert order.queue == ("technical" if queue else None)


async def test_the_list_is_a_table_for_people_and_json_for_programs(served: Served) -> None:
    assert (await pbxd("list", url=served.origin))[:2] == (0, "no transfer is under way\n")
    hostile = "[bold]x[/bold]\x1b[31m\n"
    by_skill = {"kind": "skill", "id": "billing", "name": "billing", "agent": "liwei"}
    served.desk.views = [view("t1"), view("t2", "talking", target=by_skill, reason=hostile)]
    code, said, _ = await pbxd("list", url=served.origin)
    assert code == 0
    rows = [line.split() for line in said.splitlines()]
    assert rows[0] == ["ID", "STATE", "FOR", "CALLER", "FROM", "TO", "CAN", "REASON"]
    first, second = (row for row in rows if row and row[0] in ("t1", "t2"))
    assert [*first[1:2], *first[3:6]] == ["ringing", "+8613912345678", "anna", "agent:liwei"]
    assert "skill:billing (liwei)" in said
    assert "[bold]x[/bold]\\x1b[31m\\n" in said
    assert second[1] == "talking"
    assert "\x1b" not in said
    served.desk.views.append(view("t3", "ended", outcome="completed"))
    assert "t3" not in (await pbxd("list", url=served.origin))[1]
    assert "ended (completed)" in (await pbxd("list", "--all", url=served.origin))[1]
    code, said, _ = await pbxd("list", "--agent", "liwei", "--json", url=served.origin)
    assert [each["id"] for each in json.loads(said)["transfers"]] == ["t1", "t2"]


async def test_the_targets_say_who_can_and_why_not(served: Served) -> None:
    served.desk.rows = [target(), target("maria", "Maria", allowed=False, why="Maria is paused")]
    code, said, _ = await pbxd("targets", "--agent", "anna", url=served.origin)
    assert code == 0
    assert "agent:liwei" in said
    assert "Maria is paused" in said
    assert (await pbxd("targets", "-a", "anna", "nobody", url=served.origin))[1] == "nobody fits\n"
    assert served.desk.sought[-1] == ("anna", None, "nobody")


async def test_a_refusal_is_told_with_its_code_and_ends_with_1(served: Served) -> None:
    served.desk.answer = refused("target_busy", "Li Wei is talking")
    code, said, complained = await pbxd("complete", "t1", url=served.origin)
    assert (code, said, complained) == (1, "", "target_busy: Li Wei is talking\n")


async def test_what_nobody_knows_ends_with_4(served: Served) -> None:
    served.desk.answer = lambda order: None
    served.desk.deadline_s = 0.05
    code, _, complained = await pbxd("complete", "t1", url=served.origin)
    assert code == 4
    assert complained.startswith("unknown: no answer within 0.05 s")


async def test_a_token_that_may_not_is_refused(served: Served) -> None:
    start = ["start", "--agent", "liwei", "--to", "agent:anna"]
    code, _, complained = await pbxd(*start, token=DESKTOP, url=served.origin)
    assert (code, complained) == (1, "not_yours: this token does not act for 'liwei'\n")
    code, _, complained = await pbxd(*start, token="wrong", url=served.origin)
    assert (code, complained) == (2, "wrong_token: the token is not known\n")
    assert not served.desk.orders


async def test_the_token_may_be_in_a_file_and_the_address_in_the_settings(
    served: Served, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(BOSS + "\n")
    host, port = served.edge.address
    settings = tmp_path / "pbxd.yaml"
    settings.write_text(
        f"nodes: [{{name: pbx1, ami: {{secret: x}}}}]\nweb: {{listen: {host}, port: {port}}}\n"
    )
    where = ["--token-file", str(tmp_path / "token"), "-c", str(settings)]
    assert (await pbxd("list", *where, token=None))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "token", "why"),
    [
        (["start", "--agent", "anna", "--to", "liwei"], BOSS, "--to liwei: write agent:ID"),
        (["start", "--agent", "anna", "--to", "friend:liwei"], BOSS, "write agent:ID"),
        (["list"], None, "no token"),
        (["list"], "tok\u00e4n", "characters that no token has"),
        (["list", "--url", "ftp://x"], BOSS, "begins with http"),
        (["list", "--token-file", "/nowhere/token"], None, "/nowhere/token: No such file"),
        (["list", "-c", "/nowhere/pbxd.yaml"], BOSS, "give --url"),
        (["cancel"], BOSS, "Missing argument"),
        (["explode", "t1"], BOSS, "No such command"),
    ],
)
async def test_command_lines_that_cannot_be_used(arguments: list[str], token: str | None, why: str) -> None:
    code, said, complained = await pbxd(*arguments, token=token)
    assert (code, said) == (2, "")
    assert why in complained


async def test_pbxd_that_is_not_there_ends_with_3() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, _, complained = await pbxd("list", url=url)
    assert (code, complained) == (3, f"pbxd cannot be reached at {url}: Connection refused\n")


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n<>", b""])
async def test_what_is_no_pbxd_ends_with_3(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        code, said, complained = await pbxd("list", url=f"http://127.0.0.1:{port}")
    assert (code, said) == (3, "")
    assert complained.count("\n") == 1
