"""What a run found, as JSONL that anybody can score: one line for each question, documents by the question set's names.

`ranked` are the distinct [document, page], best first; `passages` the [document, page, start, end, score] that they
come from; `citations` the [document, page, start, end] of the answer's footnotes. docs/evaluation.md lists the rest.
"""

from __future__ import annotations

import json
from typing import Any

from app.evaluation import ranking
from app.evaluation.outcomes import Outcome, Run


def write(run: Run) -> str:
    return "".join(f"{json.dumps(_row(outcome), ensure_ascii=False)}\n" for outcome in run.outcomes)


def _row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": outcome.question.id,
        "question": outcome.question.text,
        "kind": outcome.question.kind,
        "ranked": [[place.document, place.page] for place in ranking.pages(outcome)],
        "passages": [[one.document, one.page, one.start, one.end, round(one.score, 6)] for one in outcome.ranked],
        "confidence": round(outcome.confidence, 6),
        "seconds": round(outcome.seconds, 6),
    }
    if outcome.answer is not None:
        answer = outcome.answer
        row |= {
            "answer": answer.text,
            "refused": answer.refused,
            "hedged": answer.hedged,
            "citations": [[one.document, one.page, one.start, one.end] for one in answer.citations],
            "answer_seconds": round(answer.seconds, 6),
        }
    return row | ({"error": outcome.error} if outcome.error else {})
