"""The work on a version: what was found, how long each step took, who has it, and what is wanted of it"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("characters", sa.BigInteger(), "0"),
    ("tables", sa.Integer(), "0"),
    ("gaps", sa.JSON(), "[]"),
    ("started_by", sa.String(), ""),
    ("seconds", sa.JSON(), "{}"),
    ("executor", sa.String(), ""),
    ("wanted", sa.String(), ""),
    ("turn", sa.Integer(), "0"),
)


def upgrade() -> None:
    with op.batch_alter_table("versions", schema=None) as batch_op:
        for name, kind, default in _COLUMNS:
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=default))
        for name in ("started", "began"):
            batch_op.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_versions_state_finished", ["state", "finished"], unique=False)
    with op.batch_alter_table("versions", schema=None) as batch_op:  # the defaults were for the rows that were there
        for name, _, _ in _COLUMNS:
            batch_op.alter_column(name, server_default=None)
    few = sa.text("wanted <> ''")
    op.create_index("ix_versions_wanted", "versions", ["wanted"], sqlite_where=few, postgresql_where=few)
    versions, sections, documents = _tables()
    of_version = sections.c.version_id == versions.c.id
    characters = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(sections.c.text)), 0)).where(of_version)
    tables = sa.select(sa.func.coalesce(sa.func.sum(sa.func.json_array_length(sections.c.tables)), 0)).where(of_version)
    who = sa.select(documents.c.created_by).where(documents.c.id == versions.c.document_id)
    op.execute(
        versions.update().values(
            characters=characters.scalar_subquery(), tables=tables.scalar_subquery(), started_by=who.scalar_subquery()
        )
    )
    op.create_table(
        "holds",
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_holds")),
    )


def _tables() -> tuple[sa.TableClause, sa.TableClause, sa.TableClause]:
    columns = {
        "versions": ("id", "document_id", "characters", "tables", "started_by"),
        "sections": ("version_id", "text", "tables"),
        "documents": ("id", "created_by"),
    }
    versions, sections, documents = (sa.table(name, *map(sa.column, names)) for name, names in columns.items())
    return versions, sections, documents


def downgrade() -> None:
    op.drop_table("holds")
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.drop_index("ix_versions_wanted")
        batch_op.drop_index("ix_versions_state_finished")
        for name in ("began", "started", *(name for name, _, _ in reversed(_COLUMNS))):
            batch_op.drop_column(name)
