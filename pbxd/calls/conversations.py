"""Who hears the subject of each journey, since when, and who did before."""

from __future__ import annotations

from pbxd.calls.besides import Besides
from pbxd.calls.changed import changed
from pbxd.calls.facts import LegEnded, LegStarted
from pbxd.calls.talk import Talk, afresh, delayed, ended, paused, resumed, voided
from pbxd.ids import CallId, Uniqueid

_REARRANGING_S = 0.8
"""How long Asterisk may take to rearrange things when a transfer is complete, beep included."""

_SAME_S = 0.1
"""Events so close to each other belong to one rearrangement."""


class Conversations(Besides):
    """The talks of all journeys of one switch."""

    def listen(self, call_id: CallId, at: float) -> None:
        """Compare who hears the subject with who did before."""
        call = self.calls[call_id]
        uniqueid = self.wiring.by_name.get(call.subject)
        if uniqueid is None or call.ended is not None:
            return
        channels = self.wiring.channels
        heard = {channels[other].name: other for other in self.wiring.heard_by(uniqueid)}
        if call_id in self.consulting and all(other in self.aside for other in heard.values()):
            heard.clear()  # he speaks to them about the other party, and not yet for himself
        talks = self.talks.get(call_id, ())
        if not heard and not talks:
            return
        after: list[Talk] = []
        news = False
        for talk in talks:
            if talk.ended is None:
                if talk.name in heard:
                    del heard[talk.name]
                    if talk.since is None:
                        talk, news = resumed(talk, at, missed=self.missed), True
                elif talk.since is not None:
                    talk, news = paused(talk, at, missed=self.missed), True
            after.append(talk)
        for name, party in heard.items():
            after.append(self._meet(call_id, name, party, at))
        if news or heard:
            self.talks[call_id] = tuple(after)

    def _meet(self, call_id: CallId, name: str, uniqueid: Uniqueid, at: float) -> Talk:
        call = self.calls[call_id]
        if call.answered is None or self.missed:
            answered = at if call.answered is None else call.answered
            self.calls[call_id] = changed(call, answered=answered, missed=call.missed or self.missed)
        if call_id in self.visits:
            self.leave_flow(call_id, "moved", at)
        called = self.called_for(uniqueid)
        interface = self.wiring.channels[uniqueid].interface
        member = called.interface if called else None
        queue = called.queue if called else None
        self._wait_is_over(call_id, queue, at)
        waited = self.waited(call_id, at)
        self.facts.append(
            LegStarted(
                call=call_id,
                node=self.node,
                at=at,
                missed=self.missed,
                interface=interface,
                queue=queue,
                waited_s=waited,
                member=member,
            )
        )
        return Talk(
            name=name,
            interface=interface,
            member=member,
            queue=queue,
            started=at,
            stint=at,
            since=at,
            silent_since=None,
            unsure=self.missed,
        )

    def _wait_is_over(self, call_id: CallId, queue: str | None, at: float) -> None:
        """A queue lets a caller go when an agent answers; until he hears him he goes on waiting."""
        waits = self.waits.get(call_id, ())
        if self.missed or not waits or (waits[-1].queue, waits[-1].outcome) != (queue, "answered"):
            return
        left = waits[-1].left
        if left is not None and not any(talk.started >= left for talk in self.talks.get(call_id, ())):
            self.waits[call_id] = (*waits[:-1], changed(waits[-1], left=max(left, at)))

    def start_afresh(self, call_id: CallId, at: float) -> None:
        """What seemed to be the first moments of a conversation was not one."""
        self.talks[call_id] = tuple(
            afresh(talk, at) if talk.since is not None and abs(at - talk.started) < _REARRANGING_S else talk
            for talk in self.talks.get(call_id, ())
        )

    def delay_stint(self, call_id: CallId, name: str, at: float, by_s: float) -> None:
        """What this party and the subject began to hear at ``at`` was, for so long, an announcement."""
        self.talks[call_id] = tuple(
            delayed(talk, talk.since + by_s)
            if talk.name == name and talk.since is not None and abs(talk.since - at) < _SAME_S
            else talk
            for talk in self.talks.get(call_id, ())
        )

    def void_stint(self, call_id: CallId, name: str, at: float) -> None:
        """This party only seemed to be back with the subject: Asterisk took the hold off to transfer."""
        self.talks[call_id] = tuple(
            voided(talk, at)
            if talk.name == name and talk.started < talk.stint and at - talk.stint < _REARRANGING_S
            else talk
            for talk in self.talks.get(call_id, ())
        )

    def open_talks(self, call: CallId) -> list[Talk]:
        """The parties that have talked with the subject and are not out of the journey."""
        return [talk for talk in self.talks.get(call, ()) if talk.ended is None]

    def end_talk(self, call_id: CallId, name: str, at: float) -> None:
        """This party is out of the journey."""
        talks = self.talks.get(call_id, ())
        for index, talk in enumerate(talks):
            if talk.name != name or talk.ended is not None:
                continue
            talk = ended(talk, at, missed=self.missed)
            self.talks[call_id] = (*talks[:index], talk, *talks[index + 1 :])
            self.facts.append(
                LegEnded(
                    call=call_id,
                    node=self.node,
                    at=at,
                    missed=self.missed,
                    interface=talk.interface,
                    queue=talk.queue,
                    talk_s=talk.talk_s,
                    hold_s=talk.hold_s,
                    member=talk.member,
                )
            )
            return

    def talked(self, call: CallId, at: float) -> float:
        """Seconds for which the subject has heard anybody so far, all parties together."""
        talks = self.talks.get(call, ())
        return sum(t.talk_s + (0.0 if t.since is None else max(0.0, at - t.since)) for t in talks)
