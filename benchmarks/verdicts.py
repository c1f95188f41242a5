"""How well sentences are told from wrong ones: the pairs of benchmarks/verdicts, half of them kept out of tuning.

    python benchmarks/verdicts.py [--tuning] [--write]

Every second passage of a file is for tuning, beginning with the first; the others are held out. `--tuning` shows what
goes wrong in the tuning half; `--write` puts the table into docs/verdicts.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from storage.types import Passage

FOLDER = Path(__file__).parent / "verdicts"
NUMERIC = ("number", "year", "unit", "scale")
KINDS = (*NUMERIC, "name", "negation", "direction")
PAGE = FOLDER.parents[1] / "docs" / "verdicts.md"


@dataclass(frozen=True)
class Pair:
    """`change` is what is wrong with the sentence, or "" where it is right."""

    passage: Passage
    sentence: str
    change: str
    held_out: bool
    language: str


def pairs(folder: Path = FOLDER) -> Iterator[Pair]:
    for path in sorted(folder.glob("*.txt")):
        spare = path.stem == "paraphrases"
        for place, block in enumerate(re.split(r"^## ", path.read_text("utf-8"), flags=re.M)[1:]):
            yield from _pairs_of(block, path.stem, held_out=place % 2 == 1 and not spare)


def _pairs_of(block: str, language: str, *, held_out: bool) -> Iterator[Pair]:
    title, *lines = block.strip().splitlines()
    text = "\n".join(line for line in lines if not line.startswith(("+ ", "- ")))
    passage = Passage("c", "d", "v", title, f"{title}.txt", 1, 0, len(text), "", text)
    for line in lines:
        if line.startswith("+ "):
            yield Pair(passage, line[2:], "", held_out, language)
        elif line.startswith("- "):
            change, _, sentence = line[2:].partition(": ")
            if change not in KINDS:
                raise ValueError(f"{change!r} is no kind of change: {line}")
            yield Pair(passage, sentence, change, held_out, language)
