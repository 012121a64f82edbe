"""The history against the books that Asterisk kept of the same calls: 98 real ones, on 22 and on 16.

Nothing may stay unexplained; and whatever is changed in a book afterwards is found and named.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from math import inf
from pathlib import Path

import pytest

from pbxd.reconcile.cdr import read_cdr
from pbxd.reconcile.findings import REASONS, Comparison, Known, Mismatch, as_json
from pbxd.reconcile.history import Call, Leg, Stay, Transfer
from pbxd.reconcile.queue_log import read_queue_log
from pbxd.reconcile.records import compare_calls
from pbxd.reconcile.stays import compare_stays
from pbxd.replay import replay

BOOKS = sorted(path for path in (Path(__file__).parents[1] / "books").iterdir() if path.is_dir())
EVER = (0.0, 1e11)


@dataclass(frozen=True)
class Books:
    calls: tuple[Call, ...]
    queue_log: str
    cdr: str

    def compare(self, start: float = EVER[0], end: float = EVER[1]) -> Comparison:
        log = read_queue_log(self.queue_log.splitlines())
        cdr = read_cdr(self.cdr.splitlines(keepends=True), UTC)
        stays = compare_stays(self.calls, log, start, end)
        return stays.together(compare_calls(self.calls, cdr, start, end))

    def mismatches(self) -> list[str]:
        return sorted({finding.kind.value for finding in self.compare().mismatches})

    def in_log(self, pattern: str, instead: str) -> Books:
        text, number = re.subn(pattern, instead, self.queue_log, count=1, flags=re.MULTILINE)
        assert number == 1
        return replace(self, queue_log=text)

    def in_cdr(self, pattern: str, instead: str) -> Books:
        text, number = re.subn(pattern, instead, self.cdr, count=1, flags=re.MULTILINE)
        assert number == 1
        return replace(self, cdr=text)

    def but(self, which: Callable[[Call], bool], change: Callable[[Call], Sequence[Call]]) -> Books:
        """With the first call of which this is true changed."""
        number = next(n for n, call in enumerate(self.calls) if which(call))
        calls = (*self.calls[:number], *change(self.calls[number]), *self.calls[number + 1 :])
        return replace(self, calls=calls)


@pytest.fixture(scope="module", params=BOOKS, ids=lambda path: path.name)
def books(request: pytest.FixtureRequest) -> Books:
    folder: Path = request.param
    with (folder / "said.ami.gz").open("rb") as said:
        told = replay(said)
    assert not told.faults
    calls = tuple(
        Call(
            call=record.id,
            caller=record.caller,
            arrived=record.arrived,
            ended=record.arrived if record.ended is None else record.ended,
            outcome=str(record.outcome),
            missed=record.missed,
            stays=tuple(
                Stay(queue=wait.queue, joined=wait.joined, left=wait.left, outcome=wait.outcome)
                for wait in record.waits
            ),
            legs=tuple(
                Leg(interface=leg.interface, started=leg.started, ended=leg.ended) for leg in record.legs
            ),
            transfers=tuple(
                Transfer(
                    kind=transfer.kind,
                    at=transfer.at,
                    from_interface=transfer.from_,
                    to=transfer.to,
                    outcome=transfer.outcome,
                    began=transfer.began,
                )
                for transfer in record.transfers
            ),
        )
        for record in told.calls
    )
    texts = [
        gzip.decompress((folder / name).read_bytes()).decode() for name in ("queue_log.gz", "Master.csv.gz")
    ]
    return Books(calls, *texts)


def test_nothing_stays_unexplained(books: Books) -> None:
    compared = books.compare()
    assert compared.mismatches == []
    assert compared.calls == len(books.calls) == 52
    assert compared.stays == sum(len(call.stays) for call in books.calls) == 46
    explained = compared.counts(explained=True)
    assert explained[Known.CONSULT_IN_QUEUE] == 2
    assert explained[Known.TRANSFER_NOT_LOGGED] == 4
    assert explained[Known.ORIGINATED] == 1  # the other half of the first of these consultations
    assert set(as_json(compared)["explained"]) <= {known.value for known in Known}


def test_every_explanation_is_written_out() -> None:
    assert REASONS.keys() == set(Known)


@pytest.mark.parametrize(
    ("line", "instead", "kind"),
    [
        (r"^(\d+\|\d+\.\d+\|q501\|NONE\|)ABANDON(\|1\|1\|\d+)$", r"\1EXITWITHTIMEOUT\2", Mismatch.OUTCOME),
        (r"^(.*CONNECT)\|4\|", r"\1|44|", Mismatch.WAITED),
        (r"^(.*COMPLETEAGENT\|0)\|2\|1$", r"\1|22|1", Mismatch.TALKED),
        (r"^(.*)COMPLETEAGENT\|0\|2\|1$", r"\1BLINDTRANSFER|1|x|0|2|1", Mismatch.TRANSFER),
        (r"^.*COMPLETEAGENT\|0\|2\|1\n", "", Mismatch.OUTCOME),
        (
            r"^(\d+)(\|\d+)(\.\d+\|q504\|NONE\|ENTERQUEUE.*)$",
            r"\1\2\3\n\1|99.1|q504|NONE|ENTERQUEUE||+49301|1\n\1|99.1|q504|NONE|ABANDON|1|1|0",
            Mismatch.STAY_MISSING_HERE,
        ),
        (r"^.*q508\|NONE\|ENTERQUEUE.*\n(?:.*\n)*?.*EXITEMPTY.*\n", "", Mismatch.STAY_MISSING_THERE),
        (r"^(.*q508\|NONE\|ENTERQUEUE.*)$", "\\1\ngarbage|", Mismatch.UNREADABLE),
    ],
)
def test_a_line_of_the_queue_log_that_was_changed_is_named(
    books: Books, line: str, instead: str, kind: Mismatch
) -> None:
    assert kind.value in books.in_log(line, instead).mismatches()


def test_a_time_that_was_changed_is_named(books: Books) -> None:
    later = re.sub(
        r"^(\d+)(\|[\d.]+\|q599\|NONE\|ENTERQUEUE)",
        lambda match: f"{int(match[1]) + 60}{match[2]}",
        books.queue_log,
        flags=re.MULTILINE,
    )
    assert replace(books, queue_log=later).mismatches() == ["entered"]


def test_a_record_that_was_changed_is_named(books: Books) -> None:
    whole = r'^(?="","\+86.*"q503,t").*\n'
    gone = books
    while re.search(whole, gone.cdr, re.MULTILINE):
        gone = gone.in_cdr(whole, "")
    assert gone.mismatches() == ["call_missing_there"]
    stranger = (
        '"","+49301","501","in","","PJSIP/trunk-9","PJSIP/1001-8","Queue","q501","2026-11-22 05:00:30",'
    )
    stranger += '"2026-11-22 05:00:30","2026-11-22 05:00:31",1,1,"ANSWERED","DOCUMENTATION","77.7"\n'
    assert replace(books, cdr=books.cdr + stranger).mismatches() == ["call_missing_here"]
    assert replace(books, cdr=books.cdr + '"broken\n').mismatches() == ["unreadable"]
    unanswered = books.in_cdr(r'^("","02087654321","502".*)"ANSWERED"', r'\1"NO ANSWER"')
    assert unanswered.mismatches() == ["call_answered"]
    moved = books.in_cdr(
        r'^("","02087654321","502".*"2026-11-22 05:\d\d:\d\d",)"2026-11-22 05:(\d\d:\d\d)"',
        r'\1"2026-11-22 07:\2"',
    )
    assert moved.mismatches() == ["call_times"]


def test_a_contact_that_was_changed_is_named(books: Books) -> None:
    def abandoned(call: Call) -> bool:
        return call.outcome == "abandoned"

    assert books.but(abandoned, lambda call: ()).mismatches() == ["call_missing_here", "stay_missing_here"]

    def answered(call: Call) -> Sequence[Call]:
        return [replace(call, stays=(replace(call.stays[0], outcome="answered"),))]

    assert books.but(abandoned, answered).compare().counts(explained=True)[Known.LEFT_AT_ANSWER] == 1

    def timed_out(call: Call) -> Sequence[Call]:
        return [replace(call, stays=(replace(call.stays[0], outcome="timeout"),))]

    assert books.but(abandoned, timed_out).mismatches() == ["outcome"]
    unseen = books.but(abandoned, lambda call: [replace(timed_out(call)[0], missed=True)]).compare()
    assert unseen.mismatches == []
    assert unseen.counts(explained=True)[Known.WATCHED_IN_PART] == 1
    came_later = books.but(abandoned, lambda call: [replace(call, stays=(), missed=True)]).compare()
    assert came_later.mismatches == []
    assert came_later.counts(explained=True)[Known.WATCHED_IN_PART] == 1


def test_a_stay_led_to_the_conversation_that_began_as_it_ended(books: Books) -> None:
    """Who was just talking with somebody else, and was sent to this queue by him, was not answered by him."""

    def plain(call: Call) -> bool:
        lasted = [leg.ended - leg.started for leg in call.legs if leg.ended is not None]
        return len(call.stays) == 1 and len(lasted) == 1 and lasted[0] > 3 and not call.transfers

    def another(call: Call) -> Sequence[Call]:
        (leg,) = call.legs
        before = replace(leg, started=leg.started - 1, ended=leg.started - 0.9)
        return [replace(call, legs=(before, leg))]

    assert books.but(plain, another).mismatches() == []


def test_of_a_call_that_goes_on_nothing_is_missing(books: Books) -> None:
    """Whichever call it is: the books tell of its parts already."""
    told = Counter[Known | Mismatch]()
    for call in books.calls:
        going_on = replace(call, goes_on=True, ended=inf, outcome="", stays=())
        compared = books.but(lambda each, same=call: each is same, lambda _, now=going_on: [now]).compare()
        assert compared.mismatches == [], call.call
        assert compared.calls == len(books.calls) - 1
        told += Counter(finding.kind for finding in compared.findings if finding.call == call.call)
    assert told[Known.IN_PROGRESS] > len(books.calls)


def test_a_caller_who_was_moved_out_of_the_queue_did_not_give_up(books: Books) -> None:
    moved = books.but(
        lambda call: call.outcome == "abandoned",
        lambda call: [replace(call, stays=(replace(call.stays[0], outcome="left"),))],
    ).compare()
    assert moved.mismatches == []
    assert moved.counts(explained=True)[Known.MOVED_OUT] == 1


def test_without_unique_ids_calls_are_found_by_caller_and_time(books: Books) -> None:
    cdr = re.sub(r',"[\d.]+"$', "", books.cdr, flags=re.MULTILINE)
    assert cdr != books.cdr
    compared = replace(books, cdr=cdr).compare()
    assert compared.calls > 40


def test_what_lies_outside_of_the_period_is_left_alone(books: Books) -> None:
    middle = sorted(call.arrived for call in books.calls)[26]
    before, after = books.compare(0.0, middle), books.compare(middle, 1e11)
    assert before.mismatches == after.mismatches == []
    assert before.stays + after.stays == 46
    assert before.calls + after.calls == 52


def test_a_book_that_begins_later_is_no_fault(books: Books) -> None:
    lines = books.queue_log.splitlines(keepends=True)
    middle = next(n for n, line in enumerate(lines) if "q506" in line)
    compared = replace(books, queue_log="".join(lines[middle:])).compare()
    assert compared.mismatches == []
    assert compared.counts(explained=True)[Known.NOT_COVERED] > 10


def test_a_restart_of_asterisk_ends_what_was_going_on(books: Books) -> None:
    cut = books.in_log(
        r"^(\d+)\|[\d.]+\|\w+\|Anna\|COMPLETEAGENT\|0\|2\|1$", r"\1|NONE|NONE|NONE|QUEUESTART|"
    )
    compared = cut.compare()
    assert compared.mismatches == []
    assert compared.counts(explained=True)[Known.UNFINISHED] == 1
