"""Texts become sparse vectors: BM25 weights by term, in the language of the document.

A passage is reduced by the stemmer of its own language. A question is reduced by the stemmers of every language, as it
may be too short to tell its own and documents may be in another; a word that several reduce alike counts once. The
index adds how rare a term is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ingest.terms import LANGUAGES, Word, is_stop_word, term, terms, words
from storage.types import SparseVector

RULES = 1  # raised with whatever changes what a passage's words weigh: kept weights of other rules are made anew
FALLBACK = "en"  # for texts whose language can't be told: figures, codes, a few words
AVERAGE_TERMS = 100.0  # of a passage with its context, stop words aside; BM25 weighs lengths against it
FOREIGN = 0.5  # of a term that only the stemmers of other languages than the question's make
PROOF = 2  # stop words that tell a question's language
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})  # as documents in other languages write them
SATURATION, LENGTH = 1.2, 0.75  # BM25's k and b


def passage_weights(text: str, language: str) -> SparseVector:
    """How much each term says about the passage. Empty for a text of stop words only."""
    counts = Counter(terms(text, language or FALLBACK))
    norm = SATURATION * (1 - LENGTH + LENGTH * counts.total() / AVERAGE_TERMS)
    return vector({term: count * (SATURATION + 1) / (count + norm) for term, count in counts.items()})


def rule(language: str) -> str:
    """How the words of a document in this language are weighed: kept weights of the same rule hold."""
    return f"{language}{RULES}"


def question_weights(text: str) -> SparseVector:
    """Each term by every stemmer, those of the question's own language in full. Empty for stop words only."""
    found = words(text)
    spoken, silent = _spoken(found)
    kept = [word for word in found if word.certain or word.text not in silent]
    kept += [
        Word(word.text.translate(UMLAUTS), word.certain) for word in kept if word.text != word.text.translate(UMLAUTS)
    ]
    weights: dict[str, float] = {}
    for language in LANGUAGES:
        weight = 1.0 if language in spoken or not spoken else FOREIGN
        for word in kept:
            if word.certain or not is_stop_word(word.text, language):
                made = term(word.text, language)
                weights[made] = max(weight, weights.get(made, 0.0))
    return vector(weights)


def vector(weights: Mapping[str, float]) -> SparseVector:
    """The vector of weights by term."""
    return SparseVector(tuple(map(_number, weights)), tuple(weights.values()))


def _spoken(found: Sequence[Word]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The languages that most stop words are of, and those words where they are proof enough to drop them.

    One alone is none: "die" says little about "die casting".
    """
    unsure = {word.text for word in found if not word.certain}
    silent = {language: frozenset(w for w in unsure if is_stop_word(w, language)) for language in LANGUAGES}
    most = max(map(len, silent.values()))
    spoken = tuple(language for language, stopped in silent.items() if len(stopped) == most > 0)
    return spoken, frozenset().union(*(silent[language] for language in spoken)) if most >= PROOF else frozenset()


@lru_cache(maxsize=1 << 16)
def _number(term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=4).digest(), "big")
