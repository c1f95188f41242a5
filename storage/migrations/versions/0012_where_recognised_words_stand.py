"""Where the words of recognised pages stand"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    nothing = sa.text("''::bytea") if op.get_bind().dialect.name == "postgresql" else sa.text("X''")
    with op.batch_alter_table("sections", schema=None) as batch_op:
        batch_op.add_column(sa.Column("boxes", sa.LargeBinary(), nullable=False, server_default=nothing))
    with op.batch_alter_table("sections", schema=None) as batch_op:  # the default was for the rows that were there
        batch_op.alter_column("boxes", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("sections", schema=None) as batch_op:
        batch_op.drop_column("boxes")
