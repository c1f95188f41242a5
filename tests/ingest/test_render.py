import io

import numpy as np
import pytest
from PIL import Image

from ingest.formats.pdf import read
from ingest.render import rectangles, render
from storage.errors import DocumentError
from tests.ingest import papers

LINES = ["The first line.", "Unmistakable words stand here.", "The last line."]


@pytest.fixture
def drawn(tmp_path):
    def drawn(**options):
        path = tmp_path / "file.pdf"
        path.write_bytes(papers.pdf([LINES, LINES], **options))
        text = read(str(path), max_pages=9, max_characters=9999).sections[1].text
        return render(path, 2, text=text), text

    return drawn


def dark(picture, box):
    """The share of dark pixels in a part of the picture, given in fractions."""
    width, height = picture.size
    part = picture.crop((round(box[0] * width), round(box[1] * height), round(box[2] * width), round(box[3] * height)))
    return float((np.asarray(part) < 128).mean())


@pytest.mark.parametrize(
    "options",
    [
        *({}, {"rotation": 90}, {"rotation": 180}, {"rotation": 270}),
        {"crop": (40, 400, 400, 830)},
        {"crop": (600, 842, 900, 1000)},  # nothing of the page
    ],
)
def test_the_rectangle_of_a_word_lies_where_the_word_is_drawn(drawn, options):
    page, text = drawn(**options)
    picture = Image.open(io.BytesIO(page.jpeg)).convert("L")
    assert picture.size == (page.width, page.height)
    start = text.index("Unmistakable")
    [box] = page.rectangles(start, start + len("Unmistakable words stand here."))
    assert dark(picture, box) > 0.08
    everything = [page.rectangles(text.index(line), text.index(line) + len(line))[0] for line in LINES]
    outside = picture.copy()
    for x0, y0, x1, y1 in everything:
        margin = 0.004
        outside.paste(
            255,
            (
                int((x0 - margin) * page.width),
                int((y0 - margin) * page.height),
                int((x1 + margin) * page.width) + 1,
                int((y1 + margin) * page.height) + 1,
            ),
        )
    assert dark(outside, (0, 0, 1, 1)) == 0


def test_a_span_over_lines_has_a_rectangle_for_each_line(drawn):
    page, text = drawn()
    found = page.rectangles(0, len(text))
    assert len(found) == 3
    assert [box[1] for box in found] == sorted(box[1] for box in found)
    assert len(page.boxes) == len(text)
    assert page.rectangles(5, 5) == []


def test_without_the_same_text_there_are_no_boxes(tmp_path):
    path = tmp_path / "file.pdf"
    path.write_bytes(papers.pdf([LINES]))
    page = render(path, 1, text="Something else")
    assert page.boxes == ()
    assert page.rectangles(0, 5) == []


def test_a_huge_page_is_drawn_within_bounds(tmp_path):
    data = papers.pdf([LINES]).replace(b"/MediaBox [ 0 0 595.2756 841.8898 ]", b"/MediaBox [ 0 0 14000.00 14000.0 ]")
    assert b"14000" in data
    path = tmp_path / "file.pdf"
    path.write_bytes(data)
    page = render(path, 1)
    assert page.width * page.height <= 6_100_000


@pytest.mark.parametrize("page", [0, 3])
def test_a_page_that_is_not_there_is_refused(tmp_path, page):
    path = tmp_path / "file.pdf"
    path.write_bytes(papers.pdf([LINES, LINES]))
    with pytest.raises(DocumentError, match="no page"):
        render(path, page)


def test_a_file_that_is_no_pdf_can_not_be_drawn(tmp_path):
    path = tmp_path / "file.pdf"
    path.write_bytes(b"no PDF")
    with pytest.raises(DocumentError, match="can't be drawn"):
        render(path, 1)


def test_rectangles_part_where_a_line_has_a_wide_gap():
    boxes = [(0.1, 0.1, 0.12, 0.12), None, (0.12, 0.1, 0.14, 0.12), (0.6, 0.1, 0.62, 0.12), (0.1, 0.2, 0.12, 0.22)]
    assert rectangles(boxes, 0, 5) == [(0.1, 0.1, 0.14, 0.12), (0.6, 0.1, 0.62, 0.12), (0.1, 0.2, 0.12, 0.22)]
