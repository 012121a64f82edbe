"""The ledger of real calls: its rows agree with each other and with the account of the call."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbxd.calls.record import CallRecord
from pbxd.ledger.rows import stretches_of
from pbxd.ledger.stretch import Stage, Stretch
from tests.ledger import MS, check, no_overlaps
from tests.replay.captures import LEAST, captures, has_truth, name_of, played, replayed, truth_of
from tests.thorough import examples

EAR_S = 0.35  #: by so much an ear may be off, for each stretch


def ledgers(capture: Path) -> Iterator[tuple[CallRecord, tuple[Stretch, ...]]]:
    for call in played(capture).calls:
        yield call, stretches_of(call)


@pytest.mark.parametrize("capture", captures(), ids=name_of)
def test_the_rows_agree_with_the_account(capture: Path) -> None:
    for call, rows in ledgers(capture):
        check(call, rows)


@pytest.mark.parametrize("capture", captures(LEAST), ids=name_of)
def test_least_privileges_give_the_same_ledger(capture: Path) -> None:
    everything = capture.with_name(capture.name.replace(LEAST, ".ami.gz"))
    assert [rows for _, rows in ledgers(capture)] == [rows for _, rows in ledgers(everything)]


@settings(max_examples=examples(40), deadline=None)
@given(st.data())
def test_a_capture_that_begins_or_ends_anywhere_gives_rows_that_agree(data: st.DataObject) -> None:
    """As after a restart of pbxd: what happened before is not known, and nothing is made up for it."""
    capture = data.draw(st.sampled_from(captures()))
    raw = gzip.decompress(capture.read_bytes())
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, len(raw)))
    for call in replayed(raw[start:end]).calls:
        rows = stretches_of(call)
        no_overlaps(rows)
        if call.ended is None:
            continue
        for row in rows:
            assert row.ended is not None
            assert row.started <= row.ended <= call.ended + MS


@pytest.mark.parametrize(
    "capture", [one for one in captures() if has_truth(one) and "least" not in one.name], ids=name_of
)
def test_who_talked_when_is_what_the_phones_heard(capture: Path) -> None:
    truth = truth_of(capture)
    (rows,) = [rows for call, rows in ledgers(capture) if call.caller == truth["caller"]]
    for leg in truth["legs"]:
        told = [row.seconds for row in rows if row.stage is Stage.TALK and row.interface == leg["interface"]]
        assert sum(told) == pytest.approx(leg["talk_s"], abs=EAR_S * len(leg["talks"]))


def test_who_hands_the_caller_on_is_not_asked_about_him() -> None:
    """Also when he was asked once himself; nobody tells a capture of orders."""
    (capture,) = [one for one in captures() if one.name.startswith("handed_over_twice_by_pbxd.")]
    ((_, rows),) = ledgers(capture)
    asked = [row.interface for row in rows if row.stage is Stage.CONSULT]
    assert asked == ["PJSIP/1103", "PJSIP/1102"]


#: the phone, and why it stopped ringing
RINGS = {
    "queue_anna_rejects_bruno_answers": [("PJSIP/1001", "declined"), ("PJSIP/1002", "answered")],
    "queue_anna_rings_out_bruno_answers": [("PJSIP/1001", "no_answer"), ("PJSIP/1002", "answered")],
    "queue_ringall_bruno_wins": [
        ("PJSIP/1001", "cancelled"),
        ("PJSIP/1002", "answered"),
        ("PJSIP/1003", "cancelled"),
    ],
    "freepbx_ringall": [("PJSIP/1001", "cancelled"), ("PJSIP/1002", "answered")],
    "queue_a_gives_up": [("PJSIP/1001", "cancelled")],
    "direct_busy": [("PJSIP/1001", "declined")],
    "direct_unanswered": [("PJSIP/1001", "no_answer")],
    "star2_completed": [("PJSIP/1001", "answered"), ("PJSIP/1002", "answered")],
    "attended_refer_chain": [
        ("PJSIP/1001", "answered"),
        ("PJSIP/1002", "answered"),
        ("PJSIP/1003", "answered"),
    ],
}


@pytest.mark.parametrize("name", RINGS)
def test_why_each_phone_stopped_ringing(name: str) -> None:
    for capture in captures():
        if capture.name.partition(".")[0] != name:
            continue
        ((_, rows),) = ledgers(capture)
        rings = [(row.interface, row.outcome) for row in rows if row.stage is Stage.RING]
        assert sorted(rings) == RINGS[name]


#: who was asked about the caller while he waited
CONSULTS = {
    "star2_completed": ["PJSIP/1002"],
    "star2_swapped": ["PJSIP/1002", "PJSIP/1002"],
    "star2_blonde": [],
    "attended_refer_to_phone": ["PJSIP/1002"],
    "attended_refer_chain": ["PJSIP/1002", "PJSIP/1003"],
    "freepbx_attended_refer": ["PJSIP/1002"],
    "redirect_and_bridge": ["PJSIP/1002"],
    "blind_refer_to_phone": [],
    "both_hold_in_turn": [],
}


@pytest.mark.parametrize("name", CONSULTS)
def test_whom_the_transferer_asked_without_the_caller(name: str) -> None:
    for capture in captures():
        if capture.name.partition(".")[0] != name:
            continue
        ((call, rows),) = ledgers(capture)
        consults = [row for row in rows if row.stage is Stage.CONSULT]
        assert [row.interface for row in consults] == CONSULTS[name]
        asked_s = sum(row.seconds for row in consults)
        # The account of a transfer counts by and large the same, sounds of the switch included.
        if name != "star2_swapped":
            assert asked_s == pytest.approx(sum(one.consult_s for one in call.transfers), abs=0.5)


@pytest.mark.parametrize(
    "name", ["star2_completed", "direct_star2_completed", "attended_refer_to_phone", "blind_refer_to_phone"]
)
def test_the_caller_waits_in_a_transfer_until_he_hears_the_target(name: str) -> None:
    """The beep after a transfer by keys, which only the target hears, is part of that.

    How long it took is told some milliseconds later than the transfer is.
    """
    found = [capture for capture in captures() if capture.name.partition(".")[0] == name]
    assert found
    for capture in found:
        ((call, rows),) = ledgers(capture)
        (transfer,) = call.transfers
        assert transfer.began is not None
        talks = [row for row in rows if row.stage is Stage.TALK]
        heard = min(row.started for row in talks if row.interface == transfer.to)
        spoken = sum(
            row.seconds - max(0.0, transfer.began - row.started)
            for row in talks
            if transfer.began < (row.ended or 0.0) and row.started < heard
        )
        assert transfer.hold_s == pytest.approx(heard - transfer.began - spoken, abs=0.02)
