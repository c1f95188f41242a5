"""What all tables are made of: their columns' types, and the names of their constraints."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return uuid4().hex


class Moment(sa.TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone, so it is put back when a row is read."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(sa.TypeDecorator[str]):
    """Text that every database takes: what none can keep, zero bytes and halves of characters, is replaced one by one,
    so that offsets stay right."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value) if value else value


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Base(DeclarativeBase):
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text, datetime: Moment, dict[str, Any]: sa.JSON, list[Any]: sa.JSON}  # noqa: RUF012 - SQLAlchemy's own form


def child_of(target: str) -> Any:
    return mapped_column(sa.ForeignKey(target, ondelete="CASCADE"), primary_key=True)


def few(name: str, column: str) -> sa.Index:
    """An index of the rows alone for which a flag is set."""
    return sa.Index(name, column, sqlite_where=sa.text(column), postgresql_where=sa.text(column))


def is_set(flag: Any) -> sa.ColumnElement[bool]:
    """The flag as `few` has it. SQLAlchemy's own "= 1" would keep SQLite from that index."""
    return sa.type_coerce(sa.literal_column(f"{flag.class_.__tablename__}.{flag.key}"), sa.Boolean)
