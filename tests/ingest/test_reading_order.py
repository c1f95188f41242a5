"""Pages whose columns are drawn line by line across the page, and pages that only look like it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from ingest.formats import pdf
from ingest.render import render
from storage.types import Section

Drawn = tuple[float, float, str]  # left, height on the page, words
Draw = Callable[..., Section]

STORY = (
    "The harbour of the old town was rebuilt after the flood of the spring, when the river rose by four metres within "
    "a single night and carried away the wooden piers on which the fishermen had dried their nets for generations. "
    "Nobody had expected that the council would agree so quickly on stone, since the quarry in the hills had been "
    "closed for years and the road that led to it was little more than a track between hedges. Yet by the end of the "
    "summer the first blocks were lowered into the water, and a year later ships could land again at every tide."
)
LETTER = (
    "Pumps of this series are delivered with a test report, which names the head and the flow that were measured at "
    "five points of the curve together with the power drawn by the motor. Keep the report with the machine, because "
    "the service will ask for it before any part is exchanged under warranty. Where the liquid carries sand, the "
    "wearing ring has to be looked at after the first hundred hours of work and then twice a year, and the clearance "
    "must not be wider than half a millimetre. Rings that were turned down once may not be used for a second time."
)
GERMAN = (
    "Die Anlage wird vom Betreiber nur dann eingeschaltet, wenn alle Schieber geöffnet sind und der Behälter bis zur "
    "Marke gefüllt ist. Danach läuft die Pumpe langsam an, bis der Druck am Messgerät den Wert erreicht, der auf dem "
    "Schild angegeben ist. Bei längerem Stillstand im Winter muss das Wasser vollständig abgelassen werden, weil das "
    "Gehäuse sonst durch Frost gesprengt werden kann, wofür keine Gewährleistung übernommen wird."
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "page.pdf"


@pytest.fixture
def draw(path: Path) -> Draw:
    def draw(
        words: Sequence[Drawn], *, rotation: int = 0, size: float = 9, bold: Sequence[str] = (), font: str = "Helvetica"
    ) -> Section:
        data = io.BytesIO()
        canvas = Canvas(data, pagesize=A4)
        canvas.setPageRotation(rotation)
        if rotation == 90:
            canvas.transform(0, 1, -1, 0, A4[0], 0)
        for left, height, text in words:
            canvas.setFont("Helvetica-Bold" if text in bold else font, size)
            canvas.drawString(left, height, text)
        canvas.save()
        path.write_bytes(data.getvalue())
        [section] = pdf.read(str(path), max_pages=10, max_characters=100_000).sections
        return section

    return draw


def column(text: str, width: float, size: float = 9) -> list[str]:
    return simpleSplit(text, "Helvetica", size, width)


def across(
    *texts: str, top: float = 700, lefts: Sequence[float] = (60, 310), width: float = 225, drop: float = 0
) -> list[Drawn]:
    """Columns, drawn line by line across the page; each `drop` points lower than the one before."""
    columns = [column(text, width) for text in texts]
    return [
        (left, top - 12 * number - drop * place, line)
        for number, lines in enumerate(zip_longest(*columns))
        for place, (left, line) in enumerate(zip(lefts, lines, strict=False))
        if line
    ]


def joined(section: Section) -> str:
    return " ".join(section.text.split())


def test_columns_are_read_one_after_the_other(draw: Draw) -> None:
    assert joined(draw(across(STORY, LETTER))) == f"{STORY} {LETTER}"


def test_columns_without_a_common_grid_are_read_one_after_the_other(draw: Draw) -> None:
    assert joined(draw(across(STORY, LETTER, drop=5))) == f"{STORY} {LETTER}"


def test_three_columns_of_another_language_are_read_one_after_the_other(draw: Draw) -> None:
    words = across(GERMAN, STORY, LETTER, lefts=(50, 220, 390), width=150)
    assert joined(draw(words)) == f"{GERMAN} {STORY} {LETTER}"


CHINESE = (
    "老城的港口在春季洪水之后重建当时河水在一夜之间上涨四米冲走了渔民世代晾晒渔网的木码头没有人料到议会会如此迅速地同意使用石头",
    "本系列泵出厂时附有测试报告其中列出在曲线五个点上测得的扬程和流量以及电机消耗的功率请将报告与机器一起保存因为在保修期内要求提供",
)


@pytest.fixture
def chinese() -> str:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    return "STSong-Light"


def test_columns_of_a_script_without_case_are_read_one_after_the_other(draw: Draw, chinese: str) -> None:
    columns = [[(text * 2)[at : at + 16] for at in range(0, 112, 16)] for text in CHINESE]
    words = [
        (left, 700.0 - 14 * n, said)
        for n, row in enumerate(zip(*columns, strict=True))
        for left, said in zip((60.0, 310.0), row, strict=True)
    ]
    assert draw(words, font=chinese, size=14).text.split() == [*columns[0], *columns[1]]


def test_cells_of_a_script_without_case_stay_side_by_side(draw: Draw, chinese: str) -> None:
    lengths = (20, 9, 19, 8, 20, 18, 20, 16)
    words = [
        (left, 700.0 - 14 * n, text[n : n + lengths[(n + 3 * place) % 8]])
        for n in range(12)
        for place, (left, text) in enumerate(zip((60.0, 310.0), CHINESE, strict=True))
    ]
    assert not draw(words, font=chinese).boxes


def test_a_turned_page_is_read_in_columns(draw: Draw) -> None:
    assert joined(draw(across(STORY, LETTER, top=500), rotation=90)) == f"{STORY} {LETTER}"


def test_lines_over_both_columns_and_titles_part_the_page_into_zones(draw: Draw) -> None:
    wide = (
        "A sentence that goes over the whole page stands between the two parts and is read where it stands, after them."
    )
    words = [
        (60.0, 740.0, "Harbour and pumps"),
        *across(STORY, LETTER, top=700),
        (60.0, 520.0, wide),
        *across(LETTER, GERMAN, top=490),
        (60.0, 310.0, "Winter"),
        *across(GERMAN, STORY, top=290),
    ]
    read = joined(draw(words, bold=["Harbour and pumps", "Winter"]))
    assert read == f"Harbour and pumps {STORY} {LETTER} {wide} {LETTER} {GERMAN} Winter {GERMAN} {STORY}"


def test_a_table_over_all_columns_parts_the_page_and_stays_a_table(draw: Draw) -> None:
    above = across(STORY, LETTER)
    top = min(height for _, height, _ in above) - 40
    cells = [("Part", "2024", "2025"), ("Seal", "12", "13"), ("Ring", "1,200", "1,300"), ("Motor", "900", "950")]
    rows = [
        (left, top - 14 * n, said)
        for n, row in enumerate(cells)
        for left, said in zip((60, 310, 420), row, strict=True)
    ]
    section = draw([*above, *rows, *across(GERMAN, STORY, top=top - 90)])
    said = " ".join(said for row in cells for said in row)
    assert joined(section) == f"{STORY} {LETTER} {said} {GERMAN} {STORY}"
    [table] = section.tables
    assert len(table.rows) == len(cells)


def test_a_short_bold_title_over_all_columns_parts_the_page(draw: Draw) -> None:
    above = across(STORY, LETTER)
    last = min(height for _, height, _ in above)
    words = [*above, (60.0, last - 24, "Winter"), *across(GERMAN, STORY, top=last - 44)]
    assert joined(draw(words, bold=["Winter"])) == f"{STORY} {LETTER} Winter {GERMAN} {STORY}"


def test_a_few_lines_beside_each_other_are_no_columns(draw: Draw) -> None:
    words = across(" ".join(STORY.split()[:40]), " ".join(LETTER.split()[:40]))
    assert len({height for _, height, _ in words}) == 4
    assert not draw(words).boxes


def test_what_stands_above_a_picture_over_all_columns_is_read_before_what_stands_below(draw: Draw) -> None:
    words = [*across(STORY, LETTER, top=700), *across(GERMAN, STORY, top=480)]
    assert joined(draw(words)) == f"{STORY} {LETTER} {GERMAN} {STORY}"


def test_a_page_of_more_lines_than_prose_has_is_left_as_it_is(draw: Draw) -> None:
    left, right = (
        [(x, 800 - 1.4 * n, words) for n in range(540)]
        for x, words in (
            (60.0, "the pump is started when the water of the harbour is low and"),
            (310.0, "the valve is closed when the water of the harbour is high and"),
        )
    )
    lines = [line for pair in zip(left, right, strict=True) for line in pair]
    assert draw(lines[:400], size=1.2).boxes
    assert not draw(lines, size=1.2).boxes


@pytest.mark.parametrize("distance", [100, 24])
def test_the_head_and_foot_of_the_page_stay_where_they_are(draw: Draw, distance: float) -> None:
    last = min(height for _, height, _ in across(STORY, LETTER))
    head: list[Drawn] = [(60, 700 + distance, "Handbook of the harbour"), (480, 700 + distance, "Version 7")]
    foot: list[Drawn] = [(60, last - distance, "HR-001"), (480, last - distance, "Page 3 of 9")]
    read = joined(draw([*head, *across(STORY, LETTER), *foot]))
    assert read == f"Handbook of the harbour Version 7 {STORY} {LETTER} HR-001 Page 3 of 9"


def test_a_column_that_is_longer_goes_on_before_the_next_one_begins(draw: Draw) -> None:
    assert joined(draw(across(f"{STORY} {GERMAN}", LETTER))) == f"{STORY} {GERMAN} {LETTER}"
    assert joined(draw(across(LETTER, f"{STORY} {GERMAN}"))) == f"{LETTER} {STORY} {GERMAN}"


def test_a_heading_in_a_column_stays_in_it(draw: Draw) -> None:
    words = across(STORY, LETTER)
    words = [(left, height - 24 * (left > 300 and height < 640), text) for left, height, text in words]
    section = draw([*words, (310.0, 628.0, "Wearing rings")], bold=["Wearing rings"])
    assert section.text.index("tide.") < section.text.index("Wearing rings")


@pytest.mark.parametrize("rotation", [0, 90])
def test_marks_on_a_page_that_was_put_in_order_stand_on_its_words(draw: Draw, path: Path, rotation: int) -> None:
    section = draw(across(STORY, LETTER, top=500), rotation=rotation)
    drawn = render(path, 1, text=section.text, words=section.boxes)
    width, height = A4
    top = A4[0] if rotation else A4[1]  # where the drawn page begins
    for word, left, lines in (("council", 60, column(STORY, 225)), ("warranty.", 310, column(LETTER, 225))):
        row = next(number for number, line in enumerate(lines) if word in line)
        x = left + stringWidth(lines[row].partition(word)[0], "Helvetica", 9)
        start = section.text.index(word)
        [box] = drawn.rectangles(start, start + len(word))
        assert box[0] * width == pytest.approx(x, abs=0.5)
        assert box[2] * width == pytest.approx(x + stringWidth(word, "Helvetica", 9), abs=0.5)
        assert box[1] * height < top - (500 - 12 * row) < box[3] * height


def test_a_passage_over_several_lines_of_a_column_is_marked_in_that_column_only(draw: Draw, path: Path) -> None:
    section = draw(across(STORY, LETTER))
    drawn = render(path, 1, text=section.text, words=section.boxes)
    boxes = drawn.rectangles(section.text.index("wearing ring"), section.text.index("half a millimetre."))
    assert len(boxes) > 2
    assert all(box[0] * A4[0] > 300 for box in boxes)


def table(*rows: tuple[str, str], gap: float = 0) -> list[Drawn]:
    """Two cells a row, wrapped and drawn line by line across both."""
    words: list[Drawn] = []
    height = 700.0
    for row in rows:
        lines = list(zip_longest(*(column(cell, 225) for cell in row), fillvalue=""))
        for line in lines:
            words += [(left, height, text) for left, text in zip((60, 310), line, strict=True) if text]
            height -= 12
        height -= gap
    return words


CAUSES = [(sentence + ".", other + ".") for sentence, other in zip(STORY.split(". "), LETTER.split(". "), strict=False)]
PLACES = [("Harbour Office", "Pump Works"), ("Quay Street 7", "Mill Lane 12"), ("Old Town", "Newbridge")]
IN_ORDER: dict[str, list[Drawn]] = {
    "a table whose cells wrap": table(*CAUSES, *CAUSES[::-1]),
    "a table whose cells wrap, with space between the rows": table(*CAUSES, *CAUSES[::-1], gap=8),
    "a table of sentences": table(*((f"{a} must be closed at once", f"{b} is called by us") for a, b in PLACES * 4)),
    "addresses side by side": table(*PLACES, ("Phone 0123 4567", "Phone 0123 7654"), ("Mail office@harbour", "-")),
    "names and values": table(
        *((f"{name} of the pump in question", f"{n} of 12 as delivered") for n, (name, _) in enumerate(PLACES * 4))
    ),
    "a form": table(*((f"{a}: ______________________", f"{b}: ____________________") for a, b in PLACES * 4)),
    "a table of contents in two columns": table(
        *(
            (f"{n} Care of the harbour walls . . . . . . . {n * 7}", f"{n + 20} Pumps and their parts . . . . {n * 9}")
            for n in range(1, 14)
        )
    ),
    "a glossary": table(
        *(
            (term, f"{said} which is told of in another chapter")
            for term, said in zip(
                ("valve", "rotor", "motor", "shaft", "wheel", "guide", "screw", "flood", "drain"),
                ("what closes,", "what turns,", "what drives,", "what carries", "what lifts,") * 2,
                strict=False,
            )
        )
    ),
    "figures": table(*((f"Net sales of region {n}", f"{n * 4711:,}   {n * 815:,}   {n * 99:,}") for n in range(1, 12))),
    "lists side by side": table(
        *((f"• Item {n} is done by {a}", f"• Part {n} stays with {b}") for n, (a, b) in enumerate(PLACES * 4))
    ),
    "prose over the whole page": [
        (60.0, 700 - 12.0 * n, line) for n, line in enumerate(column(f"{STORY} {LETTER} {GERMAN}", 470))
    ],
    "columns that are in order": [
        (left, 700 - 12.0 * n, line)
        for left, text in ((60.0, STORY), (310.0, LETTER))
        for n, line in enumerate(column(text, 225))
    ],
}


@pytest.mark.parametrize("name", IN_ORDER)
def test_what_is_no_column_of_prose_is_read_as_it_was_drawn(draw: Draw, name: str) -> None:
    section = draw(IN_ORDER[name])
    assert not section.boxes
    assert re.sub(r"\s", "", section.text) == re.sub(r"\s", "", "".join(words for _, _, words in IN_ORDER[name]))
