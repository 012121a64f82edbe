"""Sessions that cannot be forged or kept too long, and a brake on guessing."""

from __future__ import annotations

import dataclasses

import argon2
import pytest

from pbxd.edge.web.desk import WebAgent
from pbxd.edge.web.signin import NOBODYS_HASH, Brake, Doorman, Sessions, TooManyAttemptsError
from pbxd.ids import AgentId

ANNA = WebAgent(id=AgentId("anna"), name="Anna", password_hash="$argon2id$one")
SECRET = b"s" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def sessions(*agents: WebAgent, secret: bytes = SECRET, lifetime_s: int = 3600) -> Sessions:
    return Sessions(agents or (ANNA,), secret=secret, lifetime_s=lifetime_s)


def test_a_session_is_read_back_and_each_is_another() -> None:
    books = sessions()
    first, second = books.read(books.open(ANNA)), books.read(books.open(ANNA))
    assert first is not None
    assert second is not None
    assert first.agent == ANNA
    assert first.id != second.id
    assert books.csrf(first) != books.csrf(second)


@pytest.mark.parametrize("cookie", [None, "", "x", "a.b.c", "é" * 10, "x" * 100_000, "eyJ9.x.y"])
def test_what_we_did_not_sign_is_no_session(cookie: str | None) -> None:
    assert sessions().read(cookie) is None


def test_every_changed_letter_is_noticed() -> None:
    books = sessions()
    cookie = books.open(ANNA)
    for place in range(len(cookie)):
        other = "A" if cookie[place] != "A" else "B"
        forged = cookie[:place] + other + cookie[place + 1 :]
        # The last letter of base64 carries bits that mean nothing.
        if books.read(forged) is not None:
            assert place == len(cookie) - 1


def test_a_restart_keeps_sessions_and_another_secret_ends_them() -> None:
    cookie = sessions().open(ANNA)
    assert sessions().read(cookie) is not None
    assert sessions(secret=b"t" * 32).read(cookie) is None


def test_a_new_password_or_a_removed_agent_ends_the_sessions() -> None:
    cookie = sessions().open(ANNA)
    changed = dataclasses.replace(ANNA, password_hash="$argon2id$two")
    other = dataclasses.replace(ANNA, id=AgentId("other"))
    assert sessions(changed).read(cookie) is None
    assert sessions(other).read(cookie) is None


def test_a_session_ends_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    books = sessions(lifetime_s=60)
    cookie = books.open(ANNA)
    assert books.read(cookie) is not None
    import time

    later = time.time() + 62
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert books.read(cookie) is None


def test_signing_out_ends_one_session_only() -> None:
    books = sessions()
    gone, stays = books.open(ANNA), books.open(ANNA)
    session = books.read(gone)
    assert session is not None
    books.end(session)
    assert books.read(gone) is None
    assert books.read(stays) is not None


def test_the_brake_lets_so_many_through_and_then_one_per_pause() -> None:
    clock = Clock()
    brake = Brake(tries=3, pause_s=60.0, clock=clock)
    for _ in range(3):
        brake.check("anna")
        brake.failed("anna")
    with pytest.raises(TooManyAttemptsError) as braked:
        brake.check("anna")
    assert braked.value.wait_s == pytest.approx(60.0)
    brake.check("somebody else")
    clock.now += 60.0
    brake.check("anna")
    brake.failed("anna")
    with pytest.raises(TooManyAttemptsError):
        brake.check("anna")
    clock.now += 3 * 60.0
    for _ in range(3):
        brake.check("anna")
        brake.failed("anna")


def test_a_right_password_gives_its_try_back_but_not_those_of_others() -> None:
    clock = Clock()
    brake = Brake(tries=3, pause_s=60.0, clock=clock)
    for _ in range(2):
        brake.failed("address")
    brake.failed("address")
    brake.passed("address")
    brake.check("address")
    brake.failed("address")
    with pytest.raises(TooManyAttemptsError):
        brake.check("address")


def test_the_brake_forgets() -> None:
    clock = Clock()
    brake = Brake(tries=3, pause_s=60.0, clock=clock)
    for number in range(1000):
        brake.failed(f"agent {number}")
    clock.now += 3 * 60.0 + 1
    brake.failed("one more")
    assert len(brake._used) == 1


async def test_attempts_made_at_the_same_time_do_not_slip_past_the_brake() -> None:
    import asyncio

    doorman = Doorman([ANNA], tries=3, pause_s=60.0)
    results = await asyncio.gather(
        *(doorman.admit("anna", f"guess {n}", "192.0.2.1") for n in range(10)), return_exceptions=True
    )
    assert results.count(None) == 3
    assert sum(isinstance(result, TooManyAttemptsError) for result in results) == 7


async def test_a_hash_that_is_none_lets_nobody_in() -> None:
    broken = [dataclasses.replace(ANNA, password_hash=known) for known in ("", "plain", "$argon2id$v=19$x")]
    for agent in broken:
        assert await Doorman([agent]).admit("anna", agent.password_hash or "x", "192.0.2.1") is None


def test_who_does_not_exist_costs_as_much_as_somebody_whose_hash_was_made_today() -> None:
    assert not argon2.PasswordHasher().check_needs_rehash(NOBODYS_HASH)
