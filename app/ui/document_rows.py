"""A document as a line of the list, and what its deletion removed, as HTML. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.ui.indicators import bar, marked
from app.ui.readers import tags
from app.ui.safe_html import plain
from app.ui.wording import counted, how_far, number, ordinal, size, when, without_text
from storage.documents import DocumentInfo
from storage.types import State, Status

HEAD = (
    '<div class="line document head"><span>Document</span><span>State</span><span>Pages</span><span>Passages</span>'
    "<span>Readable by</span><span>Changed</span></div>"
)

_BEFORE = "The version before stays in use."


def row(info: DocumentInfo, groups: Mapping[str, str], now: datetime) -> str:
    """`groups` are names by id; `now` is in the reader's time zone."""
    pages = number(info.pages) if info.pages else ""
    passages = number(info.passages) if info.state is State.READY else ""
    original = f"/api/versions/{plain(info.version_id)}/original"
    report = f'<a href="/documents?document={plain(info.id)}" target="_self"><bdi>{plain(info.title)}</bdi></a>'
    name = f'<a href="{original}" target="_self" title="Download the original"><bdi>{plain(info.name)}</bdi></a>'
    return (
        f'<div class="line document"><div><b>{report}</b>'
        f'<small>{name} · {size(info.size)}</small></div><div class="state">{state(info)}</div>'
        f'<div class="n" data-unit="pages">{pages}</div>'
        f'<div class="n" data-unit="passages">{passages}</div><div>{tags(info.readers, groups)}</div>'
        f"<div>{when(info.changed, now)}</div></div>"
    )


def state(info: DocumentInfo) -> str:
    """In words, with what moves and, for a failure, the reason and the remedy."""
    before = _BEFORE if info.answers else ""
    match info.state:
        case State.READY:
            said = [*without_text([gap for gap in info.gaps if gap.loses], info.format), *info.warnings]
            small = "<br>".join(plain(line) for line in said[:5])
            return ready(info) + (f"<small>{small}</small>" if small else "")
        case State.FAILED:
            words = plain(f"{info.reason} {info.remedy} {before}".strip())
            return marked("bad", "New version failed" if info.answers else "Failed", words)
        case State.CANCELLED:
            return marked("", "New version cancelled" if info.answers else "Cancelled", before)
        case _ if info.status is Status.PAUSED:
            return marked("", "Paused", "")
        case State.WAITING:
            return marked("", "Waiting", f"{ordinal(info.place)} in line")
        case _ if info.status is Status.WAITING:
            return marked("", "Waiting", ", ".join(filter(None, ("to go on in its turn", how_far(info)))))
        case State.PARSING:
            return _moving("Parsing", info, "pages")
    return _moving("Embedding", info, "")


def ready(info: DocumentInfo) -> str:
    """Of a document that is: whether all of it."""
    partly = info.warnings or any(gap.loses for gap in info.gaps)
    return marked("weak", "Ready, partly", "") if partly else marked("ok", "Ready", "")


def receipt(detail: Mapping[str, Any]) -> str:
    """The record of a deletion (`storage.documents.Receipt`) as a sentence."""
    parts = [
        counted(int(detail.get("files", 0)), "file"),
        counted(int(detail.get("chunks", 0)), "passage"),
        counted(int(detail.get("points", 0)), "index point"),
    ]
    words = f"<bdi>{plain(str(detail.get('title', 'A document')))}</bdi> was deleted: {', '.join(parts)} removed. "
    if withdrawn := int(detail.get("messages", 0)):
        words += f"{counted(withdrawn, 'answer')} that drew on it withdrawn. "
    return f"{words}Counted afterwards: nothing is left."


def _moving(verb: str, info: DocumentInfo, unit: str) -> str:
    if not info.total:
        return marked("busy", verb, "")
    words = f"{verb} {number(info.done)} of {number(info.total)} {unit}".strip()
    return marked("busy", words) + bar(info.done, info.total, verb)
