"""Which documents a phrase names, by the words of their titles and file names.

Works on the catalogue of what the reader may read. Not covered: what a document says of itself (`names`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.words import content_words, covered
from storage.documents import Listed

_NEAR = 0.5  # share of a phrase's words that makes a document a candidate
_ANY = frozenset(
    content_words(
        "documents files pages papers texts sources records material everything these those this that my "
        "Dokumente Dokument Dateien Datei Unterlagen Seiten Papiere Texte Quellen document file attached"
    )
)


@dataclass(frozen=True, slots=True)
class Named:
    """`certain` hold all words of the phrase, those alone whose titles it says most fully; `near` many of them."""

    certain: tuple[Listed, ...] = ()
    near: tuple[Listed, ...] = ()


def words_of(phrase: str) -> list[str]:
    """The words that can name a document; none in "all documents"."""
    return [word for word in content_words(phrase) if word not in _ANY]


def named(phrase: str, catalogue: Sequence[Listed]) -> Named:
    """One document or several that fit alike; best first."""
    shares = _shares(phrase, catalogue)
    full = [(back, document) for share, back, document in shares if share == 1]
    if full:
        most = max(back for back, _ in full)
        return Named(tuple(document for back, document in full if back == most))
    near = sorted((one for one in shares if one[0] >= _NEAR), key=lambda one: (-one[0], -one[1]))
    return Named(near=tuple(document for _, _, document in near))


def all_named(phrase: str, catalogue: Sequence[Listed]) -> list[Listed]:
    """Every document whose title or file name holds all words of "all supplier contracts"."""
    return [document for share, _, document in _shares(phrase, catalogue) if share == 1]


def _shares(phrase: str, catalogue: Sequence[Listed]) -> list[tuple[float, float, Listed]]:
    """How much of the phrase each holds, and how much of its title, or of its file's name, the phrase says."""
    wanted = words_of(phrase)
    found = []
    for document in catalogue if wanted else ():
        title, name = content_words(document.title), content_words(document.name.rpartition(".")[0] or document.name)
        share = len(covered(wanted, {*title, *name})) / len(wanted)
        if share:
            back = max(len(covered(words, wanted)) / max(1, len(words)) for words in (title, name))
            found.append((share, back, document))
    return found
