"""The words of a text that carry its meaning, reduced so that their forms meet: "hours" and "hour", "Tage" and "Tag".

Light rules for English and German that need no word lists but those of stop words. For comparing a question with
passages, and a sentence with its source. Not covered: the weights of words in the index (`ingest.embed`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W_]+(?:['’][^\W_]+)?")
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


def content_words(text: str) -> list[str]:
    """The stems of the words that are not stop words, each once, in order."""
    found = (word for word in words(text) if word not in STOP_WORDS and (len(word) > 1 or word.isdigit()))
    return list(dict.fromkeys(stem(word) for word in found))


def words(text: str) -> list[str]:
    """All words in lower case, numbers with their points and commas as one word."""
    return [re.sub(r"['’]s?$|['’]s$", "", word) for word in _WORD.findall(text.casefold())]


def stem(word: str) -> str:
    if word[:1].isdigit():
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST:
            return word[: -len(ending)]
    return word


def covered(wanted: Iterable[str], given: Collection[str]) -> list[str]:
    """Those of the stems `wanted` that stand among the stems `given`, also as a part of a longer word."""
    return [word for word in wanted if word in given or any(_akin(word, other) for other in given)]


def is_german(text: str) -> bool:
    """Whether more of the words are German stop words than English ones."""
    found = words(text)
    return sum(word in _GERMAN for word in found) > sum(word in _ENGLISH for word in found)


def _akin(one: str, other: str) -> bool:
    if one[:1].isdigit() or other[:1].isdigit():
        return False
    short, long = sorted((one, other), key=len)
    return (len(short) >= _SAME_START and long.startswith(short)) or (len(short) >= _SAME_PART and short in long)
