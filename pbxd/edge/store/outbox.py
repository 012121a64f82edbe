"""Messages that the MQTT broker has not taken yet, in the order in which they were made."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from pbxd.edge.store.rows import seconds, text
from pbxd.edge.store.tables import outbox
from pbxd.effects import Publish

#: what an outbox gives back: its number for the message, when it was made (epoch seconds), the message
Waiting = tuple[int, float, Publish]


class Outbox:
    """All methods raise SQLAlchemy's errors or OSError while the database is away; nothing is half done."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, messages: Sequence[tuple[float, Publish]]) -> None:
        """Append messages, each with the time when it was made, in one transaction.

        A state (retained) replaces the one that waits for the same topic: only the newest is ever true.
        """
        states = {publish.topic for _, publish in messages if publish.retain}
        async with self._engine.begin() as connection:
            if states:
                old = outbox.c.retain & outbox.c.topic.in_(states) & outbox.c.refused.is_(None)
                await connection.execute(sa.delete(outbox).where(old))
            await connection.execute(sa.insert(outbox), [_row(made, publish) for made, publish in messages])

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
        return [
            (
                row["id"],
                row["made"],
                Publish(
                    topic=row["topic"],
                    body=json.loads(row["body"]),
                    retain=row["retain"],
                    record=row["record"],
                ),
            )
            for row in rows
        ]

    async def sent(self, ids: Sequence[int]) -> None:
        """The broker has these."""
        async with self._engine.begin() as connection:
            await connection.execute(sa.delete(outbox).where(outbox.c.id.in_(ids)))

    async def refuse(self, number: int, why: str) -> None:
        """This one can never be sent; it stays in the table with the reason, for people."""
        statement = sa.update(outbox).where(outbox.c.id == number).values(refused=text(why) or "refused")
        async with self._engine.begin() as connection:
            await connection.execute(statement)

    async def waiting(self) -> int:
        """How many messages wait to be sent."""
        statement = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.refused.is_(None))
        async with self._engine.connect() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def drop_oldest_moments(self, most: int) -> int:
        """Delete up to ``most`` of the oldest messages that are neither state nor record; return how many."""
        moment = ~outbox.c.retain & ~outbox.c.record & outbox.c.refused.is_(None)
        oldest = sa.select(outbox.c.id).where(moment).order_by(outbox.c.id).limit(most)
        async with self._engine.begin() as connection:
            ids = (await connection.execute(oldest)).scalars().all()
            if ids:
                await connection.execute(sa.delete(outbox).where(outbox.c.id.in_(ids)))
        return len(ids)


def _row(made: float, publish: Publish) -> dict[str, object]:
    return {
        "made": seconds(made),
        "topic": text(publish.topic),
        "body": json.dumps(publish.body, ensure_ascii=True, allow_nan=False),
        "retain": publish.retain,
        "record": publish.record,
        "refused": None,
    }
