"""Which documents of this installation a question set means.

By content where the set, or a folder with its files, tells the SHA-256; else by file name, file name without its
ending, or title. Only documents that the principal may read are known: the others are missing, as if they were not.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from app.evaluation.questions import QuestionSet
from storage.documents import Listed
from storage.errors import InvalidInput

_SHOWN = 5


class Corpus:
    """`missing` are names of the set that no readable document answers to: what stands in them counts as not found."""

    def __init__(
        self, listed: Sequence[Listed], questions: QuestionSet, files: Mapping[str, str] | None = None
    ) -> None:
        """`files`: as `hashes_of` gives them. Raises InvalidInput when a name fits several documents, or none does."""
        self.documents = len(listed)
        names = list(dict.fromkeys(name for question in questions.questions for name in question.names))
        hashes = dict(questions.hashes) | _hashes_by_name(names, files or {})
        found = _Finder(listed)
        meant = {name: found.of(name, hashes.get(name, "")) for name in names}
        self.missing = tuple(name for name, document in meant.items() if not document)
        if names and len(self.missing) == len(names):
            raise InvalidInput(
                f"None of the {len(names)} documents of {questions.name} is among those that may be read here "
                f"({_some(self.missing)}). Add them first: footnote ingest FOLDER"
            )
        self._names: dict[str, list[str]] = defaultdict(list)
        for name, document in meant.items():
            if document:
                self._names[document].append(name)
        self._others = _unique_names(listed, files or {})

    def name_of(self, document_id: str, named: Iterable[str] = ()) -> str:
        """What the set calls a document, first of all in `named`; its file name where the set does not know it."""
        names = self._names.get(document_id, [])
        return next((name for name in named if name in names), names[0] if names else self._other(document_id))

    def _other(self, document_id: str) -> str:
        return self._others.get(document_id, document_id)


def hashes_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file below `folder`, by its path from there with slashes. Hidden files are left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        within = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in within.parts):
            with path.open("rb") as file:
                found[within.as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


class _Finder:
    """Looks documents up by hash, file name, stem and title."""

    def __init__(self, listed: Sequence[Listed]) -> None:
        self._by_hash = {one.sha256: one.id for one in listed}
        self._by_word: dict[str, dict[str, set[str]]] = {}
        for kind in ("name", "stem", "title"):
            self._by_word[kind] = defaultdict(set)
        for one in listed:
            self._by_word["name"][one.name.casefold()].add(one.id)
            self._by_word["stem"][PurePosixPath(one.name).stem.casefold()].add(one.id)
            self._by_word["title"][one.title.casefold()].add(one.id)

    def of(self, name: str, sha256: str) -> str:
        """The document's id, "" where it is not here. A hash decides alone: the same name may be another document."""
        if sha256:
            return self._by_hash.get(sha256, "")
        base = PurePosixPath(name.replace("\\", "/")).name.casefold()
        for kind, word in (("name", base), ("stem", base), ("title", name.casefold())):
            found = self._by_word[kind].get(word, set())
            if len(found) > 1:
                raise InvalidInput(
                    f"{len(found)} documents here answer to {name!r}, and the question set does not say which it "
                    "means. Name the folder that holds the set's files, so that they are told apart by their content: "
                    "--documents FOLDER"
                )
            if found:
                return next(iter(found))
        return ""


def _hashes_by_name(names: Sequence[str], files: Mapping[str, str]) -> dict[str, str]:
    """The hash of the file that each name means: its path from the folder, the end of it, both also without ending."""
    ends: dict[str, set[str]] = defaultdict(set)
    for path, sha256 in files.items():
        for form in {path, PurePosixPath(path).with_suffix("").as_posix()}:
            parts = PurePosixPath(form).parts
            for start in range(len(parts)):
                ends["/".join(parts[start:]).casefold()].add(sha256)
    found = {}
    for name in names:
        word = name.replace("\\", "/").strip("/").casefold()
        exact = {sha256 for path, sha256 in files.items() if path.casefold() == word}
        fitting = exact or ends.get(word, set())
        if len(fitting) > 1:
            raise InvalidInput(f"Several files of the folder answer to {name!r}. Name it by its path from the folder.")
        if fitting:
            found[name] = next(iter(fitting))
    return found


def _unique_names(listed: Sequence[Listed], files: Mapping[str, str]) -> dict[str, str]:
    """Each document's path in the folder, else its file name, with a part of its id where others have the same."""
    paths = {sha256: path for path, sha256 in files.items()}
    named = {one.id: paths.get(one.sha256, one.name) for one in listed}
    times = Counter(named.values())
    return {id: name if times[name] == 1 else f"{name} ({id[:8]})" for id, name in named.items()}


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
