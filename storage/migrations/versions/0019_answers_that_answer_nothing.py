"""Which answers say that nothing answers"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_BEGINNINGS = (  # as the answers that are there were worded
    "Nothing in the documents you may read answers this.",
    "Nichts in den Dokumenten, die Sie lesen dürfen, beantwortet das.",
)


def upgrade() -> None:
    op.add_column("messages", sa.Column("refused", sa.Boolean(), nullable=False, server_default=sa.false()))
    messages = sa.table("messages", sa.column("refused", sa.Boolean), sa.column("role"), sa.column("text"))
    said = sa.or_(*(messages.c.text.startswith(beginning, autoescape=True) for beginning in _BEGINNINGS))
    op.execute(sa.update(messages).where(messages.c.role == "assistant", said).values(refused=True))


def downgrade() -> None:
    op.drop_column("messages", "refused")
