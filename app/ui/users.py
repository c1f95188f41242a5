"""The people page, for admins: accounts and groups. A new or reset password is shown once and works once."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services import Services
from app.ui.identity import callback, draw_problem, who
from app.ui.indicators import marked
from app.ui.safe_html import clean, plain
from app.ui.wording import counted, day
from storage.errors import Forbidden
from storage.types import Principal, Role
from storage.users import Account, GroupInfo, one_time_password

_SECRET = "one_time_password"  # noqa: S105 - the name of a place, not a password
_ACCOUNT_HEAD = (
    '<div class="line account head"><span>Account</span><span>Role</span><span>Groups</span><span>State</span>'
    "<span>Since</span></div>"
)


def page() -> None:
    services, principal = who()
    if not principal.is_admin:
        st.html('<p class="notice">Accounts are managed by admins.</p>')
        return
    accounts, groups = services.users.accounts(), services.users.groups()
    with st.container(key="people"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            words = f"{counted(len(accounts), 'account')}, {counted(len(groups), 'group')}"
            st.html(f'<h1 class="title">People</h1><p class="soft">{words}</p>', width="content")
            st.button("Add account", key="add_account", type="primary", on_click=_open, args=("Add account", ""))
        draw_problem()
        _draw_secret()
        _draw_accounts(accounts, principal)
        _draw_groups(groups)
    _open_dialog(accounts, groups)


def _draw_secret() -> None:
    if _SECRET not in st.session_state:
        return
    name, password = st.session_state[_SECRET]
    st.html(
        f'<p class="lead">One-time password of <b><bdi>{plain(name)}</bdi></b>. It is shown only now; whoever signs in '
        f'with it chooses their own.</p><div class="secret">{plain(password)}</div>'
    )
    st.button("I have passed it on", key="secret_done", on_click=_forget_secret)


def _draw_accounts(accounts: Sequence[Account], principal: Principal) -> None:
    with st.container(key="rows"):
        with st.container(key="row_head"):
            st.html(_ACCOUNT_HEAD)
        for account in accounts:
            with st.container(key=f"row_{account.id}", horizontal=True, wrap=False, vertical_alignment="top"):
                st.html(_account_line(account, is_self=account.id == principal.user_id))
                st.menu_button(
                    "Actions",
                    _actions(account),
                    key=f"menu_{account.id}",
                    icon=":material/more_horiz:",
                    type="tertiary",
                    on_click=_choose,
                    args=(account.id, account.name),
                )


def _account_line(account: Account, *, is_self: bool) -> str:
    groups = "".join(f'<span class="tag"><bdi>{plain(name)}</bdi></span>' for name in account.groups)
    if not account.active:
        shown = marked("bad", "Suspended")
    elif account.one_time:
        shown = marked("weak", "Has not chosen a password")
    else:
        shown = marked("ok", "Active")
    you = " <small>that is you</small>" if is_self else ""
    return (
        f'<div class="line account"><div><b><bdi>{plain(account.name)}</bdi></b>{you}</div>'
        f'<div>{account.role.value.capitalize()}</div><div class="wide">{groups}</div><div class="state">{shown}</div>'
        f"<div>{day(account.created)}</div></div>"
    )


def _actions(account: Account) -> list[str]:
    role = "Make member" if account.role is Role.ADMIN else "Make admin"
    return ["Groups", role, "Reset password", "Suspend" if account.active else "Resume"]


def _draw_groups(groups: Sequence[GroupInfo]) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.html(
            '<h2 class="title">Groups</h2><p class="lead">A group is a set of people who may read the same documents, '
            "such as Legal or Payroll. A document is open to everyone, or to the groups you choose; nobody else learns "
            "that it exists.</p>",
            width="stretch",
        )
        st.button("Add group", key="add_group", on_click=_open, args=("Add group", ""))
    with st.container(key="group_rows", gap=None):
        for group in groups:
            with st.container(key=f"row_{group.id}", horizontal=True, wrap=False, vertical_alignment="top"):
                about = plain(group.about) or "&nbsp;"
                st.html(
                    f'<div class="line group"><div><b><bdi>{plain(group.name)}</bdi></b></div>'
                    f'<div class="wide">{about}</div><div>{counted(group.members, "member")}</div></div>'
                )
                st.menu_button(
                    "Actions",
                    ["Delete group"],
                    key=f"menu_{group.id}",
                    icon=":material/more_horiz:",
                    type="tertiary",
                    on_click=_choose,
                    args=(group.id, group.name),
                )


def _open(dialog: str, name: str) -> None:
    st.session_state["people_dialog"] = (dialog, name)


def _forget_secret() -> None:
    st.session_state.pop(_SECRET, None)


@callback
def _choose(services: Services, principal: Principal, row_id: str, name: str) -> None:
    _require_admin(principal)
    match st.session_state.get(f"menu_{row_id}"):
        case "Make admin":
            services.users.set_role(name, Role.ADMIN, by=principal)
        case "Make member":
            services.users.set_role(name, Role.MEMBER, by=principal)
        case "Suspend":
            services.users.set_active(name, False, by=principal)
        case "Resume":
            services.users.set_active(name, True, by=principal)
        case str() as dialog:
            _open(dialog, name)


def _open_dialog(accounts: Sequence[Account], groups: Sequence[GroupInfo]) -> None:
    dialog, name = st.session_state.pop("people_dialog", ("", ""))
    st.session_state.pop("people_done", None)
    names = [group.name for group in groups]
    if dialog == "Add account":
        _add_account(names)
    elif dialog == "Add group":
        _add_group()
    elif dialog == "Groups":
        account = next((account for account in accounts if account.name == name), None)
        if account:
            _groups_of(account, names)
    elif dialog == "Reset password":
        _reset(name)
    elif dialog == "Delete group":
        _delete_group(name)


@st.dialog("Add account")
def _add_account(groups: Sequence[str]) -> None:
    draw_problem()
    st.text_input("Name to sign in with", key="account_name", max_chars=80)
    st.selectbox("Role", list(Role), format_func=lambda role: role.value.capitalize(), index=1, key="account_role")
    st.multiselect("Groups", groups, format_func=clean, key="account_groups", placeholder="None")
    st.button("Add", type="primary", key="account_save", on_click=_create_account)
    _close_when_done()


@st.dialog("Add group")
def _add_group() -> None:
    draw_problem()
    st.text_input("Name", key="group_name", max_chars=80, placeholder="Legal")
    st.text_input("What it is for", key="group_about", max_chars=200, placeholder="Contracts and claims")
    st.button("Add", type="primary", key="group_save", on_click=_create_group)
    _close_when_done()


@st.dialog("Groups")
def _groups_of(account: Account, groups: Sequence[str]) -> None:
    st.html(f'<p class="lead">What <bdi>{plain(account.name)}</bdi> may read follows at once.</p>')
    st.multiselect(
        "Member of", groups, default=list(account.groups), format_func=clean, key="member_of", placeholder="None"
    )
    st.button("Save", type="primary", key="member_save", on_click=_set_groups, args=(account.name,))
    _close_when_done()


@st.dialog("Reset password")
def _reset(name: str) -> None:
    st.html(f'<p class="lead"><bdi>{plain(name)}</bdi> is signed out everywhere and gets a new one-time password.</p>')
    st.button("Reset", type="primary", key="reset", on_click=_reset_password, args=(name,))
    _close_when_done()


@st.dialog("Delete group")
def _delete_group(name: str) -> None:
    st.html(
        f'<p class="lead">Documents of <bdi>{plain(name)}</bdi> stay readable by their other groups, or else by '
        "admins alone.</p>"
    )
    st.button("Delete group", type="primary", key="group_delete", on_click=_remove_group, args=(name,))
    _close_when_done()


def _close_when_done() -> None:
    if st.session_state.pop("people_done", False):
        st.rerun()


@callback
def _create_account(services: Services, principal: Principal) -> None:
    _require_admin(principal)
    state, password = st.session_state, one_time_password()
    account = services.users.create(
        str(state["account_name"]),
        password,
        role=Role(state["account_role"]),
        groups=state["account_groups"],
        one_time=True,
        by=principal,
    )
    state[_SECRET] = (account.name, password)
    state["people_done"] = True


@callback
def _create_group(services: Services, principal: Principal) -> None:
    _require_admin(principal)
    services.users.create_group(
        str(st.session_state["group_name"]), str(st.session_state["group_about"]).strip(), by=principal
    )
    st.session_state["people_done"] = True


@callback
def _set_groups(services: Services, principal: Principal, name: str) -> None:
    _require_admin(principal)
    st.session_state["people_done"] = True
    services.users.set_groups(name, st.session_state["member_of"], by=principal)


@callback
def _reset_password(services: Services, principal: Principal, name: str) -> None:
    _require_admin(principal)
    st.session_state["people_done"] = True
    password = one_time_password()
    services.users.set_password(name, password, one_time=True, by=principal)
    st.session_state[_SECRET] = (name, password)


@callback
def _remove_group(services: Services, principal: Principal, name: str) -> None:
    _require_admin(principal)
    st.session_state["people_done"] = True
    services.users.delete_group(name, by=principal)


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only admins manage people.")
