"""An answer as an article: its question, its sentences with footnotes, its sources, and the text to copy.

Pure functions from values to HTML or text. Everything foreign passes through `safe_html`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.events import Step
from app.extract import Extractive
from app.llm import Reading
from app.quotation import plain as unescaped
from app.search import unit_of
from app.ui import verdict_marks
from app.ui.safe_html import attribute, clean, markdown, plain
from app.ui.wording import counted, number, ordinal, ranges, seconds, unread_then
from storage.types import Citation, Message, MessageState, Passage, Verdict

CARDS = 6
ENDED = {
    MessageState.STOPPED: "Stopped. What had been written by then stays here.",
    MessageState.FAILED: "This answer could not be finished. Ask again in a moment.",
    MessageState.WITHDRAWN: "This answer is no longer available to you. Ask again for a current one.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands, in words."""

    title: str
    where: str


def place(passage: Citation | Passage) -> Place:
    heading = passage.heading.split(" > ")[-1]
    unit = unit_of(passage)
    parts = [unit, heading if heading not in unit else ""]
    where = ", ".join(part for part in parts if part) or f"section {passage.page}"
    return Place(passage.title or passage.name or "Untitled", where)


def question(text: str, *, first: bool) -> str:
    return f'<h2 class="q{"" if first else " later"}" dir="auto">{plain(text)}</h2>'


def meta(message: Message) -> str:
    """The line under the question: how much was read, and how long it took."""
    parts = []
    if documents := len({citation.document_id for citation in message.citations}):
        parts.append(f"{counted(documents, 'document')} cited")
    if message.first_evidence is not None:
        parts.append(f"{seconds(message.first_evidence)} to the first evidence")
    if message.model and message.seconds is not None:
        model = "Word for word" if message.model == Extractive.name else plain(message.model)
        parts.append(f"{model}, {seconds(message.seconds)}")
    return _line(parts) + unread(message)


def unread(message: Message) -> str:
    """What an answer could not take into account; "" for most."""
    return f'<p class="notice">{unread_then(message.unread)}</p>' if message.unread else ""


def stage(name: str, reading: Reading | None, passages: int, step: Step | None = None) -> str:
    """What a running answer is at, for people who wait."""
    if step is not None:
        words = _step(step)
    elif name == "searching":
        words = "Searching the documents"
    elif name == "writing":
        words = "Writing"
    elif reading is not None and reading.queue > 0:
        words = f"{ordinal(reading.queue)} in line"
    elif reading is not None and reading.total > 0:
        at = min(passages, 1 + passages * reading.read // reading.total)
        words = f"Reading {at} of {counted(passages, 'source')}"
    else:
        words = f"Reading {counted(passages, 'passage')}"
    return f'<div class="meta" role="status"><span class="stage">{words}</span></div>'


def _step(step: Step) -> str:
    if step.done >= step.total:
        return f"{counted(step.total, step.unit)} read, putting it together"
    return f"{step.unit.capitalize()} {number(step.done + 1)} of {number(step.total)}"


def body(
    text: str,
    message_id: str,
    citations: Sequence[Citation],
    state: MessageState,
    verdicts: Sequence[Verdict] = (),
) -> str:
    if state is MessageState.BLOCKED:
        return f'<div class="a" dir="auto"><p class="stopped blocked" role="alert">{plain(text)}</p></div>'
    shown, marks = verdict_marks.marked(text, verdicts)
    written = markdown(shown, message_id, citations, marks).replace("<table>", '<div class="rows"><table>')
    written = written.replace("</table>", "</table></div>")
    ending = f'<p class="stopped">{ENDED[state]}</p>' if state in ENDED else ""
    return f'<div class="a" dir="auto">{written}{ending}</div>'


def cards(message_id: str, citations: Sequence[Citation]) -> str:
    """One card for each cited page, with the numbers of its footnotes."""
    pages: dict[tuple[str, int], list[Citation]] = {}
    for citation in citations:
        pages.setdefault((citation.version_id, citation.page), []).append(citation)
    links = []
    for cited in pages.values():
        numbers = ranges([citation.n for citation in cited])
        links.append(_card(f"cite-{plain(message_id)}-{cited[0].n}", place(cited[0]), cited[0], f"<i>{numbers}</i>"))
    return _grid(links, "source")


def evidence(message_id: str, passages: Sequence[Passage]) -> str:
    """What was found, before there is a sentence: one card for each page, best first."""
    seen: dict[tuple[str, int], int] = {}
    for index, passage in enumerate(passages):
        seen.setdefault((passage.version_id, passage.page), index)
    links = [
        _card(f"evidence-{plain(message_id)}-{index}", place(passages[index]), passages[index], "")
        for index in list(seen.values())[:CARDS]
    ]
    return _grid(links, "source")


def with_references(asked: str, text: str, citations: Iterable[Citation]) -> str:
    """The text that "Copy with references" puts on the clipboard."""
    lines = [clean(asked), "", clean(unescaped(text)).strip()]
    listed = [f"[{citation.n}] {_reference(citation)}" for citation in citations]
    return "\n".join([*lines, "", "References", *listed] if listed else lines) + "\n"


def copy_link(message_id: str, text: str) -> str:
    """A link that copies, and the text that it copies, hidden beside it."""
    target = f"copy-{plain(message_id)}"
    return (
        f'<a class="act" role="button" href="#{target}">Copy with references</a>'
        f'<pre id="{target}" hidden>{plain(text)}</pre>'
    )


def table_links(message_id: str) -> str:
    """Links to the table of an answer as files."""
    path = f"/api/messages/{plain(message_id)}/table"
    return "".join(f'<a class="act" href="{path}.{form}" download>{form.upper()}</a>' for form in ("csv", "xlsx"))


def _reference(citation: Citation) -> str:
    at = place(citation)
    name = f" ({citation.name})" if citation.name and citation.name != at.title else ""
    return clean(f"{at.title}, {at.where}{name}")


def _card(target: str, at: Place, passage: Citation | Passage, numbers: str) -> str:
    return (
        f'<a role="button" href="#{target}" data-source="{attribute(at.title, 120)}"'
        f' data-passage="{attribute(passage.text)}">'
        f"<b>{numbers}<bdi>{plain(at.title)}</bdi></b><span>{plain(at.where)}</span></a>"
    )


def _grid(links: Sequence[str], noun: str) -> str:
    if not links:
        return ""
    shown = f'<div class="cards">{"".join(links[:CARDS])}</div>'
    if len(links) <= CARDS:
        return shown
    rest = f'<div class="cards">{"".join(links[CARDS:])}</div>'
    return (
        f'{shown}<details class="more"><summary>{counted(len(links) - CARDS, f"more {noun}")}</summary>{rest}</details>'
    )


def _line(parts: Sequence[str]) -> str:
    return f'<div class="meta">{"".join(f"<span>{part}</span>" for part in parts)}</div>' if parts else ""
