"""Questions that were sent to a person, the replies to them, and their way out by mail and webhook"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "escalations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("taken_by", sa.String(), nullable=False),
        sa.Column("unseen", sa.Boolean(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        _child("escalations", "conversation_id", "conversations"),
        _child("escalations", "message_id", "messages"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalations")),
        sa.UniqueConstraint("message_id", name=op.f("uq_escalations_message_id")),
    )
    op.create_index(op.f("ix_escalations_conversation_id"), "escalations", ["conversation_id"])
    op.create_index(op.f("ix_escalations_created"), "escalations", ["created"])
    op.create_table(
        "replies",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("escalation_id", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        _child("replies", "message_id", "messages"),
        _child("replies", "escalation_id", "escalations"),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_replies")),
    )
    op.create_index(op.f("ix_replies_escalation_id"), "replies", ["escalation_id"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("escalation_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("sent", sa.DateTime(timezone=True), nullable=True),
        _child("deliveries", "escalation_id", "escalations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(op.f("ix_deliveries_escalation_id"), "deliveries", ["escalation_id"])
    op.create_index(op.f("ix_deliveries_state_due"), "deliveries", ["state", "due"])


def _child(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{parent}")
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    for table in ("deliveries", "replies", "escalations"):
        op.drop_table(table)
