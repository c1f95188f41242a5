"""Check the conversations against the documents that they are about.

    python benchmarks/conversations/check.py [--sets FOLDER] [--table]

The samples are in the repository and always checked; the filings and the handbook where FOLDER has them. What is
checked is that every evidence string stands on its page or in its file, word for word up to white space, and that the
records keep to the form that README.md beside this file describes. Whether an answer is right is not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import docx
import pypdfium2
from bs4 import BeautifulSoup

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SAMPLES = ROOT / "samples"
SETS = ROOT.parent / "shared" / "data"  # the folder that holds filings/ and handbook/
NAMES = ("filings", "handbook", "samples")
SPLITS = ("dev", "test")
LEANING = ("period", "entity", "attribute", "pronoun", "ellipsis", "narrowing", "return", "typos", "unanswerable")
KINDS = ("first", *LEANING, "topic_switch", "smalltalk")
FIELDS = ["id", "kind", "split", "turns"]
TURN_FIELDS = ["question", "kind", "standalone", "doc", "pages", "also", "answer", "evidence"]

Conversation = dict[str, Any]
Turn = dict[str, Any]
Pages = tuple[str, ...]  # the text of each page; the whole text of a document without pages as one


def load(name: str) -> list[Conversation]:
    return [json.loads(line) for line in (HERE / f"{name}.jsonl").read_text("utf-8").splitlines()]


def folder(name: str, sets: Path = SETS) -> Path:
    """Where the documents of a set lie; it need not exist."""
    return {"filings": sets / name, "handbook": sets / name / "docs", "samples": SAMPLES / "documents"}[name]


def documents(name: str, sets: Path = SETS) -> dict[str, Path]:
    """The documents of a set by the names that the conversations use."""
    where = folder(name, sets)
    if name == "filings":
        return {path.stem: path for path in sorted(where.glob("*.pdf"))}
    return {path.relative_to(where).as_posix(): path for path in sorted(where.rglob("*")) if path.is_file()}


def errors(name: str, conversations: list[Conversation], sets: Path = SETS) -> list[str]:
    """What is wrong with the conversations, one line each. FileNotFoundError where the documents are not here."""
    known = documents(name, sets)
    if not known:
        raise FileNotFoundError(folder(name, sets))
    found = [f"{one.get('id')}: {text}" for one in conversations for text in _of_conversation(one, known)]
    found += [f"the id {id_} twice" for id_, n in Counter(one["id"] for one in conversations).items() if n > 1]
    for kind in sorted({one["kind"] for one in conversations}):
        halves = Counter(one["split"] for one in conversations if one["kind"] == kind)
        if halves["dev"] != halves["test"]:
            found.append(f"{kind}: {halves['dev']} conversations for dev and {halves['test']} for test")
    return found + [f"asked in the set of single questions too: {text}" for text in _reused(name, conversations, sets)]


def table() -> str:
    """The turns by kind and set, as README.md shows them."""
    counts = {name: Counter(turn["kind"] for one in load(name) for turn in one["turns"]) for name in NAMES}
    rows = [(kind, *(str(counts[name][kind]) for name in NAMES)) for kind in KINDS]
    rows.append(("turns", *(str(counts[name].total()) for name in NAMES)))
    rows.append(("conversations", *(str(len(load(name))) for name in NAMES)))
    lines = [("kind", *NAMES), ("---", *("---:" for _ in NAMES)), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _of_conversation(one: Conversation, known: dict[str, Path]) -> Iterator[str]:
    if list(one) != FIELDS or one["kind"] not in KINDS or one["split"] not in SPLITS:
        yield f"the fields are {list(one)}, the kind {one.get('kind')} and the split {one.get('split')}"
        return
    if not 2 <= len(one["turns"]) <= 4:
        yield f"{len(one['turns'])} turns"
    if one["kind"] not in [turn["kind"] for turn in one["turns"]]:
        yield f"no turn is of its kind {one['kind']}"
    for number, turn in enumerate(one["turns"], 1):
        if (turn["kind"] == "first") != (number == 1):
            yield f"turn {number} is of kind {turn['kind']}"
        for text in _of_turn(turn, known):
            yield f"turn {number}: {text}"


def _of_turn(turn: Turn, known: dict[str, Path]) -> Iterator[str]:
    wanted = [field for field in TURN_FIELDS if field != "standalone" or turn["kind"] in LEANING]
    if list(turn) != wanted or turn["kind"] not in KINDS or not turn["question"].strip():
        yield f"the fields are {list(turn)} and the kind {turn['kind']}"
        return
    gold = ("doc", "pages", "also", "answer", "evidence")
    if turn["kind"] in ("unanswerable", "smalltalk"):
        if any(turn[field] for field in gold):
            yield "it needs no answer and has one"
        return
    if not (turn["doc"] and turn["answer"].strip() and turn["evidence"]):
        yield "it has no document, no answer or no evidence"
        return
    places = [*turn["pages"], *(one if isinstance(one, list) else [one, None] for one in turn["also"])]
    unknown = {name for name in [*turn["doc"], *(name for name, _ in places)] if name not in known}
    if unknown:
        yield f"unknown documents {sorted(unknown)}"
        return
    yield from _of_places(turn, known, places)
    yield from _of_evidence(turn, known)


def _of_places(turn: Turn, known: dict[str, Path], places: list[tuple[str, int | None]]) -> Iterator[str]:
    for name, page in places:
        if page is not None and not (_is_paged(known[name]) and 1 <= page <= len(read(known[name]))):
            yield f"{name} has no page {page}"
    if {name for name, _ in turn["pages"]} != {name for name in turn["doc"] if _is_paged(known[name])}:
        yield "doc and pages disagree"
    if [one for one in turn["also"] if one in turn["pages"] or one in turn["doc"]]:
        yield "a place is both needed and a stand-in"


def _of_evidence(turn: Turn, known: dict[str, Path]) -> Iterator[str]:
    texts = [read(known[name])[page - 1] for name, page in turn["pages"]]
    texts += [read(known[name])[0] for name in turn["doc"] if not _is_paged(known[name])]
    used: set[int] = set()
    for evidence in turn["evidence"]:
        where = {number for number, text in enumerate(texts) if plain(evidence) and plain(evidence) in text}
        if not where:
            yield f"evidence on none of its pages: {evidence!r}"
        used |= where
    if len(used) < len(texts):
        yield "a page or document without evidence"


def _reused(name: str, conversations: list[Conversation], sets: Path) -> list[str]:
    path = SAMPLES / "questions.jsonl" if name == "samples" else sets / name / "questions.jsonl"
    single = {_bare(json.loads(line)["question"]) for line in path.read_text("utf-8").splitlines()}
    return [turn["question"] for one in conversations for turn in one["turns"] if _bare(turn["question"]) in single]


def _bare(question: str) -> str:
    return "".join(character for character in question.casefold() if character.isalnum())


def plain(text: str) -> str:
    """One space between words."""
    return " ".join(text.split())


def _is_paged(path: Path) -> bool:
    return path.suffix == ".pdf"


@cache
def read(path: Path) -> Pages:
    readers: dict[str, Callable[[Path], Pages]] = {".pdf": _pdf, ".docx": _word, ".html": _html}
    if path.suffix in readers:
        return readers[path.suffix](path)
    text = path.read_text("utf-8")
    if path.is_relative_to(SAMPLES):  # evidence is given without the marks of Markdown there, in the handbook with them
        text = text.replace("|", " ").replace("**", "")
    return (plain(text),)


def _pdf(path: Path) -> Pages:
    with pypdfium2.PdfDocument(path) as pdf:
        return tuple(plain(page.get_textpage().get_text_bounded()) for page in pdf)


def _word(path: Path) -> Pages:
    lines = []
    for block in docx.Document(str(path)).iter_inner_content():
        rows = getattr(block, "rows", None)
        lines += [block.text] if rows is None else [" ".join(cell.text for cell in row.cells) for row in rows]
    return (plain("\n".join(lines)),)


def _html(path: Path) -> Pages:
    return (plain(BeautifulSoup(path.read_text("utf-8"), "html.parser").get_text(" ")),)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", type=Path, default=SETS, help="Folder with filings/ and handbook/.")
    parser.add_argument("--table", action="store_true", help="Print the table of README.md and nothing else.")
    options = parser.parse_args()
    if options.table:
        print(table())
        return 0
    failed = False
    for name in NAMES:
        conversations = load(name)
        if not documents(name, options.sets):
            print(f"{name}: not checked, there are no documents in {folder(name, options.sets)}")
            continue
        found = errors(name, conversations, options.sets)
        strings = sum(len(turn["evidence"]) for one in conversations for turn in one["turns"])
        print(f"{name}: {len(conversations)} conversations, {strings} evidence strings, {len(found)} errors")
        print(*found, sep="\n", end="\n" if found else "")
        failed = failed or bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
