"""Files inside a file: what a mail carries and an archive holds, each read by its own format into one document.

Its sections are headed and called by the file's name. What can't be read is left out with a warning that says why. One
`Budget` bounds the whole, however deep files lie in files.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ingest.formats.sections import PATH, Reading, heading_path, one_line
from storage.errors import DocumentError
from storage.types import Heading, Section

LARGEST = 256 * 1024**2  # bytes of one file inside another
_NAMED = 10  # warnings of their own


@dataclass(slots=True)
class Budget:
    """What one document may still take, with all that lies in it. `careful` keeps native code away from PDFs.

    `no_ocr` says why pages without text can't be recognised, where they can't.
    """

    pages: int
    characters: int
    unpacked: int
    members: int = 5_000
    depth: int = 4
    careful: bool = False
    no_ocr: str = ""

    @contextmanager
    def inside(self) -> Iterator[None]:
        """One level deeper. Raises DocumentError where files lie in files without end."""
        if not self.depth:
            raise DocumentError("Files lie in files too deep.", "Unpack it and upload what is in it.")
        self.depth -= 1
        try:
            yield
        finally:
            self.depth += 1

    def take(self, size: int) -> None:
        """Count a file of `size` bytes. Raises DocumentError where it is too large, or one too many."""
        self.members -= 1
        self.unpacked -= size
        if size > LARGEST or self.unpacked < 0 or self.members < 0:
            raise DocumentError("It unpacks to more than can be taken.", "Upload what is in it in parts.")


@dataclass(slots=True)
class Members:
    """Sections of several files, in order, numbered anew."""

    budget: Budget
    sections: list[Section] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unread: dict[int, str] = field(default_factory=dict)
    read: int = 0
    _left_out: list[str] = field(default_factory=list)

    def add_file(self, data: bytes, name: str) -> None:
        """Read one file, if its format is known and there is room for it."""
        from ingest.formats.detection import PAGED, Unsupported
        from ingest.formats.reader import read  # which imports the formats that need this module

        label = label_of(name)
        try:
            self.budget.take(len(data))
            with self.budget.inside():
                kind, reading = read(io.BytesIO(data), name, self.budget)
        except Unsupported as error:
            self.leave_out(label, error.reason)  # which formats there are would fill the report
        except DocumentError as error:
            self.leave_out(label, str(error))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  one odd file must not cost the others; the warning names it
            self.leave_out(label, f"it could not be read ({type(error).__name__}).")
        else:
            self.add(reading, label, paged=kind in PAGED)

    def add(self, reading: Reading, label: str, *, paged: bool = False) -> None:
        """Take over what was read from the file called `label`."""
        self.read += 1
        self.unread |= {len(self.sections) + page: why for page, why in reading.unread.items()}
        for section in reading.sections:
            self.budget.characters -= len(section.text)
            inner = section.place or (f"page {section.page}" if paged else "")
            place = f"{label}, {inner[:1].lower()}{inner[1:]}" if inner else label
            headings = [Heading(h.start, heading_path([label, *h.path.split(PATH)])) for h in section.headings]
            if not headings or headings[0].start > 0:
                headings.insert(0, Heading(0, label))
            number = len(self.sections) + 1
            self.sections.append(replace(section, page=number, headings=tuple(headings), place=place))
        self.warnings += [f"{label}: {warning}" for warning in reading.warnings]

    def leave_out(self, label: str, reason: str) -> None:
        self._left_out.append(f"{label} was left out: {reason[:1].lower()}{reason[1:]}")

    def all_warnings(self) -> list[str]:
        """Those of the files read, then what was left out; the first few by name."""
        more = len(self._left_out) - _NAMED
        rest = [f"{more:,} more files were left out."] if more > 0 else []
        return [*self.warnings[: 2 * _NAMED - 1 - min(len(self._left_out), _NAMED)], *self._left_out[:_NAMED], *rest]


def label_of(name: str) -> str:
    """A file's name as it may be shown: its path without tricks, on one line, not too long."""
    parts = [one_line(part) for part in name.replace("\\", "/").split("/")]
    label = "/".join(part for part in parts if part not in {"", ".", ".."})
    label = "".join(c for c in label.replace(PATH, " ") if unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return label if len(label) <= 100 else f"…{label[-99:]}" if label else "file"
