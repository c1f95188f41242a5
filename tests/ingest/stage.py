"""What the tests of jobs and workers stand on: a database, files, a real index process, and workers over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from storage.database import Database
from storage.documents import DocumentInfo, Documents
from storage.files import Files
from storage.index import Index
from storage.models import ChunkRow
from storage.types import Principal, State
from storage.versions import Versions
from tests.conftest import ADA, TOM, Kept, Library
from tests.contracts.index_contract import DIMENSIONS, KEY, IndexProcess, direction
from tests.ingest.worker_process import Setup, WorkerProcess
from tests.patience import until

ENDS = {State.READY, State.FAILED, State.CANCELLED}


@dataclass
class Stage:
    database: Database
    library: Library
    documents: Documents
    versions: Versions
    files: Files
    process: IndexProcess
    index: Index
    setup: Setup

    def worker(self, **changes: Any) -> WorkerProcess:
        return WorkerProcess(replace(self.setup, **changes))

    def infos(self) -> list[DocumentInfo]:
        return self.documents.find(ADA, limit=1000)

    def states(self) -> Counter[State]:
        return Counter(info.state for info in self.infos())

    def until_ended(self, worker: WorkerProcess) -> None:
        until(lambda: set(self.states()) <= ENDS, lambda: f"{self.states()}\n{worker.log}")

    def until_embedding(self, kept: Kept, worker: WorkerProcess) -> None:
        def embeds() -> bool:
            info = self.documents.get(kept.id, ADA)
            return info.state is State.EMBEDDING and info.done > 0

        until(embeds, lambda: f"{self.documents.get(kept.id, ADA)}\n{worker.log}")

    def assert_whole(self, kept: list[Kept]) -> None:
        """Each document is there once, ready, with every passage in SQL and in the index, and can be found."""
        infos = {info.id: info for info in self.infos()}
        assert infos.keys() == {one.id for one in kept}, infos
        assert self.states() == {State.READY: len(kept)}, [info.reason for info in infos.values()]
        for one in kept:
            passages = infos[one.id].passages
            stored = self.versions.chunks(one.version_id, start=0, count=10_000)
            assert self.index.count(version_id=one.version_id) == len(stored) == passages > 0, infos[one.id]
        total = self.index.total()
        assert total == sum(info.passages for info in infos.values()), total
        ready = {info.version_id for info in infos.values()}
        assert found(self.database, self.index, TOM) == ready, "not all of them can be found"


def found(database: Database, index: Index, principal: Principal) -> set[str]:
    """The versions of which a search that returns everything returns a passage, whether or not SQL would show it."""
    hits = index.search(direction(1, 1), None, principal, limit=1000)
    of_hits = sa.select(ChunkRow.version_id).where(ChunkRow.id.in_([hit.chunk_id for hit in hits]))
    with database.read() as session:
        return set(session.scalars(of_hits))


def text(name: str, paragraphs: int = 3) -> str:
    """Of about so many passages, and of no other document."""
    return "\n\n".join(f"{name} {n}. " + " ".join(f"{name}{n}x{k}" for k in range(70)) for n in range(paragraphs))


@contextmanager
def stage_over(database: Database, jobs_url: str, library: Library, folder: Path) -> Iterator[Stage]:
    with IndexProcess(folder / "index") as process:
        index = Index(process.url, KEY, patience=20)
        index.prepare("hash_v2", DIMENSIONS)
        url = database.url.render_as_string(hide_password=False)
        setup = Setup(url, jobs_url, str(folder), process.url)
        yield Stage(database, library, library.documents, library.versions, library.files, process, index, setup)
        index.close()
