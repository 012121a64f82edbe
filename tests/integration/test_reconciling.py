"""The nightly comparison with Asterisk's books: which files, which day, and who gets to know of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from pbxd.calls.call import Call
from pbxd.calls.kept import KeptChannel, KeptJourney, journey_body
from pbxd.calls.names import Kind as ChannelKind
from pbxd.calls.wiring import Channel
from pbxd.cli import app
from pbxd.edge.reconciling import Books, Nightly, lines, reconcile
from pbxd.edge.store import Store
from pbxd.edge.store.reports import Reader, Reports
from pbxd.figures.books import EXPLAINED, MISMATCH
from pbxd.ids import CallId, Interface, Uniqueid
from pbxd.reconcile.findings import Known, Mismatch
from pbxd.settings.connections import Store as Settings
from tests.integration.store_samples import Counts, contact, sqlite_settings

BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = datetime(2026, 10, 25, tzinfo=BERLIN).timestamp()  #: a day of 25 hours begins
FIRST = int(MIDNIGHT) + 60


def in_queue_log(*calls: int) -> str:
    """The calls as app_queue logs them; each talks for 30 s from its 10th second on."""
    return "".join(
        f"{at + 1}|{at}.1|billing|NONE|ENTERQUEUE||+8613800138000|1\n"
        f"{at + 10}|{at}.1|billing|Anna|CONNECT|9|{at}.2|3\n"
        f"{at + 40}|{at}.1|billing|Anna|COMPLETECALLER|9|30|1\n"
        for at in calls
    )


def in_cdr(*calls: int) -> str:
    """The same in Master.csv."""

    def when(at: int) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")

    return "".join(
        f'"","+8613800138000","4001","in","","PJSIP/trunk-{at}","PJSIP/1001-1","Queue","billing",'
        f'"{when(at)}","{when(at + 10)}","{when(at + 40)}",40,30,"ANSWERED","DOCUMENTATION","{at}.1"\n'
        for at in calls
    )


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """A history with a call in the first and one in the last minute of the long day, and one after it."""
    settings = sqlite_settings(tmp_path)
    store = await Store.open(settings)
    for at in (FIRST, FIRST + 25 * 3600 - 120, FIRST + 25 * 3600):
        store.remember(contact(f"{at}.1", arrived=float(at)))
    await store.flushed()
    await store.close()
    return settings


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """Both books, in today's file and in rotated ones."""
    folder = tmp_path / "asterisk"
    folder.mkdir()
    last = FIRST + 25 * 3600 - 120
    (folder / "queue_log").write_text(in_queue_log(last, last + 120))
    (folder / "queue_log.1.gz").write_bytes(gzip.compress(in_queue_log(FIRST).encode()))
    (folder / "queue_log.old").write_text("not one of them\n")
    (folder / "Master.csv").write_text(in_cdr(last, last + 120))
    (folder / "Master.csv-20261025").write_text(in_cdr(FIRST))
    for age, name in enumerate(("queue_log", "queue_log.1.gz", "Master.csv", "Master.csv-20261025")):
        stamp = last + 600 - 3600 * (age % 2)
        os.utime(folder / name, (stamp, stamp))
    return Books(node="pbx1", queue_log=folder / "queue_log", cdr=folder / "Master.csv", cdr_zone=UTC)


pytestmark = pytest.mark.usefixtures("reports_share_a_process")


def nightly(books: Books, settings: Settings, counts: Counts, **more: Any) -> Nightly:
    return Nightly(books, Reports(settings, timeout_s=60), counts, at="03:10", zone=BERLIN, **more)


async def test_yesterday_is_a_day_of_this_place_and_all_its_files_are_read(
    books: Books, settings: Settings
) -> None:
    counts = Counts()
    night = nightly(books, settings, counts, clock=lambda: 7.0)
    await night.compare_yesterday(MIDNIGHT + 28 * 3600)
    assert night.fault == ""
    assert night.last_success == 7.0
    assert counts["pbxd_reconcile_runs_total,node=pbx1,result=clean"] == 1
    compared = reconcile(Reader(settings), books, MIDNIGHT, MIDNIGHT + 25 * 3600)
    assert (compared.stays, compared.calls, compared.findings) == (2, 2, ())
    assert counts["pbxd_reconcile_compared_total,node=pbx1,what=stays"] == 2
    assert counts["pbxd_reconcile_compared_total,node=pbx1,what=calls"] == 2


async def test_what_differs_is_counted_and_told_by_health(books: Books, settings: Settings) -> None:
    counts = Counts()
    assert books.queue_log is not None
    text = books.queue_log.read_text()
    stamp = books.queue_log.stat().st_mtime
    books.queue_log.write_text(text.replace("COMPLETECALLER|9|30", "COMPLETECALLER|9|99", 1) + "x\n")
    os.utime(books.queue_log, (stamp, stamp))
    night = nightly(books, settings, counts)
    await night.compare_yesterday(MIDNIGHT + 28 * 3600)
    assert counts["pbxd_reconcile_runs_total,node=pbx1,result=mismatches"] == 1
    assert counts["pbxd_reconcile_mismatch_total,kind=talked,node=pbx1"] == 1
    assert counts["pbxd_reconcile_mismatch_total,kind=unreadable,node=pbx1"] == 1
    assert night.fault == "2026-10-25: 2 mismatches with the switch's books"


async def test_a_book_that_is_missing_is_a_failed_night(settings: Settings, tmp_path: Path) -> None:
    counts = Counts()
    books = Books(node="pbx1", queue_log=tmp_path / "nowhere/queue_log", cdr_zone=UTC)
    night = nightly(books, settings, counts, clock=lambda: 7.0)
    await night.compare_yesterday(MIDNIGHT + 28 * 3600)
    assert counts["pbxd_reconcile_runs_total,node=pbx1,result=failed"] == 1
    assert "no such book" in night.fault
    (tmp_path / "nowhere").mkdir()
    with pytest.raises(FileNotFoundError):
        list(lines(tmp_path / "nowhere/queue_log", since=0.0))


@pytest.mark.parametrize("name", ["queue_log", "cdr"])
async def test_a_night_of_which_a_book_tells_nothing_is_a_failed_one(
    name: str, books: Books, settings: Settings, tmp_path: Path
) -> None:
    """Nobody writes it any more, or it was rotated to somewhere else."""
    (tmp_path / "empty").touch()
    counts, books = Counts(), replace(books, **{name: tmp_path / "empty"})
    night = nightly(books, settings, counts, clock=lambda: 7.0)
    night.last_success = 1.0
    await night.compare_yesterday(MIDNIGHT + 28 * 3600)
    assert counts["pbxd_reconcile_runs_total,node=pbx1,result=failed"] == 1
    assert counts["pbxd_reconcile_runs_total,node=pbx1,result=clean"] == 0
    assert night.fault == f"not compared: nothing of that day is in {name}"
    assert night.last_success == 1.0
    day = ("--from", "2026-10-25", "--to", "2026-10-25")
    told = pbxd("reconcile", *day, "--config", settings_file(tmp_path, settings, books))
    assert told.exit_code == 1
    assert f"Not compared: the {name} begins after all of this" in told.stdout
    # A day without calls is another thing.
    before = ("--from", "2026-10-20", "--to", "2026-10-20")
    assert pbxd("reconcile", *before, "--config", settings_file(tmp_path, settings, books)).exit_code == 0


def in_progress(node: str, at: int) -> dict[str, Any]:
    """A caller who talks with his second agent, as pbxd keeps him."""
    uniqueid = Uniqueid(f"{at}.1")
    channel = Channel(
        uniqueid=uniqueid,
        name="PJSIP/trunk-1",
        interface=Interface("PJSIP/trunk"),
        kind=ChannelKind.DEVICE,
        caller="+8613800138000",
        caller_name="",
        exten="4001",
        born=float(at),
        unseen=False,
    )
    call = Call(
        id=CallId(f"{node}:{uniqueid}"),
        subject=channel.name,
        caller=channel.caller,
        caller_name="",
        dialled="4001",
        arrived=float(at),
        roots=(uniqueid,),
    )
    journey = journey_body(KeptJourney(call=call, channels=(KeptChannel(channel=channel),)))
    return {"uncertain": [], "journey": journey, "after": None}


async def test_a_call_that_goes_on_is_no_mismatch(books: Books, settings: Settings) -> None:
    """The first of its agents is done with it, and so are the books."""
    at = FIRST + 7200
    with books.queue_log.open("a") as log, books.cdr.open("a") as cdr:  # type: ignore[union-attr]
        log.write(in_queue_log(at))
        cdr.write(in_cdr(at))
    there = {Mismatch.STAY_MISSING_HERE.value: 1, Mismatch.CALL_MISSING_HERE.value: 1}
    compared = reconcile(Reader(settings), books, MIDNIGHT, MIDNIGHT + 25 * 3600)
    assert compared.counts(explained=False) == there
    bodies = {CallId(f"{node}:{at}.1"): in_progress(node, at) for node in ("pbx2", "pbx1")}
    bodies[CallId("pbx1:old")] = {"version": 0}
    for expected, name in ((there, f"pbx2:{at}.1"), (there, "pbx1:old"), ({}, f"pbx1:{at}.1")):
        store = await Store.open(settings, journey=bodies.get)
        store.keep_journey(CallId(name))
        await store.all_kept()
        await store.close()
        compared = reconcile(Reader(settings), books, MIDNIGHT, MIDNIGHT + 25 * 3600)
        assert compared.counts(explained=False) == expected
    assert compared.counts(explained=True) == {Known.IN_PROGRESS.value: 2}
    assert (compared.stays, compared.calls) == (2, 2)


async def test_it_runs_when_the_time_comes(books: Books, settings: Settings) -> None:
    counts, now = Counts(), [datetime(2026, 10, 26, 3, 9, tzinfo=BERLIN).timestamp()]
    night = nightly(books, settings, counts, clock=lambda: now[0], nap_s=0.01)
    running = asyncio.create_task(night.run())
    await asyncio.sleep(0)
    assert not counts.times
    now[0] += 61
    async with asyncio.timeout(60):
        while not counts.times:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert counts["pbxd_reconcile_runs_total,node=pbx1,result=clean"] == 1


def test_a_night_in_which_the_clock_is_set_has_its_right_hour(books: Books, tmp_path: Path) -> None:
    night = nightly(books, sqlite_settings(tmp_path), Counts())
    for day in (datetime(2026, 10, 24, 12, tzinfo=BERLIN), datetime(2026, 3, 28, 12, tzinfo=BERLIN)):
        due = datetime.fromtimestamp(night._next(day.timestamp()), BERLIN)
        assert (due.date(), due.hour, due.minute) == ((day + timedelta(days=1)).date(), 3, 10)


def test_every_kind_has_its_series() -> None:
    assert set(MISMATCH.values) == set(Mismatch)
    assert set(EXPLAINED.values) == set(Known)


# ---------------------------------------------------------------- by hand


def pbxd(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def settings_file(tmp_path: Path, store: Settings, books: Books) -> Path:
    path = tmp_path / "pbxd.yaml"
    told = {
        "nodes": [{"name": "pbx1", "ami": {"secret": "x"}}],
        "store": {"url": store.url},
        "reports": {"time_zone": "Europe/Berlin"},
        "reconcile": {"books": [{"queue_log": str(books.queue_log), "cdr": str(books.cdr)}]},
    }
    with path.open("w") as file:
        YAML(typ="safe").dump(told, file)
    return path


async def test_both_commands_by_hand(books: Books, settings: Settings, tmp_path: Path) -> None:
    config = settings_file(tmp_path, settings, books)
    day = ("--from", "2026-10-25", "--to", "2026-10-25", "--config", config)
    told = pbxd("reconcile", *day)
    assert told.exit_code == 0, told.stderr
    assert "2 stays in queues and 2 calls compared" in told.stdout
    assert told.stdout.endswith("0 not explained, 0 explained\n")

    assert books.queue_log is not None
    books.queue_log.write_text(books.queue_log.read_text().replace("CONNECT|9", "CONNECT|4", 1))
    told = pbxd("reconcile", *day, "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["mismatches"] == {"waited": 1}

    report = pbxd("report", *day)
    assert report.exit_code == 0, report.stderr
    assert "billing" in report.stdout
    calls = pbxd("report", *day, "--calls", "--key", "billing", "--figure", "talk_s", "--format", "json")
    behind = json.loads(calls.stdout)["calls"]
    assert [(call["value"], call["number"]) for call in behind] == [(25.0, "***000"), (25.0, "***000")]
    sheet = pbxd("report", *day, "--format", "csv", "--by", "hour")
    assert sheet.stdout.splitlines()[1].startswith("row,2026-10-25T00:00+02:00,1,")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("report", "--date", "yesterday"), "--date: 'yesterday' is no date"),
        (("report", "--figure", "moon"), "--figure: 'moon' is none of"),
        (("reconcile", "--node", "mars"), "--node: must be one of pbx1"),
        (("reconcile", "--queue-log", "/nowhere/queue_log"), "/nowhere/queue_log: there is no such book"),
    ],
)
async def test_what_cannot_be_done_is_told(
    books: Books, settings: Settings, tmp_path: Path, words: tuple[str, ...], text: str
) -> None:
    told = pbxd(*words, "--config", settings_file(tmp_path, settings, books))
    assert told.exit_code == 2
    assert text in told.stderr
