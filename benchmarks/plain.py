"""The plain llama-index pipeline over the same documents, with the same embedding model: what Footnote is measured by.

    python benchmarks/plain.py filings handbook xquad-en

As its manual shows: one Document a page of a PDF (read by pypdf) or a text file, SentenceSplitter with its default
chunks of 1,024 tokens, a VectorStoreIndex, the nearest chunks. The model sees the first 256 tokens of a chunk. With
`--paths` each chunk is embedded under its file's path and page label too, as SimpleDirectoryReader gives them; that
tells documents apart whose file names say what they are. Questions and scores are those of `footnote eval`; `run` gives
the same kind of run.
"""

from __future__ import annotations

import argparse
import io
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from corpora import CACHE, NAMES, SETS, File, Remembering, files, questions
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, NodeWithScore
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from app.evaluation import measures, results
from app.evaluation.evidence import Text, ranks
from app.evaluation.outcomes import Outcome, Ranked, Run
from app.evaluation.questions import Question
from ingest.embed import DEFAULT_MODEL, Embedder, SentenceTransformerEmbedder

LISTED = 50  # chunks that a ranking goes down to, as in `footnote eval`
SHOWN = ("page_recall@1", "page_recall@5", "document_recall@1", "document_recall@5", "evidence_recall@5", "mrr")


class Embedding(BaseEmbedding):  # type: ignore[misc]  # llama-index is too large for mypy to follow
    """Our embedding model behind llama-index's interface: the vectors are those of its HuggingFaceEmbedding."""

    passages: Any
    queries: Any

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.passages.embed_passages(texts).tolist()
        return vectors

    def _get_query_embedding(self, query: str) -> list[float]:
        vector: list[float] = self.queries.embed_queries([query])[0].tolist()
        return vector

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def run(name: str, *, paths: bool = False, model: str = DEFAULT_MODEL, sets: Path = SETS, cache: Path = CACHE) -> Run:
    """Every question of a corpus, asked of one index over all its documents. Vectors of chunks are kept in `cache`."""
    began, started = time.monotonic(), datetime.now(UTC)
    corpus, asked = files(name, sets), questions(name, sets)
    embedder: Embedder = SentenceTransformerEmbedder(model)
    cache.mkdir(parents=True, exist_ok=True)
    embedding = Embedding(
        model_name=model, passages=Remembering(embedder, cache / "vectors.db"), queries=embedder, embed_batch_size=64
    )
    pages = [page for file in corpus for page in read(file, paths=paths)]
    index = VectorStoreIndex.from_documents(pages, transformations=[SentenceSplitter()], embed_model=embedding)
    retriever = index.as_retriever(similarity_top_k=LISTED)
    outcomes = []
    for question in asked.questions:
        since = time.monotonic()
        found = retriever.retrieve(question.text)
        outcomes.append(_outcome(question, found, time.monotonic() - since))
    return Run(
        id=uuid.uuid4().hex,
        name=asked.name,
        started=started.isoformat(timespec="seconds"),
        seconds=time.monotonic() - began,
        principal="",
        embedding=model,
        version=version("footnote"),
        note=f"llama-index-core {version('llama-index-core')}{', with paths' * paths}",
        documents=len(corpus),
        outcomes=tuple(outcomes),
    )


def read(file: File, *, paths: bool) -> Iterator[Document]:
    """Each page of a PDF, else the whole file. `paths`: with its path and page label in what is embedded."""
    texts = _texts(file)
    for page, text in enumerate(texts, 1):
        told = {"page_label": str(page)} if paths and len(texts) > 1 else {}
        told |= {"file_path": file.path} if paths and file.path else {}
        own = {"document": file.key, "page": page}
        yield Document(text=text, metadata=told | own, excluded_embed_metadata_keys=list(own))


@cache
def _texts(file: File) -> list[str]:
    if file.name.endswith(".pdf"):
        try:
            return [page.extract_text() for page in PdfReader(io.BytesIO(file.content)).pages]
        except PyPdfError as error:  # as SimpleDirectoryReader does, which goes on without the file
            print(f"{file.name} is left out by the plain pipeline: {error}", flush=True)
            return []
    return [file.content.decode("utf-8", errors="ignore")]


def _outcome(question: Question, found: Sequence[NodeWithScore], seconds: float) -> Outcome:
    ranked = tuple(map(_ranked, found))
    texts = [
        Text(one.document, one.version_id, one.page, one.start, node.node.get_content())
        for one, node in zip(ranked, found, strict=True)
    ]
    return Outcome(
        question=question,
        ranked=ranked,
        confidence=ranked[0].score if ranked else 0.0,
        seconds=seconds,
        evidence=ranks(question.evidence, texts, question.names),
    )


def _ranked(found: NodeWithScore) -> Ranked:
    node = found.node
    document, page = node.metadata["document"], node.metadata["page"]
    return Ranked(
        document=document,
        document_id=document,
        version_id=document,
        page=page,
        start=node.start_char_idx or 0,
        end=node.end_char_idx or 0,
        chunk=node.node_id,
        score=float(found.score or 0.0),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES[:3], help=f"Of {', '.join(NAMES)}.")
    parser.add_argument("--paths", action="store_true", help="Embed each chunk under its file's path.")
    parser.add_argument("--sets", type=Path, default=SETS, help="Folder with filings/, handbook/ and xquad/.")
    parser.add_argument("--data", type=Path, default=CACHE, help="Where vectors are kept.")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="EMBED_MODEL.")
    parser.add_argument("--results", type=Path, help="Folder for NAME.jsonl, the ranked pages of every question.")
    options = parser.parse_args()
    for name in options.names:
        done = run(name, paths=options.paths, model=options.model, sets=options.sets, cache=options.data)
        if options.results:
            options.results.mkdir(parents=True, exist_ok=True)
            (options.results / f"{name}.jsonl").write_text(results.write(done), "utf-8")
        answerable = replace(done, outcomes=tuple(one for one in done.outcomes if one.question.answerable))
        figures = measures.summarise(answerable).overall
        shown = "  ".join(f"{key} {figures[key].value:.3f}" for key in SHOWN if key in figures)
        print(f"{name}, {len(answerable.outcomes)} answerable questions: {shown}", flush=True)


if __name__ == "__main__":
    main()
