"""What a page may say, and the orders that it becomes."""

from __future__ import annotations

import time
from typing import Annotated, Literal, assert_never

from pydantic import ConfigDict, Field, TypeAdapter

from pbxd.edge.asking import (
    AnnotateSaid,
    CalledBackSaid,
    MoveSaid,
    OrderName,
    ReadySaid,
    RepeatedSaid,
    Said,
    StartSaid,
    Transfer,
    new_order,
    transfer_for,
)
from pbxd.edge.replies import Asked
from pbxd.ids import AgentId, TransferId
from pbxd.orders import Verb


class _Strict(Said):
    model_config = ConfigDict(strict=True)


class Resume(_Strict):
    type: Literal["resume"]


class Alive(_Strict):
    type: Literal["alive"]


class Ack(_Strict):
    type: Literal["ack"]
    pop: Annotated[str, Field(min_length=1, max_length=600)]  # as in the pop's schema


class AckHandover(_Strict):
    type: Literal["ack_handover"]
    transfer: Transfer


class Pause(_Strict):
    type: Literal["pause"]
    order: OrderName
    paused: bool
    reason: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class OrderStart(_Strict, StartSaid):
    type: Literal["order"]
    id: OrderName
    order: Literal["transfer.start"]


class OrderMove(_Strict, MoveSaid):
    type: Literal["order"]
    id: OrderName
    order: Literal[
        "transfer.cancel",
        "transfer.swap",
        "transfer.merge",
        "transfer.leave",
        "transfer.complete",
        "transfer.requeue",
    ]
    transfer: Transfer


class OrderAnnotate(_Strict, AnnotateSaid):
    type: Literal["order"]
    id: OrderName
    order: Literal["transfer.annotate"]
    transfer: Transfer


class OrderRepeated(_Strict, RepeatedSaid):
    type: Literal["order"]
    id: OrderName
    order: Literal["call.repeated"]


class OrderReady(_Strict, ReadySaid):
    type: Literal["order"]
    id: OrderName
    order: Literal["wrap_up.end"]


class OrderCalledBack(_Strict, CalledBackSaid):
    type: Literal["order"]
    id: OrderName
    order: Literal["callback.done"]


_Order = OrderStart | OrderMove | OrderAnnotate | OrderRepeated | OrderReady | OrderCalledBack
Saying = Resume | Alive | Ack | AckHandover | Pause | _Order

SAYING: TypeAdapter[Saying] = TypeAdapter(
    Annotated[
        Resume | Alive | Ack | AckHandover | Pause | Annotated[_Order, Field(discriminator="order")],
        Field(discriminator="type"),
    ]
)


def asked(said: _Order, agent: AgentId) -> Asked:
    """The order that this agent gives. It has an id of its own: the page's is for the page."""
    order, at = new_order(), time.time()
    match said:
        case OrderStart():
            return said.asked(order, agent, at, transfer_for(agent, f"page {said.id}"))
        case OrderMove():
            verb = Verb(said.order.removeprefix("transfer."))
            return said.asked(order, agent, at, TransferId(said.transfer), verb)
        case OrderAnnotate():
            return said.asked(order, agent, at, TransferId(said.transfer))
        case OrderRepeated() | OrderCalledBack() | OrderReady():
            return said.asked(order, agent, at)
        case _:
            assert_never(said)
