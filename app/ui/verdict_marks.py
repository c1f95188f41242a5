"""Verdicts on an answer as people see them: a mark on each sentence in doubt, and a line of counts.

Marks stand in the Markdown as two characters of Unicode's private use, which nobody's text keeps; `safe_html` turns
them into HTML. Not covered: how the verdicts are found (`app.verify`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from app.cells import grids
from app.ui.indicators import dot
from app.ui.safe_html import CLOSE, OPEN, attribute, plain
from app.ui.wording import counted
from ingest.sentences import ITEM
from storage.types import Support, Verdict

_CLASS = {Support.PART: "part", Support.NONE: "none"}
_LEAD = re.compile(r"[\s|]*")
_REASONS = 2  # that the line above the answer tells


def marked(text: str, verdicts: Sequence[Verdict]) -> tuple[str, list[str]]:
    """`text` with its doubtful sentences between OPEN and CLOSE, and the HTML of each one's mark, in order."""
    text = re.sub(f"[{OPEN}{CLOSE}]", "\N{REPLACEMENT CHARACTER}", text)
    marks: list[str] = []
    shown = ""
    done = 0
    for verdict in sorted(verdicts, key=lambda one: one.start):
        if verdict.support is Support.FULL or verdict.left_out or not done <= verdict.start < verdict.end <= len(text):
            continue
        start = _LEAD.match(text, verdict.start, verdict.end).end()  # type: ignore[union-attr]  # it matches nothing, too
        bullet = ITEM.match(text, start, verdict.end)
        start = bullet.end() if bullet else start
        sentence = text[start : verdict.end]
        if not sentence.strip() or re.search(r"[\n`]", sentence):
            continue
        shown += f"{text[done:start]}{OPEN}{sentence}{CLOSE}"
        done = verdict.end
        marks.append(_mark(verdict))
    return shown + text[done:], marks


def line(verdicts: Sequence[Verdict], text: str = "") -> str:
    """How many sentences of `text` have which support, in words; empty where nothing was checked."""
    if not verdicts:
        return ""
    noun = "statement" if grids(text) else "sentence"  # cells are no sentences
    counts = Counter(verdict.support for verdict in verdicts if not verdict.left_out)
    parts = []
    if full := counts[Support.FULL]:
        parts.append(f"<span>{dot('ok')}{counted(full, noun)} supported</span>")
    for support, kind in ((Support.PART, "weak"), (Support.NONE, "bad")):
        if counts[support]:
            said = f"{counts[support]} {support}{_reasons(verdicts, support)}"
            parts.append(f"<span>{dot(kind)}{said}</span>")
    if left_out := [verdict for verdict in verdicts if verdict.left_out]:
        replaced = [verdict for verdict in left_out if verdict.footnotes]
        dropped = len(left_out) - len(replaced)
        told = [f"{counted(dropped, noun)} left out"] if dropped else []
        told += [f"{counted(len(replaced), noun)} replaced by the documents' words"] if replaced else []
        parts.append(f"<span>{dot('bad')}{', '.join(told)}{_reasons(left_out, Support.NONE, gone=True)}</span>")
    return f'<div class="meta verdicts">{"".join(parts)}</div>'


def _reasons(verdicts: Sequence[Verdict], support: Support, *, gone: bool = False) -> str:
    found = [one.reason.rstrip(".") for one in verdicts if one.support is support and bool(one.left_out) is gone]
    reasons = list(
        dict.fromkeys(re.sub(r"^(?:The|In) ", lambda led: led[0].lower(), reason) for reason in found if reason)
    )
    if not reasons or len(reasons) > _REASONS:
        return ""
    return f": {plain('; '.join(reasons))}"


def _mark(verdict: Verdict) -> str:
    kind = _CLASS[verdict.support]
    said = f"{str(verdict.support).capitalize()}: {verdict.reason}"
    return (
        f'<span class="doubt {kind}" role="note" tabindex="0" aria-label="{attribute(said, 400)}">{verdict.support}'
        f'<span class="why" aria-hidden="true">{plain(verdict.reason)}</span></span>'
    )
