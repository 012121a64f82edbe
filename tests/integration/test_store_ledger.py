"""The ledger in the store: rows come with their contact, a wrap-up after it; nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pbxd.edge.store import Store
from pbxd.edge.store.engines import open_engine, read_url
from pbxd.edge.store.spool import Spool, from_json, to_json
from pbxd.edge.store.tables import stretches as table
from pbxd.ids import AgentId, Interface
from pbxd.ledger.stretch import Stage, Stretch
from pbxd.messages import Contact
from pbxd.settings.connections import Store as Settings
from tests.integration.store_samples import T0, Counts, contact


def journey(number: int = 1) -> Contact:
    """A contact with three rows of the ledger."""
    made = contact(number)
    record = made.record

    def row(position: int, stage: Stage, since: float, until: float, **more: Any) -> Stretch:
        return Stretch(
            call=record.id,
            position=position,
            node=record.node,
            stage=stage,
            started=T0 + since,
            ended=T0 + until,
            **more,
        )

    anna: dict[str, Any] = {"interface": Interface("PJSIP/1001"), "agent": AgentId("anna")}
    return replace(
        made,
        stretches=(
            row(0, Stage.WAIT, 1, 10, queue="billing", outcome="answered"),
            row(1, Stage.RING, 2, 10, queue="billing", outcome="answered", **anna),
            row(2, Stage.TALK, 10, 40, queue="billing", missed=True, **anna),
        ),
    )


def wrap_up(of: Contact, position: int = 3) -> Stretch:
    return replace(of.stretches[-1], position=position, stage=Stage.WRAP_UP, started=T0 + 40, ended=T0 + 55.5)


async def stored(settings: Settings) -> list[Stretch]:
    engine = open_engine(read_url(settings.url))
    try:
        async with engine.connect() as connection:
            found = await connection.execute(sa.select(table).order_by(table.c.call, table.c.position))
            return [Stretch(**{**row, "stage": Stage(row["stage"])}) for row in found.mappings()]
    finally:
        await engine.dispose()


async def test_rows_are_stored_as_they_are(settings: Settings, tmp_path: Path) -> None:
    store = await Store.open(settings, Counts(), spool=tmp_path / "spool")
    one = journey()
    store.remember(one)
    store.append(wrap_up(one))
    await store.flushed()
    await store.close()
    assert await stored(settings) == [*one.stretches, wrap_up(one)]


async def test_a_contact_that_comes_again_replaces_its_rows_and_no_later_one(
    settings: Settings, tmp_path: Path
) -> None:
    store = await Store.open(settings, Counts(), spool=tmp_path / "spool")
    one = journey()
    for entry in (one, replace(one, stretches=one.stretches[:2])):
        store.remember(entry)
        store.append(wrap_up(one))
        await store.flushed()
    await store.close()
    assert await stored(settings) == [*one.stretches[:2], wrap_up(one)]


async def test_what_comes_while_the_store_is_closed_waits_in_the_spool(
    settings: Settings, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    store = await Store.open(settings, Counts(), spool=spool)
    one = journey()
    await store.close()
    store.remember(one)
    store.append(wrap_up(one))
    assert await stored(settings) == []
    store = await Store.open(settings, Counts(), spool=spool)
    await store.flushed()
    await store.close()
    assert await stored(settings) == [*one.stretches, wrap_up(one)]


def test_an_entry_comes_out_of_the_spool_as_it_went_in(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    entries = [journey(), wrap_up(journey())]
    spool.append(entries)
    assert spool.open_reading()
    assert list(spool.read()) == entries
    before = to_json(contact(7))
    del before["stretches"]  # written before there was a ledger
    assert from_json(before) == contact(7)
