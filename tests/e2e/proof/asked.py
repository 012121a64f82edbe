"""What pbxd is asked for its reports, over the API and on the command line, about all until one moment."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from deploy.lab.phones import until as until_so
from tests.e2e.proof.book import Json
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.days import TOKEN, Days, around_today, printed
from tests.e2e.proof.house import PATIENCE_S
from tests.e2e.proof.lane import pause
from tests.e2e.proof.shares import Line


@dataclass
class Asked:
    """Reports from yesterday until a moment (epoch seconds) at which nobody was in a call."""

    days: Days
    until: float

    @property
    def _period(self) -> dict[str, str]:
        return {"from": around_today()["from"], "to": datetime.fromtimestamp(self.until, UTC).isoformat()}

    async def attended(self) -> None:
        """Let pbxd write until when all were there, as it does when they are paused, or once a minute."""
        for paused in (True, False):
            for desk in self.days.centre.desks:
                await pause(self.days.centre, desk, paused)

        def written() -> bool:
            with closing(sqlite3.connect(f"file:{self.days.history}?mode=ro", uri=True)) as database:
                question = "SELECT count(DISTINCT agent) FROM attendance WHERE ended > ? AND NOT paused"
                (agents,) = database.execute(question, (self.until,)).fetchone()
            return bool(agents == len(self.days.interfaces))

        await until_so(written, lambda: "not everybody's time is written", PATIENCE_S)

    # ------------------------------------------------------------ the API

    async def report(self, by: str) -> Json:
        return await self._get("/api/reports", by=by)

    async def calls(self, line: Line, figure: str) -> Json:
        key = {} if line.key is None else {"key": line.key}
        return await self._get("/api/reports/calls", by=line.by, figure=figure, **key)

    async def _get(self, path: str, **what: str) -> Json:
        async with httpx.AsyncClient(
            base_url=self.days.centre.url,
            trust_env=False,
            verify=False,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=PATIENCE_S,
        ) as http:
            answer = await http.get(path, params=what | self._period)
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    # ------------------------------------------------------------ the command line

    async def compare_commands(self, compared: Compared, by: str, report: Json) -> None:
        """``pbxd report`` prints the same as the API tells, as JSON and as CSV."""
        period = self._period
        words = ("report", "--by", by, "--from", period["from"], "--to", period["to"])
        words += ("--config", str(self.days.centre.settings_file))
        told, sheet = await printed(*words, "--format", "json"), await printed(*words, "--format", "csv")
        compared.same(f"pbxd report --by {by}", report, json.loads(told))
        rows = [("row", row["key"], row) for row in report["rows"]] + [("total", "", report["total"])]
        figures = list(report["total"])
        lines = list(csv.reader(io.StringIO(sheet)))
        compared.same(f"sheet by {by}: columns", ["row", by, *figures], lines[0])
        compared.same(
            f"sheet by {by}: lines",
            [[*of] for *of, _ in rows],
            [[kind, key.lstrip("'")] for kind, key, *_ in lines[1:]],
        )
        for (_, key, row), line in zip(rows, lines[1:], strict=False):
            for figure, cell in zip(figures, line[2:], strict=True):
                compared.same(f"sheet by {by}: {key} {figure}", _six(row[figure]), _six(_number(cell)))

    async def compare_calls(self, compared: Compared, line: Line, figure: str) -> None:
        """``pbxd report --calls`` lists the same as the API."""
        period, key = self._period, () if line.key is None else ("--key", line.key)
        words = ("report", "--by", line.by, "--from", period["from"], "--to", period["to"], "--calls", *key)
        words += ("--figure", figure, "--format", "json", "--config", str(self.days.centre.settings_file))
        told, answer = json.loads(await printed(*words)), await self.calls(line, figure)
        compared.same(f"pbxd report --calls, {line} {figure}", answer["calls"], told["calls"])


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _six(value: Any) -> str:
    """With the six digits that a sheet has."""
    return "" if value is None else f"{value:.6g}" if abs(value) < 1 else f"{value:g}"
