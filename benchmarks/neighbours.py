"""What a prompt of so many tokens holds of the evidence: passages one by one, or with those that stand beside them.

A passage joined with its neighbours is up to three times as long, so the same prompt holds fewer of them: counting
passages, as `evidence @5` does, would compare prompts of different sizes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import corpora
import tables
from replay import Replay

from app import chat
from app.budget import SOURCE_TOKENS
from app.evaluation import statistics
from app.evaluation.evidence import Text, ranks
from app.evaluation.questions import Question
from app.prompt import source, span
from app.rewrite import understand
from storage.types import Passage

SETS = ("filings", "handbook")
SIZES = (SOURCE_TOKENS // 2, SOURCE_TOKENS, 2 * SOURCE_TOKENS)
LISTED = 50  # passages that are looked through: more than any of the sizes holds

Around = Callable[[Passage], Sequence[Passage]]
Counted = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Of the first `joined` passages come also those before (`before`) and after them on their pages."""

    name: str
    joined: int = 0
    before: bool = True
    listed: int = LISTED


ARRANGEMENTS = (
    Arrangement("one by one"),
    Arrangement("one by one, as many as the chat lists", listed=chat.LISTED),
    Arrangement("the best with its neighbours", joined=1),
    Arrangement("the best three with their neighbours", joined=3),
    Arrangement("each with its neighbours", joined=LISTED),
    Arrangement("each with the next", joined=LISTED, before=False),
)


def held(
    arrangement: Arrangement, found: Sequence[Passage], around: Around, count: Counted, most: int
) -> list[Passage]:
    """The passages that `most` tokens hold. A neighbour needs no line that says where it stands: it is joined."""
    kept: dict[object, Passage] = {}
    left = most
    for n, passage in enumerate(found[: arrangement.listed]):
        beside = around(passage) if n < arrangement.joined else ()
        beside = [one for one in beside if arrangement.before or one.start > passage.start]
        for one in (passage, *beside):
            if span(one) in kept:
                continue
            left -= count(source(n + 1, one) if one is passage else one.text)
            if left < 0:
                return list(kept.values())
            kept[span(one)] = one
    return list(kept.values())


def shares(name: str) -> Iterator[Mapping[tuple[str, int], float]]:
    """For each question with evidence, by arrangement and size, the share of it that the prompt holds."""
    with corpora.opened(name) as opened:
        replay = Replay(opened)
        retriever, counts = replay.retriever(), dict[str, int]()

        def count(text: str) -> int:
            if text not in counts:
                counts[text] = len(retriever.embedder.token_spans(text))
            return counts[text]

        for question in corpora.questions(name).questions:
            if not question.evidence:
                continue
            asked = understand(question.text, (), threading.Event())
            found = chat.search(asked, opened.principal, retriever, limit=LISTED).passages
            yield {
                (one.name, most): _share(question, opened.keys, held(one, found, replay.around, count, most))
                for one in ARRANGEMENTS
                for most in SIZES
            }


def _share(question: Question, keys: Mapping[str, str], kept: Sequence[Passage]) -> float:
    texts = [Text(keys[one.document_id], one.version_id, one.page, one.start, one.text) for one in kept]
    return sum(rank > 0 for rank in ranks(question.evidence, texts, question.names)) / len(question.evidence)


def table() -> str:
    """The share in the first row; below it the differences in points, with a star as in the ablation."""
    head, rows = ["tokens of sources"], [[one.name] for one in ARRANGEMENTS]
    for name in SETS:
        found = list(shares(name))
        for most in SIZES:
            head.append(f"{name}: {most}" if most == SIZES[0] else str(most))
            first = [each[ARRANGEMENTS[0].name, most] for each in found]
            rows[0].append(f"{statistics.mean(first).value:.3f}")
            for row, one in zip(rows[1:], ARRANGEMENTS[1:], strict=True):
                compared = statistics.compare(first, [each[one.name, most] for each in found])
                row.append(tables.points(compared.difference, compared.p))
    return tables.markdown(head, rows)
