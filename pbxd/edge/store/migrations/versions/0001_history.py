"""History (callers, contacts, legs, waits, transfers) and the MQTT outbox.

Revision: 0001
Follows: nothing
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "callers",
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("first_seen", sa.Double, nullable=False),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_callers"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contacts",
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("presented", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("dialled", sa.Text, nullable=False),
        sa.Column("queue", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("arrived", sa.Double, nullable=False),
        sa.Column("answered", sa.Double),
        sa.Column("ended", sa.Double, nullable=False),
        sa.Column("wait_s", sa.Double, nullable=False),
        sa.Column("talk_s", sa.Double, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("agent", sa.Text),
        sa.Column("missed", sa.Boolean, nullable=False),
        sa.Column("path", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("call", name="pk_contacts"),
    )
    op.create_index("ix_contacts_number_arrived", "contacts", ["number", "arrived"])
    op.create_index("ix_contacts_queue_arrived", "contacts", ["queue", "arrived"])
    op.create_index("ix_contacts_arrived", "contacts", ["arrived"])
    _create_parts()
    op.create_table(
        "outbox",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("record", sa.Boolean, nullable=False),
        sa.Column("refused", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        # Numbers are never used twice, or a late deletion could hit a younger message.
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_refused_id", "outbox", ["refused", "id"])


def _create_parts() -> None:
    op.create_table(
        "legs",
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("interface", sa.Text, nullable=False),
        sa.Column("agent", sa.Text),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double),
        sa.Column("talk_s", sa.Double, nullable=False),
        sa.Column("hold_s", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("call", "position", name="pk_legs"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_legs_agent_started", "legs", ["agent", "started"])
    op.create_table(
        "waits",
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("joined", sa.Double, nullable=False),
        sa.Column("left", sa.Double),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("call", "position", name="pk_waits"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "transfers",
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("from_interface", sa.Text, nullable=False),
        sa.Column("to", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call", "position", name="pk_transfers"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("outbox", "transfers", "waits", "legs", "contacts", "callers"):
        op.drop_table(table)
