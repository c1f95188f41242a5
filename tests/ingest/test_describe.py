import time
from datetime import date

import pytest

from ingest.dates import day, span
from ingest.describe import describe
from ingest.formats.sections import Reading
from ingest.parse import parse
from storage.types import About, Section
from tests.ingest import papers

REGISTRANT = ["TALLOW & WICK HOLDINGS, INC.", "(Exact name of registrant as specified in its charter)"]
ACT = "PURSUANT TO SECTION 13 OR 15(d) OF THE SECURITIES EXCHANGE ACT OF 1934"
ANNUAL = ["FORM 10-K", f"☒ ANNUAL REPORT {ACT}", "For the fiscal year ended January 30, 2022", "OR"]
ANNUAL += [f"☐ TRANSITION REPORT {ACT}", *REGISTRANT]


def of(text, name="file.txt", *, title="", headline="", kind="text", **properties):
    """What is said of a document with these pages."""
    pages = [text] if isinstance(text, str) else text
    sections = [Section(number, page) for number, page in enumerate(pages, 1)]
    return describe(Reading(sections, title, headline, properties=properties), name, kind)


@pytest.fixture
def read(tmp_path):
    def read(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        parsed = parse(path, name)
        return parsed.title, parsed.about

    return read


def test_the_cover_of_an_annual_report_says_whose_it_is_which_form_and_which_year():
    told = of(["\n".join(ANNUAL), "Tallow & Wick Holdings, Inc. sells candles."], "scan.pdf", kind="pdf")
    assert told.title == ("Tallow & Wick Holdings, Inc. annual report (Form 10-K), fiscal year ended January 30, 2022")
    assert told.about == About("Tallow & Wick Holdings, Inc.", "fiscal year ended January 30, 2022", date(2022, 1, 30))


def test_what_the_company_calls_its_year_is_added_to_the_day_that_it_ended():
    told = of(["\n".join(ANNUAL), "Sales of fiscal 2021 rose. " * 9], "TWH_2021_10K.pdf", kind="pdf")
    assert told.about.period == "fiscal 2021, fiscal year ended January 30, 2022"
    assert told.title.endswith("fiscal 2021, fiscal year ended January 30, 2022 (TWH)")


def test_a_year_that_is_named_for_comparison_is_not_what_the_company_calls_its_own():
    told = of(
        ["\n".join(ANNUAL), "Fiscal 2022 is above fiscal 2021. " * 9 + "Fiscal 2021 was good."], "x.pdf", kind="pdf"
    )
    assert told.about.period == "fiscal year ended January 30, 2022"


def test_a_mark_that_is_glued_to_the_kind_of_report_is_no_part_of_it():
    told = of("\n".join([ANNUAL[0], f"x{ANNUAL[1][2:]}", *ANNUAL[2:]]), "x.pdf", kind="pdf")
    assert told.title.startswith("TALLOW & WICK HOLDINGS, INC. annual report (Form 10-K)")


def test_a_company_whose_name_is_a_picture_on_the_cover_is_the_one_that_is_named_again_and_again():
    cover = [*ANNUAL[:3], "Commission file number 001-06991", REGISTRANT[1]]
    text = "The Wick Company sells candles. Glass comes from Pane Inc. and from Wick Company itself. " * 12
    assert of(["\n".join(cover), text], "x.pdf", kind="pdf").about.subject == "Wick Company"


def test_an_annual_report_is_of_no_quarter():
    told = of("\n".join(ANNUAL), "x.pdf", title="TWH Q4 2021 10K", kind="pdf")
    assert told.about.period == "fiscal year ended January 30, 2022"


def test_a_file_number_in_front_of_the_name_is_no_part_of_it():
    cover = [*ANNUAL[:3], "Commission file number 001-06991. ____ WALNUT INC.", REGISTRANT[1]]
    assert of("\n".join(cover), "x.pdf", kind="pdf").about.subject == "WALNUT INC."


def test_the_cover_may_follow_a_letter_to_the_shareholders():
    told = of(["Shaping tomorrow", "Dear shareholders, " * 30, "\n".join(ANNUAL)], "ar.pdf", kind="pdf")
    assert told.about.subject == "TALLOW & WICK HOLDINGS, INC."


@pytest.mark.parametrize(
    ("name", "words"), [("TWH_2023Q1_10Q.pdf", ""), ("x.pdf", "In the first quarter of 2023 we sold candles. " * 4)]
)
def test_a_quarter_is_named_by_the_file_or_by_the_text(name, words):
    cover = ["FORM 10-Q", f"x QUARTERLY REPORT {ACT}", "For the quarterly period ended April 30, 2023", *REGISTRANT]
    about = of(["\n".join(cover), words], name, kind="pdf").about
    assert (about.period, about.dated) == ("Q1 2023, quarterly period ended April 30, 2023", date(2023, 4, 30))


def test_a_press_release_keeps_its_headline():
    headline = "Tallow & Wick Reports Fourth Quarter and Full Year 2022 Results"
    text = f"{headline}\nPORTLAND, Maine, March 14, 2023 - Tallow & Wick Holdings, Inc. (NYSE: TWH) today reported"
    told = of(text, "release.pdf", headline=headline, kind="pdf")
    assert told.title == headline
    assert told.about == About(
        "Tallow & Wick Holdings, Inc.", "Q4 2022 (fourth quarter and full year 2022)", date(2023, 3, 14)
    )


def test_a_title_that_thousands_have_is_given_its_company(read):
    cover = [(28, "Geschäftsbericht 2023"), (14, "Seeblick Technik AG")]
    title, about = read("geschaeftsbericht_2023.pdf", papers.pdf([cover, *[papers.LOREM * 8] * 3]))
    assert title == "Seeblick Technik AG: Geschäftsbericht 2023"
    assert about == About("Seeblick Technik AG", "2023", date(2023, 12, 31))


def test_a_contract_is_about_its_parties_and_valid_from_its_first_day(read):
    title, about = read(
        "vertrag.txt",
        "Rahmenvertrag über Wartungsleistungen\n\nzwischen der\n\nNordlicht Energie GmbH, Hafenstraße 3, Hamburg\n\n"
        "und der\n\nSeeblick Technik AG, Am Markt 1, Rostock\n\n§ 1 Gegenstand\n\n"
        "Wartung nach dem Gesetz vom 12. Mai 1998 (BGBl. I S. 950).\n\n§ 2 Laufzeit\n\n"
        "Der Vertrag tritt am 1. April 2024 in Kraft und endet am 31. März 2027.\n",
    )
    assert title == "Rahmenvertrag über Wartungsleistungen"
    assert about == About(
        "Nordlicht Energie GmbH and Seeblick Technik AG", "in Kraft ab 1. April 2024", date(2024, 4, 1)
    )


def test_the_day_of_a_law_is_not_taken_for_the_document_s(read):
    words = "This notice follows the Data Protection Act of 25 May 2018 and the Order of 3 June 2019."
    assert read("notice.txt", f"Privacy notice\n\n{words}\n\nIt holds for all.")[1] == About()


LETTER = "Muster OHG\nWeg 1\n\nOldenburg, den 3. Mai 2024\n\nBetreff: Kündigung zum Juni\n\nSehr geehrte Damen"
MAIL = "From: a@example.org\nSubject: Move to Dock Street\nDate: Mon, 5 Feb 2024 09:12\n\nWe move."


@pytest.mark.parametrize(
    ("text", "title", "period", "dated"),
    [
        (LETTER, "Kündigung zum Juni", "", "2024-05-03"),
        (MAIL, "Move to Dock Street", "", "2024-02-05"),
        ("Protokoll\n\nSitzung vom 14. März 2024, Raum 2\n\nWir tagten.", "Protokoll", "", "2024-03-14"),
        ("Rules\n\nStand: März 2024\n\nThey hold.", "Rules", "Stand März 2024", "2024-03-01"),
        ("Rules\n\nVersion 2.1, 3 May 2024\n\nThey hold.", "Rules", "Version 2.1 3 May 2024", "2024-05-03"),
        ("Rules\n\nEffective date: July 1, 2023\n\nThey hold.", "Rules", "effective date July 1, 2023", "2023-07-01"),
        ("Rules\n\nDate of issue: 04/05/2024\n\nThey hold.", "Rules", "", None),
        ("Deed\n\nThis deed is made on 3 May 2024 between us.\n\nEnd", "Deed", "", "2024-05-03"),
    ],
)
def test_labels_and_letters_in_two_languages(read, text, title, period, dated):
    found, about = read("note.txt", text)
    assert (found, about.period, about.dated and about.dated.isoformat()) == (title, period, dated)


def test_front_matter_and_meta_elements_are_believed(read):
    title, about = read(
        "play-4.md",
        "---\ntitle:\n  Play 4 - Ask, then\n  ask more\ndate_approved: 2021-08-05\nkeywords: [leading, Leading, teams]"
        "\nsubtitle: 'Playbook:'\n---\n## Why\n\nWords.\n\n## How\n\nWords.\n",
    )
    assert title == "Play 4 - Ask, then ask more (Playbook)"
    assert about == About("leading, teams", "", date(2021, 8, 5))
    title, about = read(
        "x.html",
        '<html><head><title>Prices 2025 | Seeblick</title><meta property="article:published_time" '
        'content="2024-11-02T08:00:00Z"></head><body><h1>Prices 2025</h1><p>All prices are net.</p></body></html>',
    )
    assert (title, about.dated) == ("Prices 2025", date(2024, 11, 2))


def test_a_first_chapter_is_not_a_title(read):
    text = "## Background\n\nWords.\n\n## Costs\n\nWords.\n"
    assert read("moving-the-depot.md", text)[0] == "moving the depot"
    assert read("moving-the-depot.md", "# Background\n\nWords.\n\n## Costs\n\nWords.\n")[0] == "Background"


def test_the_words_that_head_the_pages_are_the_subject():
    pages = ["Quarry Pumps\nManual of the KX\n"] + [
        f"Quarry Pumps Manual of the KX\nPage {n}\nWords." for n in range(9)
    ]
    assert of(pages, "m.pdf", title="Manual of the KX", kind="pdf").about.subject == "Quarry Pumps"


def test_a_day_of_making_counts_only_where_its_year_is_on_the_cover():
    assert of("Manual 2023\nWords.", made="2023-04-05").about.dated == date(2023, 4, 5)
    assert of("Manual\nWords.", made="2023-04-05").about.dated is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("May 31, 2020", date(2020, 5, 31)),
        ("MAY 31 , 2020", date(2020, 5, 31)),
        ("1st of March 2024", date(2024, 3, 1)),
        ("1. März 2026", date(2026, 3, 1)),
        ("31.12.2022", date(2022, 12, 31)),
        ("12/31/2022", date(2022, 12, 31)),
        ("2022-12-31", date(2022, 12, 31)),
        ("04/05/2024", None),
        ("31.02.2024", None),
    ],
)
def test_days_are_read_and_doubtful_ones_are_not(text, expected):
    assert day(text) == expected


def test_a_month_has_a_first_and_a_last_day():
    assert (day("Februar 2024"), day("February 2024", last=True)) == (date(2024, 2, 1), date(2024, 2, 29))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X 2023Q3 10Q", ("Q3", "2023")),
        ("Q3 FY2023", ("Q3", "2023")),
        ("Third-quarter fiscal 2023 results", ("Q3", "2023")),
        ("TWH 2Q22 results", ("Q2", "2022")),
        ("Q4'21 call", ("Q4", "2021")),
        ("Q1 FY24", ("Q1", "2024")),
        ("12Q22 pumps", None),
        ("Mitteilung zum 3. Quartal 2023", ("Q3", "2023")),
        ("Erstes Halbjahr 2023", ("H1", "2023")),
        ("im Halbjahr 2023", None),
        ("Bericht zum 1. Halbjahr 2023", ("H1", "2023")),
    ],
)
def test_quarters_and_halves_are_read(text, expected):
    found = span(text)
    assert (found and found[:2]) == expected


@pytest.mark.parametrize(
    "unit",
    ["A ", "Aa Bb & ", "1.1", "January 1, 2020 to ", "for the three months ", "from 1. 1. ", "____ ", "(exact name of ",
     "Annual Report pursuant ", "first quarter of fiscal year ", "Re: ", "1, 2-3 ", "den 3. Mai 20"],
)  # fmt: skip
def test_hostile_text_takes_no_time(unit):
    text = (unit * 400_000)[:400_000]
    lines = "\n".join(text[at : at + 160] for at in range(0, len(text), 160))
    started = time.process_time()
    of([text] * 3, unit * 60, title=unit * 60, headline=unit * 60, kind="pdf", subject=unit * 100)
    of([lines] * 3, unit * 60, title=unit * 60, headline=unit * 60, kind="pdf", keywords=unit * 100)
    assert time.process_time() - started < 4
