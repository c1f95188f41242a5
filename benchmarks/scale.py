"""What a million passages cost: memory, searches with and without a narrow right to read, adding and deleting one.

    python benchmarks/scale.py --sizes 10000 100000 1000000

The collection is that of `latency`, each document for one of a hundred groups. Searches go through the running index
and models processes: as an admin, who reads everything, and as a member of five groups, who reads a twentieth. A
document is added from its vectors on; reading and embedding it take the same at any size. Linux only: memory is the
proportional share from /proc.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import corpora
import latency
import numpy as np
import tables
from serve import memory

from app import services, supervisor
from app.ingestion import build_pipeline
from app.retrieve import Retriever
from app.services import Services
from ingest.embed import DEFAULT_MODEL
from storage.types import Principal, Readers, Role

GROUPS = 100
MEMBER = Principal("member", "member", Role.MEMBER, frozenset(f"group{n}" for n in range(GROUPS // 20)))
PAGE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
_UNCOUNTED = 10  # searches before the counted ones
_REPEATS = 5  # documents added and deleted


class Growing:
    """A collection that is filled on and on with copies of the same documents, no two alike."""

    def __init__(self, parts: Services, held: int) -> None:
        self._parts, self.held = parts, held
        self._documents = [original for name in latency.SETS for original in latency.originals(name)]
        self._known = latency.vocabulary(self._documents)
        self._turn = np.random.default_rng(held)
        self._next = self._originals(held)

    def _originals(self, seed: int) -> Iterator[tuple[latency.Original, latency.Words, Readers]]:
        count = itertools.count()
        for copy in itertools.count(seed):
            words = latency.Words(self._known, copy)
            for document in self._documents:
                yield document, words, Readers(groups=frozenset({f"group{next(count) % GROUPS}"}))

    def add(self) -> str:
        """One more document. Returns its id."""
        original, words, readers = next(self._next)
        document_id, passages = latency.put(self._parts, original, words, self._turn, readers)
        self.held += passages
        return document_id

    def fill(self, wanted: int) -> None:
        while self.held < wanted:
            self.add()


def searches(parts: Services, principal: Principal, questions: list[str]) -> list[float]:
    retriever = Retriever(parts.index, parts.embedder, parts.documents)
    taken = []
    for question in questions:
        began = time.perf_counter()
        retriever.retrieve(question, principal)
        taken.append(time.perf_counter() - began)
    return taken[_UNCOUNTED:]


def changes(parts: Services, growing: Growing) -> tuple[list[float], list[float]]:
    """Seconds of adding a document, and of deleting it to the last row, file and point."""
    _, pipeline = build_pipeline(parts.settings)
    added, deleted = [], []
    for _ in range(_REPEATS):
        before, began = growing.held, time.perf_counter()
        document_id = growing.add()
        added.append(time.perf_counter() - began)
        began = time.perf_counter()
        parts.documents.begin_delete(document_id, corpora.OPERATOR)
        pipeline.delete(document_id)
        deleted.append(time.perf_counter() - began)
        growing.held = before
    return added, deleted


def measured(parts: Services, growing: Growing, questions: list[str], own: int) -> list[str]:
    added, deleted = changes(parts, growing)
    cells = [f"{parts.index.total():,}"]
    for principal in (corpora.OPERATOR, MEMBER):
        taken = searches(parts, principal, questions)
        cells.append(" / ".join(f"{1000 * np.percentile(taken, q):.0f}" for q in (50, 95)))
    cells += [f"{1000 * np.median(seconds):.0f}" for seconds in (added, deleted)]
    held: dict[str, float] = defaultdict(float)
    for name, megabytes in memory(own):
        held[name] += megabytes
    folder = parts.settings.data_dir
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return [*cells, f"{held['index']:,.0f}", f"{size / 1e9:.1f}"]


HEAD = (
    "passages",
    "search as admin, p50 / p95 ms",
    "as a reader of 5 %",
    "add a document, ms",
    "delete it, ms",
    "index process, MB",
    "data folder, GB",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--questions", type=int, default=30, help="Of each set.")
    parser.add_argument("--data", type=Path, help="Folder to keep the passages in, or where some are already.")
    parser.add_argument("--write", action="store_true", help="Keep the table in docs/scale.md.")
    options = parser.parse_args()
    questions = [q.text for name in latency.SETS for q in corpora.questions(name).questions[: options.questions]]
    rows = []
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        settings = corpora.settings_of(options.data or Path(folder), DEFAULT_MODEL, {})
        with supervisor.running(settings, "index", "models") as reachable, closing(services.build(reachable)) as parts:
            corpora.wait_for_model(parts.embedder)
            if parts.index.generation() is None:
                latency.first_generation(parts)
            growing = Growing(parts, parts.index.total())
            for size in sorted(options.sizes):
                began = time.monotonic()
                growing.fill(size)
                rows.append(measured(parts, growing, questions, os.getpid()))
                print(f"{' | '.join(rows[-1])}  (filled in {time.monotonic() - began:.0f} s)", flush=True)
    body = tables.markdown(HEAD, rows)
    print(body)
    if options.write:
        tables.write("scale", body, PAGE)


if __name__ == "__main__":
    main()
