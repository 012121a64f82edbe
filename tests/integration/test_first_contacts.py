"""Was one contact enough? Each is judged once, when its days are over, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pbxd.calls.record import Outcome
from pbxd.edge.store import Store
from pbxd.edge.store.resolution import DAY_S, Resolution
from pbxd.settings.connections import Store as Settings
from tests.integration.store_samples import T0, Counts, contact

DAYS = 7
YES = "pbxd_first_contacts_total,node=pbx1,queue=billing,resolved=yes"
NO = "pbxd_first_contacts_total,node=pbx1,queue=billing,resolved=no"
FAULTS = "pbxd_store_faults_total,kind=other"


class Days:
    """The store, its clock, and what is counted."""

    def __init__(self, store: Store, counts: Counts) -> None:
        self.store, self.counts = store, counts
        self.now = T0
        self.resolution: Resolution | None = None
        self.oldest: float | None = None  #: when the call arrived that is in progress

    def begin(self) -> None:
        self.resolution = self.store.first_contacts(DAYS, lambda: self.oldest)

    async def look_after(self, days: float) -> tuple[float, float]:
        self.now = T0 + days * DAY_S
        assert self.resolution is not None
        await self.resolution.look()
        return self.counts[YES], self.counts[NO]


@pytest.fixture
async def days(settings: Settings, counts: Counts, tmp_path: Path) -> AsyncIterator[Days]:
    held: list[Days] = []
    store = await Store.open(
        settings, counts, spool=tmp_path / "spool", clock=lambda: held[0].now if held else T0
    )
    held.append(Days(store, counts))
    yield held[0]
    await store.close()


async def keep(days: Days, *contacts: object) -> None:
    for each in contacts:
        days.store.remember(each)  # type: ignore[arg-type]
    await days.store.flushed()


async def test_a_contact_is_judged_once_when_its_days_are_over(days: Days) -> None:
    days.begin()
    await keep(days, contact(1))
    assert await days.look_after(6.9) == (0, 0)
    assert await days.look_after(7.1) == (1, 0)
    assert await days.look_after(30) == (1, 0)


async def test_who_calls_again_about_the_same_needed_more_than_one(days: Days) -> None:
    days.begin()
    again = contact(2, arrived=T0 + 3 * DAY_S, outcome=Outcome.ABANDONED, agents=())
    await keep(days, contact(1), again)
    assert await days.look_after(8) == (0, 1)
    assert await days.look_after(11) == (0, 1)  # the second was answered by nobody: it resolved nothing


@pytest.mark.parametrize(
    ("first", "later", "resolved"),
    [
        ("invoice", "delivery", 1),
        ("invoice", None, 0),
        (None, "delivery", 0),
        (None, None, 0),
    ],
)
async def test_a_subject_that_nobody_knows_counts_as_the_same(
    days: Days, first: str | None, later: str | None, resolved: int
) -> None:
    days.begin()
    await keep(days, contact(1, subject=first), contact(2, subject=later, arrived=T0 + DAY_S))
    assert await days.look_after(7.5) == (resolved, 1 - resolved)


async def test_others_and_later_calls_do_not_matter(days: Days) -> None:
    days.begin()
    await keep(
        days,
        contact(1),
        contact(2, number="+8613800138001", arrived=T0 + DAY_S, outcome=Outcome.TIMEOUT, agents=()),
        contact(3, arrived=T0 + 7.1 * DAY_S),
        contact(4, number="", arrived=T0 + 60),
    )
    assert await days.look_after(7.5) == (1, 0)


async def test_who_calls_again_in_the_last_minute_is_waited_for(days: Days) -> None:
    days.begin()
    await keep(days, contact(1))
    days.oldest = T0 + 6.999 * DAY_S
    assert await days.look_after(7.01) == (0, 0)
    days.oldest = None
    again = contact(2, arrived=T0 + 6.999 * DAY_S)
    days.store.remember(again)  # and is judged by what is being written, too
    assert await days.look_after(7.02) == (0, 1)


async def test_nobody_is_waited_for_longer_than_a_day(days: Days) -> None:
    days.begin()
    await keep(days, contact(1))
    days.oldest = T0 + 6 * DAY_S
    assert await days.look_after(7.9) == (0, 0)
    assert await days.look_after(8.1) == (1, 0)


async def test_what_ended_before_pbxd_began_to_look_is_left_alone(days: Days) -> None:
    await keep(days, contact(1))
    days.now = T0 + 8 * DAY_S
    days.begin()
    assert await days.look_after(9) == (0, 0)


async def test_what_could_not_be_read_is_judged_the_next_time(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    days.begin()
    await keep(days, contact(1))
    with monkeypatch.context() as broken:
        broken.setattr("pbxd.edge.store.resolution._question", lambda *_: 1 / 0)
        assert await days.look_after(8) == (0, 0)
        assert days.counts[FAULTS] == 1
    assert await days.look_after(8.1) == (1, 0)
