"""Who was signed in, and paused or not, from when to when.

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attendance",
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("agent", "started", name="pk_attendance"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_attendance_ended", "attendance", ["ended"])


def downgrade() -> None:
    op.drop_index("ix_attendance_ended", "attendance")
    op.drop_table("attendance")
