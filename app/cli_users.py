"""`footnote users` and `footnote groups`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from app.settings import load
from storage.database import Database
from storage.types import Role
from storage.users import Users, one_time_password

users = typer.Typer(help="Accounts: who may sign in.", no_args_is_help=True)
groups = typer.Typer(help="Groups: who may read restricted documents.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The account's name.")]
GroupName = Annotated[str, typer.Argument(help="The group's name.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="A group; may be given more than once.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def _users() -> Iterator[Users]:
    settings = load()
    database = Database(settings.sql_url)
    try:
        database.migrate()
        yield Users(database, session_hours=settings.session_hours)
    finally:
        database.close()


@users.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List every account."""
    with _users() as store:
        accounts = store.accounts()
    if as_json:
        rows = [
            {"name": one.name, "role": one.role, "active": one.active, "groups": list(one.groups)} for one in accounts
        ]
        print(json.dumps(rows, ensure_ascii=False))
        return
    for one in accounts:
        state = "" if one.active else "  suspended"
        print(f"{one.name}  {one.role}  {', '.join(one.groups)}{state}")


@users.command()
def add(
    name: Name,
    group: Groups = None,
    admin: Annotated[bool, typer.Option("--admin", help="Let the account manage documents and people.")] = False,
) -> None:
    """Add an account and print its one-time password."""
    password = one_time_password()
    with _users() as store:
        store.create(name, password, role=Role.ADMIN if admin else Role.MEMBER, groups=group or (), one_time=True)
    print(f"One-time password of {name}: {password}")


@users.command()
def reset(name: Name) -> None:
    """Give an account a new one-time password and end its sign-ins."""
    password = one_time_password()
    with _users() as store:
        store.set_password(name, password, one_time=True)
    print(f"One-time password of {name}: {password}")


@users.command()
def suspend(name: Name) -> None:
    """End an account's sign-ins and refuse new ones."""
    with _users() as store:
        store.set_active(name, False)


@users.command()
def resume(name: Name) -> None:
    """Let a suspended account sign in again."""
    with _users() as store:
        store.set_active(name, True)


@users.command()
def erase(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase an account for good, with its chats and what it has set."""
    if not yes:
        typer.confirm(f"Erase the account {name} with all its chats?", abort=True)
    with _users() as store:
        store.erase(name)


@users.command()
def role(name: Name, new: Annotated[Role, typer.Argument(help="admin or member.")]) -> None:
    """Set an account's role."""
    with _users() as store:
        store.set_role(name, new)


@users.command("groups")
def set_groups(name: Name, group: Groups = None) -> None:
    """Set the groups of an account, in place of those it was in."""
    with _users() as store:
        store.set_groups(name, group or ())


@groups.command("list")
def list_groups(as_json: AsJson = False) -> None:
    """List every group."""
    with _users() as store:
        known = store.groups()
    if as_json:
        print(json.dumps([{"name": one.name, "about": one.about, "members": one.members} for one in known]))
        return
    for one in known:
        print(f"{one.name}  {one.members} members  {one.about}")


@groups.command("add")
def add_group(name: GroupName, about: Annotated[str, typer.Option(help="What it is for.")] = "") -> None:
    """Add a group."""
    with _users() as store:
        store.create_group(name, about)


@groups.command("delete")
def delete_group(name: GroupName) -> None:
    """Delete a group; documents that only it could read are then read by admins alone."""
    with _users() as store:
        store.delete_group(name)
