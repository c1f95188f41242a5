"""Accounts, groups and sign-ins.

Passwords are kept as argon2id hashes, cookies as SHA-256 of a random token. A sign-in is looked up on every request,
so a change of role, group or password counts from the next one on.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from storage import audit
from storage.access import group_term
from storage.conversations import record_deleted
from storage.database import Database, alone
from storage.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from storage.models import ConversationRow, DocumentTerm, Group, Login, Membership, Text, User, now
from storage.types import Principal, Role

MIN_PASSWORD = 10
MAX_PASSWORD = 1024
_HASHER = PasswordHasher()
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that looks like something else


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    role: Role
    active: bool
    one_time: bool
    groups: tuple[str, ...]
    created: datetime


@dataclass(frozen=True, slots=True)
class GroupInfo:
    id: str
    name: str
    about: str
    members: int


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that is good now. `one_time`: the password must be changed before anything else."""

    id: str
    principal: Principal
    one_time: bool


def one_time_password() -> str:
    """About 79 bits, in four groups that can be read out."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


class Users:
    def __init__(self, database: Database, *, session_hours: float = 12.0, hasher: PasswordHasher = _HASHER) -> None:
        self._database = database
        self._session_hours = session_hours
        self._hasher = hasher
        self._nobody = hasher.hash(secrets.token_hex())  # verified where no account is, so that both take as long

    # accounts

    def create(
        self,
        name: str,
        password: str,
        *,
        role: Role = Role.MEMBER,
        groups: Collection[str] = (),
        one_time: bool = False,
        by: Principal | str = "footnote",
    ) -> Account:
        """`groups` are names of groups that exist. Raises InvalidInput, AlreadyExists."""
        name, hashed = _key(_name(name)), self._hash(password)
        with self._change() as session:
            if session.scalar(sa.select(User.id).where(User.name == name)):
                raise AlreadyExists(f"There is already an account named {name}.")
            user = User(name=name, password_hash=hashed, role=role, one_time=one_time)
            session.add(user)
            session.flush()
            _set_groups(session, user.id, groups)
            audit.record(session, by, "account created", name, role=role, groups=sorted(groups))
            session.flush()
            return _account(session, user)

    def ensure_admin(self, name: str = "admin") -> str | None:
        """Create the first admin while there is no account at all. Returns its one-time password, or None."""
        password = one_time_password()
        with self._database.read() as session:
            if session.scalar(sa.select(User.id).limit(1)):
                return None
        try:
            self.create(name, password, role=Role.ADMIN, one_time=True)
        except AlreadyExists:
            return None
        return password

    def accounts(self) -> list[Account]:
        with self._database.read() as session:
            return [_account(session, user) for user in session.scalars(sa.select(User).order_by(User.name))]

    def account(self, name: str) -> Account:
        with self._database.read() as session:
            return _account(session, _user(session, name))

    def principal(self, name: str) -> Principal:
        """The principal of an active account. Raises NotFound."""
        with self._database.read() as session:
            user = _user(session, name)
            if not user.active:
                raise NotFound(f"The account {user.name} is suspended.")
            return principal_of(session, user)

    def set_password(
        self, name: str, password: str, *, one_time: bool = False, keep: str = "", by: Principal | str = "footnote"
    ) -> None:
        """Ends every sign-in of the account but the one with id `keep`."""
        hashed = self._hash(password)
        with self._change() as session:
            user = _user(session, name)
            user.password_hash, user.one_time = hashed, one_time
            session.execute(sa.delete(Login).where(Login.user_id == user.id, Login.id != keep))
            audit.record(session, by, "password set", user.name)

    def set_role(self, name: str, role: Role, *, by: Principal | str = "footnote") -> None:
        """Raises Conflict when no active admin would be left."""
        with self._change() as session:
            user = _user(session, name)
            user.role = role
            session.flush()
            _require_admin(session)
            audit.record(session, by, "role set", user.name, role=role)

    def set_active(self, name: str, active: bool, *, by: Principal | str = "footnote") -> None:
        """Suspending ends every sign-in at once. Raises Conflict when no active admin would be left."""
        with self._change() as session:
            user = _user(session, name)
            user.active = active
            session.flush()
            _require_admin(session)
            if not active:
                session.execute(sa.delete(Login).where(Login.user_id == user.id))
            audit.record(session, by, "account resumed" if active else "account suspended", user.name)

    def erase(self, name: str, *, by: Principal | str = "footnote") -> None:
        """Remove an account with all that is its own: chats, preferences, sign-ins. Its name stays in the audit log.

        Raises Conflict when no active admin would be left.
        """
        with self._change() as session:
            user = _user(session, name)
            chats = list(session.scalars(sa.select(ConversationRow.id).where(ConversationRow.user_id == user.id)))
            record_deleted(session, chats, by)
            session.delete(user)
            session.flush()
            _require_admin(session)
            audit.record(session, by, "account erased", user.name)

    def set_groups(self, name: str, groups: Collection[str], *, by: Principal | str = "footnote") -> None:
        with self._change() as session:
            user = _user(session, name)
            _set_groups(session, user.id, groups)
            audit.record(session, by, "groups set", user.name, groups=sorted(groups))

    # groups

    def create_group(self, name: str, about: str = "", *, by: Principal | str = "footnote") -> GroupInfo:
        name = _name(name)
        with self._change() as session:
            if session.scalar(sa.select(Group.id).where(_called(name)).limit(1)):
                raise AlreadyExists(f"There is already a group named {name}.")
            group = Group(name=name, about=about)
            session.add(group)
            session.flush()
            audit.record(session, by, "group created", name)
            return GroupInfo(group.id, group.name, group.about, 0)

    def delete_group(self, name: str, *, by: Principal | str = "footnote") -> None:
        """Its documents stay readable by their other groups, or else by admins alone."""
        with self._change() as session:
            group = _group(session, name)
            session.execute(sa.delete(DocumentTerm).where(DocumentTerm.term == group_term(group.id)))
            session.delete(group)
            audit.record(session, by, "group deleted", group.name)

    def groups(self) -> list[GroupInfo]:
        members = sa.select(sa.func.count()).where(Membership.group_id == Group.id).scalar_subquery()
        with self._database.read() as session:
            rows = session.execute(sa.select(Group, members).order_by(Group.name))
            return [GroupInfo(group.id, group.name, group.about, count) for group, count in rows]

    def group_ids(self, names: Collection[str]) -> frozenset[str]:
        """Raises NotFound for a name that is no group's."""
        with self._database.read() as session:
            return frozenset(_group(session, name).id for name in names)

    # sign-ins

    def sign_in(self, name: str, password: str) -> str | None:
        """A new token for the cookie, or None; an unknown name takes as long as a wrong password."""
        with self._database.read() as session:
            user = session.scalar(sa.select(User).where(User.name == _key(name)))
        hashed = user.password_hash if user else self._nobody
        if not self._verify(hashed, password) or user is None:
            return None
        renewed = self._hasher.hash(password) if self._hasher.check_needs_rehash(hashed) else hashed
        token = secrets.token_urlsafe(32)
        with self._database.write() as session:
            # verifying took a while: an account suspended, or given another password, meanwhile stays out
            user = session.get(User, user.id, with_for_update=True)
            if user is None or not user.active or user.password_hash != hashed:
                return None
            user.password_hash = renewed
            session.execute(sa.delete(Login).where(Login.expires < now()))
            expires = now() + timedelta(hours=self._session_hours)
            session.add(Login(token_hash=_digest(token), user_id=user.id, expires=expires))
            audit.record(session, user.name, "signed in", user.name)
        return token

    def signed_in(self, token: str | None) -> SignIn | None:
        """Who holds this token now; None for anything else."""
        if not token:
            return None
        with self._database.read() as session:
            row = session.execute(
                sa.select(Login, User)
                .join(User, User.id == Login.user_id)
                .where(Login.token_hash == _digest(token), Login.expires > now(), User.active)
            ).first()
            return SignIn(row[0].id, principal_of(session, row[1]), row[1].one_time) if row else None

    def sign_out(self, token: str | None) -> None:
        with self._database.write() as session:
            session.execute(sa.delete(Login).where(Login.token_hash == _digest(token or "")))

    @contextmanager
    def _change(self) -> Iterator[Session]:
        """One change of accounts and groups at a time, so that what it checks still holds when it commits."""
        with self._database.write() as session:
            alone(session, "accounts")
            yield session

    def _hash(self, password: str) -> str:
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise InvalidInput(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD:,} characters.")
        try:
            return self._hasher.hash(password)
        except UnicodeEncodeError as error:
            raise InvalidInput("The password has characters that can't be kept. Choose another one.") from error

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return len(password) <= MAX_PASSWORD and self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _key(name: str) -> str:
    """The form in which an account's name is kept and looked up: case, width and stray spaces make no difference."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()


def _called(name: str) -> sa.ColumnElement[bool]:
    """Groups of this name; the exact one counts even where the database's lower() knows ASCII only."""
    name = " ".join(name.split())
    lowered = sa.type_coerce(sa.func.lower(Group.name), Text) == name.lower()
    return sa.or_(Group.name == name, lowered)


def _name(name: str) -> str:
    if any(unicodedata.category(char) == "Cc" for char in name):
        raise InvalidInput("A name has no control characters.")
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise InvalidInput("A name has 1 to 80 printable characters.")
    return name


def _user(session: Session, name: str) -> User:
    user = session.scalar(sa.select(User).where(User.name == _key(name)))
    if user is None:
        raise NotFound(f"There is no account named {name}.")
    return user


def _group(session: Session, name: str) -> Group:
    group = session.scalar(sa.select(Group).where(_called(name)))
    if group is None:
        raise NotFound(f"There is no group named {name}.")
    return group


def _set_groups(session: Session, user_id: str, names: Collection[str]) -> None:
    ids = {_group(session, name).id for name in names}
    session.execute(sa.delete(Membership).where(Membership.user_id == user_id))
    session.add_all(Membership(user_id=user_id, group_id=group_id) for group_id in ids)


def _require_admin(session: Session) -> None:
    if not session.scalar(sa.select(User.id).where(User.role == Role.ADMIN, User.active).limit(1)):
        raise Conflict("At least one active admin must be left.")


def principal_of(session: Session, user: User) -> Principal:
    """Whoever holds this account, with the groups of now."""
    groups = session.scalars(sa.select(Membership.group_id).where(Membership.user_id == user.id))
    return Principal(user.id, user.name, Role(user.role), frozenset(groups))


def _account(session: Session, user: User) -> Account:
    names = session.scalars(
        sa.select(Group.name).join(Membership).where(Membership.user_id == user.id).order_by(Group.name)
    )
    return Account(user.id, user.name, Role(user.role), user.active, user.one_time, tuple(names), user.created)
