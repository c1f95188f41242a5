"""What a search found as HTML: documents, their passages with the words of the question marked, rows of tables.

Pure functions. Everything foreign passes through `safe_html`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from app.search import Found, Results, Rows, excerpt, link, marks, target, where
from app.ui.safe_html import attribute, plain
from app.ui.wording import counted, day, number
from storage.types import Passage

SHOWN = 3  # passages of a document; the others are folded
_BREAK = re.compile(r"\s*\n\s*\n\s*|\s*\n\s*(?=(?:[-–•*▪◦]|\d{1,2}[.)])\s)")  # between paragraphs, before an item


def head(found: Found) -> str:
    """The document's title, which opens its best passage, and what it is."""
    parts = [f"<bdi>{plain(found.name)}</bdi>"] if found.name != found.title else []
    if found.about.period or found.about.dated:
        dated = day(found.about.dated) if found.about.dated else ""
        parts.append(f"<bdi>{plain(found.about.period)}</bdi>" if found.about.period else dated)
    parts.append(counted(len(found.passages), "passage"))
    opener = f'<a href="#passage-{target(found.passages[0])}" role="button"><bdi>{plain(found.title)}</bdi></a>'
    return f'<div class="found"><h2>{opener}</h2><div class="meta">{_spans(parts)}</div></div>'


def hits(found: Found, question: str, wanted: Collection[str]) -> str:
    shown = [_hit(passage, found, question, wanted) for passage in found.passages]
    if len(shown) <= SHOWN + 1:  # one more takes no more room than the line that unfolds it
        return f'<div class="hits">{"".join(shown)}</div>'
    folded = "".join(shown[SHOWN:])
    summary = f"<summary>{counted(len(shown) - SHOWN, 'more passage')} of this document</summary>"
    details = f'<details class="more">{summary}{folded}</details>'
    return f'<div class="hits">{"".join(shown[:SHOWN])}{details}</div>'


def summary(results: Results, readable: int, took: float) -> str:
    """What was found, where, and how long it took."""
    passages = counted(len(results.passages), "passage")
    first = "First " if results.more else ""
    of_all = "" if results.searched >= readable else f" of {number(readable)}"
    parts = [
        f"{first}{passages} in {counted(len(results.documents), 'document')}",
        f"{number(results.searched)}{of_all} documents searched",
        f"{took:.2f} s",
    ]
    return f'<div class="meta" role="status">{_spans(parts)}</div>'


def marked(text: str, wanted: Collection[str]) -> str:
    """The text escaped, the words of the question in <mark>."""
    parts, at = [], 0
    for start, end in marks(text, wanted):
        parts.append(f"{plain(text[at:start])}<mark>{plain(text[start:end])}</mark>")
        at = end
    return "".join([*parts, plain(text[at:])])


def _hit(passage: Passage, found: Found, question: str, wanted: Collection[str]) -> str:
    shown, name = excerpt(passage, wanted), target(passage)
    text = passage.text[shown.start : shown.end].strip()
    before, after = "… " if shown.before else "", " …" if shown.after else ""
    lines = "<br>".join(marked(line, wanted) for line in _BREAK.split(text))
    words = f"<p>{before}{lines}{after}</p>" if text else ""
    tables = "".join(_table(rows, wanted) for rows in shown.tables)
    place = plain(where(passage))
    opener = f'<a class="hit" href="#passage-{name}" role="button">{place}</a>'
    copy = (
        f'<a class="share" data-copy="1" href="{plain(link(passage, question))}" target="_self"'
        f' aria-label="Copy a link to {attribute(f"{found.title}, {where(passage)}", 120)}">Copy link</a>'
    )
    return f'<article class="hit" dir="auto"><div class="line-up">{opener}{copy}</div>{words}{tables}</article>'


def _table(rows: Rows, wanted: Collection[str]) -> str:
    lines = [_row(rows.header, "th", wanted)] if any(rows.header) else []
    lines += [_row(row.cells, "td", wanted) for row in rows.rows]
    return f'<div class="rows"><table>{"".join(lines)}</table></div>'


def _row(cells: Sequence[str], tag: str, wanted: Collection[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{marked(cell, wanted)}</{tag}>' for cell in cells)}</tr>"


def _spans(parts: Sequence[str]) -> str:
    return "".join(f"<span>{part}</span>" for part in parts if part)
