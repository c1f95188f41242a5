"""How long a short file waits that comes while long scans are read.

    python benchmarks/waiting.py --ocr rapidocr --scans 2 --pages 40

The scans are pages of a filing of 165 as pictures. The short file comes once the first scan's recognition is under way;
the worker is the product's own. Prints what the short file took, and what all took together.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from contextlib import closing
from pathlib import Path

import corpora
import pypdfium2
from ingestion import CHANGED, FILINGS, Worker

from ingest.steps import Stopwatch

_DPI = 150


def scan(pages: range) -> bytes:
    """Pages of a report as a scanner makes them: pictures alone."""
    with pypdfium2.PdfDocument(FILINGS / CHANGED) as document:
        made = [document[n].render(scale=_DPI / 72, grayscale=True).to_pil() for n in pages]
    data = io.BytesIO()
    made[0].save(data, "PDF", save_all=True, append_images=made[1:], resolution=_DPI)
    return data.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ocr", default="", help="tesseract or rapidocr; else the best that is there.")
    parser.add_argument("--scans", type=int, default=2)
    parser.add_argument("--pages", type=int, default=40, help="Of each scan.")
    options = parser.parse_args()
    starts = range(0, options.scans * options.pages, options.pages)
    scans = [scan(range(start, start + options.pages)) for start in starts]
    with (
        tempfile.TemporaryDirectory(prefix="footnote-") as folder,
        closing(Worker(Path(folder), corpora.CACHE / "converted", ocr=options.ocr)) as worker,
    ):
        whole = Stopwatch()
        ids = [worker.add(f"{n}.pdf", content) for n, content in enumerate(scans)]
        while worker.parts.documents.get(ids[0], corpora.OPERATOR).done < 2:
            time.sleep(0.1)
        short = Stopwatch()
        worker.wait([worker.add("short.txt", b"The canteen opens at half past eleven.")])
        print(f"the short file: {short():.0f} s", flush=True)
        worker.wait(ids)
        print(f"all together: {whole():.0f} s", flush=True)


if __name__ == "__main__":
    main()
