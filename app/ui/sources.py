"""The source beside the answer: the page or section that a footnote stands for, its words marked.

What the panel shows is read with the principal's rights each time it opens. `marked_text` is pure; the rest draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.search import place, target
from app.services import Services
from app.ui import browser
from app.ui.identity import who
from app.ui.safe_html import attribute, plain
from app.ui.wording import day, number
from app.ui.zone import browser_zone
from ingest.parse import PAGED
from storage.documents import Source
from storage.errors import FootnoteError, NotFound
from storage.types import Citation, Passage, Principal, Readers, Section, Table

Span = tuple[int, int]
PASSAGE = "passage"  # what begins the names of passages that a search found, and their place in the address


@dataclass(frozen=True, slots=True)
class Opened:
    """Passage `index` (from 0) of those that one answer cites, or that were found for it, or by a search."""

    target: str
    passages: tuple[Citation | Passage, ...]
    index: int

    @property
    def passage(self) -> Citation | Passage:
        return self.passages[self.index]

    @property
    def cited(self) -> bool:
        return self.target.startswith("cite-")


@st.fragment
def panel(running: str) -> None:
    """Listens for footnotes and draws the panel. A fragment: the history is not drawn again when a source opens.

    `running` is the id of the answer that is being written, if one is.
    """
    services, principal = who()
    shown = st.session_state.get("opened", "")
    clicked = browser.reader(f"{shown}/{st.session_state.get('opened_as', '')}" if shown else "", running)
    if clicked and clicked != shown:
        _open(clicked)
        st.rerun(scope="fragment")
    if not shown:
        return
    try:
        opened = _opened(services, principal, shown)
        source = services.documents.source(opened.passage.version_id, opened.passage.page, principal)
        if not opened.passage.start <= opened.passage.end <= len(source.section.text):
            raise NotFound("There is no such passage.")
        with st.container(key="panel"):
            _draw(services, principal, opened, source)
    except NotFound:
        with st.container(key="panel"):
            _draw_head('<div class="source"><h2>Not found</h2></div>')
            st.html('<p class="notice">There is no such source, or you may not read it.</p>')


def _opened(services: Services, principal: Principal, target: str) -> Opened:
    """What `target` stands for: cite-<message>-<n>, evidence-<message>-<index> or passage-<place>. Raises NotFound."""
    kind, _, rest = target.partition("-")
    if kind == PASSAGE:
        return _found(rest)
    message_id, _, written = rest.rpartition("-")
    if not written.isdecimal():
        raise NotFound("There is no such footnote.")
    running = services.answers.running(message_id)
    message = services.conversations.message(message_id, principal)  # also says whether it is the principal's
    citations = message.citations
    if running is not None:
        progress = running.snapshot()
        citations = progress.citations
        if kind == "evidence" and int(written) < len(progress.passages):
            return Opened(target, progress.passages, int(written))
    for index, citation in enumerate(citations):
        if kind == "cite" and citation.n == int(written):
            return Opened(target, tuple(citations), index)
    raise NotFound("There is no such footnote.")


def _found(name: str) -> Opened:
    """A passage by its place. Its neighbours are the other results of the page, where it is one of them."""
    results: tuple[str, ...] = st.session_state.get("found", ())
    names = results if name in results else (name,)
    places = [place(each) for each in names]
    passages = tuple(Citation(n, "", at.version_id, at.page, at.start, at.end) for n, at in enumerate(places, 1))
    return Opened(f"{PASSAGE}-{name}", passages, names.index(name))


def _draw(services: Services, principal: Principal, opened: Opened, source: Source) -> None:
    st.html(_open_style(opened))
    _draw_head(_heading(services, principal, opened, source))
    as_text = st.session_state.get("opened_as") == "text" or source.format not in PAGED
    if as_text:
        st.html(f'<div class="sheet" tabindex="0"><div class="text" dir="auto">{_marked(opened, source)}</div></div>')
    else:
        st.html(_leaf(services, principal, opened, source))
    _draw_foot(opened, source)


def _draw_head(html: str) -> None:
    with st.container(key="panel_head", horizontal=True, wrap=False, vertical_alignment="top"):
        st.html(html)
        st.button("Close", icon=":material/close:", key="panel_close", type="tertiary", on_click=_close)


def _draw_foot(opened: Opened, source: Source) -> None:
    count, last = len(opened.passages), len(opened.passages) - 1
    with st.container(key="panel_foot", horizontal=True, wrap=False, vertical_alignment="center"):
        st.button(
            "Previous passage",
            icon=":material/chevron_left:",
            key="panel_previous",
            disabled=opened.index == 0,
            on_click=_go,
            args=(opened, -1),
        )
        st.button(
            "Next passage",
            icon=":material/chevron_right:",
            key="panel_next",
            disabled=opened.index == last,
            on_click=_go,
            args=(opened, 1),
        )
        kind = "cited passage" if opened.cited else "passage found"
        st.html(f'<div class="where">{kind} {opened.index + 1} of {count}</div>')
        if source.format in PAGED:
            as_text = st.session_state.get("opened_as") == "text"
            st.button("Page" if as_text else "Text", key="panel_as", on_click=_switch)
        st.html(
            f'<a class="btn" href="/api/versions/{plain(source.version_id)}/original" target="_self"'
            ' title="Download the original file">Original</a>',
            width="content",
        )


def _heading(services: Services, principal: Principal, opened: Opened, source: Source) -> str:
    parts = [f"<bdi>{plain(source.section.place)}</bdi>"]
    if not source.section.place:
        unit = "Page" if source.format in PAGED else "Section"
        parts = [f"{unit} {number(source.section.page)}" + (f" of {number(source.pages)}" if source.pages else "")]
    heading = (opened.passage.heading or source.section.heading_at(opened.passage.start)).split(" > ")[-1]
    if heading and heading not in source.section.place:
        parts.append(f"<bdi>{plain(heading)}</bdi>")
    parts.append(f"readable by {_readers(services, principal, source.readers)}")
    zone = browser_zone()
    version = day(source.changed.astimezone(zone)) if zone else day(source.changed)
    if source.live:
        parts.append(f"version of {version}")
    older = "" if source.live else f"<p>The version of {version}. A newer one has taken its place.</p>"
    return f'<div class="source"><h2><bdi>{plain(source.title)}</bdi></h2><p>{" · ".join(parts)}</p>{older}</div>'


def _readers(services: Services, principal: Principal, readers: Readers) -> str:
    """Members are told of their own groups only."""
    if readers.everyone:
        return "everyone"
    names = [
        plain(group.name)
        for group in services.users.groups()
        if group.id in readers.groups and (principal.is_admin or group.id in principal.groups)
    ]
    return ", ".join(names) or "admins"


def _open_style(opened: Opened) -> str:
    """The chip and the card of the open passage are filled, wherever they stand. `target` was found to be ours."""
    link = f'a[href="#{plain(opened.target)}"]'
    return (
        f"<style>{link}.c{{background:var(--accent);color:var(--on)!important}}"
        f".cards {link},article:has({link}){{border-color:var(--accent);box-shadow:0 0 0 1px var(--accent)}}</style>"
    )


def _spans(opened: Opened) -> tuple[Span, list[Span]]:
    """The open passage's span, and those of the others on the same page."""
    here = opened.passage
    others = [
        (passage.start, passage.end)
        for passage in opened.passages
        if opened.cited and (passage.version_id, passage.page) == (here.version_id, here.page) and passage != here
    ]
    return (here.start, here.end), others


def _leaf(services: Services, principal: Principal, opened: Opened, source: Source) -> str:
    span, others = _spans(opened)
    version, page = source.version_id, source.section.page
    try:
        bright = services.pages.marks(version, page, [span], principal)
        faint = services.pages.marks(version, page, others, principal) if others else []
    except FootnoteError as error:
        text = f'<div class="text" dir="auto">{_marked(opened, source)}</div>'
        return f'<div class="sheet" tabindex="0"><p class="notice">{plain(str(error))}</p>{text}</div>'
    boxes = [_box(box, "") for box in faint] + [_box(box, ' class="on"') for box in bright]
    address = f"/api/versions/{plain(version)}/pages/{page}.jpg"
    image = f'<img src="{address}" alt="Page {page} of {attribute(source.title, 120)}">'
    return f'<div class="sheet" tabindex="0"><div class="leaf">{image}{"".join(boxes)}</div></div>'


def _box(box: tuple[float, float, float, float], attributes: str) -> str:
    x0, y0, x1, y1 = (100 * value for value in box)
    return f'<i{attributes} style="left:{x0:.3f}%;top:{y0:.3f}%;width:{x1 - x0:.3f}%;height:{y1 - y0:.3f}%"></i>'


def _marked(opened: Opened, source: Source) -> str:
    span, others = _spans(opened)
    return marked_text(source.section, span, others)


def marked_text(section: Section, span: Span, others: Sequence[Span] = ()) -> str:
    """The section's text as HTML: tables as tables, the words of `span` and `others` marked."""
    parts, at = [], 0
    for table in sorted(section.tables, key=lambda table: table.start):
        if table.start < at or table.end > len(section.text):
            continue
        parts.append(_paragraphs(section, at, table.start, span, others))
        parts.append(_table(section.text, table, span, others))
        at = table.end
    parts.append(_paragraphs(section, at, len(section.text), span, others))
    return "".join(parts)


def _paragraphs(section: Section, start: int, end: int, span: Span, others: Sequence[Span]) -> str:
    titles = {heading.path.split(" > ")[-1].strip() for heading in section.headings}
    parts, at = [], start
    for block in section.text[start:end].split("\n\n"):
        if block.strip():
            kind = ' class="under"' if block.strip() in titles else ""
            parts.append(f"<p{kind}>{_words(section.text, at, at + len(block), span, others)}</p>")
        at += len(block) + 2
    return "".join(parts)


def _table(text: str, table: Table, span: Span, others: Sequence[Span]) -> str:
    rows = []
    for number_, row in enumerate(table.rows):
        tag = "th" if number_ < table.header else "td"
        cells = (f"<{tag}>{_words(text, start, end, span, others)}</{tag}>" for start, end in row.cells)
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="rows"><table>{"".join(rows)}</table></div>'


def _words(text: str, start: int, end: int, span: Span, others: Sequence[Span]) -> str:
    """text[start:end], escaped, cut where a mark begins or ends."""
    cuts = {start, end}
    for a, b in (span, *others):
        cuts.update(cut for cut in (a, b) if start < cut < end)
    parts = []
    for a, b in zip(sorted(cuts), sorted(cuts)[1:], strict=False):
        piece = plain(text[a:b])
        if span[0] <= a and b <= span[1]:
            parts.append(f'<mark class="on">{piece}</mark>')
        elif any(first <= a and b <= last for first, last in others):
            parts.append(f"<mark>{piece}</mark>")
        else:
            parts.append(piece)
    return "".join(parts)


def _open(target: str) -> None:
    """Found passages are named in the address too, so that it can be sent to somebody."""
    st.session_state["opened"] = target
    kind, _, name = target.partition("-")
    if kind == PASSAGE:
        st.query_params[PASSAGE] = name


def _close() -> None:
    st.session_state.pop("opened", None)
    st.query_params.pop(PASSAGE, None)


def _switch() -> None:
    st.session_state["opened_as"] = "page" if st.session_state.get("opened_as") == "text" else "text"


def _go(opened: Opened, step: int) -> None:
    kind = opened.target.partition("-")[0]
    index = opened.index + step
    passage = opened.passages[index]
    if kind == PASSAGE:
        _open(f"{PASSAGE}-{target(passage)}")
    else:
        prefix = opened.target.rpartition("-")[0]
        _open(f"{prefix}-{passage.n if isinstance(passage, Citation) else index}")
