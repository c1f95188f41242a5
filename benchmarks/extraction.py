"""What an answer without a language model holds of the reference answers: the tables of docs/extraction.md.

    python benchmarks/extraction.py            prints the tables
    python benchmarks/extraction.py --write    the same, kept in docs/extraction.md

Every question goes the way that a chat's takes (`app.chat.answer`), through the index and models processes. An answer
is judged by its first statement and by its first three, where a statement is a sentence, a list item or a table row;
what stands below counts for procedures and lists alone. An unanswered question counts as missed.
"""

from __future__ import annotations

import argparse
import re
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import corpora
import tables

from app.assignment import Assignment
from app.chat import answer
from app.doubt import refuses
from app.evaluation.answers import figures, statements
from app.evaluation.questions import Question
from app.events import Ended
from app.extract import Extractive
from app.words import content_words

SETS = ("xquad-en", "xquad-de", "filings", "handbook", "samples")
PAGE = tables.PAGE.with_name("extraction.md")
FIRST = 3  # statements of an answer that are judged
WHOLE = ("procedure", "list")  # kinds whose answers are longer
MOST_OF = 0.5  # of the evidence's words, at least: then an answer holds most of them
_BARS = {
    ("xquad-en", "first"): "0.78",
    ("xquad-en", "three"): "0.93",
    ("filings", "table"): "0.55",
    ("filings", "narrative"): "0.85",
    ("filings", "definition"): "0.80",
}
MARKS = re.compile(r"\*\*|__|`|\{%.*?%\}|\{\{.*?\}\}|\]\([^)]*\)|<[^<>]*>")
_BRACKETED = re.compile(r"\([^)]*\)")  # the same figure rounded, mostly
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[,'’.\u00a0\u202f](?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer. `first` and `three`: a reference answer stands there word for word; `figure`: all of its figures.

    `share` of the evidence's words: of procedures and lists in the whole answer, else in three statements.
    """

    question: Question
    length: int  # statements that it has
    first: bool
    three: bool
    figure: bool | None  # None: the reference has no figures
    share: float
    seconds: float = 0.0

    @property
    def most(self) -> bool:
        return self.share >= MOST_OF


def judged(question: Question, text: str, seconds: float = 0.0) -> Judged:
    said = [] if refuses(text, cites=True) else list(statements(text))
    three = [words for words, _ in said[:FIRST]]
    whole = [words for words, _ in said]
    cited = next((words for words, numbers in said if numbers), "")
    references = [*question.answers, *(_BRACKETED.sub("", one) for one in question.answers)]
    value = figures("\n".join(three), references, question.text) if question.answerable else None
    return Judged(
        question=question,
        length=len(said),
        first=holds(cited, question.answers),
        three=holds(" ".join(three), question.answers),
        figure=None if value is None else value == 1.0,
        share=share("\n".join(whole if question.kind in WHOLE else three), question.evidence or question.answers),
        seconds=seconds,
    )


def holds(text: str, references: Sequence[str]) -> bool:
    """Whether one of the references stands in the text, up to case, signs and how thousands are parted."""
    return any(_plain(reference) in _plain(text) for reference in references)


def share(text: str, evidence: Sequence[str]) -> float:
    """Of the different words of all the evidence."""
    wanted = set(content_words(MARKS.sub(" ", " ".join(evidence))))
    return len(wanted & set(content_words(text))) / len(wanted) if wanted else 0.0


def _plain(text: str) -> str:
    words = re.findall(r"[^\W_]+", _BETWEEN_DIGITS.sub("", text.casefold()))
    return f" {' '.join(words)} "


def run(name: str) -> list[Judged]:
    """Every question of a set asked as a chat asks it."""
    found = []
    with corpora.opened(name) as opened:
        services = opened.services
        model = Extractive(services.retriever.embedder)
        for question in corpora.questions(name).questions:
            began = time.monotonic()
            asked = Assignment(
                question=question.text,
                principal=opened.principal,
                retriever=services.retriever,
                llm=model,
                cancel=threading.Event(),
            )
            text = next(event.text for event in answer(asked) if isinstance(event, Ended))
            found.append(judged(question, text, time.monotonic() - began))
    return found


def bars(runs: dict[str, list[Judged]]) -> str:
    """What issue and users ask of it, on the questions that the documents answer."""
    lines = []
    for name in runs:
        if name.startswith("xquad"):
            own = [one for one in runs[name] if one.question.answerable]
            for place, right in (("first cited sentence", "first"), ("first three", "three")):
                bar = _BARS.get((name, right), "")
                lines.append([f"{name}: the answer in the {place}", str(len(own)), _share_of(own, right), bar])
            continue
        for kind in dict.fromkeys(one.question.kind for one in runs[name] if one.question.answerable):
            own = [one for one in runs[name] if one.question.kind == kind and one.question.answerable]
            with_figures = [one for one in own if one.figure is not None]
            if kind == "table":
                bar = _BARS.get((name, kind), "")
                lines.append([f"{name}, table: the figure", str(len(own)), _share_of(with_figures, "figure"), bar])
            else:
                bar = _BARS.get((name, kind), "")
                said = f"{name}, {kind}: most of the evidence's words"
                lines.append([said, str(len(own)), _share_of(own, "most"), bar])
    return tables.markdown(["", "questions", "share", "bar"], lines)


def effort(runs: dict[str, list[Judged]]) -> str:
    """How long answers are, how long they take, and how many questions get none."""
    lines = []
    for name, found in runs.items():
        answerable = [one for one in found if one.question.answerable]
        others = [one for one in found if not one.question.answerable]
        lengths = [one.length for one in answerable if one.length]
        seconds = sorted(one.seconds for one in found)
        lines.append(
            [
                name,
                f"{statistics.mean(lengths):.1f}",
                f"{100 * sum(length <= FIRST for length in lengths) / len(lengths):.0f} %",
                f"{sum(one.length == 0 for one in answerable)} of {len(answerable)}",
                f"{sum(one.length == 0 for one in others)} of {len(others)}" if others else "",
                *(_milliseconds(seconds, share) for share in (0.5, 0.95)),
            ]
        )
    head = ["", "statements", "at most three", "answerable, refused", "unanswerable, refused", "p50", "p95"]
    return tables.markdown(head, lines)


def _milliseconds(seconds: Sequence[float], share: float) -> str:
    at = seconds[int(share * (len(seconds) - 1))]
    return f"{1000 * at:.0f} ms" if at else ""


def _share_of(found: Sequence[Judged], right: str) -> str:
    return f"{sum(bool(getattr(one, right)) for one in found) / len(found):.3f}" if found else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=SETS, help=f"Of {', '.join(SETS)}.")
    parser.add_argument("--write", action="store_true", help="Keep the tables in docs/extraction.md.")
    options = parser.parse_args()
    runs = {name: run(name) for name in options.names}
    for name, body in (("extraction", bars(runs)), ("extraction-effort", effort(runs))):
        print(f"\n{body}", flush=True)
        if options.write:
            tables.write(name, body, PAGE)


if __name__ == "__main__":
    main()
