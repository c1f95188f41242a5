"""The tables of the pages in docs: written between their markers, and by whom they are made told below each.

<!-- table: NAME -->
what is replaced
<!-- end -->
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "retrieval.md"
_FEATURES = ("avx2", "avx512", "amx")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is words and whose others are figures."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def put(page: str, name: str, body: str) -> str:
    """`page` with `body` between the markers of the table. Raises KeyError where it has no such table."""
    place = re.compile(rf"(?<=<!-- table: {re.escape(name)} -->\n).*?(?=<!-- end -->)", re.S)
    if not place.search(page):
        raise KeyError(name)
    return place.sub(lambda _: f"\n{body.strip()}\n\n", page, count=1)


def write(name: str, body: str, path: Path = PAGE) -> None:
    """Puts a table, and a line on where and when it was made, into the page. Raises KeyError as `put` does."""
    path.write_text(put(path.read_text("utf-8"), name, f"{body.strip()}\n\n{made()}"), "utf-8")


def made() -> str:
    return f"_{machine()}; {datetime.now(UTC):%Y-%m-%d}._"


def machine() -> str:
    """The processor in words: cores, name, and which wide instructions it has."""
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        told = ""
    model = re.search(r"^model name\s*:\s*(.+)$", told, re.M)
    flags = re.search(r"^flags\s*:\s*(.+)$", told, re.M)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    name = model[1].strip() if model else platform.processor() or platform.machine()
    known = flags[1].split() if flags else []
    wide = [f"{'' if any(flag.startswith(one) for flag in known) else 'no '}{one}" for one in _FEATURES]
    return f"{cores} cores of {name}" + (f" ({', '.join(wide)})" if flags else "")


def points(change: float, p: float = 1.0) -> str:
    """A change of a share in points of a hundred, with a star where chance alone would rarely make it."""
    shown = f"{100 * change:+.1f}".replace("-", "\N{MINUS SIGN}")
    return ("0" if shown[1:] == "0.0" else shown) + (" *" if p < 0.05 else "")
