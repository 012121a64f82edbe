"""Transfers over REST: who may, what was asked, and what became of it."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Query, Request, Response, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from pbxd.edge.asking import (
    AnnotateSaid,
    Call,
    MoveSaid,
    Named,
    Said,
    StartSaid,
    Transfer,
    new_order,
    transfer_for,
)
from pbxd.edge.replies import Asked
from pbxd.edge.web.answers import Ascii, RefusedError, refusal
from pbxd.edge.web.desk import Desk
from pbxd.edge.web.documents import (
    CallbackView,
    CallbackViews,
    Done,
    NotNowRefusal,
    Refusal,
    TargetRows,
    TransferView,
    TransferViews,
)
from pbxd.edge.web.door import Actor, Door
from pbxd.edge.web.signin import COOKIE
from pbxd.ids import CallId, TransferId
from pbxd.orders import AcknowledgeHandover, EndCallback, EndWrapUp, ReportRepeat, Verb

STATUS = {
    "no_such_transfer": 404,
    "no_such_callback": 404,
    "not_yours": 403,
    "rate_limited": 429,
    "no_such_agent": 404,
}
"""By the code of a refusal; any other is 409: possible at another moment or for another target."""

_REMEMBERED = 10_000  #: idempotency keys

Agent = Annotated[Named | None, Query(description="for which agent; an operator has to say it")]
Which = Annotated[Transfer, Path(description="the transfer's id")]
Key = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="the same key again is the same transfer again, however often it is sent",
    ),
]


class StartBody(StartSaid):
    agent: Annotated[Named | None, "for which agent; an operator has to say it"] = None


class MoveBody(MoveSaid):
    agent: Named | None = None


class AnnotateBody(AnnotateSaid):
    agent: Named | None = None


class WhoBody(Said):
    agent: Named | None = None


_WRONG: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "no session, no token, or a wrong one"},
    403: {"model": Refusal, "description": "not_yours: it is somebody else's"},
    422: {"model": Refusal, "description": "what was sent makes no sense; the text names the place"},
    429: {"model": Refusal, "description": "rate_limited: too often"},
}
_ASKED: dict[int | str, dict[str, Any]] = {
    **_WRONG,
    404: {"model": Refusal, "description": "no_such_transfer"},
    409: {"model": NotNowRefusal, "description": "not now: the code says why, the text says it for people"},
    504: {"model": Refusal, "description": "unknown: nobody answered in time; look at the transfer"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfers:
    """The routes about transfers, targets and wrap-up."""

    door: Door
    desk: Desk
    _keys: OrderedDict[TransferId, bytes] = field(default_factory=OrderedDict)  #: what was asked with each

    def add_to(self, site: FastAPI) -> None:
        who = [
            Security(APIKeyCookie(name=COOKIE, auto_error=False)),
            Security(HTTPBearer(auto_error=False)),
        ]

        def route(method: str, path: str, answer: Any, model: Any, tag: str, **more: Any) -> None:
            responses = {**(_WRONG if method == "GET" else _ASKED), **more.pop("responses", {})}
            site.add_api_route(
                path,
                answer,
                methods=[method],
                response_model=model,
                responses=responses,
                dependencies=who,
                tags=[tag],
                **more,
            )

        missing = {"responses": {404: _ASKED[404]}}
        one = "/api/transfers/{transfer}"
        route("GET", "/api/transfers", self.all, TransferViews, "transfers")
        route("POST", "/api/transfers", self.start, TransferView, "transfers", status_code=201)
        route("GET", one, self.one, TransferView, "transfers", **missing)
        route("PATCH", one, self.annotate, TransferView, "transfers")
        route("POST", f"{one}/acknowledge", self.acknowledge, None, "transfers", status_code=204)
        route("POST", f"{one}/{{verb}}", self.move, TransferView, "transfers")
        route("GET", "/api/targets", self.targets, TargetRows, "transfers")
        route("GET", "/api/callbacks", self.callbacks, CallbackViews, "calls")
        route("POST", "/api/callbacks/{callback}/done", self.called_back, CallbackView, "calls")
        route("POST", "/api/calls/{call}/repeated", self.repeated, Done, "calls")
        route("POST", "/api/wrap-up/end", self.ready, Done, "agents")

    # ------------------------------------------------------------ reading

    async def all(self, request: Request, agent: Agent = None) -> Response:
        """The open transfers: your own, made or received; an operator sees those of all his agents."""
        actor = self.door.actor(request, agent)
        return Ascii({"transfers": self._seen(actor)})

    async def one(self, request: Request, transfer: Which, agent: Agent = None) -> Response:
        """One transfer as it stands."""
        return Ascii(self._view(self.door.actor(request, agent), transfer))

    async def targets(
        self,
        request: Request,
        call: Annotated[Call | None, Query(description="the call that is to be handed over")] = None,
        q: Annotated[str, Query(max_length=80, description="part of a name, or a number")] = "",
        agent: Agent = None,
    ) -> Response:
        """Who can solve this now: best first, each with its state, expected wait, and why not if not."""
        actor = self.door.actor(request, agent)
        found = self.desk.targets(actor.the_agent(), CallId(call) if call else None, q.strip())
        return Ascii({"targets": [dict(row) for row in found]})

    def _seen(self, actor: Actor) -> list[Mapping[str, Any]]:
        views = self.desk.transfers(actor.agent)
        if actor.operator is None or actor.agent is not None:
            return list(views)
        return [view for view in views if _concerns(actor, view)]

    def _view(self, actor: Actor, transfer: str) -> Mapping[str, Any]:
        for view in self._seen(actor):
            if view["id"] == transfer:
                return view
        raise RefusedError(404, "no_such_transfer", "there is no such transfer of yours")

    # ------------------------------------------------------------ orders

    async def start(self, request: Request, body: StartBody, idempotency_key: Key = None) -> Response:
        """Hand a caller over: talk with the target first (attended) or send him at once (blind)."""
        agent = self.door.actor(request, body.agent, changing=True).the_agent()
        key = f"once {new_order()}" if idempotency_key is None else f"rest {idempotency_key}"
        transfer = transfer_for(agent, key)
        if idempotency_key is not None:
            self._remember(transfer, body)
        return await self._ask(body.asked(new_order(), agent, time.time(), transfer), status=201)

    def _remember(self, transfer: TransferId, body: StartBody) -> None:
        asked = hashlib.sha256(body.model_dump_json(exclude={"agent"}).encode()).digest()
        if self._keys.setdefault(transfer, asked) != asked:
            raise RefusedError(422, "key_reused", "Idempotency-Key: was used for another transfer")
        while len(self._keys) > _REMEMBERED:
            self._keys.popitem(last=False)

    async def move(
        self,
        request: Request,
        transfer: Which,
        verb: Verb,
        body: MoveBody | None = None,
        agent: Agent = None,
    ) -> Response:
        """Cancel, swap, merge, leave, complete or requeue a transfer; `can` tells what is possible now."""
        body = body or MoveBody()
        actor = self._owner(request, transfer, body.agent or agent)
        return await self._ask(body.asked(new_order(), actor.agent, time.time(), TransferId(transfer), verb))

    async def annotate(
        self, request: Request, transfer: Which, body: AnnotateBody, agent: Agent = None
    ) -> Response:
        """Write reason, note or draft disposition; the target sees it at once."""
        actor = self._owner(request, transfer, body.agent or agent)
        return await self._ask(body.asked(new_order(), actor.agent, time.time(), TransferId(transfer)))

    def _owner(self, request: Request, transfer: str, named: str | None) -> Actor:
        """Who wants to change a transfer. Whose it is says the world; how far a token reaches, we do."""
        actor = self.door.actor(request, named, changing=True)
        if actor.operator is not None and actor.agent is None and actor.operator.agents is not None:
            view = self._view(actor, transfer)
            if not actor.reaches(str(view["transferer"]["agent"])):
                raise RefusedError(403, "not_yours", "this token does not act for its transferer")
        return actor

    async def acknowledge(self, request: Request, transfer: Which, body: WhoBody | None = None) -> Response:
        """The target's desktop shows the hand-over."""
        agent = self.door.actor(request, body.agent if body else None, changing=True).the_agent()
        handed = self.desk.snapshot(agent).get("handovers", ())
        if all(document["transfer"] != transfer for document in handed):
            raise RefusedError(404, "no_such_transfer", "no such hand-over was made to you")
        order = AcknowledgeHandover(agent=agent, at=time.time(), transfer=TransferId(transfer))
        self.desk.order(order)
        return Response(status_code=204)

    async def repeated(
        self, request: Request, call: Annotated[Call, Path()], agent: Agent = None
    ) -> Response:
        """The caller had to repeat himself to the agent who received him."""
        who = self.door.actor(request, agent, changing=True).the_agent()
        order = ReportRepeat(order=new_order(), agent=who, at=time.time(), call=CallId(call))
        return await self._ask(order)

    async def callbacks(self, request: Request, agent: Agent = None) -> Response:
        """The callers who want to be called back: of your queues, and whom you had; the oldest first."""
        actor = self.door.actor(request, agent)
        views = self.desk.callbacks(actor.agent)
        if actor.operator is not None and actor.agent is None and actor.operator.agents is not None:
            views = [view for view in views if actor.reaches(str(view["agent"]))]
        return Ascii({"callbacks": [dict(view) for view in views]})

    async def called_back(
        self,
        request: Request,
        callback: Annotated[Transfer, Path(description="the call-back's id")],
        agent: Agent = None,
    ) -> Response:
        """A caller was called back, or need not be any more: off the list."""
        who = self.door.actor(request, agent, changing=True).the_agent()
        order = EndCallback(order=new_order(), agent=who, at=time.time(), callback=TransferId(callback))
        return await self._ask(order)

    async def ready(self, request: Request, agent: Agent = None) -> Response:
        """End the wrap-up: ready for the next caller."""
        who = self.door.actor(request, agent, changing=True).the_agent()
        return await self._ask(EndWrapUp(order=new_order(), agent=who, at=time.time()))

    async def _ask(self, order: Asked, *, status: int = 200) -> Response:
        reply = await self.desk.ask(order)
        if reply.outcome == "done":
            return Ascii(dict(reply.body) or {"done": True}, status_code=status)
        if reply.outcome == "refused":
            return refusal(STATUS.get(reply.code, 409), reply.code or "refused", reply.text)
        return refusal(504, "unknown", reply.text)


def _concerns(actor: Actor, view: Mapping[str, Any]) -> bool:
    return actor.reaches(str(view["transferer"]["agent"])) or actor.reaches(str(view["target"]["agent"]))
