"""A comparison as a table: a row for each thing, a column for each respect, a footnote in each cell.

One retrieval for each cell, in the document that the thing names where it names one. Without a language model a cell
holds the statements that answer best, word for word; with one, what it writes from the cell's own passages, or the
statements where it cites none. Not covered: taking the question apart (`sides`, `comparison`).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from app.assignment import Assignment, written
from app.cells import EMPTY, checked_row, flat, heading
from app.chat import answer
from app.checked_text import CheckedText
from app.cite import Resolver
from app.comparison import comparisons
from app.events import Event, Retrieved, Step, Wrote
from app.extract import Extractive
from app.followup import standalone
from app.footnotes import Footnotes
from app.gist import Part, carriers
from app.llm import Reading
from app.prompt import Prompt, estimate_tokens, fit
from app.prompt_texts import TEXTS
from app.quotation import quote
from app.rows import in_unit, unit_of
from app.sides import MOST_ASPECTS, Sides, sides
from app.statements import without_bullet
from app.titles import Named, named
from app.words import content_words, covered
from storage.documents import Listed
from storage.types import Passage, PassageRow, Scope

_PASSAGES = 8  # that are looked at for a cell
_LEAST_PASSAGES = 2
_ROWS = 8  # of a column that is called like the thing compared
_STATEMENTS = 2  # in a cell, word for word,
_LENGTH = 420  # and characters after which none is added
_MARK = re.compile(r"(?<!\\)\[\d{1,4}\]")
_LEADS_IN = re.compile(r":\s*\[\d{1,4}\]\s*$")
_IN = re.compile(r"^(?P<side>.+?)\s+(?:in|of|from|according\s+to|under|laut|gemäß|nach|aus)\s+(?P<document>.+)$", re.I)
_CARRYING = 3  # statements that stand for a whole document
_CODE = re.compile(r"[\w./-]*\d[\w/-]*")  # in the name of a type, a grade or a year: it is this one or another thing
_NUMBERING = re.compile(r"^\W*(?:\d+(?:\.\d+)*\.?|[A-Z]\.)\s+")


@dataclass(frozen=True, slots=True)
class _Side:
    """A row: what it is called, and the documents that are it, if it names any."""

    name: str
    documents: tuple[Listed, ...] = ()


@dataclass(slots=True)
class _Field:
    """A cell before it is written. `query` is what was searched for."""

    query: str
    passages: tuple[Passage, ...] = ()


def compare(asked: Assignment) -> Iterator[Event | Step]:
    """Retrieved first, Ended last. What does not compare two things, or finds nothing, is answered like any other."""
    question = standalone(asked.question, asked.history)
    compared = sides(question) or _of_parts(question)
    if compared is None:
        yield from answer(asked)
        return
    asked, names = _inside(asked, compared.names)
    rows = _rows(asked, names)
    if len(rows) < 2:
        yield from answer(asked)
        return
    aspects = compared.aspects or _common_headings(asked, rows) or ("",)
    fields: list[list[_Field]] = []
    evidence: float | None = None
    for side in rows:
        fields.append([_found(asked, side, aspect) for aspect in aspects])
        passages = _together(fields)
        if passages and (evidence is None or len(fields) == len(rows)):
            evidence = evidence or asked.seconds
            yield Retrieved(passages, evidence)
    if evidence is None:
        yield from answer(asked)
        return
    yield from _table(asked, rows, aspects, fields, evidence)


def _table(
    asked: Assignment,
    rows: Sequence[_Side],
    aspects: Sequence[str],
    fields: Sequence[Sequence[_Field]],
    evidence: float,
) -> Iterator[Event | Step]:
    footnotes, verbatim, total = Footnotes(), not asked.has_model, len(rows) * len(aspects)
    column = asked.say("What the documents say", "Was die Dokumente sagen")
    names = ["", *(quote(aspect[:1].upper() + aspect[1:]) if aspect else column for aspect in aspects)]
    table = CheckedText(heading(names))
    found = False
    for at, (side, across) in enumerate(zip(rows, fields, strict=True)):
        cells = [CheckedText(f"**{quote(side.name)}**")]
        for place, (aspect, field) in enumerate(zip(aspects, across, strict=True)):
            if asked.cancel.is_set():
                break
            yield Step(at * len(aspects) + place, total, "cell")
            cell = yield from _cell(asked, side, aspect, field, footnotes)
            found = found or bool(cell.text)
            cells.append(cell if cell.text else CheckedText(EMPTY, cell.verdicts))
        if len(cells) > 1:
            table += checked_row([*cells, *[CheckedText()] * (1 + len(aspects) - len(cells))])
            yield Wrote(table.text, footnotes.citations, verbatim, table.verdicts)
    if not found and not asked.cancel.is_set():
        yield from answer(asked)
        return
    yield asked.ended(table.text if found else "", footnotes.citations, evidence, table.verdicts if found else ())


def _cell(
    asked: Assignment, side: _Side, aspect: str, field: _Field, footnotes: Footnotes
) -> Generator[Reading, None, CheckedText]:
    """What the model wrote; where it cites nothing, or was left out, the documents' own words."""
    written_there = CheckedText()
    if asked.has_model:
        written_there = yield from _by_model(asked, side, aspect, field, footnotes)
        if _MARK.search(written_there.text):
            return written_there
    words = ""
    if not aspect and len(side.documents) == 1:
        words = _of_whole(asked, side.documents[0], footnotes)
    words = words or _by_statements(asked, side, aspect, field, footnotes)
    numbers = tuple(dict.fromkeys(int(mark[1:-1]) for mark in _MARK.findall(words)))
    return CheckedText(words, written_there.left_out(numbers))


def _of_parts(question: str) -> Sides | None:
    parts = comparisons(question)
    return Sides(tuple(parts)) if parts else None


def _inside(asked: Assignment, names: Sequence[str]) -> tuple[Assignment, Sequence[str]]:
    """Of "overtime and leave in the handbook" the handbook alone is searched, if just one document is called so."""
    found = _IN.match(names[-1])
    if found is None:
        return asked, names
    certain = named(found["document"], asked.catalogue()).certain
    if len(certain) != 1:
        return asked, names
    return replace(asked, scope=replace(asked.scope, documents=frozenset({certain[0].id}))), [
        *names[:-1],
        found["side"],
    ]


def _rows(asked: Assignment, names: Sequence[str]) -> list[_Side]:
    """A title with an "and" in it was taken for two sides: they name the same document, and are one.

    Half of its words are enough for a thing to name a document where each thing then names another one.
    """
    catalogue = asked.catalogue()
    meant = [named(name, catalogue) if len(catalogue) > 1 else Named() for name in names]
    either = [one.certain or one.near for one in meant]
    apart = all(len(one) == 1 for one in either) and len(set(either)) == len(either)
    found: list[_Side] = []
    for name, one, documents in zip(names, meant, either, strict=True):
        documents = documents if apart and not _CODE.search(name) else one.certain
        documents = tuple(one for one in documents if _tells_of(name, f"{one.title} {one.name}"))
        if len(documents) == 1 and any(side.documents == documents for side in found):
            continue
        found.append(_Side(documents[0].title if len(documents) == 1 else name, documents))
    return found


def _common_headings(asked: Assignment, rows: Sequence[_Side]) -> tuple[str, ...]:
    """Headings that all documents share, in the first one's order, where each side is a document."""
    if not all(len(side.documents) == 1 for side in rows):
        return ()
    first, *others = [_headings(asked, side.documents[0]) for side in rows]
    shared: list[str] = []
    for name, words in first.items():
        alike = all(any(_alike(words, other) for other in known.values()) for known in others)
        if alike and not any(_alike(words, first[other]) for other in shared):
            shared.append(name)
    return tuple(shared[:MOST_ASPECTS])


def _headings(asked: Assignment, document: Listed) -> dict[str, list[str]]:
    """The document's headings without their numbers, each with its words."""
    found: dict[str, list[str]] = {}
    for passage in asked.documents.read(document.id, asked.principal):
        for part in passage.heading.split(" > "):
            name = _NUMBERING.sub("", part).strip()
            words = content_words(name)
            if words and name.casefold() != passage.title.casefold():
                found.setdefault(name, words)
    return found


def _alike(one: Sequence[str], other: Sequence[str]) -> bool:
    return 2 * len(covered(one, other)) > len(one) and 2 * len(covered(other, one)) > len(other)


def _found(asked: Assignment, side: _Side, aspect: str) -> _Field:
    """In the side's own documents first; everywhere, where they say nothing of it."""
    own = frozenset(document.id for document in side.documents[:100])
    if own:
        query = aspect or side.name
        found = _searched(asked, query, replace(asked.scope, documents=own))
        if found:
            return _Field(query, found)
    query = " ".join(filter(None, (aspect, side.name)))
    everywhere = _searched(asked, query, asked.scope)
    return _Field(query, tuple(p for p in everywhere if _tells_of(side.name, f"{p.label} {p.heading} {p.text}")))


def _tells_of(name: str, text: str) -> bool:
    """Whether the text has every code of the name as it is: what it says of KX-200 is no answer about KX-300."""
    said = text.casefold()
    return all(re.search(rf"(?<![\w-]){re.escape(code.casefold())}(?!\w)", said) for code in _CODE.findall(name))


def _searched(asked: Assignment, query: str, scope: Scope) -> tuple[Passage, ...]:
    return asked.retriever.retrieve(query, asked.principal, scope=scope, limit=_PASSAGES).passages


def _together(fields: Sequence[Sequence[_Field]]) -> tuple[Passage, ...]:
    """The best of each cell, then the second of each, each once."""
    lists = [field.passages for across in fields for field in across]
    merged: dict[str, Passage] = {}
    for rank in range(_PASSAGES):
        for passages in lists:
            if rank < len(passages):
                merged.setdefault(passages[rank].chunk_id, passages[rank])
    return tuple(merged.values())


def _by_statements(asked: Assignment, side: _Side, aspect: str, field: _Field, footnotes: Footnotes) -> str:
    """The statements that answer best, with their footnotes; empty where none does. A row of a table stands alone."""
    if said := _own_row(side, aspect, field, footnotes) or _own_column(side, aspect, field, footnotes):
        return said
    question = field.query
    if aspect and not side.documents:
        question = asked.say(f"What is the {aspect} of {side.name}?", f"Was ist {aspect} von {side.name}?")
    resolver, taken = Resolver(field.passages), 0
    chooser = Extractive(asked.retriever.embedder)
    for piece in chooser.stream(Prompt(question=question, passages=field.passages), asked.cancel):
        if not taken and not _MARK.search(piece):
            continue  # the warning above an unsure answer: a cell has its footnote for that
        if _LEADS_IN.search(piece):
            continue  # what follows it has no room here
        resolver.feed(piece)
        taken += _MARK.search(piece) is not None
        if taken == _STATEMENTS or (taken and piece.lstrip().startswith("|")) or len(resolver.text) > _LENGTH:
            break
    resolver.finish()
    return footnotes.take_over(flat(resolver.text, content_words(aspect)), resolver.citations)


def _own_row(side: _Side, aspect: str, field: _Field, footnotes: Footnotes) -> str:
    """What stands under the respect's name in a table's row that is labelled with the thing itself."""
    label, wanted = side.name.casefold(), content_words(aspect)
    for passage in field.passages if wanted else ():
        for table in passage.tables:
            columns = [at for at, name in enumerate(table.header) if _holds(name, wanted)]
            for line in table.rows:
                unit = unit_of(table, [line])
                said = [
                    f"{quote(in_unit(table.header[at], unit))}: {quote(line.cells[at])}"
                    for at in columns
                    if line.cells[at]
                ]
                if said and line.cells[0].strip().casefold() == label:
                    return f"{'; '.join(said)} [{footnotes.number(passage, *_span(passage, line))}]"
    return ""


def _own_column(side: _Side, aspect: str, field: _Field, footnotes: Footnotes) -> str:
    """What stands in the column that is called like the thing itself, in a table that is about the respect."""
    label, wanted = side.name.casefold(), content_words(aspect)
    for passage in field.passages if wanted else ():
        for table in passage.tables:
            at = next((at for at, name in enumerate(table.header) if at and name.strip().casefold() == label), 0)
            if not at or not _holds(f"{table.caption} {passage.heading}", wanted):
                continue
            said = [
                f"{quote(in_unit(line.cells[0], unit_of(table, [line])))}: {quote(line.cells[at])}"
                f" [{footnotes.number(passage, *_span(passage, line))}]"
                for line in table.rows[:_ROWS]
                if line.cells[at]
            ]
            if said:
                return " · ".join(said)
    return ""


def _span(passage: Passage, line: PassageRow) -> tuple[int, int]:
    """Where the row stands in the passage, which may hold a part of it."""
    return max(0, line.start - passage.start), min(len(passage.text), line.end - passage.start)


def _holds(name: str, wanted: Sequence[str]) -> bool:
    return len(covered(wanted, content_words(name))) == len(wanted)


def _of_whole(asked: Assignment, document: Listed, footnotes: Footnotes) -> str:
    """The statements that carry a document that is compared as a whole."""
    whole = Part("", tuple(asked.documents.read(document.id, asked.principal)))
    (picked,) = carriers([whole], [_CARRYING])
    return " ".join(
        f"{quote(without_bullet(one.text))} [{footnotes.number(one.passage, one.start, one.end)}]" for one in picked
    )


def _by_model(
    asked: Assignment, side: _Side, aspect: str, field: _Field, footnotes: Footnotes
) -> Generator[Reading, None, CheckedText]:
    """What the model wrote of the cell's own passages, each of its sentences checked against those that it cites."""
    passages = fit(field.passages, asked.budget.source_tokens // 2, estimate_tokens, least=_LEAST_PASSAGES)
    about = f"{aspect} ({side.name})" if aspect else side.name
    question = asked.say(*TEXTS.cell).format(about=about)
    own, text = Footnotes(), CheckedText()
    prompt = Prompt(
        question=question, asked=field.query, passages=passages, preference=asked.preference, house=asked.house
    )
    meant = " ".join(filter(None, ("" if side.documents else side.name, aspect))) or side.name
    for piece in written(asked, prompt, own, about=meant):
        if isinstance(piece, Reading):
            yield piece
        else:
            text = piece
    taken = text.put_through(lambda words: footnotes.take_over(flat(words), own.citations))
    verdicts = [replace(one, footnotes=footnotes.taken_over(one.footnotes, own.citations)) for one in taken.verdicts]
    return CheckedText(taken.text, tuple(verdicts))
