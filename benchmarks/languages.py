"""How well passages are found in another language than English, and languages told apart.

    python benchmarks/languages.py
    python benchmarks/languages.py --multilingual FOLDER   (made by benchmarks/multilingual_e5.py)

XQuAD's 240 paragraphs, one passage each, and its 1,190 questions, in English and German, asked of the product: with
the weights as they are, without one of both searches, and with nearness counting in full though the model does not know
the words (`Design.strange`). Does not cover: documents of many passages (`footnote eval`).
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from pathlib import Path

import corpora
import tables
from replay import Replay

from app.evaluation import measures
from app.evaluation.forms import paragraphs
from app.rank import Design
from ingest.embed import DEFAULT_MODEL
from ingest.language import language

MULTILINGUAL = corpora.CACHE / "multilingual-e5-small"
LANGUAGES = ("en", "de")
DESIGNS = {
    "by words": Design(meaning=0.0, parts=0.0, votes=0.0),
    "by meaning": Design(words=0.0),
    "both, full trust": Design(strange=1.0),
    "as it is": Design(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--multilingual", type=Path, default=MULTILINGUAL, help="Folder with a multilingual model.")
    options = parser.parse_args()
    print(f"{finding(options.multilingual)}\n\n{telling_apart()}")


def finding(multilingual: Path) -> str:
    """Recall @1 / @5 by design; the rows of the multilingual model where it lies in that folder."""
    rows = _rows("MiniLM", DEFAULT_MODEL, [("de", "de")])
    if multilingual.is_dir():
        rows += _rows(multilingual.name, str(multilingual), [("de", "de"), ("de", "en"), ("en", "en")])
    return tables.markdown(["questions > paragraphs: recall @1 / @5", *DESIGNS], rows)


def _rows(name: str, model: str, pairs: list[tuple[str, str]]) -> list[list[str]]:
    rows = []
    for asked, given in pairs:
        questions = corpora.questions(f"xquad-{asked}")
        with corpora.opened(f"xquad-{given}", model=model) as opened:
            replay = Replay(opened)
            found = [measures.summarise(replay.run(questions, design)).overall for design in DESIGNS.values()]
        cells = [" / ".join(f"{one[f'document_recall@{k}'].value:.3f}" for k in (1, 5)) for one in found]
        rows.append([f"{name}: {asked} > {given}", *cells])
    return rows


def telling_apart() -> str:
    """How often `ingest.language` is right, unsure and wrong, and how long it takes a text."""
    language("The model is loaded at the first call.")
    rows = []
    for kind in ("paragraphs", "sentences", "questions"):
        texts = [(code, text) for code in LANGUAGES for text in _texts(code, kind)]
        started = time.perf_counter()
        told = [language(text) for _, text in texts]
        took = (time.perf_counter() - started) / len(texts) * 1000
        right, unsure = sum(code == guess for (code, _), guess in zip(texts, told, strict=True)), told.count("")
        shares = [f"{count / len(texts):.3f}" for count in (right, unsure, len(texts) - right - unsure)]
        rows.append([f"{len(texts)} {kind}", *shares, f"{took:.2f} ms"])
    return tables.markdown(["text", "right", "unsure", "wrong", "a text"], rows)


def _texts(code: str, kind: str) -> Iterator[str]:
    if kind == "questions":
        yield from (one.text for one in corpora.questions(f"xquad-{code}").questions)
        return
    path = corpora.SETS / "xquad" / f"xquad.{code}.json"
    for _, paragraph in paragraphs(path.read_text("utf-8"), path.name):
        yield from re.split(r"(?<=[.!?])\s+", paragraph) if kind == "sentences" else [paragraph]


if __name__ == "__main__":
    main()
