"""Poison among good documents: a real worker with its sandbox ends every one, and loses none."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.types import State
from tests.conftest import ADA, Library
from tests.ingest import files, odd_pdfs
from tests.ingest.stage import Stage, stage_over, text
from tests.ingest.test_recognition import png_of

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def stage(library: Library, data_dir: Path) -> Iterator[Stage]:
    with stage_over(library.versions._database, f"sqlite:///{data_dir / 'jobs.db'}", library, data_dir) as stage:
        yield stage


def poison() -> dict[str, bytes]:
    doubtful = odd_pdfs.doubtful()
    bombs = {f"{name}.pdf": data for name, data in odd_pdfs.bombs().items() if "form" in name}
    nested = b"words"
    for _ in range(9):
        nested = files.zipped({"inner.zip": nested})
    return bombs | {
        "locked.pdf": doubtful["user's password"],
        "tree.pdf": doubtful["tree without a bottom"],
        "noise.pdf": doubtful["header and noise"],
        "pixels.png": png_of(60_000, 60_000),
        "deep.zip": nested,
        "deep.json": b"[" * 200_000,
        "deep.html": b"<html>" + b"<b>" * 200_000,
        "cut.docx": files.every()["leave.docx"][:900],
        "nothing.txt": b" \n" * 500,
        "noise.bin": bytes(random.Random(1).randbytes(50_000)),
    }


def test_poison_never_stops_the_queue(stage: Stage) -> None:
    good = []
    for number, (name, data) in enumerate(poison().items()):
        stage.library.add(data, name=name)
        good.append(stage.library.add(text(f"good{number}"), name=f"good{number}.txt"))
    with stage.worker(crashes=3) as worker:
        assert worker.ready.wait(30), worker.log
        process = worker.process.pid
        time.sleep(2)
        worker.kill()  # in the middle of it
        worker.start()
        stage.until_ended(worker)
        assert not worker.ended
        assert worker.process.pid != process
    infos = stage.infos()
    assert len(infos) == len(good) * 2
    assert all(stage.documents.get(one.id, ADA).state is State.READY for one in good)
    for info in infos:
        if info.state is State.READY:
            chunks = stage.versions.chunks(info.version_id, start=0, count=10_000)
            assert stage.index.count(version_id=info.version_id) == len(chunks) == info.passages > 0, info
        else:
            assert info.state is State.FAILED
            assert info.reason, info
            assert stage.index.count(version_id=info.version_id) == 0, info
    assert stage.states()[State.FAILED] >= 8
    assert stage.index.total() == sum(info.passages for info in infos if info.state is State.READY)
