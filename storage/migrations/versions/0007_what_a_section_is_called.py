"""What a section is called: a slide, rows of a sheet, an attachment"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sections", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("sections", schema=None) as batch_op:  # the default was for the rows that were there
        batch_op.alter_column("place", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("sections", schema=None) as batch_op:
        batch_op.drop_column("place")
