"""What the store promises, shown on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pbxd.calls.record import Outcome
from pbxd.edge.store import Store
from pbxd.edge.store.spool import from_json, to_json
from pbxd.effects import Publish
from pbxd.messages import HistoryFound, HistoryMissing
from pbxd.settings.connections import Store as Settings
from pbxd.survey import Survey, SurveyResult
from tests.integration.patience import until
from tests.integration.store_samples import NUMBER, T0, Counts, contact, look_up

Opened = Callable[..., Awaitable[Store]]


@pytest.fixture
async def opened(settings: Settings, counts: Counts, tmp_path: Path) -> AsyncIterator[Opened]:
    stores: list[Store] = []

    async def open_store() -> Store:
        stores.append(await Store.open(settings, counts, spool=tmp_path / "spool", clock=lambda: T0 + 5))
        return stores[-1]

    yield open_store
    for store in stores:
        await store.close()


@pytest.fixture
async def store(opened: Opened) -> Store:
    return await opened()


async def found(store: Store, number: str = NUMBER, before: float = T0 + 1e9) -> HistoryFound:
    answer = await store.look_up(look_up(number, before))
    assert isinstance(answer, HistoryFound), answer
    return answer


async def kept(store: Store, *contacts: Any) -> None:
    for one in contacts:
        store.remember(one)
    await store.flushed()


async def test_a_contact_comes_back_as_it_was(store: Store) -> None:
    await kept(store, contact(1, agents=("anna", "bob")))
    answer = await found(store)
    assert (answer.call, answer.at, answer.name) == ("pbx1:now", T0 + 5, "张三")
    (past,) = answer.contacts
    assert (past.call, past.arrived, past.ended) == ("pbx1:1", T0, T0 + 70)
    assert (past.queue, past.subject, past.agent) == ("billing", "invoice", "bob")
    assert (past.outcome, past.talk_s) == ("answered", 50.0)
    assert store.away is None


async def test_the_history_is_newest_first_of_this_number_before_this_time(store: Store) -> None:
    ages = [5, 1, 3, 2, 4]
    await kept(store, *(contact(age, arrived=T0 - age) for age in ages))
    await kept(store, contact(99, number="+442079460000", arrived=T0 - 1))
    assert [past.call for past in (await found(store)).contacts] == [f"pbx1:{n}" for n in (1, 2, 3, 4, 5)]
    assert [past.call for past in (await found(store, before=T0 - 2)).contacts] == [
        "pbx1:3",
        "pbx1:4",
        "pbx1:5",
    ]


async def test_a_number_never_seen_is_found_to_have_no_history(store: Store) -> None:
    answer = await found(store, "+10000000000")
    assert (answer.name, answer.contacts) == (None, ())


async def test_the_last_talker_is_the_agent_of_a_contact(store: Store) -> None:
    await kept(
        store,
        contact(1, agents=("anna", None), arrived=T0 + 1),
        contact(2, agents=(), arrived=T0, outcome=Outcome.ABANDONED),
    )
    assert [past.agent for past in (await found(store)).contacts] == ["anna", None]


async def test_storing_a_call_again_replaces_it_whole(store: Store) -> None:
    await kept(store, contact(1, agents=("anna", "bob", "carl")), contact(1, agents=("anna",)))
    await kept(store, contact(2), contact(1, agents=("dora",), subject="other", queue=None))
    (row,) = [row for row in await store.contacts() if row["call"] == "pbx1:1"]
    assert [leg["agent"] for leg in row["legs"]] == ["dora"]
    assert (row["waits"], row["transfers"], row["subject"], row["queue"]) == ([], [], "other", None)
    assert len(await store.contacts()) == 2


async def test_the_name_is_the_youngest_calls_whatever_order_they_come_in(store: Store) -> None:
    await kept(store, contact(2, name="Young", arrived=T0 + 20))
    await kept(store, contact(1, name="Old", arrived=T0 + 10))
    assert (await found(store)).name == "Young"
    await kept(store, contact(3, name="", arrived=T0 + 30))
    assert (await found(store)).name == "Young"
    await kept(store, contact(4, name="a", arrived=T0 + 41), contact(5, name="b", arrived=T0 + 40))
    assert (await found(store)).name == "a"


async def test_a_name_known_from_an_older_call_only_is_kept(store: Store) -> None:
    await kept(store, contact(2, name="", arrived=T0 + 20))
    await kept(store, contact(1, name="Old", arrived=T0 + 10))
    assert (await found(store)).name == "Old"


async def test_withheld_numbers_have_contacts_but_no_history(store: Store) -> None:
    await kept(store, contact(1, number=""), contact(2, number=""))
    assert len(await store.contacts()) == 2
    answer = await store.look_up(look_up(""))
    assert isinstance(answer, HistoryMissing)
    assert answer.why == "number withheld"


async def test_nodes_are_kept_apart_and_numbers_are_not(store: Store) -> None:
    """One caller, two switches: his history is one."""
    await kept(store, contact(1, node="pbx1"), contact(1, node="pbx2", arrived=T0 + 1))
    assert [past.call for past in (await found(store)).contacts] == ["pbx2:1", "pbx1:1"]
    assert {row["node"] for row in await store.contacts()} == {"pbx1", "pbx2"}


async def test_contacts_for_the_api_have_all_their_parts(store: Store) -> None:
    survey = Survey(flow="survey", offered=T0 + 70, result=SurveyResult.RATED, rating=4)
    await kept(store, replace(contact(1, agents=("anna", "bob")), survey=survey))
    (row,) = await store.contacts()
    assert json.loads(json.dumps(row)) == {
        "call": "pbx1:1",
        "node": "pbx1",
        "number": NUMBER,
        "presented": NUMBER,
        "name": "张三",
        "dialled": "4001",
        "queue": "billing",
        "subject": "invoice",
        "arrived": T0,
        "answered": T0 + 10,
        "ended": T0 + 70,
        "wait_s": 9.0,
        "talk_s": 50.0,
        "outcome": "answered",
        "agent": "bob",
        "missed": False,
        "path": [
            {"at": T0 + 1, "step": "menu", "kind": "menu", "label": "账单", "digits": "1", "result": "chosen"}
        ],
        "handovers": [],
        "repeated": 0,
        "survey": "rated",
        "rating": 4,
        "legs": [
            {
                "interface": f"PJSIP/{1001 + n}",
                "agent": agent,
                "started": T0 + 10 + 30 * n,
                "ended": T0 + 40 + 30 * n,
                "talk_s": 25.0,
                "hold_s": 5.0,
            }
            for n, agent in enumerate(("anna", "bob"))
        ],
        "waits": [{"queue": "billing", "joined": T0 + 1, "left": T0 + 10, "outcome": "answered"}],
        "transfers": [
            {
                "kind": "attended",
                "at": T0 + 40,
                "from_interface": "PJSIP/1001",
                "to": "PJSIP/1002",
                "outcome": "completed",
                "by": "phone",
                "transfer": None,
                "began": None,
                "answered": None,
                "consult_s": 0.0,
                "hold_s": 0.0,
                "to_kind": None,
                "queue": None,
            }
        ],
    }


async def test_contacts_for_the_api_can_be_asked_for_by_whom_where_and_when(store: Store) -> None:
    await kept(
        store,
        contact(1, agents=("anna",), queue="billing", arrived=T0 + 1),
        contact(2, agents=("bob", "anna"), queue="tech", arrived=T0 + 2),
        contact(3, agents=(), queue="tech", arrived=T0 + 3, number="+442079460000"),
    )

    async def calls(**asked: Any) -> list[str]:
        return [row["call"][-1] for row in await store.contacts(**asked)]

    assert await calls() == ["3", "2", "1"]
    assert await calls(limit=2) == ["3", "2"]
    assert await calls(before=T0 + 3) == ["2", "1"]
    assert await calls(agent="anna") == ["2", "1"]
    assert await calls(agent="bob") == ["2"]
    assert await calls(queue="tech") == ["3", "2"]
    assert await calls(queue="tech", agent="anna") == ["2"]
    assert await calls(number="+442079460000") == ["3"]
    assert await calls(number="'; DROP TABLE contacts; --") == []


HOSTILE = [
    "Eve\r\nAction: Originate\r\n",
    "${SHELL(id)}",
    "'; DROP TABLE contacts; --",
    '"a",b,c',
    "<script>alert(1)</script>",
    "x" * 10_000,
    "\udce5\udcbc\udca0",
    "nul\0nul",
]


async def test_hostile_text_is_stored_as_text_and_does_nothing(store: Store, counts: Counts) -> None:
    for position, text in enumerate(HOSTILE):
        store.remember(
            contact(position, number=text, name=text, subject=text, queue=text, label=text, agents=(text,))
        )
    await store.flushed()
    rows = await store.contacts()
    assert len(rows) == len(HOSTILE)
    assert counts["pbxd_store_contacts_total,result=stored"] == len(HOSTILE)
    assert {row["name"] for row in rows} >= {"${SHELL(id)}", "'; DROP TABLE contacts; --", "nul nul"}
    for row in rows:
        json.dumps(row, ensure_ascii=False).encode("utf-8")
    assert len((await found(store, "'; DROP TABLE contacts; --")).contacts) == 1


async def test_many_contacts_at_once_are_all_there_and_share_commits(store: Store, counts: Counts) -> None:
    contacts = [contact(n, number=f"+86138{n % 50:08}", arrived=T0 + n) for n in range(3000)]
    await kept(store, *contacts)
    assert counts["pbxd_store_contacts_total,result=stored"] == 3000
    assert counts.times["pbxd_store_commit_seconds"] < 100
    assert len((await found(store, "+8613800000007")).contacts) == 60


async def test_a_look_up_never_returns_more_than_it_may(store: Store) -> None:
    await kept(store, *(contact(n, arrived=T0 + n) for n in range(250)))
    contacts = (await found(store)).contacts
    assert [past.call for past in contacts] == [f"pbx1:{n}" for n in range(249, 149, -1)]


async def test_everything_is_there_after_a_restart(opened: Opened) -> None:
    first = await opened()
    await kept(first, contact(1))
    first.remember(contact(2, arrived=T0 + 1))
    await first.close()
    second = await opened()
    assert [past.call for past in (await found(second)).contacts] == ["pbx1:2", "pbx1:1"]


async def test_a_contact_that_comes_after_closing_is_there_after_the_next_start(opened: Opened) -> None:
    first = await opened()
    await first.close()
    first.remember(contact(1, agents=("anna", None)))
    second = await opened()
    await second.flushed()
    (row,) = await second.contacts()
    assert [leg["agent"] for leg in row["legs"]] == ["anna", None]


async def test_answers_come_by_call_back_in_any_number(store: Store) -> None:
    await kept(store, contact(1))
    answers: list[Any] = []
    for _ in range(150):
        store.ask(look_up(), answers.append)
    assert answers == []
    await until(lambda: len(answers) == 150)
    assert {type(answer) for answer in answers} == {HistoryFound}


async def test_more_look_ups_than_allowed_are_told_at_once(
    store: Store, settings: Settings, counts: Counts
) -> None:
    answers: list[Any] = []
    for _ in range(settings.lookups_most + 3):
        store.ask(look_up(), answers.append)
    assert [type(answer) for answer in answers] == [HistoryMissing] * 3
    assert counts["pbxd_store_lookups_total,result=busy"] == 3


async def test_the_outbox_keeps_order_and_content(store: Store) -> None:
    outbox = store.outbox
    await outbox.put([(T0 + n, Publish(topic=f"n/{n}", body={"n": n, "名": "\udce5"})) for n in range(5)])
    await outbox.put([(T0 + 5, Publish(topic="n/5", body={}, record=True))])
    assert await outbox.waiting() == 6
    first = await outbox.oldest(2)
    assert [(made, message) for _, made, message in first] == [
        (T0 + n, Publish(topic=f"n/{n}", body={"n": n, "名": "\udce5"})) for n in range(2)
    ]
    rest = await outbox.oldest(100, after=first[-1][0])
    assert [message.topic for _, _, message in rest] == ["n/2", "n/3", "n/4", "n/5"]
    assert rest[-1][2].record
    await outbox.sent([number for number, _, _ in (*first, rest[0])])
    assert [message.topic for _, _, message in await outbox.oldest(100)] == ["n/3", "n/4", "n/5"]


async def test_numbers_of_the_outbox_are_never_used_twice(store: Store) -> None:
    outbox = store.outbox
    await outbox.put([(T0, Publish(topic="a", body={}))])
    ((first, _, _),) = await outbox.oldest(1)
    await outbox.sent([first])
    await outbox.put([(T0, Publish(topic="b", body={}))])
    ((second, _, _),) = await outbox.oldest(1)
    assert second > first


async def test_only_moments_are_dropped_from_the_outbox_and_the_oldest_first(store: Store) -> None:
    outbox = store.outbox
    await outbox.put([(T0 + n, Publish(topic=f"n/{n}", body={}, record=n % 2 == 0)) for n in range(6)])
    assert await outbox.drop_oldest_moments(2) == 2
    assert [message.topic for _, _, message in await outbox.oldest(9)] == ["n/0", "n/2", "n/4", "n/5"]
    assert await outbox.drop_oldest_moments(9) == 1
    assert await outbox.drop_oldest_moments(9) == 0
    assert await outbox.waiting() == 3


async def test_what_can_never_be_sent_stays_with_its_reason_and_out_of_the_way(store: Store) -> None:
    outbox = store.outbox
    await outbox.put([(T0, Publish(topic="bad", body={})), (T0, Publish(topic="good", body={}))])
    ((number, _, _), _) = await outbox.oldest(2)
    await outbox.refuse(number, "too large")
    await outbox.put_refused(T0, Publish(topic="worse", body={}), "not authorised")
    assert [message.topic for _, _, message in await outbox.oldest(9)] == ["good"]
    assert await outbox.waiting() == 1
    assert await outbox.drop_oldest_moments(9) == 1
    assert await outbox.refused() == [
        ("bad", "too large"),
        ("worse", "not authorised"),
    ]


def test_a_spooled_contact_is_the_same_contact_again() -> None:
    original = contact(1, agents=("anna", None), name="\udce5 x")
    assert from_json(json.loads(json.dumps(to_json(original)))) == original
