"""The dot before the words of a state, and the bar of what moves, as HTML. Pure functions.

Words and labels that are given are HTML already.
"""

from __future__ import annotations


def dot(kind: str = "") -> str:
    """`kind`: ok, busy, weak or bad; "" for what rests. The colour says nothing that the words beside it do not."""
    return f'<i class="dot {kind}" aria-hidden="true"></i>'


def marked(kind: str, words: str, more: str = "") -> str:
    """A state in words behind its dot; `more` stands small below."""
    return f"{dot(kind)}{words}{f'<small>{more}</small>' if more else ''}"


def bar(done: int, total: int, label: str) -> str:
    """How much of it is done; nothing where the total is not known."""
    if not total:
        return ""
    share = min(100, round(100 * done / total))
    attributes = f'class="bar" role="progressbar" aria-valuenow="{share}" aria-label="{label}"'
    return f'<div {attributes}><i style="width:{share}%"></i></div>'
