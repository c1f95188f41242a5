"""The language model as it is now: somebody may choose the first one, or take it away, while questions come in.

Asked for each question anew, so that what has one answers with it and what has none quotes the documents, in this
process and in every other. Not covered: choosing it (`models_client`), loading it (`chat_models`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from app.extract import Extractive
from app.llm import LLM, OpenAIChat, Reading
from app.prompt import Prompt


class LanguageModel:
    """Satisfies `LLM`, for what asks one thing only; a question is asked from beginning to end of what `now` gives."""

    def __init__(self, chat: OpenAIChat | None, extractive: Extractive, *, expected: bool = True) -> None:
        """`chat` None: no server is set up. `expected`: whether it has a model, until it has answered once."""
        self._chat, self._extractive = chat, extractive
        self._there = expected and chat is not None

    @property
    def chat(self) -> OpenAIChat | None:
        """The server, whether or not it has a model now."""
        return self._chat

    @property
    def name(self) -> str:
        return self.now().name

    @property
    def there(self) -> bool:
        """Whether a model is set up, be it still loading; what was known last where the server does not answer."""
        if self._chat and (told := self._chat.has_model()) is not None:
            self._there = told
        return self._there

    def now(self) -> LLM:
        return self._chat if self._chat and self.there else self._extractive

    def ready(self) -> str | None:
        """As `OpenAIChat.ready`; no model is no fault."""
        return self._chat.ready() if self._chat and self.there else None

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str | Reading]:
        return self.now().stream(prompt, cancel)


def answering(llm: LLM) -> LLM:
    """What `llm` is for one question."""
    return llm.now() if isinstance(llm, LanguageModel) else llm
