"""`footnote search`: what its words mean, and how results look in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from app import scopes
from app.search import MOST, Excerpt, Found, Results, excerpt, marks, where
from app.ui.safe_html import clean
from app.words import content_words
from storage import facets
from storage.errors import NotFound
from storage.types import Passage, Principal, Scope

if TYPE_CHECKING:
    from app.services import Services

_MARK = "bold yellow"
_UNFOLDED = 10_000  # characters of a line
_NAMED = 100  # documents that one name may stand for


def scope_of(
    services: Services,
    principal: Principal,
    *,
    documents: Sequence[str],
    kinds: Sequence[str],
    groups: Sequence[str],
    since: str,
    until: str,
) -> Scope:
    """Documents by id or by words of their title or file name, groups by name. Raises NotFound, InvalidInput."""
    return Scope(
        documents=frozenset(id_ for words in documents for id_ in _named(services, principal, words)),
        kinds=scopes.kinds(kinds),
        groups=services.users.group_ids(groups),
        since=scopes.day("--since", since) if since else None,
        until=scopes.day("--until", until) if until else None,
    )


def _named(services: Services, principal: Principal, words: str) -> list[str]:
    by_id = facets.titles(services.database, principal, ids=[words], limit=1)
    found = by_id or facets.titles(services.database, principal, text=words, limit=_NAMED)
    if not found or not words.strip():
        raise NotFound(f"There is no document whose title or file name has {words!r}, or you may not read it.")
    return list(found)


def draw(results: Results, question: str, *, width: int | None = None) -> None:
    """Each document with its passages; the words of the question stand out where the terminal has colours.

    Lines are folded to the terminal, and left whole where the output goes elsewhere.
    """
    console = Console(width=width or (None if sys.stdout.isatty() else _UNFOLDED), highlight=False)
    wanted = content_words(question)
    if results.notice:
        console.print(Text(clean(results.notice), "yellow"))
    for found in results.documents:
        console.print(_title(found))
        for passage in found.passages:
            _draw_passage(passage, wanted, console)
        console.print()
    if not results.documents:
        console.print(f"Nothing found in {results.searched:,} documents.")
    elif results.more:
        console.print(f"There is more: --limit finds up to {MOST}.", style="dim")


def _title(found: Found) -> Text:
    line = Text(_line(found.title), "bold")
    details = [_line(found.name), found.about.dated.isoformat() if found.about.dated else ""]
    line.append(f"  {', '.join(filter(None, details))}", "not bold dim")
    return line


def _draw_passage(passage: Passage, wanted: Sequence[str], console: Console) -> None:
    console.print(Text(f"  {_line(where(passage))}", "dim"))
    shown = excerpt(passage, wanted)
    for line in _lines(passage, shown):
        console.print(Padding(_marked(line, wanted), (0, 0, 0, 4), expand=False))


def _lines(passage: Passage, shown: Excerpt) -> list[str]:
    lines = []
    if shown.end > shown.start:
        text = _line(passage.text[shown.start : shown.end])
        lines.append(f"{'... ' if shown.before else ''}{text}{' ...' if shown.after else ''}")
    for table in shown.tables:
        rows = [table.header] if any(table.header) else []
        lines += [" | ".join(map(_line, cells)) for cells in (*rows, *(row.cells for row in table.rows))]
    return lines


def _marked(line: str, wanted: Sequence[str]) -> Text:
    text = Text(line)
    for start, end in marks(line, wanted):
        text.stylize(_MARK, start, end)
    return text


def _line(text: str) -> str:
    """On one line, and without characters that a terminal would obey."""
    return " ".join(clean(text).split())
