"""Parts of a question put in place of others: a name for a name, "sick leave" for "annual leave".

English and German, by the small words around a part. Not covered: grammar; the result is read by a search.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.names import Name, spoken
from app.words import STOP_WORDS, content_words, is_german

ORGANISATION = frozenset(
    "for at of by with from did does do has had is are was were von vom bei für mit hat hatte ist war".split()
)
PLACE = frozenset(("in", "on", "to", "aus", "an"))
_PREPOSITION = re.compile(
    r"(?:and |und )?(for|in|at|with|during|on|by|from|under|after|before|without|to|within|outside|as|of|about|among"
    r"|für|bei|beim|im|in|mit|während|nach|vor|ohne|von|vom|unter|ab|zu|zum|zur|außerhalb|innerhalb|als|am|an|auf)\s",
    re.I,
)
_BOUNDARY = (
    r"(?:for|in|at|with|during|on|by|from|under|after|before|without|to|within|of|as|than|and|or|if|when|do|does|did|has"
    r"|have|had|is|are|was|were|can|may|must|should|will|für|bei|beim|im|mit|während|nach|vor|ohne|von|vom|unter|ab|zu"
    r"|zum|zur|als|und|oder|wenn|hat|haben|hatte|hatten|ist|sind|war|waren|kann|können|muss|müssen|soll|gibt|gilt|wird"
    r"|werden|am|an|auf|(?:19|20)\d\d|fiscal|fy\d+|q[1-4])\b"
)
_PART = rf"(?:(?!{_BOUNDARY})[^\s?.!,;:]+)(?:\s(?!{_BOUNDARY})[^\s?.!,;:]+){{0,4}}"
_PARTS = rf"{_PART}(?:\s(?:and|und)\s{_PART})?"
_ARTICLE = r"(?:the|an?|der|die|das|den|dem|des|ein\w*)\s"
_COPULA = re.compile(
    rf"^(?:what|how (?:high|large|big|much)|was|wie (?:hoch|groß|viel))\s(?:is|are|was|were|ist|sind|war|waren)\s"
    rf"(?:(?P<holder>\S+(?:\s\S+)?['’]s?)\s(?:(?:19|20)\d\d\s)?|{_ARTICLE})(?P<topic>{_PARTS})",
    re.I,
)
_COUNTED = re.compile(
    rf"^(?:how (?:many|much)|which|what|wie ?viele?|welche\w*)\s(?P<topic>{_PARTS})\s"
    r"(?:do|does|did|has|have|had|is|are|was|were|can|may|must|hat|haben|hatte|hatten|gab|gibt|sind|war|waren|ist)\b",
    re.I,
)
_KEYS = (
    "and what about how year before quarter previous prior after earlier later following same why when who und jahr "
    "davor danach vorjahr quartal vorher warum wann wer was wie für bei"
).split()
_BRIEFLY = {"y": "why", "wat": "what", "wht": "what", "n": "and", "u": "you", "r": "are"}
_KNOWN = STOP_WORDS | frozenset(_KEYS)


def exchanged(text: str, new: Name, said: str, olds: Sequence[Name]) -> str | None:
    """`text` with `new` for the one of its names that is most alike, everywhere; None where none is.

    Names joined by "and" go together. `said` is the phrase that `new` comes from.
    """
    words = spoken(new.text)
    if any(words <= spoken(old.text) for old in olds):
        return text
    ranked = sorted(olds, key=lambda old: (-likeness(old, new), old.start))
    if not ranked or likeness(ranked[0], new) <= 0:
        return None
    old = ranked[0]
    group = [old.text]
    for other in olds:
        if other is not old and re.fullmatch(
            r"(?:['’]s?)?,?\s(?:and|or|und|oder)\s(?:the\s)?", _between(text, old, other)
        ):
            group.append(other.text)
    for extra in group[1:]:
        text = re.sub(rf"(?:['’]s?)?,?\s(?:and|or|und|oder)\s(?:the\s)?{re.escape(extra)}(?!\w)", "", text)
    article = "the " if re.search(rf"\bthe\s+{re.escape(new.text)}", said, re.I) else ""
    return re.sub(rf"(?<!\w)(?:the\s)?{re.escape(old.text)}(?!\w)", lambda _: f"{article}{new.text}", text)


def _between(text: str, one: Name, other: Name) -> str:
    first, second = sorted((one, other), key=lambda name: name.start)
    return text[first.end : second.start]


def likeness(old: Name, new: Name) -> int:
    """How well `new` fits in the place of `old`; not at all from 0 down."""
    points = 3 if old.shape == new.shape else -1
    if {"short"} & {old.shape, new.shape} and old.shape != new.shape:
        points -= 2
    kinds = [
        "place" if name.before in PLACE else "organisation" if name.before in ORGANISATION or name.possessive else ""
        for name in (old, new)
    ]
    if all(kinds):
        points += 2 if kinds[0] == kinds[1] else -5
    if " " in old.text and " " in new.text:
        points += 2
    return points + (1 if old.before == new.before else 0) + (1 if old.possessive else 0)


def phrase_of(text: str) -> str:
    """The small word that `text` begins with ("for", "in", "bei"), or nothing."""
    found = _PREPOSITION.match(text.strip())
    return found[1].casefold() if found else ""


def head_replaced(text: str, phrase: str) -> str | None:
    """`text` with `phrase` for the part that begins with the same small word or ends with the same noun."""
    small = phrase_of(phrase)
    if small:
        found = list(re.finditer(rf"\b{small}\s(?:{_ARTICLE})?{_PART}", text, re.I))
        if len(found) == 1 and (is_german(text) or not re.search(r"\s[A-Z]", found[0][0])):
            return f"{text[: found[0].start()]}{phrase}{text[found[0].end() :]}"
    bare = re.sub(rf"^(?:{_PREPOSITION.pattern})?(?:{_ARTICLE})?", "", phrase, flags=re.I)
    stems = content_words(bare)
    if not stems:
        return None
    tokens = list(re.finditer(r"[^\s?.!,;:]+", text))
    for at, token in enumerate(tokens):
        if content_words(token[0]) and content_words(token[0])[-1] == stems[-1]:
            first = at
            while first and _describes(text, tokens[first - 1], token, names=any(map(str.isupper, bare))):
                first -= 1
            return f"{text[: tokens[first].start()]}{bare}{text[token.end() :]}"
    return None


def compound_replaced(text: str, phrase: str) -> str | None:
    """A German compound in the place of one with the same last part: "Spätschicht" for "Frühschicht"."""
    new = re.search(r"\b[A-ZÄÖÜ][a-zäöüß]{6,}\b", phrase)
    for old in re.finditer(r"\b[A-ZÄÖÜ][a-zäöüß]{6,}\b", text) if new else ():
        if new is not None and new[0] != old[0] and new[0][-6:] == old[0][-6:]:
            return f"{text[: old.start()]}{new[0]}{text[old.end() :]}"
    return None


def code_completed(text: str, phrase: str, olds: Sequence[Name]) -> str | None:
    """ "the 65" after "KX-200-40" is the KX-200-65."""
    found = re.fullmatch(r"(?:for |für |bei )?(?:the |die |der |das )?(\d{1,4})", phrase.strip(" ?.!,"), re.I)
    for old in olds if found else ():
        if found is not None and (end := re.search(r"(?<=[\w-][-/])\d{1,4}$", old.text)):
            return text.replace(old.text, f"{old.text[: end.start()]}{found[1]}")
    return None


def _describes(text: str, token: re.Match[str], head: re.Match[str], *, names: bool) -> bool:
    """Whether a word before a noun goes with it; one with a capital where the new part has `names` too."""
    said = token[0]
    in_one = not re.search(r"[?.!,;:]", text[token.end() : head.start()])
    plain = said.islower() or (names and "'" not in said and "’" not in said)
    return in_one and plain and said.casefold() not in STOP_WORDS and not re.fullmatch(_BOUNDARY, said, re.I)


def subject_replaced(text: str, phrase: str) -> str | None:
    """`text` asking for `phrase` instead: "What was Acme's revenue" and "loss" give "What was Acme's loss"."""
    if phrase_of(phrase):
        return None
    for pattern in (_COPULA, _COUNTED):
        if found := pattern.match(text):
            bare = re.sub(rf"^{_ARTICLE}", "", phrase, flags=re.I)
            return f"{text[: found.start('topic')]}{bare}{text[found.end('topic') :]}"
    return None


def keyed(text: str) -> str:
    """A short question with its small words put right: "adn the yaer before", "y did it fall"."""
    tokens = re.findall(r"\w+", text)
    if len(tokens) > 8:
        return text

    def right(found: re.Match[str]) -> str:
        word = found[0]
        if word in _BRIEFLY:
            return _BRIEFLY[word]
        if word.casefold() in _KNOWN or len(word) < 3:
            return word
        swaps = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}
        return next((key for key in [*_KEYS, "the"] if key in {swap.casefold() for swap in swaps}), word)

    return re.sub(r"\w+", right, text)
