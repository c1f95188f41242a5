"""The footnotes of one answer: which words of which page each number stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from storage.types import Citation, Passage

_MARK = re.compile(r"(?<!\\)\[(\d{1,4})\]")


class Footnotes:
    """Numbers count in order of appearance; the same words of the same page share one."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int, int, int], int] = {}
        self._citations: list[Citation] = []

    @property
    def citations(self) -> tuple[Citation, ...]:
        return tuple(self._citations)

    def number(self, passage: Passage, start: int, end: int) -> int:
        """The number of passage.text[start:end]."""
        return self._add(
            Citation(
                n=0,
                document_id=passage.document_id,
                version_id=passage.version_id,
                page=passage.page,
                start=passage.start + start,
                end=passage.start + end,
                title=passage.title,
                name=passage.name,
                heading=passage.heading,
                text=passage.text[start:end],
                place=passage.place,
            )
        )

    def shorten(self, count: int) -> None:
        """Take back all but the first `count`: the text that they stood in is gone."""
        self._citations = self._citations[:count]
        self._numbers = {key: n for key, n in self._numbers.items() if n <= count}

    def take_over(self, text: str, citations: Sequence[Citation]) -> str:
        """`text` with footnotes of its own, in the numbers of this answer."""
        known = {citation.n: citation for citation in citations}

        def renumbered(found: re.Match[str]) -> str:
            citation = known.get(int(found[1]))
            return f"[{self._add(citation)}]" if citation else found[0]

        return _MARK.sub(renumbered, text)

    def taken_over(self, numbers: Sequence[int], citations: Sequence[Citation]) -> tuple[int, ...]:
        """The numbers here of those that `take_over` took over."""
        known = {citation.n: self._numbers.get(_key(citation)) for citation in citations}
        return tuple(dict.fromkeys(n for n in map(known.get, numbers) if n is not None))

    def _add(self, citation: Citation) -> int:
        key = _key(citation)
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers) + 1
            self._citations.append(replace(citation, n=self._numbers[key]))
        return self._numbers[key]


def _key(citation: Citation) -> tuple[str, int, int, int]:
    return citation.version_id, citation.page, citation.start, citation.end
