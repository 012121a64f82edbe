"""The ledger: one row for each stretch of a journey.

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEXES = ("stage", "agent", "queue")


def upgrade() -> None:
    op.create_table(
        "stretches",
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double),
        sa.Column("queue", sa.Text),
        sa.Column("interface", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("missed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("call", "position", name="pk_stretches"),
        sqlite_with_rowid=False,
    )
    for column in _INDEXES:
        op.create_index(f"ix_stretches_{column}_started", "stretches", [column, "started"])


def downgrade() -> None:
    for column in _INDEXES:
        op.drop_index(f"ix_stretches_{column}_started", "stretches")
    op.drop_table("stretches")
