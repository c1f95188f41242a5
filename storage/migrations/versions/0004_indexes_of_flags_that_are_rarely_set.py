"""Indexes of flags that are rarely set, of the rows alone that have them"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("deleting", "terms_stale"):
        name = op.f(f"ix_documents_{column}")
        op.drop_index(name, "documents")
        op.create_index(name, "documents", [column], sqlite_where=sa.text(column), postgresql_where=sa.text(column))


def downgrade() -> None:
    for column in ("deleting", "terms_stale"):
        name = op.f(f"ix_documents_{column}")
        op.drop_index(name, "documents")
        op.create_index(name, "documents", [column])
