"""Given fields out of one or many documents, as a table: a row for each document, a footnote in each cell.

Every value is words of its document, found by rules (`values`) or by a language model whose value is taken only where
the passage that it names holds it letter by letter. As these may be the words for something else, it has its verdict.
What a document does not say stays empty. Not covered: the file that the table can be downloaded as (`downloads`).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from app.assignment import Assignment
from app.cells import EMPTY, checked_row, heading
from app.chat import answer
from app.checked_text import CheckedText, joined
from app.cite import find
from app.events import Event, Retrieved, Step, Wrote
from app.footnotes import Footnotes
from app.llm import Reading
from app.modes import field_names, wanted
from app.prompt import Prompt, estimate_tokens, fit
from app.prompt_texts import TEXTS
from app.quotation import one_line, quote
from app.titles import all_named, words_of
from app.values import Field, Value, field_of, find_value, relevant
from app.verify import Finding, Unsupported
from app.words import content_words
from storage.documents import Listed
from storage.errors import NotFound, Unavailable
from storage.types import Passage, Support, Verdict

MOST_DOCUMENTS = 200
MOST_FIELDS = 8
_BEST = 3  # passages for each field that a model reads
_SHOWN = 12
_NOT_THERE = "These words do not stand in the source."
_MARK = re.compile(r"(?<!\\)\[(\d{1,4})\]")
_WORD = re.compile(r"[^\W_]+")
_NONE = re.compile(
    r"^\W*(?:-|–|—|none|not (?:stated|given|found|specified|mentioned)|unknown|n/?a|keine? angaben?|nicht \w+)\W*$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Cell:
    """`finding`: on the value that a model took out. `left_out`: what it took out that does not stand here."""

    value: Value | None = None
    finding: Finding | None = None
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    document: Listed
    first: Passage
    cells: tuple[_Cell, ...]

    @property
    def empty(self) -> bool:
        return not any(cell.value for cell in self.cells)


def extract_fields(asked: Assignment) -> Iterator[Event | Step]:
    """Retrieved first, Ended last. A question that names no field is answered like any other."""
    known = wanted(asked.question)
    names = known.fields if known else field_names(asked.question) if asked.picked else ()
    if not names or (len(names) == 1 and known is None):
        yield from answer(asked)
        return
    documents, meant = _documents(asked, known.of if known else "")
    if known and not (known.certain or meant or asked.picked) and words_of(known.of):
        yield from answer(asked)
        return
    fields = _fields(asked, names[:MOST_FIELDS])
    footnotes, rows, evidence, given = Footnotes(), list[_Row](), None, list[Passage]()
    names_row = [asked.say("Document", "Dokument"), *(quote(_titled(field.name)) for field in fields)]
    table = CheckedText(heading(names_row))
    yield Retrieved((), asked.seconds)
    for at, document in enumerate(documents[:MOST_DOCUMENTS]):
        if asked.cancel.is_set():
            break
        yield Step(at, min(len(documents), MOST_DOCUMENTS), "document")
        try:
            passages = asked.documents.read(document.id, asked.principal)
        except NotFound:  # deleted, or closed to its reader, since the list was made
            continue
        cells = yield from _cells(asked, fields, passages, given)
        one = _Row(document, passages[0], cells)
        if one.empty and not meant:
            continue
        rows.append(one)
        if evidence is None:
            evidence = asked.seconds
            yield Retrieved(tuple(cell.value.passage for cell in cells if cell.value)[:_SHOWN], evidence)
        table += _line(one, footnotes)
        yield Wrote(table.text, footnotes.citations, verbatim=True, verdicts=table.verdicts)
    checked = _ended(asked, documents, names, rows, table)
    if rows and checked.text != table.text:
        yield Wrote(checked.text, footnotes.citations, verbatim=True, verdicts=checked.verdicts)
    if given:
        yield Retrieved(tuple(given), evidence or asked.seconds)  # for the record of the answer
    yield asked.ended(checked.text, footnotes.citations, evidence, checked.verdicts)


def _documents(asked: Assignment, phrase: str) -> tuple[list[Listed], bool]:
    """What to look through, and whether the question or the filters mean just these."""
    catalogue = asked.catalogue()
    if not words_of(phrase):
        return catalogue, bool(asked.scope) or len(catalogue) == 1
    found = all_named(phrase, catalogue)
    return (found, True) if found else (catalogue, bool(asked.scope))


def _fields(asked: Assignment, names: Sequence[str]) -> list[Field]:
    try:
        vectors = list(asked.retriever.embedder.embed_queries(list(names)))
    except Unavailable:  # then words alone decide
        return [field_of(name) for name in names]
    return [field_of(name, vector) for name, vector in zip(names, vectors, strict=True)]


def _titled(name: str) -> str:
    return name[:1].upper() + name[1:]


def _cells(
    asked: Assignment, fields: Sequence[Field], passages: Sequence[Passage], given: list[Passage]
) -> Generator[Reading, None, tuple[_Cell, ...]]:
    """One for each field. What a model was given for it is added to `given`."""
    by_rules = [find_value(field, passages) for field in fields]
    if not asked.has_model:
        return tuple(map(_Cell, by_rules))
    read = yield from _by_model(asked, fields, passages, given)
    return tuple(
        _cell(asked, field, read.get(field.name), value) for field, value in zip(fields, by_rules, strict=True)
    )


def _cell(asked: Assignment, field: Field, read: Read | None, by_rules: Value | None) -> _Cell:
    """The model's value with what its passage says to it; the rules' where the passage does not bear it out."""
    if read is None:
        return _Cell(by_rules)
    if read.value is None:
        return _Cell(by_rules, Finding(Support.NONE, _NOT_THERE), read.said) if asked.check else _Cell(by_rules)
    if asked.check is None:
        return _Cell(read.value)
    if by_rules and _alike(read.value.text, by_rules.text):
        return _Cell(read.value, Finding(Support.FULL))
    finding = asked.check.finding(f"{field.name} {read.value.text}", [read.value.passage])
    if by_rules and finding and finding.support is Support.FULL:
        finding = Finding(Support.PART, f"The source may rather mean {one_line(by_rules.text)}.")
    if finding and finding.support is Support.NONE and asked.check.unsupported is not Unsupported.MARK:
        return _Cell(by_rules, finding, read.said)
    return _Cell(read.value, finding)


def _alike(one: str, other: str) -> bool:
    """Whether both say the same, one of them with more words."""
    first, second = (f" {' '.join(_WORD.findall(text.casefold()))} " for text in (one, other))
    return first in second or second in first


def _by_model(
    asked: Assignment, fields: Sequence[Field], passages: Sequence[Passage], given: list[Passage]
) -> Generator[Reading, None, dict[str, Read]]:
    """What the model took out, by the field's name; nothing where the document is silent."""
    lists = [relevant(field, passages)[:_BEST] for field in fields]
    chosen = {p.chunk_id: p for rank in range(_BEST) for found in lists for p in found[rank : rank + 1]}
    shown = fit(list(chosen.values()), asked.budget.source_tokens, estimate_tokens, least=1)
    if not shown:
        return {}
    given += shown
    names = "\n".join(f"- {field.name}" for field in fields)
    question = asked.say(*TEXTS.fields).format(names=names)
    text = ""
    for piece in asked.llm.stream(Prompt(question=question, passages=shown), asked.cancel):
        if isinstance(piece, Reading):
            yield piece
        else:
            text += piece
    return {} if asked.cancel.is_set() else read_out(text, fields, shown)


@dataclass(frozen=True, slots=True)
class Read:
    """What a model took out, and where it stands in the passage that it cites; None: nowhere."""

    said: str
    value: Value | None


def read_out(text: str, fields: Sequence[Field], passages: Sequence[Passage]) -> dict[str, Read]:
    """The lines "name: value [n]", by the field's name."""
    found: dict[str, Read] = {}
    for line in text.splitlines():
        label, colon, said = line.partition(":")
        words = content_words(label)
        field = next((field for field in fields if tuple(words) == field.words), None)
        value = _MARK.sub("", said).strip(" .*_\"“”„'")
        if not colon or field is None or not value or _NONE.match(value):
            continue
        if field.name in found and found[field.name].value:
            continue
        named = (passages[n - 1] for n in map(int, _MARK.findall(said)) if 1 <= n <= len(passages))
        spans = ((passage, span) for passage in named if (span := find(passage, value)))
        passage, span = next(spans, (None, (0, 0)))
        there = Value(passage.text[slice(*span)], passage, *span) if passage else None
        found[field.name] = Read(value, there)
    return found


def _line(one: _Row, footnotes: Footnotes) -> CheckedText:
    """A row's name has a footnote of its own where none of its values has one: what is named must be readable."""
    name = quote(one.document.title or one.document.name)
    cells = [_shown(cell, footnotes) for cell in one.cells]
    if one.empty:
        name += f" [{footnotes.number(one.first, 0, len(one.first.text.rstrip()))}]"
    return checked_row([CheckedText(name), *cells])


def _shown(cell: _Cell, footnotes: Footnotes) -> CheckedText:
    text, numbers = EMPTY, tuple[int, ...]()
    if cell.value:
        numbers = (footnotes.number(cell.value.passage, cell.value.start, cell.value.end),)
        text = f"{quote(cell.value.text)} [{numbers[0]}]"
    if cell.finding is None:
        return CheckedText(text)
    end = 0 if cell.left_out else len(text)
    return CheckedText(text, (Verdict(0, end, cell.finding.support, cell.finding.reason, numbers, cell.left_out),))


def _ended(
    asked: Assignment, documents: Sequence[Listed], names: Sequence[str], rows: Sequence[_Row], table: CheckedText
) -> CheckedText:
    """The table with what has to be said of it."""
    if asked.cancel.is_set():
        return table if rows else CheckedText()
    said = []
    if not documents:
        said.append(
            asked.say(
                "There is no document here that you may read.", "Hier gibt es kein Dokument, das Sie lesen dürfen."
            )
        )
    elif not rows:
        said.append(asked.say("None of the documents says any of it.", "Keines der Dokumente sagt etwas davon."))
    if len(documents) > MOST_DOCUMENTS:
        said.append(
            asked.say(
                f"These are the first {MOST_DOCUMENTS} of {len(documents):,} documents: choose fewer under “Ask in”.",
                f"Dies sind die ersten {MOST_DOCUMENTS} von {len(documents):,} Dokumenten: Wählen Sie unter „Ask in“ "
                "weniger aus.",
            )
        )
    if len(names) > MOST_FIELDS:
        left = ", ".join(quote(name) for name in names[MOST_FIELDS:])
        said.append(
            asked.say(
                f"Left out, as {MOST_FIELDS} fields are the most: {left}.",
                f"Weggelassen, mehr als {MOST_FIELDS} Felder gehen nicht: {left}.",
            )
        )
    return joined("\n\n", [*map(CheckedText, said), *([table] if rows else [])])
