"""Drawings of Office files that hold words: charts as tables of their figures, whatever shape they have, diagrams, and
the text boxes of sheets.

Figures are those that are stored with the chart; the workbook behind it is not opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.formats.packages import xml
from ingest.formats.sections import SectionWriter, one_line

CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_OVER_SHEET = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_CATEGORIES, _VALUES = ("cat", "xVal"), ("val", "yVal")
_MOST = 20_000  # points of a series


def write_chart(data: bytes, writer: SectionWriter) -> None:
    """`data` is the chart's XML. Raises lxml's errors."""
    root = xml(data)
    title = root.find(f"{CHART}chart/{CHART}title")
    if title is not None:
        writer.paragraph(" ".join(_words(paragraph) for paragraph in title.iter(f"{_DRAWING}p")))
    area = root.find(f"{CHART}chart/{CHART}plotArea")
    for plot in area if area is not None else ():
        series = plot.findall(f"{CHART}ser")
        if series:
            writer.table(_table(series), header=True)


def write_diagram(data: bytes, writer: SectionWriter) -> None:
    """`data` is what the diagram says, as XML. Raises lxml's errors."""
    for paragraph in xml(data).iter(f"{_DRAWING}p"):
        text = _words(paragraph)
        if text.strip():
            writer.item(text)


def texts_of_boxes(data: bytes) -> Iterator[str]:
    """What stands in the text boxes over a sheet, whose drawing is `data`; hidden ones apart. Raises lxml's errors."""
    for shape in xml(data).iter(f"{_OVER_SHEET}sp"):
        named = next(shape.iter(f"{_OVER_SHEET}cNvPr"), None)
        if named is not None and named.get("hidden") in {"1", "true"}:
            continue
        if not any(parent.tag == FALLBACK for parent in shape.iterancestors()):
            text = "\n".join(_words(paragraph) for paragraph in shape.iter(f"{_DRAWING}p"))
            if text.strip():
                yield text


def _table(series: list[Any]) -> list[list[str]]:
    """A row for each category, a column for each series."""
    names = next((found for one in series if (found := _points(one, _CATEGORIES))), {})
    columns = [_points(one, _VALUES) for one in series]
    rows = [["", *(_name(one) for one in series)]]
    for at in range(max((at + 1 for found in (names, *columns) for at in found), default=0)):
        rows.append([names.get(at, ""), *(_figure(column.get(at, "")) for column in columns)])
    return rows


def _points(series: Any, kinds: tuple[str, ...]) -> dict[int, str]:
    """What is stored under these names, by its number; of categories in levels the innermost."""
    found = next((one for kind in kinds if (one := series.find(f"{CHART}{kind}")) is not None), None)
    if found is None:
        return {}
    level = next(found.iter(f"{CHART}lvl"), found)
    points = {}
    for point in level.iter(f"{CHART}pt"):
        number = point.get("idx", "")
        if number.isdecimal() and len(number) < 6 and int(number) < _MOST:
            points[int(number)] = one_line(point.findtext(f"{CHART}v") or "")
    return points


def _name(series: Any) -> str:
    found = series.find(f"{CHART}tx")
    return one_line(" ".join(value.text or "" for value in found.iter(f"{CHART}v"))) if found is not None else ""


def _figure(value: str) -> str:
    try:
        return f"{float(value):.15g}" if value else ""
    except ValueError:
        return value


def _words(paragraph: Any) -> str:
    return "".join(run.text or "" for run in paragraph.iter(f"{_DRAWING}t"))
