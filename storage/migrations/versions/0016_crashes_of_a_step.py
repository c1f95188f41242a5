"""How many worker processes have ended in the step that a version is at"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("versions", sa.Column("crashes", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("versions", schema=None) as batch_op:  # the default was for the rows that were there
        batch_op.alter_column("crashes", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.drop_column("crashes")
