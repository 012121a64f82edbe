"""A message on its way: checked and written as JSON once, wherever it then has to wait."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pbxd.effects import Publish

MOST_BYTES = 1_000_000  #: no document of ours comes near; brokers refuse far larger ones at the latest


class UnsendableError(Exception):
    """This message can never be sent; the text says why."""


@dataclass(slots=True, kw_only=True)
class Letter:
    made: float  #: epoch seconds
    message: Publish
    topic: str  #: with the prefix
    payload: bytes
    number: int | None = None  #: the outbox's number for it, when it has one

    @property
    def key(self) -> tuple[str, bytes]:
        """What makes it the same letter when it is read from the outbox again."""
        return self.topic, self.payload

    @property
    def moment(self) -> bool:
        """Neither state nor record: what may go when there is no room, or when it is too old."""
        return not (self.message.retain or self.message.record)


def marked(message: Publish, *, made: float, number: int) -> Letter:
    """A letter that only stands for one that cannot be written."""
    return Letter(made=made, message=message, topic=message.topic, payload=b"", number=number)


def write(message: Publish, *, prefix: str, made: float, number: int | None = None) -> Letter:
    """The letter for a message. UnsendableError when its topic or body cannot be sent at all."""
    try:
        payload = json.dumps(message.body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8"
        )
    except UnicodeEncodeError:
        # Half a surrogate pair: JSON can carry it escaped, UTF-8 cannot.
        payload = json.dumps(message.body, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsendableError(f"the body is no JSON: {error}") from error
    topic = f"{prefix}/{message.topic}"
    if any(sign in topic for sign in "+#\0") or "" in topic.split("/"):
        raise UnsendableError(f"{topic!r} is no topic to publish to")
    if not topic.isprintable() or len(topic.encode("utf-8", "replace")) > 1000:
        raise UnsendableError("the topic is too long or not printable")
    if len(payload) > MOST_BYTES:
        raise UnsendableError(f"{len(payload)} bytes are too many")
    return Letter(made=made, message=message, topic=topic, payload=payload, number=number)
