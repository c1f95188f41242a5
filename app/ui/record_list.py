"""Why answers said so, for admins: those with sentences in doubt, and how one came about."""

from __future__ import annotations

import streamlit as st

from app.services import Services
from app.ui import articles, verdict_marks
from app.ui.insight_views import VIEW
from app.ui.safe_html import plain
from app.ui.wording import counted, now_in, seconds, when
from app.ui.zone import browser_zone
from storage.errors import NotFound
from storage.records import WEAK, Answered, GivenSource, Recorded
from storage.types import MessageState, Principal, Support

ANSWER = "answer"
_SHOWN = 50
_ALL, _WEAK = "All answers", "Sentences in doubt"


def draw(services: Services, principal: Principal) -> None:
    if message_id := str(st.query_params.get(ANSWER, "")):
        _draw_one(services, principal, message_id)
        return
    st.html(
        '<p class="lead">Answers that rest only on documents which you may read. Who asked is not shown. '
        "Opening one is put on record.</p>"
    )
    chosen = st.segmented_control("Which", [_WEAK, _ALL], default=_WEAK, key="records", label_visibility="collapsed")
    found = services.records.answers(principal, support=() if chosen == _ALL else WEAK, limit=_SHOWN)
    if not found:
        st.html('<div class="empty"><b>Nothing here</b>Answers whose sentences are in doubt stand here.</div>')
    for one in found:
        with st.container(key=f"candidate_{one.message_id}"):
            st.html(_row(one))
            st.button("Open", key=f"why_{one.message_id}", on_click=_open, args=(one.message_id,))


def _open(message_id: str) -> None:
    st.query_params[VIEW] = "records"
    st.query_params[ANSWER] = message_id


def _close() -> None:
    st.query_params.pop(ANSWER, None)


def _draw_one(services: Services, principal: Principal, message_id: str) -> None:
    st.button("All answers", key="records_back", type="tertiary", icon=":material/arrow_back:", on_click=_close)
    try:
        st.html(article(services.records.get(message_id, principal)))
    except NotFound as error:
        st.html(f'<p class="notice away" role="alert">{plain(str(error))}</p>')


def _row(one: Answered) -> str:
    said = ", ".join(f"{one.counts[support]} {support}" for support in Support if one.counts.get(support))
    details = [when(one.created, now_in(browser_zone())), plain(one.model), said or "not checked"]
    return (
        f'<div class="candidate"><h3 dir="auto">{plain(one.question)}</h3>'
        f'<p class="soft">{" · ".join(filter(None, details))}</p></div>'
    )


def article(one: Recorded) -> str:
    """The record of an answer: what it said with its verdicts, how it was made, and what was given."""
    facts = {
        "Model": one.model,
        "Prompt": one.prompt_version or "none: the documents' own words",
        "Searched for": "; ".join(one.searched),
        "Confidence": f"{one.confidence:.0%}" if one.confidence is not None else "",
        "Took": seconds(one.seconds) if one.seconds is not None else "",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{plain(said)}</dd>" for name, said in facts.items() if said)
    gone = "".join(f"<li>{plain(one.left_out)} <i>{plain(one.reason)}</i></li>" for one in one.verdicts if one.left_out)
    left_out = f"<h4>Left out</h4><ul>{gone}</ul>" if gone else ""
    sources = "".join(f"<li>{_source(source)}</li>" for source in one.sources)
    return (
        f'{articles.question(one.question, first=True)}<div class="candidate">'
        f'<p class="soft">{when(one.created, now_in(browser_zone()))}</p></div>'
        f"{verdict_marks.line(one.verdicts, one.answer)}"
        f"{articles.body(one.answer, one.message_id, (), MessageState.DONE, one.verdicts)}"
        f'<dl class="facts">{rows}</dl><div class="candidate">{left_out}'
        f"<h4>{counted(len(one.sources), 'source')} given</h4><ul>{sources}</ul></div>"
    )


def _source(source: GivenSource) -> str:
    place = source.place or f"page {source.page}"
    cited = ", cited" if source.cited else ""
    return f"<bdi>{plain(source.title)}</bdi>, {plain(place)}, characters {source.start} to {source.end}{cited}"
