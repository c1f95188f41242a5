"""The form of a question: what is asked, whether the documents answer it, where, and what the answer is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import streamlit as st

from app.evaluation.questions import Place, Question
from app.question_sets import LONGEST, Here, documents_here, parsed, row
from app.services import Services
from app.ui.articles import place
from app.ui.identity import callback, draw_problem
from app.ui.insight_views import close_when_done, done
from app.ui.safe_html import clean, plain
from storage.errors import InvalidInput
from storage.evaluations import KeptQuestion, SetInfo
from storage.feedback import Commented
from storage.types import Principal

KINDS = ("fact", "table", "procedure", "list", "definition", "comparison", "paraphrase", "unanswerable")
ANSWERED, UNANSWERED = "Yes", "No, they hold no answer"
_OFFERED = 200  # documents that the field lists; with more of them one looks for it by name first


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form starts from, and the documents that it may name."""

    question: Question
    hashes: Mapping[str, str]
    here: Sequence[Here]


@st.dialog("Question", width="large")
def draw_question_form(services: Services, principal: Principal, kept: SetInfo, question: KeptQuestion | None) -> None:
    draw_problem()
    started = parsed(question) if question else Question(id="", text="")
    hashes = dict(question.content.get("sha256") or {}) if question else {}
    draft = Draft(started, hashes, documents_here(services.documents.catalogue(principal)))
    _draw_fields(draft)
    st.button("Save", type="primary", key="form_save", on_click=_save, args=(kept.id, question and question.id, draft))
    close_when_done()


@st.dialog("Add to a question set", width="large")
def draw_candidate_form(services: Services, principal: Principal, candidate: Commented) -> None:
    draw_problem()
    sets = services.evaluations.sets(principal)
    if not sets:
        st.html('<p class="lead">There is no question set yet. Make one under Question sets first.</p>')
        return
    cited = "; ".join(dict.fromkeys(f"{at.title}, {at.where}" for at in map(place, candidate.citations)))
    st.html(
        f'<p class="lead">The comment: <bdi>{plain(candidate.comment)}</bdi></p>'
        + (f'<p class="lead">The answer cited <bdi>{plain(cited)}</bdi></p>' if cited else "")
    )
    if candidate.follows_up:
        st.html(
            '<p class="notice">This was asked after other questions. Word it so that it can be understood alone, or '
            "give the earlier questions below.</p>"
        )
    names = {kept.id: kept.name for kept in sets}
    st.selectbox("Question set", list(names), format_func=lambda set_id: clean(names[set_id]), key="form_set")
    draft = Draft(Question(id="", text=candidate.question), {}, documents_here(services.documents.catalogue(principal)))
    _draw_fields(draft)
    st.button("Add", type="primary", key="form_save", on_click=_accept, args=(candidate.message_id, draft))
    close_when_done()


def _draw_fields(draft: Draft) -> None:
    question = draft.question
    st.text_area("Question", question.text, key="form_text", max_chars=LONGEST, height=80)
    answered = st.radio(
        "Do the documents answer it?",
        [ANSWERED, UNANSWERED],
        index=0 if question.answerable else 1,
        key="form_answered",
        horizontal=True,
    )
    if answered == ANSWERED:
        _draw_documents(draft)
        st.text_area(
            "Reference answer",
            "\n".join(question.answers),
            key="form_answers",
            height=80,
            placeholder="Optional: 30 days. Other wordings that are right too stand on lines of their own.",
        )
    kinds = list(dict.fromkeys(filter(None, (*KINDS, question.kind))))
    st.selectbox(
        "Kind",
        kinds,
        index=kinds.index(question.kind) if question.kind else None,
        key="form_kind",
        placeholder="Optional: figures are shown for each kind",
        accept_new_options=True,
    )
    with st.expander("More details", expanded=bool(question.history or question.also or question.evidence)):
        _draw_more(question)


def _draw_documents(draft: Draft) -> None:
    titles = {one.name: f"{one.title} ({one.name})" if one.title != one.name else one.name for one in draft.here}
    wanted = ""
    if len(titles) > _OFFERED:
        wanted = str(
            st.text_input("Find a document", key="form_find", placeholder="Part of its title or file name") or ""
        )
    found = [name for name, title in titles.items() if wanted.strip().casefold() in title.casefold()]
    chosen = st.session_state.get("form_documents", draft.question.documents)
    offered = list(dict.fromkeys((*draft.question.documents, *chosen, *found[:_OFFERED])))
    documents = st.multiselect(
        "Documents that answer it",
        offered,
        default=list(draft.question.documents),
        format_func=lambda name: clean(titles.get(str(name), str(name))),
        key="form_documents",
        placeholder="Choose one, or all that the answer needs together",
    )
    for number, name in enumerate(map(str, documents), 1):
        pages = [str(one.page) for one in draft.question.pages if one.document == name]
        if len(documents) > 1:  # a label would be read as Markdown, and aloud with its escapes
            st.html(f'<p class="soft">{number}. <bdi>{plain(titles.get(name, name))}</bdi></p>')
        st.text_input(
            ("Pages" if is_paged(name) else "Sections") + (f" of document {number}" if len(documents) > 1 else ""),
            ", ".join(pages),
            key=f"form_pages_{name}",
            placeholder="Optional: 12, or 12, 14 where both are needed",
        )


def is_paged(name: str) -> bool:
    """Whether the numbers of a document named so count pages; elsewhere they count sections."""
    return PurePath(name).suffix.lower() in ("", ".pdf")


def _draw_more(question: Question) -> None:
    also = (f"{one.document}: {one.page}" if one.page else one.document for one in question.also)
    _draw_lines("Other pages that say the same", also, "form_also", "One a line: handbook.pdf: 14")
    _draw_lines(
        "Words that stand there",
        (" ".join(one.split()) for one in question.evidence),
        "form_evidence",
        "Sentences or table rows as they stand in the document, one a line",
    )
    _draw_lines(
        "Asked before it",
        (" ".join(one.split()) for one in question.history),
        "form_history",
        "For a follow-up: the earlier questions of the conversation, one a line",
    )


def _draw_lines(title: str, lines: Iterable[str], key: str, hint: str) -> None:
    st.text_area(title, "\n".join(lines), key=key, height=80, placeholder=hint)


@callback
def _save(services: Services, principal: Principal, set_id: str, question_id: str | None, draft: Draft) -> None:
    content = _content(draft, st.session_state)
    if question_id:
        services.evaluations.change(question_id, content, principal)
    else:
        services.evaluations.add(set_id, [content], principal)
    done("Saved." if question_id else "Added.")


@callback
def _accept(services: Services, principal: Principal, message_id: str, draft: Draft) -> None:
    set_id = str(st.session_state["form_set"])
    services.feedback.accept(message_id, set_id, _content(draft, st.session_state), principal)
    done("Added to the question set.")


def _content(draft: Draft, fields: Any) -> dict[str, Any]:
    """Raises InvalidInput that names the field."""
    text = str(fields.get("form_text", "")).strip()
    if not text:
        raise InvalidInput("Write the question first.")
    answered = fields.get("form_answered") == ANSWERED
    documents = tuple(fields.get("form_documents", ())) if answered else ()
    question = Question(
        id=draft.question.id,
        text=text,
        kind=str(fields.get("form_kind") or "").strip()[:40] or ("" if answered else "unanswerable"),
        documents=documents,
        pages=tuple(Place(name, page) for name in documents for page in numbers(name, fields)),
        also=_also(_lines(fields, "form_also")) if answered else (),
        answers=_lines(fields, "form_answers") if answered else draft.question.answers,
        evidence=_lines(fields, "form_evidence") if answered else (),
        history=_lines(fields, "form_history"),
        answerable=answered,
    )
    chosen = {one.name: one.sha256 for one in draft.here if one.sha256}
    return row(question, {**draft.hashes, **chosen})


def numbers(name: str, fields: Any) -> list[int]:
    given = str(fields.get(f"form_pages_{name}", "")).replace(";", ",")
    words = [word for part in given.split(",") for word in part.split()]
    if not all(word.isascii() and word.isdigit() and len(word) < 7 and int(word) for word in words):
        raise InvalidInput(f"Pages of {clean(name)}: write numbers from 1 on, parted by commas, like 12, 14.")
    return list(dict.fromkeys(map(int, words)))


def _also(lines: Sequence[str]) -> tuple[Place, ...]:
    places = []
    for line in lines:
        document, _, page = line.rpartition(":")
        if document.strip() and page.strip().isascii() and page.strip().isdigit() and int(page):
            places.append(Place(document.strip(), int(page)))
        else:
            places.append(Place(line))
    return tuple(places)


def _lines(fields: Any, key: str) -> tuple[str, ...]:
    return tuple(filter(None, (line.strip() for line in str(fields.get(key, "")).split("\n"))))
