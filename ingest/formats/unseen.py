"""Characters of a PDF's page that nobody sees: off the page, of no size, or drawn without a trace.

Invisible and nearly white text is doubted, and then looked for in the drawn page: text over a scan, and white words on
a dark ground, leave a trace there. What can't be drawn is taken for seen. Not covered: text that a box or a picture was
drawn over.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.lines import place_on

_INVISIBLE = {3, 7}  # text render modes
_PALE = 232  # of 255; a colour with no channel below may be lost on white paper
_CLEAR = 12  # alpha of 255: nearly nothing is left of any colour
_TINY = 1.0  # points: no reader makes out such letters
_POINT = 0.02  # points: smaller than anything that is drawn, as the boxes of spaces are
_TRACE = 14  # grey levels of 255 between ink and ground
_SCALE = 2.0  # pixels a point: strokes of small letters are not lost between pixels
_LARGEST = 4000  # pixels a side of the drawn page


def unseen(page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage, text: str) -> list[int]:
    """The indexes into `text` of characters that nobody sees."""
    reader = _Reader(page)
    if not reader.doubts():
        return []
    width, height = page.get_size()
    drawn: Any = None
    found = []
    for index, character in enumerate(text):
        if character.isspace() or not reader.doubts_character(text_page.raw, index):
            continue
        box = _box(text_page.raw, index)
        if reader.is_off(box) or box[3] - box[1] < _TINY:
            found.append(index)
        elif reader.is_faint(text_page.raw, index):
            drawn = _drawn(page, width, height) if drawn is None else drawn
            if drawn is not False and not _leaves_trace(drawn, page, box):
                found.append(index)
    return found


def _plain(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    """The same function of pdfium with numbers for addresses: making a pointer's object takes as long as a call."""
    return ctypes.CFUNCTYPE(result, *arguments)(ctypes.cast(function, ctypes.c_void_p).value or 0)


_AT, _INT = ctypes.c_void_p, ctypes.c_int
_count = _plain(pdfium.FPDFPage_CountObjects, _INT, _AT)
_object = _plain(pdfium.FPDFPage_GetObject, _AT, _AT, _INT)
_count_in_form = _plain(pdfium.FPDFFormObj_CountObjects, _INT, _AT)
_object_in_form = _plain(pdfium.FPDFFormObj_GetObject, _AT, _AT, ctypes.c_ulong)
_kind = _plain(pdfium.FPDFPageObj_GetType, _INT, _AT)
_colour_of = _plain(pdfium.FPDFPageObj_GetFillColor, _INT, *5 * [_AT])
_edges_of = _plain(pdfium.FPDFPageObj_GetBounds, _INT, *5 * [_AT])
_matrix_of = _plain(pdfium.FPDFPageObj_GetMatrix, _INT, _AT, _AT)
_mode_of = _plain(pdfium.FPDFTextObj_GetTextRenderMode, _INT, _AT)
_size_of = _plain(pdfium.FPDFTextObj_GetFontSize, _INT, _AT, _AT)
_text_of = _plain(pdfium.FPDFText_GetTextObject, _AT, _AT, _INT)
_colour_at = _plain(pdfium.FPDFText_GetFillColor, _INT, _AT, _INT, *4 * [_AT])


class _Reader:
    """Asks pdfium about a page's text through the same few places in memory: a page has thousands of objects, some
    programs write each letter as one. Objects are told by their addresses; None stands for none."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._page = page.raw
        self._sheet = page.get_bbox()
        self._known: dict[int, bool] = {}  # by the place of a text object in memory
        self._colour, self._edges = (ctypes.c_uint * 4)(), (ctypes.c_float * 4)()
        self._colours, self._sides = _places(self._colour), _places(self._edges)

    def doubts(self) -> bool:
        """Whether there is text that may not be seen."""
        return any(map(self._is_doubtful, self._texts()))

    def doubts_character(self, text_page: Any, index: int) -> bool:
        """Whether it is of such text."""
        text = _text_of(text_page, index)
        if not text:
            return True
        if text not in self._known:
            self._known[text] = self._is_doubtful(text)
        return self._known[text]

    def is_off(self, box: Sequence[float]) -> bool:
        left, bottom, right, top = self._sheet
        return bool(box[2] <= left or box[0] >= right or box[3] <= bottom or box[1] >= top)

    def is_faint(self, text_page: Any, index: int) -> bool:
        text = _text_of(text_page, index)
        if text and _mode_of(text) in _INVISIBLE:
            return True
        return bool(_colour_at(text_page, index, *self._colours)) and self._is_pale()

    def _texts(self) -> Iterator[int]:
        """Of the page, and of the forms in it, as deep as pdfium has read them, with a stack of its own."""
        at = [(_object, self._page, _count(self._page))]
        while at:
            get, holder, count = at.pop()
            for number in range(count):
                one = get(holder, number)
                kind = _kind(one)
                if kind == pdfium.FPDF_PAGEOBJ_TEXT:
                    yield one
                elif kind == pdfium.FPDF_PAGEOBJ_FORM:
                    at.append((_object_in_form, one, _count_in_form(one)))

    def _is_doubtful(self, text: int) -> bool:
        if _colour_of(text, *self._colours) and self._is_pale():
            return True
        if _mode_of(text) in _INVISIBLE:
            return True
        if not _edges_of(text, *self._sides):
            return False
        left, bottom, right, top = self._edges[:]
        if right - left < _POINT and top - bottom < _POINT:  # a space
            return False
        return (top - bottom < _TINY and self._is_small(text)) or self.is_off((left, bottom, right, top))

    def _is_small(self, text: int) -> bool:
        """By the size of its letters, since full stops and dashes are always low."""
        size, matrix = ctypes.c_float(), pdfium.FS_MATRIX()
        if not _size_of(text, ctypes.addressof(size)) or not _matrix_of(text, ctypes.addressof(matrix)):
            return True  # to be looked at closely
        scale = abs(matrix.a * matrix.d - matrix.b * matrix.c) ** 0.5
        return bool(abs(size.value) * scale < _TINY)

    def _is_pale(self) -> bool:
        red, green, blue, alpha = self._colour[:]
        return (red >= _PALE and green >= _PALE and blue >= _PALE) or alpha <= _CLEAR


def _places(array: Any) -> list[int]:
    """The address of each number of the array, for functions that set them one by one; read they are all at once."""
    first, size = ctypes.addressof(array), ctypes.sizeof(array._type_)
    return [first + number * size for number in range(len(array))]


def _box(text_page: Any, index: int) -> tuple[float, float, float, float]:
    box = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(text_page, index, ctypes.byref(box))
    return min(box.left, box.right), min(box.top, box.bottom), max(box.left, box.right), max(box.top, box.bottom)


def _drawn(page: pypdfium2.PdfPage, width: float, height: float) -> Any:
    """The page in grey, as an array; False where it can't be drawn."""
    scale = min(_SCALE, _LARGEST / max(width, height, 1))
    if min(width, height) * scale < 8:
        return False
    try:
        return page.render(scale=scale, grayscale=True).to_numpy().squeeze()
    except (pypdfium2.PdfiumError, ValueError):
        return False


def _leaves_trace(drawn: Any, page: pypdfium2.PdfPage, box: tuple[float, float, float, float]) -> bool:
    rows, columns = drawn.shape[:2]
    place = place_on(page, columns, rows)
    corners = [place(box[0], box[1]), place(box[2], box[3])]
    (left, right), (top, bottom) = (sorted(pair) for pair in zip(*corners, strict=True))
    part = drawn[max(0, top) : bottom + 1, max(0, left) : right + 1]
    return part.size == 0 or int(part.max()) - int(part.min()) >= _TRACE
