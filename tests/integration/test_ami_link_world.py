"""The link between a scripted switch and the world: order, inventory, asks, and every way it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from pbxd.ami.event_types import Hangup, Newchannel
from pbxd.edge.ami_link import AmiLink, LinkState, dialplan_watch
from pbxd.effects import Ask
from pbxd.ids import AskId, NodeId
from pbxd.messages import AskDone, AskRefused, AskUnknown, DialplanSeen, LinkDown, LinkUp
from pbxd.settings.model import Ami
from pbxd.transfers.prepared import MARK
from tests.integration.ami_peer import AmiPeer, Headers, ListInbox, Session, event, message, until

BOTH_LOOPS = True

NODE = NodeId("pbx1")


@pytest.fixture
async def peer() -> AsyncIterator[AmiPeer]:
    async with AmiPeer() as peer:
        yield peer


@pytest.fixture
def inbox() -> ListInbox:
    return ListInbox()


def settings(peer: AmiPeer, **more: Any) -> Ami:
    quick = {"retry_first": 0.01, "retry_most": 0.02}
    return Ami(port=peer.port, username="pbxd", **{"secret": peer.secret, **quick, **more})


@asynccontextmanager
async def running(peer: AmiPeer, inbox: ListInbox, up: bool = True, **more: Any) -> AsyncIterator[AmiLink]:
    """A running link, which leaves no task and no ask behind."""
    before = asyncio.all_tasks()
    link = AmiLink(NODE, settings(peer, **more), inbox)
    task = asyncio.create_task(link.run())
    try:
        if up:
            await until(lambda: inbox.of(LinkUp))
        yield link
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert link.asks_under_way == 0
        await until(lambda: asyncio.all_tasks() <= before)


class Tapped:
    """A transport that keeps what is written."""

    def __init__(self, transport: Any, written: list[bytes]) -> None:
        self._transport = transport
        self._written = written

    def write(self, data: bytes) -> None:
        self._written.append(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def channel(name: str, **more: str) -> Headers:
    described = {
        "ChannelState": "6",
        "Uniqueid": f"{name}.1",
        "Linkedid": f"{name}.1",
        "Duration": "00:00:09",
    }
    return {"Event": "CoreShowChannel", "Channel": name, **described, **more}


def born(name: str) -> bytes:
    return event("Newchannel", Channel=name, Uniqueid=f"{name}.1", Linkedid=f"{name}.1", ChannelState="0")


def gone(name: str) -> bytes:
    return event("Hangup", Channel=name, Uniqueid=f"{name}.1", Linkedid=f"{name}.1", Cause="16")


def heard(inbox: ListInbox) -> list[tuple[str, str]]:
    return [(type(m).__name__, m.channel.name) for m in inbox.of(Newchannel, Hangup)]


def ask(name: str, action: str = "QueuePause", timeout_s: float = 5.0, **headers: str) -> Ask:
    return Ask(ask=AskId(name), node=NODE, action={"Action": action, **headers}, timeout_s=timeout_s)


# ---------------------------------------------------------------- inventory and order


async def test_the_inventory_comes_first_and_then_events_as_they_happen(
    peer: AmiPeer, inbox: ListInbox
) -> None:
    peer.lists["CoreShowChannels"] = lambda: [channel("a", BridgeId="b1"), channel("b")]
    peer.lists["BridgeList"] = lambda: [
        {"Event": "BridgeListItem", "BridgeUniqueid": "b1", "BridgeTechnology": "simple_bridge"}
    ]
    peer.lists["QueueStatus"] = lambda: [
        {"Event": "QueueParams", "Queue": "sales"},
        {"Event": "QueueMember", "Queue": "sales", "Name": "Anna", "Location": "PJSIP/1001", "Status": "1"},
        {
            "Event": "QueueEntry",
            "Queue": "sales",
            "Channel": "a",
            "Uniqueid": "a.1",
            "Position": "1",
            "Wait": "7",
        },
    ]
    async with running(peer, inbox):
        peer.emit(born("c"), gone("c"))
        await until(lambda: len(heard(inbox)) == 2)
    inventory = inbox.messages[0].inventory
    assert [(entry.channel.name, entry.bridge) for entry in inventory.channels] == [("a", "b1"), ("b", None)]
    assert inventory.bridges == (("b1", "simple_bridge"),)
    assert [entry.uniqueid for entry in inventory.waiting] == ["a.1"]
    assert [member.interface for member in inventory.members] == ["PJSIP/1001"]
    assert heard(inbox) == [("Newchannel", "c"), ("Hangup", "c")]


async def test_events_during_the_inventory_follow_it_and_earlier_ones_are_in_it(
    peer: AmiPeer, inbox: ListInbox
) -> None:
    plain_ping, plain_list = peer.answers["Ping"], peer.answers["QueueStatus"]

    def ping(session: Session, asked: Headers) -> None:
        peer.emit(born("before"))
        plain_ping(session, asked)
        peer.emit(born("between"))

    def queue_status(session: Session, asked: Headers) -> None:
        plain_list(session, asked)
        peer.emit(gone("between"), born("after"))

    peer.answers |= {"Ping": ping, "QueueStatus": queue_status}
    async with running(peer, inbox):
        await until(lambda: len(heard(inbox)) >= 3)
    assert isinstance(inbox.messages[0], LinkUp)
    assert heard(inbox) == [("Newchannel", "between"), ("Hangup", "between"), ("Newchannel", "after")]


async def test_the_time_of_the_inventory_is_the_clock_of_the_switch(peer: AmiPeer, inbox: ListInbox) -> None:
    peer.answers["Ping"] = lambda s, asked: s.respond(asked, Ping="Pong", Timestamp="1234567890.500000")
    async with running(peer, inbox):
        pass
    assert inbox.messages[0].at == 1234567890.5
    assert inbox.messages[0].inventory.at == 1234567890.5


async def test_a_switch_that_is_still_starting_is_asked_again(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox):
        peer.emit(born("early"), event("FullyBooted"), born("late"))
        await until(lambda: len(inbox.of(LinkUp)) == 2)
        peer.emit(gone("late"))
        await until(lambda: heard(inbox)[-1] == ("Hangup", "late"))
        assert peer.count("CoreShowChannels") == 2
        assert not inbox.of(LinkDown)


async def test_a_start_that_ends_while_the_lists_are_taken(peer: AmiPeer, inbox: ListInbox) -> None:
    plain = peer.answers["BridgeList"]

    def bridges(session: Session, asked: Headers) -> None:
        plain(session, asked)
        if peer.count("BridgeList") == 1:
            peer.emit(event("FullyBooted"))

    peer.answers["BridgeList"] = bridges
    async with running(peer, inbox):
        await until(lambda: len(inbox.of(LinkUp)) == 2)


async def test_after_an_overflow_the_inventory_waits_until_the_inbox_is_calm(
    peer: AmiPeer, inbox: ListInbox
) -> None:
    async with running(peer, inbox) as link:
        inbox.depth = 1_500
        link.resync("inbox full")
        peer.emit(born("lost"))
        assert (await link.send_action({"Action": "Ping"})).success
        assert len(inbox.of(LinkUp)) == 1
        inbox.depth = 0
        await until(lambda: len(inbox.of(LinkUp)) == 2)
        assert heard(inbox) == []


async def test_a_refused_list_is_a_reason_and_no_end(peer: AmiPeer, inbox: ListInbox) -> None:
    plain = peer.answers["QueueStatus"]
    peer.answers["QueueStatus"] = lambda s, asked: s.respond(asked, "Error", Message="Permission denied")
    async with running(peer, inbox, up=False):
        await until(lambda: peer.count("Login") > 3)
        assert [down.reason for down in inbox.messages] == [
            "ConnectionError: the switch refused QueueStatus: Permission denied"
        ]
        peer.answers["QueueStatus"] = plain
        await until(lambda: inbox.of(LinkUp))


async def test_an_inventory_of_ten_thousand_channels(peer: AmiPeer, inbox: ListInbox) -> None:
    peer.lists["CoreShowChannels"] = lambda: [channel(f"c{n}") for n in range(10_000)]
    async with running(peer, inbox):
        pass
    assert len(inbox.messages[0].inventory.channels) == 10_000


async def test_an_event_that_lacks_what_it_needs_is_counted(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox) as link:
        peer.emit(event("Newchannel", Channel="nobody"), b"garbage\r\n\r\n", born("fine"))
        await until(lambda: heard(inbox) == [("Newchannel", "fine")])
        assert (link.counts.malformed, link.counts.strays) == (1, 1)


# ---------------------------------------------------------------- the dialplan of transfers


class Dialplan:
    """Answers ShowDialPlan as Asterisk does."""

    def __init__(self, peer: AmiPeer, missing: str = "") -> None:
        self.missing = missing
        peer.answers["ShowDialPlan"] = self._answer

    def _answer(self, session: Session, asked: Headers) -> None:
        assert (asked["Context"], asked["Extension"]) == ("pbxd-transfer", MARK)
        if self.missing:
            session.respond(asked, "Error", Message=self.missing)
            return
        session.respond(asked, EventList="start", Message="DialPlan list will follow")
        told = {"ActionID": asked["ActionID"]}
        session.send(message({"Event": "ListDialplan", **told, "Context": "pbxd-transfer"}))
        session.send(message({"Event": "ShowDialPlanComplete", **told, "EventList": "Complete"}))


async def test_a_switch_that_is_prepared_needs_no_word(peer: AmiPeer, inbox: ListInbox) -> None:
    Dialplan(peer)
    async with running(peer, inbox):
        peer.emit(event("Reload", Module="All", Status="0"))
        await until(lambda: peer.count("ShowDialPlan") == 2)
    assert [type(m).__name__ for m in inbox.messages] == ["LinkUp", "LinkDown"]


@pytest.mark.parametrize(
    ("missing", "lacks"),
    [
        ("Did not find context pbxd-transfer", "its dialplan has no [pbxd-transfer]: #include "),
        (f"Did not find extension {MARK}@pbxd-transfer", f"its [pbxd-transfer] is not of {MARK}, "),
        ("Permission denied", "whether its dialplan has [pbxd-transfer] it does not say: Permission denied"),
    ],
)
async def test_what_a_switch_lacks_is_told_with_the_link_and_again_after_a_reload(
    peer: AmiPeer, inbox: ListInbox, missing: str, lacks: str
) -> None:
    dialplan = Dialplan(peer, missing)
    async with running(peer, inbox):
        assert [type(m).__name__ for m in inbox.messages] == ["LinkUp", "DialplanSeen"]
        assert inbox.messages[1].lacks.startswith(lacks)
        dialplan.missing = ""
        peer.emit(event("Reload", Module="pbx_config.so", Status="0"))
        await until(lambda: [seen.lacks for seen in inbox.of(DialplanSeen)][1:] == [""])
        dialplan.missing = missing
        peer.session.cut()
        await until(lambda: len(inbox.of(DialplanSeen)) == 3)
        assert [type(m).__name__ for m in inbox.messages[-2:]] == ["LinkUp", "DialplanSeen"]


async def test_a_switch_is_looked_at_now_and_then(
    peer: AmiPeer, inbox: ListInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The console's "dialplan reload" says nothing."""
    monkeypatch.setattr(dialplan_watch, "LACKING_S", 0.02)
    monkeypatch.setattr(dialplan_watch, "READY_S", 0.02)
    dialplan = Dialplan(peer)
    async with running(peer, inbox):
        for times in range(1, 3):
            dialplan.missing = "Did not find context pbxd-transfer"
            await until(lambda n=times: len(inbox.of(DialplanSeen)) == 2 * n - 1)  # type: ignore[misc]
            dialplan.missing = ""
            await until(lambda n=times: len(inbox.of(DialplanSeen)) == 2 * n)  # type: ignore[misc]
        peer.session.cut()
        await until(lambda: len(inbox.of(LinkUp)) == 2)
        asked = peer.count("ShowDialPlan")
        await until(lambda: peer.count("ShowDialPlan") > asked + 1)


async def test_that_a_switch_takes_no_messages_is_told(peer: AmiPeer, inbox: ListInbox) -> None:
    peer.answers["VoicemailUserStatus"] = lambda s, asked: s.respond(
        asked, "Error", Message="Invalid/unknown command: VoicemailUserStatus."
    )
    async with running(peer, inbox):
        await until(lambda: len(inbox.of(DialplanSeen)) == 1)
        (seen,) = inbox.of(DialplanSeen)
        assert (seen.lacks, seen.no_voicemail) == ("", "it has not loaded app_voicemail")


# ---------------------------------------------------------------- asks


async def test_each_ask_ends_in_one_way(peer: AmiPeer, inbox: ListInbox) -> None:
    peer.answers["Hangup"] = lambda s, asked: s.respond(asked, "Error", Message="No such channel")
    peer.answers["Redirect"] = lambda s, asked: None
    async with running(peer, inbox) as link:
        link.ask(ask("done"))
        link.ask(ask("refused", "Hangup", Channel="x"))
        link.ask(ask("late", "Redirect", timeout_s=0.05))
        link.ask(ask("forged", Interface="x\r\nAction: Originate"))
        await until(lambda: len(inbox.messages) == 5)
        link.ask(ask("cut", "Redirect"))
        await until(lambda: peer.count("Redirect") == 2)
        peer.session.cut()
        await until(lambda: inbox.of(LinkDown))
        link.ask(ask("down"))
        await until(lambda: len(inbox.of(LinkUp)) == 2)
    ended = {m.ask: m for m in inbox.of(AskDone, AskRefused, AskUnknown)}
    assert len(ended) == len(inbox.of(AskDone, AskRefused, AskUnknown)) == 6
    assert ended[AskId("done")].response["Message"] == "done"
    assert ended[AskId("refused")].text == "No such channel"
    assert ended[AskId("late")].why == "no answer within 0.05 s"
    assert ended[AskId("forged")].text.startswith("not sent: action 'QueuePause', header Interface")
    assert isinstance(ended[AskId("cut")], AskUnknown)
    assert ended[AskId("down")].text == "not sent: the link to pbx1 is down"
    assert peer.count("Redirect") == 2
    assert peer.count("QueuePause") == 1


async def test_an_answer_that_comes_too_late_changes_nothing(peer: AmiPeer, inbox: ListInbox) -> None:
    asked_late: list[Headers] = []
    peer.answers["Redirect"] = lambda s, asked: asked_late.append(asked)
    async with running(peer, inbox) as link:
        link.ask(ask("late", "Redirect", timeout_s=0.05))
        await until(lambda: inbox.of(AskUnknown))
        peer.session.respond(asked_late[0])
        await until(lambda: link.counts.late_replies == 1)
        assert not inbox.of(AskDone)


async def test_an_ask_is_never_sent_twice(peer: AmiPeer, inbox: ListInbox) -> None:
    peer.answers["Redirect"] = lambda s, asked: None
    async with running(peer, inbox) as link:
        link.ask(ask("one", "Redirect"))
        link.ask(ask("one", "Redirect"))
        assert (await link.send_action({"Action": "Ping"})).success
        assert peer.count("Redirect") == 1
    assert len(inbox.of(AskUnknown)) == 1


async def test_more_asks_than_allowed_are_refused(peer: AmiPeer, inbox: ListInbox) -> None:
    peer.answers["Redirect"] = lambda s, asked: None
    async with running(peer, inbox, asks_most=2) as link:
        for name in "abc":
            link.ask(ask(name, "Redirect"))
        assert [refused.ask for refused in inbox.of(AskRefused)] == ["c"]


async def test_what_goes_together_goes_whole_or_not_at_all(peer: AmiPeer, inbox: ListInbox) -> None:
    peer.answers["Redirect"] = lambda s, asked: None
    async with running(peer, inbox, asks_most=4) as link:
        link.ask(ask("one", "Redirect"))
        link.ask_together([ask(name, "Setvar") for name in "abcd"])
        link.ask_together([ask("fine", "Setvar"), ask("forged", "Setvar", Value="x\r\nAction: Originate")])
        link.ask_together([ask("new", "Setvar"), ask("one", "Redirect")])
        link.ask_together([ask("twin", "Setvar"), ask("twin", "Setvar")])
        refused = inbox.of(AskRefused)
        assert [one.ask for one in refused] == [*"abcd", "fine", "forged", "new", "twin", "twin"]
        assert refused[0].text == "not sent: 1 actions of at most 4 are under way"
        assert refused[4].text.startswith("not sent: action 'Setvar', header Value")
        assert (await link.send_action({"Action": "Ping"})).success
        assert (peer.count("Setvar"), peer.count("Redirect"), link.asks_under_way) == (0, 1, 1)

        link.ask_together([ask(name, "Setvar") for name in "efg"])
        await until(lambda: len(inbox.of(AskDone)) == 3)
        assert [done.ask for done in inbox.of(AskDone)] == ["e", "f", "g"]


async def test_what_goes_together_is_one_write(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox) as link:
        written: list[bytes] = []
        write = link.protocol.transport.write
        link.protocol.transport = Tapped(link.protocol.transport, written)
        link.ask_together([ask(f"a{n}", "Setvar") for n in range(22)])
        assert len(written) == 1
        assert written[0].count(b"Action: Setvar") == 22
        write(b"".join(written))
        await until(lambda: len(inbox.of(AskDone)) == 22)


async def test_fifty_transfers_begin_at_once(peer: AmiPeer, inbox: ListInbox) -> None:
    """Each of them 22 actions, with the settings as they are."""
    async with running(peer, inbox) as link:
        for transfer in range(50):
            link.ask_together([ask(f"{transfer}/{n}", "Setvar") for n in range(22)])
        await until(lambda: len(inbox.of(AskDone)) == 50 * 22)
        assert not inbox.of(AskRefused)


async def test_a_group_over_a_link_that_is_down(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox) as link:
        peer.session.cut()
        await until(lambda: inbox.of(LinkDown))
        link.ask_together([ask("a"), ask("b")])
        assert [refused.ask for refused in inbox.of(AskRefused)] == ["a", "b"]


# ---------------------------------------------------------------- the end of a link


async def test_a_lost_link_is_told_once_and_made_again(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox) as link:
        for losses in range(1, 4):
            peer.session.cut()
            await until(lambda n=losses: len(inbox.of(LinkUp)) == n + 1)  # type: ignore[misc]
        assert (link.counts.connects, link.counts.losses) == (4, 3)
    kinds = [type(m).__name__ for m in inbox.messages]
    assert kinds == ["LinkUp", "LinkDown"] * 4
    assert inbox.messages[-1].reason == "closed"


async def test_a_dead_peer_is_noticed(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox, ping_every=0.03, dead_after=0.15):
        peer.deaf = True
        await until(lambda: inbox.of(LinkDown))
        assert inbox.of(LinkDown)[0].reason.startswith("nothing was heard for ")
        peer.deaf = False
        await until(lambda: len(inbox.of(LinkUp)) == 2)


async def test_a_peer_that_talks_but_never_listens_is_noticed(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox, ping_every=0.03, dead_after=0.1):
        peer.answers["Ping"] = lambda s, asked: None
        while not inbox.of(LinkDown):
            peer.emit(born("c"))
            await asyncio.sleep(0.01)
        assert "no action was answered" in inbox.of(LinkDown)[0].reason


async def test_our_own_stall_is_not_taken_for_the_peers_death(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox, ping_every=0.05, dead_after=0.3):
        for _ in range(3):
            time.sleep(0.5)  # noqa: ASYNC251 - the whole process stands still
            pings = peer.count("Ping")
            await until(lambda n=pings: peer.count("Ping") > n + 1)  # type: ignore[misc]
        assert not inbox.of(LinkDown)


async def test_a_quiet_switch_that_answers_pings_is_kept(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox, ping_every=0.02, dead_after=0.5):
        await until(lambda: peer.count("Ping") > 50)  # which takes longer than a dead peer would be given
        assert not inbox.of(LinkDown)


async def test_a_refused_login_is_final_and_visible(peer: AmiPeer, inbox: ListInbox) -> None:
    link = AmiLink(NODE, settings(peer, secret="wrong"), inbox)
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
    assert link.state is LinkState.REFUSED
    assert peer.count("Login") == 1
    (down,) = inbox.messages
    assert (down.fatal, down.reason) == (True, "Authentication failed")


async def test_nobody_listens_there(peer: AmiPeer, inbox: ListInbox) -> None:
    async with AmiPeer() as other:
        nowhere = other
    async with running(nowhere, inbox, up=False) as link:
        await until(lambda: link.counts.failed_attempts > 3)
    assert len(inbox.messages) == 1  # told once, not at each attempt
    assert not inbox.messages[0].fatal


async def test_something_else_listens_there(peer: AmiPeer, inbox: ListInbox) -> None:
    peer.greeting, peer.answers["Login"] = b"220 mail.example ESMTP\r\n", lambda session, asked: None
    async with running(peer, inbox, up=False, login_timeout=0.05):
        await until(lambda: inbox.messages)
    assert inbox.messages[0].reason == "NoAnswerError: no manager interface answers there"


async def test_the_secret_does_not_travel_when_there_is_a_challenge(peer: AmiPeer, inbox: ListInbox) -> None:
    link = AmiLink(NODE, settings(peer), inbox, login_by="challenge")
    task = asyncio.create_task(link.run())
    await until(lambda: inbox.of(LinkUp))
    task.cancel()
    await asyncio.wait([task])
    assert not any(peer.secret in str(asked) for asked in peer.received)


async def test_closing_ends_what_is_under_way(peer: AmiPeer, inbox: ListInbox) -> None:
    peer.answers["Redirect"] = lambda s, asked: None
    async with running(peer, inbox) as link:
        link.ask(ask("open", "Redirect"))
        future = link.send_action({"Action": "Redirect"})
        await until(lambda: peer.count("Redirect") == 2)
    assert len(inbox.of(AskUnknown)) == 1
    assert isinstance(future.exception(), ConnectionError)
    assert link.state is LinkState.CLOSED


# ---------------------------------------------------------------- slow listeners


async def test_reading_goes_on_while_listeners_are_slow_and_order_is_kept(
    peer: AmiPeer, inbox: ListInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbxd.edge.ami_link.protocol.SLICE_S", 0.0)
    monkeypatch.setattr("pbxd.edge.ami_link.protocol.BACKLOG_BYTES", 20_000)
    async with running(peer, inbox) as link:
        peer.emit(*[born(f"c{n}") for n in range(3000)])
        await until(lambda: len(heard(inbox)) == 3000)
        assert heard(inbox) == [("Newchannel", f"c{n}") for n in range(3000)]
        assert link.counts.overruns > 0
        assert not inbox.of(LinkDown)


async def test_reading_pauses_while_the_inbox_is_deep(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox, ping_every=0.05, dead_after=0.2) as link:
        inbox.depth = 20_000
        peer.emit(born("a"))
        await until(lambda: link.counts.overruns == 1)
        peer.emit(*[born(f"c{n}") for n in range(100)])
        await asyncio.sleep(0.7)  # longer than a dead peer would be given
        assert len(heard(inbox)) == 1
        inbox.depth = 7_000
        await asyncio.sleep(0.05)
        assert len(heard(inbox)) == 1
        inbox.depth = 0
        await until(lambda: len(heard(inbox)) == 101)
        assert not inbox.of(LinkDown)


async def test_a_message_that_is_too_long_costs_itself_only(peer: AmiPeer, inbox: ListInbox) -> None:
    async with running(peer, inbox, message_bytes=10_000) as link:
        peer.emit(born("a"), message({"Event": "UserEvent", "Text": "x" * 50_000}), born("b"))
        await until(lambda: heard(inbox) == [("Newchannel", "a"), ("Newchannel", "b")])
        assert link.counts.oversized == 1
