"""Whether words that a question set quotes stand in passages, up to white space and marks of Markdown and templates."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import unescape

_IMAGE_OR_LINK = re.compile(r"!?\[([^\]]*)\](?:\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\])")
_TEMPLATE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.S)
_TAG = re.compile(r"<!--.*?-->|</?(?!https?:)[A-Za-z][^<>]*>", re.S)
_NAMED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_PIECE = re.compile(r"[^\W_]+|[^\w\s]")
_GAP = 4  # characters of white space between a passage and the next one of its page
_MARKS = frozenset("*_`~#<>|\\\u00ad")


@dataclass(frozen=True, slots=True)
class Text:
    """Words of a page or section of a document: the characters from `start` on."""

    document: str
    version_id: str
    page: int
    start: int
    text: str


def ranks(evidence: Sequence[str], texts: Sequence[Text], documents: Collection[str] = ()) -> tuple[int, ...]:
    """For each string how many of `texts`, from the first, it takes until it stands there whole; 0 where it never does.

    Neighbouring texts of one page are read as one. `documents`: only texts of these count, of all where it is empty.
    """
    found = dict.fromkeys(range(len(evidence)), 0)
    wanted = {number: _plain(string) for number, string in enumerate(evidence)}
    pages: dict[tuple[str, int], list[Text]] = {}
    for rank, text in enumerate(texts, 1):
        if not wanted:
            break
        if documents and text.document not in documents:
            continue
        page = pages.setdefault((text.version_id, text.page), [])
        page.append(text)
        given = _plain(_joined(page))
        for number, words in list(wanted.items()):
            if words in given:
                found[number] = rank
                del wanted[number]
    return tuple(found.values())


def stands_in(evidence: str, text: str) -> bool:
    return _plain(evidence) in _plain(text)


def _joined(page: Sequence[Text]) -> str:
    """In the order of the page; what overlaps is there once, what is missing between parts them."""
    whole, end = "", 0
    for text in sorted(page, key=lambda one: one.start):
        parted = whole and text.start > end + _GAP
        whole += "\n\N{REPLACEMENT CHARACTER}\n" if parted else "\n" if text.start > end else ""
        whole += text.text[max(0, end - text.start) :] if whole else text.text
        end = max(end, text.start + len(text.text))
    return whole


def _plain(text: str) -> str:
    """The words and signs, each between spaces, of what Markdown, HTML and Liquid would show."""
    text = _TEMPLATE.sub(lambda tag: " ".join(a or b for a, b in _NAMED.findall(tag[0])), text)
    text = unescape(_TAG.sub(" ", _IMAGE_OR_LINK.sub(r"\1", text)))
    return f" {' '.join(piece for piece in _PIECE.findall(text) if piece not in _MARKS)} "
