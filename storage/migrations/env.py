"""Alembic runs on the connection that `Database.migrate` gives it, inside that connection's transaction."""

from typing import Any, Literal

from alembic import context

from storage.models import Base, Moment, Text


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """A migration must not change with our code, so it names SQLAlchemy's own type."""
    names = {Moment: "sa.DateTime(timezone=True)", Text: "sa.String()"}
    return names.get(type(item), False) if kind == "type" else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=_render,
    include_name=lambda name, kind, _parents: kind != "schema" or name != "dbos",
    transactional_ddl=False,  # the caller holds the one transaction
)
context.run_migrations()
