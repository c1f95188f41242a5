import re

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.split import Piece, contextualize, split
from storage.types import Heading, Row, Section, Table


def word_spans(text):
    """A tokenizer by words and signs."""
    return [found.span() for found in re.finditer(r"\w+|[^\w\s]", text)]


def piece_spans(text):
    """A tokenizer that cuts words into pieces of three letters, as subword models do."""
    return [found.span() for found in re.finditer(r"\w{1,3}|[^\w\s]", text)]


def unknown_spans(text):
    """A tokenizer that takes any run of letters for one unknown token."""
    return [found.span() for found in re.finditer(r"\S+", text)]


WORDS = st.sampled_from(
    ["leave", "days", "the", "of", "approve", "5", "€", "managers.", "It", "a" * 300, "§ 4", "x-\ny"]
)
LINES = st.lists(WORDS, min_size=1, max_size=60).map(" ".join)
BLOCKS = st.lists(st.tuples(st.sampled_from(["text", "item", "heading", "table", "gap"]), LINES), max_size=14)


def table_at(start, rows):
    """What a `SectionWriter` says of these rows, joined by line feeds, from `start` on."""
    found, at = [], start
    for row in rows:
        first, second = at + row.index(" | "), at + row.rindex(" | ") + 3
        found.append(Row(at, at + len(row), ((at, first), (second, at + len(row)))))
        at += len(row) + 1
    return Table(start, at - 1, tuple(found), int(len(rows) > 1))


def section_of(blocks):
    text, headings, tables = "", [], []
    for kind, words in blocks:
        if kind == "heading":
            headings.append(Heading(len(text), f"Part {len(headings) % 3} > {words[:40]}".replace("\n", " ")))
            text += words[:40] + "\n"
        elif kind == "table":
            rows = [f"{words[:30]} | {number}".replace("\n", " ") for number in range(len(words) % 40 + 1)]
            tables.append(table_at(len(text), rows))
            text += "\n".join(rows) + "\n\n"
        else:
            text += {"text": words + "\n\n", "item": f"- {words}\n", "gap": " \n \n"}[kind]
    return Section(1, text, tuple(headings), tuple(tables))


@settings(max_examples=60, deadline=None)
@given(BLOCKS, st.sampled_from([word_spans, piece_spans, unknown_spans]), st.sampled_from([128, 254, 510]))
def test_pieces_cover_every_character_once_and_fit_the_model(blocks, token_spans, max_tokens):
    section = section_of(blocks)
    pieces = split([section], token_spans, max_tokens=max_tokens, title="Handbook of the company")
    covered = [0] * len(section.text)
    for piece in pieces:
        text = section.text[piece.start : piece.end]
        assert text
        assert text == text.strip()
        assert len(token_spans(contextualize("Handbook of the company", piece, section))) <= max_tokens
        for index in range(piece.start, piece.end):
            covered[index] += 1
    for index, character in enumerate(section.text):
        assert covered[index] == 1 or (character.isspace() and covered[index] == 0)
    assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)


SENTENCE = "Employees may carry over up to five days of leave into the next year. "


def test_pieces_are_near_the_target_and_end_with_sentences():
    section = Section(1, SENTENCE * 60)
    pieces = split([section], word_spans, max_tokens=254)
    sizes = [len(word_spans(section.text[piece.start : piece.end])) for piece in pieces]
    assert all(120 < size <= 230 for size in sizes)
    assert all(section.text[: piece.end].endswith("year.") for piece in pieces)


def test_small_paragraphs_come_together_and_sections_do_not():
    sections = [Section(1, "One.\n\nTwo.\n\nThree."), Section(2, "Four."), Section(3, "  \n ")]
    assert split(sections, word_spans, max_tokens=254) == [Piece(1, 0, 18, ""), Piece(2, 0, 5, "")]


def test_a_piece_begins_at_a_heading_and_keeps_it():
    text = f"Leave\n{SENTENCE * 8}\nTravel\n{SENTENCE * 8}"
    at = text.index("Travel")
    section = Section(1, text, (Heading(0, "Leave"), Heading(at, "Travel")))
    first, second = split([section], word_spans, max_tokens=254)
    assert (first.start, first.heading, second.start, second.heading) == (0, "Leave", at, "Travel")


def test_a_table_is_cut_between_rows_and_its_head_is_repeated_in_the_context():
    rows = ["Grade | Place"] + [f"Grade {n} | Place number {n} in the row of the places" for n in range(100)]
    text = "Intro.\n\n" + "\n".join(rows)
    section = Section(1, text, (), (table_at(8, rows),))
    pieces = split([section], word_spans, max_tokens=254, title="Grades")
    assert len(pieces) > 3
    for piece in pieces[1:]:
        assert section.text[piece.start :].startswith("Grade ")
        assert contextualize("Grades", piece, section).startswith("Grades\nGrade | Place\nGrade ")
    assert contextualize("Grades", pieces[0], section).count("Grade | Place") == 1


def test_the_context_is_title_path_and_text_and_says_nothing_twice():
    section = Section(1, "Annual leave\nFive days.", (Heading(0, "Leave > Annual leave"),))
    [piece] = split([section], word_spans, max_tokens=254)
    assert contextualize("Handbook", piece, section) == "Handbook\nLeave\nAnnual leave\nFive days."
    later = Piece(1, 13, 23, "Leave > Annual leave")
    assert contextualize("", later, section) == "Leave > Annual leave\nFive days."


def test_words_broken_at_a_line_end_are_joined_in_the_context_only():
    text = "The infor-\nmation on long-\nterm leave: each term counts."
    section = Section(1, text)
    piece = Piece(1, 0, len(text), "")
    assert contextualize("", piece, section) == "The information on long-term leave: each term counts."


def test_a_title_beyond_measure_is_cut():
    section = Section(1, SENTENCE * 30, (Heading(0, " > ".join(["Heading " * 20] * 5)),))
    for piece in split([section], word_spans, max_tokens=254, title="Title " * 500):
        assert len(word_spans(contextualize("Title " * 500, piece, section))) <= 254


def test_a_word_without_an_end_is_cut_by_length():
    section = Section(1, "x" * 200_000)
    pieces = split([section], unknown_spans, max_tokens=254)
    assert sum(piece.end - piece.start for piece in pieces) == 200_000
    assert max(piece.end - piece.start for piece in pieces) <= 254 * 8
