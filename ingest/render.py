"""A cited PDF page as a picture, with the place of every character of its stored text.

Places are fractions of the picture (left, top, right, bottom), so that a highlight needs neither the PDF nor the scale.
Formats without pages have nothing to render. pdfium and Pillow run in the sandbox only.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest import sandbox
from ingest.sandbox import Limits
from storage.boxes import Box, of_characters
from storage.errors import DocumentError

SCALE = 1.6  # pixels a point: type of 8 points stays legible
MAX_PIXELS = 6_000_000
MAX_CHARACTERS = 200_000
_QUALITY = 80
_UNITS = 10_000  # boxes travel as whole numbers


@dataclass(frozen=True, slots=True)
class Rendered:
    """`boxes[i]` is where character i of the stored text stands, None where it leaves no mark. Empty: unknown."""

    jpeg: bytes
    width: int
    height: int
    boxes: tuple[Box | None, ...]

    def rectangles(self, start: int, end: int) -> list[Box]:
        return rectangles(self.boxes, start, end)


def render(
    path: str | Path,
    page: int,
    *,
    kind: str = "pdf",
    text: str | None = None,
    words: bytes = b"",
    limits: Limits | None = None,
) -> Rendered:
    """Draw page `page` (1-based) of the PDF or picture at `path`.

    Given the stored `text` of the page, boxes are left out where pdfium now reads another text: a highlight is right or
    absent. A page that was recognised or put in order brings the boxes of its `words` along. Raises DocumentError where
    it can't be drawn.
    """
    limits = limits or Limits(cpu_seconds=30, wall_seconds=30)
    answer = sandbox.run(draw if kind == "pdf" else show, str(path), page, readable=[path], limits=limits)
    try:
        width, height = int(answer["width"]), int(answer["height"])
        known = [_box(values) for values in answer["boxes"]]
        seen = str(answer["text"])
        jpeg = sandbox.to_bytes(answer["jpeg"])
    except (KeyError, TypeError, ValueError) as error:
        raise _undrawn() from error
    if not jpeg.startswith(b"\xff\xd8") or len(seen) != len(known) or not 0 < width * height <= MAX_PIXELS * 2:
        raise _undrawn()
    if words and text is not None:
        return Rendered(jpeg, width, height, of_characters(words, text))
    same = text is None or seen.startswith(text)  # what stands behind may not have been read when `text` was
    return Rendered(jpeg, width, height, tuple(known) if same else ())


def rectangles(boxes: Sequence[Box | None], start: int, end: int) -> list[Box]:
    """The rectangles that text[start:end] covers, one for each stretch of a line, in reading order."""
    merged: list[Box] = []
    blanks = 0  # a space is one character without a box, the end of a line two
    for box in boxes[max(0, start) : max(0, end)]:
        if box is None:
            blanks += 1
        elif merged and _continues(merged[-1], box, same_line=blanks < 2):
            merged[-1] = _around(merged[-1], box)
            blanks = 0
        else:
            merged.append(box)
            blanks = 0
    return merged


def draw(path: str, page: int) -> dict[str, Any]:
    """Runs in the sandbox."""
    import pypdfium2

    from ingest.formats import overlay
    from ingest.formats.pdf import page_text

    try:
        document = pypdfium2.PdfDocument(path)
        overlay.prepare(document)
        if not 1 <= page <= len(document):
            raise DocumentError(f"There is no page {page}.", f"The document has {len(document)} pages.")
        sheet, _ = overlay.opened(document, page - 1)
        scale = min(SCALE, (MAX_PIXELS / max(1.0, sheet.get_width() * sheet.get_height())) ** 0.5)
        bitmap = sheet.render(scale=scale)
        text_page = sheet.get_textpage()
        text = page_text(text_page)
        known = len(text) <= MAX_CHARACTERS
        boxes = list(_boxes(bitmap, sheet, text_page, text)) if known else []
        picture = bitmap.to_pil().convert("RGB")
    except pypdfium2.PdfiumError as error:
        raise _undrawn() from error
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=_QUALITY)
    return {
        "jpeg": sandbox.to_text(data.getvalue()),
        "width": picture.width,
        "height": picture.height,
        "text": text if known else "",
        "boxes": boxes,
    }


def show(path: str, page: int) -> dict[str, Any]:
    """Runs in the sandbox: a page that is a picture."""
    from ingest.formats import picture

    with picture.opened(path) as opened:
        if not 1 <= page <= getattr(opened, "n_frames", 1):
            raise DocumentError(f"There is no page {page}.", "")
        upright, _ = picture.frame(opened, page, MAX_PIXELS)
    data = io.BytesIO()
    upright.save(data, "JPEG", quality=_QUALITY)
    jpeg = sandbox.to_text(data.getvalue())
    return {"jpeg": jpeg, "width": upright.width, "height": upright.height, "text": "", "boxes": []}


def _boxes(bitmap: Any, sheet: Any, text_page: Any, text: str) -> Iterator[list[int]]:
    """Four whole numbers for each character, or an empty list; rotation and crop box are pdfium's own business."""
    place = bitmap.get_posconv(sheet).to_bitmap
    width, height = bitmap.width, bitmap.height
    for index, character in enumerate(text):
        if character.isspace():
            yield []
            continue
        left, bottom, right, top = text_page.get_charbox(index, loose=True)
        (x0, y0), (x1, y1) = place(left, top), place(right, bottom)
        x0, x1 = sorted(min(max(x, 0), width) * _UNITS // width for x in (x0, x1))
        y0, y1 = sorted(min(max(y, 0), height) * _UNITS // height for y in (y0, y1))
        yield [x0, y0, x1, y1] if x0 < x1 and y0 < y1 else []


def _box(values: Any) -> Box | None:
    if not values:
        return None
    x0, y0, x1, y1 = (int(value) for value in values)
    if not (0 <= x0 < x1 <= _UNITS and 0 <= y0 < y1 <= _UNITS):
        raise ValueError("a box outside its page")
    return x0 / _UNITS, y0 / _UNITS, x1 / _UNITS, y1 / _UNITS


def _continues(line: Box, box: Box, *, same_line: bool) -> bool:
    """Does the character go on in the line, at the same height and close by? In turned writing, above or below it?"""
    near = 2.5 * max(box[2] - box[0], box[3] - box[1])
    if _overlap(line[1], line[3], box[1], box[3]) > 0.5:
        return max(line[0], box[0]) - min(line[2], box[2]) < near
    beside = _overlap(line[0], line[2], box[0], box[2]) > 0.5
    return same_line and beside and max(line[1], box[1]) - min(line[3], box[3]) < near


def _overlap(a0: float, a1: float, b0: float, b1: float) -> float:
    """The part of the smaller span that lies within the other."""
    return max(0.0, min(a1, b1) - max(a0, b0)) / max(1e-9, min(a1 - a0, b1 - b0))


def _around(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _undrawn() -> DocumentError:
    return DocumentError("This page can't be drawn.", "Download the original to see it.")
