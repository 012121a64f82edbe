"""Messages that the MQTT broker has not taken yet, in the order in which they were made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from pbxd.edge.store.rows import seconds, text
from pbxd.edge.store.tables import outbox
from pbxd.effects import Publish

#: what an outbox gives back: its number for the message, when it was made (epoch seconds), the message
Waiting = tuple[int, float, Publish]


class Outbox:
    """All methods raise SQLAlchemy's errors or OSError while the database is away; nothing is half done.

    States (``Publish.retain``) do not belong here: only the newest is true, and the sender knows it.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, messages: Sequence[tuple[float, Publish]]) -> None:
        """Append messages, each with the time when it was made, in one transaction."""
        rows = [_row(made, publish, None) for made, publish in messages]
        async with self._engine.begin() as connection:
            await connection.execute(sa.insert(outbox), rows)

    async def put_refused(self, made: float, message: Publish, why: str) -> None:
        """Keep a message that can never be sent, with the reason, for people."""
        async with self._engine.begin() as connection:
            await connection.execute(sa.insert(outbox), [_row(made, message, why)])

    async def oldest(self, limit: int, after: int = 0) -> list[Waiting]:
        """The next messages to send, oldest first, with numbers above ``after``."""
        statement = (
            sa.select(outbox)
            .where(outbox.c.refused.is_(None), outbox.c.id > after)
            .order_by(outbox.c.id)
            .limit(limit)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return [(row["id"], row["made"], _message(row)) for row in rows]

    async def sent(self, numbers: Sequence[int]) -> None:
        """These are with the broker, or need not be sent any more."""
        async with self._engine.begin() as connection:
            await connection.execute(sa.delete(outbox).where(outbox.c.id.in_(numbers)))

    async def refuse(self, number: int, why: str) -> None:
        """This one can never be sent; it stays in the table with the reason, for people."""
        statement = sa.update(outbox).where(outbox.c.id == number).values(refused=text(why) or "refused")
        async with self._engine.begin() as connection:
            await connection.execute(statement)

    async def refused(self) -> list[tuple[str, str]]:
        """Topic and reason of each message that could never be sent, oldest first."""
        statement = sa.select(outbox.c.topic, outbox.c.refused).where(outbox.c.refused.is_not(None))
        async with self._engine.connect() as connection:
            rows = await connection.execute(statement.order_by(outbox.c.id))
            return [(topic, why) for topic, why in rows]

    async def waiting(self) -> int:
        """How many messages wait to be sent."""
        statement = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.refused.is_(None))
        async with self._engine.connect() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def drop_oldest_moments(self, most: int) -> int:
        """Delete up to ``most`` of the oldest messages that are no records; return how many there were."""
        moment = ~outbox.c.record & outbox.c.refused.is_(None)
        oldest = sa.select(outbox.c.id).where(moment).order_by(outbox.c.id).limit(most)
        async with self._engine.begin() as connection:
            gone = await connection.execute(sa.delete(outbox).where(outbox.c.id.in_(oldest)))
        return int(gone.rowcount)


def _message(row: Any) -> Publish:
    return Publish(topic=row["topic"], body=json.loads(row["body"]), record=row["record"])


def _row(made: float, publish: Publish, refused: str | None) -> dict[str, object]:
    return {
        "made": seconds(made),
        "topic": text(publish.topic),
        "body": json.dumps(publish.body, allow_nan=False),
        "record": publish.record,
        "refused": None if refused is None else text(refused) or "refused",
    }
