"""What a question asks for: an answer, a comparison, a summary, fields in a table, or a draft.

By rules for English and German, from the verb that the question begins or ends with. Not covered: how each is done
(`compare`, `summary`, `fields`, `draft`), and whether the documents that it names exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.comparison import comparisons
from app.enumeration import parted
from app.sides import sides
from storage.errors import InvalidInput
from storage.types import Mode

_POLITE = re.compile(
    r"^\s*(?:(?:hi|hello|hallo|guten tag)\b[,!.]?\s+)?(?:(?:please|bitte|kindly)\b,?\s+)?"
    r"(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?(?:help\s+me\s+(?:to\s+)?)?|help\s+me\s+(?:to\s+)?"
    r"|i\s+(?:need|want|would\s+like)\s+(?:you\s+to\s+)?|i['’]d\s+like\s+(?:you\s+to\s+)?"
    r"|(?:kannst|könntest|würdest)\s+du\s+(?:mir\s+)?(?:bitte\s+)?|(?:können|könnten|würden)\s+sie\s+(?:mir\s+)?(?:bitte\s+)?"
    r"|hilf\s+mir,?\s+|ich\s+(?:brauche|möchte|hätte\s+gerne?)\s+)?(?:(?:please|bitte)\s+)?",
    re.I,
)
_SUMMARY = re.compile(
    r"^(?:(?:write|give|make|create|prepare|provide)\s+(?:me\s+|us\s+)?)?(?:an?\s+|the\s+)?(?:(?:short|brief|quick|detailed|concise|one-page)\s+)?"
    r"(?:summari[sz]e|sum\s+up|summary\s+(?:of|for)|overview\s+of|abstract\s+of|tl;?dr(?:\s+of)?)\s*:?\s*(?P<of>.*)$"
    r"|^(?:fasse?|fassen\s+sie)\s+(?:mir\s+|uns\s+)?(?:bitte\s+)?(?P<of2>.*?)\s*\bzusammen\b.*$"
    r"|^(?:(?:gib|geben\s+sie|schreibe?|erstelle?|mach)\s+(?:mir\s+|uns\s+)?(?:bitte\s+)?)?(?:eine\s+|die\s+)?(?:kurze\s+)?"
    r"zusammenfassung\s+(?:von\s+|vom\s+|zu\s+|zum\s+|zur\s+|der\s+|des\s+|über\s+)?(?P<of3>.*)$"
    r"|^(?P<of4>.+?)\s+(?:kurz\s+)?zusammenfassen\W*$",
    re.I | re.S,
)
_ALL = r"(?:all|each|every|alle[nrs]?|jede[mnrs]?|sämtliche[nr]?)"
_POLITELY = r"(?:\s+sie)?(?:\s+mir)?(?:\s+bitte)?"
_EXTRACT = tuple(  # verbs that mean nothing else
    re.compile(pattern, re.I | re.S)
    for pattern in (
        r"^(?:extract|pull\s+out|pull|collect|gather)\s+(?P<fields>.+?)\s+(?:out\s+of|from|of|in|for)\s+"
        rf"(?P<of>(?:{_ALL}|the|these|both|our|this)\b.*)$",
        r"^extract\s+(?P<fields>.+?)\s+(?:out\s+of|from)\s+(?P<of>.+)$",
        rf"^(?:extrahiere?n?|entnimm|zieh(?:e|en)?|lies|hole?){_POLITELY}\s+(?P<fields>.+?)\s+(?:aus|für|in|von)\s+"
        rf"(?P<of>(?:{_ALL}|den|dem|der|diesen|diesem|unseren|beiden)\b.*?)(?:\s+(?:heraus|aus|zusammen))?$",
        rf"^(?P<fields>.+?)\s+(?:aus|für|von)\s+(?P<of>{_ALL}\b.*?)\s+(?:extrahieren|herausziehen|auslesen|auflisten)$",
    )
)
_LIST = tuple(  # words that may also ask for an answer
    re.compile(pattern, re.I | re.S)
    for pattern in (
        r"^(?:(?:make|create|give\s+me|show\s+me|build|draw\s+up)\s+)?(?:an?\s+)?(?:table|list|spreadsheet|overview)\s+"
        rf"(?:of|with)\s+(?P<fields>.+?)\s+(?:from|of|for|in|across)\s+(?P<of>{_ALL}\b.*)$",
        rf"^(?:list|tabulate|get|find)\s+(?P<fields>.+?)\s+(?:from|of|for|in|across)\s+(?P<of>{_ALL}\b.*)$",
        rf"^(?:(?:erstelle?n?|mach|gib|zeige?){_POLITELY}\s+)?(?:eine\s+)?(?:tabelle|liste|übersicht)\s+"
        rf"(?:mit|von|der|über)\s+(?P<fields>.+?)\s+(?:aus|für|von|zu|über)\s+(?P<of>{_ALL}\b.*)$",
        rf"^liste?\s+(?P<fields>.+?)\s+(?:aus|für|von|zu)\s+(?P<of>{_ALL}\b.*?)(?:\s+auf)?$",
    )
)
_TEXT = (
    r"(?P<kind>e-?mails?|mails?|letters?|repl(?:y|ies)|responses?|messages?|memos?|notes?|notices?|announcements?|paragraphs?|texts?"
    r"|drafts?|newsletters?|briefe?|antwort(?:en)?|nachricht(?:en)?|schreiben|mitteilung(?:en)?|ankündigung(?:en)?|rundmails?"
    r"|rundschreiben|absatz|absätze|entwurf|notiz(?:en)?|aushang|faq)"
)
_DRAFT = re.compile(
    rf"^(?:draft|write|compose|formulate|prepare)\s+(?:me\s+|us\s+|up\s+)?(?:an?\s+|the\s+|our\s+)?(?:[\w-]+\s+){{0,3}}?{_TEXT}\b"
    r"|^(?:an?\s+)(?:[\w-]+\s+){0,2}?(?:e-?mail|letter|memo|draft)\s+(?:to|for|about|that)\b"
    rf"|^(?:entw(?:irf|erfen)|schreibe?n?|verfassen?|formulieren?|erstellen?|bereite)\s+(?:sie\s+)?(?:mir\s+|uns\s+)?(?:bitte\s+)?(?:eine?[nmr]?\s+)?"
    rf"(?:[\w-]+\s+){{0,3}}?{_TEXT.replace('kind', 'kind2')}\b"
    r"|^(?:eine?n?\s+)(?:[\w-]+\s+){0,2}?(?P<kind3>e-?mail|mail|brief|memo|entwurf|text|schreiben|mitteilung)\b.*\b(?:schreiben|entwerfen|verfassen|formulieren|erstellen)\W*$",
    re.I | re.S,
)
_COMPARES = re.compile(
    r"\bcompar(?:e[sd]?|ing|ison)\b|\bcontrast\b|\bdifferences?\s+between\b|\bdiffers?\b|\bside\s+by\s+side\b|\bvs\b|\bversus\b"
    r"|\bvergleich\w*|\bunterschied\w*|\bunterscheide\w*|\bgegenüber(?:stellen|stellung)\b|\bstelle?\b.*\bgegenüber\b",
    re.I,
)
_LONGEST = 1000  # characters of a question that are looked at
_FOR_ME = re.compile(r"\s+(?:for\s+(?:me|us)|für\s+(?:mich|uns)|please|bitte|briefly|in\s+short|kurz)$", re.I)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`fields` are the values wanted, `of` what the documents are called, as the question says it.

    `certain`: its verb means nothing else; else it does only where there are documents so called.
    """

    fields: tuple[str, ...]
    of: str
    certain: bool


def mode_of(word: str | None) -> Mode | None:
    """The mode of a request or command. Raises InvalidInput for what is none."""
    try:
        return Mode(word.strip().lower()) if word and word.strip() else None
    except ValueError as error:
        raise InvalidInput(f"mode: one of {', '.join(Mode)}.") from error


def recognise(question: str) -> Mode:
    """The mode that the question's words ask for; ANSWER where they ask for none."""
    if _COMPARES.search(question) and (sides(question) or comparisons(question)):
        return Mode.COMPARISON
    if drafted(question) is not None:
        return Mode.DRAFT
    if summarised(question) is not None:
        return Mode.SUMMARY
    return Mode.FIELDS if wanted(question) is not None else Mode.ANSWER


def summarised(question: str) -> str | None:
    """What is to be summarised ("the travel policy"), empty where it is not said; None where nothing is."""
    found = _SUMMARY.match(_bare(question))
    if found is None:
        return None
    return _FOR_ME.sub("", next((part for part in found.groups() if part), "").strip(" .?!:"))


def drafted(question: str) -> str | None:
    """The kind of text that is to be written, in the question's words; None where none is."""
    found = _DRAFT.match(_bare(question))
    return next((part for part in found.groups() if part), "text").casefold() if found else None


def wanted(question: str) -> Wanted | None:
    """The fields to be taken out of documents; None where the question does not say so."""
    bare = _bare(question)
    for pattern in (*_EXTRACT, *_LIST):
        if (found := pattern.match(bare)) and (names := field_names(found["fields"])):
            return Wanted(names, found["of"].strip(), pattern in _EXTRACT)
    return None


def field_names(said: str) -> tuple[str, ...]:
    """The names in "the supplier, contract date and notice period"."""
    parts = parted(said.strip(" .:"))
    bare = (
        re.sub(r"^(?:the|an?|its|their|all|der|die|das|den|dem|des|ein\w*|jeweils)\s+", "", part, flags=re.I)
        for part in parts
    )
    return tuple(dict.fromkeys(" ".join(part.split()) for part in bare if re.search(r"[^\W_]", part)))


def _bare(question: str) -> str:
    return " ".join(_POLITE.sub("", question[:_LONGEST], count=1).split()).strip(" .?!")
