"""Which text recognition (OCR) runs on this machine, and in which languages.

Tesseract where its library and a language are installed: five times faster. Else rapidocr, which carries its models.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.recognition import tesseract
from storage.errors import InvalidInput

FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
    "/opt/local/share/tessdata",
)
MOST = 3  # languages at a time, where none are chosen: each takes its time
INSTALL = "Install Tesseract with your languages (apt install tesseract-ocr tesseract-ocr-deu), or footnote[ocr]."


@dataclass(frozen=True, slots=True)
class Engine:
    """`name` is "tesseract" or "rapidocr"; `languages` are Tesseract's ("eng"), empty where the models know them all.

    `folder` holds Tesseract's language files.
    """

    name: str
    version: str = ""
    languages: tuple[str, ...] = ()
    folder: str = ""

    def __str__(self) -> str:
        words = f"{self.name} {self.version}".strip()
        return f"{words}, languages: {', '.join(self.languages)}" if self.languages else words


def find(wanted: str = "", languages: str = "", folder: Path | None = None) -> Engine | None:
    """The engine to use, or None where there is none, or `wanted` is "off".

    `wanted` is an engine's name, or "" for the best that is there. `languages` is as Tesseract takes it ("eng+deu"),
    or "" for all that are installed. Raises InvalidInput where what is asked for is not there.
    """
    if wanted == "off":
        return None
    if wanted != "rapidocr" and (found := _tesseract(languages, folder)):
        return found
    if wanted != "tesseract" and has_rapidocr():
        return Engine("rapidocr", importlib.metadata.version("rapidocr"))
    if wanted:
        raise InvalidInput(f"OCR: {wanted} is not installed here. {INSTALL}")
    return None


def has_rapidocr() -> bool:
    """Whether rapidocr is there, with something to run its models."""
    engines = ("openvino", "onnxruntime")
    return _is_installed("rapidocr") and any(map(_is_installed, engines))


def _tesseract(languages: str, folder: Path | None) -> Engine | None:
    version = tesseract.version()
    if not version:
        return None
    for place in [folder] if folder else map(Path, FOLDERS):
        known = sorted(path.stem for path in place.glob("*.traineddata"))
        if usable := [name for name in known if name not in {"osd", "equ"}]:
            return Engine("tesseract", version, _chosen(languages, usable), str(place))
    return None


def _chosen(languages: str, known: Sequence[str]) -> tuple[str, ...]:
    asked = [name.strip() for name in languages.split("+") if name.strip()]
    if missing := [name for name in asked if name not in known]:
        raise InvalidInput(
            f"OCR_LANGUAGES: Tesseract has no {', '.join(missing)} here, but {', '.join(known)}. "
            "Install what is missing, or leave it out."
        )
    return tuple(asked) or tuple(sorted(known, key=lambda name: (name != "eng", name))[:MOST])


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
