"""The house's instructions as the application uses them: read for each question, and told to the models process.

Not covered: keeping them (`storage.instructions`), their place in a prompt (`prompt`).
"""

from __future__ import annotations

import logging
import threading

from app.llm import OpenAIChat
from app.prompt import Prompt
from storage.errors import FootnoteError
from storage.instructions import Instructions
from storage.types import HouseInstructions, Principal

log = logging.getLogger(__name__)


class House:
    """`chat` is told what all prompts begin with, so that it has read it before somebody asks; None: nobody is."""

    def __init__(self, instructions: Instructions, chat: OpenAIChat | None = None) -> None:
        self._instructions = instructions
        self._chat = chat

    def current(self) -> HouseInstructions:
        return self._instructions.current()

    def versions(self, principal: Principal) -> list[HouseInstructions]:
        """As `Instructions.versions`."""
        return self._instructions.versions(principal)

    def save(self, text: str, principal: Principal) -> HouseInstructions:
        """As `Instructions.save`. The next question is asked with them, whether or not the model has read them yet."""
        kept = self._instructions.save(text, principal)
        if self._chat:
            threading.Thread(target=self._tell, args=(self._chat, kept), name="house", daemon=True).start()
        return kept

    def _tell(self, chat: OpenAIChat, kept: HouseInstructions) -> None:
        try:
            chat.begin_with(Prompt(question="", house=kept).beginning())
        except FootnoteError as error:
            log.info("the models process reads the new instructions with the next question: %s", error)
