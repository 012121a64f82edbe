"""Open transfers and callers in progress, kept over a restart; what was written at each hand-over.

Revision: 0002
Follows: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")

#: contacts and transfers of before know nothing of these
_OF_CONTACTS: dict[str, Any] = {"handovers": _JSON, "repeated": sa.Integer()}
_OF_TRANSFERS: dict[str, Any] = {
    "by": sa.Text(),
    "transfer": sa.Text(),
    "began": sa.Double(),
    "answered": sa.Double(),
    "consult_s": sa.Double(),
    "hold_s": sa.Double(),
    "to_kind": sa.Text(),
    "queue": sa.Text(),
}


def upgrade() -> None:
    op.create_table(
        "kept",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_kept"),
    )
    for name, type_ in _OF_CONTACTS.items():
        op.add_column("contacts", sa.Column(name, type_))
    for name, type_ in _OF_TRANSFERS.items():
        op.add_column("transfers", sa.Column(name, type_))


def downgrade() -> None:
    for name in _OF_TRANSFERS:
        op.drop_column("transfers", name)
    for name in _OF_CONTACTS:
        op.drop_column("contacts", name)
    op.drop_table("kept")
