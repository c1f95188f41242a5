from __future__ import annotations

import pytest

from ingest.terms import pairs, terms, words


def meet(one: str, other: str, language: str) -> bool:
    return bool(set(terms(one, language)) & set(terms(other, language)))


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("carried over", "carrying", "en"),
        ("Urlaubsansprüche", "Urlaubsanspruch", "de"),
        ("Müller", "Mueller", "de"),
        ("Straße", "STRASSEN", "de"),
        ("les congés payés", "congé payé", "fr"),
        ("работников", "работники", "ru"),
        ("vacaciones", "vacación", "es"),
        ("Zażółć", "zazolc", "vi"),
        ("ﬁnancial", "financials", "en"),
    ],
)
def test_forms_of_a_word_meet(one: str, other: str, language: str) -> None:
    assert meet(one, other, language)


@pytest.mark.parametrize(
    ("spellings", "term"),
    [
        (("1,234", "1.234", "1'234", "1234"), "1234"),
        (("1,234,567.8", "1.234.567,8"), "1234567.8"),
        (("3,14", "3.14"), "3.14"),
        (("0.125", "0,125"), "0.125"),
        (("10-K", "10K", "10‑k"), "10k"),
        (("COVID-19", "covid19"), "covid19"),
        (("COVID-19", "Covid 19", "covid19"), "19"),
        (("e-mail", "email", "E-Mails"), "email"),
        (("FY2020", "FY 2020", "fy-2020"), "2020"),
        (("Q3", "q3"), "q3"),
        (("R&D", "r&d costs"), "r&d"),
        (("in the U.S.", "the US market", "US"), "us"),
        (("§ 5 Abs. 2", "§5", "§§ 5"), "§5"),
        (("12.03.2024", "2024"), "2024"),
        (("snake_case", "snakecase"), "snakecas"),
        (("CO₂", "CO2"), "co2"),
    ],
)
def test_spellings_of_numbers_and_codes_meet(spellings: tuple[str, ...], term: str) -> None:
    for spelling in spellings:
        assert term in terms(spelling, "en"), terms(spelling, "en")


def test_decimals_are_not_their_digits() -> None:
    assert not meet("3.14", "314", "en")
    assert not meet("1.5", "15", "en")


def test_stop_words_go_by_language() -> None:
    assert terms("what is the", "en") == []
    assert terms("wie ist die", "de") == []
    assert terms("die casting", "en") == ["die", "cast"]


def test_an_acronym_is_no_stop_word_but_a_line_of_capitals_has_none() -> None:
    assert "it" in terms("the IT department", "en")
    assert "it" not in terms("is it late", "en")
    assert terms("WHAT IT IS ABOUT", "en") == []


def test_what_an_apostrophe_parts_is_found() -> None:
    assert terms("l'entreprise", "fr") == terms("entreprise", "fr")
    assert terms("the company's", "en") == terms("company", "en")


def test_scripts_without_spaces_give_pairs_and_single_chinese_characters() -> None:
    assert pairs("年假") == ["年假", "年", "假"]
    assert pairs("税") == ["税"]
    assert pairs("휴가를") == ["휴가", "가를"]
    assert pairs("です") == ["です"]
    assert "です" not in pairs("必要です")


def test_mixed_scripts_are_each_cut_by_their_own_rule() -> None:
    found = terms("VPNに接続するときはＵＳＢを使う", "ja")
    assert {"vpn", "usb", "接続"} <= set(found)


@pytest.mark.parametrize("text", ["", "   \n", "…—„“", "\u0301\u0308", "'" * 50, "-_-" * 50, "\ud83d"])
def test_a_text_without_words_has_no_terms(text: str) -> None:
    assert terms(text, "en") == []


def test_a_word_without_an_end_is_no_term() -> None:
    assert terms("a" * 100_000, "en") == []
    assert len(words("1." * 50_000)) < 3
