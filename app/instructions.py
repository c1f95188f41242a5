"""What a question tells of its answer's form: "Answer in USD millions. Round to two decimals. Keep it short."

No document speaks of it, so it must not count as something that is asked and missing. By sentences, in English and
German. Not covered: heeding them, which a language model does; form within the sentence that asks ("in a table").
"""

from __future__ import annotations

import re

from app.words import content_words

_POLITE = r"(?:(?:please|kindly|and|then|bitte)[\s,]+)*"
_ORDER = re.compile(
    rf"{_POLITE}(?:answer|respond|reply|round|give|provide|state|base|use(?!\s+of)|utili[sz]e|calculate|compute|extract|address"
    r"|approach|keep|limit|write|format|express|show|cite|quote|explain|list|be|do\s+not|don['’]t"
    r"|antworten?|runden?|verwenden?|nutzen?|nennen?|zitieren?|fassen?|gib|geben|schreiben?|halten?|belegen?)\b",
    re.I,
)
_FORM = re.compile(
    r"\b(?:answers?|questions?|responses?|what\s+(?:was|is)\s+asked|judge?ments|decimals?(?:\s+places?)?|percents?|percentages?"
    r"|(?:one|two|three|\d+)\s+(?:sentences?|words?|lines?)|bullet\s?points?|(?:in|as)\s+a\s+(?:table|list)|brief(?:ly)?|concise(?:ly)?"
    r"|short|step\s+by\s+step|sources|USD|EUR|in\s+(?:millions|billions|thousands|english|german)|it\s+simple"
    r"|antwort(?:e|en)?|frage|(?:einem|zwei|drei|\d+)\s+(?:satz|sätzen|wörtern)|stichpunkten?|kurz|quellen?"
    r"|auf\s+(?:deutsch|englisch)|nachkommastellen?|als\s+(?:tabelle|liste))\b",
    re.I,
)
_ROLE = re.compile(
    r"(?:assume|imagine|pretend)\s+(?:that\s+)?you\b|you\s+are\s+an?\b|act\s+as\b|here(?:['’]s|\s+is)\s+(?:the|my)\s+question\b"
    r"|(?:du\s+bist|sie\s+sind|stell\w*\s+dir\s+vor)\b",
    re.I,
)
_CONDITION = re.compile(
    rf"(?:if|falls|wenn)\b.*(?:[,;]|\bthen)\s+{_POLITE}(?:state|say|explain|tell|answer|sag\w*|erklär\w*|schreib\w*)\b",
    re.I,
)
_BEFORE_COLON = re.compile(r"^[^?]*\b(?:question|frage)\b[^?:]*:\s*", re.I)
_IN_BRACKETS = re.compile(r"\s*\((?:in|as|rounded?|answer|auf|als|gerundet)\s[^()?]*\)", re.I)
_SENTENCES = re.compile(r"(?<=[.?!])\s+(?=[\"“„(]?[^\W\d_])")


def asked_in(question: str) -> str:
    """The question without its instructions; as it is where it is no question or nothing would be left."""
    if "?" not in question:
        return question
    sentences = _SENTENCES.split(_BEFORE_COLON.sub("", question))
    kept = [sentence for sentence in sentences if sentence.endswith("?") or not _instructs(sentence)]
    asked = _IN_BRACKETS.sub("", " ".join(kept))
    return asked if content_words(asked) else question


def _instructs(sentence: str) -> bool:
    if _ORDER.match(sentence) and _FORM.search(sentence):
        return True
    return bool(_ROLE.match(sentence) or _CONDITION.match(sentence))
