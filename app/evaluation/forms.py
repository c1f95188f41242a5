"""Question sets as files: Footnote's own JSONL, one question or conversation a line, and the JSON of SQuAD and XQuAD.

docs/evaluation.md lists the fields. Whatever can't be taken is InvalidInput, which names the line and the field.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.evaluation.questions import Place, Question, QuestionSet
from storage.errors import InvalidInput

MAX_BYTES = 100_000_000
_MAX_QUESTIONS = 100_000
_HASH = re.compile(r"[0-9a-fA-F]{64}")


def load(path: Path) -> QuestionSet:
    """The question set in a file, named after it."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"{path.name} is larger than {MAX_BYTES // 10**6} MB. Split the question set.")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path.name} is not UTF-8 text.") from None
    except OSError as error:
        raise InvalidInput(f"{path.name} can't be read: {error.strerror}.") from None
    return parse(text, path.name)


def parse(text: str, name: str) -> QuestionSet:
    """The question set in a text: JSONL, or the JSON of SQuAD. `name` is what errors and the set call it."""
    articles = _squad(text)
    read = _from_squad(articles, name) if articles is not None else _from_lines(text, name)
    if not read.questions:
        raise InvalidInput(f"{name} holds no question.")
    if len(read.questions) > _MAX_QUESTIONS:
        raise InvalidInput(f"{name} holds more than {_MAX_QUESTIONS:,} questions. Split the set.")
    seen: set[str] = set()
    for question in read.questions:
        if question.id in seen:
            raise InvalidInput(f"{name}: the id {question.id!r} stands there twice. Give each question its own.")
        seen.add(question.id)
    return read


def dump(questions: QuestionSet) -> str:
    """As JSONL that `parse` reads back to the same questions."""
    hashes = dict(questions.hashes)
    return "".join(f"{json.dumps(_row(one, hashes), ensure_ascii=False)}\n" for one in questions.questions)


def paragraphs(text: str, name: str) -> Iterator[tuple[str, str]]:
    """The paragraphs of a SQuAD file as documents: file name and text. Raises InvalidInput for another form."""
    articles = _squad(text)
    if articles is None:
        raise InvalidInput(f"{name} is no SQuAD JSON: only that brings its documents along.")
    for document, paragraph, _ in _each_paragraph(articles, name):
        yield f"{document}.txt", paragraph


def _row(question: Question, hashes: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": question.id, "question": question.text}
    if question.kind:
        row["kind"] = question.kind
    if question.history:
        row["history"] = list(question.history)
    row["doc"] = list(question.documents)
    row["pages"] = [[place.document, place.page] for place in question.pages]
    row["also"] = [[one.document, one.page] if one.page else one.document for one in question.also]
    row["answer"] = question.answer if len(question.answers) < 2 else list(question.answers)
    row["evidence"] = list(question.evidence)
    if question.answerable != bool(question.documents):
        row["answerable"] = question.answerable
    if known := {name: hashes[name] for name in question.names if name in hashes}:
        row["sha256"] = known
    return row


def _from_lines(text: str, name: str) -> QuestionSet:
    questions: list[Question] = []
    hashes: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InvalidInput(f"{where}: this is not JSON ({error.msg} at character {error.colno}).") from None
        if not isinstance(row, dict):
            raise InvalidInput(f'{where}: a line must be an object, like {{"question": "..."}}.')
        fields = _Fields(row, where)
        read = _conversation(fields, str(number)) if "turns" in row else [_question(fields, str(number))]
        questions += read
        for part in [fields, *(fields.turns() if "turns" in row else [])]:
            hashes |= part.hashes()
    return QuestionSet(name=name, questions=tuple(questions), hashes=tuple(sorted(hashes.items())))


def _conversation(fields: _Fields, number: str) -> list[Question]:
    """Each turn is a question with the earlier ones as its history, and the conversation's kind where it has none."""
    begun, kind = fields.text("id") or number, fields.text("kind")
    questions: list[Question] = []
    asked: tuple[str, ...] = ()
    for turn, part in enumerate(fields.turns(), 1):
        question = _question(part, f"{begun}-{turn}")
        questions.append(replace(question, kind=question.kind or kind, history=asked))
        asked += (question.text,)
    return questions


def _question(fields: _Fields, number: str) -> Question:
    text = fields.text("question").strip()
    if not text:
        raise InvalidInput(f"{fields.where}: there is no `question`.")
    pages, also = fields.places("pages"), fields.places("also")
    if any(not place.page for place in pages):
        raise fields.wrong("pages", "a list of [document, page]")
    documents = fields.texts("doc")
    page = fields.row.get("page")
    if page is not None and not _is_page(page):
        raise fields.wrong("page", "a page number from 1 on")
    if page is not None and len(documents) == 1 and not pages:
        pages = (Place(documents[0], page),)
    documents = tuple(dict.fromkeys((*documents, *(place.document for place in pages))))
    return Question(
        id=fields.text("id") or number,
        text=text,
        kind=fields.text("kind"),
        documents=documents,
        pages=pages,
        also=also,
        answers=fields.texts("answer"),
        evidence=fields.texts("evidence"),
        history=fields.texts("history"),
        answerable=fields.truth("answerable", default=bool(documents)),
    )


class _Fields:
    """One object of a file, read field by field. A field that is absent or null is empty."""

    def __init__(self, row: dict[str, Any], where: str) -> None:
        self.row = row
        self.where = where

    def wrong(self, field: str, wanted: str) -> InvalidInput:
        return InvalidInput(f"{self.where}: `{field}` must be {wanted}.")

    def text(self, field: str) -> str:
        value = self.row.get(field)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise self.wrong(field, "a text")
        return str(value)

    def texts(self, field: str) -> tuple[str, ...]:
        value = self.row.get(field)
        if value is None or value == "":
            return ()
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(item, str) and item.strip() for item in listed):
            raise self.wrong(field, "a text or a list of texts")
        return tuple(listed)

    def truth(self, field: str, *, default: bool) -> bool:
        value = self.row.get(field, default)
        if not isinstance(value, bool):
            raise self.wrong(field, "true or false")
        return value

    def places(self, field: str) -> tuple[Place, ...]:
        value = self.row.get(field)
        listed = [] if value is None else value
        if not isinstance(listed, list):
            raise self.wrong(field, "a list of [document, page]")
        return tuple(self._place(field, item) for item in listed)

    def _place(self, field: str, item: object) -> Place:
        if isinstance(item, str) and item.strip():
            return Place(item)
        if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and _is_page(item[1]):
            return Place(item[0], item[1])
        raise self.wrong(field, "a list of [document, page], with pages from 1 on")

    def turns(self) -> list[_Fields]:
        value = self.row.get("turns")
        if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
            raise self.wrong("turns", "a list of questions")
        return [_Fields(turn, f"{self.where}, turn {number}") for number, turn in enumerate(value, 1)]

    def hashes(self) -> dict[str, str]:
        value = self.row.get("sha256", {})
        fits = isinstance(value, dict) and all(isinstance(one, str) and _HASH.fullmatch(one) for one in value.values())
        if not fits:
            raise self.wrong("sha256", "an object of 64 hexadecimal digits by document")
        return {name: one.lower() for name, one in value.items()}


def _is_page(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _squad(text: str) -> list[Any] | None:
    """The articles of a SQuAD file; None for any other text."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        return None
    articles = whole.get("data")
    return articles if isinstance(articles, list) else None


def _from_squad(articles: list[Any], name: str) -> QuestionSet:
    """Each paragraph is a document of its own, told apart by the hash of its text."""
    questions: list[Question] = []
    hashes: dict[str, str] = {}
    for document, paragraph, asked in _each_paragraph(articles, name):
        hashes[document] = hashlib.sha256(paragraph.encode()).hexdigest()
        for row in asked:
            where = f"{name}, paragraph {document}"
            if not isinstance(row, dict):
                raise InvalidInput(f"{where}: `qas` must be a list of questions.")
            fields, impossible = _Fields(row, where), row.get("is_impossible") is True
            given = row.get("answers") or []
            if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
                raise fields.wrong("answers", "a list of answers")
            answers = [_Fields(one, where).text("text") for one in given]
            question = _question(_Fields({"id": row.get("id"), "question": row.get("question")}, where), "")
            if not question.id:
                raise fields.wrong("id", "there")
            documents = () if impossible else (document,)
            unique = tuple(dict.fromkeys(filter(None, answers)))
            questions.append(replace(question, documents=documents, answers=unique, answerable=not impossible))
    return QuestionSet(name=name, questions=tuple(questions), hashes=tuple(sorted(hashes.items())))


def _each_paragraph(articles: list[Any], name: str) -> Iterator[tuple[str, str, list[Any]]]:
    """("<article>-<number>", its text, its questions) of each paragraph."""
    taken: set[str] = set()
    for place, article in enumerate(articles, 1):
        where = f"{name}, article {place}"
        if not isinstance(article, dict) or not isinstance(article.get("paragraphs"), list):
            raise InvalidInput(f"{where}: there are no `paragraphs`.")
        title = re.sub(r"[^\w.,()'&+-]+", "_", _Fields(article, where).text("title")).strip("._")[:80]
        title = title or f"article-{place}"
        if title in taken:
            title = f"{title}-{place}"
        taken.add(title)
        for number, paragraph in enumerate(article["paragraphs"], 1):
            spot = f"{where}, paragraph {number}"
            if not isinstance(paragraph, dict) or not isinstance(paragraph.get("context"), str):
                raise InvalidInput(f"{spot}: `context` must be a text.")
            asked = paragraph.get("qas", [])
            if not isinstance(asked, list):
                raise InvalidInput(f"{spot}: `qas` must be a list of questions.")
            yield f"{title}-{number}", paragraph["context"], asked
