"""Follow-ups: how much of what a whole question finds is found by what is left of it in a conversation.

The conversations are those of benchmarks/conversations, with their reference answers as what was answered before. Only
turns that lean on what came before are asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import corpora
import numpy as np
import tables
from conversations import check
from replay import Replay

from app.evaluation import forms, measures
from app.evaluation.outcomes import Run
from app.evaluation.questions import Question, QuestionSet
from app.evaluation.statistics import Figure
from app.prompt import Turn
from app.rewrite import Rewriter, understand

SHOWN = {
    "filings": ("page_recall@5", "right_document_first"),
    "handbook": ("document_recall@5", "right_document_first"),
    "samples": ("document_recall@5", "right_document_first"),
}


@dataclass(frozen=True)
class Talk:
    """A follow-up. `answers` are the reference answers of the turns before it."""

    question: Question
    split: str
    standalone: str
    answers: tuple[str, ...]

    def history(self, *, answers: bool = True) -> list[Turn]:
        turns = []
        for asked, answered in zip(self.question.history, self.answers, strict=True):
            turns += [Turn("user", asked), *([Turn("assistant", answered)] if answers and answered else [])]
        return turns

    def understood(self, *, answers: bool) -> str:
        return understand(self.question.text, self.history(answers=answers), threading.Event()).text


WAYS: Mapping[str, Callable[[Talk], str]] = {
    "the question alone": lambda talk: talk.question.text,
    "with its rules": lambda talk: talk.understood(answers=True),
    "the same, without earlier answers": lambda talk: talk.understood(answers=False),
    "written out by hand": lambda talk: talk.standalone,
}


def talks(name: str) -> Iterator[Talk]:
    """The follow-ups on a corpus that some document answers."""
    questions = {one.id: one for one in forms.load(check.HERE / f"{name}.jsonl").questions}
    for one in check.load(name):
        answers = [turn["answer"] for turn in one["turns"]]
        for number, turn in enumerate(one["turns"], 1):
            question = questions[f"{one['id']}-{number}"]
            if "standalone" in turn and question.answerable:
                yield Talk(question, one["split"], turn["standalone"], tuple(answers[: number - 1]))


def table(done: Callable[[str], None]) -> str:
    """Both halves apart. Rows are ways to ask, columns sets."""
    found: dict[tuple[str, str], list[str]] = {}
    sizes: dict[tuple[str, str], int] = {}
    for name in check.NAMES:
        with corpora.opened(name) as opened:
            replay, asked = Replay(opened), list(talks(name))
            for split in check.SPLITS:
                here = [talk for talk in asked if talk.split == split]
                sizes[name, split] = len(here)
                for way, run in _runs(replay, here):
                    found.setdefault((split, way), []).extend(_figures(name, run))
                    done(f"{name} {split} {way}: {' '.join(_figures(name, run))}")
    head = ["", *(label for name in check.NAMES for label in (f"{name}: @5", "document first"))]
    parts = []
    for split in check.SPLITS:
        counted = ", ".join(f"{name} {sizes[name, split]}" for name in check.NAMES)
        rows = [[way, *figures] for (of, way), figures in found.items() if of == split]
        parts.append(f"**{split}** (follow-ups: {counted})\n\n{tables.markdown(head, rows)}")
    return "\n\n".join(parts)


def _runs(replay: Replay, asked: list[Talk]) -> Iterator[tuple[str, Run]]:
    for way, text in WAYS.items():
        yield way, replay.run(_set([replace(one.question, text=text(one), history=()) for one in asked]))
    whole = [replace(one.question, text=one.understood(answers=True), history=()) for one in asked]
    yield "with its rules, comparisons not taken apart", replay.run(_set(whole), apart=False)


def _set(questions: list[Question]) -> QuestionSet:
    return QuestionSet(name="conversations", questions=tuple(questions))


def _figures(name: str, run: Run) -> list[str]:
    overall: Mapping[str, Figure] = measures.summarise(run).overall
    return [f"{overall[key].value:.3f}" for key in SHOWN[name]]


def times(rewriter: Rewriter | None, most: int = 40) -> str:
    """How long a follow-up takes to understand, by rules, and by the language model where there is one."""
    asked = [talk for name in check.NAMES for talk in talks(name)]
    rows = [_row("by rules", [_seconds(talk, None) for _ in range(3) for talk in asked])]
    if rewriter is not None:
        rows.append(_row("by the language model", [_seconds(talk, rewriter) for talk in asked[:most]]))
    return tables.markdown(["", "follow-ups", "median", "p95"], rows)


def _seconds(talk: Talk, rewriter: Rewriter | None) -> float:
    began = time.perf_counter()
    understand(talk.question.text, talk.history(), threading.Event(), rewriter=rewriter)
    return time.perf_counter() - began


def _row(name: str, seconds: list[float]) -> list[str]:
    median, high = np.percentile(seconds, [50, 95]) * 1000
    return [name, str(len(seconds)), f"{median:.1f} ms", f"{high:.1f} ms"]
