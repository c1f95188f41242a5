"""A title for each version: the document takes it when the version goes live"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("title", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("versions", schema=None) as batch_op:  # the default was for the rows that were there
        batch_op.alter_column("title", server_default=None)
    op.execute("UPDATE versions SET title = (SELECT title FROM documents WHERE documents.id = versions.document_id)")


def downgrade() -> None:
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.drop_column("title")
