"""The answer while no language model is loaded: what the documents say, word for word, each piece with its footnote.

It picks sentences, list items and table rows of the passages by what speaks for them (`candidates`), and shows them
with what belongs to them (`selection`). When nothing comes near enough it writes nothing, which `app.chat` takes as
"not found". Not covered: finding the passages (`retrieve`), turning [n] into the exact span (`cite`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from app.answer_lines import lines
from app.candidate_weights import scored
from app.candidates import Candidate, Wanted, candidates, wanted
from app.confidence import Sureness, names, warning
from app.manner import SENTENCES
from app.prompt import Prompt
from app.rank import bare
from app.selection import chosen
from app.statements import statements_of
from app.words import content_words, covered
from ingest.embed import Embedder
from storage.errors import Unavailable
from storage.types import Passage, Vector

MOST_PASSAGES = 12  # that are looked through
# evidence, as `_sureness` counts it, below which nothing is answered, and below which the answer says that it may be
# none: of the development questions that are answered well, 1 in 8 is, of those without an answer 8 in 10
_LEAST, _SURE = 0.56, 0.86
_LEAST_WORDS, _SURE_WORDS = 0.4, 0.6  # the same where words are all there is
_LEAD, _SIXTH = 0.09, 5  # what it counts that the best stands above the sixth; where there are fewer,
_SURE_SAID = 0.75  # the share of the words that makes up for little nearness
_NEAREST = {False: "The passages that come nearest:", True: "Am nächsten kommen diese Stellen:"}


class Extractive:
    """Satisfies `LLM`. Without an embedder, or while it does not answer, words alone decide."""

    name = "extractive"

    def __init__(self, embedder: Embedder | None = None, *, live: Callable[[], Embedder] | None = None) -> None:
        """`live` tells for each question which embedder to use, in place of `embedder`."""
        self._embedder, self._live = embedder, live

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str]:
        """Line by line, each statement followed by " [n]". Yields nothing when the passages do not answer."""
        question, passages = prompt.asked or prompt.question, prompt.passages[:MOST_PASSAGES]
        pages = [statements_of(passage) for passage in passages]
        asked, embedder = self._understood(question, passages)
        ranked = scored(candidates(asked, passages, pages, embedder))
        sureness = _sureness(asked, ranked)
        if sureness is Sureness.NONE:
            return
        if sureness is Sureness.SOME or not prompt.sure:
            yield f"{warning(question, german=prompt.german)} {_NEAREST[prompt.german]}\n\n"
        picked = chosen(asked, ranked, passages, pages, most=SENTENCES[prompt.preference.length])
        for line in lines(passages, pages, picked, question=question):
            if cancel.is_set():
                return
            yield line

    def _understood(self, question: str, passages: Sequence[Passage]) -> tuple[Wanted, Embedder | None]:
        """The question with its vector, without the names that led to the documents: no sentence repeats them."""
        embedder = self._live() if self._live else self._embedder
        if embedder is None or not passages:
            return wanted(question), None
        try:
            meaning: Vector = embedder.embed_queries([bare(question, passages)])[0]
        except Unavailable:
            return wanted(question), None
        return wanted(question, meaning), embedder


def _sureness(asked: Wanted, ranked: Sequence[Candidate]) -> Sureness:
    """By how many of the question's words the best and its passage hold, how near the nearest comes, and its lead."""
    if not ranked:
        return Sureness.NONE
    best = ranked[0]
    around = content_words(f"{best.passage.title} {best.passage.heading} {best.passage.text}")
    said = (len(covered(asked.words, around)) / max(1, len(asked.words)) + best.coverage) / 2
    by_meaning = asked.meaning is not None
    nearest = max(candidate.near for candidate in ranked)
    if (nearest + said / 2 < _LEAST) if by_meaning else said < _LEAST_WORDS:
        return Sureness.NONE
    if len(ranked) > _SIXTH and by_meaning:
        weak = said + _LEAD * (best.score - ranked[_SIXTH].score) < _SURE
    else:
        weak = said < _SURE_WORDS or (by_meaning and said < _SURE_SAID and nearest + said / 2 < _SURE)
    if weak:
        return Sureness.SOME
    sources = {id(c.passage): f"{c.passage.title} {c.passage.heading} {c.passage.text}" for c in ranked}
    around = content_words(" ".join(sources.values()))
    unnamed = any(len(covered(words, around)) < len(words) for words in map(content_words, names(asked.text)))
    return Sureness.SOME if unnamed else Sureness.FULL
