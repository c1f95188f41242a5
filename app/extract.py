"""The answer while no language model is loaded: what the documents say, word for word, each piece with its footnote.

It picks sentences, list items and table rows of the passages by what speaks for them (`candidates`), and shows them
with what belongs to them (`selection`). When nothing comes near enough it writes nothing, which `app.chat` takes as
"not found". Not covered: finding the passages (`retrieve`), turning [n] into the exact span (`cite`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from app.answer_lines import lines
from app.answerability import judged
from app.candidate_weights import scored
from app.candidates import Wanted, candidates, wanted
from app.confidence import Sureness, warning
from app.instructions import asked_in
from app.manner import SENTENCES
from app.prompt import Prompt
from app.rank import bare
from app.selection import chosen
from app.statements import statements_of
from ingest.embed import Embedder
from storage.errors import Unavailable
from storage.types import Passage, Vector

MOST_PASSAGES = 12  # that are looked through
_NEAREST = {False: "The passages that come nearest:", True: "Am nächsten kommen diese Stellen:"}


class Extractive:
    """Satisfies `LLM`. Without an embedder, or while it does not answer, words alone decide."""

    name = "extractive"

    def __init__(self, embedder: Embedder | None = None, *, live: Callable[[], Embedder] | None = None) -> None:
        """`live` tells for each question which embedder to use, in place of `embedder`."""
        self._embedder, self._live = embedder, live

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str]:
        """Line by line, each statement followed by " [n]". Yields nothing when the passages do not answer."""
        question, passages = asked_in(prompt.asked or prompt.question), prompt.passages[:MOST_PASSAGES]
        pages = [statements_of(passage) for passage in passages]
        about = bare(question, passages)
        asked, embedder = self._understood(question, about, passages)
        ranked = scored(candidates(asked, passages, pages, embedder))
        sureness = judged(asked, about, ranked, passages)
        if sureness is Sureness.NONE:
            return
        if sureness is Sureness.SOME:
            yield f"{warning(question, german=prompt.german)} {_NEAREST[prompt.german]}\n\n"
        picked = chosen(asked, ranked, passages, pages, most=SENTENCES[prompt.preference.length])
        for line in lines(passages, pages, picked, question=question):
            if cancel.is_set():
                return
            yield line

    def _understood(self, question: str, about: str, passages: Sequence[Passage]) -> tuple[Wanted, Embedder | None]:
        """The question with the vector of what it is `about` without the documents' names: no sentence repeats them."""
        embedder = self._live() if self._live else self._embedder
        if embedder is None or not passages:
            return wanted(question), None
        try:
            meaning: Vector = embedder.embed_queries([about])[0]
        except Unavailable:
            return wanted(question), None
        return wanted(question, meaning), embedder
