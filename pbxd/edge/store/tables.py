"""The tables of the history, of what is kept over a restart and of the MQTT outbox: one model for SQLite and
PostgreSQL.

Times are epoch seconds, durations seconds. Every row of a call carries the node (which Asterisk) it came
from. Numbers are E.164 where they could be read. The schema in a database is made by ``migrations``, never
from here; a test compares the two. On SQLite small rows live in the tree of their key alone (no rowid): half
the writing.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Json = sa.JSON().with_variant(JSONB(), "postgresql")
Seconds: sa.Double[float] = sa.Double()
#: SQLite numbers rows by itself only in a column of the type INTEGER
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

callers = sa.Table(
    "callers",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, nullable=False),  # where the caller was last seen
    sa.Column("name", sa.Text, nullable=False),  # the last one presented; '' when never
    sa.Column("first_seen", Seconds, nullable=False),
    sa.Column("last_seen", Seconds, nullable=False),
    sqlite_with_rowid=False,
)

contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("call", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("presented", sa.Text, nullable=False),  # the number as the switch gave it
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("dialled", sa.Text, nullable=False),
    sa.Column("queue", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("arrived", Seconds, nullable=False),
    sa.Column("answered", Seconds),
    sa.Column("ended", Seconds, nullable=False),
    sa.Column("wait_s", Seconds, nullable=False),
    sa.Column("talk_s", Seconds, nullable=False),  # all legs together
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("agent", sa.Text),  # the last agent who talked with the caller
    sa.Column("missed", sa.Boolean, nullable=False),  # part of it happened while pbxd was not looking
    sa.Column("path", Json, nullable=False),  # the steps of the call flow: read as a whole, never searched
    sa.Column("handovers", Json),  # what was written at each transfer; NULL: from before there were any
    sa.Column("repeated", sa.Integer),  # agents who said that the caller had to repeat himself
    sa.Column("survey", sa.Text),  # what came of asking him how it was; NULL: he was not asked
    sa.Column("rating", sa.Integer),  # 1 to 5
    sa.Index("ix_contacts_number_arrived", "number", "arrived"),
    sa.Index("ix_contacts_queue_arrived", "queue", "arrived"),
    sa.Index("ix_contacts_arrived", "arrived"),
)

legs = sa.Table(
    "legs",
    metadata,
    sa.Column("call", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("interface", sa.Text, nullable=False),
    sa.Column("agent", sa.Text),
    sa.Column("started", Seconds, nullable=False),
    sa.Column("ended", Seconds),
    sa.Column("talk_s", Seconds, nullable=False),
    sa.Column("hold_s", Seconds, nullable=False),
    sa.Index("ix_legs_agent_started", "agent", "started"),
    sqlite_with_rowid=False,
)

waits = sa.Table(
    "waits",
    metadata,
    sa.Column("call", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("joined", Seconds, nullable=False),
    sa.Column("left", Seconds),
    sa.Column("outcome", sa.Text),
    sqlite_with_rowid=False,
)

transfers = sa.Table(
    "transfers",
    metadata,
    sa.Column("call", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", Seconds, nullable=False),
    sa.Column("from_interface", sa.Text, nullable=False),
    sa.Column("to", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("by", sa.Text),  # pbxd or phone; NULL, like all below: from before this was known
    sa.Column("transfer", sa.Text),  # pbxd's id
    sa.Column("began", Seconds),
    sa.Column("answered", Seconds),
    sa.Column("consult_s", Seconds),
    sa.Column("hold_s", Seconds),
    sa.Column("to_kind", sa.Text),
    sa.Column("queue", sa.Text),  # the one that had brought caller and transferer together
    sqlite_with_rowid=False,
)

stretches = sa.Table(  # the ledger: what a row is says pbxd.ledger.stretch
    "stretches",
    metadata,
    sa.Column("call", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("started", Seconds, nullable=False),
    sa.Column("ended", Seconds),
    sa.Column("queue", sa.Text),
    sa.Column("interface", sa.Text),
    sa.Column("agent", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("missed", sa.Boolean, nullable=False),
    sa.Index("ix_stretches_stage_started", "stage", "started"),
    sa.Index("ix_stretches_agent_started", "agent", "started"),
    sa.Index("ix_stretches_queue_started", "queue", "started"),
    sqlite_with_rowid=False,
)

attendance = sa.Table(  # who was signed in when: what a row is says pbxd.ledger.attendance
    "attendance",
    metadata,
    sa.Column("agent", sa.Text, primary_key=True),
    sa.Column("started", Seconds, primary_key=True),
    sa.Column("ended", Seconds, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # of the pause; '' when none was given
    sa.Index("ix_attendance_ended", "ended"),
    sqlite_with_rowid=False,
)

kept = sa.Table(
    "kept",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),  # transfer, dossier, alert, callback, attendance, journey
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", Seconds, nullable=False),  # when it was written
    sa.Column("body", sa.Text, nullable=False),  # JSON
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("made", Seconds, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # JSON as it is sent
    sa.Column("record", sa.Boolean, nullable=False),  # never dropped
    sa.Column("refused", sa.Text),  # why it cannot be sent; kept for people to see
    sa.Index("ix_outbox_refused_id", "refused", "id"),
)

#: the tables whose rows are written with their contact, and replaced with it; of the ledger see ``writing``
PARTS = (legs, waits, transfers)
