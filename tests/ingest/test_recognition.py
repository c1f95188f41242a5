"""Pages that are pictures, read by each engine that is installed here."""

import io
import json
import random
import re
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ingest.formats.picture import frame, opened
from ingest.parse import parse
from ingest.recognition import engines, tesseract
from ingest.recognition.lines import Line, Word, from_json, in_reading_order
from ingest.recognition.recogniser import MISSING, OFF, Recogniser, Recognition, pack
from ingest.render import render
from ingest.split import split
from storage.boxes import of_characters
from storage.errors import Cancelled, DocumentError, InvalidInput
from storage.types import BLANK, Gap
from tests.ingest import files, odd_pdfs, papers, scans
from tests.ingest.test_split import word_spans

TESSERACT = engines.find("tesseract") if tesseract.version() else None
RAPID = engines.Engine("rapidocr") if engines.has_rapidocr() else None
needs_tesseract = pytest.mark.skipif(TESSERACT is None, reason="Tesseract is not installed")
needs_rapidocr = pytest.mark.skipif(RAPID is None, reason="rapidocr is not installed")
# a page without end for an engine: dense noise of small letters
DENSE = scans.printed([(20, 20 + 12 * n, ["nearly unreadable words " * 20]) for n in range(100)], type_size=11)
EACH = [pytest.param(TESSERACT, marks=needs_tesseract), pytest.param(RAPID, marks=needs_rapidocr)]


@pytest.fixture
def read(tmp_path):
    def read(data, name="scan.pdf", *, engine=TESSERACT, kept=None, **options):
        path = tmp_path / name
        path.write_bytes(data)
        with Recogniser(Recognition(engine, **options), kept) as one:
            return parse(path, name, recogniser=one)

    return read


def words(section):
    return " ".join(section.text.split())


def assert_exact(sections):
    """A box for each character that is no space, and pieces that cover the text."""
    for section in sections:
        boxes = of_characters(section.boxes, section.text)
        for character, box in zip(section.text, boxes, strict=bool(boxes)):
            assert character.isspace() or box is None or (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1)
        pieces = split([section], word_spans, max_tokens=254)
        inside = "".join("".join(section.text[piece.start : piece.end].split()) for piece in pieces)
        assert inside == "".join(section.text.split())


@pytest.mark.parametrize("engine", EACH)
def test_a_scanned_page_is_read_with_the_places_of_its_words(read, tmp_path, engine):
    data = scans.pdf([scans.scanned(scans.letter())])
    [section] = read(data, engine=engine).sections
    assert words(section) == "Terms of warranty " + " ".join(scans.LETTER)
    assert_exact([section])
    path = tmp_path / "scan.pdf"
    drawn = render(path, 1, text=section.text, words=section.boxes)
    start = section.text.index("seals")
    [box] = drawn.rectangles(start, start + len("seals"))
    picture = np.asarray(Image.open(io.BytesIO(drawn.jpeg)).convert("L"))
    height, width = picture.shape
    x0, x1 = round(box[0] * width), round(box[2] * width)
    y0, y1 = round(box[1] * height), round(box[3] * height)
    assert (picture[y0:y1, x0:x1] < 128).mean() > 0.08
    assert 0.012 < box[3] - box[1] < 0.035
    assert box[2] - box[0] < 0.1


@needs_rapidocr
@pytest.mark.skipif(sys.platform != "linux", reason="a process's peak is read from /proc")
def test_pages_full_of_lines_of_all_lengths_take_rapidocr_no_more_than_600_megabytes():
    pages = []
    for turned in (False, True):
        draw = random.Random(turned)
        lines = [
            " ".join(draw.choices("pump valve seal warranty leave travel".split(), k=4 + n % 11)) for n in range(44)
        ]
        page = scans.printed([(80, 60, lines)], size=(2339, 1654) if turned else (1654, 2339), type_size=33)
        pages.append((page, lines[: 30 if turned else 44]))
    with Recogniser(Recognition(RAPID, page_seconds=600.0)) as one:
        for page, lines in pages:
            question = {"width": page.width, "height": page.height, "dpi": 200, "pixels": pack(page.tobytes())}
            found = [" ".join(word for word, *_ in words) for _, words in one.answer(question, lambda: None)["lines"]]
            assert len(set(found) & set(lines)) >= 0.9 * len(lines)
        [peak] = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{one._child._process.pid}/status").read_text())
    assert int(peak) < 600 * 1024  # 510 without AVX-512; it grew beyond 1,000


@needs_tesseract
@pytest.mark.parametrize("engine", EACH)
def test_a_page_with_a_picture_and_no_text_is_said_to_have_none(read, engine):
    blank = scans.printed([])
    ImageDraw.Draw(blank).ellipse((200, 300, 1000, 1100), fill=90)
    parsed = read(scans.pdf([scans.letter(), blank]), engine=engine)
    assert [section.page for section in parsed.sections if section.text.strip()] == [1]
    assert [(gap.first, gap.last, gap.reason) for gap in parsed.gaps] == [(2, 2, "no text was recognised on it")]


@pytest.mark.parametrize("engine", EACH)
def test_a_picture_of_one_long_line_is_read(engine):
    line = "Change the seals of the pump every 4,000 hours"
    page = scans.printed([(20, 20, [line])], size=(1500, 100), type_size=40)
    question = {"width": page.width, "height": page.height, "dpi": 200, "pixels": pack(page.tobytes())}
    with Recogniser(Recognition(engine)) as one:
        [[_, found]] = one.answer(question, lambda: None)["lines"]
    assert " ".join(word for word, *_ in found) == line


def test_big_type_is_a_heading_and_columns_are_read_one_after_the_other(read):
    left = [f"left column line {word}" for word in ("one", "two", "three", "four", "five")]
    right = [f"right side line {word}" for word in ("six", "seven", "eight", "nine", "ten")]
    page = scans.printed([(120, 120, ["Annual inspection"], 64), (120, 320, left), (700, 320, right)])
    [section] = read(scans.pdf([scans.scanned(page, angle=0.3)])).sections
    assert words(section) == "Annual inspection " + " ".join([*left, *right])
    assert section.heading_at(section.text.index("left")) == "Annual inspection"


@needs_tesseract
def test_only_pages_without_text_are_recognised_and_the_others_stay_as_they_are(read):
    parsed = read(scans.pdf([papers.LOREM, scans.letter(), papers.LOREM, []]))
    assert [bool(section.boxes) for section in parsed.sections] == [False, True, False, False]
    assert "vacation days" in parsed.sections[0].text
    assert "thirty months" in parsed.sections[1].text
    assert parsed.sections[3].text == ""
    assert [gap for gap in parsed.gaps if gap.loses] == []  # an empty page lacks nothing


@needs_tesseract
def test_a_stamp_in_text_on_a_scan_does_not_keep_it_from_being_read(read):
    data = io.BytesIO()
    sheet = scans.canvas.Canvas(data, pagesize=(595, 842))
    sheet.drawImage(scans.ImageReader(scans.letter()), 0, 0, 595, 842)
    sheet.drawString(450, 20, "ACME-000123")
    sheet.save()
    [section] = read(data.getvalue()).sections
    assert "thirty months" in words(section)
    assert "ACME-000123" in section.text


@needs_tesseract
@pytest.mark.parametrize("rotation", [90, 180])
def test_a_page_that_is_shown_turned_is_read_as_it_is_shown(read, rotation):
    turned = scans.letter().rotate(rotation, expand=True)
    [section] = read(scans.pdf([turned.resize((1240, 1754))], rotation=rotation)).sections
    assert "thirty months" in words(section)


@needs_tesseract
def test_a_page_that_lies_on_its_side_is_read(read):
    [section] = read(scans.saved(scans.letter(lines=scans.LETTER * 3).rotate(90, expand=True)), "side.png").sections
    assert "thirty months" in words(section)


@needs_tesseract
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_picture_is_a_page(read, tmp_path, kind):
    page = scans.scanned(scans.letter())
    parsed = read(scans.saved(page, kind, dpi=(150, 150)), f"scan.{kind}")
    assert parsed.format == kind.lower()
    assert words(parsed.sections[0]) == "Terms of warranty " + " ".join(scans.LETTER)
    assert parsed.title == "Terms of warranty"
    assert_exact(parsed.sections)
    drawn = render(tmp_path / f"scan.{kind}", 1, kind=parsed.format, text=parsed.sections[0].text)
    assert abs(drawn.width / drawn.height - page.width / page.height) < 0.01


@needs_tesseract
def test_pictures_of_every_kind_of_pixel_are_read(read):
    page = scans.letter()
    clear = Image.new("RGBA", page.size, (0, 0, 0, 0))
    clear.paste((20, 20, 20, 255), mask=page.point(lambda value: 255 - value))
    deep = Image.fromarray(np.asarray(page, np.uint16) * 256)
    for picture in (clear, deep, page.convert("1"), page.convert("P"), page.convert("RGB")):
        assert "thirty months" in words(read(scans.saved(picture), "page.png").sections[0]), picture.mode
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned = page.rotate(90, expand=True)
    assert "thirty months" in words(read(scans.saved(turned, "JPEG", exif=exif), "photo.jpg").sections[0])


@pytest.mark.parametrize(("told", "taken"), [((300, 1), 300), ((1, 0), 1170), ((0, 0), 1170), ((1, 1), 1170)])
def test_a_resolution_that_can_not_be_is_not_believed(told, taken):
    data = scans.saved(Image.new("L", (100, 1170 * 117 // 10), 255), "TIFF", dpi=(77, 77))
    ratio = struct.pack("<II", 77, 1)
    assert ratio in data
    with opened(io.BytesIO(data.replace(ratio, struct.pack("<II", *told)))) as found:
        assert frame(found, 1, 10**7)[1] == pytest.approx(taken, rel=0.01)


def png_of(width, height):
    """A picture that says it has so many pixels, and holds as many zero bytes as fit in a megabyte of nothing."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(bytes(min(width * height * 3 + height, 200_000_000)), 9)
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (head, body, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("size", [(60_000, 60_000), (2_000_000_000, 1), (65_000, 1_000)])
def test_bombs_of_pixels_are_refused(read, size):
    with pytest.raises(DocumentError) as caught:
        read(png_of(*size), "bomb.png")
    assert caught.value.remedy


def test_a_bomb_of_pixels_in_a_pdf_costs_its_page_only(read):
    entries = b"/Width 30000/Height 30000/Filter/FlateDecode"
    bomb = odd_pdfs.picture(entries, zlib.compress(bytes(10**6))).replace(b"(Words of the pump)", b"()")
    inside = {"bomb.pdf": bomb, "plain.txt": "Some words."}
    parsed = read(files.zipped(inside), "all.zip")
    assert any(section.text == "Some words." for section in parsed.sections)


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "fax.tif"])
def test_broken_pictures_are_refused(read, name):
    data = files.every()[name]
    for broken in (data[:60], data[: len(data) // 2], data[:100] + bytes(len(data) - 100)):
        with suppress(DocumentError):
            assert read(broken, name).sections


@needs_tesseract
def test_a_tiff_of_many_pages_is_as_many_pages(read):
    pages = [scans.letter(lines=[f"This is page number {word}."]) for word in ("one", "two", "three")]
    parsed = read(scans.saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "fax.tif")
    assert [re.search(r"number (\w+)", section.text)[1] for section in parsed.sections] == ["one", "two", "three"]


@needs_tesseract
def test_german_is_read_where_its_language_is_installed(read):
    if "deu" not in TESSERACT.languages:
        pytest.skip("Tesseract has no German here")
    lines = ["Die Gewährleistung für Schläuche und Füße", "endet nach dreißig Monaten, größere Übergrößen", "später."]
    [section] = read(scans.pdf([scans.scanned(scans.letter("Gewährleistung", lines))])).sections
    assert "Gewährleistung für Schläuche und Füße" in words(section)
    assert "dreißig Monaten, größere Übergrößen" in words(section)


@needs_tesseract
def test_scans_inside_other_files_are_read(read):
    inside = {
        "letter.pdf": scans.pdf([scans.letter()]),
        "photo.jpg": scans.saved(scans.letter("Photo"), "JPEG"),
        "note.docx": papers.word(lambda document: document.add_paragraph("A note.")),
    }
    parsed = read(files.zipped(inside), "all.zip")
    places = {section.place for section in parsed.sections}
    assert places == {"letter.pdf, page 1", "note.docx", "photo.jpg, page 1"}
    assert all(section.boxes for section in parsed.sections if "note" not in section.place)


@pytest.mark.parametrize(
    ("missing", "helps"),
    [
        (MISSING, r"Install Tesseract .* Then try again\."),
        (OFF, r"leave the setting OCR empty\. Then try again\."),
        ("its picture is too large", "Upload a clearer scan"),
    ],
)
def test_a_scan_that_is_not_read_is_refused_with_what_helps(tmp_path, missing, helps):
    path = tmp_path / "scan.pdf"
    path.write_bytes(scans.pdf([scans.letter()]))
    with pytest.raises(DocumentError, match=helps), Recogniser(Recognition(None, missing)) as recogniser:
        parse(path, "scan.pdf", recogniser=recogniser)


def test_without_an_engine_the_pages_are_named(read):
    parsed = read(scans.pdf([papers.LOREM, scans.letter(), scans.letter(), []]), engine=None)
    assert [section.text == "" for section in parsed.sections] == [False, True, True, True]
    assert parsed.gaps == (Gap(2, 3, "no text recognition (OCR) is installed"), Gap(4, 4, BLANK))


def test_a_scan_without_an_engine_is_refused_with_what_to_install(read):
    with pytest.raises(DocumentError, match=r"pages are pictures: no text recognition .* Install Tesseract"):
        read(scans.pdf([scans.letter()]), engine=None)
    with pytest.raises(DocumentError, match="Install Tesseract"):
        read(scans.saved(scans.letter()), "scan.png", engine=None)


@needs_tesseract
def test_a_page_that_takes_too_long_is_named_and_the_next_is_read(read):
    parsed = read(scans.pdf([papers.LOREM, DENSE, scans.letter()]), page_seconds=1.0)
    assert parsed.sections[1].text == ""
    assert "thirty months" in words(parsed.sections[2])
    assert parsed.gaps == (Gap(2, 2, "recognising it took longer than 1 s"),)


@needs_tesseract
def test_when_the_time_for_a_document_is_over_the_rest_is_named(read):
    parsed = read(scans.pdf([scans.letter("One"), scans.letter("Two"), papers.LOREM]), document_seconds=0.0)
    assert "thirty months" in words(parsed.sections[0])
    assert parsed.gaps == (Gap(2, 2, "the time for recognising this document was over"),)


@needs_tesseract
def test_interrupted_work_goes_on_where_it_was(read, tmp_path, monkeypatch):
    pages = [scans.letter(f"Page {word}") for word in ("one", "two")]
    kept = tmp_path / "kept"
    kept.mkdir()
    read(scans.pdf(pages[:1]), kept=kept)
    assert len(list(kept.iterdir())) == 1
    started = []
    start = Recogniser._start
    monkeypatch.setattr(Recogniser, "_start", lambda self, beat: started.append(1) or start(self, beat))
    assert "thirty months" in words(read(scans.pdf(pages[:1]), kept=kept).sections[0])
    assert not started
    assert len(read(scans.pdf(pages), kept=kept).sections) == 2
    assert started == [1]


@needs_tesseract
def test_the_time_of_a_document_goes_on_where_it_was(read, tmp_path):
    pages = [scans.letter(f"Page {word}") for word in ("one", "two", "three")]
    kept = tmp_path / "kept"
    kept.mkdir()
    read(scans.pdf(pages[:1]), kept=kept)
    (place,) = kept.iterdir()
    place.write_text(json.dumps({**json.loads(place.read_text()), "seconds": 1_000.0}))
    parsed = read(scans.pdf([pages[0], pages[0], pages[1]]), kept=kept, document_seconds=1_500.0)
    assert parsed.gaps == ()  # the same picture counts once
    parsed = read(scans.pdf([pages[0], pages[2]]), kept=kept, document_seconds=900.0)
    assert "thirty months" in words(parsed.sections[0])
    assert parsed.gaps == (Gap(2, 2, "the time for recognising this document was over"),)


@needs_tesseract
def test_a_page_that_hung_is_not_tried_again_in_each_turn(read, tmp_path, monkeypatch):
    kept = tmp_path / "kept"
    kept.mkdir()
    scan = scans.pdf([papers.LOREM, DENSE])
    gaps = (Gap(2, 2, "recognising it took longer than 1 s"),)
    assert read(scan, kept=kept, page_seconds=1.0).gaps == gaps
    with monkeypatch.context() as patched:
        patched.setattr(Recogniser, "_start", lambda self, beat: pytest.fail("tried again"))
        assert read(scan, kept=kept, page_seconds=1.0).gaps == gaps
    # where nothing is read, trying again does try again
    for _ in range(2):
        with pytest.raises(DocumentError, match="took longer"):
            read(scans.pdf([DENSE]), kept=kept, page_seconds=1.0)
        assert not list(kept.iterdir())


@needs_tesseract
def test_a_deleted_folder_is_not_made_again(read, tmp_path):
    kept = tmp_path / "kept"
    assert read(scans.pdf([scans.letter()]), kept=kept).sections[0].text
    assert not kept.exists()


@needs_tesseract
def test_recognition_can_be_cancelled(tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(scans.pdf([scans.letter()] * 50))
    beats = []

    def cancel(done, total):
        beats.append(done)
        if done:
            raise Cancelled("stopped by somebody")

    with Recogniser(Recognition(TESSERACT)) as one, pytest.raises(Cancelled):
        parse(path, "scan.pdf", on_progress=cancel, recogniser=one)
    assert max(beats) < 5


@needs_tesseract
def test_what_is_no_picture_is_answered_with_a_reason():
    with Recogniser(Recognition(TESSERACT)) as one:
        for question in (
            None,
            {},
            {"width": 10, "height": 10, "dpi": 200, "pixels": "no base64!"},
            {"width": 10, "height": 10, "dpi": 200, "pixels": pack(bytes(7))},
            {"width": 10**6, "height": 10**6, "dpi": 200, "pixels": pack(bytes(7))},
            {"width": "wide", "height": 10, "dpi": 200, "pixels": ""},
        ):
            assert one.answer(question, lambda: None)["unread"]
        good = scans.letter()
        question = {"width": good.width, "height": good.height, "dpi": 150, "pixels": pack(good.tobytes())}
        assert one.answer(question, lambda: None)["lines"]


def test_lines_from_the_child_are_kept_within_the_picture():
    sent = [[1, [["a b", -5, 5, 500, 20], ["c\u202e\x00", 30, 1, 20, 9]]], [0, [["\u200b", 0, 0, 1, 1]]]]
    [line] = from_json(sent, 100, 50)
    assert [word.text for word in line.words] == ["a", "b", "c"]
    assert line.words[0] == Word("a", 0, 5, 100, 20)
    assert (line.words[2].left, line.words[2].right) == (20, 30)
    for nonsense in (7, [7], [[1, [["a", "x", 1, 2, 3]]]]):
        with pytest.raises((TypeError, ValueError)):
            from_json(nonsense, 100, 50)


def test_lines_of_columns_are_put_in_order():
    def line(text, left, top):
        return Line([Word(text, left, top, left + 200, top + 20)])

    sides = (("l", 0), ("r", 300))
    page = [line("title", 150, 0), *(line(f"{side}{n}", x, 100 + 25 * n) for n in range(3) for side, x in sides)]
    assert [one.words[0].text for one in in_reading_order(page)] == ["title", "l0", "l1", "l2", "r0", "r1", "r2"]


def test_what_is_asked_for_and_not_installed_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="tesseract is not installed here"):
        engines.find("tesseract", folder=tmp_path)
    assert engines.find("off") is None
    if TESSERACT:
        with pytest.raises(InvalidInput, match="Tesseract has no xyz here, but"):
            engines.find("tesseract", "eng+xyz")
        assert engines.find("", "eng").languages == ("eng",)
