from datetime import UTC, datetime

import pytest

from app.llm import Reading
from app.ui import articles
from storage.types import Citation, Message, MessageState, Passage

HANDBOOK = ("d1", "v1", "Employee handbook", "handbook.pdf")


def cited(
    n: int, page: int, *, document: tuple[str, str, str, str] = HANDBOOK, heading: str = "4 > 4.2 Leave"
) -> Citation:
    return Citation(n, document[0], document[1], page, 0, 9, document[2], document[3], heading, "Five days")


def found(page: int, *, chunk: str = "c") -> Passage:
    return Passage(chunk, "d1", "v1", "Employee handbook", "handbook.pdf", page, 0, 9, "4 > 4.2 Leave", "Five days")


def message(**changes: object) -> Message:
    values = {"text": "Five days. [1]", "state": MessageState.DONE, "citations": (cited(1, 14),), **changes}
    return Message("m", "c", "assistant", created=datetime.now(UTC), **values)  # type: ignore[arg-type]


def test_a_place_is_a_page_in_a_pdf_and_a_heading_elsewhere() -> None:
    assert articles.place(cited(1, 14)).where == "p. 14, 4.2 Leave"
    assert articles.place(cited(1, 14, heading="")).where == "p. 14"
    notes = ("d2", "v2", "Notes", "notes.md")
    assert articles.place(cited(1, 3, document=notes)).where == "4.2 Leave"
    assert articles.place(cited(1, 3, document=notes, heading="")).where == "section 3"


def test_footnotes_of_one_page_share_a_card() -> None:
    html = articles.cards("m", [cited(1, 14), cited(2, 3), cited(3, 14)])
    assert html.count("<a ") == 2
    assert "<i>1, 3</i>" in html
    assert 'href="#cite-m-1"' in html


def test_many_sources_fold_after_six() -> None:
    html = articles.cards("m", [cited(n, n) for n in range(1, 12)])
    assert "5 more sources" in html
    assert html.count("<a ") == 11


def test_evidence_is_shown_before_there_is_a_sentence_one_card_a_page() -> None:
    html = articles.evidence("m", [found(14), found(14, chunk="d"), found(3)])
    assert html.count("<a ") == 2
    assert 'href="#evidence-m-2"' in html
    assert articles.evidence("m", []) == ""


def test_the_meta_line_tells_documents_times_and_model() -> None:
    line = articles.meta(message(model="Llama <3>", seconds=14.2, first_evidence=0.81))
    assert "1 document cited" in line
    assert "0.8 s to the first evidence" in line
    assert "Llama &lt;3&gt;, 14 s" in line


def test_documents_that_were_not_read_yet_are_told_under_the_question() -> None:
    assert "not been read yet" not in articles.meta(message())
    assert "1 document had not been read yet when this was asked." in articles.meta(message(unread=1))
    assert "1,200 documents had not been read yet" in articles.unread(message(unread=1200))


def test_an_extractive_answer_is_named_for_what_it_is() -> None:
    assert "Word for word, 0.3 s" in articles.meta(message(model="extractive", seconds=0.3))


@pytest.mark.parametrize(
    ("stage", "reading", "words"),
    [
        ("searching", None, "Searching the documents"),
        ("reading", None, "Reading 3 passages"),
        ("reading", Reading(queue=2, read=0, total=2000), "2nd in line"),
        ("reading", Reading(queue=0, read=1200, total=2000), "Reading 2 of 3 sources"),
        ("reading", Reading(queue=0, read=2000, total=2000), "Reading 3 of 3 sources"),
        ("writing", None, "Writing"),
    ],
)
def test_waiting_is_told_in_words(stage: str, reading: Reading | None, words: str) -> None:
    assert words in articles.stage(stage, reading, 3)


@pytest.mark.parametrize("state", list(articles.ENDED))
def test_an_answer_that_did_not_come_to_its_end_says_why(state: MessageState) -> None:
    assert articles.ENDED[state] in articles.body("", "m", (), state)
    assert articles.ENDED[state] not in articles.body("", "m", (), MessageState.DONE)


def test_the_copied_text_ends_in_a_numbered_list_of_references() -> None:
    notes = cited(2, 3, document=("d2", "v2", "notes.md", "notes.md"))
    text = articles.with_references("How many?", r"Five \* days. [1] Ten. [2]", [cited(1, 14), notes])
    assert text == (
        "How many?\n\nFive * days. [1] Ten. [2]\n\nReferences\n"
        "[1] Employee handbook, p. 14, 4.2 Leave (handbook.pdf)\n[2] notes.md, 4.2 Leave\n"
    )


def test_an_answer_without_footnotes_is_copied_without_a_list() -> None:
    assert articles.with_references("How many?", "Nothing found.", []) == "How many?\n\nNothing found.\n"


def test_hostile_titles_stay_text_everywhere() -> None:
    evil = cited(1, 1, document=("d", "v", "<img src=x>", '"><script>.pdf'), heading="<b>")
    for html in (
        articles.cards("m", [evil]),
        articles.body("x [1]", "m", [evil], MessageState.DONE),
        articles.copy_link("m", articles.with_references("<i>", "x", [evil])),
        articles.question("<img src=x>", first=True),
    ):
        assert "<img" not in html
        assert "<script" not in html


def test_many_footnotes_of_one_page_are_numbered_as_a_range() -> None:
    assert "<i>1-4, 6, 7</i>" in articles.cards("m", [cited(n, 14) for n in (1, 2, 3, 4, 6, 7)])
