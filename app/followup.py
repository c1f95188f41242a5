"""A follow-up question made whole from the conversation before it, by rules for English and German.

"And the year before?" after "What was Acme's revenue in 2022?" becomes "What was Acme's revenue in 2021?": names and
time are carried over, replaced where the follow-up brings its own, and the topic where it has none. A question that
stands by itself stays as it is. Not covered: who "she" is when nobody was named, questions in other languages.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from app import pronouns
from app.names import Name, names, spoken
from app.periods import Period, last_period, moved, periods, replaced, without_periods
from app.phrases import (
    ORGANISATION,
    PLACE,
    code_completed,
    compound_replaced,
    exchanged,
    head_replaced,
    keyed,
    likeness,
    phrase_of,
    subject_replaced,
)
from app.prompt import Turn
from app.words import STOP_WORDS, content_words, is_german, stem, words

_TURNS = 16  # messages that are looked back on
_LONGEST = 400  # characters of an earlier question that are carried over


@dataclass(frozen=True, slots=True)
class _Before:
    """What the conversation has come to: the last question made whole, its answer, and names said so far."""

    asked: str
    answer: str
    known: frozenset[str]
    german: bool
    person: str = ""  # whom "she" was taken for
    said: tuple[str, ...] = ()  # all names so far

    @property
    def names(self) -> list[Name]:
        return names(self.asked, self.known, german=self.german)

    @property
    def period(self) -> Period | None:
        return last_period([self.asked])

    @property
    def answered_period(self) -> Period | None:
        """The question's, or else the one year that the answer begins with."""
        told = [period for period in periods(_lead(self.answer)) if period.years]
        return self.period or (told[0] if len({period.years for period in told}) == 1 else None)


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question as it would be asked without the conversation; the question itself where it needs none of it."""
    if pronouns.is_polite(question) or len(question) > _LONGEST:
        return question
    recent = history[-_TURNS:]
    german = is_german(" ".join([*(turn.text for turn in recent if turn.role == "user"), question]))
    before = _Before("", "", frozenset(), german)
    for turn in recent:
        if turn.role != "user":
            before = replace(before, answer=turn.text)
        elif not pronouns.is_polite(turn.text):
            text = _one_line(turn.text)[:_LONGEST]
            person = _answered(before) if pronouns.PERSON.search(text) else ""
            asked = _whole(text, before)[:_LONGEST]
            said = [name for name in names(asked, before.known, german=german) if name.shape != "short"]
            known = before.known.union(*(spoken(name.text) for name in said))
            full = tuple(dict.fromkeys([*before.said, *(name.text for name in said)]))
            before = _Before(asked, "", known, german, before.person or person or "", full)
    whole = _whole(_one_line(question), before)
    return question if whole == _one_line(question) else whole


def is_follow_up(question: str, history: Sequence[Turn]) -> bool:
    """Whether the question leans on the conversation, as far as rules can tell."""
    return standalone(question, history) != question


def _whole(question: str, before: _Before) -> str:
    if not before.asked:
        return question
    said = keyed(pronouns.POLITE.sub("", question) or question)
    if back := pronouns.RETURN.match(said):
        found = names(back[1], before.known, german=before.german, inside=True)
        if found and spoken(found[0].text) <= before.known:
            named = _in_full(found[0], before)
            asked = exchanged(before.asked, named, back[1], before.names) or before.asked
            return _whole(said[back.end() :], replace(before, asked=asked))
    asked = moved(said, before.answered_period)
    opener = pronouns.OPENER.match(asked)
    rest = re.sub(r",?\s(?:then|dann)(?=\s?[?.!]*$)", "", asked[opener.end() :] if opener else asked).strip()
    if not rest:
        return question
    own = names(rest, before.known, german=before.german, inside=opener is not None) or _in_lower_case(rest, before)
    own = [_in_full(name, before) for name in own]
    strong = [name for name in own if name.shape != "short" or all(n.shape == "short" for n in before.names)]
    if not pronouns.is_sentence(rest) or (opener and len(words(rest)) <= 2 and strong):
        short = len(content_words(without_periods(rest))) <= 4
        if (opener and short) or _is_fragment(rest, strong):
            return _fragment(rest, strong, before, opened=opener is not None)
        return asked if opener is None or strong else _carried(asked, before)
    return _clause(rest, own, strong, before, question if asked == said else asked, opened=opener is not None)


def _in_full(name: Name, before: _Before) -> Name:
    """A name as it was first said: "Acme" for what was "Acme Holding" before."""
    longer = [said for said in before.said if spoken(name.text) < spoken(said)]
    return replace(name, text=longer[0]) if len(longer) == 1 and len(name.text.split()) == 1 else name


def _in_lower_case(rest: str, before: _Before) -> list[Name]:
    """ "for walmart": one bare word where the conversation has the name of an organisation."""
    found = re.fullmatch(r"(for|at|bei|von) (\w{3,})(['’]s)?[ ?.!]*", rest)
    if found is None or not found[2].islower() or re.search(r"(?:[^s]s|ing|ung|en)$", found[2]):
        return []
    new = Name(found.start(2), found.end(2), found[2], found[3] is not None, found[1])
    return [new] if any(likeness(old, new) > 3 for old in before.names) and content_words(found[2]) else []


def _is_fragment(rest: str, own: Sequence[Name]) -> bool:
    """Nothing but a time, a name, or a phrase that begins with a small word."""
    left = content_words(without_periods(_without(rest, own)))
    bare = phrase_of(rest)
    return not left or (bool(bare) and len(left) <= 2) or (len(left) <= 2 and not own)


def _fragment(rest: str, own: Sequence[Name], before: _Before, *, opened: bool) -> str:
    """Of "And in 2021?", "for Walmart?", "and part-time staff?": put into the earlier question."""
    asked = before.asked
    for period in periods(rest):
        asked = replaced(asked, period) or _appended(asked, f"in {period.text}")
    left = without_periods(_without(rest, own))
    topic = [word for word in content_words(left) if word not in pronouns.FILLERS]
    new = [word for word in topic if word not in content_words(before.asked)]
    if own and new and not phrase_of(rest):
        return _named(rest, own, before)
    phrase = pronouns.GENITIVE.sub("", pronouns.THERE.sub("", without_periods(rest))).strip(" ?.!,")
    if own and topic and not new and re.search(rf"{re.escape(own[-1].text)}\s[a-zäöüß]+$", phrase):
        return head_replaced(asked, phrase) or _appended(asked, phrase)
    for name in own:
        asked = exchanged(asked, name, rest, before.names) or _appended(asked, rest)
    if own and new:
        return _appended(
            asked,
            re.sub(
                r"\s(?:in|at|for|from|of|bei|für|von|aus)\s+(?:the\s+)?$", "", _without(rest, own).rstrip("?.! ") + " "
            ),
        )
    if own or not new:
        bare = own or periods(rest) or not (topic or words(left))
        return asked if bare else code_completed(asked, phrase, before.names) or _appended(asked, rest)
    return _topic_put_in(asked, phrase, before, opened=opened)


def _topic_put_in(asked: str, phrase: str, before: _Before, *, opened: bool) -> str:
    if one := re.fullmatch(r"(?:the\s)?(.+?)\sones?", phrase, re.I):
        return _appended(asked, one[1])
    held = any(name.possessive or name.before in ORGANISATION for name in before.names)
    changed = code_completed(asked, phrase, before.names) or head_replaced(asked, phrase)
    changed = changed or (compound_replaced(asked, phrase) if before.german else None)
    changed = changed or (subject_replaced(asked, phrase) if held else None)
    if changed is None and held and not opened and not phrase_of(phrase):
        return _carried(phrase, before)
    return changed or _appended(asked, phrase)


def _named(rest: str, own: Sequence[Name], before: _Before) -> str:
    """A phrase with a name and a topic of its own lacks only the time."""
    period = before.period
    return rest if period is None or periods(rest) else _appended(rest, _in(period, before))


def _clause(
    rest: str, own: Sequence[Name], strong: Sequence[Name], before: _Before, asked: str, *, opened: bool
) -> str:
    """Of a whole sentence: what its pronouns mean, or what it leaves out."""
    plain = pronouns.EXPLETIVE.sub(" ", rest)
    left = [word for word in content_words(without_periods(_without(plain, own))) if word not in pronouns.FILLERS]
    holder, bearer, topic = pronouns.HOLDER.search(plain), pronouns.bearer(plain), pronouns.TOPIC.search(plain)
    who = pronouns.PERSON.search(plain)
    person = who is not None
    if pronouns.CONDITION.match(rest):
        return _appended_question(before.asked, rest)
    if not left and not own:
        return _without_topic(rest, before, bearer or topic)
    meant = _meant(before, person=person)
    if strong:
        named = _with_name(rest, who, meant, before) if person else rest
        return _of_its_own(named, strong, before, asked, leans=bool(bearer or topic), opened=opened, left=left)
    if holder is None and bearer is not None and not person and _is_topic(bearer, plain, left, before):
        return _appended_question(before.asked, rest)
    if topic and holder is None and not person:
        return _appended_question(before.asked, rest)
    if holder or bearer:
        named = _with_name(rest, who or holder or bearer, meant, before)
        if meant is None or meant not in before.asked:
            return _appended_question(before.asked, named)
        return _carried(named, before)
    return _incomplete(rest, left, before, asked, noun=pronouns.has_noun(rest, left), opened=opened)


def _is_topic(bearer: re.Match[str], plain: str, left: Sequence[str], before: _Before) -> bool:
    """Whether a pronoun means what the earlier question is about, and not the company or product that it names."""
    if pronouns.OPEN.match(before.asked) and _answered(before):
        return False
    if _main(before.names) is None or not pronouns.has_noun(plain, left) or pronouns.LONGER.search(plain):
        return True
    if bearer[0].casefold() in ("there", "dort", "here"):
        return True
    return bearer[0].casefold() in ("it", "es") and not pronouns.ASKED_IT.search(plain)


def _incomplete(rest: str, left: Sequence[str], before: _Before, asked: str, *, noun: bool, opened: bool) -> str:
    """A sentence without a pronoun: by how much it says itself."""
    if not noun or pronouns.ELLIPSIS.match(rest):
        return _appended_question(before.asked, rest)
    if pronouns.OF_US.search(rest) and len(left) > 1:
        return asked
    definite = re.search(r"\b(?:the|der|die|das|den|dem|des|beim?|im|am)\s", rest, re.I)
    held = any(name.shape != "short" and (name.before not in PLACE or len(left) > 1) for name in before.names)
    if held:
        short = len(left) <= (3 if definite else 2)
        return _carried(rest, before) if opened or short or pronouns.PAST.search(rest) else asked
    alone = len(left) > 1 or (pronouns.DEFINES.match(rest) and not periods(rest))
    return asked if alone else _appended_question(before.asked, rest)


def _without_topic(rest: str, before: _Before, leans: re.Match[str] | None) -> str:
    """Of "why?", "since when?", "what was it in 2021?": the earlier question, about another time if it says so."""
    said = periods(rest)
    asked = before.asked
    for period in said:
        asked = replaced(asked, period) or _appended(asked, f"in {period.text}")
    same = said and not pronouns.SELF_MADE.search(rest) and (leans or len(words(rest)) <= 6)
    return asked if same else _appended_question(asked, rest)


def _of_its_own(
    rest: str, own: Sequence[Name], before: _Before, asked: str, *, leans: bool, opened: bool, left: Sequence[str]
) -> str:
    """A sentence with its own name needs the topic where a pronoun stands for it, and the time where it is parallel."""
    if leans:
        earlier = before.asked
        for name in own if not pronouns.COMPARES.search(rest) else ():
            earlier = exchanged(earlier, name, rest, before.names) or earlier
        return _appended_question(earlier, rest) if left or earlier == before.asked else earlier
    parallel = {stem(word) for word in left} <= set(content_words(before.asked))
    if (opened or parallel) and before.period is not None and not periods(rest) and not pronouns.TIMELESS.search(rest):
        return _appended(rest, _in(before.period, before)) if before.names else asked
    return asked


def _carried(asked: str, before: _Before) -> str:
    """`asked` with the names and the time of the conversation that it does not say itself."""
    said = names(asked, before.known, german=before.german)
    given = {word for name in said for word in spoken(name.text)}
    found = [name for name in before.names if name.shape != "short" and spoken(name.text).isdisjoint(given)]
    body = asked
    for name in found:
        body = _appended(body, _place(before, name))
    period = before.period
    if period is not None and not periods(asked) and not pronouns.TIMELESS.search(asked):
        body = _appended(body, _in(period, before))
    return body


def _place(before: _Before, name: Name) -> str:
    """The name with the small word that it had."""
    if name.before in ("in", "at", "with", "for", "by", "from", "bei", "mit", "für", "aus", "an"):
        start = before.asked.casefold().rfind(name.before, 0, name.start)
        return before.asked[start : name.end]
    return f"{'von' if before.german else 'of'} {name.text}"


def _meant(before: _Before, *, person: bool) -> str | None:
    """Whom or what a pronoun means: a person whom the answer names, or what the conversation is about."""
    if person:
        return before.person or _answered(before)
    found = _answered(before) if pronouns.OPEN.match(before.asked) else None
    return found or _main(before.names)


def _with_name(rest: str, pronoun: re.Match[str] | None, meant: str | None, before: _Before) -> str:
    """`rest` with the pronoun replaced by what it means."""
    if pronoun is None or meant is None or pronoun[0].casefold() in ("there", "dort", "here"):
        return rest
    genitive = pronoun[0].casefold() in ("its", "their", "his", "deren", "dessen") or pronoun[0].endswith("s")
    shown = f"{meant}{'s' if before.german else chr(39) + 's'}" if genitive and pronoun.re is pronouns.HOLDER else meant
    return re.sub(rf"(?<!\w){re.escape(pronoun[0])}(?!\w)", lambda _: shown, rest, count=1)


def _main(found: Sequence[Name]) -> str | None:
    """The possessor, or else the first that is neither an abbreviation nor a place."""
    ranked = sorted((name for name in found if name.before not in PLACE), key=_prominence)
    return ranked[0].text if ranked else None


def _prominence(name: Name) -> tuple[bool, bool, int]:
    return name.shape == "short", not name.possessive, name.start


def _answered(before: _Before) -> str | None:
    """A name that the answer begins with and that the question had not."""
    if before.german:
        return None
    lead = _lead(before.answer)
    first = frozenset(words(lead)[:1]) - STOP_WORDS if lead[:1].isupper() else frozenset()
    told = [name for name in names(lead, first) if spoken(name.text).isdisjoint(before.known)]
    return told[0].text if told and len(told) <= 3 else None


def _appended(text: str, phrase: str) -> str:
    body = text.rstrip(" ?.!")
    return f"{body} {phrase.strip(' ?.!,')}?"


def _appended_question(earlier: str, question: str) -> str:
    earlier = earlier.rstrip()
    return f"{earlier if earlier[-1:] in ('.', '?', '!') else f'{earlier}?'} {question.strip()}"


def _in(period: Period, before: _Before) -> str:
    if not before.german:
        return f"in {period.text}"
    return f"im {period.text}" if period.quarter or period.month else f"im Jahr {period.text}"


def _without(text: str, found: Collection[Name]) -> str:
    for name in sorted(found, key=lambda name: -name.start):
        text = f"{text[: name.start]} {text[name.end :]}"
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _lead(answer: str) -> str:
    """The first sentence of an answer."""
    return re.split(r"(?<=[^\W\dA-Z][.!?])\s|(?<=\d[.!?])\s|\[\d|\n", answer.strip(), maxsplit=1)[0][:300]
