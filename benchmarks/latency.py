"""How long a search takes at a number of passages, and what of that is embedding, index, database and ranking.

    python benchmarks/latency.py --passages 100000

The filings, the handbook and XQuAD's paragraphs are multiplied: each copy of a document has other numbers, a third of
its words exchanged for others of the same length, and its vectors turned a little, so that no two passages are the
same. Texts, offsets and tables keep their shape. Searches go through the running index and models processes, one at a
time, each question once, after a few that are not counted.
"""

from __future__ import annotations

import argparse
import gc
import random
import re
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import corpora
import numpy as np
import sqlalchemy as sa
import tables

from app import services, supervisor
from app.retrieve import Retriever
from app.services import Services
from ingest.embed import DEFAULT_MODEL
from ingest.sparse import passage_weights
from storage import vectors
from storage.access import document_terms
from storage.embeddings import Embedded, Embedding
from storage.generations import first_name
from storage.models import ChunkRow, Document, SectionRow, Version
from storage.points import Point
from storage.tables import from_json
from storage.types import About, Chunk, Parts, Readers, Section, Vector

SETS = ("filings", "handbook", "xquad-en")
EVERYONE = Readers(everyone=True)
_WORD = re.compile(r"[A-Za-z]{4,}|\d+")
_TURNED = 0.5  # length of the noise that is added to a vector of length one
STEPS = {"embedding": "embed_question", "index": "search", "database": "passages", "tables": "with_tables"}


@dataclass(frozen=True)
class Original:
    """A document of a built corpus: its sections, chunks with their offsets, and the vectors of their parts."""

    title: str
    name: str
    format: str
    about: About
    sections: list[Section]
    chunks: list[Chunk]
    parts: dict[str, Parts]


def originals(name: str) -> Iterator[Original]:
    with corpora.opened(name) as opened, opened.services.database.read() as session:
        chunks = defaultdict(list)
        for row in session.scalars(sa.select(ChunkRow).order_by(ChunkRow.ordinal)):
            chunks[row.version_id].append(row)
        for document, version in session.execute(
            sa.select(Document, Version).join(Version, Version.id == Document.live_version_id)
        ):
            rows = session.scalars(sa.select(SectionRow).where(SectionRow.version_id == version.id))
            own = chunks[version.id]
            read = {row.id: vectors.unpacked(row.spans, row.vectors) for row in own}
            yield Original(
                document.title,
                version.name,
                version.format,
                About(version.subject, version.period, version.dated),
                [Section(row.page, row.text, (), tuple(map(from_json, row.tables))) for row in rows],
                [Chunk(c.id, "", "", c.ordinal, c.page, c.start, c.end, c.heading, "") for c in own],
                {id_: parts for id_, parts in read.items() if parts},
            )


class Words:
    """Exchanges words for others of the same length, the same word always for the same other one."""

    def __init__(self, known: dict[int, list[str]], seed: int) -> None:
        self._known, self._random = known, random.Random(seed)
        self._others: dict[str, str] = {}

    def changed(self, text: str) -> str:
        return _WORD.sub(lambda found: self._other(found[0]), text)

    def _other(self, word: str) -> str:
        if word not in self._others:
            other = word
            if word.isdigit():
                other = "".join(self._random.choice("0123456789") for _ in word)
            elif self._random.random() < 1 / 3:
                other = self._random.choice(self._known[len(word)])
            self._others[word] = other
        return self._others[word]


def put(
    parts: Services, original: Original, words: Words, turn: np.random.Generator, readers: Readers = EVERYONE
) -> tuple[str, int]:
    """A copy of the document, into database and index. Returns its id, and how many passages it has."""
    title, generation = words.changed(original.title), parts.generations.live()
    assert generation is not None
    sections = [replace(section, text=words.changed(section.text)) for section in original.sections]
    text = {section.page: section.text for section in sections}
    with parts.files.receive(10**9) as receiver:
        receiver.write("\f".join(text.values()).encode())
        added = parts.documents.add(original.name, receiver.finish(), readers, corpora.OPERATOR)
    parts.versions.store_sections(
        added.version_id,
        sections,
        title=title,
        format=original.format,
        language="en",
        pages=len(sections),
        warnings=[],
        about=original.about,
    )
    chunks, kept = [], {}
    for chunk in original.chunks:
        own = replace(chunk, id=str(uuid.uuid4()), document_id=added.document_id, version_id=added.version_id)
        own = replace(own, generation=generation.id)
        chunks.append(replace(own, text=text[chunk.page][chunk.start : chunk.end]))
        if found := original.parts.get(chunk.id):
            kept[own.id] = Parts(found.spans, turned(found.vectors, turn))
    parts.versions.store_chunks(added.version_id, chunks)
    whole = {id_: unit(of_chunk.vectors.mean(axis=0)) for id_, of_chunk in kept.items()}
    parts.versions.embeddings.store(
        {
            id_: Embedded(uuid.uuid4().bytes, one.spans, Embedding(whole[id_], vectors.packed(one.vectors)))
            for id_, one in kept.items()
        },
        rule="",
    )
    points = [
        Point(chunk, whole[chunk.id], passage_weights(f"{title}\n{chunk.text}", "en"))
        for chunk in chunks
        if chunk.id in kept
    ]
    parts.index.upsert(points, document_terms(readers))
    parts.versions.make_live(added.version_id, generation.id, passages=len(points))
    parts.versions.publish(added.version_id, passages=len(points))
    return added.document_id, len(points)


def turned(rows: Vector, turn: np.random.Generator) -> Vector:
    noise = turn.standard_normal(rows.shape[1], dtype=np.float32)
    return unit(rows + _TURNED * noise / np.linalg.norm(noise))


def unit(rows: Vector) -> Vector:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def vocabulary(documents: list[Original]) -> dict[int, list[str]]:
    """All words of the documents, by their length."""
    known: dict[int, list[str]] = defaultdict(list)
    for word in {word for each in documents for section in each.sections for word in _WORD.findall(section.text)}:
        known[len(word)].append(word)
    return {length: sorted(words) for length, words in known.items()}


def fill(parts: Services, wanted: int) -> int:
    documents = [original for name in SETS for original in originals(name)]
    known = vocabulary(documents)
    turn, done, copy = np.random.default_rng(0), 0, 0
    while done < wanted:
        words = Words(known, copy)
        copy += 1
        for document in documents:
            done += put(parts, document, words, turn)[1]
            if done >= wanted:
                break
    return done


def first_generation(parts: Services) -> None:
    name, dimensions = first_name(parts.embedder.name), parts.embedder.dimensions
    parts.index.prepare(name, dimensions)
    parts.generations.first(name, DEFAULT_MODEL, dimensions)


@dataclass
class Timed:
    """Stands before a part and adds up what its calls take."""

    part: Any
    name: str
    seconds: float = 0.0
    calls: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.part, name)
        if name not in STEPS.values():
            return found
        return lambda *values, **named: self._call(name, found, *values, **named)

    def _call(self, name: str, function: Callable[..., Any], *values: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*values, **named)
        finally:
            self.calls[name] += time.perf_counter() - began


def measure(parts: Services, count: int) -> dict[str, list[float]]:
    """Seconds of each search, by step; "ranking" is what is left of the whole."""
    questions = [q.text for name in SETS for q in corpora.questions(name).questions[:count]]
    random.Random(0).shuffle(questions)
    stages = [Timed(part, name) for name, part in (("e", parts.embedder), ("i", parts.index), ("d", parts.documents))]
    embedder, index, documents = stages
    retriever = Retriever(index, embedder, documents)  # type: ignore[arg-type]
    gc.collect()
    gc.freeze()  # as the web process does at its start
    taken: dict[str, list[float]] = defaultdict(list)
    for place, question in enumerate(questions):
        for stage in stages:
            stage.calls.clear()
        began = time.perf_counter()
        retriever.retrieve(question, corpora.OPERATOR)
        whole = time.perf_counter() - began
        if place < 20:
            continue
        steps = {step: sum(stage.calls[name] for stage in stages) for step, name in STEPS.items()}
        for step, seconds in {"search": whole, **steps, "ranking": whole - sum(steps.values())}.items():
            taken[step].append(seconds)
    return taken


def table(taken: dict[str, list[float]]) -> str:
    rows = [
        [step, *(f"{1000 * np.percentile(seconds, q):.1f} ms" for q in (50, 95))] for step, seconds in taken.items()
    ]
    return tables.markdown(["step", "median", "p95"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=80, help="Of each set.")
    parser.add_argument("--data", type=Path, help="Folder to keep the passages in, or where they are already.")
    parser.add_argument("--write", action="store_true", help="Keep the table in docs/retrieval.md.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        settings = corpora.settings_of(options.data or Path(folder), DEFAULT_MODEL, {})
        with supervisor.running(settings, "index", "models") as reachable, closing(services.build(reachable)) as parts:
            corpora.wait_for_model(parts.embedder)
            if parts.index.generation() is None:
                first_generation(parts)
                began = time.monotonic()
                filled = fill(parts, options.passages)
                print(f"{filled:,} passages written in {time.monotonic() - began:.0f} s", flush=True)
            held = parts.index.total()
            body = f"{held:,} passages:\n\n{table(measure(parts, options.questions))}"
            print(body)
            if options.write:
                tables.write("latency", body)


if __name__ == "__main__":
    main()
