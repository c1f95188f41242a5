"""The summary of a whole document, each sentence with the footnote of the section that it rests on.

Without a language model: the statements that carry each section (`gist`), under the document's headings. With one: it
reads the document part by part within the token budget and notes what matters, then writes what leads from the notes;
a sentence of that cites the passages that its notes rest on, and is held against all of them. Not covered: several
documents at once.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from app.assignment import Assignment, offer, written
from app.chat import answer
from app.checked_text import CheckedText
from app.events import Event, Retrieved, Step, Wrote
from app.footnotes import Footnotes
from app.gist import Part, carriers, parts_of
from app.llm import Reading
from app.modes import summarised
from app.prompt import Prompt, estimate_tokens
from app.prompt_texts import TEXTS
from app.quotation import quote
from app.search import where
from app.statements import without_bullet
from app.titles import named, words_of
from storage.documents import Listed
from storage.types import Citation, Passage, Support, Verdict

_SHOWN = 12  # passages shown as evidence while it works
_FEW = 3  # steps whose notes are a summary already
_MANY = 12  # steps from which each notes one sentence
_TOPIC = 2  # words that name no document
_NOTE = re.compile(r"(.+?)((?:\s?\[\d{1,4}\])+)", re.S)
_MARK = re.compile(r"\[(\d{1,4})\]")


def summarise(asked: Assignment) -> Iterator[Event | Step]:
    """Retrieved first, Ended last. Where no one document is meant it offers those that could be.

    A question that its words alone made a summary, and that names no document, is answered like any other.
    """
    phrase = summarised(asked.question)
    meant, could_be = _documents(asked, asked.question if phrase is None else phrase)
    if meant is None:
        if not asked.picked and not could_be:
            yield from answer(asked)
            return
        yield from _offered(asked, could_be)
        return
    passages = asked.documents.read(meant.id, asked.principal)
    yield Retrieved(tuple(passages[:_SHOWN]), asked.seconds)
    evidence = asked.seconds
    footnotes, parts, gone = Footnotes(), parts_of(passages), tuple[Verdict, ...]()
    checked = yield from (_by_model if asked.has_model else _by_sentences)(asked, parts, footnotes)
    if asked.has_model and not checked.text.strip() and not asked.cancel.is_set():
        gone = checked.left_out()  # all that the model wrote: the document's own words take its place
        checked = yield from _by_sentences(asked, parts, footnotes)
    text = checked.text
    if not text and not asked.cancel.is_set():
        text, gone = (
            asked.say("There is no sentence in it to summarise.", "Es enthält keine Sätze zum Zusammenfassen."),
            (),
        )
    if asked.has_model:
        yield Retrieved(tuple(passages), evidence)  # what the model was given, for the record of the answer
    yield asked.ended(text, footnotes.citations, evidence, (*gone, *checked.verdicts))


def _documents(asked: Assignment, phrase: str) -> tuple[Listed | None, list[Listed]]:
    """The one that is meant, or those that could be."""
    catalogue = asked.catalogue()
    if len(catalogue) == 1:
        return catalogue[0], []
    found = named(phrase, catalogue)
    if len(found.certain) == 1:
        return found.certain[0], []
    if found.certain or found.near:
        return None, [*found.certain, *found.near]
    if asked.scope or len(words_of(phrase)) < _TOPIC:  # "the report"; more words are a topic to be answered on
        return None, catalogue
    return None, []


def _offered(asked: Assignment, could_be: Sequence[Listed]) -> Iterator[Event]:
    listed = list(could_be) or asked.catalogue()
    yield Retrieved((), asked.seconds)
    if not listed:
        said = asked.say(
            "There is no document here that you may read.", "Hier gibt es kein Dokument, das Sie lesen dürfen."
        )
        yield asked.ended(said, (), None)
        return
    said = asked.say(
        "Which document shall be summarised? Name one of these, or choose it under “Ask in”:",
        "Welches Dokument soll zusammengefasst werden? Nennen Sie eines von diesen, oder wählen Sie es unter „Ask in“:",
    )
    yield from offer(asked, said, listed)


def _by_sentences(
    asked: Assignment, parts: Sequence[Part], footnotes: Footnotes
) -> Generator[Event | Step, None, CheckedText]:
    blocks: list[str] = []
    last = ""
    for part, picked in zip(parts, carriers(parts), strict=True):
        lines = []
        for one in picked:
            number = footnotes.number(one.passage, one.start, one.end)
            lines.append(f"- {quote(without_bullet(one.text))} [{number}]")
        title = _title(asked, part, len(parts))
        if lines and blocks and title == last:
            blocks[-1] += "\n" + "\n".join(lines)
        elif lines:
            blocks.append(_block(title, "\n".join(lines)))
            last = title
    if blocks:
        yield Wrote("\n\n".join(blocks), footnotes.citations, verbatim=True)
    return CheckedText("\n\n".join(blocks))


def _title(asked: Assignment, part: Part, parts: int) -> str:
    if part.heading or parts == 1:
        return part.heading
    first, last = where(part.passages[0]), where(part.passages[-1])
    return first if first == last else asked.say(f"{first} to {last}", f"{first} bis {last}")


def _block(title: str, words: str) -> str:
    return f"### {quote(title)}\n\n{words}" if title else words


@dataclass(frozen=True, slots=True)
class _Note:
    """A sentence that the model wrote, and the passages that it cites."""

    text: str
    passages: tuple[Passage, ...]


_Noted = list[tuple[Part, CheckedText]]


def _by_model(
    asked: Assignment, parts: Sequence[Part], footnotes: Footnotes
) -> Generator[Event | Step, None, CheckedText]:
    steps = [(part, batch) for part in parts for batch in _batches(part.passages, asked.budget.source_tokens)]
    several = len(steps) > _FEW
    done: _Noted = []
    for at, (part, batch) in enumerate(steps):
        if asked.cancel.is_set():
            break
        yield Step(at, len(steps), "section")
        prompt = Prompt(
            question=_to_note(asked, part, len(steps)), passages=batch, preference=asked.preference, house=asked.house
        )
        note = CheckedText()
        for piece in written(asked, prompt, footnotes):
            if isinstance(piece, Reading):
                yield piece
                continue
            note = piece
            yield from _wrote(_noted(asked, [*done, (part, note)], len(parts)), footnotes)
        done.append((part, note))
    noted = _noted(asked, done, len(parts))
    if several and noted.text and not asked.cancel.is_set():
        yield Step(len(steps), len(steps), "section")
        passages = [p for part in parts for p in part.passages]
        return (yield from _led(asked, _notes(done, passages, footnotes), noted, footnotes))
    return noted


def _wrote(checked: CheckedText, footnotes: Footnotes) -> Iterator[Wrote]:
    if checked.text:
        yield Wrote(checked.text, footnotes.citations, verbatim=False, verdicts=checked.verdicts)


def _batches(passages: Sequence[Passage], budget: int) -> list[tuple[Passage, ...]]:
    """Neighbours together as far as the budget takes them, each passage in exactly one."""
    batches: list[list[Passage]] = []
    left = 0
    for passage in passages:
        size = estimate_tokens(passage.text)
        if not batches or size > left:
            batches.append([])
            left = budget
        batches[-1].append(passage)
        left -= size
    return [tuple(batch) for batch in batches]


def _to_note(asked: Assignment, part: Part, steps: int) -> str:
    about = f" ({part.heading})" if part.heading else ""
    length = asked.say(*(TEXTS.one_sentence if steps > _MANY else TEXTS.few_sentences))
    return asked.say(*TEXTS.note).format(about=about, length=length)


def _noted(asked: Assignment, done: _Noted, parts: int) -> CheckedText:
    """The notes under their headings. Of a note that was left out as a whole its verdicts stay."""
    whole, last = CheckedText(), None
    for part, note in done:
        if not note.text.strip():
            whole += CheckedText(verdicts=note.left_out())
            continue
        title = "" if part is last else _block(_title(asked, part, parts), "")
        whole = whole + ("\n\n" if whole.text else "") + title + note
        last = part
    return whole


def _led(
    asked: Assignment, notes: Sequence[_Note], below: CheckedText, footnotes: Footnotes
) -> Generator[Event | Step, None, CheckedText]:
    """What leads, written from the notes, above the notes."""
    while sum(estimate_tokens(note.text) for note in notes) > asked.budget.source_tokens and len(notes) > 1:
        notes = notes[::2]
    if not notes:
        return below
    prompt = Prompt(
        question=asked.say(*TEXTS.lead),
        passages=tuple(replace(note.passages[0], text=note.text, tables=()) for note in notes),
    )
    led = below
    for piece in written(asked, prompt, footnotes, [note.passages for note in notes]):
        if isinstance(piece, Reading):
            yield piece
            continue
        led = piece + "\n\n" + below if piece.text.strip() else CheckedText(verdicts=piece.left_out()) + below
        yield from _wrote(led, footnotes)
    return led


def _notes(done: _Noted, passages: Sequence[Passage], footnotes: Footnotes) -> list[_Note]:
    """The cited sentences of the notes, each with the passages of its footnotes; none that they do not bear out."""
    cited = {citation.n: citation for citation in footnotes.citations}
    found = []
    for _, note in done:
        for sentence in _NOTE.finditer(note.text):
            first, last = sentence.span(1)
            if any(first <= one.start < last and _is_wrong(one) for one in note.verdicts):
                continue
            numbers = dict.fromkeys(map(int, _MARK.findall(sentence[2])))
            rests_on = [passage for n in numbers if (passage := _cited(cited.get(n), passages))]
            if rests_on and sentence[1].strip():
                found.append(_Note(" ".join(sentence[1].split()), tuple(rests_on)))
    return found


def _is_wrong(verdict: Verdict) -> bool:
    return verdict.support is Support.NONE and not verdict.left_out


def _cited(citation: Citation | None, passages: Sequence[Passage]) -> Passage | None:
    if citation is None:
        return None
    on_page = (passage for passage in passages if passage.page == citation.page)
    return next((p for p in on_page if p.start <= citation.start < max(p.end, p.start + 1)), None)
