"""Which LoRA adapter answers from the documents of a group of readers, or of a source, are written with"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "adapter_uses",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("group_id", sa.String(), nullable=True),
        sa.Column("source_id", sa.String(), nullable=True),
        sa.Column("file", sa.String(), nullable=False),
        sa.CheckConstraint("(group_id IS NULL) <> (source_id IS NULL)", name=op.f("ck_adapter_uses_home")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_adapter_uses_group_id_groups"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name=op.f("fk_adapter_uses_source_id_sources"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adapter_uses")),
        sa.UniqueConstraint("group_id", name=op.f("uq_adapter_uses_group_id")),
        sa.UniqueConstraint("source_id", name=op.f("uq_adapter_uses_source_id")),
    )


def downgrade() -> None:
    op.drop_table("adapter_uses")
