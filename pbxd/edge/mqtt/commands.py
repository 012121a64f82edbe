"""Orders that other programs give over the broker, and the replies to them.

A command is a JSON document on one topic; its reply goes to a topic that ends in the order's own name. A
command that the broker delivers twice is carried out once. Whoever may publish on the topic may act for the
agents that the settings name, and for nobody else.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, assert_never

import structlog
from pydantic import Field, TypeAdapter, ValidationError

from pbxd.edge.asking import (
    AnnotateSaid,
    CalledBackSaid,
    MoveSaid,
    Named,
    OrderName,
    ReadySaid,
    RepeatedSaid,
    Said,
    StartSaid,
    Transfer,
    faults,
    new_order,
    transfer_for,
)
from pbxd.edge.mqtt.shelf import Count
from pbxd.edge.replies import Asked
from pbxd.effects import Publish, Reply
from pbxd.ids import AgentId, TransferId
from pbxd.orders import AcknowledgeHandover, Order, Verb

log = structlog.get_logger("pbxd.mqtt")

TOPIC = "command/transfer"
UNREADABLE = "unreadable"  #: what stands for the order's name in the topic of a reply when there is none
MOST_BYTES = 16 * 1024
AT_ONCE = 64  #: orders under way; further ones are refused
REMEMBERED = 1000  #: orders whose replies are kept, for those that come again


class _Command(Said):
    order: Annotated[OrderName, Field(description="a name of yours; the reply comes on reply/<order>")]


class _Start(_Command, StartSaid):
    do: Literal["start"]
    agent: Named


class _Move(_Command, MoveSaid):
    do: Literal["cancel", "swap", "merge", "leave", "complete", "requeue"]
    agent: Named
    transfer: Transfer


class _Annotate(_Command, AnnotateSaid):
    do: Literal["annotate"]
    agent: Named
    transfer: Transfer


class _Acknowledge(_Command):
    do: Literal["acknowledge"]
    agent: Named
    transfer: Transfer


class _Repeated(_Command, RepeatedSaid):
    do: Literal["repeated"]
    agent: Named


class _Ready(_Command, ReadySaid):
    do: Literal["ready"]
    agent: Named


class _CalledBack(_Command, CalledBackSaid):
    do: Literal["called_back"]
    agent: Named


class _Callbacks(_Command):
    """Who wants to be called back."""

    do: Literal["callbacks"]
    agent: Named


_Any = _Start | _Move | _Annotate | _Acknowledge | _Repeated | _Ready | _CalledBack | _Callbacks
COMMAND: TypeAdapter[_Any] = TypeAdapter(Annotated[_Any, Field(discriminator="do")])


@dataclass(frozen=True, slots=True)
class _Given:
    """An order that was given once: the very command, and its reply when there is one."""

    payload: bytes
    reply: Publish | None = None


@dataclass(slots=True, kw_only=True)
class Commands:
    """``take`` every command; replies are handed to ``publish``. ``agents``: those who may be acted for."""

    agents: frozenset[AgentId]
    ask: Callable[[Asked], Awaitable[Reply]]
    order: Callable[[Order], None]
    count: Count
    callbacks: Callable[[AgentId], Sequence[Mapping[str, Any]]] = lambda agent: ()  #: whom he may call back
    clock: Callable[[], float] = time.time
    _given: OrderedDict[str, _Given] = field(default_factory=OrderedDict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self, payload: bytes, *, retained: bool, publish: Callable[[Publish], None]) -> None:
        """Carry out one command; returns at once, never raises. Its reply is published when it is there."""
        name = _name_in(payload)
        if retained:
            # It would be carried out again at every connection.
            self._refuse(publish, name, "unreadable", "retained", "a command must not be retained")
            return
        if len(payload) > MOST_BYTES:
            text = f"{len(payload)} bytes are too many"
            self._refuse(publish, name, "unreadable", "too_long", text)
            return
        try:
            command = COMMAND.validate_json(payload)
        except ValidationError as fault:
            self._refuse(publish, name, "unreadable", "invalid", faults(fault))
            return
        known = self._given.get(command.order)
        if known is not None:
            self._again(publish, command.order, known, payload)
        elif command.agent not in self.agents:
            text = f"no commands are taken for an agent {command.agent!r}"
            self._refuse(publish, command.order, "forbidden", "not_yours", text)
        elif len(self._tasks) >= AT_ONCE:
            text = "too many orders are under way"
            self._refuse(publish, command.order, "refused", "too_many", text)
        else:
            self._carry_out(publish, command, payload)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _again(self, publish: Callable[[Publish], None], name: str, known: _Given, payload: bytes) -> None:
        if payload != known.payload:
            text = "this name was used for another order"
            self._refuse(publish, name, "unreadable", "order_reused", text)
            return
        self._counted("repeated")
        if known.reply is not None:
            publish(known.reply)

    def _carry_out(self, publish: Callable[[Publish], None], command: _Any, payload: bytes) -> None:
        self._given[command.order] = _Given(payload)
        while len(self._given) > REMEMBERED:
            self._given.popitem(last=False)

        log.info("mqtt.command", order=command.order, do=command.do, agent=command.agent)

        async def carry_out() -> None:
            reply = await self._done(command)
            self._counted(reply.outcome)
            message = self._message(
                command.order, reply.outcome, reply.code, reply.text, command.do, reply.body
            )
            if command.order in self._given:
                self._given[command.order] = _Given(payload, message)
            publish(message)

        task = asyncio.get_running_loop().create_task(carry_out(), name=f"command-{command.order}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _done(self, command: _Any) -> Reply:
        agent = AgentId(command.agent)
        if isinstance(command, _Acknowledge):
            transfer = TransferId(command.transfer)
            self.order(AcknowledgeHandover(agent=agent, at=self.clock(), transfer=transfer))
            return Reply(order=command.order, agent=agent, outcome="done")
        if isinstance(command, _Callbacks):
            wishes = [dict(wish) for wish in self.callbacks(agent)]
            return Reply(order=command.order, agent=agent, outcome="done", body={"callbacks": wishes})
        return await self.ask(_asked(command, agent, self.clock()))

    def _refuse(
        self, publish: Callable[[Publish], None], name: str, result: str, code: str, text: str
    ) -> None:
        self._counted(result)
        log.warning("mqtt.command_refused", order=name, code=code, text=text[:200])
        publish(self._message(name, "refused", code, text))

    def _message(
        self,
        name: str,
        outcome: str,
        code: str,
        text: str,
        do: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Publish:
        told = {
            "version": 1,
            "order": None if name == UNREADABLE else name,
            "do": do,
            "at": self.clock(),
            "outcome": outcome,
            "code": code,
            "text": text,
            "transfer": None,
            **_named(do, body),
        }
        return Publish(topic=f"reply/{name}", body=told)

    def _counted(self, result: str) -> None:
        self.count("pbxd_mqtt_commands_total", result=result)


def _named(do: str | None, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What a reply is about, by what it is."""
    if not body:
        return {}
    if do == "callbacks":
        return body
    return {"callback" if do == "called_back" else "transfer": dict(body)}


def _asked(
    command: _Start | _Move | _Annotate | _Repeated | _Ready | _CalledBack, agent: AgentId, at: float
) -> Asked:
    order = new_order()
    match command:
        case _Start():
            return command.asked(order, agent, at, transfer_for(agent, f"mqtt {command.order}"))
        case _Move():
            return command.asked(order, agent, at, TransferId(command.transfer), Verb(command.do))
        case _Annotate():
            return command.asked(order, agent, at, TransferId(command.transfer))
        case _Repeated() | _Ready() | _CalledBack():
            return command.asked(order, agent, at)
        case _:
            assert_never(command)


_NAME: TypeAdapter[str] = TypeAdapter(OrderName)


def _name_in(payload: bytes) -> str:
    """The order's name in a command that may make no sense otherwise."""
    try:
        return _NAME.validate_python(json.loads(payload[:MOST_BYTES])["order"], strict=True)
    except (ValueError, KeyError, TypeError, RecursionError):  # a ValidationError is a ValueError
        return UNREADABLE
