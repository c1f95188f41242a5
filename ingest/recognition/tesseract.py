"""Tesseract through its library's C interface, so that it runs inside the sandbox, where no program can be started.

The library is the one that the system has installed: its language files fit it, and it needs no package of ours.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ingest.recognition.lines import Line, Word
from storage.errors import DocumentError

_LIBRARIES = {
    "linux": ("libtesseract.so.5", "libtesseract.so.4", "libtesseract.so"),
    "darwin": ("/opt/homebrew/lib/libtesseract.dylib", "/usr/local/lib/libtesseract.dylib", "libtesseract.dylib"),
}
_NUMBER, _POINTER, _BYTES = ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p
_BOX = [ctypes.POINTER(ctypes.c_int)] * 4
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TessVersion": (_BYTES, []),
    "TessBaseAPICreate": (_POINTER, []),
    "TessBaseAPIInit2": (_NUMBER, [_POINTER, _BYTES, _BYTES, _NUMBER]),
    "TessBaseAPISetPageSegMode": (None, [_POINTER, _NUMBER]),
    "TessBaseAPISetImage": (None, [_POINTER, _BYTES, _NUMBER, _NUMBER, _NUMBER, _NUMBER]),
    "TessBaseAPISetSourceResolution": (None, [_POINTER, _NUMBER]),
    "TessBaseAPIRecognize": (_NUMBER, [_POINTER, _POINTER]),
    "TessBaseAPIGetIterator": (_POINTER, [_POINTER]),
    "TessBaseAPIClear": (None, [_POINTER]),
    "TessMonitorCreate": (_POINTER, []),
    "TessMonitorDelete": (None, [_POINTER]),
    "TessMonitorSetDeadlineMSecs": (None, [_POINTER, _NUMBER]),
    "TessResultIteratorDelete": (None, [_POINTER]),
    "TessResultIteratorGetPageIterator": (_POINTER, [_POINTER]),
    "TessResultIteratorNext": (_NUMBER, [_POINTER, _NUMBER]),
    "TessResultIteratorGetUTF8Text": (_POINTER, [_POINTER, _NUMBER]),
    "TessResultIteratorConfidence": (ctypes.c_float, [_POINTER, _NUMBER]),
    "TessDeleteText": (None, [_POINTER]),
    "TessPageIteratorIsAtBeginningOf": (_NUMBER, [_POINTER, _NUMBER]),
    "TessPageIteratorBoundingBox": (_NUMBER, [_POINTER, _NUMBER, *_BOX]),
}
_LSTM_ONLY = 1
_AUTO, _AUTO_WITH_ORIENTATION = 3, 1
_PARAGRAPH, _TEXT_LINE, _WORD = 1, 2, 3
_POOR = 60.0  # mean confidence, of 100, below which the page may lie on its side


@cache
def _library() -> Any:
    """None where it is not installed, or so old that a function is missing."""
    for name in _LIBRARIES.get(sys.platform, ()):
        try:
            library = ctypes.CDLL(name)
            for function, (result, arguments) in _FUNCTIONS.items():
                pointer = getattr(library, function)
                pointer.restype, pointer.argtypes = result, arguments
        except (OSError, AttributeError):
            continue
        return library
    return None


def version() -> str:
    """Of the installed library, or ""."""
    library = _library()
    return library.TessVersion().decode("ascii", "replace") if library else ""


class Tesseract:
    """Not for two threads. It lives as long as its process."""

    deadline = True  # it ends by itself after the seconds given

    def __init__(self, languages: tuple[str, ...], folder: str) -> None:
        """Raises DocumentError where a language file can't be loaded."""
        self._library, self._folder = _library(), folder
        self._api = self._library.TessBaseAPICreate()
        names = "+".join(languages).encode()
        if self._library.TessBaseAPIInit2(self._api, folder.encode(), names, _LSTM_ONLY) != 0:
            raise DocumentError("Tesseract could not load its languages.", "Install its language files again.")

    def lines(self, pixels: bytes, width: int, height: int, dpi: int, seconds: float) -> list[Line]:
        """Lines in reading order of a grey picture. Raises DocumentError after `seconds`."""
        found, sure = self._read(pixels, width, height, dpi, seconds, _AUTO)
        if sure < _POOR and (Path(self._folder) / "osd.traineddata").exists():
            turned, surer = self._read(pixels, width, height, dpi, seconds, _AUTO_WITH_ORIENTATION)
            if surer > sure:
                return turned
        return found

    def _read(
        self, pixels: bytes, width: int, height: int, dpi: int, seconds: float, mode: int
    ) -> tuple[list[Line], float]:
        """The lines, and the mean confidence of their characters."""
        library, api = self._library, self._api
        library.TessBaseAPISetPageSegMode(api, mode)
        library.TessBaseAPISetImage(api, pixels, width, height, 1, width)
        library.TessBaseAPISetSourceResolution(api, dpi)
        monitor = library.TessMonitorCreate()
        library.TessMonitorSetDeadlineMSecs(monitor, int(seconds * 1000))
        try:
            if library.TessBaseAPIRecognize(api, monitor) != 0:
                raise DocumentError("It took too long.", "")
            words = list(self._words())
        finally:
            library.TessMonitorDelete(monitor)
            library.TessBaseAPIClear(api)
        lines: list[Line] = []
        for begins_paragraph, begins_line, word, _ in words:
            if begins_line or not lines:
                lines.append(Line([], begins_paragraph))
            lines[-1].words.append(word)
        letters = sum(len(word.text) for _, _, word, _ in words)
        return lines, sum(sure * len(word.text) for _, _, word, sure in words) / max(1, letters)

    def _words(self) -> Iterator[tuple[bool, bool, Word, float]]:
        library = self._library
        results = library.TessBaseAPIGetIterator(self._api)
        if not results:
            return
        page = library.TessResultIteratorGetPageIterator(results)
        box = [ctypes.c_int() for _ in range(4)]
        references = [ctypes.byref(side) for side in box]
        begins_paragraph = begins_line = False
        try:
            while True:
                begins_paragraph |= bool(library.TessPageIteratorIsAtBeginningOf(page, _PARAGRAPH))
                begins_line |= bool(library.TessPageIteratorIsAtBeginningOf(page, _TEXT_LINE))
                text = self._text(results)
                if text and library.TessPageIteratorBoundingBox(page, _WORD, *references):
                    word = Word(text, *(side.value for side in box))
                    sure = library.TessResultIteratorConfidence(results, _WORD)
                    yield begins_paragraph, begins_line, word, sure
                    begins_paragraph = begins_line = False
                if not library.TessResultIteratorNext(results, _WORD):
                    return
        finally:
            library.TessResultIteratorDelete(results)

    def _text(self, results: Any) -> str:
        pointer = self._library.TessResultIteratorGetUTF8Text(results, _WORD)
        if not pointer:
            return ""
        try:
            return ctypes.string_at(pointer).decode("utf-8", "replace").strip()
        finally:
            self._library.TessDeleteText(pointer)
