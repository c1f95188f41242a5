"""PNG, JPEG and TIFF: each picture a page, read by text recognition. A TIFF may hold many."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageOps, UnidentifiedImageError

from ingest.child import report
from ingest.formats.headings import Page, biggest, sections
from ingest.formats.scan import recognised
from ingest.formats.sections import File, Reading, one_line
from ingest.recognition.recogniser import MAX_PIXELS
from storage.errors import DocumentError

KINDS = ("PNG", "JPEG", "TIFF")
LARGEST = 200_000_000  # pixels of one picture
_USUAL_DPI = 70, 1200  # others are taken for mistakes
_ORIENTATION = 0x0112  # in EXIF; 1 is upright
_LONG_SIDE = 11.7  # inches: what says nothing of its size is taken for a page of A4
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, OverflowError)


def read(file: File, *, max_pages: int, max_characters: int, no_ocr: str = "") -> Reading:
    """Raises DocumentError for broken pictures, and for more or larger ones than can be taken."""
    pages: list[Page] = []
    unread: dict[int, str] = {}
    with opened(file) as picture:
        count = getattr(picture, "n_frames", 1)
        if count > max_pages:
            raise DocumentError(f"It holds {count:,} pictures; {max_pages:,} can be taken.", "Split it into parts.")
        for number in range(1, count + 1):
            page, why = (None, no_ocr) if no_ocr else _page(picture, number, last=number == count)
            if page is None:
                unread[number] = why
            pages.append(page or Page("", []))
            max_characters -= len(pages[-1].text)
            if max_characters < 0:
                raise DocumentError("It holds more text than can be taken in one piece.", "Split it into parts.")
            report(number, count)
        title = one_line(str(picture.info.get("Title") or ""))[:200]
    return Reading(sections(pages, ()), title, biggest(pages), unread=unread)


@contextmanager
def opened(file: File) -> Iterator[Image.Image]:
    """The picture, its pixels not read yet. Raises DocumentError where it is broken."""
    if isinstance(file, str):
        with open(file, "rb") as data, opened(data) as picture:  # by its path, Pillow maps it beside its pixels
            yield picture
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pixels, which are counted here
        try:
            with Image.open(file, formats=KINDS) as picture:
                yield picture
        except (UnidentifiedImageError, Image.DecompressionBombError, *_BROKEN) as error:
            raise DocumentError("This picture is damaged and could not be read.", "Save it again as PNG.") from error


def frame(picture: Image.Image, number: int, max_pixels: int) -> tuple[Image.Image, float]:
    """Picture `number` (from 1) upright, in colour or grey, of at most `max_pixels`, and its pixels an inch.

    Raises DocumentError for a picture too large to be opened.
    """
    if number > 1 or getattr(picture, "n_frames", 1) > 1:
        picture.seek(number - 1)
    width, height = picture.size
    if width * height > LARGEST or min(width, height) < 1:
        raise DocumentError(f"The picture has {width:,} by {height:,} pixels.", "Save it smaller and upload that.")
    dpi = _dpi(picture)
    factor = max(1.0, (width * height / max_pixels) ** 0.5)
    if factor > 1:
        picture.draft("L", (int(width / factor), int(height / factor)))  # only JPEG can, and does so roughly
    upright = picture if picture.getexif().get(_ORIENTATION, 1) == 1 else ImageOps.exif_transpose(picture)
    factor = max(1.0, (upright.width * upright.height / max_pixels) ** 0.5)
    if factor > 1 and upright.mode in {"L", "RGB", "CMYK"}:  # at once: each further copy would be as large
        upright, factor = _smaller(upright, factor), 1.0
    if "A" in upright.mode or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
    elif upright.mode.startswith(("I", "F")):  # 16 bits: converting would cut off all but the darkest
        low, high = upright.getextrema()
        span = max(1e-9, float(high) - float(low))  # type: ignore[arg-type]  # of one band
        upright = upright.point(lambda value: value * (255 / span) - float(low) * 255 / span).convert("L")  # type: ignore[arg-type]
    upright = upright.convert("L" if upright.mode in {"1", "L"} else "RGB")
    upright = _smaller(upright, factor)
    return upright, dpi * upright.width / (width if (width > height) == (upright.width > upright.height) else height)


def _smaller(picture: Image.Image, factor: float) -> Image.Image:
    size = max(1, int(picture.width / factor)), max(1, int(picture.height / factor))
    return picture.resize(size, Image.Resampling.BOX) if factor > 1 else picture


def _page(picture: Image.Image, number: int, *, last: bool) -> tuple[Page | None, str]:
    try:
        upright, dpi = frame(picture, number, MAX_PIXELS)
    except DocumentError as error:
        return None, error.reason.rstrip(".").lower()
    except _BROKEN:
        return None, "damaged, it could not be opened"
    if last:
        picture.close()  # its pixels would stand in memory beside recognition, four bytes each
    grey = upright.convert("L")
    del upright  # so would these, three bytes each
    return recognised(grey, dpi)


def _dpi(picture: Image.Image) -> float:
    said = picture.info.get("dpi")
    try:
        dpi = float(said[0]) if said else 0.0
    except (TypeError, ValueError, ZeroDivisionError):
        dpi = 0.0
    low, high = _USUAL_DPI
    return dpi if low <= dpi <= high else max(picture.size) / _LONG_SIDE  # a resolution of 1/0 is no number
