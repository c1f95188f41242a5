"""The terms of a text: what its words become so that their forms meet in the index.

Words are cut from the text by one rule for every language, then reduced by the stemmer of theirs; words that carry no
meaning in that language go. Numbers lose their grouping ("1,234" and "1.234" are "1234"), codes are kept joined and in
parts ("10-K" is "10k", "10" and "k"), accents go last ("Müller" and "Mueller" meet in German). Scripts without spaces
between words, and Korean, whose words carry particles, give pairs of neighbouring characters. Not covered: how much a
term weighs (`ingest.sparse`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import Stemmer
from qdrant_edge import Bm25, Bm25Config, TokenizerType

LONGEST = 40  # letters: what is longer is no word that anybody searches for

# languages by their ISO 639-1 codes, as the stemmers and the engine's lists of stop words call them
STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish",
    "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
_STOP_LISTS = {**STEMMERS, "az": "azerbaijani", "bn": "bengali", "he": "hebrew", "kk": "kazakh", "sl": "slovene"}

LANGUAGES = (*sorted(_STOP_LISTS), "")  # "" for those without a stemmer here

_HAN = r"\u2e80-\u2fdf\u3005\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = r"\u3040-\u30ff\u31f0-\u31ff"
_HANGUL = r"\u1100-\u11ff\uac00-\ud7af"
_SOUTHEAST = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
UNSPACED = re.compile(rf"[{_HAN}{_KANA}]+|[{_HANGUL}]+|[{_SOUTHEAST}]+")
_HAN_CHARACTER = re.compile(rf"[{_HAN}]")
_HIRAGANA = re.compile(r"[\u3041-\u309f]+")
_TOKEN = re.compile(r"\d+(?:[.,'’]\d+)+|§+\s?\d+|[^\W_]+(?:[-‐‑_&.'’+][^\W_]+)*")
_NUMBER = re.compile(r"\d+(?:[.,'’]\d+)*")
_JOINTS = re.compile(r"[-‐‑_&.'’+]")
_APOSTROPHE = re.compile(r"['’]")
_CODE = re.compile(r"([^\W\d_]{2,})(\d{2,})|(\d{2,})([^\W\d_]{2,})")
_MARKS = re.compile(r"[\u0300-\u036f]")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})


class Word(NamedTuple):
    """In lower case. A number, a code, an acronym or a pair of characters is `certain` to be no stop word."""

    text: str
    certain: bool = False


def terms(text: str, language: str) -> list[str]:
    """Every term in order, as often as it occurs.

    `language` is an ISO 639-1 code; an unknown one has no stemmer and no stop words.
    """
    found: list[str] = []
    for part, spoken in _parts(text):
        if spoken is None:
            found += [term(pair, language) for pair in pairs(part)]
        else:
            for token in _TOKEN.findall(part):
                found += _terms_of_token(token, spoken, language)
    return found


def words(text: str) -> list[Word]:
    """What the terms of a text are made of, in order, before any language has its say."""
    found: list[Word] = []
    for part, spoken in _parts(text):
        if spoken is None:
            found += (Word(pair, certain=True) for pair in pairs(part))
        else:
            for token in _TOKEN.findall(part):
                found += _of_token(token, spoken)
    return found


@lru_cache(maxsize=1 << 17)
def term(word: str, language: str) -> str:
    return fold(stem(word, language))


def stem(word: str, language: str) -> str:
    """`word` in lower case without its ending; words with digits stay."""
    stemmer = _stemmer(language)
    return word if stemmer is None or any(map(str.isdigit, word)) else str(stemmer.stemWord(word))


@lru_cache(maxsize=1 << 17)
def is_stop_word(word: str, language: str) -> bool:
    engine = _engine(language)
    return engine is not None and not engine.embed_query(word).indices


def fold(word: str) -> str:
    """Without accents: é is e, ø is o. Marks that are letters of their own in other scripts stay."""
    if word.isascii():
        return word
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", word))).translate(_LETTERS)


def _parts(text: str) -> Iterator[tuple[str, bool | None]]:
    """Lines, parted where the script changes. With those that have spaces between words: may capitals be an acronym?"""
    for line in unicodedata.normalize("NFKC", text).splitlines():
        spoken = line != line.upper() or len(line.split()) < 3  # in a line of capitals a capital word is no acronym
        start = 0
        for run in () if line.isascii() else UNSPACED.finditer(line):
            yield line[start : run.start()], spoken
            yield run[0], None
            start = run.end()
        yield line[start:], spoken


@lru_cache(maxsize=1 << 16)  # a document repeats its words
def _terms_of_token(token: str, spoken: bool, language: str) -> tuple[str, ...]:
    found = _of_token(token, spoken)
    return tuple(term(word.text, language) for word in found if word.certain or not is_stop_word(word.text, language))


@lru_cache(maxsize=1 << 16)
def _of_token(token: str, spoken: bool) -> tuple[Word, ...]:
    return tuple(word for word in _taken_apart(token, spoken) if len(word.text) <= LONGEST)


def _taken_apart(token: str, spoken: bool) -> Iterator[Word]:
    if token[0] == "§":
        token = token.lstrip("§ ")
        yield Word(f"§{token}", certain=True)
    if _NUMBER.fullmatch(token):
        yield from (Word(number, certain=True) for number in _number(token))
        return
    parts = _JOINTS.split(token)
    if len(parts) > 1:
        yield from (Word(word, certain=True) for word in _joined(token, parts))
    if _APOSTROPHE.search(token):
        parts = [part for part in parts if len(part) > 2 or part.isupper()]  # l'année, company's
    for part in parts:
        yield Word(part.casefold(), certain=part.isdigit() or (spoken and len(part) > 1 and part.isupper()))
        if code := _CODE.fullmatch(part):
            yield from (Word(piece.casefold(), certain=True) for piece in code.groups() if piece)


def _joined(token: str, parts: list[str]) -> Iterator[str]:
    """e-mail is email, 10-K is 10k, U.S. is us, AT&T is at&t; word.Word and company's are nothing in one piece."""
    word = "".join(parts)
    initials = all(len(part) == 1 for part in parts)
    if "&" in token:
        yield token.casefold()
    elif word.isdigit():
        return
    elif initials or any(map(str.isdigit, word)) or not re.search(r"[.'’+]", token):
        yield word.casefold()


def _number(digits: str) -> list[str]:
    """Without grouping; dates and numbered sections whole, and the year of a date."""
    parts = re.split(r"[.,'’]", digits)
    grouped = 1 <= len(parts[0]) <= 3 and parts[0][0] != "0"
    if grouped and len(parts) > 1 and all(len(part) == 3 for part in parts[1:]):
        return ["".join(parts)]
    if grouped and len(parts) > 2 and all(len(part) == 3 for part in parts[1:-1]):
        return ["".join(parts[:-1]) + "." + parts[-1]]
    if len(parts) < 3:
        return [".".join(parts)]
    return [".".join(parts), *(part for part in parts if len(part) == 4)]


def pairs(run: str) -> list[str]:
    """Neighbouring characters of one of the scripts above, and each Chinese character, often a word of its own.

    Pairs of Hiragana are endings and particles where other characters stand beside them; they go.
    """
    if len(run) == 1:
        return [run]
    found = [run[at : at + 2] for at in range(len(run) - 1)]
    if not _HIRAGANA.fullmatch(run):
        found = [pair for pair in found if not _HIRAGANA.fullmatch(pair)]
    return found + _HAN_CHARACTER.findall(run)


@lru_cache(maxsize=64)
def _stemmer(language: str) -> Stemmer.Stemmer | None:
    return Stemmer.Stemmer(STEMMERS[language]) if language in STEMMERS else None


@lru_cache(maxsize=64)
def _engine(language: str) -> Bm25 | None:
    """The engine's tokenizer, which leaves nothing of a stop word; None where it has no list for the language."""
    try:
        return Bm25(Bm25Config(language=_STOP_LISTS[language], tokenizer=TokenizerType.Whitespace))
    except (KeyError, ValueError):
        return None
