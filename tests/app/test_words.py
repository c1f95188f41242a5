from __future__ import annotations

import pytest

from app.words import content_words, covered, finder, is_german, stem, word_spans


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hours", "hour"),
        ("policies", "policy"),
        ("travelled", "travel"),
        ("covered", "cover"),
        ("orders", "order"),
        ("systems", "system"),
        ("Tage", "Tagen"),
        ("Kündigung", "Kündigungen"),
    ],
)
def test_forms_of_a_word_meet(one: str, other: str) -> None:
    assert covered([stem(one.lower())], {stem(other.lower())})


def test_stop_words_go_and_the_order_stays() -> None:
    assert content_words("How many days of annual leave do I have, and how many days in 2024?") == [
        "day",
        "annual",
        "leav",
        "2024",
    ]


def test_numbers_keep_their_points_and_are_never_part_of_another() -> None:
    assert content_words("1,250.50 euros") == ["1,250.50", "euro"]
    assert covered(["15"], {"2015"}) == []


def test_a_word_is_found_in_a_compound() -> None:
    assert covered(["urlaub"], {"jahresurlaub"}) == ["urlaub"]
    assert covered(["kündigungsfrist"], {"kündig"}) == ["kündigungsfrist"]
    assert covered(["port"], {"report"}) == []


def test_german_is_told_from_english() -> None:
    assert is_german("Wie viele Tage Urlaub habe ich?")
    assert not is_german("How many days of leave do I have?")
    assert not is_german("Footnote")


def test_umlauts_and_accents_may_be_spelled_otherwise() -> None:
    assert covered(content_words("Mueller Strasse"), content_words("Herr Müller, Bahnhofstraße, Straße")) != []
    assert covered(["mueller", "eleve", "conges"], {"müller", "élève", "congés"}) == ["mueller", "eleve", "conges"]
    assert covered(["congés"], {"conges"}) == ["congés"]
    assert covered(["muller"], {"müller"}) == []


def test_umlauts_made_of_two_characters_are_whole() -> None:
    assert content_words("Ku\u0308ndigung") == content_words("Kündigung")


def test_words_of_other_languages_that_mean_nothing_go() -> None:
    assert content_words("Quels sont les droits aux congés payés ?") == ["droit", "congé", "payé"]
    assert content_words("¿Cuántos días de vacaciones hay por año?")[-1] == "año"


@pytest.mark.parametrize(
    "text",
    [
        "Staff orders pumps; ordering needs 3 approvals, not 1,300 (see 6.3.1).",
        "The P-300 has 18f of 3.5 bar. Q3 orders: approved.",
        "Genehmigungen für Pumpen: bestellt 3, geprüft",
        "有給休暇の繰り越し 3 日",
        "",
    ],
)
@pytest.mark.parametrize(
    "asked", ["Who approves 3 orders of pumps?", "Was kostet die Genehmigung?", "有給休暇", "18 and 300", ""]
)
def test_words_are_found_in_a_text_as_if_it_were_taken_apart(asked: str, text: str) -> None:
    stems = set(content_words(asked))
    assert finder(stems)(text) == stems.intersection(content_words(text))


@pytest.mark.parametrize(
    ("text", "stems"),
    [
        ("FY2022", ["2022"]),
        ("in FY22 and GJ2021", ["2022", "2021"]),
        ("FY2023Q1", ["2023", "q1"]),
        ("fy 2022", ["fy", "2022"]),
    ],
)
def test_a_fiscal_year_is_the_year_that_texts_have(text: str, stems: list[str]) -> None:
    assert content_words(text) == stems
    assert finder({"2022"})(text) == {"2022"}.intersection(stems)


def test_text_without_spaces_is_compared_by_pairs_of_characters() -> None:
    passage = content_words("残った有給休暇は、上長の承認を得れば翌年度に繰り越すことができます。")
    asked = content_words("有給休暇の繰り越し")
    assert len(covered(asked, passage)) / len(asked) > 0.7
    other = content_words("通勤手当は最短経路の定期代を支給します。")
    assert len(covered(asked, other)) / len(asked) < 0.3


def test_spans_of_text_without_spaces_are_its_characters() -> None:
    text = "VPN接続 2020年"
    assert [text[start:end] for start, end in word_spans(text)] == ["VPN", "接", "続", "2020", "年"]
