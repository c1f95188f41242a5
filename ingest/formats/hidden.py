"""What a workbook or a deck does not show, whatever program wrote it; either way the document's report says so.

Hidden sheets, rows and columns are left out. What a filter or a closed group hides is read: it is one click away, and
files are saved with filters on by accident. Hidden slides are read: whoever opens the deck sees them in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ingest.formats.grid import Row
from ingest.formats.sections import one_line

_MOST_COLUMNS = 1 << 14  # that a sheet can have
_NAMED, _SLIDES = 5, 10  # in a warning
_REMEDY = "To have it found, show it and upload the file again."


@dataclass(slots=True)
class Hidden:
    """Rows are numbered from 1, columns from 0. `folded` are those that a filter or a closed group hides."""

    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)
    folded: bool = False
    _rows_left_out: int = 0
    _columns_left_out: set[int] = field(default_factory=set)

    def shown(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows without what is hidden; of that, what holds anything is counted."""
        for number, cells in rows:
            if number in self.rows:
                self._rows_left_out += any(cells)
            elif self.columns:
                # by the cells there are: all columns up to a sheet's last may be hidden, and are by many
                self._columns_left_out.update(at for at, cell in enumerate(cells) if cell and at in self.columns)
                yield number, [cell for at, cell in enumerate(cells) if at not in self.columns]
            else:
                yield number, cells

    def hide_row(self, number: int, *, folded: bool) -> None:
        self.folded |= folded
        if not folded:
            self.rows.add(number)

    def hide_columns(self, first: int, end: int, *, folded: bool) -> None:
        self.folded |= folded
        if not folded:
            self.columns |= set(range(first, min(end, _MOST_COLUMNS)))

    def words(self) -> str:
        """What was left out, for the warning: "2 hidden rows and 1 hidden column"; "" for nothing."""
        counts = ((self._rows_left_out, "hidden row"), (len(self._columns_left_out), "hidden column"))
        return " and ".join(f"{count:,} {name}{'s' * (count > 1)}" for count, name in counts if count)


def warnings(sheets: Sequence[tuple[str, Hidden]]) -> list[str]:
    """What the document's report says about hidden rows and columns; `sheets` are names with what they hide."""
    left_out = [(one_line(name)[:80], words) for name, hidden in sheets if (words := hidden.words())]
    said = [f"Sheet {name}: {words} {_were(words)} left out." for name, words in left_out[:_NAMED]]
    if len(left_out) > _NAMED:
        said.append(f"{len(left_out) - _NAMED:,} more sheets have hidden rows or columns, which were left out.")
    if said:
        said[-1] += f" {_REMEDY}"
    if folded := [name for name, hidden in sheets if hidden.folded]:
        said.append(f"What a filter or a closed group hides was read: sheet {_some(folded, _NAMED)}.")
    return said


def hidden_sheets(names: Sequence[str]) -> list[str]:
    """The warning that sheets were left out."""
    return [f"Hidden sheets were left out: {_some(names, _NAMED)}. {_REMEDY}"] if names else []


def hidden_slides(numbers: Sequence[int]) -> list[str]:
    """The warning that slides were read that the show passes over."""
    return [f"Hidden slides were read, too: {_some([str(number) for number in numbers], _SLIDES)}."] if numbers else []


def _some(names: Sequence[str], most: int) -> str:
    shown = ", ".join(one_line(name)[:80] for name in names[:most])
    return f"{shown} and others" if len(names) > most else shown


def _were(words: str) -> str:
    return "was" if words.startswith("1 ") and " and " not in words else "were"
