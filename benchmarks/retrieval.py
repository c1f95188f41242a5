"""What the retrieval finds and what each part of it brings: the tables of docs/retrieval.md.

    python benchmarks/retrieval.py                     all tables but that of other languages, printed
    python benchmarks/retrieval.py --write             the same, kept in docs/retrieval.md as each is ready
    python benchmarks/retrieval.py --languages --write that of other languages too, with a model of multilingual_e5.py
    python benchmarks/retrieval.py --tables ablation --sets filings --only "no names" --design parts=0.7

Corpora are built where the cache has none (see corpora.py). Not made here: the table of abstention (confidence.py).
"""

from __future__ import annotations

import argparse
import ast
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import ablation
import bars
import corpora
import languages
import neighbours
import reranking
import slips
import tables
import talks
from replay import Replay

from app.evaluation.outcomes import Run
from app.evaluation.questions import QuestionSet
from app.rank import Design

_SLIPPED = ("filings", "handbook")


def main() -> None:
    options = _options()
    for name in options.tables:
        began = time.monotonic()
        body = TABLES[name](options)
        if options.write:
            tables.write(name, body)
        print(f"\n{body}\n\n{name} in {time.monotonic() - began:.0f} s\n", flush=True)


def _bars(options: argparse.Namespace) -> str:
    return _beside_plain([name for name in options.sets if name != corpora.FINANCEBENCH])  # it has a table of its own


def _beside_plain(sets: Sequence[str]) -> str:
    found = {}
    for name in sets:
        found[name] = bars.run(name)
        print(bars.table({name: found[name]}), flush=True)
    return bars.table(found)


def _ablation(options: argparse.Namespace) -> str:
    rows = [row for row in ablation.ROWS if not options.only or row.name.startswith(tuple(options.only))]
    return ablation.table(ablation.runs(rows, options.sets, options.design, _tell))


def _embedded(_: argparse.Namespace) -> str:
    sets = [name for name in ablation.COLUMNS if name != corpora.FINANCEBENCH]  # whose embedding takes half an hour
    return ablation.table(ablation.runs(ablation.EMBEDDED, sets, {}, _tell))


def _tell(row: ablation.Row, name: str, run: Run) -> None:
    print(f"{name:9} {row.name:50} {' '.join(ablation.figures(name, run))}  {run.seconds:.0f} s", flush=True)


def _slips(options: argparse.Namespace) -> str:
    """Expansion on and off, by what was done to the questions."""
    cells: dict[tuple[str, bool], list[str]] = {}
    for name in _SLIPPED:
        whole = corpora.questions(name)
        with corpora.opened(name) as opened:
            replay = Replay(opened)
            abbreviated = slips.abbreviated(whole, replay.texts())
            changed = _kept(whole, abbreviated)
            asked = {"as they are": whole, "with a slip": slips.misspelt(whole)}
            asked |= {"that can be abbreviated": changed, "abbreviated": abbreviated}
            for kind, questions in asked.items():
                for expand in (True, False):
                    found = _recall(replay, name, questions, replace(Design(), expand=expand))
                    cells.setdefault((kind, expand), []).extend(found)
    head = ["questions", "expansion"]
    head += [label for name in _SLIPPED for label in (f"{name}: questions", *ablation.COLUMNS[name].values())]
    rows = [[kind, "on" if expand else "off", *figures] for (kind, expand), figures in cells.items()]
    return tables.markdown(head, rows)


def _recall(replay: Replay, name: str, questions: QuestionSet, design: Design) -> list[str]:
    answerable = sum(one.answerable for one in questions.questions)
    if not answerable:
        return ["0", *("" for _ in ablation.COLUMNS[name])]
    return [str(answerable), *ablation.figures(name, replay.run(questions, design))]


def _kept(whole: QuestionSet, changed: QuestionSet) -> QuestionSet:
    """The questions of `changed` as they were."""
    ids = {one.id for one in changed.questions}
    return replace(whole, questions=tuple(one for one in whole.questions if one.id in ids))


def _languages(options: argparse.Namespace) -> str:
    return f"{languages.finding(options.multilingual)}\n\n{languages.telling_apart()}"


def _talks(options: argparse.Namespace) -> str:
    return talks.table(lambda line: print(line, flush=True))


def _follow_ups(options: argparse.Namespace) -> str:
    with corpora.opened("samples") as opened:  # its models process holds a language model where the settings name one
        return talks.times(opened.services.rewriter)


def _editions(options: argparse.Namespace) -> str:
    """The handbook together with an older edition of each page."""
    with corpora.opened("editions") as opened:
        replay, asked = Replay(opened), corpora.questions("editions")
        rows = [
            [label, *_recall(replay, "handbook", asked, replace(Design(), distinct=distinct))]
            for label, distinct in (("of twins the newest", True), ("twins left in", False))
        ]
    return tables.markdown(["", "questions", *ablation.COLUMNS["handbook"].values()], rows)


TABLES: dict[str, Callable[[argparse.Namespace], str]] = {
    "bars": _bars,
    "elsewhere": lambda _: _beside_plain(corpora.ELSEWHERE),
    "financebench": lambda _: _beside_plain((corpora.FINANCEBENCH,)),
    "ablation": _ablation,
    "embedded": _embedded,
    "neighbours": lambda _: neighbours.table(),
    "slips": _slips,
    "conversations": _talks,
    "follow-ups": _follow_ups,
    "editions": _editions,
    "reranker": lambda _: reranking.table(),
    "languages": _languages,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    usual = [name for name in TABLES if name != "languages"]
    parser.add_argument("--tables", nargs="*", choices=TABLES, default=usual, help=f"Of {', '.join(TABLES)}.")
    parser.add_argument("--languages", action="store_true", help="The table of other languages too: some minutes more.")
    parser.add_argument("--sets", nargs="*", choices=ablation.COLUMNS, default=list(ablation.COLUMNS))
    parser.add_argument("--only", nargs="*", help="Rows of the ablation, by the beginning of their names.")
    parser.add_argument("--design", nargs="*", default=[], type=_weight, help="Changes to every row: parts=0.7")
    parser.add_argument("--multilingual", type=Path, default=languages.MULTILINGUAL, help="Folder with such a model.")
    parser.add_argument("--write", action="store_true", help="Keep the tables in docs/retrieval.md.")
    options = parser.parse_args()
    options.design = dict(options.design)
    options.tables = [*options.tables, *(["languages"] if options.languages else [])]
    partial: Sequence[Any] = (options.only, options.design, len(options.sets) < len(ablation.COLUMNS))
    if options.write and any(partial):
        parser.error("--write keeps whole tables: leave out --sets, --only and --design")
    return options


def _weight(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    if name not in {one.name for one in fields(Design)}:
        raise argparse.ArgumentTypeError(f"{name} is no part of app.rank.Design")
    return name, ast.literal_eval(value)


if __name__ == "__main__":
    main()
