"""One question set: its questions, each with where its answer stands, and what can be done to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from app.evaluation.questions import Question
from app.question_sets import missing, questions_of
from app.services import Services
from app.ui import browser
from app.ui.identity import callback, draw_problem
from app.ui.indicators import marked
from app.ui.insight_views import ask_for, asked_for, draw_news, open_view, tell
from app.ui.question_form import draw_question_form, is_paged
from app.ui.question_sets import draw_delete, draw_rename
from app.ui.run_form import draw_run_form
from app.ui.safe_html import plain
from app.ui.wording import counted, number
from storage.evaluations import KeptQuestion, SetInfo
from storage.types import Principal

ROWS = 50
HEAD = (
    '<div class="line question head"><span>Question</span><span>Where the answer stands</span><span>Reference answer'
    "</span><span>Kind</span></div>"
)


def draw(services: Services, principal: Principal, kept: SetInfo) -> None:
    asked = services.evaluations.questions(kept.id, principal)
    questions, gone, problem = dict[str, Question](), frozenset[str](), ""
    if asked:
        read = questions_of(asked, kept.name)
        questions = dict(zip((one.id for one in asked), read.questions, strict=True))
        gone, problem = missing(read, services.documents.catalogue(principal))
    _draw_header(kept, list(questions.values()))
    draw_problem()
    draw_news()
    _draw_import(kept)
    if problem:
        st.html(f'<p class="notice away">{plain(problem)}</p>')
    if gone:
        st.html(_missing(gone))
    if asked:
        _draw_list(asked, questions, gone)
    else:
        st.html(
            '<div class="empty"><b>No questions yet</b>Add the first, or import a file: one JSON object a line, with '
            "<code>question</code>, <code>doc</code>,<br><code>pages</code>, <code>answer</code> and <code>kind</code>."
            "</div>"
        )
    _open_dialog(services, principal, kept, asked)


def _draw_header(kept: SetInfo, questions: Sequence[Question]) -> None:
    st.button(
        "Question sets", key="back", icon=":material/arrow_back:", type="tertiary", on_click=open_view, args=("sets",)
    )
    kinds = Counter(question.kind for question in questions if question.kind)
    words = [counted(kept.questions, "question"), *(f"{number(n)} {kind}" for kind, n in kinds.most_common(6))]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="set_head"):
        st.html(
            f'<h1 class="title"><bdi>{plain(kept.name)}</bdi></h1><p class="soft">{plain(", ".join(words))}</p>',
            width="stretch",
        )
        with st.container(
            horizontal=True, gap="small", width="content", vertical_alignment="center", key="set_actions"
        ):
            st.button("Add question", key="question_add", on_click=ask_for, args=("question", ""))
            st.button(
                "Evaluate",
                key="set_run",
                type="primary",
                disabled=not questions,
                on_click=ask_for,
                args=("Evaluate", ""),
            )
            st.menu_button(
                "Actions",
                ["Rename", "Delete"],
                key="menu_set",
                icon=":material/more_horiz:",
                type="tertiary",
                on_click=_choose_for_set,
            )


def _draw_import(kept: SetInfo) -> None:
    """The file goes to /api, not through Streamlit's own upload, which is shut. What came of it comes back in words."""
    with st.container(key="transfer", horizontal=True, gap="small", vertical_alignment="top"):
        address = f"/api/question-sets/{plain(kept.id)}/questions"
        if kept.questions:
            st.html(f'<a class="act" href="{address}" target="_self">Download questions</a>', width="content")
        if news := browser.question_file(address):
            tell(news)
            st.rerun()


def _missing(gone: frozenset[str]) -> str:
    names = "".join(f'<span class="tag"><bdi>{plain(name)}</bdi></span>' for name in sorted(gone)[:20])
    more = f" and {number(len(gone) - 20)} more" if len(gone) > 20 else ""
    words = "is no document here" if len(gone) == 1 else "are no documents here"
    return (
        f'<p class="notice away">{names}{more} {words}: deleted, not uploaded, or under another name. Their questions '
        "are still asked, and count as not found.</p>"
    )


def _draw_list(asked: Sequence[KeptQuestion], questions: dict[str, Question], gone: frozenset[str]) -> None:
    wanted = ""
    if len(asked) > 10:
        wanted = st.text_input(
            "Find a question",
            key="find_question",
            placeholder="Find a question, a document or a kind",
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=_first_page,
        )
    found = [one for one in asked if _fits(questions[one.id], wanted.strip().casefold())]
    offset = min(st.session_state.get("question_offset", 0), max(0, len(found) - 1) // ROWS * ROWS)
    with st.container(key="rows"):
        with st.container(key="row_head"):
            st.html(HEAD)
        for one in found[offset : offset + ROWS]:
            with st.container(key=f"row_{one.id}", horizontal=True, wrap=False, vertical_alignment="top"):
                st.html(_row(questions[one.id], gone))
                st.menu_button(
                    "Actions",
                    ["Edit", "Delete"],
                    key=f"menu_{one.id}",
                    icon=":material/more_horiz:",
                    type="tertiary",
                    on_click=_choose,
                    args=(one.id,),
                )
    if not found:
        st.html('<div class="empty">No question fits.</div>')
    _draw_paging(offset, len(found))


def _row(question: Question, gone: frozenset[str]) -> str:
    history = f"<small>asked after: {plain(' / '.join(question.history))}</small>" if question.history else ""
    answer = plain(question.answer) if question.answerable else ""
    more = f"<small>or: {plain('; '.join(question.answers[1:]))}</small>" if question.answers[1:] else ""
    return (
        f'<div class="line question"><div class="wide" dir="auto">{plain(question.text)}{history}</div>'
        f'<div class="wide">{_places(question, gone)}</div><div class="wide answer" dir="auto">{answer}{more}</div>'
        f"<div>{plain(question.kind)}</div></div>"
    )


def _places(question: Question, gone: frozenset[str]) -> str:
    if not question.answerable:
        return '<span class="soft">Nowhere: it has no answer</span>'
    if not question.documents:
        return marked("weak", "Nobody has said yet")
    parts = []
    for name in question.documents:
        pages = ", ".join(str(place.page) for place in question.pages if place.document == name)
        unit = "p." if is_paged(name) else "section"
        where = f"<small>{unit} {pages}</small>" if pages else ""
        lost = f"<small>{marked('bad', 'not here any more')}</small>" if name in gone else ""
        parts.append(f"<div><bdi>{plain(name)}</bdi>{where}{lost}</div>")
    return "".join(parts)


def _fits(question: Question, wanted: str) -> bool:
    words = (question.text, question.kind, *question.documents, *question.answers)
    return not wanted or any(wanted in word.casefold() for word in words)


def _draw_paging(offset: int, found: int) -> None:
    if found <= ROWS:
        return
    with st.container(key="paging", horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Previous", key="previous", disabled=not offset, on_click=_turn, args=(-ROWS,))
        last = min(found, offset + ROWS)
        st.html(f'<span class="soft">{number(offset + 1)} to {number(last)} of {number(found)}</span>', width="content")
        st.button("Next", key="next", disabled=last == found, on_click=_turn, args=(ROWS,))


def _turn(step: int) -> None:
    st.session_state["question_offset"] = max(0, st.session_state.get("question_offset", 0) + step)


def _first_page() -> None:
    st.session_state["question_offset"] = 0


def _choose_for_set() -> None:
    ask_for(str(st.session_state.get("menu_set")), "")


@callback
def _choose(services: Services, principal: Principal, question_id: str) -> None:
    if st.session_state.get(f"menu_{question_id}") == "Delete":
        services.evaluations.remove(question_id, principal)
        tell("The question was deleted.")
    else:
        ask_for("question", question_id)


def _open_dialog(services: Services, principal: Principal, kept: SetInfo, asked: Sequence[KeptQuestion]) -> None:
    match asked_for():
        case ("question", question_id):
            question = next((one for one in asked if one.id == question_id), None)
            draw_question_form(services, principal, kept, question)
        case ("Evaluate", _):
            draw_run_form(services, principal, kept)
        case ("Rename", _):
            draw_rename(kept)
        case ("Delete", _):
            draw_delete(kept)
