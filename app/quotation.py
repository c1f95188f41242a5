"""Words of documents in a Markdown text: shown letter by letter, whatever they hold, and read back."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*\[\]<>|~&])|(?<![^\W_])(_)|(_)(?![^\W_])")
_LINE_START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([#+=-])")
_BROKEN = re.compile(r"(\w+)-[ \t]*\n[ \t]*([^\W\d_]+)")


def quote(text: str) -> str:
    """`text` so that Markdown shows it letter by letter, on one line; no footnote, link or markup can come of it."""
    line = _SPECIAL.sub(lambda found: "\\" + found[0], one_line(text))
    return _LINE_START.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", line)


def plain(text: str) -> str:
    """The inverse of `quote`'s escapes, for places that show no Markdown."""
    return re.sub(r"\\([\\`*\[\]<>|~&_#+=.)-])", r"\1", text)


def one_line(text: str) -> str:
    """Lines joined by a space, words that a line's end broke put together."""

    def join(found: re.Match[str]) -> str:
        whole = f"{found[1]}-{found[2]}"
        return whole if found[2][:1].isupper() or whole in text else found[1] + found[2]

    return " ".join(_BROKEN.sub(join, text.replace("\u00ad", "")).split())
