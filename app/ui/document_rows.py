"""A document as a line of the list, and what its deletion removed, as HTML. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.ui.readers import tags
from app.ui.safe_html import plain
from app.ui.wording import counted, number, ordinal, size, when
from storage.documents import DocumentInfo
from storage.types import State

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
    name = f'<a href="{original}" target="_self" title="Download the original"><bdi>{plain(info.name)}</bdi></a>'
    return (
        f'<div class="line document"><div><b><bdi>{plain(info.title)}</bdi></b>'
        f'<small>{name} · {size(info.size)}</small></div><div class="state">{state(info)}</div>'
        f'<div class="n" data-unit="pages">{pages}</div>'
        f'<div class="n" data-unit="passages">{passages}</div><div>{tags(info.readers, groups)}</div>'
        f"<div>{when(info.changed, now)}</div></div>"
    )


def state(info: DocumentInfo) -> str:
    """In words, with what moves and, for a failure, the reason and the remedy."""
    match info.state:
        case State.WAITING:
            return _state("", "Waiting", f"{ordinal(info.place)} in line")
        case State.PARSING:
            return _moving("Parsing", info, "pages")
        case State.EMBEDDING:
            return _moving("Embedding", info, "")
        case State.FAILED:
            words = f"{info.reason} {info.remedy} {_BEFORE if info.answers else ''}".strip()
            return _state("bad", "New version failed" if info.answers else "Failed", plain(words))
        case State.READY if info.warnings:
            return _state("weak", "Ready, partly", "<br>".join(plain(warning) for warning in info.warnings[:5]))
    return _state("ok", "Ready", "")


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


def _state(kind: str, words: str, more: str) -> str:
    small = f"<small>{more}</small>" if more else ""
    return f'<i class="dot {kind}" aria-hidden="true"></i>{words}{small}'


def _moving(verb: str, info: DocumentInfo, unit: str) -> str:
    if not info.total:
        return _state("busy", verb, "")
    words = f"{verb} {number(info.done)} of {number(info.total)} {unit}".strip()
    share = min(100, round(100 * info.done / info.total))
    attributes = f'class="bar" role="progressbar" aria-valuenow="{share}" aria-label="{verb}"'
    bar = f'<div {attributes}><i style="width:{share}%"></i></div>'
    return f'<i class="dot busy" aria-hidden="true"></i>{words}{bar}'
