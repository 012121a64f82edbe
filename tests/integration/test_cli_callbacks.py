"""``pbxd callbacks`` as an operator types it, against a web edge whose desk is written by the test."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from typer.testing import CliRunner

from pbxd.cli import app
from pbxd.orders import EndCallback
from tests.integration.scripted_desk import BOSS, Served, done, refused, serving

WISH: dict[str, Any] = {
    "version": 1,
    "id": "t1",
    "node": "pbx1",
    "call": "pbx1:1732227712.33",
    "at": time.time() - 600,
    "caller": {"number": "+4989123456", "name": "[b]Mül\x1bler"},
    "queue": "support",
    "agent": "liwei",
    "reason": "an invoice",
}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


async def pbxd(*arguments: str, url: str) -> tuple[int, str, str]:
    """Exit code, what it said and what it complained about."""
    environment = {"PBXD_TOKEN": BOSS, "PBXD_TOKEN_FILE": None, "PBXD_URL": url}
    ended = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)
    return ended.exit_code, ended.stdout, ended.stderr


async def test_the_list_is_a_table_for_people_and_json_for_programs(served: Served) -> None:
    listed = await pbxd("callbacks", "list", url=served.origin)
    assert listed[:2] == (0, "nobody wants to be called back\n")
    served.desk.wishes = [WISH | {"at": time.time() - 600}]
    code, said, _ = await pbxd("callbacks", "list", "--agent", "anna", url=served.origin)
    assert code == 0
    row = said.splitlines()[-1]
    for word in ("t1", "10:", "+4989123456", "[b]Mül", "support", "liwei", "an invoice"):
        assert word in row
    assert "\x1b" not in said
    code, said, _ = await pbxd("callbacks", "list", "--json", url=served.origin)
    assert json.loads(said) == {"callbacks": served.desk.wishes}


async def test_one_is_done_by_somebody(served: Served) -> None:
    served.desk.answer = done(WISH)
    code, said, complained = await pbxd("callbacks", "done", "t1", "--agent", "anna", url=served.origin)
    # What the edge logs of it comes from the same process.
    assert (code, said.splitlines()[-1], complained) == (0, "t1  done  +4989123456", "")
    assert [(order.agent, order.callback) for order in served.desk.given(EndCallback)] == [("anna", "t1")]
    served.desk.answer = refused("no_such_callback", "somebody else has done it")
    code, said, complained = await pbxd("callbacks", "done", "t1", "--agent", "anna", url=served.origin)
    assert code == 1
    assert "no_such_callback: somebody else has done it" in complained
    assert (await pbxd("callbacks", "done", "t1", url=served.origin))[0] == 2
