"""Questions as hurried people write them: a slip in one word, or an abbreviation where the documents define one."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from app.evaluation.questions import Question, QuestionSet
from app.words import STOP_WORDS

SEED = 20_261_121
LEAST = 6  # letters of a word in which a slip is made
_WORD = re.compile(rf"[a-zäöüß]{{{LEAST},}}")
_DEFINED = re.compile(r"((?:[\w'’-]+ ){2,8})\(([A-Z]{2,6})\)")


def misspelt(questions: QuestionSet, seed: int = SEED) -> QuestionSet:
    """Each answerable question that has such a word, with one slip; the same every time."""
    rng = random.Random(seed)
    changed = [(one, with_slip(one.text, rng)) for one in questions.questions if one.answerable]
    return _set(questions, [replace(one, text=text) for one, text in changed if text != one.text])


def with_slip(text: str, rng: random.Random) -> str:
    """Two letters of a word exchanged, one left out or one doubled, never the first; `text` where it has no such word.

    Words with capitals are left alone: they are names, which people look up.
    """
    words = [found for found in _WORD.finditer(text) if found[0] not in STOP_WORDS and _alone(text, found)]
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(1, len(word[0]) - 1)
    one, other = word[0][at], word[0][at + 1]
    changed = rng.choice([other + one if one != other else one, other, one + one + other])
    return f"{text[: word.start()]}{word[0][:at]}{changed}{word[0][at + 2 :]}{text[word.end() :]}"


def abbreviated(questions: QuestionSet, texts: Iterable[str]) -> QuestionSet:
    """Each answerable question with a phrase that the texts abbreviate: "paid time off (PTO)" asked for as "PTO"."""
    phrases = definitions(texts)
    changed = []
    for one in questions.questions:
        text = one.text
        for phrase, short in phrases.items():
            text = re.sub(rf"\b{re.escape(phrase)}\b(?:\s\({re.escape(short)}\))?", short, text, flags=re.I)
        if text != one.text and one.answerable:
            changed.append(replace(one, text=text))
    return _set(questions, changed)


def definitions(texts: Iterable[str]) -> Mapping[str, str]:
    """Abbreviations by what they stand for, in lower case: as many words as letters, which begin with them."""
    told: Counter[tuple[str, str]] = Counter()
    for text in texts:
        for before, short in _DEFINED.findall(text):
            words = before.split()[-len(short) :]
            if [word[0].upper() for word in words] == list(short):
                told[" ".join(words).casefold(), short] += 1
    return dict(pair for pair, _ in reversed(told.most_common()))


def _alone(text: str, found: re.Match[str]) -> bool:
    """Whether the match is a whole word."""
    before, after = text[: found.start()][-1:], text[found.end() :][:1]
    return not (before.isalnum() or after.isalnum() or before in ("-", "’", "'"))


def _set(questions: QuestionSet, changed: list[Question]) -> QuestionSet:
    return replace(questions, questions=tuple(changed))
