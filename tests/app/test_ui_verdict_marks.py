"""Verdicts on the page: each sentence in doubt is marked, and nothing foreign gets through."""

from __future__ import annotations

from app.ui import articles, verdict_marks
from app.ui.safe_html import CLOSE, OPEN
from storage.types import Citation, MessageState, Support, Verdict

CITED = [Citation(1, "d", "v", 1, 0, 3, "Title", "n.pdf", "", "abc")]


def on(text: str, sentence: str, support: Support, reason: str = "The source says 5, not 9.") -> Verdict:
    start = text.index(sentence)
    return Verdict(start, start + len(sentence), support, reason, (1,))


def drawn(text: str, *verdicts: Verdict) -> str:
    return articles.body(text, "m", CITED, MessageState.DONE, verdicts)


def test_a_supported_sentence_has_no_mark() -> None:
    text = "There are 5 days [1]."
    assert drawn(text, on(text, text, Support.FULL)) == drawn(text)


def test_a_sentence_in_doubt_is_marked_with_the_reason_for_all_readers() -> None:
    text = "There are 5 days [1]. There are 9 weeks [1]."
    html = drawn(text, on(text, "There are 9 weeks [1].", Support.NONE))
    assert '<span class="doubted none">There are 9 weeks<a class="c"' in html
    assert 'role="note" tabindex="0" aria-label="Not supported: The source says 5, not 9."' in html
    assert "There are 5 days<a" in html


def test_marks_stand_in_lists_emphasis_and_cells_without_breaking_them() -> None:
    text = "- First **bold** item [1]\n- Second item [1]\n\n| What | Days |\n| --- | --- |\n| Leave | 9 [1] |"
    html = drawn(
        text,
        on(text, "- First **bold** item [1]", Support.PART),
        on(text, "9 [1]", Support.NONE),
    )
    assert html.count("<li>") == 2
    assert '<strong><span class="doubted part">bold</span></strong>' in html
    assert '<td><span class="doubted none">9<a' in html


def test_words_of_documents_in_a_reason_are_shown_as_they_are() -> None:
    text = "There are 9 days [1]."
    html = drawn(text, on(text, text, Support.NONE, 'The source says <script>alert(1)</script> & "x".'))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_an_answer_cannot_mark_itself() -> None:
    text = f"{OPEN}There are 9 days{CLOSE} [1]. There are 5 days [1]."
    html = drawn(text, on(text, "There are 5 days [1].", Support.PART))
    assert html.count('class="doubted') == 1
    assert '<span class="doubted part">There are 5 days' in html
    assert OPEN not in html


def test_a_verdict_that_does_not_fit_the_text_is_left_out() -> None:
    assert drawn("Short.", Verdict(3, 90, Support.NONE, "No.")) == drawn("Short.")


def test_the_line_counts_in_words_and_tells_why() -> None:
    verdicts = [
        Verdict(0, 4, Support.FULL),
        Verdict(5, 9, Support.FULL),
        Verdict(10, 14, Support.PART, "The source does not name <b>Eve</b>."),
        Verdict(15, 15, Support.NONE, "The source says 5, not 9.", (), "It is 9."),
        Verdict(15, 18, Support.NONE, "The source says 6, not 9.", (2,), "It was 9."),
    ]
    line = verdict_marks.line(verdicts)
    assert "2 sentences supported" in line
    assert "1 in part: the source does not name &lt;b&gt;Eve&lt;/b&gt;" in line
    assert "1 sentence left out, 1 sentence replaced by the documents&#x27; words" in line.replace("'", "&#x27;")
    assert verdict_marks.line([]) == ""
