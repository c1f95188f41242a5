"""A list as people say it, taken apart: "price, research and development and the end" has three parts.

English and German. Not covered: what the parts mean (`sides`, `modes`).
"""

from __future__ import annotations

import re

_COMMA = re.compile(r"\s*[,;\n]\s*(?:(?:and|und|sowie)\s+)?", re.I)
_COMMA_AND = re.compile(r"[,;]\s*(?:and|und|sowie)\s", re.I)
_AND = re.compile(r"\s+(?:and|und|sowie|as\s+well\s+as)\s+|\s*&\s*", re.I)


def parted(said: str) -> list[str]:
    """The parts in order. Of several "and" in one place the last parts the list, unless each parts single words."""
    by_comma = [part for part in _COMMA.split(said.strip()) if part.strip()]
    found: list[str] = []
    for at, part in enumerate(by_comma):
        pieces = [piece for piece in _AND.split(part) if piece.strip()]
        ends = at == len(by_comma) - 1
        closed = len(by_comma) > 1 and _COMMA_AND.search(said) is not None  # "a, b, and c and d": the last is one
        if len(pieces) < 2 or (len(by_comma) > 1 and not ends) or (ends and closed and len(pieces) == 2):
            found.append(part.strip())
        elif len(pieces) == 2 or (len(by_comma) == 1 and all(len(piece.split()) == 1 for piece in pieces)):
            found += [piece.strip() for piece in pieces]
        else:
            last = list(_AND.finditer(part))[-1]
            found += [part[: last.start()].strip(), part[last.end() :].strip()]
    return found
