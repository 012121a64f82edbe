"""``python -m deploy.grafana.pictures`` draws the dashboards for the documents.

A call centre of the laboratory works for some minutes (a real Asterisk, phones that talk, callers and agents
by chance), a real Prometheus scrapes its pbxd, and every panel's own queries are put to it. What is drawn of
the answers is this folder's work: no Grafana takes part.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from deploy.demo.traffic import Pace, Traffic
from deploy.grafana.board import BARS, HEAT, STAT, TABLE, Board
from deploy.grafana.boards import BOARDS
from deploy.grafana.drawing import drawn
from deploy.grafana.svg import Series, finite, named
from deploy.lab.centre import DESKS, Centre
from deploy.lab.phones import Phones
from deploy.lab.prometheus import Prometheus
from deploy.lab.unpack import CHECKOUT

FOLDER = CHECKOUT / "docs/grafana"
SCRAPE_S = 2.0
POINTS = 60  #: of a line
MOST_BYTES = 60_000

#: Busier than people are, so that some minutes show something.
PACE = Pace(
    between_callers=(2.0, 6.0), to_answer=(1.0, 5.0), talk=(5.0, 20.0), patience=(5.0, 12.0), hand_over=0.4
)


def filled_in(query: str, window_s: float) -> str:
    """A query as Grafana would send it, with all that can be chosen chosen."""
    for name, value in {
        "$__range": f"{window_s:.0f}s",
        "$__rate_interval": "60s",
        **dict.fromkeys(("$node", "$queue", "$flow", "$agent"), ".*"),
    }.items():
        query = query.replace(name, value)
    return query


async def answers(server: Prometheus, board: Board, since: float, until: float) -> dict[str, list[Series]]:
    """The series of each panel, by its title."""
    found: dict[str, list[Series]] = {}
    for panel in board.panels:
        series = found.setdefault(panel.title, [])
        for query, legend in panel.queries:
            asked = filled_in(query, until - since)
            if panel.kind in (STAT, TABLE, BARS):
                data = await server.ask("query", query=asked, time=f"{until}")
            else:
                points = POINTS // 2 if panel.kind == HEAT else POINTS
                step = f"{(until - since) / points:.3f}"
                data = await server.ask(
                    "query_range", query=asked, start=f"{since}", end=f"{until}", step=step
                )
            for one in data["result"]:
                labels = one["metric"]
                points_of = finite(one["values"] if "values" in one else [one["value"]])
                if points_of:
                    series.append(Series(name=named(legend, labels), labels=labels, points=points_of))
    return found


async def draw(minutes: float, seed: int, uids: Sequence[str]) -> None:
    desks = tuple(
        replace(desk, skills={"tax": 5} if desk.id in ("anna", "carla") else {"roof": 5}) for desk in DESKS
    )
    surveys = dict.fromkeys(("billing", "technical", "support"), "survey")
    more = {
        "metrics": {"per_agent": True},
        "wrap_up": {"default": "6s"},
        "flows": {"surveys": surveys},
    }
    async with (
        Centre(desks=desks, more=more, say=print) as centre,
        Phones() as phones,
        contextlib.AsyncExitStack() as stack,
        Prometheus(centre.url, every_s=SCRAPE_S) as server,
    ):
        pages = [await stack.enter_async_context(centre.page(desk.id)) for desk in centre.desks]
        traffic = Traffic(centre, phones, seed=seed, tell=print, pace=PACE)
        of_agents = {desk.phones[0]: page for desk, page in zip(centre.desks, pages, strict=True)}
        working = asyncio.create_task(traffic.run(of_agents))
        since = time.time()
        done, _ = await asyncio.wait([working], timeout=minutes * 60)
        until = time.time()
        for ended in done:
            ended.result()
        FOLDER.mkdir(exist_ok=True)
        for board in BOARDS:
            if uids and board.uid not in uids:
                continue
            picture = drawn(board, await answers(server, board, since, until), since, until)
            (FOLDER / f"{board.uid}.svg").write_text(picture, encoding="utf-8")
            print(f"{board.uid}.svg: {len(picture.encode()):,} bytes")
            if len(picture.encode()) > MOST_BYTES:
                print(f"that is more than {MOST_BYTES:,}", file=sys.stderr)
        working.cancel()
        await asyncio.wait([working])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana.pictures", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the call centre works")
    parser.add_argument("--seed", type=int, default=7, help="of its callers' and agents' chances")
    parser.add_argument("boards", nargs="*", help="uids; default: all")
    options = parser.parse_args()
    asyncio.run(draw(options.minutes, options.seed, options.boards))


if __name__ == "__main__":
    main()
