"""Accounts, what they have set, their groups and their signed-in browsers."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, child_of, new_id, now


class User(Base):
    __tablename__ = "users"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    one_time: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime] = mapped_column(default=now)


class PreferenceRow(Base):
    """What an account has set for its answers; it goes with the account."""

    __tablename__ = "preferences"
    user_id: Mapped[str] = child_of("users.id")
    language: Mapped[str]
    length: Mapped[str]
    position: Mapped[str]
    changed: Mapped[datetime] = mapped_column(default=now)


class Group(Base):
    __tablename__ = "groups"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    about: Mapped[str] = mapped_column(default="")


class Membership(Base):
    __tablename__ = "memberships"
    user_id: Mapped[str] = child_of("users.id")
    group_id: Mapped[str] = child_of("groups.id")


class Login(Base):
    """A signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "logins"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True, default=new_id)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[datetime] = mapped_column(default=now)
    expires: Mapped[datetime]
