"""What alerts say: quiet hours, links, masked numbers, words, and who is told when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from pbxd.alerting import Alerting
from pbxd.alerts.calling_back import call_back_link
from pbxd.alerts.kept import read_watch, watch_body
from pbxd.alerts.rules import AlertRules, Audience, QuietHours, Span
from pbxd.alerts.watch import Watch, document, to_tell, to_tell_the_end
from pbxd.alerts.words import How, Kind, State
from pbxd.ami.inventory import Inventory, QueueEntry
from pbxd.calls.facts import CallQueued
from pbxd.edge.alerts.wording import shown, wording
from pbxd.effects import Announce, Effect, Publish
from pbxd.ids import CallId, Interface, NodeId, Uniqueid
from pbxd.journal import Journal
from pbxd.messages import AlertsKept, LinkDown, LinkUp
from pbxd.node import Node
from pbxd.settings.alerts import Alerts, AlertSink
from tests.members import GONE, TALKS, member_of

NODE = NodeId("pbx1")
CALL = CallId("pbx1:1700000000.1")
AT = 1_700_000_000.0
PLACES = {"number": "+8613800138000", "call": CALL, "queue": "a b/ü", "node": NODE, "id": "x&y"}

OPEN = Watch(
    kind=Kind.CALLER_WAITS,
    node=NODE,
    queue="support",
    call=CALL,
    number="+8613800138000",
    name="Zhang",
    joined=AT - 360.0,
    since=AT - 360.0,
    state=State.OPEN,
    limit_s=300.0,
    began=AT - 60.0,
)


def a_body(event: str = "begun", how: How | None = None, **changes: Any) -> dict[str, Any]:
    watch = replace(OPEN, **changes)
    return document(watch, event, AT, waited_s=363.0, call_back="tel:{number}", how=how)


# ---------------------------------------------------------------- quiet hours


def moment(zone: str, text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("hours", "when", "quiet"),
    [
        ("20:00-07:00", "2026-11-23 19:59:59", False),
        ("20:00-07:00", "2026-11-23 20:00:00", True),
        ("20:00-07:00", "2026-11-24 06:59:59", True),
        ("20:00-07:00", "2026-11-24 07:00:00", False),
        ("sat,sun 00:00-24:00", "2026-11-27 23:59:59", False),  # a Friday
        ("sat,sun 00:00-24:00", "2026-11-28 00:00:00", True),
        ("sat,sun 00:00-24:00", "2026-11-29 23:59:59", True),
        ("sat,sun 00:00-24:00", "2026-11-30 00:00:00", False),
        ("fri 22:00-06:00", "2026-11-28 05:59:00", True),  # Friday's night goes on into Saturday
        ("fri 22:00-06:00", "2026-11-28 22:30:00", False),
        ("sun-mon 12:00-13:00", "2026-11-29 12:30:00", True),
        ("sun-mon 12:00-13:00", "2026-11-30 12:30:00", True),
        ("sun-mon 12:00-13:00", "2026-12-01 12:30:00", False),
        ("02:00-03:00", "2026-03-29 03:30:00", False),  # the hour that this day does not have
    ],
)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Shanghai"])
def test_quiet_hours_go_by_the_clocks_of_their_zone(hours: str, when: str, quiet: bool, zone: str) -> None:
    settings = Alerts.model_validate({"quiet_hours": {"time_zone": zone, "hours": hours}})
    spans = tuple(Span(days=d, since=s, until=u) for d, s, u in settings.quiet_hours.spans)
    assert QuietHours(zone=zone, spans=spans).at(moment(zone, when)) is quiet


@pytest.mark.parametrize("hours", ["20-07", "25:00-07:00", "mo 20:00-07:00", "20:00", "sat 24:01-07:00"])
def test_hours_that_are_none_are_refused(hours: str) -> None:
    with pytest.raises(ValidationError, match="hours such as"):
        Alerts.model_validate({"quiet_hours": {"hours": [hours]}})


def test_a_zone_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="no time zone"):
        Alerts.model_validate({"quiet_hours": {"time_zone": "Europe/Atlantis"}})


# ---------------------------------------------------------------- who is told when

RULES = AlertRules(
    repeat_s=600.0,
    quiet=QuietHours(spans=(Span(since=22 * 60, until=6 * 60),)),
    audiences=(
        Audience(name="team"),
        Audience(name="boss", after_s=300.0),
        Audience(name="sales", queues=frozenset({"sales"})),
        Audience(name="night", heeds_quiet=False, ended=False),
    ),
)
NOON = moment("UTC", "2026-11-23 12:00:00")
NIGHT = moment("UTC", "2026-11-23 23:00:00")


def told(watch: Watch, at: float) -> Mapping[str, tuple[str, ...]]:
    return to_tell(watch, RULES, at)


def test_whoever_wants_it_is_told_at_once_and_the_boss_when_it_lasts() -> None:
    watch = replace(OPEN, began=NOON)
    assert told(watch, NOON) == {"begun": ("team", "night")}
    watch = replace(watch, told={"team": NOON, "night": NOON})
    assert told(watch, NOON + 299) == {}
    assert told(watch, NOON + 300) == {"begun": ("boss",)}


def test_it_is_repeated_to_those_who_were_told() -> None:
    watch = replace(OPEN, began=NOON, told={"team": NOON, "night": NOON, "boss": NOON + 300})
    assert told(watch, NOON + 599) == {}
    assert told(watch, NOON + 600) == {"repeated": ("team", "night")}


def test_in_quiet_hours_only_those_who_want_it_are_told_and_the_others_in_the_morning() -> None:
    watch = replace(OPEN, began=NIGHT)
    assert told(watch, NIGHT) == {"begun": ("night",)}
    assert told(watch, NIGHT + 7 * 3600) == {"begun": ("team", "boss", "night")}


def test_the_end_is_told_to_those_who_know_of_the_beginning() -> None:
    watch = replace(OPEN, told={"team": NOON, "night": NOON})
    assert to_tell_the_end(watch, RULES, NOON) == ("team",)
    assert to_tell_the_end(watch, RULES, NIGHT) == ()


# ---------------------------------------------------------------- the room


def a_room(rules: AlertRules) -> tuple[Alerting, Node]:
    journal = Journal()
    node = Node(NODE, journal)
    return Alerting(journal, {NODE: node}, rules), node


def an_inventory(*, paused: bool = False, offline: bool = False, waiting: bool = True) -> Inventory:
    device = Interface("PJSIP/1001")
    anna = member_of("support", device, status=GONE if offline else TALKS, paused=paused)
    entry = QueueEntry(
        queue="support", uniqueid=Uniqueid("1.1"), name="", caller="", position=1, since=AT - 10.0
    )
    empty = Inventory.of(NODE, AT)
    return replace(empty, queues=("support",), members=(anna,), waiting=(entry,) if waiting else ())


def link_up(room: Alerting, node: Node, inventory: Inventory, at: float = AT) -> list[Effect]:
    node.on_link_up(LinkUp(node=NODE, at=at, inventory=inventory))
    return room.linked(NODE, at)


def events(effects: list[Effect]) -> list[tuple[str, str]]:
    moments = [e for e in effects if isinstance(e, Publish) and e.topic.startswith("pbx1/alert/")]
    return [(e.body["kind"], e.body["event"]) for e in moments]


def queued(at: float = AT - 10.0, *, missed: bool = True) -> CallQueued:
    return CallQueued(call=CALL, node=NODE, at=at, missed=missed, queue="support", position=1)


def test_who_waited_before_pbxd_came_has_waited_all_the_same() -> None:
    """The switch's clock is an hour ahead of ours, which must not matter."""
    room, node = a_room(AlertRules(waits_s=60.0))
    room.on_fact(queued(AT + 3600.0 - 55.0))
    link_up(room, node, an_inventory(), AT + 3600.0)
    assert events(room.tick(AT)) == []
    assert events(room.tick(AT + 4.0)) == []
    assert events(room.tick(AT + 5.0)) == [("caller_waits", "begun")]
    assert room.open(AT + 5.0)[0]["waited_s"] == 60.0


@pytest.mark.parametrize("away", [{"paused": True}, {"offline": True}])
def test_a_queue_with_callers_and_without_anybody_is_told_of(away: dict[str, bool]) -> None:
    room, node = a_room(AlertRules(waits_s=0.0, unattended_s=20.0))
    room.on_fact(queued())
    link_up(room, node, an_inventory(**away))
    assert events(room.tick(AT)) == []
    assert events(room.tick(AT + 20.0)) == [("queue_unattended", "begun")]
    [open_] = room.open(AT + 25.0)
    assert (open_["waiting"], open_["waited_s"], open_["caller"]) == (1, 25.0, None)
    node.queues.resync(an_inventory())
    [ended] = [e.body for e in room.tick(AT + 30.0) if isinstance(e, Publish) and not e.retain]
    assert (ended["event"], ended["how"]) == ("ended", "manned")


def test_a_queue_whose_members_all_talk_is_attended() -> None:
    room, node = a_room(AlertRules(waits_s=0.0, unattended_s=20.0))
    room.on_fact(queued())
    link_up(room, node, an_inventory())
    assert [events(room.tick(AT + s)) for s in (0.0, 30.0)] == [[], []]


def test_while_nobody_hears_the_switch_nothing_begins() -> None:
    room, node = a_room(AlertRules(waits_s=60.0))
    room.on_fact(queued())
    link_up(room, node, an_inventory())
    node.on_link_down(LinkDown(node=NODE, at=AT, reason="lost"))
    assert events(room.tick(AT + 100.0)) == []
    link_up(room, node, an_inventory(), AT + 101.0)
    assert events(room.tick(AT + 102.0)) == [("caller_waits", "begun")]


def test_after_a_restart_nobody_is_told_again_and_the_end_is_told() -> None:
    rules = AlertRules(waits_s=60.0, audiences=(Audience(name="team"),))
    kept = {OPEN.key: watch_body(replace(OPEN, told={"team": AT - 60.0}))}
    room, node = a_room(rules)
    effects = room.restore(AlertsKept(at=AT, bodies=kept))
    room.on_fact(queued())
    effects += link_up(room, node, an_inventory())
    for second in range(100):
        effects += room.tick(AT + second)
    assert not [e for e in effects if isinstance(e, Announce)]
    assert events(effects) == []
    [state] = [e.body for e in effects if isinstance(e, Publish) and e.topic == "alerts/state"]
    assert [alert["id"] for alert in state["alerts"]] == [OPEN.id]


def test_who_was_gone_when_pbxd_came_back_is_told_of_as_gone_unseen() -> None:
    rules = AlertRules(audiences=(Audience(name="team"),))
    room, node = a_room(rules)
    room.restore(AlertsKept(at=AT, bodies={OPEN.key: watch_body(replace(OPEN, told={"team": AT - 60.0}))}))
    effects = link_up(room, node, an_inventory(waiting=False))
    [announced] = [e for e in effects if isinstance(e, Announce)]
    assert (announced.sinks, announced.body["how"], announced.body["event"]) == (("team",), "unseen", "ended")


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 2},
        {"kind": "rain"},
        {"began": None},
        {"told": [1]},
        {"node": "other"},
        {"state": "counting"},
        {"since": "now"},
    ],
)
def test_a_kept_alert_that_cannot_be_read_is_forgotten(damage: dict[str, Any]) -> None:
    room, _ = a_room(AlertRules())
    room.restore(AlertsKept(at=AT, bodies={OPEN.key: {**watch_body(OPEN), **damage}}))
    assert room.open(AT) == []


def test_what_is_kept_comes_back_the_same() -> None:
    watch = replace(OPEN, told={"team": AT}, between=AT, state=State.OPEN_BETWEEN)
    assert read_watch(watch_body(watch)) == replace(watch, restored=True)


# ---------------------------------------------------------------- the link


@pytest.mark.parametrize(
    ("template", "link"),
    [
        ("tel:{number}", "tel:+8613800138000"),
        ("sip:{number}@pbx.example", "sip:+8613800138000@pbx.example"),
        ("https://crm.example/call?to={number}", "https://crm.example/call?to=%2B8613800138000"),
        ("https://crm.example/{queue}/{call}", "https://crm.example/a%20b%2F%C3%BC/pbx1%3A1700000000.1"),
        ("https://crm.example/?a={id}&n={node}", "https://crm.example/?a=x%26y&n=pbx1"),
    ],
)
def test_the_link_calls_back_by_any_template(template: str, link: str) -> None:
    assert call_back_link(template, PLACES) == link


@pytest.mark.parametrize("number", ["", "alice", '+49 30"onclick=', "1;ext=9", "javascript:alert(1)"])
def test_what_is_no_number_is_never_dialled(number: str) -> None:
    assert call_back_link("tel:{number}", {**PLACES, "number": number}) is None


@pytest.mark.parametrize(
    "template", ["javascript:{number}", "data:text/html,{id}", "tel:{name}", "tel:{number"]
)
def test_other_templates_are_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        Alerts.model_validate({"call_back": template})


# ---------------------------------------------------------------- words


def test_an_answered_caller_is_not_called_back() -> None:
    assert a_body("ended", How.ANSWERED)["call_back"] is None
    assert a_body("ended", How.ABANDONED)["call_back"] == "tel:+8613800138000"


def test_numbers_are_masked_and_then_nothing_dials_them() -> None:
    body = shown(a_body(name="013800138000"), show_numbers=False)
    assert body["caller"] == {"number": "***000", "name": "***000"}
    assert body["call_back"] is None
    assert "138001" not in str({**body, "call": None, "id": None})
    by_call = {**a_body(), "call_back": f"https://crm.example/{CALL}"}
    assert shown(by_call, show_numbers=False)["call_back"] == by_call["call_back"]
    by_number = {**a_body(), "call_back": "https://crm.example/%2B8613800138000"}
    assert shown(by_number, show_numbers=False)["call_back"] is None
    assert shown(a_body(), show_numbers=True)["call_back"] == "tel:+8613800138000"


@pytest.mark.parametrize(
    ("language", "event", "how", "title"),
    [
        ("en", "begun", None, "support: a caller has waited for 6 min 3 s"),
        ("en", "ended", How.ABANDONED, "support: a caller gave up after 6 min 3 s"),
        ("en", "ended", How.ANSWERED, "support: the caller was answered after 6 min 3 s"),
        ("zh", "begun", None, "support：有来电者已等待 6 分 3 秒"),
        ("zh", "ended", How.ABANDONED, "support：来电者等待 6 分 3 秒 后放弃"),
    ],
)
def test_titles_say_the_queue_what_happened_and_how_long(
    language: str, event: str, how: How | None, title: str
) -> None:
    assert wording(a_body(event, how), language, board=None).title == title


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("how", [None, *How])
@pytest.mark.parametrize("kind", list(Kind))
def test_there_are_words_for_everything(language: str, how: How | None, kind: Kind) -> None:
    body = {**a_body("ended" if how else "repeated", how), "kind": kind.value, "waiting": 3}
    words = wording(body, language, board="https://pbxd.example/wallboard")
    assert words.title.startswith("support")
    assert "{" not in "".join((words.title, *words.all_lines))


def test_without_a_link_of_its_own_a_message_leads_to_the_wallboard() -> None:
    body = shown(a_body(), show_numbers=False)
    words = wording(body, "en", board="https://pbxd.example/wallboard")
    assert (words.link, words.link_text) == ("https://pbxd.example/wallboard", "Wallboard")


def test_a_name_stays_on_its_line() -> None:
    body = shown(a_body(name="Eve\r\nBcc: all@x\u202e" + "x" * 5000), show_numbers=True)
    [line, _] = wording(body, "en", board=None).lines
    assert "\n" not in line
    assert "\r" not in line
    assert "\u202e" not in line
    assert len(line) < 150


# ---------------------------------------------------------------- settings of sinks


@pytest.mark.parametrize(
    ("sink", "why"),
    [
        ({"kind": "slack", "url": "http://hooks.slack.com/x"}, "must begin with https"),
        ({"kind": "slack", "url": "ftp://hooks.slack.com/x"}, "must be an https address"),
        ({"kind": "slack", "url": "https://user:pass@hooks.slack.com/x"}, "without user name"),
        ({"kind": "slack", "url": "https://"}, "must be an https address"),
        ({"kind": "slack", "url": "http://127.0.0.1.evil.example/"}, "must begin with https"),
        ({"kind": "slack"}, "needs url_file"),
        ({"kind": "slack", "url": "https://x.example/", "secret": "s"}, "nothing is signed"),
        ({"kind": "email"}, "needs mail"),
        (
            {
                "kind": "email",
                "mail": {"host": "mx.example", "security": "none", "sender": "a@b.c", "to": "d@e.f"},
            },
            "this machine",
        ),
        (
            {"kind": "email", "mail": {"host": "mx", "sender": "a@b.c", "to": ["d@e.f\nBcc: x@y.z"]}},
            "mail address",
        ),
        (
            {
                "kind": "webhook",
                "url": "https://x.example/",
                "mail": {"host": "mx", "sender": "a@b.c", "to": "d@e.f"},
            },
            "no mail",
        ),
    ],
)
def test_a_sink_that_would_not_do_is_refused(sink: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as refused:
        AlertSink.model_validate({"name": "one", **sink})
    assert "hooks.slack.com" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/x", "http://[::1]/x", "http://localhost/x", "https://x.example/"]
)
def test_this_machine_may_be_told_without_encryption(url: str) -> None:
    assert AlertSink.model_validate({"name": "one", "kind": "webhook", "url": url}).address == url


def test_secrets_do_not_show() -> None:
    sink = AlertSink.model_validate(
        {"name": "one", "kind": "dingtalk", "url": "https://x.example/?access_token=abc", "secret": "SECdef"}
    )
    assert "abc" not in repr(sink)
    assert "SECdef" not in repr(sink)


def test_two_sinks_cannot_have_one_name() -> None:
    sink = {"name": "one", "kind": "slack", "url": "https://x.example/"}
    with pytest.raises(ValidationError, match="two sinks are called one"):
        Alerts.model_validate({"sinks": [sink, sink]})
