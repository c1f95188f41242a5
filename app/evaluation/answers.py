"""How good an answer is: against its reference, against what it cites, and whether it rightly says "not found".

Exact match and F1 are SQuAD's, citation recall and precision are ALCE's (Gao et al., 2023, "Enabling Large Language
Models to Generate Text with Citations") with the support check of `app.cite`, which compares words and numbers, in
place of an entailment model.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TypedDict

from app.cite import supports
from app.evaluation.outcomes import Support
from app.evaluation.questions import Question
from app.quotation import plain
from app.statements import without_bullet
from app.words import content_words
from ingest.sentences import ITEM, sentences

_MARKS = re.compile(r"(?:\s*(?<!\\)\[\d{1,3}\])+")
_MARK = re.compile(r"(?<!\\)\[(\d{1,3})\]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_RULE = re.compile(r"\|?(\s*:?-{3,}:?\s*\|?)+")
_NUMBER = re.compile(
    r"(?<![\w.,])(?<![A-Za-z]-)(?:\d{1,3}(?:[.,'’\u00a0\u202f]\d{3})+|\d+)(?:[.,]\d+)?"
    r"(?=(?:k|m|mn|b|bn)\b|\W|$)(?![-–][A-Z\d]*[A-Z])"  # "24-hour" has a number, "10-K" and "3M" have none
)
_SCALE = re.compile(
    r"\)?\s*(?:(thousand|tausend|tsd\b|k\b)|(millions?|millionen|mio\b|mn\b|m\b)"
    r"|(billions?|milliarden?|mrd\b|bn\b|b\b))",
    re.I,
)
_SPOKEN = {
    word: number
    for number, words in enumerate(
        "two|zwei three|drei four|vier five|fünf six|sechs seven|sieben eight|acht nine|neun ten|zehn eleven|elf"
        " twelve|zwölf".split(),
        2,
    )
    for word in words.split("|")
}
_HEDGE = re.compile(r"\s*(?:The documents may not answer this|Vielleicht beantworten die Dokumente das nicht)[^\n]*")


class Likeness(TypedDict):
    """To a reference answer; None where there is none, or it has no figures."""

    figures: float | None
    exact_match: float | None
    f1: float | None


def against_reference(answer: str, question: Question) -> Likeness:
    """`answer` is "" where none was given."""
    references = question.answers if question.answerable else ()
    return {
        "figures": figures(answer, references, question.text),
        "exact_match": exact_match(answer, references) if references else None,
        "f1": token_f1(answer, references) if references else None,
    }


def exact_match(answer: str, references: Sequence[str]) -> float:
    """1 when the answer is one of the references, up to case, punctuation, articles and white space."""
    return float(_normal(_words_of(answer)) in {_normal(one) for one in references})


def token_f1(answer: str, references: Sequence[str]) -> float:
    """The best F1 of the answer's words against those of a reference."""
    return max((_f1(_normal(_words_of(answer)).split(), _normal(one).split()) for one in references), default=0.0)


def figures(answer: str, references: Sequence[str], question: str = "") -> float | None:
    """The share of a reference's numbers that stand in the answer, the best reference; None where none has numbers.

    Numbers are compared as values: "$1,234 million" is 1,234 in a table of millions and also 1.234 billion. Their sign,
    unit and currency do not count, nor do numbers of the question, unless the reference has no others.
    """
    given, known = _values(_words_of(answer)), _values(question)
    shares = []
    for reference in references:
        wanted = _values(reference)
        new = [one for one in wanted if not any(one & other for other in known)]
        if wanted := new or wanted:
            shares.append(sum(any(one & other for other in given) for one in wanted) / len(wanted))
    return max(shares) if shares else None


def hedges(answer: str) -> bool:
    """Whether it answers under the warning that the documents may not answer this."""
    return _HEDGE.match(answer) is not None


def support(answer: str, cited: Mapping[int, str]) -> Support:
    """`cited`: the words that each footnote of the answer marks.

    A statement is supported when its citations together say it. A citation is precise when its statement is supported
    and it is needed: it says the statement alone, or the others without it do not.
    """
    counts = Counter[str]()
    for claim, numbers in statements(answer):
        marked = [cited[n] for n in numbers if n in cited]
        counts["statements"] += 1
        counts["citations"] += len(marked)
        if not supports(marked, claim):
            continue
        counts["supported"] += 1
        for place, text in enumerate(marked):
            others = marked[:place] + marked[place + 1 :]
            counts["precise"] += supports([text], claim) or not supports(others, claim)
    return Support(**{name: counts[name] for name in ("statements", "supported", "citations", "precise")})


def statements(answer: str) -> Iterator[tuple[str, list[int]]]:
    """(words, footnotes) of each sentence, list item and table row that says something of its own.

    Without headings, header rows, the warning above an answer, and what only leads in to what follows.
    """
    lines = _HEDGE.sub("", answer).split("\n")
    for place, line in enumerate(lines):
        heads_table = place + 1 < len(lines) and _RULE.fullmatch(lines[place + 1].strip()) is not None
        if line.lstrip().startswith("#") or heads_table or _RULE.fullmatch(line.strip()):
            continue
        for words, numbers in _marked(line):
            if ITEM.match(words) or words.lstrip().startswith("|"):
                parts = [without_bullet(words)]
            else:
                parts = [words[start:end] for start, end in sentences(words)]
            said = [plain(part).strip(" |").lstrip(".,;:) ") for part in parts if content_words(part)]
            yield from ((part, []) for part in said[:-1] if not _leads_in(part))
            if said and (numbers or not _leads_in(words)):
                yield said[-1], numbers


def _leads_in(words: str) -> bool:
    """Whether words without a footnote only say what follows: "These are:", the label above some rows of a table."""
    cells = [cell for cell in words.split("|") if cell.strip()]
    return words.rstrip(" |").endswith(":") or (words.lstrip().startswith("|") and len(cells) < 2)


def _marked(line: str) -> Iterator[tuple[str, list[int]]]:
    """The words before each group of footnotes, with the group; what follows the last group has none."""
    done = 0
    for found in _MARKS.finditer(line):
        yield line[done : found.start()], list(dict.fromkeys(int(n) for n in _MARK.findall(found[0])))
        done = found.end()
    yield line[done:], []


def _words_of(answer: str) -> str:
    """The answer without footnotes, escapes and the warning above it."""
    return plain(_MARKS.sub("", _HEDGE.sub("", answer))).strip()


def _normal(text: str) -> str:
    signs = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return " ".join(_ARTICLES.sub(" ", signs).split())


def _f1(answer: Sequence[str], reference: Sequence[str]) -> float:
    if not answer or not reference:
        return float(answer == reference)
    shared = sum((Counter(answer) & Counter(reference)).values())
    return 2 * shared / (len(answer) + len(reference))


def _values(text: str) -> list[frozenset[Decimal]]:
    """For each number the values that it may mean: with its scale or without, its signs read as in both languages."""
    found = [frozenset({Decimal(_SPOKEN[word])}) for word in re.findall(r"[^\W\d]+", text.lower()) if word in _SPOKEN]
    for number in _NUMBER.finditer(text):
        values = _read(number[0])
        if scale := _SCALE.match(text, number.end()):
            factor = Decimal(1000) ** next(power for power, word in enumerate(scale.groups(), 1) if word)
            values |= {value * factor for value in values}
        found.append(frozenset(values))
    return found


def _read(number: str) -> set[Decimal]:
    """1,234.5 and 1.234,5 are the same; 1,234 may be a thousand and more, or in German one and a bit."""
    digits = re.sub(r"['’\u00a0\u202f]", "", number)
    signs = [sign for sign in digits if sign in ".,"]
    if len(set(signs)) == 2:
        last = signs[-1]
        return {Decimal(digits.replace("," if last == "." else ".", "").replace(last, "."))}
    whole = re.fullmatch(r"\d{1,3}([.,])\d{3}(\1\d{3})*", digits) is not None
    values = {Decimal(re.sub("[.,]", "", digits))} if whole or not signs else set()
    return values | ({Decimal(digits.replace(",", "."))} if len(signs) == 1 else set())
