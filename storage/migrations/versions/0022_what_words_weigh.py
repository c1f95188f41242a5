"""What the words of a passage weigh is kept beside its vector"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("embeddings", sa.Column("words", sa.LargeBinary(), nullable=True))
    op.add_column("embeddings", sa.Column("rule", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("embeddings", "rule")
    op.drop_column("embeddings", "words")
