"""A generation of the index as a line of the list, and its comparison with the live one, as HTML. Pure functions."""

from __future__ import annotations

from datetime import datetime

from app.reindex_words import STATES, compared, compared_by, left, passages_of
from app.ui.indicators import bar, marked
from app.ui.safe_html import plain
from app.ui.wording import counted, number, when
from storage.generations import Generation, GenerationState, Progress, shown_model

HEAD = '<div class="line generation head"><span>Index</span><span>State</span><span>Since</span></div>'
_DOTS = {
    GenerationState.LIVE: "ok",
    GenerationState.BUILDING: "busy",
    GenerationState.COMPARING: "busy",
    GenerationState.ACCEPTED: "busy",
    GenerationState.REFUSED: "weak",
    GenerationState.FAILED: "bad",
}


def row(generation: Generation, progress: Progress, now: datetime) -> str:
    """`now` is in the reader's time zone."""
    about = f"{plain(passages_of(generation))}<br>by <bdi>{plain(generation.started_by)}</bdi>"
    title = f'<b title="{plain(generation.model)}"><bdi>{plain(shown_model(generation.model))}</bdi></b>'
    return (
        f'<div class="line generation"><div class="wide">{title}<small>{about}</small></div>'
        f'<div class="wide">{_state(generation, progress)}{_comparison(generation)}</div>'
        f'<div class="wide">{when(generation.changed, now)}</div></div>'
    )


def _comparison(generation: Generation) -> str:
    """The figures of both, and what was asked, to be unfolded; "" where nothing was compared."""
    rows = "".join(
        f'<tr><th scope="row">{label}</th><td data-name="live">{live}</td><td data-name="new">{new}</td></tr>'
        for label, live, new in compared(generation)
    )
    head = '<thead><tr><th></th><th scope="col">live then</th><th scope="col">this one</th></tr></thead>'
    table = f'<div class="compared"><table>{head}<tbody>{rows}</tbody></table></div>' if rows else ""
    by = compared_by(generation)
    if not by:
        return ""
    unfolded = " open" if generation.state is GenerationState.REFUSED else ""
    return (
        f"<details{unfolded}><summary>Compared with what was live</summary>{table}<small>{plain(by)}</small></details>"
    )


def _state(generation: Generation, progress: Progress) -> str:
    word = plain(STATES[generation.state]).capitalize()
    shown = marked(_DOTS.get(generation.state, ""), word)
    if generation.state is GenerationState.BUILDING:
        return shown + _bar(progress)
    whole = progress.documents == progress.of_documents
    held = counted(progress.of_documents, "document")
    notes = [held if whole else f"{number(progress.documents)} of {held}"]
    if generation.reason and generation.state in {GenerationState.REFUSED, GenerationState.FAILED}:
        notes.insert(0, plain(generation.reason))
    return shown + "".join(f"<small>{note}</small>" for note in notes)


def _bar(progress: Progress) -> str:
    rate = f"{progress.rate:.0f} a second, " if progress.rate >= 1 else ""
    words = f"{number(progress.passages)} of {counted(progress.of_passages, 'passage')}, {rate}{left(progress)}"
    return f"<small>{words}</small>" + bar(progress.passages, progress.of_passages, "New index")
