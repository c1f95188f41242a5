"""Which files of a source are taken: patterns as in a .gitignore file.

`*.pdf` or `drafts` is looked for at any depth; `/handbook` or `legal/*.docx` from the source's root; `**` crosses
folders, `*` and `?` do not; `drafts/` is a folder alone. What holds for a folder holds for all that is in it. Excluding
wins over including; without inclusions everything is in. There is no negation: include and exclude are two lists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from storage.errors import InvalidInput

MAX_PATTERN = 200
# what no reader is meant to find: hidden files, and those that programs leave beside documents
ALWAYS_OUT = (".*", "~$*", "Thumbs.db", "desktop.ini", "__MACOSX/", "*.part", "*.crdownload", "*.tmp")


class Patterns:
    """Raises InvalidInput for a pattern that can't be understood."""

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = [_expression(pattern) for pattern in include]
        self._exclude = [_expression(pattern) for pattern in (*ALWAYS_OUT, *exclude)]
        self._pruned = [_expression(pattern.rstrip("/")) for pattern in (*ALWAYS_OUT, *exclude)]

    def take(self, key: str) -> bool:
        """Whether the file at `key`, its path from the root with slashes, is one of the source."""
        if any(pattern.match(key) for pattern in self._exclude):
            return False
        return not self._include or any(pattern.match(key) for pattern in self._include)

    def prune(self, folder: str) -> bool:
        """Whether nothing in this folder can be taken."""
        return any(pattern.match(folder) for pattern in self._pruned)


def _expression(pattern: str) -> re.Pattern[str]:
    given = pattern.strip()
    if not given.strip("/") or len(given) > MAX_PATTERN or given.startswith("!"):
        raise InvalidInput(f"The pattern {pattern[:60]!r} can't be taken. Write it as in *.pdf, drafts/ or /legal/**.")
    folder, body = given.endswith("/"), given.strip("/")
    anchored = given.startswith("/") or "/" in body
    start = "" if anchored else "(?:.*/)?"
    end = "/.*" if folder else "(?:/.*)?"
    try:
        return re.compile(f"{start}{_translated(body)}{end}\\Z", re.DOTALL)
    except re.error as error:
        raise InvalidInput(f"The pattern {pattern[:60]!r} can't be understood: {error}.") from error


def _translated(body: str) -> str:
    parts = re.split(r"(\*\*/|/\*\*\Z|\*\*|\*|\?|\[!?[^\]/]+\])", body)
    known = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(known.get(part) or _class(part) or re.escape(part) for part in parts)


def _class(part: str) -> str:
    if not (part.startswith("[") and part.endswith("]") and len(part) > 2):
        return ""
    inverted, letters = part[1] == "!", part[1:-1].removeprefix("!")
    return f"(?!/)[{'^' if inverted else ''}{letters.replace(chr(92), chr(92) * 2).replace('^', chr(92) + '^')}]"
