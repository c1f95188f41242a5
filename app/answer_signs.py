"""Whether a statement has what a question asks for: a number with its unit, a date, a person, a place, a reason.

By forms of words, in English and German; what the question has said already does not count. Not covered: whether the
statement is about what the question is about (`candidates`).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from app.question_kinds import Asks, Inquiry
from app.words import STOP_WORDS, stem, words

_SPOKEN = frozenset(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty thirty forty fifty"
    " sixty seventy eighty ninety hundred thousand million billion half third quarter twice once double none zero"
    " zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig hundert tausend hälfte drittel".split()
)


def _any(listed: str) -> str:
    """A pattern for one of the words, in which "*" stands for any ending and "_" for a space."""
    return "|".join(word.replace("_", " ").replace("*", r"\w*") for word in listed.split())


_MONTHS = _any(
    "january february march april may june july august september october november december januar februar märz mai juni"
    " juli oktober dezember"
)
_SHORT_MONTHS = "jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|o[ck]t|nov|de[cz]"
_DAYS = _any(
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag"
    " sonntag century jahrhundert spring summer autumn winter"
)
_YEAR = re.compile(r"\b(?:1[0-9]|20)\d\d\b")
_DATE = re.compile(
    rf"{_YEAR.pattern}|\b\d{{1,2}}(?:st|nd|rd|th)?[. ]\s?(?:of )?(?:{_SHORT_MONTHS})|\b(?:{_MONTHS}|{_DAYS})s?\b"
    r"|\b\d{1,2}[:.]\d\d\b|\b\d{1,2} ?[ap]\.?m\b|\b\d{1,2} uhr\b|\b\d{3,4}s\b",
    re.I,
)
_TIMES = _any("second minute hour day week month year decade centur sekunde minute stunde tag woche monat jahr")
_DURATION = re.compile(
    rf"\b\w[\d.,]*\w*[ -](?:\w+[ -]){{0,2}}?(?:arbeits|werk)?(?:{_TIMES})"
    rf"|\b(?:{_any('until permanently indefinitely immediately at_once unbefristet sofort unverzüglich')})\b",
    re.I,
)
_OFTEN = "every each per once twice annual* yearly monthly weekly daily quarterly times jede[nrs]? alle einmal zweimal"
_FREQUENCY = re.compile(rf"\b(?:{_any(f'{_OFTEN} jährlich monatlich wöchentlich täglich mal')})\b", re.I)
_REASONS = (
    "because due_to since in_order_to so_that as_a_result therefore thus owing_to caused_by attributable reason result"
    " resulted results resulting driven_by reflects? reflecting to_avoid to_ensure to_prevent to_protect weil da wegen"
    " aufgrund damit deshalb daher durch"
)
_REASON = re.compile(rf"\b(?:{_any(_REASONS)}|um .{{1,60}} zu)\b", re.I)
_MEANINGS = (
    "means? meaning refers?_to defined_as defines? includes? consists?_of comprises? stands?_for denotes? counts?_as"
    " known_as contains? describes? represents? determines? specif(?:y|ies) indicates? sets? controls? bedeutet"
    " bezeichnet umfasst gilt_als gelten_als heißt besteht_aus steht_für versteht bestimmt legt enthält beschreibt"
)
_IS = r"(?:is|are|was|were|ist|sind|war|waren)"
_WHAT = _any("an? the one any all each every either what when where those eine? der die das alle jede[rs]?")
_MEANS = re.compile(rf"(?:\w+ly )?\b(?:(?:{_any(_MEANINGS)})\b|{_IS} (?:{_WHAT})\b)|[:=(–—]", re.I)
_TELLS = re.compile(rf"(?:\w+ly )?\b(?:{_IS}|has|have|hat|haben|allows?|lets|provides?|gives|shows|enables?)\b", re.I)
_RULES = (
    "must may can cannot can't shall should not no only never always allowed permitted prohibited forbidden required"
    " entitled eligible need mandatory free_to illegal muss müssen darf dürfen kann können nicht kein* nur nie erlaubt"
    " verboten gestattet verpflichtet erforderlich zulässig untersagt"
)
_RULE = re.compile(rf"\b(?:{_any(_RULES)})\b", re.I)
_CAPITAL = re.compile(r"(?<![.!?:;|•\"“„] )(?<!^)\b[A-ZÄÖÜ][\w.&'’-]*")
_TITLES = (
    "Mr Mrs Ms Dr Prof President Chief Director Manager Officer King Queen Sir Professor Frau Herr team desk office"
)
_TITLE = re.compile(rf"\b(?:{_any(_TITLES)})\b")
_WHERE = "in at near from to into on inside outside between bei nach aus im am zum zur"
_PLACE = re.compile(rf"\b(?:{_any(_WHERE)})\s(?:the |der |dem |den )?(?:\w+ )?[A-ZÄÖÜ0-9]")
_MONEY = re.compile(
    rf"[$€£¥]|\b(?:{_any('USD EUR GBP CHF dollars? euros? pounds? cents? million billion mio mrd')})\b", re.I
)
_COSTS = (
    "price costs? fee pay paid spend spent amount revenue sales income salary penalty bonus allowance worth budget"
    " deposit expenses? dividend kostet kosten preis betrag gebühr zahlt bezahl* gehalt prämie zulage"
)
_ASKS_MONEY = re.compile(rf"\b(?:{_any(_COSTS)})\b", re.I)
_PARTS = "percent percentage share rate proportion fraction ratio discount prozent* anteil quote rabatt"
_ASKS_SHARE = re.compile(rf"\b(?:{_any(_PARTS)})\b", re.I)
_SHARE = re.compile(r"%|\b(?:percent|per cent|prozent|half|third|quarter|hälfte|drittel)\b", re.I)

_POINTS = re.compile(
    r"\b(?:see|refer to|consult|read) (?:also )?(?:the )?(?:\w+ )?(?:sections?|chapters?|appendix|tables?|figures?"
    r"|pages?|notes?|items?|parts?|documentation|manual|guide|below|above)\b"
    r"|\b(?:is|are|be) (?:\w+ly )?(?:described|discussed|explained|covered|documented|found|listed|given|shown"
    r"|summari[sz]ed|set (?:out|forth)|detailed|presented|provided|available)"
    r" (?:in|on|at|under|below|here|above|elsewhere)\b"
    r"|\b(?:for )?(?:more|further|additional|full) (?:information|details?)\b"
    r"|\bsiehe\b|\b(?:weitere|nähere|mehr) (?:informationen|einzelheiten|details)\b|\bnäheres\b"
    r"|\b(?:ist|sind|wird|werden) (?:in|im|unter) .{1,60} (?:beschrieben|erklärt|dargestellt|aufgeführt|erläutert)",
    re.I,
)
_GOES_ON = re.compile(
    r"(?:for (?:example|instance)|e\.g\.|in this case|in that case|note that|in addition|also|moreover|furthermore"
    r"|however|therefore|thus|otherwise|instead|similarly|likewise|then|but|and|or|zum beispiel|z\. ?b\.|beispielsweise"
    r"|außerdem|jedoch|daher|deshalb|in diesem fall|dann|aber|und|oder)\b",
    re.I,
)


def answers(inquiry: Inquiry, question: str, text: str, asked: Collection[str]) -> float:
    """1 when the text has the form of what the question asks for, 0 when not, parts between; 0 for other questions.

    `asked` are the content words of the question.
    """
    kind = inquiry.kind
    if kind is Asks.NUMBER:
        return _number(inquiry, question, text, asked)
    if kind is Asks.TIME:
        return float(_DATE.search(_without_dates_of(question, text)) is not None)
    if kind is Asks.DURATION:
        return float(any(match.casefold() not in question.casefold() for match in _DURATION.findall(text)))
    if kind is Asks.PERSON:
        return min(1.0, _new_names(text, asked) / 2 + 0.5 * (_TITLE.search(text) is not None))
    if kind is Asks.PLACE:
        return float(_PLACE.search(text) is not None) if _new_names(text, asked) else 0.0
    pattern = {Asks.FREQUENCY: _FREQUENCY, Asks.REASON: _REASON, Asks.YES_NO: _RULE}.get(kind)
    return float(pattern is not None and pattern.search(text) is not None)


def defines(term: str, text: str) -> float:
    """1 when the text opens with the term and says what it is or means; less when it tells something else of it."""
    wanted = [stem(word) for word in words(term) if word not in STOP_WORDS]
    said = [stem(word) for word in words(text)]
    if not wanted or not set(wanted) <= set(said):
        head = term.split()[-1] if wanted else ""  # "An incident is ..." for "security incident"
        return 0.5 if head and _opens_with(head, text) else 0.0
    early = max(map(said.index, wanted)) <= len(wanted) + 3
    opens = all(word in STOP_WORDS for word in words(text)[: min(map(said.index, wanted))])
    end = rf"{re.escape(term.split()[-1])}\w*[\"”“’'*)]*(?:\s*\([^)]{{1,60}}\))?[,;]?\s*(?:which[^,]{{1,80}},\s*)?"
    found = re.search(end, text, re.I)
    means, tells = (found is not None and form.match(text, found.end()) is not None for form in (_MEANS, _TELLS))
    if early:
        return (1.0 if means else 0.6 if tells else 0.2) * (1.0 if opens else 0.7)
    return 0.5 if means else 0.1


def _opens_with(head: str, text: str) -> bool:
    found = re.match(rf"\s*(?:an?|the|eine?|der|die|das)?\s*[\"“„'*]*{re.escape(head)}[\"”“’'*]*\s+", text, re.I)
    return found is not None and _MEANS.match(text, found.end()) is not None


def points_elsewhere(text: str) -> bool:
    """Whether the text says where something stands, which is seldom the thing itself: "see Section 6.1"."""
    return _POINTS.search(text) is not None


def goes_on(text: str) -> bool:
    """Whether the text leans on what was said before it: "For example, ..."."""
    return _GOES_ON.match(text) is not None


def new_figure(text: str, asked: Collection[str]) -> bool:
    """Whether the text has a number that the question has not named."""
    return any((word[0].isdigit() or word in _SPOKEN) and word not in asked for word in words(text))


def _number(inquiry: Inquiry, question: str, text: str, asked: Collection[str]) -> float:
    if not new_figure(text, asked):
        return 0.0
    if _ASKS_SHARE.search(question):
        return 1.0 if _SHARE.search(text) else 0.4
    if _counts(text, inquiry.unit):
        return 1.0
    return 1.0 if _ASKS_MONEY.search(question) and _MONEY.search(text) else 0.6


def _counts(text: str, unit: str) -> bool:
    """Whether a number of the text counts `unit`: "30 days", "a 240-hour limit"."""
    wanted, said = stem(unit.casefold()), words(text)
    numbers = [place for place, word in enumerate(said) if word[0].isdigit() or word in _SPOKEN]
    return bool(unit) and any(wanted == stem(word) for place in numbers for word in said[place + 1 : place + 5])


def _new_names(text: str, asked: Collection[str]) -> int:
    """How many words with a capital inside the text's sentences the question has not named."""
    found = {word for match in _CAPITAL.findall(text) for word in words(match) if word not in STOP_WORDS}
    return sum(stem(word) not in asked for word in found)


def _without_dates_of(question: str, text: str) -> str:
    """`text` without the years that the question names, and the days and months of them."""
    for year in set(_YEAR.findall(question)):
        text = re.sub(rf"(?:(?:\d{{1,2}}\.? )?[^\W\d_]+\.? (?:\d{{1,2}}, )?)?\b{year}\b", " ", text)
    return text
