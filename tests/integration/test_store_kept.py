"""What is still under way is kept over a restart, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pbxd.calls.record import Transfer, TransferKind, TransferMaker, TransferOutcome
from pbxd.edge.store import Store
from pbxd.edge.store.engines import open_engine, read_url
from pbxd.edge.store.spool import from_json, to_json
from pbxd.effects import KeepDossier, KeepTransfer
from pbxd.ids import AgentId, CallId, Interface, TransferId
from pbxd.messages import Contact, HandoverNote, JourneysKept
from pbxd.settings.connections import Store as Settings
from tests.integration.patience import until
from tests.integration.store_samples import QUICK, T0, Counts, contact, sqlite_settings

Opened = Callable[..., Awaitable[Store]]
ONE, TWO = TransferId("t-1"), TransferId("t-2")
CALL = CallId("pbx1:1700000000.7")
HOSTILE = "\0'; DROP TABLE kept; --\ud800 ${SHELL(id)} 张三\r\nAction: Logoff"


@pytest.fixture
async def opened(settings: Settings, counts: Counts, tmp_path: Path) -> AsyncIterator[Opened]:
    stores: list[Store] = []

    async def open_store() -> Store:
        stores.append(await Store.open(settings, counts, spool=tmp_path / "spool"))
        return stores[-1]

    yield open_store
    for store in stores:
        await store.close()


def keep(store: Store, transfer: TransferId, body: dict[str, Any] | None) -> None:
    store.keep(KeepTransfer(transfer=transfer, body=body))


async def test_the_last_state_of_each_transfer_is_there_after_a_restart(opened: Opened) -> None:
    store = await opened()
    for state in ("created", "ringing", "talking"):
        keep(store, ONE, {"state": state, "note": HOSTILE})
    keep(store, TWO, {"state": "created"})
    store.keep(KeepDossier(call=CALL, body={"subject": "invoice"}))
    await store.all_kept()
    keep(store, TWO, None)
    await store.all_kept()
    # Not closed: pbxd was killed.
    transfers, dossiers, *_ = await (await opened()).kept()
    assert transfers.bodies == {ONE: {"state": "talking", "note": HOSTILE}}
    assert dossiers.bodies == {CALL: {"subject": "invoice"}}


async def test_nothing_is_kept_of_what_ended_before_it_was_written(opened: Opened) -> None:
    store = await opened()
    for number in range(50):
        keep(store, TransferId(f"t-{number}"), {"state": "created"})
        keep(store, TransferId(f"t-{number}"), None)
    await store.all_kept()
    assert (await (await opened()).kept())[0].bodies == {}


async def test_an_orderly_end_writes_what_is_waiting(opened: Opened) -> None:
    store = await opened()
    keep(store, ONE, {"state": "ringing"})
    await store.close()
    assert (await (await opened()).kept())[0].bodies == {ONE: {"state": "ringing"}}


async def test_a_state_that_is_no_json_is_counted_and_costs_the_others_nothing(
    opened: Opened, counts: Counts
) -> None:
    store = await opened()
    keep(store, ONE, {"state": object()})
    keep(store, TWO, {"state": float("nan")})
    keep(store, TransferId("t-3"), {"state": "ringing"})
    await store.all_kept()
    assert counts["pbxd_store_faults_total,kind=other"] == 2
    assert list((await (await opened()).kept())[0].bodies) == ["t-3"]


async def test_a_state_that_cannot_be_read_is_counted_and_forgotten(
    opened: Opened, settings: Settings, counts: Counts
) -> None:
    store = await opened()
    for transfer in (ONE, TWO):
        keep(store, transfer, {"state": "ringing"})
    await store.all_kept()
    engine = open_engine(read_url(settings.url))
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE kept SET body = '{\"sta' WHERE id = 't-1'"))
    await engine.dispose()
    again = await opened()
    assert list((await again.kept())[0].bodies) == [TWO]
    assert counts["pbxd_store_faults_total,kind=other"] == 1
    await again.all_kept()
    keep(again, ONE, {"state": "talking"})  # keeping goes on
    await again.all_kept()
    assert (await (await opened()).kept())[0].bodies == {TWO: {"state": "ringing"}, ONE: {"state": "talking"}}
    assert counts["pbxd_store_faults_total,kind=other"] == 1


class _BugError(Exception):
    """A bug."""


async def test_a_bug_of_ours_does_not_end_the_keeping(
    opened: Opened, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened()
    done, failures = store._under_way._keeper._done, iter([True])

    def broken(changes: Any) -> None:
        if next(failures, False):
            raise _BugError
        done(changes)

    monkeypatch.setattr(store._under_way._keeper, "_done", broken)
    keep(store, ONE, {"state": "created"})
    await store.all_kept()
    keep(store, ONE, {"state": "talking"})
    await store.all_kept()
    assert counts["pbxd_store_faults_total,kind=other"] == 1
    assert (await (await opened()).kept())[0].bodies == {ONE: {"state": "talking"}}


@pytest.mark.postgres
async def test_while_the_database_is_away_nothing_waits_and_the_newest_states_are_written_when_it_is_back(
    postgres_server: Any, counts: Counts, tmp_path: Path
) -> None:
    settings = Settings.model_validate({"url": postgres_server.new_database(), **QUICK})
    store = await Store.open(settings, counts, spool=tmp_path / "spool")
    try:
        keep(store, ONE, {"state": "created"})
        await store.all_kept()
        postgres_server.stop()
        for number in range(3):
            keep(store, ONE, {"state": f"state {number}"})
            await asyncio.sleep(0)
        await until(lambda: counts["pbxd_store_faults_total,kind=away"] >= 1)
        keep(store, ONE, {"state": "talking"})
        keep(store, TWO, {"state": "created"})
        postgres_server.start()
        await asyncio.wait_for(store.all_kept(), 30)
        assert (await store.kept())[0].bodies == {ONE: {"state": "talking"}, TWO: {"state": "created"}}
    finally:
        await store.close()


@pytest.mark.postgres
async def test_what_could_not_be_read_at_the_start_is_not_taken_for_new_at_the_next(
    postgres_server: Any, counts: Counts, tmp_path: Path
) -> None:
    settings = Settings.model_validate({"url": postgres_server.new_database(), **QUICK})
    before = await Store.open(settings, counts, spool=tmp_path / "spool")
    keep(before, ONE, {"state": "talking"})
    await before.all_kept()
    await before.close()
    postgres_server.stop()
    store = await Store.open(settings, counts, spool=tmp_path / "spool")
    try:
        transfers, dossiers, *_ = await store.kept()
        assert (transfers.bodies, dossiers.bodies) == ({}, {})
        assert counts["pbxd_store_faults_total,kind=away"] >= 1
        keep(store, TWO, {"state": "created"})
        postgres_server.start()
        await asyncio.wait_for(store.all_kept(), 30)
        assert list((await store.kept())[0].bodies) == [TWO]
    finally:
        await store.close()


async def test_a_locked_file_holds_up_nobody(tmp_path: Path, counts: Counts) -> None:
    settings = sqlite_settings(tmp_path)
    store = await Store.open(settings, counts, spool=tmp_path / "spool")
    other = sqlite3.connect(str(read_url(settings.url).database), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        keep(store, ONE, {"state": "created"})
        await until(lambda: sum(n for name, n in counts.sums.items() if "faults" in name) >= 1)
        other.execute("ROLLBACK")
        await asyncio.wait_for(store.all_kept(), 30)
        assert list((await store.kept())[0].bodies) == [ONE]
    finally:
        other.close()
        await store.close()


# ---------------------------------------------------------------- the finished contact


def handed_over() -> Contact:
    plain = contact(1, agents=("anna", "bob"))
    transfer = Transfer(
        kind=TransferKind.ATTENDED,
        at=T0 + 30,
        from_=Interface("PJSIP/1001"),
        to="PJSIP/1002",
        outcome=TransferOutcome.COMPLETED,
        by=TransferMaker.PBXD,
        id=ONE,
        began=T0 + 10,
        answered=T0 + 15,
        consult_s=15.0,
        hold_s=20.0,
        to_kind="agent",
        queue="billing",
    )
    note = HandoverNote(
        transfer=ONE,
        at=T0 + 10,
        by="pbxd",
        kind="attended",
        outcome="completed",
        from_agent=AgentId("anna"),
        to_kind="agent",
        to="bob",
        reason="invoice",
        note="two\nlines",
        disposition="open",
    )
    record = replace(plain.record, transfers=(transfer,))
    return replace(plain, record=record, handovers=(note,), repeated=1)


async def test_the_history_keeps_what_was_handed_over(opened: Opened) -> None:
    store = await opened()
    store.remember(handed_over())
    store.remember(contact(2))
    await store.flushed()
    rows = {row["call"]: row for row in await store.contacts()}
    assert rows["pbx1:1"]["repeated"] == 1
    assert rows["pbx1:1"]["handovers"] == [
        {
            "transfer": "t-1",
            "at": T0 + 10,
            "by": "pbxd",
            "kind": "attended",
            "outcome": "completed",
            "from_agent": "anna",
            "to_kind": "agent",
            "to": "bob",
            "reason": "invoice",
            "note": "two\nlines",
            "disposition": "open",
        }
    ]
    (kept,) = rows["pbx1:1"]["transfers"]
    assert (kept["by"], kept["transfer"], kept["consult_s"], kept["hold_s"]) == ("pbxd", "t-1", 15.0, 20.0)
    assert (kept["began"], kept["answered"], kept["to_kind"], kept["queue"]) == (
        T0 + 10,
        T0 + 15,
        "agent",
        "billing",
    )
    assert (rows["pbx1:2"]["handovers"], rows["pbx1:2"]["repeated"]) == ([], 0)


def test_a_contact_survives_the_spool_with_its_hand_overs() -> None:
    assert from_json(json.loads(json.dumps(to_json(handed_over())))) == handed_over()


def test_a_spool_of_the_version_before_is_read() -> None:
    old = to_json(contact(1))
    del old["handovers"], old["repeated"]
    for transfer in old["record"]["transfers"]:
        for name in ("by", "id", "began", "answered", "consult_s", "hold_s", "to_kind", "queue"):
            del transfer[name]
    assert from_json(old) == contact(1)


# ---------------------------------------------------------------- journeys


class Told:
    """What there is to keep of journeys, and how often that was asked for."""

    def __init__(self) -> None:
        self.bodies: dict[CallId, dict[str, Any]] = {}
        self.asked = 0

    def __call__(self, call: CallId) -> dict[str, Any] | None:
        self.asked += 1
        return self.bodies.get(call)


def journeys_of(kept: tuple[Any, ...]) -> JourneysKept:
    (journeys,) = [each for each in kept if isinstance(each, JourneysKept)]
    return journeys


async def test_of_a_journey_what_it_is_when_it_is_written_is_kept_once(
    settings: Settings, counts: Counts, tmp_path: Path
) -> None:
    told = Told()
    store = await Store.open(settings, counts, spool=tmp_path / "spool", journey=told)
    again = None
    try:
        for state in range(100):
            told.bodies[CALL] = {"state": state}
            store.keep_journey(CALL)
        await store.all_kept()
        assert told.asked == 1
        again = await Store.open(settings, counts, spool=tmp_path / "spool")
        journeys = journeys_of(await again.kept())
        assert (journeys.bodies, journeys.stored) == ({CALL: {"state": 99}}, frozenset())
        store.keep_journey(CALL)
        told.bodies[CALL] = {"state": 100}
        await store.close()  # an orderly end does not wait for its time
        assert journeys_of(await again.kept()).bodies == {CALL: {"state": 100}}
    finally:
        await store.close()
        if again is not None:
            await again.close()


async def test_a_journey_is_forgotten_when_its_contact_is_safe(
    settings: Settings, counts: Counts, tmp_path: Path
) -> None:
    told, one = Told(), contact(CALL)
    store = await Store.open(settings, counts, spool=tmp_path / "spool", journey=told)
    try:
        told.bodies[CALL] = {"state": "talking"}
        store.keep_journey(CALL)
        store.keep(KeepDossier(call=CALL, body={"subject": "invoice"}))
        await store.all_kept()
        store.remember(one)
        # As the world says it in one step: nothing of it may be gone before the contact is there.
        del told.bodies[CALL]
        store.keep_journey(CALL)
        store.keep(KeepDossier(call=CALL, body=None))
        kept = await store.kept()
        if CALL not in journeys_of(kept).stored:
            assert journeys_of(kept).bodies.keys() == kept[1].bodies.keys() == {CALL}
        await store.flushed()
        assert journeys_of(await store.kept()).stored <= {CALL}
        await store.all_kept()
        kept = await store.kept()
        assert journeys_of(kept).bodies == kept[1].bodies == {}
    finally:
        await store.close()


async def test_a_journey_whose_contact_is_stored_is_said_to_be(
    settings: Settings, counts: Counts, tmp_path: Path
) -> None:
    told = Told()
    other = CallId("pbx1:1700000000.8")
    store = await Store.open(settings, counts, spool=tmp_path / "spool", journey=told)
    try:
        for call in (CALL, other):
            told.bodies[call] = {"state": "talking"}
            store.keep_journey(call)
        store.remember(contact(CALL))
        await store.flushed()
        await store.all_kept()
        journeys = journeys_of(await store.kept())
        assert (journeys.bodies.keys(), journeys.stored) == ({CALL, other}, {CALL})
    finally:
        await store.close()


async def test_a_bug_in_one_journey_costs_the_others_nothing(
    settings: Settings, counts: Counts, tmp_path: Path
) -> None:
    other = CallId("pbx1:1700000000.8")

    def journey(call: CallId) -> dict[str, Any]:
        if call == CALL:
            raise _BugError
        return {"state": "talking"}

    store = await Store.open(settings, counts, spool=tmp_path / "spool", journey=journey)
    try:
        for call in (CALL, other):
            store.keep_journey(call)
        await store.all_kept()
        assert journeys_of(await store.kept()).bodies.keys() == {other}
        assert counts["pbxd_store_faults_total,kind=other"] == 1
    finally:
        await store.close()
