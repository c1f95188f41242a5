"""The development corpora as Footnote keeps them: built once by the real pipeline, then opened by any benchmark.

    python benchmarks/corpora.py filings handbook xquad-en

Documents are read, split, embedded and put into a real index process by the worker's own steps; only the sandbox is
left out, which starts a process for each file. What was built lies in a cache folder under a hash of the documents and
of the code that made it: a change of parsing, splitting or indexing builds it anew. Vectors are kept by the hash of
their text, so that costs little. `opened` works on a copy: runs do not disturb each other. Scoring is not done here.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import filelock
import numpy as np

from app import services, supervisor
from app.evaluation.forms import load, paragraphs
from app.evaluation.questions import QuestionSet
from app.ingestion import build_pipeline
from app.services import Services
from app.settings import Settings
from ingest import batches, sandbox
from ingest.embed import DEFAULT_MODEL, Embedder, Parts
from ingest.meaning import Meaning
from ingest.pipeline import STEP, Pipeline
from storage.documents import Documents
from storage.errors import Unavailable
from storage.types import Principal, Readers, Role, Vector

ROOT = Path(__file__).resolve().parents[1]
SETS = ROOT.parent / "shared" / "data"  # the folder that holds filings/, handbook/ and xquad/
SAMPLES = ROOT / "samples"
CACHE = Path.home() / ".cache" / "footnote-benchmarks"
MANUALS = Path(__file__).parent / "manuals"  # its README tells where the documents come from
QUESTIONS_ELSEWHERE = Path(__file__).parent / "elsewhere"  # likewise
ELSEWHERE = ("basecamp", "ntsb", "trials", "sec10q", "agency")
FINANCEBENCH = "financebench"  # questions and documents are put into the cache folder by benchmarks/financebench.py
NAMES = ("filings", "handbook", "xquad-en", "xquad-de", "samples", "editions", "manuals", *ELSEWHERE, FINANCEBENCH)
OPERATOR = Principal("operator", "operator", Role.ADMIN)
_FOLDERS = {"filings": ("filings", "*.pdf"), "handbook": ("handbook/docs", "**/*"), "samples": ("documents", "*")}

_FIGURE = re.compile(r"(?<![\w.-])\d{2,3}(?![\w.-])")

# what decides how a document lies in the database and in the index
_MAKERS = (
    "ingest/**/*.py",
    "storage/models/base.py",
    "storage/models/documents.py",
    "storage/tables.py",
    "storage/index*.py",
    "storage/edge.py",
)
_NOT_MAKERS = {"jobs.py", "worker.py", "render.py", "sandbox.py", "child.py", "confinement.py"}


@dataclass(frozen=True, slots=True)
class File:
    """`key` is what the questions call the document: a file's stem, a path, an article and number."""

    key: str
    name: str
    content: bytes
    path: str = ""  # from the folder of the sets, where it is a file there

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Variant:
    """Another way to build a corpus, for ablations: attributes of `ingest.batches` that other functions replace."""

    name: str = ""
    replaced: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Corpus:
    """An open corpus. `documents` gives a document's id by the name that the questions use, `keys` the other way."""

    name: str
    services: Services
    principal: Principal
    documents: Mapping[str, str]
    keys: Mapping[str, str]


def files(name: str, sets: Path = SETS) -> list[File]:
    """The documents of a corpus, in a fixed order."""
    if name == "manuals":
        listed, root = (MANUALS / "documents.txt").read_text("utf-8").split(), CACHE / "manuals/usr/share/doc"
        return [File(path, Path(path).name, (root / path).read_bytes(), path) for path in listed]
    if name in (*ELSEWHERE, FINANCEBENCH):
        paths = sorted((CACHE / "elsewhere" / name).iterdir())
        return [File(path.stem if path.suffix == ".pdf" else path.name, path.name, path.read_bytes()) for path in paths]
    if name == "editions":
        return [edition for file in files("handbook", sets) for edition in _editions(file)]
    if name in _FOLDERS:
        within, pattern = _FOLDERS[name]
        root = SAMPLES if name == "samples" else sets
        paths = sorted(path for path in (root / within).glob(pattern) if path.is_file())
        keys = [path.stem if name == "filings" else path.relative_to(root / within).as_posix() for path in paths]
        return [
            File(key, path.name, path.read_bytes(), path.relative_to(root).as_posix())
            for key, path in zip(keys, paths, strict=True)
        ]
    path = _questions_file(name, sets)
    texts = paragraphs(path.read_text("utf-8"), path.name)
    # their file names would tell the article, which the plain pipeline does not see
    return [File(key.removesuffix(".txt"), f"{n:03}.txt", text.encode()) for n, (key, text) in enumerate(texts)]


def _editions(file: File) -> Iterator[File]:
    """A page of the handbook as it is, and as it may have stood three years before: the same with other figures."""
    text = file.content.decode()
    if text.startswith("---\n"):
        before, _, text = text[4:].partition("\n---\n")
        before = f"---\n{before}\n---\n"
    else:
        before = ""
    earlier = _FIGURE.sub(lambda found: str(int(found[0]) // 2 + 1), text)
    yield replace(file, content=f"{before}\nLast updated: 2024-03-01\n\n{text}".encode())
    content = f"{before}\nLast updated: 2021-03-01\n\n{earlier}".encode()
    yield replace(file, key=f"{file.key} of 2021", content=content, path="")


def questions(name: str, sets: Path = SETS) -> QuestionSet:
    """The questions on a corpus. They call its documents by the same names as `Corpus.documents`."""
    return load(_questions_file("handbook" if name == "editions" else name, sets))


def _questions_file(name: str, sets: Path) -> Path:
    if name == FINANCEBENCH:
        return CACHE / "elsewhere" / f"{name}.jsonl"
    if name in ELSEWHERE:
        return QUESTIONS_ELSEWHERE / f"{name}.jsonl"
    if name in ("samples", "manuals"):
        return (SAMPLES if name == "samples" else MANUALS) / "questions.jsonl"
    language = name.removeprefix("xquad-")
    return sets / "xquad" / f"xquad.{language}.json" if name != language else sets / name / "questions.jsonl"


@contextmanager
def opened(
    name: str,
    *,
    variant: Variant | None = None,
    model: str = DEFAULT_MODEL,
    sets: Path = SETS,
    cache: Path = CACHE,
    fresh: bool = False,
    built: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Corpus]:
    """The corpus behind running index and models processes, built first where needed, or as it lies in `built`.

    `settings` are for the run alone.

    What the block writes is gone after it.
    """
    built = built or build(name, variant=variant, model=model, sets=sets, cache=cache, fresh=fresh)
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        copy = Path(folder) / "data"
        shutil.copytree(built, copy, ignore=shutil.ignore_patterns("*.lock"))
        own = settings_of(copy, model, settings or {})
        with supervisor.running(own, "index", "models") as reachable, closing(services.build(reachable)) as parts:
            wait_for_model(parts.embedder)
            documents = json.loads((copy / "documents.json").read_text("utf-8"))
            yield Corpus(name, parts, OPERATOR, documents, {id_: key for key, id_ in documents.items()})


def build(
    name: str,
    *,
    variant: Variant | None = None,
    model: str = DEFAULT_MODEL,
    sets: Path = SETS,
    cache: Path = CACHE,
    fresh: bool = False,
) -> Path:
    """The data folder of a corpus; made now where the cache has none for these documents and this code."""
    variant = variant or Variant()
    documents = files(name, sets)
    target = cache / f"{name}-{_digest(documents, variant, model)}"
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / f"{target.name}.lock"):
        if target.exists() and not fresh:
            return target
        making = cache / f"{target.name}.new"
        for folder in (making, target):
            shutil.rmtree(folder, ignore_errors=True)
        started = time.monotonic()
        _fill(making, documents, variant, model, cache)
        making.rename(target)
        print(f"{name}: {len(documents)} documents built in {time.monotonic() - started:.0f} s", flush=True)
    return target


def _fill(folder: Path, documents: list[File], variant: Variant, model: str, cache: Path) -> None:
    folder.mkdir()
    with supervisor.running(settings_of(folder, model, {}), "index") as settings:
        database, pipeline = build_pipeline(settings)
        with closing(database), replaced(sandbox, run=_here), replaced(batches, **variant.replaced):
            embedder = Remembering(pipeline.embedder(model), cache / "vectors.db")
            pipeline = replace(pipeline, embedder=lambda _: embedder)
            store = Documents(database, pipeline.files)
            ids = {file.key: _take_in(file, store, pipeline) for file in documents}
    (folder / "documents.json").write_text(json.dumps(ids, indent=1, ensure_ascii=False), "utf-8")


def _here(read: Callable[..., Iterator[Any]], *arguments: Any, take: Callable[[Any], None], **_: Any) -> None:
    """`sandbox.run` without the sandbox: what comes back has been JSON too."""
    for item in read(*arguments):
        take(json.loads(json.dumps(item)))


@contextmanager
def replaced(module: ModuleType, **functions: Callable[..., Any]) -> Iterator[None]:
    before = {name: getattr(module, name) for name in functions}
    try:
        for name, function in functions.items():
            setattr(module, name, function)
        yield
    finally:
        for name, function in before.items():
            setattr(module, name, function)


def _take_in(file: File, documents: Documents, pipeline: Pipeline) -> str:
    with pipeline.files.receive(10**9) as receiver:
        receiver.write(file.content)
        added = documents.add(file.name, receiver.finish(), Readers(everyone=True), OPERATOR)
    if not added.known:  # the same bytes may come under two names
        pipeline.read(added.version_id)
        total = pipeline.divide(added.version_id)
        for start in range(0, total, STEP):
            pipeline.embed(added.version_id, start, total)
        pipeline.publish(added.version_id, total)
    return added.document_id


class Remembering:
    """An embedder that keeps every vector in a SQLite file, by the hash of model, kind and text.

    For building and for figures of quality; what is timed must not go through it.
    """

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self._embedder = embedder
        self._path = path
        with closing(self._connect()) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        self.name, self.dimensions = embedder.name, embedder.dimensions
        self.max_tokens, self.token_spans = embedder.max_tokens, embedder.token_spans

    def embed_queries(self, texts: list[str]) -> Vector:
        return self._embed(texts, "query", self._embedder.embed_queries)

    def embed_question(self, text: str) -> Meaning:
        return self._embedder.embed_question(text)  # not kept: it is some milliseconds

    def embed_passages(self, texts: list[str]) -> Vector:
        return self._embed(texts, "passage", self._embedder.embed_passages)

    def embed_parts(self, texts: list[str], parts: Sequence[Parts]) -> tuple[Vector, list[Vector]]:
        def embed(new: list[int]) -> list[Vector]:
            whole, of_parts = self._embedder.embed_parts([texts[n] for n in new], [parts[n] for n in new])
            return [np.vstack([vector[None], rows]) for vector, rows in zip(whole, of_parts, strict=True)]

        keys = [f"parts\0{text}\0{spans}" for text, spans in zip(texts, parts, strict=True)]
        found = self._kept(keys, embed)
        whole = np.array([rows[0] for rows in found], np.float32).reshape(len(texts), self.dimensions)
        return whole, [rows[1:] for rows in found]

    def _embed(self, texts: list[str], kind: str, embed: Callable[[list[str]], Vector]) -> Vector:
        found = self._kept([f"{kind}\0{text}" for text in texts], lambda new: list(embed([texts[n] for n in new])))
        return np.array(found, np.float32).reshape(len(texts), self.dimensions)

    def _kept(self, keys: list[str], make: Callable[[list[int]], list[Vector]]) -> list[Vector]:
        """What is kept under each key, as rows; `make` gives what is new, by its places in `keys`."""
        hashes = [hashlib.sha256(f"{self.name}\0{key}".encode()).digest() for key in keys]
        with closing(self._connect()) as connection, connection:
            marks = ",".join("?" * len(hashes))
            query = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"
            known: dict[bytes, bytes] = dict(connection.execute(query, hashes).fetchall())
            new = [place for place, key in enumerate(hashes) if key not in known]
            if new:
                made = {hashes[n]: np.asarray(one, np.float32).tobytes() for n, one in zip(new, make(new), strict=True)}
                connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", made.items())
                known |= made
        return [np.frombuffer(known[key], np.float32).reshape(-1, self.dimensions) for key in hashes]

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=60)


def settings_of(folder: Path, model: str, others: Mapping[str, str]) -> Settings:
    return Settings(data_dir=folder, embed_model=model, **others)  # type: ignore[arg-type]  # pydantic converts


def _digest(documents: list[File], variant: Variant, model: str) -> str:
    digest = hashlib.sha256(f"{model}\0{variant.name}".encode())
    for name, function in sorted(variant.replaced.items()):
        digest.update(f"{name}\0{inspect.getsource(function)}".encode())
    for file in documents:
        digest.update(f"{file.key}\0{file.name}\0".encode() + hashlib.sha256(file.content).digest())
    for path in sorted(path for pattern in _MAKERS for path in ROOT.glob(pattern) if path.name not in _NOT_MAKERS):
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def wait_for_model(embedder: Embedder) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            embedder.embed_queries(["ready?"])
            return
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES[:3], help=f"Of {', '.join(NAMES)}.")
    parser.add_argument("--sets", type=Path, default=SETS, help="Folder with filings/, handbook/ and xquad/.")
    parser.add_argument("--data", type=Path, default=CACHE, help="Where built corpora are kept.")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="EMBED_MODEL.")
    parser.add_argument("--fresh", action="store_true", help="Build anew even where nothing has changed.")
    options = parser.parse_args()
    for name in options.names:
        print(build(name, model=options.model, sets=options.sets, cache=options.data, fresh=options.fresh))


if __name__ == "__main__":
    main()
