"""What a question may mean besides its words: abbreviations written out, misspelt words put right.

Learnt from the passages that its words have found already, so no list of anybody's terms is needed. Not covered:
synonyms, which the search by meaning knows.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from rapidfuzz.distance import DamerauLevenshtein

from app.words import STOP_WORDS, stem, words
from ingest.embed import TokenSpans
from storage.types import Passage

_SHORT = re.compile(r"(?<![\w&])(?=(?:[^A-Z\s]*[A-Z]){2})[A-Z][A-Za-z&/-]{1,7}(?![\w&])")
_AND = re.compile(r"(?<=[A-Z])[n&](?=[A-Z])")  # "JnJ", "R&D"
_IN_BRACKETS = re.compile(r"\(\s?[\"“„'‘]?([A-Z][A-Za-z&/-]{1,7})[\"”“'’]?\s?\)")
_BEFORE = 120  # characters in which the words stand that an abbreviation in brackets stands for
_WORD = re.compile(r"[^\W\d_]+")
_LEAST = 5  # letters of a word that may be misspelt: shorter ones have too many neighbours
_FOUND = 2  # times that a word stands in the passages before it can be what was meant


def expanded(question: str, passages: Sequence[Passage], token_spans: TokenSpans) -> tuple[str, str]:
    """The question with its misspelt words put right, and words to search for besides; as it is, and "", without any.

    A word that the model's tokenizer takes whole is spelled right: `token_spans` is the embedder's. Words with a
    capital stay in the question: they may be names that no document has. What they may mean is searched for besides.
    """
    if not _SHORT.search(question) and not _in_doubt(question, token_spans):
        return question, ""
    texts = [f"{passage.label}\n{passage.heading}\n{passage.text}" for passage in passages]
    right = corrected(question, texts, token_spans)
    spelled = _WORD.sub(lambda found: right.get(found[0], found[0]), question)
    more = [*written_out(question, texts), *titles_in_short(question, passages), *right.values()]
    return spelled, " ".join(dict.fromkeys(more))


def written_out(question: str, texts: Iterable[str]) -> Iterator[str]:
    """The words behind each abbreviation of the question, as the texts define it: "paid time off (PTO)"."""
    wanted = {found[0].casefold() for found in _SHORT.finditer(question)}
    if not wanted:
        return
    for text in texts:
        for found in _IN_BRACKETS.finditer(text):
            if found[1].casefold() not in wanted:
                continue
            before = re.split(r"[()\n]", text[max(0, found.start() - _BEFORE) : found.start()])[-1]
            if phrase := _stands_for(before, found[1]):
                yield phrase


def titles_in_short(question: str, passages: Iterable[Passage]) -> Iterator[str]:
    """The words of titles and subjects that an abbreviation of the question stands for: "AMEX" for American Express."""
    named = dict.fromkeys(name for p in passages for name in (p.title, p.about.subject))
    for short in dict.fromkeys(_SHORT.findall(question)):
        yield from filter(None, (in_full(short, name) for name in named))


def in_full(short: str, name: str) -> str:
    """The words of a name, all with a capital, of whose beginnings an abbreviation is made, or "".

    One word only where the abbreviation has three of its letters: "JPM" for JPMorgan.
    """
    letters = "".join(filter(str.isalpha, _AND.sub("", short))).casefold()
    words_of = [word for word in _WORD.findall(name) if word.casefold() not in STOP_WORDS]
    for at, first in enumerate(words_of):
        count = _begun(letters, words_of[at:])
        if count > 1 or (count and len(letters) > 2 and len(letters) < len(first)):
            return " ".join(words_of[at : at + count])
    return ""


def _begun(letters: str, names: Sequence[str]) -> int:
    """How many of the words, from the first on, have beginnings that make up the letters; 0 where none do."""
    if not names or not names[0][0].isupper():
        return 0
    for size in range(len(letters), 0, -1):
        if names[0].casefold().startswith(letters[:size]):
            if size == len(letters):
                return 1
            if more := _begun(letters[size:], names[1:]):
                return 1 + more
    return 0


def corrected(question: str, texts: Sequence[str], token_spans: TokenSpans) -> dict[str, str]:
    """By each word in doubt that no text holds, in lower case, the most frequent word that is a slip away."""
    asked = _in_doubt(question, token_spans)
    said = unicodedata.normalize("NFKC", "\n".join(texts)).casefold() if asked else ""
    if all(word in said for word in asked):
        return {}
    counts = Counter(_WORD.findall(said))
    unknown = [word for word in asked if word not in counts and not _has_form(stem(word), counts)]
    return {word: best for word in unknown if (best := _meant(word, counts))}


def _in_doubt(question: str, token_spans: TokenSpans) -> list[str]:
    """Its words that may be misspelt: no short ones, and none that the model's tokenizer takes whole."""
    long = [word for word in words(question) if len(word) >= _LEAST and word.isalpha() and word not in STOP_WORDS]
    return [word for word in long if len(token_spans(word)) > 1]


def _has_form(stem_: str, known: Iterable[str]) -> bool:
    """Whether one of the known words has this stem, with which it then begins."""
    return any(word.startswith(stem_) and stem(word) == stem_ for word in known)


def _meant(word: str, counts: Counter[str]) -> str:
    slips = 1 if len(word) < 8 else 2
    near = [
        (DamerauLevenshtein.distance(word, other, score_cutoff=slips), -count, other)
        for other, count in counts.items()
        if count >= _FOUND and other[0] == word[0] and abs(len(other) - len(word)) <= slips
    ]
    distance, _, best = min(near, default=(slips + 1, 0, ""))
    return best if distance <= slips else ""


def _stands_for(before: str, short: str) -> str:
    """The last words of `before` whose initials are the letters of `short`, or ""."""
    letters = [char for char in short.casefold() if char.isalpha()]
    told = before.split()
    at, needed = len(told), list(letters)
    while at and needed and len(told) - at < 2 * len(letters):
        at -= 1
        initial = told[at].strip("\"'“”„‘’(").casefold()[:1]
        if initial == needed[-1]:
            needed.pop()
        elif not _is_small(told[at], letters):
            return ""
    return " ".join(told[at:]) if not needed else ""


def _is_small(word: str, letters: Collection[str]) -> bool:
    return word.casefold() in STOP_WORDS or word in ("&", "/") or not letters
