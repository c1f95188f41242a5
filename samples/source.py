"""Reads the sources of the sample documents: front matter in TOML and a subset of Markdown.

The subset is headings, paragraphs, bold, flat lists, tables, and block quotes as notes. Layout is not its business.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

HERE = Path(__file__).resolve().parent
COMPANY = "Kaltenbrook Pumps"
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
# what the title block shows of the front matter, in this order
LABELS = {
    "en": {
        "number": "Document",
        "version": "Version",
        "valid": "Valid from",
        "date": "Date",
        "owner": "Owner",
        "class": "Class",
    },
    "de": {
        "number": "Dokument",
        "version": "Version",
        "valid": "Gültig ab",
        "date": "Datum",
        "owner": "Zuständig",
        "class": "Klasse",
    },
}
LISTS = {"bullet_list_close": "bullets", "ordered_list_close": "numbers", "blockquote_close": "note"}

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a source. `lines` holds the text of a heading, paragraph or note, or a list's items."""

    kind: str  # heading, paragraph, bullets, numbers, note or table
    lines: tuple[str, ...] = ()
    level: int = 0
    rows: Rows = ()

    @property
    def is_caption(self) -> bool:
        return self.kind == "paragraph" and self.lines[0].startswith(("**Table ", "**Tabelle "))


@dataclass(frozen=True, slots=True)
class Source:
    file: str
    title: str
    language: str
    front: dict[str, Any]
    body: str

    @property
    def control(self) -> Rows:
        """The rows of the title block: label and value."""
        labels = LABELS[self.language]
        return tuple((label, str(self.front[key])) for key, label in labels.items() if key in self.front)

    @property
    def running(self) -> str:
        """The line at the foot of each page."""
        return " · ".join(str(self.front[key]) for key in ("number", "version", "valid", "date") if key in self.front)


def read_sources() -> list[Source]:
    """One source for each document in samples.toml, in that order. Raises FileNotFoundError where one is missing."""
    listed = tomllib.loads((HERE / "samples.toml").read_text(encoding="utf-8"))["documents"]
    sources = []
    for row in listed:
        text = (HERE / "sources" / f"{Path(row['file']).stem}.md").read_text(encoding="utf-8")
        _, front, body = text.split("+++\n", 2)
        sources.append(Source(row["file"], row["title"], row["language"], tomllib.loads(front), body.lstrip("\n")))
    return sources


def parse(body: str) -> Iterator[Block]:
    """Blocks in reading order. Anything outside the subset comes out as plain paragraphs."""
    level, inside = 0, False
    lines: list[str] = []
    rows: list[tuple[str, ...]] = []
    for token in MARKDOWN.parse(body):
        if token.type in ("bullet_list_open", "ordered_list_open", "blockquote_open", "table_open"):
            inside, lines, rows = True, [], []
        elif token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "tr_open":
            lines = []
        elif token.type == "tr_close":
            rows.append(tuple(lines))
        elif token.type == "inline":
            content = " ".join(token.content.split())
            if inside:
                lines.append(content)
            else:
                yield Block("heading" if level else "paragraph", (content,), level)
                level = 0
        elif token.type in LISTS:
            yield Block(LISTS[token.type], tuple(lines))
            inside = False
        elif token.type == "table_close":
            yield Block("table", rows=tuple(rows))
            inside = False


def bold_runs(text: str) -> Iterator[tuple[str, bool]]:
    """The text in runs, each with whether it is bold."""
    for i, part in enumerate(text.split("**")):
        if part:
            yield part, i % 2 == 1
