"""Choosing and naming who may read a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.ui.safe_html import clean, plain
from storage.types import Readers

EVERYONE = "everyone"
ADMINS = "admins"


def choose_readers(
    title: str, groups: Mapping[str, str], *, key: str, readers: Readers, width: int | None = None
) -> Readers:
    """A field for `readers`; `groups` are names by id. Nothing chosen: admins alone."""
    start = [EVERYONE] if readers.everyone else sorted(readers.groups & groups.keys())
    chosen = st.multiselect(
        title,
        [EVERYONE, *groups],
        default=start,
        format_func=lambda value: _name(value, groups),
        key=key,
        placeholder="Only admins",
        width=width or "stretch",
    )
    return from_words(chosen)


def chosen_names(key: str, groups: Mapping[str, str]) -> list[str]:
    """What the field `key` shows."""
    return [_name(value, groups) for value in st.session_state.get(key, [])]


def from_words(chosen: Sequence[str]) -> Readers:
    if EVERYONE in chosen:
        return Readers(everyone=True)
    return Readers(groups=frozenset(chosen))


def in_words(readers: Readers) -> str:
    """As /api/upload takes them."""
    return EVERYONE if readers.everyone else ",".join(sorted(readers.groups)) or ADMINS


def tags(readers: Readers, groups: Mapping[str, str]) -> str:
    if readers.everyone:
        return '<span class="tag">Everyone</span>'
    names = sorted(groups[group] for group in readers.groups if group in groups)
    return "".join(f'<span class="tag"><bdi>{plain(name)}</bdi></span>' for name in names or ["Only admins"])


def _name(value: str, groups: Mapping[str, str]) -> str:
    return "Everyone" if value == EVERYONE else clean(groups.get(value, "a deleted group"))
