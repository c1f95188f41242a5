"""What a run is worth: a score for each question and measure, their means with intervals, and two runs compared.

A measure counts the questions that it makes sense for: recall those whose place is known, F1 those with a reference
answer, citation measures those that were answered. docs/evaluation.md defines each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.evaluation import answers, ranking, statistics
from app.evaluation.outcomes import Answered, Outcome, Run
from app.evaluation.questions import Place, Question
from app.evaluation.statistics import Difference, Figure

_ENOUGH = 0.5  # F1 of a right answer where nothing else tells


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    label: str
    group: str
    higher_is_better: bool = True
    is_share: bool = True  # else seconds


def _at(name: str, label: str, group: str) -> list[Measure]:
    return [Measure(f"{name}@{k}", f"{label} @{k}", group) for k in ranking.CUTOFFS]


SEARCH, ANSWERS, ABSTENTION, TIME = "Search", "Answers", "Not found", "Time"
MEASURES = {
    measure.name: measure
    for measure in (
        *_at("page_recall", "Page recall", SEARCH),
        *_at("document_recall", "Document recall", SEARCH),
        Measure("right_document_first", "Right document first", SEARCH),
        *_at("evidence_recall", "Evidence recall", SEARCH),
        Measure("mrr", "Mean reciprocal rank", SEARCH),
        Measure("ndcg@10", "nDCG @10", SEARCH),
        Measure("right", "Right answers", ANSWERS),
        Measure("figures", "Reference figures", ANSWERS),
        Measure("exact_match", "Exact match", ANSWERS),
        Measure("f1", "Token F1", ANSWERS),
        Measure("citation_recall", "Citation recall", ANSWERS),
        Measure("citation_precision", "Citation precision", ANSWERS),
        Measure("refused_unanswerable", "Unanswerable refused", ABSTENTION),
        Measure("refused_answerable", "Answerable refused", ABSTENTION, higher_is_better=False),
        Measure("warned_unanswerable", "Unanswerable warned", ABSTENTION),
        Measure("warned_answerable", "Answerable warned", ABSTENTION, higher_is_better=False),
        Measure("seconds", "Search time, mean", TIME, higher_is_better=False, is_share=False),
        Measure("seconds_p50", "Search time, median", TIME, higher_is_better=False, is_share=False),
        Measure("seconds_p95", "Search time, p95", TIME, higher_is_better=False, is_share=False),
        Measure("answer_seconds_p50", "Answer time, median", TIME, higher_is_better=False, is_share=False),
        Measure("answer_seconds_p95", "Answer time, p95", TIME, higher_is_better=False, is_share=False),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Figures by the names of MEASURES, overall and by kind. `questions` by kind; `failed` could not be asked."""

    overall: dict[str, Figure]
    kinds: dict[str, dict[str, Figure]]
    questions: dict[str, int]
    failed: int = 0
    degraded: int = 0  # searched with a notice: by words alone, because the embedding model did not answer

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`measures` over the questions that both runs have, with the same words; `left_out` are in one of them alone.

    `changed`: question, measure's value in the first and in the second run, for the measure that `measure` names.
    """

    measures: dict[str, Difference]
    questions: int
    left_out: int
    measure: str = ""
    changed: tuple[tuple[Question, float, float], ...] = field(default_factory=tuple)


def scores(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """For each outcome its value of every measure that makes sense for it; a question that failed has found nothing."""
    pages = {str(place): judged for place, one in enumerate(outcomes) if (judged := ranking.of_pages(one))}
    documents = {str(place): judged for place, one in enumerate(outcomes) if (judged := ranking.of_documents(one))}
    by_page, by_document = ranking.measure(pages), ranking.measure(documents)
    answered = any(one.answer is not None for one in outcomes)
    found = []
    for place, outcome in enumerate(outcomes):
        of_pages, of_documents = by_page.get(str(place), {}), by_document.get(str(place), {})
        score = {f"page_{name}": value for name, value in of_pages.items() if name.startswith("recall")}
        score |= {f"document_{name}": value for name, value in of_documents.items() if name.startswith("recall")}
        finest = of_pages or of_documents
        score |= {name: finest[name] for name in ("mrr", "ndcg@10") if name in finest}
        if str(place) in documents:
            score["right_document_first"] = float(next(iter(documents[str(place)].hits), None) is not None)
        score |= _of_evidence(outcome)
        if answered:
            score |= _of_answer(outcome)  # of a question that failed as well, as if it had been answered wrong
        if not outcome.error:
            score["seconds"] = outcome.seconds
        found.append(score)
    return found


def summarise(run: Run) -> Summary:
    scored = scores(run.outcomes)
    kinds = list(dict.fromkeys(outcome.question.kind for outcome in run.outcomes))
    places = {kind: [i for i, one in enumerate(run.outcomes) if one.question.kind == kind] for kind in kinds}
    return Summary(
        overall=_figures(run.outcomes, scored),
        kinds={
            kind: _figures([run.outcomes[i] for i in here], [scored[i] for i in here]) for kind, here in places.items()
        }
        if len(kinds) > 1
        else {},
        questions=dict(Counter(outcome.question.kind for outcome in run.outcomes)),
        failed=sum(bool(outcome.error) for outcome in run.outcomes),
        degraded=sum(bool(outcome.notice) for outcome in run.outcomes),
    )


def compare(first: Run, second: Run) -> Comparison:
    """`second` against `first`, question by question, matched by id."""
    before = {one.question.id: (one, score) for one, score in zip(first.outcomes, scores(first.outcomes), strict=True)}
    pairs = [
        (one.question, before[one.question.id][1], score)
        for one, score in zip(second.outcomes, scores(second.outcomes), strict=True)
        if one.question.id in before and before[one.question.id][0].question.text == one.question.text
    ]
    found = {}
    for name, measure in MEASURES.items():
        both = [(old[name], new[name]) for _, old, new in pairs if name in old and name in new]
        if both:
            old_values, new_values = zip(*both, strict=True)
            found[name] = statistics.compare(old_values, new_values, higher_is_better=measure.higher_is_better)
    main = main_measure(found)
    changed = [(q, old[main], new[main]) for q, old, new in pairs if main in old and main in new]
    return Comparison(
        measures=found,
        questions=len(pairs),
        left_out=len(first.outcomes) + len(second.outcomes) - 2 * len(pairs),
        measure=main,
        changed=tuple(sorted((one for one in changed if one[1] != one[2]), key=lambda one: one[2] - one[1])),
    )


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """For JSON, without the questions that changed."""
    measures = {name: asdict(one) for name, one in comparison.measures.items()}
    return {"questions": comparison.questions, "left_out": comparison.left_out, "measures": measures}


def main_measure(known: dict[str, Any] | dict[str, float]) -> str:
    """The one that tells most of a set: page recall where pages are known."""
    order = ("page_recall@5", "document_recall@5", "right", "refused_unanswerable")
    return next((name for name in order if name in known), "")


def curve(run: Run) -> dict[str, list[tuple[int, Figure]]]:
    """Recall by cutoff, of "pages", "documents" and "evidence", where they are known."""
    found = {}
    for name, judge in (("pages", ranking.of_pages), ("documents", ranking.of_documents)):
        judged = {str(place): one for place, outcome in enumerate(run.outcomes) if (one := judge(outcome))}
        if judged:
            values = ranking.measure(judged, ranking.CURVE).values()
            found[name] = [(k, statistics.mean([one[f"recall@{k}"] for one in values])) for k in ranking.CURVE]
    shown = [one for one in run.outcomes if one.question.evidence]
    if shown:
        found["evidence"] = [(k, statistics.mean([_evidence_within(one, k) for one in shown])) for k in ranking.CURVE]
    return found


def risk(run: Run) -> list[statistics.Point]:
    """How often an answer is wrong when only the surest questions are answered, by what retrieval held of them.

    With answers: those that were given and wrong. Without: those for which the first five pages hold nothing needed.
    """
    told = [one for one in run.outcomes if not one.error and (one.question.unanswerable or one.question.documents)]
    if not run.with_answers:
        found = scores(told)
        best = [score.get("page_recall@5", score.get("document_recall@5", 0.0)) for score in found]
        return statistics.risk_coverage([(one.confidence, value > 0) for one, value in zip(told, best, strict=True)])
    given = [one for one in told if one.answer is not None and not one.answer.refused]
    judged = [(one.confidence, bool(_of_answer(one)["right"])) for one in given]
    return statistics.risk_coverage(judged, of=len(told))


def _figures(outcomes: Sequence[Outcome], scored: Sequence[dict[str, float]]) -> dict[str, Figure]:
    found = {}
    for name in MEASURES:
        if values := [score[name] for score in scored if name in score]:
            found[name] = statistics.mean(values)
    taken = [one.seconds for one in outcomes if not one.error]
    answering = [one.answer.seconds for one in outcomes if one.answer is not None]
    for name, seconds in (("seconds", taken), ("answer_seconds", answering)):
        if seconds:
            found |= {f"{name}_p{share}": statistics.percentile(seconds, share) for share in (50, 95)}
    return {name: found[name] for name in MEASURES if name in found}


def _of_evidence(outcome: Outcome) -> dict[str, float]:
    if not outcome.question.evidence:
        return {}
    return {f"evidence_recall@{k}": _evidence_within(outcome, k) for k in ranking.CUTOFFS}


def _evidence_within(outcome: Outcome, k: int) -> float:
    return sum(0 < rank <= k for rank in outcome.evidence) / len(outcome.question.evidence)


def _of_answer(outcome: Outcome) -> dict[str, float]:
    question = outcome.question
    answer = outcome.answer or Answered(text="", **answers.against_reference("", question))
    if question.unanswerable:
        refused = float(answer.refused)
        score = {"right": refused, "refused_unanswerable": refused, "warned_unanswerable": float(answer.hedged)}
    else:
        score = _of_reference(question, answer)
        score["refused_answerable"] = float(answer.refused)
        score["warned_answerable"] = float(answer.hedged)
    counted = answer.support
    if outcome.answer is not None and not answer.refused and counted.statements:
        score["citation_recall"] = counted.supported / counted.statements
        score["citation_precision"] = counted.precise / counted.citations if counted.citations else 0.0
    return score


def _of_reference(question: Question, answer: Answered) -> dict[str, float]:
    known = {"figures": answer.figures, "exact_match": answer.exact_match, "f1": answer.f1}
    score = {name: value for name, value in known.items() if value is not None}
    tests = [score["figures"] == 1] if "figures" in score else []
    if question.documents:
        tests.append(cites_needed(question, answer))
    elif not tests and "f1" in score:
        tests.append(score["f1"] >= _ENOUGH)
    if tests:
        score["right"] = float(all(tests) and not answer.refused)
    return score


def cites_needed(question: Question, answer: Answered) -> bool:
    """Whether a footnote leads to a page that is needed, or to a needed document where no pages are told."""
    wanted = frozenset[Place]().union(*(ranking.needs(question) or ranking.document_needs(question)))
    places = [Place(one.document, one.page) for one in answer.citations]
    return any(place in wanted or Place(place.document) in wanted for place in places)
