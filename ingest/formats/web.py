"""HTML pages: headings, paragraphs, lists, terms and tables as read on screen. Nothing is fetched, no script runs.

What a list of terms says stands under its term as under a heading. Ways to other pages are left out.

Read as a stream of tags, not as a tree: nesting without end costs neither stack nor content.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from ingest.formats.sections import File, Reading, SectionWriter, contents, one_line, properties
from ingest.formats.stylesheet import hidden_selectors, hides, matches
from ingest.formats.text import decode


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SILENT = _tags("script style noscript template nav svg math iframe object canvas audio video select button")
_VOID = _tags("area base br col embed hr img input link meta source track wbr")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_NAVIGATION = _tags("nav navbar navheader navfooter navigation breadcrumb breadcrumbs pagination pager")  # classes
_LONGEST_TERM = 120  # characters; longer ones are text
_BLOCKS = _tags(
    "p div section article main header footer aside blockquote ul ol li dl dt dd table thead tbody tfoot tr td th"
    " caption figure figcaption address fieldset form details summary hr pre body html"
)


def read(file: File, *, max_characters: int) -> Reading:
    writer = SectionWriter(max_characters=max_characters)
    title, claims = write(decode(contents(file)), writer)
    return Reading(writer.finish(), title, writer.headline, properties=properties(claims))


def write(html: str, writer: SectionWriter) -> tuple[str, list[tuple[str, str]]]:
    """Write what a page shows; return its title and what its meta elements claim."""
    page = _Page(writer, styled="<script" not in html.lower())
    page.feed(html)
    page.close()
    page.end_block()
    return one_line("".join(page.title)), page.claims


class _Page(HTMLParser):
    def __init__(self, writer: SectionWriter, *, styled: bool) -> None:
        """`styled`: what the page's own rules hide stays hidden, as no script shows it again."""
        super().__init__(convert_charrefs=True)
        self._styled = styled
        self._hiding: frozenset[str] = frozenset()
        self._rules: list[str] = []
        self.writer = writer
        self.title: list[str] = []
        self.claims: list[tuple[str, str]] = []
        self._in_title = False
        self._words: list[str] = []
        self._silent: list[str] = []  # the open tags since one that is not shown
        self._heading = 0
        self._preformatted = 0
        self._lists: list[int | None] = []
        self._mark: str | None = None
        self._terms = 0  # lists of terms that are open
        self._in_term = False
        self._tables = 0
        self._rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            if tag in {"br", "hr"} and not self._silent:
                self._words.append("\n")
            elif tag == "meta" and len(self.claims) < 200:
                given = dict(attrs)
                self.claims.append((given.get("name") or given.get("property") or "", given.get("content") or ""))
            return
        if self._silent:
            if tag == self._silent[0]:  # only its own kind can hide the end of a hidden element
                self._silent.append(tag)
            return
        if (
            tag in _SILENT
            or _is_hidden(dict(attrs))
            or _leads_elsewhere(tag, dict(attrs))
            or matches(self._hiding, tag, dict(attrs))
        ):
            self._silent.append(tag)
            return
        if tag == "title":
            self._in_title = not self.title
            return
        if tag in _BLOCKS or tag in _HEADINGS:
            self._open_block(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            if tag == "style" and self._styled and not self._silent:
                self._hiding |= hidden_selectors("".join(self._rules))
                self._rules.clear()
            return
        if tag == "title":
            self._in_title = False
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._close_block(tag)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif self._silent == ["style"]:
            self._rules.append(data)
        elif not self._silent:
            self._words.append(data if self._preformatted else re.sub(r"\s+", " ", data))

    def end_block(self) -> None:
        """Write what was gathered since the last border."""
        text = "".join(self._words)
        if self._tables:
            if self._rows and self._rows[-1] and text.strip():
                self._rows[-1][-1] = one_line(f"{self._rows[-1][-1]} {text}").replace(" | ", " / ")
                self._words.clear()
                return
            if self._rows:
                return
        self._words.clear()
        if not text.strip():
            return
        if self._heading:
            self.writer.heading(self._heading, text)
        elif self._in_term and len(text) <= _LONGEST_TERM:
            self.writer.heading(len(_HEADINGS) + self._terms, text, opens=False)
        elif self._mark is not None:
            self.writer.item(text, depth=max(0, len(self._lists) - 1), mark=self._mark)
            self._mark = None
        elif self._preformatted:
            self.writer.verbatim(text)
        else:
            self.writer.paragraph("\n".join(line.strip() for line in text.split("\n")))

    def _open_block(self, tag: str) -> None:
        self.end_block()
        if tag == "table":
            self._tables += 1
        elif self._tables:
            if self._tables == 1 and tag == "tr":
                self._rows.append([])
            elif self._tables == 1 and tag in {"td", "th"}:
                if not self._rows:
                    self._rows.append([])
                self._rows[-1].append("")
        elif tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag == "dl":
            self._terms += 1
        elif tag in {"dt", "dd"}:
            self._in_term = tag == "dt"
        elif tag in {"ul", "ol"}:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._mark = "-"
            if self._lists and (number := self._lists[-1]) is not None:
                self._mark, self._lists[-1] = f"{number}.", number + 1
        elif tag == "pre":
            self._preformatted += 1

    def _close_block(self, tag: str) -> None:
        self.end_block()
        if tag == "table" and self._tables:
            self._tables -= 1
            if not self._tables:
                self.writer.table(self._rows)
                self._rows = []
        elif self._tables:
            return
        elif tag in _HEADINGS:
            self._heading = 0
        elif tag == "dl" and self._terms:
            self.writer.leave(len(_HEADINGS) + self._terms)
            self._terms -= 1
        elif tag in {"dt", "dd"}:
            self._in_term = False
        elif tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._mark = None
        elif tag == "pre" and self._preformatted:
            self._preformatted -= 1


def _leads_elsewhere(tag: str, attributes: dict[str, str | None]) -> bool:
    classes = (attributes.get("class") or "").casefold().split()
    return attributes.get("role") == "navigation" or (
        tag in {"div", "ul", "ol"} and not _NAVIGATION.isdisjoint(classes)
    )


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    return "hidden" in attributes or attributes.get("aria-hidden") == "true" or hides(attributes.get("style") or "")
