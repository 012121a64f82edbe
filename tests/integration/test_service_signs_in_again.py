"""A refused login is final, until somebody who has mended the account says so with SIGHUP."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from deploy.lab.ports import free_port
from tests.integration.ami_peer import AmiPeer
from tests.integration.ami_peer import until as patiently

pytestmark = pytest.mark.asyncio

SETTINGS = """\
nodes: [{{name: pbx1, ami: {{port: {ami}, secret: mended, retry_first: 20ms, retry_most: 50ms}}}}]
web: {{port: {web}, session_key_file: session.key}}
agi: {{port: 0}}
store: {{url: "sqlite:///{folder}/pbxd.db"}}
flows: {{folder: flows}}
prompts: {{folder: {folder}}}
"""


async def parts(web: int) -> dict[str, str]:
    """What /-/ready says of each part that is not ready."""
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        try:
            answer = await http.get(f"http://127.0.0.1:{web}/-/ready")
        except httpx.HTTPError:
            return {"web": "is not there"}
    return {} if answer.status_code == 200 else {"pbxd": answer.text}


async def until(web: int, word: str | None) -> None:
    """Until what is not ready is told with this word; None: until all is."""
    async with asyncio.timeout(60):
        while True:
            told = await parts(web)
            if (not told) if word is None else any(word in text for text in told.values()):
                return
            await asyncio.sleep(0.05)


async def test_a_mended_account_is_tried_again_when_asked(tmp_path: Path) -> None:
    web = free_port()
    async with AmiPeer(secret="another") as peer:
        (tmp_path / "flows").mkdir()
        config = tmp_path / "pbxd.yaml"
        config.write_text(SETTINGS.format(ami=peer.port, web=web, folder=tmp_path))
        environ = {key: value for key, value in os.environ.items() if not key.startswith("PBXD_")}
        with (tmp_path / "log").open("wb") as log:
            pbxd = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "pbxd.cli", "run", "-c", str(config), stderr=log, env=environ
            )
        try:
            await until(web, "refuse")
            logins = peer.count("Login")
            pbxd.send_signal(signal.SIGHUP)
            await patiently(lambda: peer.count("Login") > logins)
            await until(web, "refuse")
            assert peer.count("Login") == logins + 1, "once for each signal, and never by itself"
            peer.secret = "mended"
            pbxd.send_signal(signal.SIGHUP)
            await until(web, None)
        finally:
            if pbxd.returncode is None:
                pbxd.terminate()
            await pbxd.wait()
