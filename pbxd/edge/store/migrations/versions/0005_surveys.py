"""What callers said when they were asked, after the talk, how it was.

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contacts", sa.Column("survey", sa.Text))
    op.add_column("contacts", sa.Column("rating", sa.Integer))


def downgrade() -> None:
    op.drop_column("contacts", "rating")
    op.drop_column("contacts", "survey")
