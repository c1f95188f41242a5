"""How an account wants its answers: what the model is told of its preferences, and what they mean without a model."""

from __future__ import annotations

import json

from app.prompt_texts import TEXTS
from app.words import is_german
from storage.preferences import LANGUAGES
from storage.types import Length, Preference

_LENGTHS = {Length.SHORT: TEXTS.short, Length.LONG: TEXTS.long}
# sentences, rows or items that lead an answer without a model
SENTENCES = {Length.SHORT: 1, Length.USUAL: 3, Length.LONG: 8}


def in_words(preference: Preference) -> str:
    """The lines of the prompt, below the house's instructions; "" where nothing is set.

    What somebody writes of their position is put as a quotation, on one line, and said to be no order.
    """
    lines = []
    if preference.language:
        lines.append(TEXTS.language.format(language=LANGUAGES[preference.language]))
    if preference.length is not Length.USUAL:
        lines.append(_LENGTHS[preference.length])
    if preference.position:
        quoted = json.dumps(preference.position.replace("[", "(").replace("]", ")"), ensure_ascii=False)
        lines.append(TEXTS.position.format(position=quoted))
    return "\n".join([TEXTS.preferences, *lines]) if lines else ""


def german(question: str, preference: Preference) -> bool:
    """Whether fixed phrases stand in German, else in English: as chosen, or as asked."""
    return preference.language == "de" if preference.language else is_german(question)
