"""`footnote eval`: ask a question set, print what it is worth, and keep it in files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from app.commands import OPERATOR, AsJson, AsUser, open_services
from storage.errors import InvalidInput

if TYPE_CHECKING:
    from app.evaluation.measures import Comparison, Measure, Summary
    from app.evaluation.outcomes import Run
    from app.evaluation.questions import QuestionSet
    from app.evaluation.statistics import Figure
    from app.services import Services

console = Console(stderr=True)
_NAMED = 5  # missing documents that are listed
_LEAST_P = 0.001  # that is told
_WIDTH = 120  # of what is not printed to a terminal
_COLUMNS = {  # of the table by kind: the first of these measures that the run has
    "recall@1": ("page_recall@1", "document_recall@1"),
    "recall@5": ("page_recall@5", "document_recall@5"),
    "evidence@5": ("evidence_recall@5",),
    "nDCG@10": ("ndcg@10",),
    "right": ("right",),
    "cited": ("citation_precision",),
    "p95": ("seconds_p95",),
}

QuestionsFile = Annotated[
    Path, typer.Argument(help="A question set: JSONL, or the JSON of SQuAD and XQuAD.", exists=True, dir_okay=False)
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--documents", help="The folder with the set's files, to tell them by content.", exists=True, file_okay=False
    ),
]
SearchOnly = Annotated[bool, typer.Option("--retrieval-only", help="Measure the search alone, without answers.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only questions of this kind; may be repeated.")]
First = Annotated[int | None, typer.Option("--first", help="Only the first so many questions.", min=1)]
Results = Annotated[Path | None, typer.Option("--results", help="Write the ranked pages of every question: JSONL.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write the run: JSON, for --compare.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write a report with plots: HTML.")]
Compare = Annotated[
    Path | None, typer.Option("--compare", help="Compare with this run of --out.", exists=True, dir_okay=False)
]
Note = Annotated[str, typer.Option(help="Words to find this run by.")]
Extract = Annotated[
    Path | None,
    typer.Option("--extract", help="Only write the paragraphs of a SQuAD file into this folder, to be ingested."),
]


def evaluate(
    questions: QuestionsFile,
    documents: Folder = None,
    retrieval_only: SearchOnly = False,
    kind: Kinds = None,
    first: First = None,
    results: Results = None,
    out: Out = None,
    report: Report = None,
    compare: Compare = None,
    note: Note = "",
    as_user: AsUser = "",
    as_json: AsJson = False,
    extract: Extract = None,
) -> None:
    """Measure retrieval and answers on questions with known answers."""
    from app.evaluation import forms, measures
    from app.evaluation.outcomes import Run

    if extract is not None:
        _extract(questions, extract)
        return
    asked = _chosen(forms.load(questions), kind or (), first)
    before = Run.from_json(compare.read_bytes()) if compare else None
    files = _Files(results, out, report)
    files.check()
    with open_services("index", "models") as built:
        run = _ask(built, asked, documents, as_user=as_user, answers=not retrieval_only, note=note)
        base = built.settings.public_url or None
    summary = measures.summarise(run)
    comparison = measures.compare(before, run) if before else None
    files.write(run, summary, comparison, before=before, base=base)
    if as_json:
        print(json.dumps(_as_object(run, summary, comparison), ensure_ascii=False))
    else:
        _show(run, summary, comparison)


def _ask(
    built: Services, questions: QuestionSet, folder: Path | None, *, as_user: str, answers: bool, note: str
) -> Run:
    from app.evaluation.corpus import Corpus, hashes_of
    from app.evaluation.evaluate import evaluate
    from app.language_model import answering

    principal = built.users.principal(as_user) if as_user else OPERATOR
    corpus = Corpus(built.documents.catalogue(principal), questions, hashes_of(folder) if folder else None)
    if corpus.missing:
        listed = ", ".join(corpus.missing[:_NAMED]) + (", ..." if len(corpus.missing) > _NAMED else "")
        message = f"{len(corpus.missing)} documents of the set are not here, their questions count as missed: {listed}"
        console.print(message, style="yellow", markup=False, highlight=False, soft_wrap=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=console) as progress:
        task = progress.add_task("questions", total=len(questions.questions))
        return evaluate(
            questions,
            corpus,
            built.retriever,
            principal,
            llm=answering(built.llm) if answers else None,
            rewriter=built.rewriter,
            house=built.house.current(),
            budget=built.budget,
            check=built.check,
            note=note,
            on_progress=lambda done, _: progress.update(task, completed=done),
        )


def _chosen(questions: QuestionSet, kinds: Sequence[str], first: int | None) -> QuestionSet:
    known = {question.kind for question in questions.questions}
    if unknown := [kind for kind in kinds if kind not in known]:
        there = ", ".join(sorted(filter(None, known))) or "none"
        raise InvalidInput(f"No question is of the kind {unknown[0]!r}. Kinds of this set: {there}.")
    chosen = [question for question in questions.questions if not kinds or question.kind in kinds]
    return replace(questions, questions=tuple(chosen[:first]))


def _extract(questions: Path, folder: Path) -> None:
    from app.evaluation.forms import paragraphs

    texts = list(paragraphs(questions.read_text(encoding="utf-8-sig"), questions.name))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts:
        (folder / name).write_bytes(text.encode())
    console.print(f"{len(texts)} documents are in {folder}. Add them: footnote ingest {folder}", markup=False)


@dataclass(frozen=True, slots=True)
class _Files:
    """Those that a run is kept in."""

    results: Path | None
    out: Path | None
    report: Path | None

    def check(self) -> None:
        """Before the questions are asked, which may take an hour. Raises InvalidInput."""
        for path in filter(None, (self.results, self.out, self.report)):
            if path.is_dir() or not path.absolute().parent.is_dir():
                raise InvalidInput(f"{path} can't be written: give the path of a file in a folder that exists.")

    def write(
        self, run: Run, summary: Summary, comparison: Comparison | None, *, before: Run | None, base: str | None
    ) -> None:
        from app.evaluation.results import write

        if self.results:
            self.results.write_text(write(run), encoding="utf-8")
        if self.out:
            self.out.write_text(run.to_json(), encoding="utf-8")
        if self.report:
            from app.evaluation.report import render  # with what draws its plots

            page = render(run, summary, before=before, comparison=comparison, base=base)
            self.report.write_text(page, encoding="utf-8")


def _as_object(run: Run, summary: Summary, comparison: Comparison | None) -> dict[str, Any]:
    from app.evaluation import measures

    compared = {"comparison": measures.to_dict(comparison)} if comparison else {}
    return {"name": run.name, "id": run.id, **summary.to_dict(), **compared}


def _show(run: Run, summary: Summary, comparison: Comparison | None) -> None:
    plain = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    answers = f"answers by {run.model}" if run.with_answers else "search only"
    plain.print(Text(f"{run.name}: {len(run.outcomes)} questions, {run.documents:,} documents, {answers}"))
    if summary.failed or summary.degraded:
        words = f"{summary.failed} questions failed, {summary.degraded} were searched by words alone."
        plain.print(Text(words, style="red"))
    plain.print(_all_figures(summary))
    if summary.kinds:
        plain.print(_by_kind(summary))
    if comparison is not None:
        plain.print(_compared(comparison))


def _all_figures(summary: Summary) -> Table:
    from app.evaluation.measures import MEASURES

    table = _table("", "", "95% interval", "n")
    group = ""
    for name, figure in summary.overall.items():
        measure = MEASURES[name]
        if group and measure.group != group:
            table.add_row()
        group = measure.group
        interval = f"{_number(measure, figure.low)} to {_number(measure, figure.high)}"
        table.add_row(Text(measure.label), _number(measure, figure.value), interval, str(figure.n))
    return table


def _by_kind(summary: Summary) -> Table:
    from app.evaluation.measures import MEASURES

    chosen = [next((name for name in names if name in summary.overall), "") for names in _COLUMNS.values()]
    shown = {heading: name for heading, name in zip(_COLUMNS, chosen, strict=True) if name}
    table = _table("by kind", "n", *shown)
    for kind, figures in summary.kinds.items():
        values = [_value(MEASURES[name], figures.get(name)) for name in shown.values()]
        table.add_row(Text(kind.replace("_", " ") or "other"), str(summary.questions[kind]), *values)
    return table


def _compared(comparison: Comparison) -> Table:
    from app.evaluation.measures import MEASURES

    title = f"Against the earlier run, on {comparison.questions} questions that both have"
    table = _table("", "before", "now", "difference", "95% interval", "p", "better/worse")
    table.title, table.title_justify = Text(title), "left"
    for name, one in comparison.measures.items():
        measure = MEASURES[name]
        style = "" if one.p >= 0.05 else "green" if (one.difference > 0) == measure.higher_is_better else "red"
        table.add_row(
            Text(measure.label),
            _number(measure, one.first),
            _number(measure, one.second),
            _number(measure, one.difference, sign=True),
            f"{_number(measure, one.low, sign=True)} to {_number(measure, one.high, sign=True)}",
            f"{one.p:.3f}" if one.p >= _LEAST_P else f"< {_LEAST_P}",
            f"{one.better}/{one.worse}",
            style=style,
        )
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _value(measure: Measure, figure: Figure | None) -> str:
    return _number(measure, figure.value) if figure else "-"


def _number(measure: Measure, value: float, *, sign: bool = False) -> str:
    if measure.is_share:
        return f"{value:+.3f}" if sign else f"{value:.3f}"
    return f"{1000 * value:+,.0f} ms" if sign else f"{1000 * value:,.0f} ms"
