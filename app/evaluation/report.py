"""A run as one HTML page: it needs no script and fetches nothing, so it can be mailed, printed and kept.

Questions, answers, names and kinds are foreign text: all of it goes through `safe_html.plain`. Not covered: the figures
(`measures`), how plots are drawn (`plots`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.evaluation import measures, misses, plots
from app.evaluation.measures import ABSTENTION, ANSWERS, MEASURES, SEARCH, Comparison, Measure, Summary
from app.evaluation.misses import Miss
from app.evaluation.outcomes import Ranked, Run
from app.evaluation.plots import Bar, Series
from app.evaluation.statistics import Difference, Figure, area
from app.search import Place, link
from app.ui.safe_html import plain, shortened
from app.ui.wording import counted, day, written_by

_TILES = (
    ("page_recall@5", "document_recall@5"),
    ("page_recall@1", "document_recall@1"),
    ("right_document_first",),
    ("right", "ndcg@10"),
    ("refused_unanswerable", "mrr"),
    ("refused_answerable", "evidence_recall@5"),
    ("seconds_p95",),
)
_LISTED = 25  # questions under one heading
_KINDS = 12
_PLOTTED = {"Differences of the search": (SEARCH,), "Differences of the answers": (ANSWERS, ABSTENTION)}
_SIGNIFICANT = 0.05
_TERMS = (
    ("Page and document recall @k", "Share of the pages or documents that a question needs, among the first k "
     "different ones of the list. A page that states the same stands in for one that is needed."),
    ("Evidence recall @k", "Share of the quoted words that stand in the first k passages."),
    ("Mean reciprocal rank, nDCG @10", "As trec_eval computes them, of pages, or documents where no pages are known."),
    ("Right answers", "It cites what is needed and holds the figures of the reference; a refusal is right where there "
     "is no answer."),
    ("Citation recall and precision", "Share of an answer's statements that their footnotes support together, and of "
     "footnotes that are needed for that (ALCE). Words and numbers are compared, not meanings."),
    ("Intervals and p", "95% by bootstrap over questions, 2,000 resamples. p by a paired randomisation test, not "
     "corrected for how many measures are looked at."),
)  # fmt: skip


def render(
    run: Run,
    summary: Summary,
    *,
    before: Run | None = None,
    comparison: Comparison | None = None,
    base: str | None = None,
) -> str:
    """`base`: the URL of the application ("" on its own pages), to link passages to; without one nothing is linked."""
    style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    parts = [_head(run, summary, before), _tiles(summary), _plots(run, summary)]
    if before is not None and comparison is not None:
        parts.append(_compared(before, comparison))
    parts += [_table(summary), _misses(run, base), _terms()]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{plain(run.name)}: evaluation</title><style>{style}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _head(run: Run, summary: Summary, before: Run | None) -> str:
    answers = f"answers {plain(written_by(run.model))}" if run.with_answers else "search alone, no answers"
    facts = [
        f"{len(run.outcomes):,} questions",
        f"{run.documents:,} documents",
        f"asked as {plain(run.principal)}",
        answers,
        f"embedding {plain(run.embedding)}",
        f"Footnote {plain(run.version)}",
        f"{_when(run)}, took {run.seconds:,.0f} s",
    ]
    against = f"<p>Compared with the run of {_when(before)}.</p>" if before else ""
    note = f"<p>{plain(run.note)}</p>" if run.note else ""
    return f'<h1>{plain(run.name)}</h1><p class="soft">{" · ".join(facts)}</p>{note}{against}{_notices(run, summary)}'


def _notices(run: Run, summary: Summary) -> str:
    told = []
    if run.missing:
        names = ", ".join(run.missing[:5]) + (", …" if len(run.missing) > 5 else "")
        missing = counted(len(run.missing), "document")
        told.append(f"Not here, or not readable: {missing} of the set. What stands there counts as missed: {names}")
    if summary.failed:
        error = next(one.error for one in run.outcomes if one.error)
        told.append(f"Failed, and counted as missed: {counted(summary.failed, 'question')}. The first: {error}")
    if summary.degraded:
        degraded = counted(summary.degraded, "question")
        told.append(f"Searched by words alone, as the embedding model did not answer: {degraded}.")
    return "".join(f'<p class="notice">{plain(words)}</p>' for words in told)


def _tiles(summary: Summary) -> str:
    shown = []
    for names in _TILES:
        name = next((one for one in names if one in summary.overall), "")
        if name:
            figure, measure = summary.overall[name], MEASURES[name]
            value = f"{_number(measure, figure.value)}<small>{_interval(measure, figure)}</small>"
            shown.append(f"<div><dt>{plain(measure.label)}</dt><dd>{value}</dd></div>")
    return f'<dl class="tiles">{"".join(shown)}</dl>'


def _plots(run: Run, summary: Summary) -> str:
    shown = [_recall(run), *_kinds(summary), _risk(run), _times(run, summary)]
    return f'<h2>At a glance</h2><div class="plots">{"".join(filter(None, shown))}</div>'


def _recall(run: Run) -> str:
    curve = measures.curve(run)
    if not curve:
        return ""
    named = {"pages": "Pages", "documents": "Documents", "evidence": "Quoted words"}
    looks = ("one", "two", "three")
    series = [Series(named[name], look, points) for (name, points), look in zip(curve.items(), looks, strict=False)]
    dash = '<svg viewBox="0 0 26 8" aria-hidden="true"><path class="line {}" d="M0 4H26"/></svg>'
    keys = "".join(f"<li>{dash.format(one.look)}{one.name}</li>" for one in series)
    return _figure(
        "Recall", "by the number of places looked at", f'{plots.recall_curve(series)}<ul class="legend">{keys}</ul>'
    )


def _kinds(summary: Summary) -> Iterator[str]:
    """The measure that tells most, and right answers, by kind."""
    for name in dict.fromkeys((measures.main_measure(summary.overall), "right")):
        known = [(kind, here[name]) for kind, here in summary.kinds.items() if name in here]
        if len(known) > 1:
            rows = [
                Bar(f"{_kind(kind)} ({figure.n})", figure.value, figure.low, figure.high, f"{figure.value:.3f}")
                for kind, figure in sorted(known, key=lambda one: -one[1].value)[:_KINDS]
            ]
            label = MEASURES[name].label
            yield _figure(
                label, "by kind of question, with the number of questions", plots.bars(rows, f"{label} by kind")
            )


def _risk(run: Run) -> str:
    points = measures.risk(run)
    if len(points) < 2 or _one_confidence(run):
        return ""
    what = "answers that are wrong" if run.with_answers else "questions with nothing needed in the first five places"
    overall = f"area {area(points):.3f}"
    return _figure("Risk and coverage", f"{what}, when only the surest are answered", plots.risk_curve(points, overall))


def _one_confidence(run: Run) -> bool:
    return len({outcome.confidence for outcome in run.outcomes}) < 2


def _times(run: Run, summary: Summary) -> str:
    seconds = [outcome.seconds for outcome in run.outcomes if not outcome.error]
    if not seconds:
        return ""
    marks = [(word, summary.overall[f"seconds_{word}"].value) for word in ("p50", "p95")]
    marks = [(word, float(f"{value:.3g}")) for word, value in marks]
    return _figure("Time of a search", "questions by seconds, one at a time", plots.histogram(seconds, marks))


def _compared(before: Run, comparison: Comparison) -> str:
    known = [(MEASURES[name], one) for name, one in comparison.measures.items()]
    heads = "".join(f"<th>{name}</th>" for name in ("", "before", "now", "difference", "p", "better", "worse"))
    lines = "".join(_difference(measure, one) for measure, one in known)
    alone = f" {comparison.left_out} stand in one of them alone and are left out." if comparison.left_out else ""
    intro = f"{comparison.questions:,} questions that both runs hold.{alone}"
    changed = [
        f"<li><p>{plain(question.text)}</p>"
        f"<p><small>{plain(question.id)}: {old:.2f} before, {new:.2f} now</small></p></li>"
        for question, old, new in comparison.changed
    ]
    listed = ""
    if changed:
        label = MEASURES[comparison.measure].label
        listed = (
            f"<details><summary>{plain(label)} changed for {len(changed)} questions, the worse ones first</summary>"
            f"<ol>{''.join(changed[:100])}</ol></details>"
        )
    plots_ = "".join(_differences(name, comparison, groups) for name, groups in _PLOTTED.items())
    return (
        f"<h2>Against the earlier run</h2><p>{plain(before.note)}</p><p>{intro}</p>"
        f'<div class="plots">{plots_}</div><p></p><div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div><p></p>{listed}"
    )


def _differences(name: str, comparison: Comparison, groups: Sequence[str]) -> str:
    known = [(MEASURES[name], one) for name, one in comparison.measures.items() if MEASURES[name].group in groups]
    rows = [
        Bar(measure.label, one.difference, one.low, one.high, f"{one.difference:+.3f}", _verdict(measure, one))
        for measure, one in known
    ]
    return _figure(name, "with 95% intervals", plots.differences(rows, name)) if rows else ""


def _difference(measure: Measure, one: Difference) -> str:
    interval = _interval(measure, one, sign=True)
    look = _verdict(measure, one)
    return (
        f"<tr><th>{plain(measure.label)}</th>"
        f"<td>{_number(measure, one.first)}</td><td>{_number(measure, one.second)}</td>"
        f'<td class="{look}">{_number(measure, one.difference, sign=True)} <small>{interval}</small></td>'
        f"<td>{_chance(one.p)}</td><td>{one.better}</td><td>{one.worse}</td></tr>"
    )


def _verdict(measure: Measure, one: Difference) -> str:
    if one.p >= _SIGNIFICANT:
        return "same"
    return "better" if (one.difference > 0) == measure.higher_is_better else "worse"


def _table(summary: Summary) -> str:
    kinds = list(summary.kinds)
    heads = "".join(f"<th>{plain(_kind(kind))}</th>" for kind in kinds)
    lines, group = [], ""
    for name, figure in summary.overall.items():
        measure = MEASURES[name]
        if measure.group != group:
            group = measure.group
            lines.append(f'<tr class="group"><th>{group}</th><td colspan="{len(kinds) + 2}"></td></tr>')
        interval = f"<small>{_interval(measure, figure)}</small>"
        cells = "".join(f"<td>{_cell(measure, summary.kinds[kind].get(name))}</td>" for kind in kinds)
        lines.append(
            f"<tr><th>{plain(measure.label)}</th><td>{_number(measure, figure.value)} {interval}</td>"
            f"<td>{figure.n}</td>{cells}</tr>"
        )
    return (
        '<h2>All figures</h2><div class="wide"><table><thead><tr><th></th><th>all</th><th>n</th>'
        f"{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _misses(run: Run, base: str | None) -> str:
    shown: list[str] = []
    for heading, found in misses.sorted_out(run).items():
        items = "".join(_miss(one, base) for one in found[:_LISTED])
        more = f", the worst {_LISTED} here" if len(found) > _LISTED else ""
        open_ = "" if shown else " open"
        shown.append(f"<details{open_}><summary>{heading}: {len(found)}{more}</summary><ol>{items}</ol></details>")
    return f"<h2>Questions to look at</h2>{''.join(shown)}" if shown else ""


def _miss(miss: Miss, base: str | None) -> str:
    outcome = miss.outcome
    question = outcome.question
    tag = f'<span class="tag">{plain(_kind(question.kind))}</span>' if question.kind else ""
    said = [f"<p><b>{plain(question.text)}</b>{tag}</p>"]
    if question.history:
        said.append(f"<p><small>After: {plain(' / '.join(question.history))}</small></p>")
    said.append(f"<p><small>{plain(question.id)} · {plain(miss.why)} · confidence {outcome.confidence:.2f}</small></p>")
    if question.answers:
        said.append(f"<p><small>Reference: {plain(shortened(question.answer, 300))}</small></p>")
    if places := [_place(one, question.text, base) for one in miss.first]:
        said.append(f"<p><small>Found first: {'; '.join(places)}</small></p>")
    if outcome.answer is not None and outcome.answer.text.strip():
        said.append(f'<p class="said">{plain(shortened(outcome.answer.text, 500))}</p>')
    return f"<li>{''.join(said)}</li>"


def _place(one: Ranked, question: str, base: str | None) -> str:
    words = plain(f"{one.document}, page {one.page}")
    if base is None:
        return words
    place = Place(one.version_id, one.page, one.start, one.end)
    return f'<a href="{plain(base + link(place, question))}">{words}</a>'


def _terms() -> str:
    terms = "".join(f"<dt>{plain(term)}</dt><dd>{plain(meaning)}</dd>" for term, meaning in _TERMS)
    return f'<h2>What the figures mean</h2><dl class="terms">{terms}</dl>'


def _figure(name: str, about: str, inside: str) -> str:
    return f"<figure><figcaption>{plain(name)}<small>{plain(about)}</small></figcaption>{inside}</figure>"


def _when(run: Run) -> str:
    started = datetime.fromisoformat(run.started)
    started = started.astimezone(UTC) if started.tzinfo else started
    return f"{day(started)}, {started:%H:%M} UTC"


def _kind(kind: str) -> str:
    return kind.replace("_", " ") or "other"


def _cell(measure: Measure, figure: Figure | None) -> str:
    return "" if figure is None else _number(measure, figure.value)


def _number(measure: Measure, value: float, *, sign: bool = False) -> str:
    if measure.is_share:
        return f"{value:+.3f}" if sign else f"{value:.3f}"
    return f"{1000 * value:+,.0f} ms" if sign else f"{1000 * value:,.0f} ms"


def _interval(measure: Measure, of: Figure | Difference, *, sign: bool = False) -> str:
    low = _number(measure, of.low, sign=sign).removesuffix(" ms")  # the unit once
    return f"{low} to {_number(measure, of.high, sign=sign)}"


def _chance(p: float) -> str:
    return "&lt; 0.001" if p < 0.001 else f"{p:.3f}"
