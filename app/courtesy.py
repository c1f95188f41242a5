"""What is said out of courtesy, as a draft's salutation and closing are: it claims nothing that needs a source.

By rules for English and German. A sentence with a figure in it, or that says more than the courtesy, is a claim.
"""

from __future__ import annotations

import re

_SALUTATION = re.compile(
    r"^\s*(?:\*\*)?(?:dear|hi|hello|hey|good\s+(?:morning|afternoon|evening|day)|to\s+whom\s+it\s+may\s+concern"
    r"|hallo|liebe[rs]?|sehr\s+geehrte[rs]?|guten\s+(?:tag|morgen|abend)|moin)\b[^,.:;!?\n]{0,80}[,:!](?:\*\*)?(?=\s|$)\s*",
    re.I,
)
_WRITE = r"(?:contact|ask|tell|call|write|e-?mail|reply|respond|get\s+in\s+touch|reach\s+out|let\s+(?:me|us)\s+know)"
_QUESTIONS = r"(?:(?:any|further|more|other|additional|open)\s+)*(?:questions?|concerns?|doubts?)"
_FRAGEN = r"(?:(?:noch|weitere[nr]?|offene[nr]?|irgendwelche)\s+)*(?:fragen|rückfragen)"
_TO = r"(?:\s+(?:to|with|at|by|via|me|us|our|your|the|hr|team|department|manager|it|desk|help)){0,6}"
_COURTESIES = tuple(
    re.compile(rf"(?:{pattern})\W*", re.I)
    for pattern in (
        r"(?:yes|no|sure|certainly|ja|nein|gern(?:e)?|natürlich)",
        r"(?:(?:i|we)\s+)?hope\s+(?:that\s+)?(?:you\s+are|you['’]re|this\s+(?:finds|e-?mail|message|helps)|all\s+is|it\s+helps|everyone\s+is)"
        r"(?:\s+\w+){0,6}",
        r"(?:many\s+)?(?:thanks?|thank\s+you)(?:\s+(?:very|so)\s+much|\s+a\s+lot)?(?:\s+(?:in\s+advance|again|everyone|all))?"
        r"(?:\s+for\s+(?:your\s+)?(?:\w+\s+)?(?:e-?mail|message|question|patience|attention|understanding|support|help|cooperation"
        r"|time|interest|work|efforts?|commitment))?",
        rf"(?:please\s+)?(?:feel\s+free\s+to\s+|do\s+not\s+hesitate\s+to\s+|don['’]t\s+hesitate\s+to\s+)?{_WRITE}{_TO}"
        rf"(?:\s+(?:if|should)\s+(?:you\s+|there\s+)?(?:(?:have|are|is)\s+)?{_QUESTIONS}|\s+with\s+{_QUESTIONS}|\s+at\s+any\s+time)?",
        rf"(?:if|should)\s+you\s+have\s+{_QUESTIONS},?\s+(?:please\s+)?(?:feel\s+free\s+to\s+|do\s+not\s+hesitate\s+to\s+"
        rf"|don['’]t\s+hesitate\s+to\s+)?{_WRITE}{_TO}",
        r"(?:(?:i|we)\s+(?:(?:am|are)\s+)?|i['’]m\s+|we['’]re\s+)?look(?:ing)?\s+forward\s+to\s+(?:\w+\s+){0,3}(?:you|reply|response|answer|seeing\s+you)",
        r"(?:(?:i|we)\s+(?:am|are|would\s+like|want|wanted)\s+)?(?:to\s+)?(?:writing|write|inform|remind|tell|let)\s+(?:to\s+)?"
        r"(?:(?:inform|remind|tell|let)\s+)?(?:you|everyone|all)(?:\s+know)?(?:\s+(?:of|about|that))?(?:\s+the\s+following)?",
        r"(?:a\s+(?:very\s+)?warm\s+)?welcome(?:\s+(?:to\s+(?:the\s+|our\s+)?(?:team|company)|on\s+board|aboard|back|everyone|all))?",
        r"(?:(?:with\s+)?(?:kind|best|warm|many)\s+(?:regards|wishes|greetings)|(?:yours\s+)?(?:sincerely|faithfully)|cheers|all\s+the\s+best)(?:,?\s+\S+){0,4}",
        r"(?:ich\s+|wir\s+)?(?:hoffe|hoffen|hoffentlich),?\s+(?:es\s+geht|sie\s+hatten|du\s+hattest|diese\s+nachricht|das\s+hilft|dass\s+es)(?:\s+\w+){0,6}",
        r"(?:vielen\s+|herzlichen\s+|besten\s+)?dank(?:e)?(?:\s+(?:im\s+voraus|schon\s+jetzt|nochmals))?"
        r"(?:\s+für\s+(?:ihre?n?|eure?n?|deine?n?|die|das|den)\s+(?:\w+\s+)?(?:nachricht|mail|e-?mail|frage|geduld|verständnis|unterstützung"
        r"|aufmerksamkeit|mitarbeit|hilfe|interesse))?",
        rf"(?:bei|für|mit)\s+{_FRAGEN}(?:\s+\w+){{0,8}}\s+(?:gern(?:e)?|jederzeit|verfügung|melden|wenden)(?:\s+\w+){{0,5}}",
        rf"(?:wenn|falls|sollten)\s+(?:sie|du|ihr)\s+{_FRAGEN}\s+(?:haben|hast|habt),?(?:\s+\w+){{0,8}}",
        r"(?:ich|wir)\s+freue?n?\s+(?:mich|uns)\s+(?:auf|über)(?:\s+\w+){1,5}",
        r"(?:herzlich\s+)?willkommen(?:\s+(?:im\s+team|an\s+bord|zurück|bei\s+uns))?",
        r"(?:mit\s+)?(?:freundlichen?|besten?|herzlichen?|viele[n]?|liebe[n]?)\s+grüße?n?(?:,?\s+\S+){0,4}",
    )
)
_LONGEST = 240  # characters of a courtesy


def without_courtesy(sentence: str) -> str:
    """What is left of a sentence without a salutation before it; "" where all of it is courtesy."""
    said = _SALUTATION.sub("", sentence, count=1)
    bare = " ".join(said.split())
    if not re.search(r"\w", bare):
        return ""
    if len(bare) > _LONGEST or re.search(r"\d", bare):
        return said
    return "" if any(pattern.fullmatch(bare) for pattern in _COURTESIES) else said
