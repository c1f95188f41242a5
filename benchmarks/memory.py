"""What reading large files takes: the most that the reader, text recognition and what was sent hold together.

    python benchmarks/memory.py --write                    keeps the table in docs/ingestion.md
    python benchmarks/memory.py --worker --ocr rapidocr    a whole worker, while it reads pictures side by side

Files are made as they are needed, of words and figures without meaning. Each is read in a process of its own, in the
sandbox and under the limits of a worker, whose own memory comes on top. Linux only.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import corpora
import tables
from ingestion import Measured, Worker
from openpyxl import Workbook
from peak import peak_of
from PIL import Image, ImageDraw
from reportlab.pdfgen import canvas

from app.settings import Settings
from ingest.parse import parse
from ingest.recognition import engines
from ingest.recognition.recogniser import Recogniser, Recognition
from ingest.room import resident
from ingest.sandbox import Limits
from storage.errors import DocumentError

PAGE = tables.PAGE.with_name("ingestion.md")
_WORDS = "pump valve seal warranty invoice leave travel board report figure year filter delivery order staff".split()
_MB = 10**6


def text(megabytes: int) -> bytes:
    draw = random.Random(0)
    line = " ".join(draw.choices(_WORDS, k=400)) + ".\n\n"
    return (line * (_MB // len(line) + 1))[:_MB].encode() * megabytes


def table(rows: int) -> Iterator[list[object]]:
    draw = random.Random(0)
    for row in range(rows):
        yield [row, *draw.choices(_WORDS, k=3), draw.randint(1, 10**6), draw.randint(1, 10**6)]


def delimited(rows: int) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in table(rows)).encode()


def workbook(rows: int) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Figures")
    for row in table(rows):
        sheet.append(row)
    return _saved(book.save)


def records(count: int) -> bytes:
    keys = ("number", "first", "second", "third", "paid", "due")
    return json.dumps([dict(zip(keys, row, strict=True)) for row in table(count)]).encode()


def pages(count: int) -> bytes:
    data = io.BytesIO()
    sheet = canvas.Canvas(data)
    for number in range(count):
        sheet.drawString(72, 700, f"Words of page {number}")
        sheet.showPage()
    sheet.save()
    return data.getvalue()


def picture(width: int, height: int) -> bytes:
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    for line in range(20):
        draw.text((height // 20, (line + 1) * height // 24), " ".join(_WORDS), fill=0, font_size=height // 60)
    return _saved(lambda data: page.save(data, "PNG"))


def archive(name: str, content: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return data.getvalue()


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    data = io.BytesIO()
    save(data)
    return data.getvalue()


FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "45 MB of text": ("a.txt", lambda: text(45)),
    "95 MB of text": ("a.txt", lambda: text(95)),
    "1 GB of text": ("a.txt", lambda: text(1000)),
    "500,000 rows of CSV": ("a.csv", lambda: delimited(500_000)),
    "workbook of 100,000 rows": ("a.xlsx", lambda: workbook(100_000)),
    "200,000 records of JSON": ("a.json", lambda: records(200_000)),
    "PDF of 10,000 pages": ("a.pdf", lambda: pages(10_000)),
    "picture of a page, 8.7 million pixels": ("a.png", lambda: picture(2480, 3508)),
    "picture of 64 million pixels": ("a.png", lambda: picture(8000, 8000)),
    "picture of 177 million pixels": ("a.png", lambda: picture(13300, 13300)),
    "ZIP of 90 MB of text": ("a.zip", lambda: archive("a.txt", text(90))),
    "ZIP of 500 MB in one line": ("a.zip", lambda: archive("a.txt", b"a" * 500 * _MB)),
}


def own() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def measured(path: Path, engine: str) -> list[str]:
    """MB, seconds and what became of it."""
    import ingest.describe
    import ingest.language  # noqa: F401  a worker has both already

    limits = Limits(memory=Settings.model_fields["parse_memory_mb"].default * _MB, cpu_seconds=300, wall_seconds=600)
    began, before = time.monotonic(), own()
    with (
        peak_of(lambda: own() - before + resident(), every=0.01) as most,
        Recogniser(Recognition(engines.find(engine))) as recogniser,
    ):
        try:
            parsed = parse(path, path.name, limits, recogniser=recogniser)
            said = f"{sum(len(section.text) for section in parsed.sections) / _MB:.1f} M characters"
        except DocumentError as error:
            said = error.reason
    return [f"{most() / _MB:.0f}", f"{time.monotonic() - began:.1f}", said]


def of_worker(engine: str) -> Measured:
    """A worker with its children while it reads both pictures that can be read, the large one first."""
    with (
        tempfile.TemporaryDirectory(prefix="footnote-") as folder,
        closing(Worker(Path(folder), corpora.CACHE / "converted", ocr=engine)) as worker,
    ):
        return worker.ingest([("a.png", picture(8000, 8000)), ("b.png", picture(2480, 3508))], glance=0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ocr", default="", help="tesseract, rapidocr or off; else the best that is there.")
    parser.add_argument("--worker", action="store_true", help="A whole worker in place of the reader alone.")
    parser.add_argument("--only", default="", help="Files whose description holds this.")
    parser.add_argument("--write", action="store_true", help="Keep the table in docs/ingestion.md.")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file:
        print(json.dumps(measured(options.file, options.ocr)))
        return
    if options.worker:
        found = of_worker(options.ocr)
        print(f"{found.peak / _MB:.0f} MB, {found.seconds:.0f} s")
        return
    rows: list[Sequence[str]] = []
    for described, (name, make) in FILES.items():
        if options.only not in described:
            continue
        with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
            path = Path(folder) / name
            path.write_bytes(make())
            command = [sys.executable, __file__, "--file", str(path), "--ocr", options.ocr]
            told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1]
        rows.append([described, *json.loads(told)])
        print(*rows[-1], sep=" | ", flush=True)
    body = tables.markdown(["file", "MB", "seconds", "what became of it"], rows)
    print(f"\n{body}")
    if options.write:
        tables.write("memory", body, PAGE)


if __name__ == "__main__":
    main()
