"""What `footnote ask` does with a question: the mode, the documents, how the answer looks, its table."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.assignment import Assignment
from app.assistant import respond
from app.cells import grids
from app.cli_search import scope_of
from app.code_check import checked
from app.downloads import as_csv, as_xlsx
from app.events import Ended
from app.guard import guarded
from app.language_model import answering
from app.modes import mode_of
from app.quotation import plain
from app.ui.wording import unread_then
from storage.errors import InvalidInput
from storage.types import Principal

if TYPE_CHECKING:
    from app.services import Services


def ask(built: Services, principal: Principal, question: str, *, mode: str, documents: Sequence[str]) -> Ended:
    """The end of the answer. Raises InvalidInput for a mode or a document that there is not."""
    picked = mode_of(mode)
    scope = scope_of(built, principal, documents=documents, kinds=(), groups=(), since="", until="")
    asked = Assignment(
        question=question,
        principal=principal,
        retriever=built.retriever,
        llm=answering(built.llm),
        rewriter=built.rewriter,
        cancel=threading.Event(),
        scope=scope,
        house=built.house.current(),
        budget=built.budget,
        check=built.check,
    )
    events = respond(asked, picked)
    if built.guard:
        events = guarded(events, question, built.guard, lambda subject, verdict: None)
    return [event for event in checked(events) if isinstance(event, Ended)][-1]


def as_object(ended: Ended, unread: int) -> dict[str, Any]:
    """The answer as JSON, which has the name of everything that can be looked up again."""
    references = [
        {
            "n": citation.n,
            "title": citation.title,
            "name": citation.name,
            "page": citation.page,
            "start": citation.start,
            "end": citation.end,
            "heading": citation.heading,
            "place": citation.place,
            "text": citation.text,
            "document": citation.document_id,
            "version": citation.version_id,
        }
        for citation in ended.citations
    ]
    verdicts = [asdict(verdict) for verdict in ended.verdicts]
    told = {"references": references, "verdicts": verdicts, "model": ended.model, "unread": unread}
    return {"answer": ended.text, **told}


def draw(ended: Ended, unread: int) -> None:
    """`unread`: how many documents could not be searched yet."""
    print(plain(ended.text))
    for citation in ended.citations:
        where = f"{citation.title}, {citation.place or f'page {citation.page}'}"
        print(f"  [{citation.n}] {where}" + (f", {citation.heading}" if citation.heading else ""))
    if unread:
        print(unread_then(unread))


def form_of(path: Path | None) -> str:
    """csv or xlsx by the file's name. Raises InvalidInput for another, before anything is asked."""
    form = path.suffix.lower().removeprefix(".") if path else "csv"
    if form not in ("csv", "xlsx"):
        raise InvalidInput("--save: name a file that ends in .csv or .xlsx.")
    return form


def table(ended: Ended, form: str) -> bytes:
    """Raises InvalidInput where the answer has none."""
    found = grids(ended.text)
    if not found:
        raise InvalidInput("There is no table in this answer, so nothing was written.")
    return as_csv(found[0], ended.citations) if form == "csv" else as_xlsx(found, ended.citations)
