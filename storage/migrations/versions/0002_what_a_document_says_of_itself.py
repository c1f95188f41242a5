"""What a document says of itself: subject, period, date; and vectors of the parts of its passages"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("subject", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("period", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("dated", sa.Date(), nullable=True))
        batch_op.create_index(batch_op.f("ix_versions_dated"), ["dated"], unique=False)
    with op.batch_alter_table("versions", schema=None) as batch_op:  # the default was for the rows that were there
        batch_op.alter_column("subject", server_default=None)
        batch_op.alter_column("period", server_default=None)
    with op.batch_alter_table("chunks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("contents", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("spans", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("vectors", sa.LargeBinary(), nullable=False, server_default=""))
    with op.batch_alter_table("chunks", schema=None) as batch_op:
        batch_op.alter_column("contents", server_default=None)
        batch_op.alter_column("spans", server_default=None)
        batch_op.alter_column("vectors", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("chunks", schema=None) as batch_op:
        batch_op.drop_column("vectors")
        batch_op.drop_column("spans")
        batch_op.drop_column("contents")
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_versions_dated"))
        batch_op.drop_column("dated")
        batch_op.drop_column("period")
        batch_op.drop_column("subject")
