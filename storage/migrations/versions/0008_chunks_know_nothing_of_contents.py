"""Chunks know nothing of tables of contents any more: a deduction for them changed no result"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("chunks", schema=None) as batch_op:
        batch_op.drop_column("contents")


def downgrade() -> None:
    with op.batch_alter_table("chunks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("contents", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("chunks", schema=None) as batch_op:
        batch_op.alter_column("contents", server_default=None)
