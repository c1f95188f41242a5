"""What a question asks for: a person, a time, a place, an amount, a reason, a meaning, steps, a list, a yes or no.

By the words that it begins with and the noun that follows them, in English and German. Not covered: what the question
is about (`words`), whether a statement has what is asked for (`answer_signs`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from app.words import is_german


class Asks(Enum):
    PERSON = "person"
    TIME = "time"
    PLACE = "place"
    NUMBER = "number"
    DURATION = "duration"
    FREQUENCY = "frequency"
    REASON = "reason"
    MEANING = "meaning"
    STEPS = "steps"
    LIST = "list"
    YES_NO = "yes or no"
    OTHER = "other"


QUANTITIES = (Asks.NUMBER, Asks.TIME, Asks.DURATION, Asks.FREQUENCY)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """`unit` is what is counted or measured, as a word of the question ("days", "percentage"), or "".

    `term` is what a MEANING asks about.
    """

    kind: Asks
    unit: str = ""
    term: str = ""


_POLITE = r"^(?:(?:and|so|but|please|tell me|und|bitte|sag mir|also)[ ,]+)*(?:[^?,]{0,80}, )?"
_PREPOSITION = (
    "(?:(?:in|on|at|by|from|to|of|for|since|until|till|after|before|within|during|under|above|over|with|up to|as of"
    "|around|seit|bis(?: zu)?|ab|vor|nach|an|am|im|innerhalb|mit|von|zu|auf|über|unter|für|aus|bei|um) )?"
)
_OPEN = _POLITE + _PREPOSITION
_ANY = "(?:which|what|welche[nmrs]?)"
_OF = "(?:which|what|welche[nmrs]?|whose|was für (?:eine?[nmrs]? )?|wessen) "
_PERIODS = (
    "time(?! limit)|date|day|days? of the week|month|year|decade|century|quarter|weekday|deadline|datum|tag|monat"
    "|jahr(?:hundert|zehnt)?|quartal|wochentag|frist|zeitpunkt"
)
_AMOUNTS = (
    "amount|percentage|percent|share|number|total|price|rate|value|fee|costs?|limit|ratio|size|length|height|population"
    "|area|distance|temperature|age|salary|penalty|bonus|discount|allowance|maximum|minimum|revenues?|sales|income"
    "|profit|loss|expenses?|margin|earnings|assets|liabilities|range|capacity|threshold|quota|budget|balance|weight|speed"
    "|width|depth|volume|betrag|anteil|anzahl|zahl|preis|summe|wert|gebühr|kosten|höhe|grenze|umsatz|gewinn|prozentsatz"
    "|prämie|zulage|rabatt|strafe|kapazität|schwelle|gewicht|geschwindigkeit|breite|tiefe|volumen|wertebereich"
)
_MEASURES = (
    "(?:many|much|high|far|old|big|large|heavy|deep|tall|wide|fast|expensive|hot|cold)"
    "|wie ?(?:viele?n?|hoch|weit|alt|groß|schwer|tief|breit|teuer|heiß|kalt)"
)
_PEOPLE = (
    "person|people|president|manager|director|officer|author|leader|team|department|office|company|firm|organi[sz]ation"
    "|actor|artist|scientist|king|queen|player|auditor|chef|leiter(?:in)?|abteilung|stelle|firma"
)
_PLACES = (
    "city|cities|country|countries|states?|town|region|places?|location|street|river|continent|county|building|room"
    "|stadt|städten?|land|ländern?|orte?n?|region|straße|gebäude|raum"
)
_VERBS = (
    "is|are|was|were|do|does|did|can|could|may|must|should|shall|will|would|has|have|had|am|ist|sind|war|waren|darf"
    "|dürfen|muss|müssen|kann|können|soll|sollen|hat|haben|hatte|gibt es|wird|werden|gilt|gelten|bin|bekomme|zahlt"
    "|erhalte"
)
_WORDS = "(?:(?!(?:do|does|did|is|are|was|were|has|have|had)\\b)\\w+ ){0,2}?"
_NOUNS = r"(?:(?!(?:at|by|from|with|bei|mit)\b)[\w'’&.-]+ ){0,4}?"
_IS = "(?: (?:is|are|was|were|ist|sind|war|waren))?(?: (?:the|der|die|das))?"
_PATTERNS = (
    (Asks.DURATION, f"{_OPEN}(?:how (?:long|soon|quickly|fast)|wie (?:lange?|schnell|bald))\\b"),
    (Asks.DURATION, f"{_OPEN}(?:how much|wie viel) (?:time|notice|zeit)\\b"),
    (Asks.FREQUENCY, f"{_OPEN}(?:how (?:often|frequently)|wie (?:oft|häufig))\\b"),
    (Asks.TIME, f"{_OPEN}(?:when|wann|what time|um wie ?viel uhr|{_ANY} {_WORDS}(?:{_PERIODS})s?)\\b"),
    (Asks.NUMBER, f"{_OPEN}(?:how {_MEASURES}|was kostet|{_ANY}{_IS} {_NOUNS}(?:{_AMOUNTS}))\\b"),
    (
        Asks.NUMBER,
        f"{_OPEN}(?:what (?:do|does|did|would|will) .{{1,80}} (?:cost|weigh|earn)|was (?:kosten|wieg|verdien)\\w*)\\b",
    ),
    (Asks.PERSON, f"{_OPEN}(?:who|whose|whom|wer|wem|wen|wessen|{_OF}{_WORDS}(?:{_PEOPLE}))\\b"),
    (Asks.PLACE, f"{_OPEN}(?:where|wo|wohin|woher|worin|{_OF}{_WORDS}(?:{_PLACES}))\\b"),
    (Asks.REASON, f"{_OPEN}(?:why|how come|what (?:is|was|were|are) the (?:reasons?|causes?)|for what reason)\\b"),
    (Asks.REASON, f"{_OPEN}(?:what (?:caused|causes|made)|warum|weshalb|wieso|weswegen|was (?:ist|war) der grund)\\b"),
    (Asks.REASON, f"{_OPEN}aus welche\\w+ gr[uü]nd"),
    (Asks.MEANING, f"{_OPEN}(?:define|definiere|what (?:do|does) .{{1,80}} (?:mean|stand for|measure|refer to)\\b)"),
    (Asks.MEANING, f"{_OPEN}(?:what is meant by|how (?:do|does|is|are) .{{1,80}} defined?\\b|wofür steht\\b)"),
    (Asks.MEANING, f"{_OPEN}(?:was (?:bedeutet|heißt|versteht|meint)\\b|wie (?:ist|wird|werden|sind) .+ definiert)"),
    (
        Asks.MEANING,
        f"{_OPEN}(?:what does .{{2,60}} do|what (?:is|are) .{{2,60}} (?:used )?for|wozu (?:dien\\w*|ist))\\b",
    ),
    (
        Asks.OTHER,
        f"{_OPEN}(?:what|was) (?:is|are|ist|sind) (?:the|der|die|das) .{{2,40}} (?:of|to|for|von|für|zu[mr]?)\\b",
    ),
    (Asks.MEANING, f"{_OPEN}(?:what|was) (?:is|are|ist|sind|counts? as) (?:an? |eine? )?[^,]{{2,60}}\\??$"),
    (
        Asks.MEANING,
        f"{_OPEN}(?:which|what) .{{2,60}} (?:do|does|is|are) .{{0,60}}?"
        "\\b(?:count(?:ed)?|included?|fall|belong) (?:as|in|to|under|into)?",
    ),
    (
        Asks.MEANING,
        "^(?:welche\\w*|was) .{2,60}\\b(?:zähl\\w*|rechnet|gehör\\w*|fällt|fallen) .{0,60}\\b(?:zu[mr]?|unter)\\b",
    ),
    (Asks.STEPS, f"{_OPEN}how (?:do|can|should|must|to|would|could|may)\\b(?!.*\\b(?:differ|compare)\\b)"),
    (Asks.STEPS, f"{_OPEN}what (?:do|should|must) (?:i|we|you|one|staff|employees) (?:have to )?(?:do|need)\\b"),
    (Asks.STEPS, f"{_OPEN}what (?:are|is) the (?:steps|procedure|process)\\b"),
    (Asks.STEPS, f"{_OPEN}wie (?:kann|muss|soll|sollte|darf|geht|mache|gehe|\\w+e ich)\\b"),
    (Asks.STEPS, f"{_OPEN}was (?:muss|soll|sollte|kann) (?:ich|man|wir)\\b"),
    (Asks.YES_NO, f"^(?:{_VERBS})\\b"),
    (Asks.LIST, f"{_OPEN}(?:list|name|nenne|what (?:are|kinds?|types?|sorts?)|was sind)\\b"),
    (Asks.LIST, f"{_OPEN}(?:welche \\w+(?:en|e|s|er|n)|(?:which|what) (?:\\w+ )?(?!does|is|was|has)\\w+[^s\\W]s)\\b"),
)
_RULES = tuple((kind, re.compile(pattern, re.I)) for kind, pattern in _PATTERNS)
_PARTS = re.compile(r"\S.*?[.!?](?=\s+[A-ZÄÖÜ]|$)")
_WAS = re.compile(r"was\b", re.I)  # of German, no verb
_LATE_VERB = re.compile(
    r"[,.?!] (?:is|are|do|does|did|can|could|may|must|should|will|would|has|have|am|darf|muss|kann|ist|gibt es) "
    r"(?:i|we|it|they|he|she|the|there|that|my|our|ich|man|wir|es|das|die|der)\b[^?]*\?$",
    re.I,
)
_UNIT = re.compile(
    r"\b(?:how (?:many|much)|wie ?viele?n?|what (?:percentage|share|amount|number) of|number of|anzahl (?:der|von)?)\s+"
    r"(?:(?:more|different|of|the|new|percent of|full|total|other|der|die|neue|volle)\s+)*([^\W\d_][\w-]+)",
    re.I,
)
_IN = r"(?:,? (?:in|as|according|for|im|bei|laut)\b.*)?\??$"


def _compiled(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.I) for pattern in patterns)


_TERMS = _compiled(
    rf"\b(?:what|was) (?:do|does) (?:.{{0,60}}? )?mean (?:by|with) (.+?){_IN}",
    r"\bwhat (?:do|does) (.+?)(?:['’]s (.+?))? (?:mean|stand for|measure|refer to)\b",
    rf"\b(?:how (?:do|does) .{{1,60}}? define|define|definiere|what is meant by|was (?:bedeutet|heißt)) (.+?){_IN}",
    rf"\b(?:wofür steht|was versteht \w+ unter|wozu dien\w+|wozu ist) (.+?)(?: da)?{_IN}",
    r"\bwhat does (?:the |an? )?(.+?) do\b",
    r"\bwhat (?:is|are) (?:the |an? )?(.+?) (?:used )?for\b",
    r"\b(?:count(?:ed)?|included?|fall|belong)(?: as| in| to| under| into)? (?:its |the |an? |their |our )?(.+?)"
    rf"(?: (?:segment|metric|measure|definition))?{_IN}",
    rf"\b(?:what|was) (?:is|are|ist|sind|counts? as) (?:an? |the |eine? |der |die |das )?(.+?){_IN}",
)
_ENDS_COUNTED = (
    "did|does|do|is|are|was|were|has|have|had|can|could|may|must|should|will|would|per|in|of|for|at|on|by|from|to|as|than"
    "|during|under|with|without|within|before|after|between|through|according|who|that|which|and|or|there"
    "|ist|sind|war|waren|hat|habe|haben|hatte|hatten|gibt|gab|darf|dürfen|kann|können|muss|müssen|wurden?|wird|werden"
    "|pro|im|bei|für|von|der|des|und|oder|ohne|stehen|bekomm\\w*|erhalt\\w*|brauch\\w*"
)
_JOINS = (
    "in|at|on|for|of|with|from|to|by|during|under|per|as|than|that|which|who|when|if|while|via|through|into|between"
    "|without|after|before|im|ins|bei|für|von|am|mit|pro|zu[mr]?|auf|nach"
)
_BEGINS = rf"(?:(?:the|an?|any|my|our|your|their|some|der|die|das|eine?[mnr]?|mein\w*) )?(?!(?:{_JOINS})\b)"
_ENDS = rf"(?=\s+(?:{_JOINS}|cost|weigh|earn)\b|[?,.;]|$)"
_THING = f"{_BEGINS}(.+?){_ENDS}"
_COUNTED = _compiled(
    rf"\b(?:how many|wie ?vielen?)\s+(?:of\s+|der\s+)?(.+?)(?=\s+(?:{_ENDS_COUNTED})\b|[?,.;]|$)",
    rf"\b(?:what|how much) (?:do|does|did|would|will|can) (?=.+ (?:cost|weigh|earn)\b){_THING}",
    rf"\b(?:price|costs?|fee|weight|charge|salary) (?:of|for) {_THING}",
    rf"\b(?:was|wie ?viel) (?:kostet|kosten|wiegt|wiegen|verdient) {_THING}",
)
_ANYONE = "(?:i|we|you|one|they|he|she|it|anyone|everyone|employees|staff|people)"
_HAS = "(?:have|own|offer|provide|give|get|receive|include|contain|cover|sell|use|take|need|pay for)"
_SOUGHT = _compiled(
    rf"\b(?:(?:is|are|was|were|will) there|gibt es(?: (?:in|im|am|bei) \w+)?) {_THING}",
    rf"^(?:can|may|could|must|should|do|does|did|will) {_ANYONE} \w+ {_THING}",
    rf"^(?:darf|dürfen|kann|können|muss|müssen) (?:ich|man|wir) {_BEGINS}(.+?)(?: \w+en)?{_ENDS}",
    rf"^(?:does|do|did) .{{1,80}}? {_HAS} {_THING}",
)
_MAY_OR_MUST = re.compile(
    r"^(?:(?:can|may|could|must|should) (?:i|we|you|one)|do (?:i|we|you) (?:have|need) to"
    r"|(?:am i|are we|are you) (?:allowed|permitted|required|entitled|supposed)"
    r"|(?:darf|dürfen|kann|können|muss|müssen|soll\w*) (?:ich|wir|man))\b",
    re.I,
)


def inquiry(question: str) -> Inquiry:
    """Of several sentences the last question tells."""
    said = " ".join(question.split())
    said = next((part for part in reversed(_PARTS.findall(said)) if part.endswith("?")), said)
    german_was = _WAS.match(said) is not None and is_german(said)
    found = (kind for kind, rule in _RULES if rule.search(said) and not (german_was and kind is Asks.YES_NO))
    kind = next(found, Asks.OTHER)
    if kind in (Asks.OTHER, Asks.LIST) and _LATE_VERB.search(said):
        kind = Asks.YES_NO
    unit = _UNIT.search(said)
    return Inquiry(kind, unit[1] if unit else "", _term(said) if kind is Asks.MEANING else "")


def counted(question: str) -> str:
    """The words for what is counted, or has a price or a weight: "loyalty members" of "How many loyalty members are
    there?", "spare filter" of "What does a spare filter for the pump cost?"; else ""."""
    return _found(_COUNTED, question)


def sought(question: str) -> str:
    """What a yes or no is asked about: "gym" of "Is there a gym in Porto?", "dog" of "May I bring my dog?"; else ""."""
    return _found(_SOUGHT, question)


def of_a_rule(question: str) -> bool:
    """Whether it asks what one may or must do, "Can I work from Spain?": a rule for all places answers that, too."""
    return _MAY_OR_MUST.search(question) is not None


def _found(rules: Iterable[re.Pattern[str]], question: str) -> str:
    """The group of the first rule that fits; else ""."""
    return next((match[1] for rule in rules if (match := rule.search(question))), "")


def _term(question: str) -> str:
    found = next((match for pattern in _TERMS if (match := pattern.search(question))), None)
    return found[found.lastindex or 0].strip(" \"'“”„?") if found else ""
