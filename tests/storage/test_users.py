"""Accounts, groups and sign-ins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from storage import audit
from storage.database import Database
from storage.documents import Documents
from storage.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from storage.models import Login, User, now
from storage.types import Readers, Role
from storage.users import Users, one_time_password
from tests.conftest import ADA, CHEAP, PASSWORD, Library


class CountingHasher(PasswordHasher):
    """Counts what is verified; `meanwhile` happens after each."""

    def __init__(self, **parameters: int) -> None:
        super().__init__(**(parameters or {"time_cost": 1, "memory_cost": 8, "parallelism": 1}))
        self.verified = 0
        self.meanwhile = lambda: None

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.verified += 1
        try:
            return super().verify(hash, password)
        finally:
            self.meanwhile()


def token_of(users: Users, name: str, password: str = PASSWORD) -> str:
    token = users.sign_in(name, password)
    assert token is not None
    return token


# --- accounts


def test_a_password_is_kept_as_an_argon2id_hash_of_todays_strength(database: Database) -> None:
    Users(database).create("mia", PASSWORD)
    with database.read() as session:
        kept = session.scalars(sa.select(User.password_hash)).one()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PASSWORD not in kept


def test_the_right_password_signs_in_and_nothing_else_does(users: Users) -> None:
    users.create("mia", PASSWORD)
    signed_in = users.signed_in(token_of(users, "mia"))
    assert signed_in is not None
    assert signed_in.principal.name == "mia"
    for name, password in (("mia", PASSWORD + "x"), ("mia", ""), ("tom", PASSWORD), ("", ""), ("mia", "\ud83d" * 12)):
        assert users.sign_in(name, password) is None
    assert users.sign_in("mia", "x" * 10_000_000) is None


def test_a_name_that_nobody_has_is_verified_like_one_that_somebody_has(database: Database) -> None:
    hasher = CountingHasher()
    users = Users(database, hasher=hasher)
    users.create("mia", PASSWORD)
    assert users.sign_in("mia", "wrong password") is None
    assert users.sign_in("nobody", "wrong password") is None
    assert hasher.verified == 2


@pytest.mark.parametrize("again", ["MIA", " mia ", "Mia", "ｍｉａ"])
def test_case_and_stray_spaces_make_no_other_name(users: Users, again: str) -> None:
    users.create("Mia", PASSWORD)
    with pytest.raises(AlreadyExists):
        users.create(again, PASSWORD)
    assert users.sign_in(again, PASSWORD)
    assert users.account(again).name == "mia"


def test_a_name_is_the_same_however_its_umlaut_was_typed(users: Users) -> None:
    users.create("Jo\u0308rg  Strau\u00df", PASSWORD)
    assert users.sign_in("J\u00f6rg STRAUSS", PASSWORD)


@pytest.mark.parametrize(
    "name", ["", "   ", "a\x00b", "a\nb", "a\x1b[2Jb", "a\u202eb", "\x7f", "a\x85b", "x" * 81, "\ud83d"]
)
def test_a_name_that_could_mislead_is_refused_for_accounts_and_groups(users: Users, name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        users.create(name, PASSWORD)
    with pytest.raises(InvalidInput, match="name"):
        users.create_group(name)
    assert users.sign_in(name, PASSWORD) is None
    with pytest.raises(NotFound):
        users.group_ids([name])


@pytest.mark.parametrize("password", ["", "short", "x" * 1025, "half \ud83d character"])
def test_a_password_that_is_no_password_is_refused(users: Users, password: str) -> None:
    with pytest.raises(InvalidInput, match="password"):
        users.create("mia", password)


def test_one_time_passwords_are_long_and_never_the_same() -> None:
    made = {one_time_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(password) == 19 and password.count("-") == 3 for password in made)


def test_a_one_time_password_says_so_until_it_was_changed(users: Users) -> None:
    users.create("mia", PASSWORD, one_time=True)
    signed_in = users.signed_in(token_of(users, "mia"))
    assert signed_in is not None
    assert signed_in.one_time
    users.set_password("mia", "another password", keep=signed_in.id)
    after = users.signed_in(token_of(users, "mia", "another password"))
    assert after is not None
    assert not after.one_time


def test_the_first_admin_is_made_once_and_only_where_nobody_is(users: Users) -> None:
    password = users.ensure_admin()
    assert password is not None
    assert users.ensure_admin() is None
    signed_in = users.signed_in(token_of(users, "admin", password))
    assert signed_in is not None
    assert signed_in.one_time
    assert signed_in.principal.is_admin


def test_only_one_of_many_processes_makes_the_first_admin(database: Database) -> None:
    users = Users(database, hasher=CHEAP)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: users.ensure_admin(), range(8)))
    assert sum(password is not None for password in made) == 1
    assert [account.name for account in users.accounts()] == ["admin"]


def test_the_last_active_admin_can_neither_step_down_nor_be_suspended(users: Users) -> None:
    users.create("root", PASSWORD, role=Role.ADMIN)
    users.create("away", PASSWORD, role=Role.ADMIN)
    users.set_active("away", False)
    for change in (lambda: users.set_role("root", Role.MEMBER), lambda: users.set_active("root", False)):
        with pytest.raises(Conflict, match="admin"):
            change()
    account = users.account("root")
    assert account.active
    assert account.role is Role.ADMIN


def test_two_admins_who_demote_each_other_at_once_leave_one(users: Users) -> None:
    names = ["one", "two"]
    for name in names:
        users.create(name, PASSWORD, role=Role.ADMIN)

    def demote(name: str) -> bool:
        try:
            users.set_role(name, Role.MEMBER)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            assert sorted(pool.map(demote, names)) == [False, True]
            for name in names:
                users.set_role(name, Role.ADMIN)


def test_role_groups_and_suspension_count_at_the_next_look_up(users: Users) -> None:
    users.create("root", PASSWORD, role=Role.ADMIN)
    users.create("mia", PASSWORD)
    group = users.create_group("HR")
    token = token_of(users, "mia")

    users.set_role("mia", Role.ADMIN)
    users.set_groups("mia", ["hr"])
    signed_in = users.signed_in(token)
    assert signed_in is not None
    assert signed_in.principal.is_admin
    assert signed_in.principal.groups == {group.id}

    users.delete_group("HR")
    signed_in = users.signed_in(token)
    assert signed_in is not None
    assert signed_in.principal.groups == frozenset()

    users.set_active("mia", False)
    assert users.signed_in(token) is None
    assert users.sign_in("mia", PASSWORD) is None
    with pytest.raises(NotFound, match="suspended"):
        users.principal("mia")
    users.set_active("mia", True)
    assert users.signed_in(token) is None  # the old sign-in stays ended
    assert users.sign_in("mia", PASSWORD)


def test_a_new_password_ends_every_other_sign_in(users: Users) -> None:
    users.create("mia", PASSWORD)
    mine, other = token_of(users, "mia"), token_of(users, "mia")
    signed_in = users.signed_in(mine)
    assert signed_in is not None
    users.set_password("mia", "another password", keep=signed_in.id)
    assert users.signed_in(mine)
    assert users.signed_in(other) is None


@pytest.mark.parametrize("change", ["suspended", "password"])
def test_what_changes_while_a_password_is_verified_counts(database: Database, change: str) -> None:
    hasher = CountingHasher()
    users = Users(database, hasher=hasher)
    users.create("mia", PASSWORD)
    users.create("root", PASSWORD, role=Role.ADMIN)

    def meanwhile() -> None:
        if change == "suspended":
            users.set_active("mia", False)
        else:
            users.set_password("mia", "another password")

    hasher.meanwhile = meanwhile
    assert users.sign_in("mia", PASSWORD) is None
    assert users.account("mia").active is (change == "password")


def test_a_hash_of_lesser_strength_is_renewed_at_the_next_sign_in(database: Database) -> None:
    Users(database, hasher=CHEAP).create("mia", PASSWORD)
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    assert Users(database, hasher=stronger).sign_in("mia", PASSWORD)
    with database.read() as session:
        assert "m=16,t=2" in session.scalars(sa.select(User.password_hash)).one()
    assert Users(database, hasher=stronger).sign_in("mia", PASSWORD)


# --- sign-ins


def test_only_the_hash_of_a_token_is_in_the_database(users: Users, database: Database) -> None:
    users.create("mia", PASSWORD)
    token = token_of(users, "mia")
    with database.read() as session:
        rows = session.execute(sa.select(Login)).scalars().all()
        events = audit.newest(database)
    assert len(rows) == 1
    assert token not in f"{[vars(row) for row in rows]} {events}"
    assert PASSWORD not in str(events)


def test_a_sign_in_ends_with_its_time(database: Database) -> None:
    users = Users(database, session_hours=1.0, hasher=CHEAP)
    users.create("mia", PASSWORD)
    token = token_of(users, "mia")
    assert users.signed_in(token)
    with database.write() as session:
        session.execute(sa.update(Login).values(expires=now() - timedelta(seconds=1)))
    assert users.signed_in(token) is None
    token_of(users, "mia")
    with database.read() as session:  # and the next sign-in sweeps the old one up
        assert session.scalar(sa.select(sa.func.count()).select_from(Login)) == 1


def test_signing_out_ends_that_sign_in_alone(users: Users) -> None:
    users.create("mia", PASSWORD)
    here, there = token_of(users, "mia"), token_of(users, "mia")
    users.sign_out(here)
    users.sign_out(None)
    assert users.signed_in(here) is None
    assert users.signed_in(there)


@pytest.mark.parametrize("token", [None, "", "x", "\x00", "\ud83d", "' OR 1=1 --", "x" * 100_000])
def test_nothing_but_a_token_of_ours_is_a_sign_in(users: Users, token: str | None) -> None:
    users.create("mia", PASSWORD)
    token_of(users, "mia")
    assert users.signed_in(token) is None


# --- groups


def test_groups_are_found_whatever_the_case_of_their_name(users: Users) -> None:
    group = users.create_group("Ärzte", "who heals")
    assert users.group_ids(["Ärzte"]) == users.group_ids([" ärzte "]) == {group.id}
    with pytest.raises(AlreadyExists):
        users.create_group("ärzte")
    with pytest.raises(NotFound, match="no group"):
        users.group_ids(["Ärzte", "Boten"])


def test_accounts_list_their_groups_and_groups_count_their_members(users: Users) -> None:
    users.create_group("b")
    users.create_group("a")
    users.create("mia", PASSWORD, groups=["B", "a", "b"])
    users.create("tom", PASSWORD, groups=["a"])
    assert users.account("mia").groups == ("a", "b")
    assert [(group.name, group.members) for group in users.groups()] == [("a", 2), ("b", 1)]
    users.set_groups("mia", [])
    assert users.account("mia").groups == ()


def test_a_group_that_is_unknown_changes_nothing(users: Users) -> None:
    users.create_group("a")
    with pytest.raises(NotFound):
        users.create("mia", PASSWORD, groups=["a", "nobody"])
    assert users.accounts() == []
    users.create("mia", PASSWORD, groups=["a"])
    with pytest.raises(NotFound):
        users.set_groups("mia", ["nobody"])
    assert users.account("mia").groups == ("a",)


def test_a_document_of_a_deleted_group_is_read_by_admins_alone(
    users: Users, documents: Documents, library: Library
) -> None:
    group = users.create_group("HR")
    users.create("mia", PASSWORD, groups=["HR"])
    kept = library.ready("salaries", Readers(groups=frozenset({group.id})))
    mia = users.principal("mia")
    assert documents.get(kept.id, mia).readers == Readers(groups=frozenset({group.id}))
    users.delete_group("hr")
    for principal in (mia, users.principal("mia")):
        with pytest.raises(NotFound):
            documents.get(kept.id, principal)
    assert documents.get(kept.id, ADA).readers == Readers()


def test_every_change_is_in_the_audit_log_with_who_made_it(users: Users, database: Database) -> None:
    users.create_group("HR", by=ADA)
    users.create("mia", PASSWORD, by=ADA)
    users.set_groups("mia", ["HR"], by=ADA)
    users.create("root", PASSWORD, role=Role.ADMIN)
    users.set_role("mia", Role.ADMIN, by=ADA)
    users.set_active("mia", False, by=ADA)
    users.set_active("mia", True, by=ADA)
    users.set_password("mia", PASSWORD, by=ADA)
    users.delete_group("hr", by=ADA)
    events = [(event.who, event.action, event.subject) for event in reversed(audit.newest(database))]
    assert events == [
        ("ada", "group created", "HR"),
        ("ada", "account created", "mia"),
        ("ada", "groups set", "mia"),
        ("footnote", "account created", "root"),
        ("ada", "role set", "mia"),
        ("ada", "account suspended", "mia"),
        ("ada", "account resumed", "mia"),
        ("ada", "password set", "mia"),
        ("ada", "group deleted", "HR"),
    ]
