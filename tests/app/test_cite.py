from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cite import Resolver
from app.quotation import quote
from app.verify import Check, Unsupported, Verifier
from storage.types import Citation, Passage, PassageRow, PassageTable, Support

LEAVE = (
    "4.2 Annual leave\n\nFull-time staff have 30 days of annual leave. Part-time staff have leave in propor-\n"
    "tion to their working days. Leave that is not taken by 31 March of the next year lapses, unless illness or "
    "parental leave prevented it."
)
TRAVEL = (
    "Hotel costs are paid up to 120 euros a night.\n\n"
    "City | Limit\nLondon | 180 euros\nParis | 160 euros\n\nSee also [7] and `the form`."
)


def passage(text: str, n: int, *, start: int = 0) -> Passage:
    return Passage(f"c{n}", f"d{n}", f"v{n}", f"Title {n}", f"{n}.pdf", n, start, start + len(text), "Rules", text, 1.0)


SOURCES = [passage(LEAVE, 1, start=40), passage(TRAVEL, 2)]


def resolve(text: str, *, size: int = 1000, sources: list[Passage] = SOURCES) -> tuple[str, tuple[Citation, ...]]:
    resolver = Resolver(sources)
    for at in range(0, len(text), size):
        resolver.feed(text[at : at + size])
    resolver.finish()
    return resolver.text, resolver.citations


def test_a_quoted_sentence_is_marked_word_for_word() -> None:
    text, (citation,) = resolve("Full-time staff have 30 days of annual leave. [1]")
    assert text == "Full-time staff have 30 days of annual leave. [1]"
    assert citation.text == "Full-time staff have 30 days of annual leave."
    assert (citation.start, citation.end) == (40 + LEAVE.index("Full"), 40 + LEAVE.index(" Part-time"))
    assert (citation.document_id, citation.version_id, citation.page, citation.heading) == ("d1", "v1", 1, "Rules")


def test_line_breaks_and_hyphens_of_a_page_do_not_hide_a_quotation() -> None:
    _, (citation,) = resolve("Part-time staff have leave in proportion to their working days [1].")
    assert citation.text == "Part-time staff have leave in propor-\ntion to their working days."


def test_a_claim_in_other_words_marks_the_statement_that_shares_most_of_them() -> None:
    _, (citation,) = resolve("Untaken leave lapses on 31 March of the following year [1].")
    assert citation.text.startswith("Leave that is not taken by 31 March")


def test_a_claim_that_shares_nothing_marks_the_whole_passage() -> None:
    _, (citation,) = resolve("Quite different things happen elsewhere [2].")
    assert citation.text == TRAVEL


def test_a_table_row_is_marked_as_the_row() -> None:
    text, (citation,) = resolve("| City | Limit |\n| --- | --- |\n| Paris | 160 euros [2] |\n")
    assert citation.text == "Paris | 160 euros"
    assert text.splitlines()[2] == "| Paris | 160 euros [1] |"


@pytest.mark.parametrize("ending", ["1,85 €", "(1,850 )", "12 %", "1,85 € "])
def test_signs_after_a_space_belong_to_the_words(ending: str) -> None:
    source = passage(f"Spätschicht 14:00 Uhr {ending}\nNachtschicht 22:00 Uhr 3 €", 1)
    _, (citation,) = resolve(f"Spätschicht 14:00 Uhr {ending} [1]", sources=[source])
    assert citation.text == f"Spätschicht 14:00 Uhr {ending.strip()}"


def test_a_row_of_a_table_is_marked_with_all_of_its_signs() -> None:
    text = "Late shift .... $ (1,850 )\nNight shift .... $ (3,100 )"
    rows = tuple(
        PassageRow(text.index(line), text.index(line) + len(line), (line[: line.index(" .")], line[line.index("$") :]))
        for line in text.split("\n")
    )
    table = PassageTable(0, len(text), ("Shift", "Cost"), rows)
    _, (citation,) = resolve(
        "| Shift | Cost |\n| --- | --- |\n| Late shift | $ (1,850 ) [1] |\n",
        sources=[replace(passage(text, 1), tables=(table,))],
    )
    assert citation.text == "Late shift .... $ (1,850 )"


@pytest.mark.parametrize("marks", ["[9]", "[0]", "[3-5]", "【8】", "[9, 12]"])
def test_a_number_that_names_no_passage_is_dropped(marks: str) -> None:
    assert resolve(f"Something else entirely {marks}.") == ("Something else entirely.", ())


@pytest.mark.parametrize(
    "marks", ["[1][2]", "[1, 2]", "[1-2]", "[1] [2]", "【1】【2】", "[1; 2]", "[^1][^2]", " [1–2]"]
)
def test_every_bracket_form_names_its_passages(marks: str) -> None:
    text, citations = resolve(f"Leave and hotel limits{marks}.")
    assert text == "Leave and hotel limits [1][2]."
    assert [(c.n, c.document_id) for c in citations] == [(1, "d1"), (2, "d2")]


def test_round_brackets_are_no_footnotes() -> None:
    assert resolve("There are two (2) kinds.") == ("There are two (2) kinds.", ())


def test_numbers_count_in_order_of_appearance_and_equal_spans_share_one() -> None:
    text, citations = resolve(
        "Hotel costs are paid up to 120 euros a night [2]. Full-time staff have 30 days of annual leave [1]. "
        "Hotel costs are paid up to 120 euros a night [2]."
    )
    assert re.findall(r"\[\d\]", text) == ["[1]", "[2]", "[1]"]
    assert [c.document_id for c in citations] == ["d2", "d1"]


def test_a_half_written_number_is_never_shown() -> None:
    resolver = Resolver(SOURCES)
    resolver.feed("Hotel costs are paid [")
    assert resolver.text == "Hotel costs are paid"
    resolver.feed("2")
    assert resolver.text == "Hotel costs are paid"
    resolver.finish()
    assert (resolver.text, resolver.citations) == ("Hotel costs are paid", ())


def test_text_is_shown_before_its_sentence_is_settled() -> None:
    resolver = Resolver(SOURCES)
    resolver.feed("Hotel costs are paid [2] up")
    assert resolver.text == "Hotel costs are paid [1] up"
    assert len(resolver.citations) == 1


def test_a_sentence_without_a_number_gets_one_where_a_passage_says_the_same() -> None:
    text, citations = resolve("Full-time staff have 30 days of leave annually. It is warm outside. Paris is nice [2].")
    assert text.startswith("Full-time staff have 30 days of leave annually. [1] It is warm outside. Paris is nice [2]")
    assert [c.document_id for c in citations] == ["d1", "d2"]


def test_a_sentence_with_another_figure_stays_without_a_footnote() -> None:
    text, citations = resolve("Full-time staff have 35 days of annual leave.")
    assert (text, citations) == ("Full-time staff have 35 days of annual leave.", ())


def test_the_rest_of_a_sentence_after_its_number_gets_no_second_one() -> None:
    text, _ = resolve("It is 30 days [1], so full-time staff have 30 days of annual leave.")
    assert text == "It is 30 days [1], so full-time staff have 30 days of annual leave."


def test_a_number_on_a_line_of_its_own_belongs_to_the_sentence_before() -> None:
    text, citations = resolve("Full-time staff have 30 days of annual leave [1]\n\n[1]\n")
    assert text == "Full-time staff have 30 days of annual leave [1]\n\n\n"
    assert len(citations) == 1


def test_escaped_brackets_and_code_are_no_footnotes() -> None:
    text, citations = resolve(r"See also \[7\] and \`the form\` [2]. Then `list[1]` it is.")
    assert text == r"See also \[7\] and \`the form\` [1]. Then `list[1]` it is."
    assert [c.text for c in citations] == ["See also [7] and `the form`."]


def test_a_block_of_code_is_left_as_it_is() -> None:
    code = "```\nx = a[1]\n```\n"
    assert resolve(code, size=2) == (code, ())


def test_an_unclosed_backtick_does_not_swallow_footnotes() -> None:
    text, citations = resolve("The ` key is paid up to 120 euros [2].\nNext", size=3)
    assert text == "The ` key is paid up to 120 euros [1].\nNext"
    assert len(citations) == 1


def test_no_link_can_be_made_of_a_footnote() -> None:
    text, _ = resolve("Hotel costs [2](https://evil.example) and [2]: https://evil.example")
    assert "](" not in text
    assert "]:" not in text


def test_a_quotation_with_a_number_inside_a_longer_number_is_not_found() -> None:
    source = passage("The total was 2015 units.", 1)
    _, (citation,) = resolve("It is 15 [1]", sources=[source])
    assert citation.text == source.text


ANSWERS = st.lists(
    st.sampled_from(
        [
            *LEAVE.split(". "), *TRAVEL.split("\n"), quote(TRAVEL), "[1]", "[2]", " [1, 2]", "[1-3]", "[9]", "【2】",
            ". ", "\n", "\n\n", "- ", "| ", " |", "[", "]", "\\", "(x)", ": ", "30 ", "? ", "é", "",
            "Words that nobody wrote. ",
        ]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(ANSWERS, st.integers(1, 7))
def test_the_pieces_sizes_make_no_difference(answer: str, size: int) -> None:
    assert resolve(answer, size=size) == resolve(answer)


@settings(max_examples=300, deadline=None)
@given(ANSWERS)
def test_footnotes_and_citations_always_agree_and_mark_the_words_they_say(answer: str) -> None:
    resolver = Resolver(SOURCES)
    for character in answer:
        resolver.feed(character)
        _check(resolver.text, resolver.citations)
    resolver.finish()
    _check(resolver.text, resolver.citations)


def _check(text: str, citations: tuple[Citation, ...]) -> None:
    marks = [int(n) for n in re.findall(r"(?<!\\)\[(\d+)\]", text)]
    assert list(dict.fromkeys(marks)) == [c.n for c in citations] == list(range(1, len(citations) + 1))
    for citation in citations:
        source = SOURCES[int(citation.document_id[1:]) - 1]
        assert source.start <= citation.start < citation.end <= source.end
        assert citation.text == source.text[citation.start - source.start : citation.end - source.start]


# --- verdicts

WATCHED = "Full-time staff get 28 days of leave. Up to five unused days may be carried over until 31 March."


def watched(text: str, unsupported: Unsupported = Unsupported.MARK) -> Resolver:
    source = Passage("c", "d", "v", "Leave", "leave.txt", 1, 0, len(WATCHED), "", WATCHED)
    resolver = Resolver([source], check=Check(Verifier(), unsupported))
    for piece in re.findall(r"\S+\s*", text):
        resolver.feed(piece)
    resolver.finish()
    return resolver


def judged(resolver: Resolver) -> list[tuple[str, Support]]:
    return [(resolver.text[one.start : one.end], one.support) for one in resolver.verdicts]


def test_each_sentence_has_its_verdict_with_its_place_in_the_text() -> None:
    resolver = watched("Full-time staff have 28 days of leave [1]. Nine unused days may be carried over [1].")
    assert judged(resolver) == [
        ("Full-time staff have 28 days of leave [1].", Support.FULL),
        ("Nine unused days may be carried over [2].", Support.NONE),
    ]
    assert resolver.verdicts[1].reason == "The source says five unused days, not Nine unused days."
    assert resolver.verdicts[1].footnotes == (2,)


def test_a_verdict_is_there_as_soon_as_the_sentence_is() -> None:
    source = Passage("c", "d", "v", "Leave", "leave.txt", 1, 0, len(WATCHED), "", WATCHED)
    resolver = Resolver([source], check=Check(Verifier()))
    resolver.feed("Full-time staff have 26 days of leave [1]. And")
    assert [one.support for one in resolver.verdicts] == [Support.NONE]


def test_a_sentence_without_a_number_gets_the_source_that_supports_it() -> None:
    resolver = watched("It is possible to carry over up to five unused days. Bananas are yellow fruit.\n")
    assert resolver.text == "It is possible to carry over up to five unused days. [1] Bananas are yellow fruit.\n"
    assert [one.support for one in resolver.verdicts] == [Support.FULL, Support.NONE]
    assert resolver.verdicts[1].footnotes == ()


def test_what_is_not_supported_is_dropped_with_its_footnote() -> None:
    text = "Nine unused days may be carried over [1]. Full-time staff have 28 days of leave [1].\n"
    resolver = watched(text, Unsupported.DROP)
    assert resolver.text.strip() == "Full-time staff have 28 days of leave [1]."
    assert [citation.n for citation in resolver.citations] == [1]
    assert "28 days" in resolver.citations[0].text
    dropped, kept = resolver.verdicts
    assert dropped.left_out == "Nine unused days may be carried over"
    assert (dropped.start, dropped.end, dropped.footnotes) == (0, 0, ())
    assert kept.support is Support.FULL


def test_the_rest_of_a_dropped_sentence_goes_with_it() -> None:
    text = "Full-time staff have 26 days of leave [1] and may carry over five unused days [1]. It is 31 March [1].\n"
    resolver = watched(text, Unsupported.DROP)
    assert resolver.text.strip() == "It is 31 March [1]."


def test_a_clause_that_is_not_supported_takes_its_whole_sentence_away() -> None:
    text = "Up to five unused days may be carried over [1] until 30 June [1]. Staff have 28 days of leave [1].\n"
    resolver = watched(text, Unsupported.DROP)
    assert resolver.text.strip() == "Staff have 28 days of leave [1]."
    assert len(resolver.citations) == 1


def test_what_is_not_supported_gives_way_to_what_the_documents_say() -> None:
    resolver = watched(
        "- Full-time staff have 26 days of leave [1].\n- Bananas are yellow fruit.\n", Unsupported.REPLACE
    )
    assert resolver.text.startswith("- Full-time staff get 28 days of leave. [1]\n")
    assert "Bananas" not in resolver.text
    assert resolver.verdicts[0].left_out == "- Full-time staff have 26 days of leave"
    assert resolver.verdicts[0].footnotes == (1,)


def test_a_number_on_a_line_of_its_own_decides_on_the_sentence_before() -> None:
    resolver = watched("Full-time staff have 26 days of leave.\n[1]\n")
    assert [(one.support, one.footnotes) for one in resolver.verdicts] == [(Support.NONE, (1,))]


def test_cells_of_a_table_are_checked_with_the_name_of_their_row() -> None:
    text = "| What | Days |\n| --- | --- |\n| Days of leave | 28 [1] |\n| Unused days | 9 [1] |\n"
    assert [one.support for one in watched(text, Unsupported.DROP).verdicts] == [Support.FULL, Support.NONE]
    assert "| Unused days | 9 [2] |" in watched(text, Unsupported.DROP).text


def test_talk_gets_no_verdict() -> None:
    assert watched("Here is the answer:\n\nThe documents do not say more. Is that all?\n").verdicts == ()
