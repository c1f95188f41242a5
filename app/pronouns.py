"""The small words by which a question leans on what was said before: "and", "it", "that one", "since when".

English and German. Not covered: what they refer to (`followup`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.words import content_words, stem, words

_THANKS = frozenset(
    (
        "thanks thank thx you very much so a lot ok okay great good perfect cool nice super hello hi hey please bye "
        "danke dankeschön vielen dank schön sehr gut alles klar prima toll verstanden hallo guten morgen tag yes yeah "
        "yep no nope ja nein aha hm hmm i see got it understood interesting wow right alright that's is that helpful "
        "das ist war hilfreich interessant genau bitte well fine"
    ).split()
)
POLITE = re.compile(
    r"^\s*(?:(?:thanks?(?:\s+(?:you|a lot|so much|very much))?|thx|ok(?:ay)?|great|good|perfect|cool|nice|super|danke"
    r"(?:\s+schön)?|vielen dank|alles klar|prima|gut|aha|hm+|yes|no|ja|nein|alright|interesting|interessant)\b"
    r"[\s,.!;–-]*)+",
    re.I,
)
OPENER = re.compile(
    r"^\s*(?:(?:and|und|but|aber|or|oder|also|auch|even|so|then|dann|now|jetzt|only|just|nur|lediglich|what about"
    r"|how about|what of|what's about|same for|the same for|back to|zurück zu|regarding|wie (?:sieht|ist"
    r"|steht) es (?:\w+ )?(?=mit|bei|in|für)(?:mit\s)?"
    r"|wie sieht das (?=bei|in|für|mit)|was ist mit|und was ist mit|again|nochmal)\b[\s,:]*)+",
    re.I,
)
ASKS = re.compile(
    r"^(?:(?:in|at|to|for|by|of|on|from|with|since|until|bis|seit|ab|in|an|auf|von|für|mit|bei|unter|aus|zu)\s+)?"
    r"(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|has|have|had|can|could|may"
    r"|must|should"
    r"|will|would|was|wer|wen|wem|wessen|wann|wo|woher|wohin|warum|wieso|weshalb|wie|wieviele?|welche[rnsm]?|ist|sind"
    r"|war|waren|hat|haben|hatte|hatten|kann|können|darf|dürfen|muss|müssen|soll|sollen|wird|werden|gibt|gilt|gelten"
    r"|compare|list|name|give|show|tell|explain|describe|find|vergleiche|nenne|zeige?|erkläre?|beschreibe|suche)\b",
    re.I,
)
OF_US = re.compile(r"\b(?:i|me|my|we|us|our|ich|mir|mich|mein\w*|wir|uns|unser\w*|man)\b", re.I)
PAST = re.compile(r"\b(?:was|were|did|had|wurden?|waren?|hatten?|gab|betrug|stieg|fiel|lag|lagen|kam|machten?)\b", re.I)
TIMELESS = re.compile(
    r"\b(?:when|since|until|now|today|currently|how long|founded|first|wann|seit|heute|aktuell|jetzt|gegründet)\b",
    re.I,
)
EXPLETIVE = re.compile(
    r"\b(?:it|es)\b(?=.*\b(?:to|that|if|zu|dass|wenn|ob)\s+\w+)|\b(?:gibt|geht)\s+es\b|\bes\s+(?:gibt|geht)\b"
    r"|\bit(?=\s+(?:department|support|security|service|services|systems?|help)\b)",
    re.I,
)
HOLDER = re.compile(
    r"\b(?:its|their|theirs|his|her|deren|dessen|(?:the|this|that|das|dieses|die|diese|dem|der|des|diesem|dieser)\s"
    r"(?:company|firm|group|business|corporation|manufacturer|supplier|unternehmens?|firma|konzerns?|gesellschaft"
    r"|lieferant(?:en)?|hersteller)(?:['’]s)?)(?!\w)",
    re.I,
)
_BEARER = re.compile(r"\b(?:they|them|it|he|she|him|dort|there|here|sie|er|es|ihn|ihm|ihnen)\b")
PERSON = re.compile(r"\b(?:he|she|him|his|her)\b", re.I)
TOPIC = re.compile(
    r"\b(?:(?:of|for|in|on|to|from|with|about|at)\sit(?=\s*[?.,!]|$)|(?:before|after|when|if|once|until)\sit\b"
    r"|(?:this|these|those)\s\w+|that\s\w+(?=\s*[?.,!]|$)"
    r"|(?:of|for|in|on|to|from|with|about|by|than|after|before|under|does|did|do|is|was|are|were|why|how|when)\s"
    r"(?:that|this|these|those)|(?:that|these|those|this)(?=\s*[?.,!]|\s(?:is|was|are|were|mean|change|apply"
    r"|happen|include"
    r"|come|work|go|compare|rise|fall|increase|decrease|one|ones)|$)|davon|dafür|dazu|damit|dabei|daran|darauf"
    r"|darüber"
    r"|darin|deswegen|das(?=\s*[?.,!]|$)|(?:ist|war|gilt|heißt|bedeutet|kostet|geht|hat"
    r"|wird)\sdas(?!\s(?-i:[A-ZÄÖÜ]))"
    r"|(?:the|that|this|these|those)\s(?:same|one|ones|other|others|former|latter|first|second|increase"
    r"|decrease|change"
    r"|rise|decline|drop|growth|amount|figure|number|total|rest|limit|rule|deadline|policy|case|reason)"
    r"(?=\s*[?.,!]|\s(?:apply|due|caused|driven|explained|come|happen|mean|for)|$)"
    r"|der\s(?:anstieg|rückgang|betrag|rest|grund)|die\s(?:zunahme|frist|regel|regelung)(?=\s*[?.,!]|$)"
    r"|dies(?:e[rnsm]?)?|jene[rnsm]?)(?!\w)",
    re.I,
)
FILLERS = frozenset(
    stem(word)
    for word in (
        "same question thing again exactly value figure number amount one ones year quarter there gleiche frage "
        "nochmal wert zahl jahr quartal dort"
    ).split()
)
COMPARES = re.compile(r"\b(?:compar\w*|than|versus|vs|differ\w*|unterschied\w*|vergl\w+|als)\b", re.I)
OPEN = re.compile(r"^(?:who|which|what company|wer|welche\w*)\b", re.I)
DEFINES = re.compile(
    r"^(?:who|where|wer|wo)\b|^(?:what|was) (?:is|are|ist|sind|means?|does|heißt|bedeutet) (?!the |der |die |das )",
    re.I,
)
ELLIPSIS = re.compile(
    r"^(?:in|at|to|for|by|on|from|with|under|until|bis|seit|ab|auf|von|für|mit|bei|unter|aus|zu) "
    r"(?:what|which|whom|whose|welche\w*|was|wem|wen|wann)\b(?:\s\w+){0,2}[\s?.!]*$",
    re.I,
)
CONDITION = re.compile(r"^(?:(?:what|was|and|even)\s)?(?:if|when|unless|because|wenn|falls|weil|sobald)\b", re.I)
ASKED_IT = re.compile(
    r"\b(?:does|did|do|has|have|had|will|can|could|may|must|should|would|is|was|hat|hatte|kann|muss|darf|soll|wird)\s"
    r"(?:it|es)\b",
    re.I,
)
LONGER = re.compile(r"\b(?:is|was|are|were|ist|war|sind|waren)\s(?:it|es|er|sie|they)\s(?:\w+\s)?\w+er\b", re.I)
SELF_MADE = re.compile(r"\b(?:why|how come|warum|wieso|weshalb|when|wann|who|wer|where|wo)\b", re.I)
RETURN = re.compile(
    r"^(?:back to|zurück zu|returning to|as for|regarding|for|now|zu|bei|für)\s+([^:,?]{2,60}?)\s?[:,–]\s?(?=\S+\s)",
    re.I,
)
GENITIVE = re.compile(r"^(?:its|their|his|her|deren|dessen|ihre?[rnms]?|seine?[rnms]?)\s+", re.I)
THERE = re.compile(r"^(?:there|dort|da)\s+", re.I)


def is_polite(text: str) -> bool:
    return bool(text.strip()) and all(word in _THANKS for word in words(text))


def is_sentence(text: str) -> bool:
    """Whether it asks or tells, and is not only a part of a sentence."""
    said = ASKS.match(text) or CONDITION.match(text)
    return said is not None or re.search(r"\b(?:it|they|er|es|sie|ihn|das)\b", text) is not None


def bearer(plain: str) -> re.Match[str] | None:
    """A pronoun; "Sie" and "there is" are none, and "her" and "sie" only in their language."""
    plain = re.sub(r"\b(?:is|are|was|were)\s+there\b|\bthere\s+(?:is|are|was|were)\b", " ", plain, flags=re.I)
    return _BEARER.search(plain) or re.match(r"(?:It|They|He|She|Er|Es)\b", plain)


def has_noun(rest: str, left: Sequence[str]) -> bool:
    """Whether the sentence says what it is about: two words, or one after an article or the like."""
    if len(left) > 1:
        return True
    found = re.search(
        r"\b(?:the|an?|any|all|how (?:many|much)|which|what(?!\s(?:happens|is|are|was|were))|der|die|das|den|dem|ein\w*"
        r"|kein\w*|wie ?viele?|welche\w*|what (?:is|are|was|were)(?: the)?|who (?:is|are|was|were) (?:the )?"
        r"|was (?:ist|sind|war|waren))\s+(\w+)",
        rest,
        re.I,
    )
    return found is not None and bool(set(content_words(found[1])) & set(left))
