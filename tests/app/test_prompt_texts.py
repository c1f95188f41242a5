"""The version of a prompt is that of all words which say what to do, whatever kind of answer is asked for."""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, fields, replace

import pytest

from app.assignment import Assignment
from app.assistant import respond
from app.budget import Budget
from app.events import Ended
from app.prompt import PROMPT_VERSION, Prompt, Turn, source
from app.prompt_texts import TEXTS, PromptTexts
from storage.types import HouseInstructions, Length, Preference
from tests.app.test_assistant import KERBER, OSTROW, TOM, Repeating
from tests.shelf import Shelf

HOUSE = HouseInstructions(4, "Address people formally.")
EARLIER = (Turn("user", "What is it?"), Turn("assistant", "A thing."))
_NAMES = re.compile(r"contract|vertrag|ostrow|kerber|invoices|rechnungen|supplier|notice period|kündigungsfrist", re.I)
QUESTIONS = {
    "answer": "When are the invoices of the contract Ostrow payable?",
    "in German": "Wann sind die Rechnungen aus dem Vertrag Ostrow zu bezahlen?",
    "summary": "Summarise the contract Ostrow",
    "summary in German": "Fasse den Vertrag Ostrow zusammen",
    "comparison": "Compare the contract Ostrow and the contract Kerber on invoices",
    "comparison in German": "Vergleiche contract Ostrow und contract Kerber nach invoices und Rechnungen",
    "fields": "Extract supplier and notice period from all contracts",
    "fields in German": "Extrahiere supplier und Kündigungsfrist aus allen Dokumenten",
    "draft": "Draft an e-mail about invoices payable within days of receipt",
}


@pytest.mark.parametrize("name", [field.name for field in fields(PromptTexts)])
def test_other_words_make_another_version(name: str) -> None:
    words = getattr(TEXTS, name)
    other = words + "!" if isinstance(words, str) else (words[0], words[1] + "!")
    assert replace(TEXTS, **{name: other}).version != TEXTS.version
    assert replace(TEXTS).version == TEXTS.version == PROMPT_VERSION


def prompts(shelf: Shelf, question: str) -> tuple[list[Prompt], Ended]:
    model = Repeating("Invoices are payable within 30 days of receipt [1]. It ends with notice [1].")
    asked = Assignment(
        question=question,
        principal=TOM,
        retriever=shelf.retriever,
        llm=model,
        cancel=threading.Event(),
        budget=Budget(source_tokens=30),
        history=EARLIER,
        preference=Preference(length=Length.SHORT, position="clerk"),
        house=HOUSE,
    )
    (*_, ended) = respond(asked)
    assert isinstance(ended, Ended)
    return model.prompts, ended


@pytest.mark.parametrize("kind", QUESTIONS)
def test_nothing_else_is_said_to_a_model(shelf: Shelf, kind: str) -> None:
    """Take what has a version, the house's words, the sources and what was asked away: nothing is left."""
    shelf.add("Contract Ostrow", [OSTROW, "Section two says more of it.", "Section three says it all.", "And four."])
    shelf.add("Contract Kerber", KERBER)
    shelf.add("Vertrag Ostrow", "Die Rechnungen aus dem Vertrag Ostrow sind in 30 Tagen zu bezahlen.")
    asked, ended = prompts(shelf, QUESTIONS[kind])
    assert asked
    assert ended.prompt_version == f"{TEXTS.version}, house 4"
    pieces = [piece for text in asdict(TEXTS).values() for one in _list(text) for piece in re.split(r"\{\w+\}", one)]
    for prompt in asked:
        said = "\n".join(message["content"] for message in prompt.messages() if message["role"] != "assistant")
        known = [source(n, passage) for n, passage in enumerate(prompt.sources, 1)]
        known += [HOUSE.text, "clerk", EARLIER[0].text, QUESTIONS[kind]]
        for piece in sorted((*pieces, *known), key=len, reverse=True):
            if len(piece.strip()) > 3:
                said = said.replace(piece.strip(), " ")
        said = _NAMES.sub("", said)
        said = re.sub(r"\b(?:in|zu)\b", "", said)  # before and after what is filled in
        assert not re.search(r"[^\W_]", said), said


def _list(text: str | tuple[str, ...]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)
