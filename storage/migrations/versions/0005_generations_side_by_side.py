"""Generations side by side, and which documents each of them holds"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "generations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("passage_tokens", sa.Integer(), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gate", sa.JSON(), nullable=False),
        sa.Column("comparison", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generations")),
        sa.UniqueConstraint("name", name=op.f("uq_generations_name")),
    )
    op.create_index(op.f("ix_generations_state"), "generations", ["state"])
    op.create_table(
        "filled",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation"], ["generations.id"], name=op.f("fk_filled_generation_generations"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_filled_version_id_versions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("generation", "version_id", name=op.f("pk_filled")),
    )
    op.create_index(op.f("ix_filled_version_id"), "filled", ["version_id"])
    with op.batch_alter_table("chunks") as batch:
        batch.add_column(sa.Column("generation", sa.Integer(), server_default="1", nullable=False))
        batch.drop_constraint(op.f("uq_chunks_version_id"), type_="unique")
        batch.create_unique_constraint(op.f("uq_chunks_version_id"), ["version_id", "generation", "ordinal"])
        batch.create_index(op.f("ix_chunks_generation"), ["generation"])


def downgrade() -> None:
    op.execute("DELETE FROM chunks WHERE generation <> 1")
    with op.batch_alter_table("chunks") as batch:
        batch.drop_index(op.f("ix_chunks_generation"))
        batch.drop_constraint(op.f("uq_chunks_version_id"), type_="unique")
        batch.create_unique_constraint(op.f("uq_chunks_version_id"), ["version_id", "ordinal"])
        batch.drop_column("generation")
    op.drop_table("filled")
    op.drop_table("generations")
