"""Reports over REST: for operators, by token. Who may act for some agents only sees the rows of these."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum
from typing import Annotated, Any, Protocol

from fastapi import FastAPI, Query, Request, Response, Security
from fastapi.security import HTTPBearer

from pbxd.edge.web.answers import RefusedError
from pbxd.edge.web.documents import Refusal, ReportCalls, ReportDocument
from pbxd.edge.web.door import Door
from pbxd.edge.web.operators import Operator
from pbxd.reports.columns import BY_NAME
from pbxd.reports.period import PeriodError, Span, period_of
from pbxd.reports.report import Asked
from pbxd.reports.shares import By, Rules
from pbxd.reports.shown import How

MOST_CALLS = 10_000  #: of one answer; ``total`` tells how many there are


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


class Books(Protocol):
    """Where reports come from. OSError, TimeoutError too, when the history does not answer."""

    async def report(self, asked: Asked, how: How) -> bytes: ...

    async def calls(self, asked: Asked, key: str | None, figure: str, how: How, part: slice) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """What the web edge needs for reports."""

    books: Books
    rules: Rules
    zone: tzinfo
    show_numbers: bool = False
    timeout_s: float = 60.0
    clock: Callable[[], float] = time.time


Grouped = Annotated[By, Query(description="what the rows are")]
Spanned = Annotated[Span, Query(description="a day, or a week from Monday to Sunday")]
On = Annotated[str | None, Query(alias="date", description="the day, or one of the week; default: today")]
Start = Annotated[str | None, Query(alias="from", description="instead: 2026-11-01 or 2026-11-01T09:00")]
End = Annotated[str | None, Query(alias="to", description="a date is meant with its whole day")]
As = Annotated[Format, Query(alias="format")]

_WRONG: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "no token, or a wrong one"},
    403: {"model": Refusal, "description": "not_yours: reports are for operators"},
    422: {"model": Refusal, "description": "what was asked makes no sense; the text names the place"},
    503: {"model": Refusal, "description": "store_unavailable: the history did not answer"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """The routes about reports."""

    door: Door
    reporting: Reporting

    def add_to(self, site: FastAPI) -> None:
        more: dict[str, Any] = {
            "methods": ["GET"],
            "tags": ["reports"],
            "dependencies": [Security(HTTPBearer(auto_error=False))],
            "responses": _WRONG,
        }
        site.add_api_route("/api/reports", self.report, response_model=ReportDocument, **more)
        site.add_api_route("/api/reports/calls", self.calls, response_model=ReportCalls, **more)

    async def report(
        self,
        request: Request,
        by: Grouped = By.QUEUE,
        period: Spanned = Span.DAY,
        date: On = None,
        start: Start = None,
        end: End = None,
        format: As = Format.JSON,
    ) -> Response:
        """The figures of a period; docs/reports.md says what each of them means."""
        operator = self._operator(request)
        keys = _rows_of(operator, by)
        asked = self._asked(by, period, date, start, end)
        made = await self._in_time(self.reporting.books.report(asked, self._how(format, keys)))
        return _answer(made, format, f"report-{by.value}")

    async def calls(
        self,
        request: Request,
        by: Grouped = By.QUEUE,
        key: Annotated[
            str | None, Query(max_length=300, description="the row; without one: a number of the total")
        ] = None,
        figure: Annotated[str, Query(max_length=40, description="the column")] = "calls",
        period: Spanned = Span.DAY,
        date: On = None,
        start: Start = None,
        end: End = None,
        format: As = Format.JSON,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_CALLS)] = 1000,
    ) -> Response:
        """The calls that one number of a report is made of, by arrival."""
        operator = self._operator(request)
        keys = _rows_of(operator, by)
        if keys is not None and key not in keys:
            raise RefusedError(403, "not_yours", "key: this token does not act for that agent")
        if figure not in BY_NAME:
            raise RefusedError(422, "invalid", f"figure: is none of {', '.join(BY_NAME)}")
        asked = self._asked(by, period, date, start, end)
        part = slice(offset, offset + limit)
        found = self.reporting.books.calls(asked, key, figure, self._how(format, keys), part)
        return _answer(await self._in_time(found), format, f"calls-{figure}")

    # ------------------------------------------------------------ who, what, and until when

    def _operator(self, request: Request) -> Operator:
        actor = self.door.actor(request)
        if actor.operator is None:
            raise RefusedError(403, "not_yours", "reports are for operators, who have a token")
        return actor.operator

    def _asked(self, by: By, period: Span, date: str | None, start: str | None, end: str | None) -> Asked:
        now = self.reporting.clock()
        try:
            about = period_of(zone=self.reporting.zone, now=now, span=period, on=date, start=start, end=end)
        except PeriodError as error:
            raise RefusedError(422, "invalid", str(error)) from None
        return Asked(period=about, by=by, rules=self.reporting.rules, now=now)

    def _how(self, format: Format, keys: tuple[str, ...] | None) -> How:
        return How(sheet=format is Format.CSV, show_numbers=self.reporting.show_numbers, keys=keys)

    async def _in_time(self, answer: Awaitable[bytes]) -> bytes:
        try:
            async with asyncio.timeout(self.reporting.timeout_s):
                return await answer
        except OSError as fault:
            why = str(fault) or "no answer in time"
            raise RefusedError(503, "store_unavailable", f"the store did not answer: {why}") from None


def _rows_of(operator: Operator, by: By) -> tuple[str, ...] | None:
    """The rows that he may see; None: all of them."""
    if operator.agents is None:
        return None
    if by is not By.AGENT:
        raise RefusedError(403, "not_yours", "by: this token acts for some agents; it may ask by=agent")
    return tuple(sorted(operator.agents))


def _answer(content: bytes, format: Format, name: str) -> Response:
    if format is Format.JSON:
        return Response(content, media_type="application/json")
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
