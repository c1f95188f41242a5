"""Which language a text is in.

py3langid counts byte sequences and ships its model, so nothing is downloaded. It is loaded at the first call (a second
or two, about 80 MB), in the worker only: a question is weighed by every language (`ingest.sparse`) and needs no guess.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from ingest.terms import LANGUAGES, is_stop_word

LIKELY = 0.5  # how sure to be of a document: at this, 1 message in 60 of 15 to 40 letters is taken for another language
SURE = 0.8  # of a passage in a document of another language: 1 in 1,000
SAMPLE = 20_000  # characters
OWN_WORDS, OWN_SHARE = 5, 0.1  # so many stop words of a language's own, and so much of a text, tell its language

# Those that company documents come in. Fewer languages leave fewer close relatives to be taken for one another.
_KNOWN = frozenset(
    (
        "ar az bg bn ca cs da de el en es et eu fa fi fr ga he hi hr hu hy id it ja kk ko lt lv ne nl nn no pl pt ro "
        "ru sk sl sr sv ta th tr uk vi zh"
    ).split()
)
_SAME = {"nn": "no"}  # two ways to write Norwegian, one stemmer
_LETTERS = re.compile(r"[^\W\d_]+")


def language(text: str, *, at_least: float = LIKELY) -> str:
    """The ISO 639-1 code of the language that most of the first 20,000 characters are in, or "" where unsure.

    Figures and signs do not count. `at_least` (0 to 1): how sure to be.
    """
    letters = " ".join(_LETTERS.findall(text[:SAMPLE]))
    code, confidence = _identifier().classify(letters)
    return _SAME.get(code, code) if confidence >= at_least else ""


def passage_language(text: str, document: str) -> str:
    """The language of a passage: its document's, unless it is surely in another.

    Stop words that no other language has tell most passages, at a fifth of the price: of 2,368 in English and German
    none that they tell was told otherwise by its bytes.
    """
    words = Counter(_LETTERS.findall(text[:SAMPLE]))
    own = {word: count for word, count in words.items() if _is_own(word, document)}
    if sum(own.values()) >= OWN_SHARE * words.total() and len({word.casefold() for word in own}) >= OWN_WORDS:
        return document
    return language(text, at_least=SURE) or document


@lru_cache(maxsize=1 << 17)
def _is_own(word: str, language: str) -> bool:
    """Is it a stop word of this language and of no other?"""
    word = word.casefold()
    return is_stop_word(word, language) and not any(
        is_stop_word(word, other) for other in LANGUAGES if other != language
    )


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_KNOWN)
    return identifier
