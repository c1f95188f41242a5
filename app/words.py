"""The words of a text that carry its meaning, reduced so that their forms meet: "hours" and "hour", "Tage" and "Tag".

Light rules for English and German that need no word lists but those of stop words, and serve their neighbours well
enough; Chinese, Japanese and Korean are compared by pairs of characters. For comparing a question with passages, and a
sentence with its source. Not covered: the terms of the index, by language (`ingest.terms`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache

from ingest.terms import UNSPACED, fold, pairs

_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W_]+(?:['’][^\W_]+)?")
_SPAN = re.compile(
    r"[\u3400-\u9fff]|[\u3040-\u30ff]+|\d+(?:[.,:/]\d+)*|(?:(?![\u3040-\u30ff\u3400-\u9fff])[^\W_])+(?:['’][^\W_]+)?"
)
_ENDINGS = tuple(
    "ations ation ungen ements ement ingly ings ness ment ing ung ern ies ied est ed er en em es ly e n s y".split()
)
_LEAST = 3  # letters that stay of a word
_SAME_START = 5  # "urlaub" and "urlaubstag" count as one from so many letters on,
_SAME_PART = 6  # "urlaub" and "jahresurlaub" from so many

_ENGLISH = frozenset(
    (
        "a about after all also am an and any anyone are as at be been before being but by can cannot could did do "
        "does doing done down during each else ever every for from further get give given go goes got had has have "
        "having he her here hers him his how however i if in into is it its itself just let like made make makes many "
        "may me mean means meant might more most much must my need needs no nor not now of off on once one only or "
        "other our ours out over own per please really same shall she should show so some someone something still "
        "such take tell than that the their them then there these they thing things this those through to too under "
        "until up upon us use used very want was we well were what when where whether which while who whom whose why "
        "will with within without would yes you your yours according exactly long often allowed happen happens "
        "happened kind kinds type types"
    ).split()
)
_GERMAN = frozenset(
    (
        "ab aber alle allem allen aller alles als also am an auch auf aus bei beim bin bis bist bitte da dabei dafür "
        "damit dann daran darauf darf dazu das dass dem den denn der des dessen deshalb die dies diese diesem diesen "
        "dieser dieses doch dort du durch ein eine einem einen einer eines er erst es etwa etwas euch euer für gegen "
        "gibt gilt habe haben hat hatte hätte ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist ja jede "
        "jedem jeden jeder jedes kann kannst kein keine keinen keiner können könnte lange machen man mehr mein meine "
        "meinem meinen meiner mich mir mit muss müssen nach nicht nichts noch nun nur ob oder ohne sehr sein seine "
        "seinem seinen seiner seit sich sie sind so soll sollen sollte sollten sonst über um und uns unser unsere "
        "unserem unseren unter vom von vor wann war waren warum was weil welche welchem welchen welcher welches wem "
        "wen wenn wer werden wessen wie wieder wieviel wieviele will wir wird wo wohin wurde wurden zu zum zur "
        "zwischen viel viele"
    ).split()
)
STOP_WORDS = _ENGLISH | _GERMAN
_OTHERS = frozenset(  # French, Spanish, Italian, Portuguese and Dutch, without words that are also English
    (
        "le la les des du et à est une dans que qui sur au aux avec sont ce cette ces ne pas leur leurs nous vous ils "
        "elle elles être été où quel quelle quels quelles combien comment quand pourquoi el los las una del al es para "
        "por con su sus se lo como más pero qué cuál cuáles cuánto cuánta cuántos cuántas cuándo dónde quién cómo "
        "está están ser il gli di che un è della dei delle nel nella sono ha hanno si chi cosa quanto quanti quante "
        "quando dove perché uma do dos das em nas nos não são seu sua quem qual quais quantos quantas onde "
        "het een en dat te zijn voor aan ook bij hoe wie wat welke waar wanneer hoeveel heeft hebben niet"
    ).split()
)
_SILENT = STOP_WORDS | _OTHERS
_FISCAL_YEAR = re.compile(r"\b(?:fy|gj)['’]?(?:(?P<year>(?:19|20)\d\d)|(?P<short>\d\d))(?P<quarter>q[1-4])?\b")
_GERMAN_SPELLING = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def content_words(text: str) -> list[str]:
    """The stems of the words that are not stop words, each once, in order."""
    found = [word for word in dict.fromkeys(words(text)) if word not in _SILENT]
    long = [word for word in found if len(word) > 1 or not word.isascii() or word.isdigit()]
    return list(dict.fromkeys(map(stem, long)))


def finder(stems: Collection[str]) -> Callable[[str], set[str]]:
    """Tells which of these stems `content_words` of a text holds, in a quarter of its time."""
    unspaced = [one for one in stems if UNSPACED.search(one)]
    figures = [one for one in stems if one[0].isdigit()]
    begun = _any_of(r"\b(?:{})[^\W_]*", [one for one in stems if one not in unspaced and one not in figures])
    numbers = _any_of(r"(?<!\w)(?<!\d[.,:/])(?:{})(?![.,:/]?\d)", figures)

    def found(text: str) -> set[str]:
        folded = _folded(text)
        made = {stem(word) for word in {*begun(folded), *numbers(folded)} - _SILENT}
        return made.intersection(stems).union(pair for pair in unspaced if pair in folded)

    return found


def _any_of(pattern: str, of: Sequence[str]) -> Callable[[str], list[str]]:
    return re.compile(pattern.format("|".join(map(re.escape, of)))).findall if of else lambda _: []


def words(text: str) -> list[str]:
    """All words in lower case, numbers with their points and commas as one word. "FY22" is "2022".

    Of scripts without spaces, and of Korean, pairs of neighbouring characters.
    """
    folded = _folded(text)
    whole = _WORD.findall(folded)
    if folded.isascii() or not UNSPACED.search(folded):
        return list(map(_bare, whole)) if "'" in folded or "’" in folded else whole
    found: list[str] = []
    for word in whole:
        start = 0
        for run in UNSPACED.finditer(word):
            found += filter(None, (_bare(word[start : run.start()]), *pairs(run[0])))
            start = run.end()
        found += filter(None, (_bare(word[start:]),))
    return found


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where each word of the text begins and ends; numbers with their points and commas are one word.

    Chinese characters are words of their own.
    """
    return [found.span() for found in (_WORD if text.isascii() else _SPAN).finditer(text)]


@lru_cache(maxsize=50_000)  # the same words stand in most passages of a company
def stem(word: str) -> str:
    """The word without its endings, so that "orders", "ordered" and "order" are one."""
    if word[:1].isdigit():
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST:
            rest = word[: -len(ending)]
            return _without_last(rest) if ending in ("s", "ed", "ing", "ings") else rest
    return word


def _without_last(word: str) -> str:
    """What "order" loses, "orders" and "ordered" lose too."""
    for ending in ("er", "en", "em"):
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST:
            return word[: -len(ending)]
    return word


def covered(wanted: Iterable[str], given: Collection[str]) -> list[str]:
    """Those of the stems `wanted` that stand among the stems `given`, also as a part of a longer word.

    Accents and umlauts may be missing or spelled out: "mueller" is "müller".
    """
    wanted = list(wanted)
    spelled = {_spelled(word) for word in given}
    missing = {word for word in wanted if _spelled(word) not in spelled}
    akin: set[str] = set()
    if missing:
        plain = [word for word in given if not word[:1].isdigit()]
        held = "\n".join(["", *plain])
        akin = {word for word in missing if not word[:1].isdigit() and _akin(word, plain, held)}
    return [word for word in wanted if word not in missing or word in akin]


def is_german(text: str) -> bool:
    """Whether more of the words are German stop words than English ones."""
    found = words(text)
    return sum(word in _GERMAN for word in found) > sum(word in _ENGLISH for word in found)


def _folded(text: str) -> str:
    folded = (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()
    return _FISCAL_YEAR.sub(_plain_year, folded) if "fy" in folded or "gj" in folded else folded


def _plain_year(found: re.Match[str]) -> str:
    year = found["year"] or f"20{found['short']}"
    return f"{year} {found['quarter']}" if found["quarter"] else year


def _bare(word: str) -> str:
    if word.isalnum():
        return word
    return re.sub(r"['’]s?$|['’]s$", "", word)


def _spelled(word: str) -> str:
    return word if word.isascii() else fold(word.translate(_GERMAN_SPELLING))


def _akin(word: str, others: Iterable[str], held: str) -> bool:
    """Whether the word begins one of the others or is a part of it, or the other way round. `held`: the others' lines.

    Each way is one search through all of them where it can be: this runs for every word and every passage.
    """
    if (len(word) >= _SAME_PART and word in held) or (len(word) >= _SAME_START and f"\n{word}" in held):
        return True
    return any(
        other in word and (len(other) >= _SAME_PART or (len(other) >= _SAME_START and word.startswith(other)))
        for other in others
    )
