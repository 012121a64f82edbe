"""Who calls again, whose call was enough, and what callers say of it: their part of a test's book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.proof.house import FIRST_CONTACT_S
from tests.e2e.proof.journey import Journey

if TYPE_CHECKING:
    from tests.e2e.proof.book import Book

ANSWERED = ("answered", "direct")


def calls_before(book: Book, journey: Journey) -> list[Journey]:
    """All earlier ones of the same number: no test lasts a day."""
    came = book.arrived(journey)
    return [each for each in book.journeys if each.number == journey.number and book.arrived(each) < came]


def was_enough(book: Book, journey: Journey) -> bool:
    """Nobody with this number called again in the days after it, about the same, as far as anybody knows."""
    came, until = book.arrived(journey), book.ended(journey) + FIRST_CONTACT_S
    return not any(
        each.number == journey.number
        and came < book.arrived(each) <= until
        and (not each.subject or not journey.subject or each.subject == journey.subject)
        for each in book.journeys
    )


def is_judged(book: Book, journey: Journey, now: float) -> bool:
    """Whether it is known at this moment if the call was enough."""
    return journey.outcome in ANSWERED and book.ended(journey) + FIRST_CONTACT_S <= now


def count_first_contacts(book: Book) -> None:
    """All of them, when the days after the last call are over."""
    for journey in book.journeys:
        if journey.outcome in ANSWERED:
            resolved = "yes" if was_enough(book, journey) else "no"
            book.one("pbxd_first_contacts_total", queue=journey.queue, resolved=resolved)


def count_again(book: Book, journey: Journey) -> None:
    book.one("pbxd_repeat_judged_total", queue=journey.queue)
    before = calls_before(book, journey)
    if not before:
        return
    for window in ("24h", "7d"):
        book.one("pbxd_repeat_contacts_total", queue=journey.queue, window=window)
    known = {each.subject for each in before if each.subject}
    subject = "same" if known == {journey.subject} else "other"
    if not known or not journey.subject:
        subject = "unknown"
    book.one("pbxd_repeat_calls_total", queue=journey.queue, subject=subject)


def count_survey(book: Book, journey: Journey) -> None:
    leg = book.last_leg(journey)
    if not journey.survey or leg is None:
        return
    queue, agent = leg.queue, book.agent(leg.interface)
    book.one("pbxd_surveys_total", queue=queue, result=journey.survey)
    if journey.rating is not None:
        points, rating = journey.rating, str(journey.rating)
        book.one("pbxd_survey_ratings_total", queue=queue, rating=rating)
        book.one("pbxd_survey_points_total", points, queue=queue)
        book.one("pbxd_agent_survey_ratings_total", queue=queue, agent=agent, rating=rating)
        book.one("pbxd_agent_survey_points_total", points, queue=queue, agent=agent)
