"""The names in a question: of companies, products, places, people, documents, told by how they are written.

English marks names by capitals. German gives them to every noun, so there only codes, runs of two and bare words where
a noun would have an article count. A name in lower case is known once it has stood in the conversation with a capital.
Not covered: what kind of thing a name is of.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from app.periods import periods
from app.words import STOP_WORDS, is_german, words

_TOKEN = re.compile(r"[^\W_](?:[\w&.+@'’/-]*[\w+])?")
_GLUE = frozenset(("&", "of", "de", "van"))  # between two capitals it belongs to the name
_NO_NAMES = frozenset(
    (
        "compare list name names give show tell explain describe find summarize summarise state identify "
        "calculate vergleiche vergleichen nenne nenn liste zeige zeig erkläre erklär beschreibe finde sag sage "
        "fasse berechne monday tuesday wednesday thursday friday saturday sunday january february march april may "
        "june july august september october november december i sir madam okay ok thanks thank hello hi hey sorry "
        "back regarding concerning who's what's how's where's when's it he she that there here let today "
        "yesterday tomorrow whose yes no nope including excluding between both per fiscal year quarter thx pls "
        "whats hows since why until including except because"
    ).split()
)
_SHORT_FORMS = re.compile(r"(?:['’]s|['’])$")
_BEFORE = re.compile(
    r"\b(for|at|of|by|with|from|in|to|on|about|did|does|do|has|had|is|are|was|were|than|and|or|vs\.?|versus|über|bei|von"
    r"|vom|für|mit|aus|in|an|durch|gegen|als|und|oder|hat|hatte|ist|war|wird|kann|muss|darf)\s+(?:the\s)?$",
    re.I,
)
_DETERMINER = r"(?:the|an?|my|our|your|their|its|his|her|this|that|each|every|any|last|one)"
_BARE = frozenset("von bei für mit aus durch gegenüber hat hatte ist war wird als zwischen und oder in nach".split())
_NOUN = re.compile(r"(?:ungs?|ungen|heit|keit|schaft|schaften|tion|tionen|tät|nis|nisse|tum|ling|zeit|tage?|urlaub)$")


@dataclass(frozen=True, slots=True)
class Name:
    """`text` stands from `start` to `end`, without a possessive 's. `before` is the small word in front of it."""

    start: int
    end: int
    text: str
    possessive: bool
    before: str

    @property
    def shape(self) -> str:
        """ "code" (KX-200), "short" (AWS) or "word"."""
        if any(char.isdigit() for char in self.text):
            return "code"
        letters = [char for char in self.text if char.isalpha()]
        return "short" if all(char.isupper() for char in letters) and len(letters) <= 5 else "word"


def names(
    text: str, known: Collection[str] = frozenset(), *, german: bool | None = None, inside: bool = False
) -> list[Name]:
    """The names in `text`, in order. Words whose lower case is in `known` count as names however they are written.

    `inside`: the text stood inside a sentence, so that its first word has a capital only as a name.
    """
    german = is_german(text) if german is None else german
    busy = [(period.start, period.end) for period in periods(text)]
    tokens = [found for found in _TOKEN.finditer(text) if not any(start <= found.start() < end for start, end in busy)]
    runs: list[list[re.Match[str]]] = []
    for at, token in enumerate(tokens):
        opens = not inside if at == 0 else _begins_sentence(text, token.start())
        if not _is_name(text, tokens, at, known, german=german, opens=opens):
            continue
        if runs and _joined(text, runs[-1][-1], token):
            runs[-1].append(token)
        else:
            runs.append([token])
    found = [_name(text, run) for run in runs]
    return [name for name in found if not german or _named_in_german(text, name, known)]


def spoken(name: str) -> frozenset[str]:
    """The words of a name as `known` wants them."""
    found = (_SHORT_FORMS.sub("", word).casefold() for word in _TOKEN.findall(name))
    return frozenset(word for word in found if word not in STOP_WORDS and len(word) > 1)


def _is_name(
    text: str, tokens: list[re.Match[str]], at: int, known: Collection[str], *, german: bool, opens: bool
) -> bool:
    said = tokens[at][0]
    plain = _SHORT_FORMS.sub("", said)
    lower = plain.casefold()
    loud = plain.isupper() and len(plain) > 1 and not text.isupper()
    following = tokens[at + 1][0] if at + 1 < len(tokens) else ""
    led = plain[:1].isupper() and following[:1].isupper() and not (opens or german)  # "More Personal Computing"
    if lower in _NO_NAMES or (lower in STOP_WORDS and not (loud or led)):
        return False
    if lower in known:
        return True
    if any(char.isdigit() for char in plain):
        return any(char.isalpha() for char in plain) and not re.fullmatch(r"\d+[a-zäöü]+", plain)
    if plain.islower() and re.search(r"['’]s$", said) and not german:
        return not re.search(rf"\b{_DETERMINER}\s(?:\w+\s)?$", text[: tokens[at].start()], re.I)
    if not plain[:1].isupper() or len(plain) < 2 or text.isupper():
        return False
    if not opens:
        return True
    if any(char.isupper() for char in plain[1:]) or (plain != said and not german):
        return True
    return not german and (len(tokens) <= 2 or following[:1].isupper())


def _begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \"'“„«(")
    return not before or (before[-1] in ".?!:\n" and not re.search(r"\b[A-Z]\.$", before))


def _joined(text: str, one: re.Match[str], other: re.Match[str]) -> bool:
    if _SHORT_FORMS.search(one[0]):
        return False
    between = text[one.end() : other.start()]
    return (
        between.isspace()
        or re.fullmatch(r"\s[A-Z]\.\s", between) is not None
        or (between.strip() in _GLUE and not one[0].isupper())
    )


def _name(text: str, run: list[re.Match[str]]) -> Name:
    start, said = run[0].start(), text[run[0].start() : run[-1].end()]
    plain = _SHORT_FORMS.sub("", said)
    possessive = plain != said or text[run[-1].end() : run[-1].end() + 1] in ("'", "’")
    before = _BEFORE.search(text[:start])
    return Name(start, start + len(plain), plain, possessive, before[1].casefold() if before else "")


def _named_in_german(text: str, name: Name, known: Collection[str]) -> bool:
    tokens = name.text.split()
    if name.shape != "word" or len(tokens) > 1 or name.possessive or not spoken(name.text).isdisjoint(known):
        return True
    said = words(text[: name.start])
    before = said[-1] if said else ""
    return (before in _BARE or (not said and len(words(text)) == 1)) and not _NOUN.search(name.text.casefold())
