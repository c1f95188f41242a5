"""Choosing where to search: in which documents, of which kind and time, read by which group.

Only values of documents that the principal may read are offered. What is chosen goes to `apply` as a Scope, and the
page keeps it where it likes. `names`, `chips` and the words for times are pure; the rest draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date

import streamlit as st

from app.scopes import EARLIEST, LATEST
from app.services import Services
from app.ui.safe_html import clean, label, shortened
from app.ui.wording import counted, day, now_in
from app.ui.zone import browser_zone
from ingest.parse import FORMATS
from storage import facets
from storage.facets import Facets, Title
from storage.types import Principal, Scope

Apply = Callable[[Scope], None]
Period = tuple[date | None, date | None]

LISTED = 200  # documents that the list offers at a time
_KINDS = {kind: name[:1].upper() + name[1:] for kind, name in FORMATS.items()}
_YEARS = 8
_PAST = "Past 12 months"
_LENGTH = 40  # characters of a name on a button


@dataclass(frozen=True, slots=True)
class Offered:
    """What there is to choose from; `documents` and `groups` are names by id."""

    facets: Facets
    documents: dict[str, str]
    groups: dict[str, str]
    times: dict[str, Period]

    @property
    def kinds(self) -> list[str]:
        return list(self.facets.kinds)


def offered(services: Services, principal: Principal, scope: Scope, *, key: str) -> Offered:
    """With the documents that the field `key`_find looks for, and those chosen already that the principal may read."""
    text = str(st.session_state.get(f"{key}_find", ""))
    found = facets.facets(services.database, principal)
    titles = facets.titles(services.database, principal, text=text.strip()[:80], limit=LISTED)
    if chosen := scope.documents - titles.keys():
        titles = facets.titles(services.database, principal, ids=chosen) | titles
    groups = {group.id: clean(group.name) for group in services.users.groups() if group.id in found.groups}
    return Offered(found, names(titles), groups, quick_times(found.years, now_in(browser_zone()).date()))


def names(titles: dict[str, Title]) -> dict[str, str]:
    """A name for each document that no other has: its title, with its file name where that is needed."""
    shown = {id_: shortened(clean(title.title), 80) for id_, title in titles.items()}
    twice = Counter(shown.values())
    for id_, title in titles.items():
        if twice[shown[id_]] > 1:
            shown[id_] = f"{shown[id_]} ({shortened(clean(title.name), 60)})"
    seen: Counter[str] = Counter()
    for id_, name in shown.items():
        seen[name] += 1
        if seen[name] > 1:
            shown[id_] = f"{name} {seen[name]}"
    return shown


def quick_times(years: dict[int, int], today: date) -> dict[str, Period]:
    """Spans of time to choose with one click, among the years that there are documents of."""
    times: dict[str, Period] = {}
    if not years.keys().isdisjoint((today.year, today.year - 1)):
        times[_PAST] = (date(today.year - 1, today.month, min(today.day, 28)), None)
    for year in sorted(years, reverse=True)[:_YEARS]:
        if EARLIEST.year <= year <= LATEST.year:
            times["This year" if year == today.year else str(year)] = (date(year, 1, 1), date(year, 12, 31))
    return times


def chips(scope: Scope, known: Offered) -> list[tuple[str, Scope]]:
    """Each filter that is set, in words, with the scope that is left without it."""
    found = []
    for id_ in sorted(scope.documents, key=lambda id_: known.documents.get(id_, "~")):
        name = known.documents.get(id_, "a document that is not there")
        found.append((name, replace(scope, documents=scope.documents - {id_})))
    for kind in sorted(scope.kinds):
        found.append((_KINDS.get(kind, kind), replace(scope, kinds=scope.kinds - {kind})))
    if scope.since or scope.until:
        found.append((time_words(scope, known.times), replace(scope, since=None, until=None)))
    for group in sorted(scope.groups):
        name = f"read by {known.groups.get(group, 'a group that is not there')}"
        found.append((name, replace(scope, groups=scope.groups - {group})))
    return found


def time_words(scope: Scope, times: dict[str, Period]) -> str:
    for words, span in times.items():
        if span == (scope.since, scope.until):
            return words
    since, until = scope.since, scope.until
    if since and until and (since, until) == (date(since.year, 1, 1), date(since.year, 12, 31)):
        return str(since.year)
    if since and until:
        return f"{day(since)} to {day(until)}"
    if since:
        return f"since {day(since)}"
    return f"until {day(until)}" if until else "Any time"


def draw_row(known: Offered, scope: Scope, apply: Apply, *, key: str) -> None:
    """A button for each filter that leaves a choice, and one that takes all off."""
    with st.container(key=f"{key}_row", horizontal=True, gap="small", vertical_alignment="center"):
        with _button(_documents_words(scope, known), bool(scope.documents), f"{key}_in_documents"):
            _draw_documents(known, scope, apply, key)
        if len(known.kinds) > 1 or scope.kinds:
            with _button(_some(scope.kinds, _KINDS, "Any kind", "kind"), bool(scope.kinds), f"{key}_in_kinds"):
                _draw_kinds(known, scope, apply, key)
        if known.times or scope.since or scope.until:
            is_set = bool(scope.since or scope.until)
            with _button(time_words(scope, known.times), is_set, f"{key}_in_time"):
                _draw_time(known, scope, apply, key)
        if known.groups or scope.groups:
            words = _some(scope.groups, known.groups, "Any readers", "group")
            with _button(words, bool(scope.groups), f"{key}_in_groups"):
                _draw_groups(known, scope, apply, key)
        if scope:
            st.button("Remove filters", key=f"{key}_none", type="tertiary", on_click=apply, args=(Scope(),))


def draw_menu(services: Services, principal: Principal, scope: Scope, apply: Apply, *, key: str) -> None:
    """All filters behind one button, and a chip for each that is set. Reads what there is only when it is open."""
    with st.container(key=f"{key}_row", horizontal=True, gap="small", vertical_alignment="center"):
        # always the same words: Streamlit would take another label for another button, and close it
        with st.popover("Ask in", key=f"{key}_menu", on_change="rerun", width="content") as menu:
            known = offered(services, principal, scope, key=key) if menu.open or scope else None
            if menu.open and known:
                _draw_documents(known, scope, apply, key)
                if len(known.kinds) > 1 or scope.kinds:
                    _draw_kinds(known, scope, apply, key)
                if known.times or scope.since or scope.until:
                    _draw_time(known, scope, apply, key)
                if known.groups or scope.groups:
                    _draw_groups(known, scope, apply, key)
        if not scope:
            st.html('<span class="soft">all documents</span>', width="content")
        for number, (name, left) in enumerate(chips(scope, known) if known else ()):
            st.button(
                label(shortened(name, _LENGTH)),
                key=f"{key}_chip_{number}",
                icon=":material/close:",
                icon_position="right",
                on_click=apply,
                args=(left,),
            )


def _button(words: str, is_set: bool, key: str) -> st.delta_generator.DeltaGenerator:
    kind = "primary" if is_set else "secondary"
    return st.popover(label(shortened(words, _LENGTH)), key=key, type=kind, width="content")  # type: ignore[arg-type]


def _documents_words(scope: Scope, known: Offered) -> str:
    if not scope.documents:
        return "All documents"
    names_ = [known.documents[id_] for id_ in scope.documents if id_ in known.documents]
    return names_[0] if len(names_) == len(scope.documents) == 1 else counted(len(scope.documents), "document")


def _some(chosen: frozenset[str], known: dict[str, str], none: str, noun: str) -> str:
    if not chosen:
        return none
    (first, *others) = sorted(known.get(value, "") for value in chosen)
    return first if first and not others else counted(len(chosen), noun)


def _draw_documents(known: Offered, scope: Scope, apply: Apply, key: str) -> None:
    if known.facets.documents > LISTED:
        st.text_input(
            "Find a document by its name",
            key=f"{key}_find",
            max_chars=80,
            placeholder=f"{counted(known.facets.documents, 'document')}: find some by name",
        )
    _multiselect("Documents", known.documents, scope.documents, f"{key}_documents", (known, scope, apply, key))


def _draw_kinds(known: Offered, scope: Scope, apply: Apply, key: str) -> None:
    st.session_state[f"{key}_kinds"] = [kind for kind in known.kinds if kind in scope.kinds]
    st.pills(
        "Kind of file",
        known.kinds,
        selection_mode="multi",
        format_func=lambda kind: f"{_KINDS.get(kind, kind)} {known.facets.kinds.get(kind, 0):,}",
        key=f"{key}_kinds",
        on_change=_take,
        args=(known, scope, apply, key),
    )


def _draw_groups(known: Offered, scope: Scope, apply: Apply, key: str) -> None:
    _multiselect("Readable by", known.groups, scope.groups, f"{key}_groups", (known, scope, apply, key))


def _multiselect(
    title: str,
    options: dict[str, str],
    chosen: frozenset[str],
    key: str,
    args: tuple[Offered, Scope, Apply, str],
) -> None:
    st.session_state[key] = [value for value in options if value in chosen]
    st.multiselect(
        title,
        list(options),
        format_func=lambda value: options.get(value, ""),
        key=key,
        placeholder="All",
        on_change=_take,
        args=args,
    )


def _draw_time(known: Offered, scope: Scope, apply: Apply, key: str) -> None:
    """Choices of one click, and any other span of days."""
    span = (scope.since, scope.until)
    args = (known, scope, apply, key)
    if known.times:
        st.session_state[f"{key}_time"] = next((words for words, quick in known.times.items() if quick == span), None)
        st.pills("Dated", list(known.times), key=f"{key}_time", on_change=_take_quick, args=args)
    st.session_state[f"{key}_since"], st.session_state[f"{key}_until"] = span
    with st.container(horizontal=True, gap="small"):
        for name, words in (("since", "From"), ("until", "To")):
            st.date_input(
                words,
                key=f"{key}_{name}",
                min_value=EARLIEST,
                max_value=LATEST,
                format="YYYY-MM-DD",
                on_change=_take,
                args=args,
            )
    st.caption("The date that a document bears, or else the day of its upload.")


def _take(known: Offered, scope: Scope, apply: Apply, key: str) -> None:
    """What the fields say now. What they don't show stays: taking it off unseen would widen the search."""
    state = st.session_state
    apply(
        Scope(
            documents=_chosen(f"{key}_documents", scope.documents, known.documents),
            kinds=_chosen(f"{key}_kinds", scope.kinds, known.facets.kinds),
            groups=_chosen(f"{key}_groups", scope.groups, known.groups),
            since=state.get(f"{key}_since", scope.since),
            until=state.get(f"{key}_until", scope.until),
        )
    )


def _chosen(key: str, before: frozenset[str], shown: Collection[str]) -> frozenset[str]:
    return frozenset(st.session_state.get(key, before)) | {value for value in before if value not in shown}


def _take_quick(known: Offered, scope: Scope, apply: Apply, key: str) -> None:
    since, until = known.times.get(st.session_state.get(f"{key}_time") or "", (None, None))
    apply(replace(scope, since=since, until=until))
