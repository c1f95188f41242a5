"""How a document becomes searchable: read, divide, embed, publish; and how it is deleted.

Every step may run again after a crash and then does no harm: rows are replaced as a whole, point ids follow from the
version and the ordinal, and nothing can be read before `publish`. `ingest.jobs` makes the sequence durable.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid5

from ingest.batches import BATCH, Batch, batches, overlapped, points, prepared, stored
from ingest.embed import DEFAULT_MODEL, Embedder
from ingest.embed_new import embed_new
from ingest.parse import parse
from ingest.recognition.recogniser import NONE as NO_RECOGNITION
from ingest.recognition.recogniser import Recogniser, Recognition
from ingest.running import without_running_lines
from ingest.sandbox import Limits
from ingest.split import TARGET, split
from storage.embeddings import Embedding
from storage.erasure import Gone, Receipt
from storage.errors import DocumentError, InvalidInput, NotFound, Unavailable
from storage.files import Files
from storage.generations import Generation, Generations, first_name
from storage.index import Index
from storage.points import Point
from storage.types import Chunk, State
from storage.versions import Versions

log = logging.getLogger(__name__)
T = TypeVar("T")

CHUNK_IDS = UUID("5f0d7d0e-6c3b-4c0e-9a55-0f1d2a3b4c5d")
STEP = 16 * BATCH  # chunks of a checkpointed step, which after a crash goes on behind the last batch that was kept
PATIENCE = 3600.0  # seconds that a step waits for a part that is away


@dataclass(frozen=True, slots=True)
class Pipeline:
    versions: Versions
    files: Files
    index: Index
    generations: Generations
    embedder: Callable[[str], Embedder]  # by the model's name; called at the first need: loading one takes seconds
    limits: Limits
    patience: float = PATIENCE
    model: str = DEFAULT_MODEL  # of the first generation; each has its own
    recognition: Recognition = NO_RECOGNITION

    def generation(self) -> Generation:
        """The live generation; made now where there is none. Raises InvalidInput where the index has another one."""
        if known := self.generations.live():
            return known
        embedder, name = self._patiently(lambda: self.embedder(self.model)), first_name(self.model)
        self._patiently(lambda: self.index.prepare(name, embedder.dimensions))
        return self.generations.first(name, self.model, embedder.dimensions)

    def read(self, version_id: str, between_pages: Callable[[float], None] = lambda _: None) -> None:
        """Parse the original in the sandbox and keep its sections. Raises DocumentError, NotFound.

        `between_pages`: see `Recogniser`. Pages that were recognised are kept, whatever ends the reading.
        """
        job = self.versions.job(version_id)
        try:
            original = self.files.original(version_id)
        except NotFound as error:
            raise DocumentError("The original file is no longer there.", "Upload the document again.") from error
        self.versions.progress(version_id, State.PARSING)
        shown = 0.0

        def show(done: int, total: int) -> None:
            nonlocal shown
            if time.monotonic() - shown > 0.5:
                self.versions.progress(version_id, State.PARSING, done=done, total=total)
                shown = time.monotonic()

        recognised = self.files.rendering(version_id, "recognised")
        recognised.mkdir(exist_ok=True)
        with Recogniser(self.recognition, recognised, between_pages) as recogniser:
            parsed = parse(original, job.name, self.limits, on_progress=show, recogniser=recogniser)
        self.versions.store_sections(
            version_id,
            parsed.sections,
            title=parsed.title,
            format=parsed.format,
            language=parsed.language,
            pages=parsed.pages,
            warnings=parsed.warnings,
            about=parsed.about,
            gaps=parsed.gaps,
        )
        shutil.rmtree(recognised, ignore_errors=True)

    def divide(self, version_id: str) -> int:
        """Split the kept sections into the live generation's chunks and keep those. Returns how many; at least one."""
        job, generation = self.versions.job(version_id), self.generation()
        if job.attempt > 1:  # points of an earlier attempt may be more than those of this one
            self._patiently(lambda: self.index.delete_version(version_id))
        count = self.versions.store_chunks(version_id, self.chunks(version_id, generation))
        if not count:
            raise DocumentError("No text was found in the file.", "Upload a file with text that can be selected.")
        self.versions.progress(version_id, State.EMBEDDING, total=count)
        return count

    def chunks(self, version_id: str, generation: Generation) -> list[Chunk]:
        """The version's sections divided as suits a generation; their text stays with the sections."""
        job = self.versions.job(version_id)
        embedder = self._patiently(lambda: self.embedder(generation.model))
        sections = self.versions.sections(version_id)
        if self.versions.format(version_id) == "pdf":  # elsewhere nothing runs along, and what repeats is meant
            sections = without_running_lines(sections)
        pieces = split(
            sections,
            embedder.token_spans,
            max_tokens=embedder.max_tokens,
            title=self.versions.label(version_id),
            target=generation.passage_tokens or TARGET,
        )
        return [
            Chunk(
                id=str(uuid5(CHUNK_IDS, f"{version_id}/{ordinal}/{generation.id}")),
                document_id=job.document_id,
                version_id=version_id,
                ordinal=ordinal,
                page=piece.page,
                start=piece.start,
                end=piece.end,
                heading=piece.heading,
                text="",
                generation=generation.id,
            )
            for ordinal, piece in enumerate(pieces)
        ]

    def embed(self, version_id: str, start: int, total: int, kept: Callable[[int], object] | None = None) -> int:
        """Embed one step of chunks from ordinal `start` on and put them into the index, readable by nobody yet.

        `kept(done)` is told after each batch how many of the version's chunks are kept, without gaps; what it raises
        ends the step. Returns the last `done`.

        Where another generation has become live since the version was divided, `publish` does the work anew.
        """
        end = min(start + STEP, total)
        try:
            self.put(version_id, range(start, end), self.generation(), kept or partial(self._show, version_id, total))
        except NotFound:
            self._require(version_id)  # else the generation is what was given up
        except InvalidInput as error:
            raise DocumentError(str(error), "Put the setting back, or start with an empty data folder.") from error
        return end

    def _require(self, version_id: str) -> None:
        """Raises NotFound where it was deleted, perhaps after its points were counted: none are left behind."""
        try:
            self.versions.job(version_id)
        except NotFound:
            self._patiently(lambda: self.index.delete_version(version_id))
            raise

    def _show(self, version_id: str, total: int, done: int) -> None:
        self.versions.progress(version_id, State.EMBEDDING, done=done, total=total)

    def put(self, version_id: str, ordinals: range, generation: Generation, kept: Callable[[int], object]) -> None:
        """Embed chunks of the version and put them into a generation, a batch at a time; what SQL keeps is kept.

        `kept` as in `embed`. Raises NotFound where the version or the generation was given up.
        """
        embedder = self._patiently(lambda: self.embedder(generation.model))
        made: dict[bytes, Embedding] = {}  # in this call: the batch before may not be in SQL yet

        def prepare(ordinals: range) -> Batch:
            return prepared(self.versions, version_id, ordinals, generation=generation.id, embedder=embedder)

        def embed(batch: Batch) -> list[Embedding]:
            known = batch.known | made
            rows = self._patiently(lambda: embed_new(embedder, batch.texts, batch.inside, batch.keys, known))
            made.update(zip(batch.keys, rows, strict=True))
            return rows

        def keep(batch: Batch, rows: list[Embedding]) -> None:
            stored(self.versions, batch, rows)
            self._patiently(partial(self._upsert, points(batch, rows), generation))
            kept(batch.ordinals.stop)

        overlapped(batches(prepare, ordinals), embed, keep)

    def _upsert(self, made: list[Point], generation: Generation) -> None:
        """Raises NotFound where the generation was given up: its collection may be gone."""
        self.generations.require_open(generation.id)
        self.index.upsert(made, [], generation=generation.name)

    def publish(self, version_id: str, total: int) -> None:
        """Let the version be read, after the index has been counted. Raises DocumentError when points are missing.

        The version before answers until this one does. It is called ready last: what is ready can be found.
        """
        self.versions.job(version_id)
        generation = self.generation()
        while True:
            if self.versions.divided_for(version_id) != {generation.id}:  # it has become live since `divide`
                self.put_into(generation, version_id)
            passages = self.verified(version_id, generation)
            # terms first: until SQL makes the version live nobody gets its text, and then it can be found at once
            self._patiently(lambda: self.index.set_terms(version_id, self.versions.terms.future(version_id)))
            if self.versions.make_live(version_id, generation.id, passages=passages):
                break
            generation = self.generation()
        self.follow_terms(version_id)
        for superseded in self.versions.superseded(version_id):
            self._patiently(partial(self.index.delete_version, superseded))
            self.versions.drop_chunks(superseded)
        self.versions.publish(version_id, passages=passages)

    def put_into(self, generation: Generation, version_id: str) -> None:
        """Divide and embed a version for a generation, beside those that it is in, unless it is whole there already."""
        with suppress(DocumentError):
            self.verified(version_id, generation)
            return
        count = self.versions.store_chunks(version_id, self.chunks(version_id, generation), beside=generation.id)
        self.put(version_id, range(count), generation, lambda _: None)

    def verified(self, version_id: str, generation: Generation) -> int:
        """How many passages the version has there, in SQL and in the index. Raises DocumentError unless they agree."""
        passages = self.versions.count_chunks(version_id, generation.id)
        name = generation.name
        found = self._patiently(lambda: self.index.count(version_id=version_id, generation=name))
        if found != passages or not passages:
            raise DocumentError(f"The index holds {found} of {passages} passages.", "Try again; it starts afresh.")
        return passages

    def follow_terms(self, version_id: str, *, patience: float | None = None) -> None:
        """Give the version's points the terms that SQL holds, also when those change meanwhile."""
        patience = self.patience if patience is None else patience
        while True:
            terms = self.versions.terms.present(version_id)
            patiently(partial(self.index.set_terms, version_id, terms), patience=patience)
            if self.versions.terms.followed(version_id, terms):
                return

    def delete(self, document_id: str) -> Receipt | None:
        """`delete_all` of one document. None when it was gone before."""
        return next(iter(self.delete_all([document_id])), None)

    def delete_all(self, document_ids: Sequence[str]) -> list[Receipt]:
        """Remove every point of every generation, file, rendering and row of these documents, then count what is left:
        nothing, or Unavailable is raised.

        One receipt for each that was not gone before. Hundreds at once take hardly longer than one.
        """
        points = self._patiently(lambda: self.index.count_documents(document_ids))
        self._patiently(lambda: self.index.delete_documents(document_ids))
        of_each = {document_id: self.versions.of_document(document_id) for document_id in document_ids}
        files = {one: sum(map(self.files.delete, versions)) for one, versions in of_each.items()}
        left = self._patiently(lambda: self.index.count_documents(document_ids)).total() + sum(
            self.files.count(version) for versions in of_each.values() for version in versions
        )
        if left:
            raise Unavailable("index", f"{left} points or files of deleted documents are still there.")
        gone = [Gone(document_id=one, files=files[one], points=points[one]) for one in document_ids]
        return self.versions.erase_all(gone, generations=len(self._patiently(self.index.generations)))

    def _patiently(self, action: Callable[[], T]) -> T:
        return patiently(action, patience=self.patience)


def patiently(action: Callable[[], T], *, patience: float) -> T:
    """Call until the part answers: it may be starting again. Raises Unavailable after `patience` seconds."""
    deadline, pause = time.monotonic() + patience, 0.2
    while True:
        try:
            return action()
        except Unavailable as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning("Waiting for the %s process: %s", error.part, error)
            time.sleep(pause)
            pause = min(pause * 2, 10.0)
