"""What one step asks in one name goes as one."""

from __future__ import annotations

from pbxd.effects import Ask, Count, Effect, Tell, Together, gathered
from pbxd.ids import AgentId, AskId, NodeId


def ask(name: str, group: str = "", node: str = "pbx1") -> Ask:
    return Ask(ask=AskId(name), node=NodeId(node), action={"Action": "Ping"}, group=group)


def test_asks_without_a_group_stay_as_they_are() -> None:
    effects: list[Effect] = [ask("a"), Count(metric="m"), ask("b")]
    assert gathered(effects) == effects


def test_a_group_of_one_is_no_group() -> None:
    effects: list[Effect] = [ask("a", "t1"), ask("b", "t2"), ask("c", "t1", node="pbx2")]
    assert gathered(effects) == effects


def test_a_group_goes_where_the_last_of_it_stood() -> None:
    """A hand-over is told before the phone rings, a pause begins before its agent is free."""
    told = Tell(agent=AgentId("bruno"), kind="handover", body={})
    first, second, other, pause = ask("a", "t1"), ask("b", "t1"), ask("c", "t2"), ask("pause")
    assert gathered([pause, first, told, other, second, Count(metric="m")]) == [
        pause,
        told,
        other,
        Together(asks=(first, second)),
        Count(metric="m"),
    ]
