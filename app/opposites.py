# ruff: noqa: E501 - patterns and lists of words read better unbroken
"""Words that say the opposite of each other, and negation: whether one clause denies what another says.

English and German, by lists of common words: rise and fall, permitted and forbidden, tenant and landlord. Two clauses
are compared by what they share, so that "not permitted" and "forbidden" agree. Not covered: opposites that are no
matter of single words, and limits of numbers ("at least 3", `quantities`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Sense:
    """What a clause says on each axis, and whether it is denied. `words` are those that said so, by axis.

    `firm`: axes on which the negative word denies by itself ("forbidden").
    """

    sides: Mapping[str, frozenset[str]]
    denied: bool
    words: Mapping[str, str] = field(default_factory=dict)
    cue: str = ""


# axis: sides parted by "|"; a word stands for all that begin with it, with "$" for itself alone, with "." for parts of
# longer ones. The first two sides of an axis that begins with "!" deny each other: "prohibited" is "not permitted".
_AXES = """
direction: rise rose risen rising raise increas grow grew climb surg gain$ gained gains jump$ jumped higher up$ expand doubl tripl steig stieg gestiegen erhöh zunahm zunehm zugenommen nahm_zu wachs wuchs gewachsen angehoben anheb anstieg übertr lengthen länger improve verbesser more$ mehr$ above$ über$ höher | fall fell fallen declin decreas drop shrink shrank shrunk reduc lower$ lowered slip$ slipped cut$ cuts down$ less$ fewer lost$ lose$ loses losing sink sank gesunken fiel$ fielen gefallen verring gekürzt kürz rückgang zurückgegang zurückging verlor abnahm abgenommen abnehm gesenkt senk halv shorten worsen verschlechter weniger$ below$ under$ unter$ niedriger gering
!permission: may$ can$ could$ allow permit permissib entitled eligib authoris authoriz possib darf$ dürfen$ dürfte kann$ können$ erlaub zulässig gestatt möglich zugelassen able$ | prohibit forbid forbidden banned barred disallow unable verboten verbiet untersag unzulässig impossib unmöglich PROHIBIT
!obligation: must$ require requir compulsory mandatory obligat obliged need$ needs$ needed necessary has_to have_to muss$ müssen$ verpflicht erforderlich nötig pflicht$ zwingend | optional voluntar freiwillig OPTIONAL unnecessary
!inclusion: includ cover$ covered covers count$ counts counted enthalten einschließ inbegriffen eingeschlossen taken_into_account | exclud uncovered ausgeschlossen ausgenommen ausschließ
!constancy: remain stay$ stays stayed unchanged bleib blieb | chang änder geändert verändert
!success: succeed success successful erfolgreich | fail$ failed fails failure unsuccessful gescheitert erfolglos
!acceptance: accept approv agree$ agreed agrees genehmig zustimm zugestimmt angenommen bewillig | reject refus declin$ declined deny denied disapprov abgelehnt ablehn verweiger
!together: together zusammen gemeinsam | apart separate getrennt
!inside: within inside innerhalb | outside außerhalb
!harm: suffer harm$ | protect prevent$ avoid$ schütz vermeid verhinder
!open: open$ opened opens opening geöffnet offen$ öffn | close$ closed closes closing geschlossen schließ
!paid: paid$ bezahlt | unpaid unbezahlt
!valid: valid$ gültig | invalid ungültig
!internal: internal intern$ interne | external extern
!known: known$ bekannt | unknown unbekannt
!limited: limited befrist begrenzt | unlimited unbefrist unbegrenzt
profit: profit gain surplus gewinn überschuss | loss$ losses deficit verlust fehlbetrag defizit
party: tenant mieter lessee | landlord vermieter lessor
trade: buyer$ buyers purchaser käufer | seller$ sellers vendor verkäufer
work: employer arbeitgeber | employee arbeitnehmer
money: lender creditor gläubiger | borrower debtor schuldner
supply: supplier lieferant | customer client kunde
time: before$ prior$ vor$ bevor$ previously | after$ afterwards nach$ nachdem$ following$ danach
limit: minimum least$ mindest mindestens | maximum most$ höchst höchstens limit$
size: largest biggest highest greatest longest größte höchste längste | smallest lowest shortest least$ kleinste niedrigste kürzeste
rank: best$ beste | worst$ schlechteste
first: first$ erste | last$ letzte
begin: begin begun began start$ starts started beginn anfang | end$ ends ended ending expire ende$ endet
earliest: earliest frühesten | latest spätesten
early: early$ earlier früh | late$ later$ spät
speed: faster quicker schneller | slower langsamer
gross: gross$ brutto | net$ netto
flow: import$ imports imported | export$ exports exported
asset: asset | liabilit
direct: inbound incoming eingehend | outbound outgoing ausgehend
public: public$ öffentlich | private$ privat | confidential vertraulich
term: permanent unbefristet | temporary vorübergehend
shift: morning$ morgens | evening$ abends | night$ nachts | afternoon$ nachmittags
share: majority mehrheit | minority minderheit
side: left$ linke | right$ rechte
north: north northern nord nördlich | south southern süd südlich
east: eastern$ östlich | western$ westlich
on: switched_on eingeschaltet einschalt | switched_off ausgeschaltet ausschalt off$
hire: hire hired hires eingestellt | dismiss dismissed laid_off entlassen
join: join$ joins joined eintritt | leave$_the leaves$_the left_the austritt
sale: bought buy$ buys purchas acquire kauf gekauft erwarb | sold sell$ sells selling verkauf
heat: hot$ warm$ heiß | cold$ cool$ kalt
state: solid$ fest$ | liquid$ flüssig
wet: wet$ nass | dry$ trocken
support: for$_the in_favour | against$ gegen$ dagegen
always: always immer stets | never$ nie$ niemals | sometimes manchmal
strength: strong stärk | weak schwäch
old: newest neueste | oldest älteste
fix: fixed$ fest | variable$ variabel
only: full$-time vollzeit full_time | part$-time teilzeit part_time
wage: paid_leave | unpaid_leave
"""
_CUES = re.compile(
    r"(?<![^\W_])(?P<cue>not|no|never|nobody|none|neither|nor|without|cannot|n['’]t|free of|lacks?|withh[eo]ld|nothing"
    r"|no one|nowhere|hardly|except|außer|nicht|nichts|kein(?:e[nrsm]?)?|nie(?:mals)?|niemand|ohne|weder|keinesfalls)(?![^\W_])|(?<=[a-z])(?P<short>n['’]t)\b",
    re.I,
)
_NO_CUES = re.compile(
    r"\b(?:not only|nothing but|no later than|no doubt|nicht nur|nicht zuletzt|not least|no(?=\.? ?\d)|whether or not|not until|not before"
    r"|not[- ]yet[- ]|nicht(?=\s(?!genehmig|erlaub|zuläss)[a-zäöü]+(?:er|e|en|es|em)\s[A-ZÄÖÜ]))\b",
    re.I,
)
_REWRITTEN = (
    (r"\b(?:may|must|shall|can|could|should) ?not\b|\bcannot\b|\bcan['’]t\b|\bmustn['’]t\b", " PROHIBIT "),
    (r"\b(?:must|may|shall|can) never\b", " PROHIBIT "),
    (r"\b(darf|dürfen)\b(?P<between>(?:\s[\w,-]+){0,7}?)\s(?:nicht|kein\w*)\b", r" PROHIBIT \g<between> "),
    (r"\b(kann|können)\b(?P<between>(?:\s[\w,-]+){0,7}?)\s(?:nicht|kein\w*)\b", r" PROHIBIT \g<between> "),
    (r"\b(?:need not|needn['’]t|(?:does|do|did) not (?:have|need) to|no need to)\b", " OPTIONAL "),
    (r"\b(?:nahm|nahmen|nimmt|nehmen)\b(?P<between>[^.;]*?)\bab\b", r" abnahm \g<between> "),
    (r"\b(?:nahm|nahmen|nimmt|nehmen|legte|legten)\b(?P<between>[^.;]*?)\bzu(?=\W*$|,)", r" zunahm \g<between> "),
    (r"\b(?:ging|gingen|geht|gehen)\b(?P<between>[^.;]*?)\bzurück\b", r" rückgang \g<between> "),
    (r"\b(muss|müssen)\b(?P<between>(?:\s[\w,-]+){0,7}?)\snicht\b", r" OPTIONAL \g<between> "),
)  # fmt: skip
_FIRM = ("PROHIBIT", "prohibit", "forbid", "banned", "disallow", "verbot", "untersag", "unzulässig", "unmöglich", "imposs",
         "unable", "exclud", "ausgeschlossen", "ausgenommen", "OPTIONAL")  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Denial:
    """Why two clauses can't both be true: what the source says there, and what the claim does."""

    said: str
    claimed: str


def sense(clause: str) -> Sense:
    """What a clause says. Its numbers' limits should be blanked out."""
    text = _NO_CUES.sub(lambda found: " " * len(found[0]), clause)
    for pattern, tokens in _REWRITTEN:
        text = re.sub(pattern, tokens, text, flags=re.I)
    cues = list(_CUES.finditer(text))
    spoken = [(word if word.isupper() and len(word) > 5 else word.casefold()) for word in _WORD.findall(text)]
    phrases = [*spoken, *(f"{one}_{other}" for one, other in pairwise(spoken))]
    sides: dict[str, set[str]] = {}
    words: dict[str, str] = {}
    for word in phrases:
        for axis, side in _sides_of(word):
            sides.setdefault(axis, set()).add(side)
            words.setdefault(axis, word)
    return Sense(
        {axis: frozenset(found) for axis, found in sides.items()},
        len(cues) % 2 == 1,
        words,
        cues[0][0] if cues else "",
    )


def denial(claimed: Sense, said: Sense, *, close: bool) -> Denial | None:
    """How `said` denies `claimed`, if it does. `close`: they speak of the same, so that a missing "not" counts.

    An axis counts where each clause takes one side of it, and only one.
    """
    shared = [axis for axis in claimed.sides if axis in said.sides]
    apart = [
        axis
        for axis in shared
        if len(claimed.sides[axis]) == len(said.sides[axis]) == 1 and claimed.sides[axis] != said.sides[axis]
    ]
    first = _denied(claimed, shared)
    second = _denied(said, shared)
    opposed = sum(axis in _POLAR or axis in _DIRECTED for axis in apart) % 2 == 1
    roles = [axis for axis in apart if axis not in _POLAR and axis not in _DIRECTED]
    if (first != second) == opposed and roles and close:
        return Denial(_shown(said, roles[0]), _shown(claimed, roles[0]))
    if (first != second) == opposed:
        return None
    if opposed:
        axis = next(axis for axis in apart if axis in _POLAR or axis in _DIRECTED)
        return Denial(_shown(said, axis), _shown(claimed, axis))
    if not close:
        return None
    return Denial(_negation(said, shared), _negation(claimed, shared))


def _denied(clause: Sense, shared: list[str]) -> bool:
    """Whether a clause is denied, by a "not" or by a word on an axis that the other does not touch."""
    firm = sum(
        axis in _POLAR and axis not in shared and clause.sides[axis] == {"1"} and clause.words[axis].startswith(_FIRM)
        for axis in clause.sides
    )
    return clause.denied != (firm % 2 == 1)


def _shown(clause: Sense, axis: str) -> str:
    word = clause.words[axis]
    word = {"PROHIBIT": "may not", "OPTIONAL": "need not"}.get(word, word).replace("_", " ")
    return f"not {word}" if clause.denied and axis in _POLAR else word


def _negation(clause: Sense, shared: list[str]) -> str:
    firm = [
        clause.words[a] for a in clause.sides if a in _POLAR and a not in shared and clause.words[a].startswith(_FIRM)
    ]
    shown = {"PROHIBIT": "may not", "OPTIONAL": "need not"}
    return clause.cue or (shown.get(firm[0], firm[0]) if firm else "")


@cache
def _sides_of(word: str) -> tuple[tuple[str, str], ...]:
    found = []
    for axis, side, start, whole in _ENTRIES:
        if word == start if whole else (word.startswith(start) and (len(start) > 3 or word == start)):
            found.append((axis, side))
    return tuple(dict.fromkeys(found))


def _entries() -> tuple[list[tuple[str, str, str, bool]], frozenset[str]]:
    entries, polar = [], set()
    for line in _AXES.strip().splitlines():
        axis, _, sides = line.partition(": ")
        if axis.startswith("!"):
            axis = axis[1:]
            polar.add(axis)
        for number, side in enumerate(sides.split(" | ")):
            for word in side.split():
                entries.append((axis, str(number), word.replace("$", ""), "$" in word or word.isupper() or "_" in word))
    return entries, frozenset(polar)


_ENTRIES, _POLAR = _entries()
_DIRECTED = frozenset({"direction"})  # "did not rise" goes with "fell"
