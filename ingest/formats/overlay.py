"""What was typed onto a PDF's page without being part of it: the fields of forms, and notes written over it.

They are made part of a copy of the page, which is read and drawn. The characters that were there stay where they are;
what was typed is read behind the words that it stands beside. Hidden fields are left out. Not covered: notes without a
drawing of their own, the order on pages that are shown turned, ticks that are no letters, and comments that open on a
click.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.reading_order import Ordered

_WITH_WORDS = {pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP}
_MOST = 1_000  # of a page, and of objects in one
_DEPTH = 4  # of forms in forms
_WORD = re.compile(r"\S+")

Box = tuple[float, float, float, float]
"""left, bottom, right, top in the page's own points"""


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    box: Box


@dataclass(frozen=True, slots=True)
class Overlay:
    """Where something was typed onto an open page, and the places in memory of the page's objects that it became."""

    boxes: tuple[Box, ...] = ()
    objects: frozenset[int] = frozenset()


def prepare(document: pypdfium2.PdfDocument) -> None:
    """Before the first page is opened: has fields drawn whose program did not draw them."""
    if document.get_formtype() != pdfium.FORMTYPE_NONE:
        document.init_forms()


def opened(document: pypdfium2.PdfDocument, index: int) -> tuple[pypdfium2.PdfPage, Overlay]:
    """The page with what was typed onto it. Raises PdfiumError for a broken page.

    Such a page is a copy: the fonts that it has from the whole document would be lost where it is changed.
    """
    page = _whole(document, index)
    boxes = tuple(_boxes(page))
    if not boxes:
        return page, Overlay()
    printed = _count(page)
    copy = pypdfium2.PdfDocument.new()
    copy.import_pages(document, [index])
    page.close()
    page = copy[0]
    if pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
        page.close()
        page = copy[0]
    return page, Overlay(boxes, frozenset(_texts(page, printed)))


def _whole(document: pypdfium2.PdfDocument, index: int) -> pypdfium2.PdfPage:
    """The page; where its crop box leaves nothing of it, uncropped, as viewers show it. pdfium makes it 0 x 0."""
    page = document[index]
    if min(page.get_size()) > 0:
        return page
    page.set_cropbox(*page.get_mediabox())
    page.close()
    return document[index]  # its size is told when it is opened


def _texts(page: pypdfium2.PdfPage, first: int) -> Iterator[int]:
    """The texts behind the first objects of a page, and those of the forms there; with a stack of its own."""
    at = [(pdfium.FPDFPage_GetObject(page.raw, number), 0) for number in range(first, _count(page))]
    while at:
        one, depth = at.pop()
        kind = pdfium.FPDFPageObj_GetType(one)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            yield _address(one)
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEPTH:
            inner = min(pdfium.FPDFFormObj_CountObjects(one), _MOST)
            at += [(pdfium.FPDFFormObj_GetObject(one, number), depth + 1) for number in range(inner)]


def _count(page: pypdfium2.PdfPage) -> int:
    return int(pdfium.FPDFPage_CountObjects(page.raw))


def _address(text: Any) -> int:
    return ctypes.cast(text, ctypes.c_void_p).value or 0


def _boxes(page: pypdfium2.PdfPage) -> Iterator[Box]:
    edges = pdfium.FS_RECTF()
    for number in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MOST)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        if pdfium.FPDFAnnot_GetSubtype(annotation) in _WITH_WORDS and pdfium.FPDFAnnot_GetRect(annotation, edges):
            yield edges.left, edges.bottom, edges.right, edges.top
        pdfium.FPDFPage_CloseAnnot(annotation)


def beside(text_page: pypdfium2.PdfTextPage, text: str, overlay: Overlay) -> Ordered | None:
    """The page's text with what was typed behind the words to the left of it, or below the line above it.

    None where nothing was.
    """
    words = [_Word(m.start(), m.end(), _box(text_page, m.start(), m.end())) for m in _WORD.finditer(text)]
    printed: list[_Word] = []
    typed: dict[Box, list[_Word]] = {}
    for word in words:
        if _address(pdfium.FPDFText_GetTextObject(text_page.raw, word.start)) not in overlay.objects:
            printed.append(word)
            continue
        typed.setdefault(min(overlay.boxes, key=partial(_distance, word)), []).append(word)
    behind: dict[int, list[tuple[bool, _Word]]] = {}
    for box, inside in sorted(typed.items()):
        at, same_line = _place(box, printed, text)
        behind.setdefault(at, []).extend((same_line or word is not inside[0], word) for word in inside)
    return _put_together(text, printed, behind) if typed else None


def _box(text_page: pypdfium2.PdfTextPage, start: int, end: int) -> Box:
    left, bottom, right, top = text_page.get_charbox(start, loose=True)
    last = text_page.get_charbox(end - 1, loose=True)
    return min(left, last[0]), min(bottom, last[1]), max(right, last[2]), max(top, last[3])


def _distance(word: _Word, box: Box) -> tuple[float, float]:
    """Of its middle from the box; of boxes that lie in each other the smaller is nearer."""
    x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
    beside, above = max(box[0] - x, x - box[2], 0.0), max(box[1] - y, y - box[3], 0.0)
    return beside + above, (box[2] - box[0]) * (box[3] - box[1])


def _place(box: Box, printed: Sequence[_Word], text: str) -> tuple[int, bool]:
    """Behind which printed word, -1 for before all, and whether on its line."""
    left, bottom, right, top = box
    level = [at for at, word in enumerate(printed) if bottom < (word.box[1] + word.box[3]) / 2 < top]
    if before := [at for at in level if printed[at].box[0] < left]:
        return max(before, key=lambda at: (printed[at].box[2], -at)), True
    above = [at for at, word in enumerate(printed) if (word.box[1] + word.box[3]) / 2 >= top]
    over = [at for at in above if printed[at].box[0] < right and printed[at].box[2] > left]
    if not (over or above):
        return -1, False
    nearest = min(over or above, key=lambda at: (printed[at].box[1], -at))
    while nearest + 1 < len(printed) and "\n" not in text[printed[nearest].end : printed[nearest + 1].start]:
        nearest += 1
    return nearest, False


def _put_together(text: str, printed: Sequence[_Word], behind: dict[int, list[tuple[bool, _Word]]]) -> Ordered:
    parts: list[str] = []
    at: list[int] = []

    def add(start: int, end: int, gap: str) -> None:
        if at:
            parts.append(gap)
            at.extend([at[-1]] * len(gap))
        parts.append(text[start:end])
        at.extend(range(start, end))

    for number in range(-1, len(printed)):
        if number >= 0:
            word = printed[number]
            add(word.start, word.end, _gap(text, printed[number - 1].end, word.start) if number else " \n")
        for same_line, word in behind.get(number, ()):
            add(word.start, word.end, " " if same_line else " \n")
    return Ordered("".join(parts), at)


def _gap(text: str, start: int, end: int) -> str:
    """What stands between two words, once that is gone which was typed there."""
    between = text[start:end]
    return between if between.isspace() else " \n" if "\n" in between else " "
