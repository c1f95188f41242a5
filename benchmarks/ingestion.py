"""Ingestion against the plain llama-index pipeline, on the same files, with the same embedding model, in turns.

    python benchmarks/ingestion.py --write                      twelve reports, 1,154 pages, each pipeline twice
    python benchmarks/ingestion.py --files 3                    the first three, 119 pages; is it linear?
    python benchmarks/ingestion.py --files 3 --no-plain --search  what a search takes meanwhile

(a) is llama-index as its manual shows: pypdf, SentenceSplitter with 1,024 tokens, of which the model sees 256,
sentence-transformers, an index in memory. (b) is the same with 256 tokens, so that all text is embedded. (c) is ours
with everything: jobs, database, sandbox, index process. Models are loaded before the clock starts, in all three. All
run at the worker's low priority; peak memory is that of the process and its children together.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import corpora
import tables
from peak import peak_of
from pypdf import PdfReader, PdfWriter

from app import services, supervisor
from app.retrieve import Retriever
from app.settings import child_environment
from ingest.embed import DEFAULT_MODEL
from ingest.steps import Stopwatch
from storage.types import Readers, State

FILINGS = corpora.SETS / "filings"
FIRST = ("APPLE_2023Q3_10Q.pdf", "ULTABEAUTY_2023Q2_EARNINGS.pdf", "APPLE_2022_10K.pdf")
CHANGED = "3M_2020_10K.pdf"
PAGE = tables.PAGE.with_name("ingestion.md")
NAMES = {"a": "(a) llama-index, 1,024 tokens", "b": "(b) llama-index, 256 tokens", "c": "(c) Footnote"}
STEPS = ("read", "divide", "embed", "publish")


@dataclass
class Measured:
    pages: int
    passages: int
    seconds: float
    peak: int  # bytes
    work: float  # seconds of processor time, of everything that took part
    steps: dict[str, float] = field(default_factory=dict)
    searches: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)


def plain(tokens: int, files: Sequence[Path]) -> dict[str, Any]:
    """One run of llama-index in this process."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.core.schema import Document
    from sentence_transformers import SentenceTransformer

    from ingest.embed import model_folder

    model = SentenceTransformer(str(model_folder(DEFAULT_MODEL)), device="cpu")
    model.encode(["warm"] * 8, show_progress_bar=False)

    class Embedding(BaseEmbedding):  # type: ignore[misc]  # as its HuggingFaceEmbedding calls the same library
        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            made = model.encode(texts, batch_size=self.embed_batch_size, normalize_embeddings=True)
            rows: list[list[float]] = made.tolist()
            return rows

        _get_query_embedding = _get_text_embedding

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    steps, clock, began = {}, Stopwatch(), time.process_time()
    pages = [Document(text=page.extract_text()) for file in files for page in PdfReader(file).pages]
    steps["read"] = clock()
    splitter = SentenceSplitter() if tokens == 1024 else SentenceSplitter(chunk_size=tokens, chunk_overlap=20)
    nodes = splitter.get_nodes_from_documents(pages)
    steps["divide"] = clock()
    VectorStoreIndex(nodes, embed_model=Embedding())
    steps["embed"] = clock()
    seconds, work = sum(steps.values()), time.process_time() - began
    return {"pages": len(pages), "passages": len(nodes), "seconds": seconds, "work": work, "steps": steps}


def plainly(tokens: int, files: Sequence[Path]) -> Measured:
    command = [sys.executable, __file__, "--plain", str(tokens), *map(str, files)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.nice(10))
    with peak_of(lambda: memory(child.pid), every=0.3) as peak:
        out, _ = child.communicate()
    if child.returncode:
        sys.exit(f"the plain pipeline failed: {command}")
    told = json.loads(out.splitlines()[-1])
    return Measured(**told, peak=peak())


class Worker:
    """Our pipeline on a data folder of its own; the model is loaded and has embedded once."""

    def __init__(self, folder: Path, converted: Path, **others: str) -> None:
        """`others` are settings."""
        settings = corpora.settings_of(folder, DEFAULT_MODEL, others)
        converted.mkdir(parents=True, exist_ok=True)
        settings.converted_dir.symlink_to(converted)
        self._running = supervisor.running(settings, "index", "models")
        self.settings = self._running.__enter__()
        self.parts = services.build(self.settings)
        corpora.wait_for_model(self.parts.embedder)
        environment = child_environment(**self.settings.as_environment())
        command = [sys.executable, "-m", "app.cli", "worker"]
        self.log = (folder / "worker.log").open("w")
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)
        self.ingest([("warm.txt", b"The model is loaded before the clock starts.")])

    def ingest(
        self, files: Sequence[tuple[str, bytes]], meanwhile: Callable[[], None] = lambda: None, *, glance: float = 0.3
    ) -> Measured:
        """`glance`: seconds between two looks at the memory."""
        clock, began = Stopwatch(), self._work()
        with peak_of(lambda: memory(self.process.pid), every=glance) as peak:
            ids = [self.add(name, content) for name, content in files]
            self.wait(ids, meanwhile)
        infos = [self.parts.documents.get(one, corpora.OPERATOR) for one in ids]
        done = sum(info.done for info in infos)
        return Measured(sum(info.pages for info in infos), done, clock(), peak(), self._work() - began)

    def add(self, name: str, content: bytes) -> str:
        """Returns the document's id."""
        with self.parts.files.receive(10**9) as receiver:
            receiver.write(content)
            readers = Readers(everyone=True)
            return self.parts.documents.add(name, receiver.finish(), readers, corpora.OPERATOR).document_id

    def wait(self, ids: Sequence[str], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until all of these documents are ready."""
        for one in ids:  # one at a time: looking at them must not take the processor from the worker
            while self._state(one) is not State.READY:
                if self.process.poll() is not None:
                    sys.exit("the worker ended")
                meanwhile()
                time.sleep(0.05)

    def _work(self) -> float:
        """Processor seconds so far of the worker, its parsers and the index; the models process has nothing to do."""
        return sum(map(processor_seconds, tree(os.getpid())[1:]))

    def _state(self, document_id: str) -> State:
        info = self.parts.documents.get(document_id, corpora.OPERATOR)
        if info.state is State.FAILED:
            sys.exit(f"{info.title} failed")
        return info.state

    def steps(self) -> dict[str, float]:
        """Seconds of each kind of step, from the job engine's own record; steps of two documents overlap."""
        query = (
            "select function_name, sum(completed_at_epoch_ms - started_at_epoch_ms) from operation_outputs group by 1"
        )
        with closing(sqlite3.connect(self.settings.data_dir / "jobs.db")) as connection:
            found = dict(connection.execute(query).fetchall())
        return {name: found.get(name, 0) / 1000 for name in STEPS}

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.parts.close()
        self._running.__exit__(None, None, None)


def ours(files: Sequence[Path], converted: Path, *, search: bool = False) -> Measured:
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder, closing(Worker(Path(folder), converted)) as worker:
        before, searches, idle = worker.steps(), [], []
        asked = search_of(worker.parts) if search else None
        if asked:
            worker.ingest([(one.name, one.read_bytes()) for one in files[:1]])
            idle = [asked() for _ in range(60)][10:]
        measured = worker.ingest(
            [(one.name, one.read_bytes()) for one in files[bool(asked) :]],
            (lambda: searches.append(asked())) if asked else (lambda: None),
        )
        measured.steps = {name: taken - before[name] for name, taken in worker.steps().items()}
        measured.searches, measured.idle = searches, idle
        return measured


def search_of(parts: services.Services) -> Callable[[], float]:
    questions = [question.text for question in corpora.questions("filings").questions]
    retriever = Retriever(parts.index, parts.embedder, parts.documents)

    def ask() -> float:
        clock = Stopwatch()
        retriever.retrieve(random.choice(questions), corpora.OPERATOR)
        return clock()

    return ask


def changed_page(converted: Path) -> tuple[Measured, Measured]:
    """A report, then the same with one of its pages replaced."""
    original, other = FILINGS / CHANGED, PdfReader(FILINGS / FIRST[0])
    writer = PdfWriter(clone_from=original)
    writer.insert_page(other.pages[10], 80)
    writer.remove_page(81)
    changed = io.BytesIO()
    writer.write(changed)
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder, closing(Worker(Path(folder), converted)) as worker:
        taken = [worker.steps()]
        measured = []
        for content in (original.read_bytes(), changed.getvalue()):
            measured.append(worker.ingest([(CHANGED, content)]))
            taken.append(worker.steps())
        for one, before, after in zip(measured, taken, taken[1:], strict=False):
            one.steps = {name: after[name] - before[name] for name in STEPS}
        return measured[0], measured[1]


def memory(pid: int) -> int:
    """Bytes that a process and its children have together, shared pages counted once."""
    return sum(map(proportional, tree(pid)))


def tree(pid: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            own, _, rest = stat.read_text().partition(" ")
            children[int(rest.rpartition(")")[2].split()[1])].append(int(own))
        except (OSError, IndexError, ValueError):
            continue
    found = [pid]
    for one in found:
        found += children[one]
    return found


def processor_seconds(pid: int) -> float:
    """Of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def share_of_matmul(converted: Path, seconds: float = 2.0) -> tuple[float, dict[str, float], str]:
    """GFLOP/s of embedding chunks as they come, of bare matrix products, in turns; and what computes."""
    import numpy as np

    from ingest.backend import local_embedder

    embedder: Any = local_embedder(DEFAULT_MODEL, converted, device="cpu")
    text = " ".join(page.extract_text() for page in PdfReader(FILINGS / FIRST[1]).pages)
    spans = embedder.token_spans(text)
    draw = random.Random(0)
    starts = [draw.randrange(len(spans) - 260) for _ in range(64)]
    texts = [text[spans[at][0] : spans[at + draw.randint(120, 230)][0]] for at in starts]
    flops = sum(work(len(embedder.token_spans(one)) + 2) for one in texts)
    embedding, found = [], defaultdict(list)
    for _ in range(4):
        embedding.append(flops * repeated(lambda: embedder.embed_passages(texts), seconds) / 1e9)
        for name, product in products().items():
            found[name].append(2 * 2048**3 * repeated(product, seconds) / 1e9)
    return float(np.median(embedding)), {name: float(np.median(each)) for name, each in found.items()}, embedder.backend


def products() -> dict[str, Callable[[], object]]:
    """A product of two square matrices in each precision."""
    import torch

    left, right = torch.randn(2048, 2048), torch.randn(2048, 2048)
    narrow = [matrix.to(torch.bfloat16) for matrix in (left, right)]
    eight = [(matrix * 40).clamp(-127, 127).to(torch.int8) for matrix in (left, right)]
    return {
        "f32": lambda: torch.mm(left, right),
        "bf16": lambda: torch.mm(*narrow),
        "int8": lambda: torch._int_mm(*eight),
    }


def work(tokens: int, layers: int = 6, width: int = 384) -> float:
    """Floating point operations of a text in MiniLM-L6: matrix products, and each token looking at each."""
    return layers * (2 * tokens * 12 * width**2 + 4 * tokens**2 * width)


def repeated(action: Callable[[], object], seconds: float) -> float:
    """How often a second."""
    action()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        action()
        count += 1
    return count / (time.perf_counter() - began)


def table(runs: dict[str, list[Measured]]) -> str:
    rows = []
    for name, measured in runs.items():
        best = min(measured, key=lambda one: one.seconds)
        steps = [f"{best.steps.get(step, 0):.1f}" if step in best.steps else "" for step in STEPS]
        speeds = " / ".join(f"{one.pages / one.seconds:.1f}" for one in measured)
        work, peak = 1000 * best.work / best.pages, best.peak / 1e6
        rows.append([NAMES[name], speeds, f"{best.passages / best.seconds:.1f}", f"{work:.0f}", f"{peak:.0f}", *steps])
    head = ["", "pages/s, each run", "passages/s", "CPU ms a page", "peak MB", *(f"{step} s" for step in STEPS)]
    return tables.markdown(head, rows)


def ratios(runs: dict[str, list[Measured]]) -> str:
    said = []
    for other in ("b", "a"):
        each = [theirs.seconds / mine.seconds for theirs, mine in zip(runs[other], runs["c"], strict=True)]
        less = [theirs.work / mine.work for theirs, mine in zip(runs[other], runs["c"], strict=True)]
        said.append(
            f"{statistics.median(each):.1f} times the pages a second of ({other}), "
            f"{statistics.median(less):.1f} times those for the same processor time"
        )
    return f"(c) reads {'; '.join(said)}."


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=12, help="How many of the twelve filings.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--no-plain", action="store_true", help="Ours alone.")
    parser.add_argument("--search", action="store_true", help="Search all the while, and before.")
    parser.add_argument("--converted", type=Path, default=corpora.CACHE / "converted", help="Kept converted models.")
    parser.add_argument("--write", action="store_true", help="Keep the tables in docs/ingestion.md.")
    parser.add_argument("--plain", nargs="+", metavar=("TOKENS", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        print(json.dumps(plain(int(options.plain[0]), list(map(Path, options.plain[1:])))))
        return
    names = [*FIRST, *sorted(one.name for one in FILINGS.glob("*.pdf") if one.name not in FIRST)]
    files = [FILINGS / name for name in names[: options.files]]
    runs: dict[str, list[Measured]] = defaultdict(list)
    for _ in range(options.rounds):
        for name, tokens in () if options.no_plain else (("a", 1024), ("b", 256)):
            runs[name].append(plainly(tokens, files))
        runs["c"].append(ours(files, options.converted, search=options.search))
        print(table(runs), flush=True)
    if options.search:
        for one in runs["c"]:
            p95 = [statistics.quantiles(times, n=20)[-1] * 1000 for times in (one.idle, one.searches)]
            print(f"search p95: idle {p95[0]:.0f} ms, meanwhile {p95[1]:.0f} ms ({len(one.searches)} searches)")
    if not options.no_plain:
        finish(runs, options.converted, write=options.write)


def finish(runs: dict[str, list[Measured]], converted: Path, *, write: bool) -> None:
    first, again = changed_page(converted)
    embedding = [one.steps["embed"] for one in (first, again)]
    rate, found, backend = share_of_matmul(converted)
    shares = ", ".join(f"{100 * rate / product:.0f}% of {product:.0f} in {name}" for name, product in found.items())
    body = "\n\n".join(
        [
            table(runs),
            ratios(runs),
            f"Embedding a {first.pages}-page report took {embedding[0]:.1f} s; with one page replaced "
            f"{embedding[1]:.1f} s ({100 * embedding[1] / embedding[0]:.0f}%). "
            f"With reading and all the rest it was {first.seconds:.1f} s and {again.seconds:.1f} s.",
            f"Embedding by {backend}: {rate:.0f} GFLOP/s; of a bare matrix product's rate that is {shares}.",
        ]
    )
    print(body)
    if write:
        tables.write("ingestion", body, PAGE)


if __name__ == "__main__":
    main()
