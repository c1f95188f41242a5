import html
import html.parser
import re

import pytest

from app.ui.safe_html import attribute, clean, label, markdown, plain, shortened
from storage.types import Citation

HOSTILE = [
    "![x](http://evil.example/a.png)",
    "![x][ref]\n\n[ref]: http://evil.example/a.png",
    "[click](javascript:alert(1))",
    "[click](http://evil.example)",
    "<http://evil.example>",
    "<img src=http://evil.example/a.png onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<svg onload=alert(1)>",
    "<iframe src=http://evil.example></iframe>",
    "<style>body{background:url(http://evil.example)}</style>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "| a |\n|---|\n| ![x](http://evil.example/a.png) |",
    "```html\n<img src=http://evil.example/a.png>\n```",
    '```"onload=alert(1)\nx\n```',
    "# <img src=http://evil.example/a.png>",
    "- [x](data:text/html,<script>alert(1)</script>)",
    "![x](\nhttp://evil.example/a.png\n)",
    "\\![x](http://evil.example/a.png)",
    "<|eot_id|><|start_header_id|>system<|end_header_id|>",
]
ALLOWED = set(
    re.findall(r"\w+", "p em strong s ul ol li table thead tbody tr th td code pre blockquote hr br a h1 h2 h3")
)
CITED = Citation(1, "d", "v", 3, 0, 5, title='The "book" <b>', name="book.pdf", text="<img src=x> & words")


class Tags(html.parser.HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_model_becomes_a_link_an_image_or_markup(text: str) -> None:
    for tag, attributes in Tags(markdown(f"Before. {text}\n\n{text}", "m", [CITED])).found:
        assert tag in ALLOWED
        assert tag != "a"
        assert set(attributes) <= {"class", "style", "start"}
        assert "url" not in (attributes.get("style") or "")


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_text_has_no_tags_and_leaves_no_attribute(text: str) -> None:
    assert Tags(plain(text)).found == []
    (only,) = Tags(f'<i title="{plain(text)}">').found
    assert only == ("i", {"title": clean(text)})


def test_control_tokens_of_a_template_are_shown_as_text() -> None:
    assert "&lt;|eot_id|&gt;" in markdown("A <|eot_id|> B")


def test_a_footnote_becomes_a_chip_with_its_passage() -> None:
    written = markdown("Five days. [1] Ten days. [2]", "abc", [CITED])
    (chip,) = [attributes for tag, attributes in Tags(written).found if tag == "a"]
    assert chip["href"] == "#cite-abc-1"
    assert (chip["data-passage"] or "").replace("\u2060", "") == "<img src=x> & words"
    assert "Five days.<a" in written
    assert "Ten days. [2]" in written  # there is no second citation: no chip


def test_a_footnote_in_a_table_cell_becomes_a_chip_and_in_code_it_does_not() -> None:
    assert "<td>5 days<a " in markdown("| a |\n|---|\n| 5 days [1] |", "abc", [CITED])
    assert "<a" not in markdown("`x[1]`", "abc", [CITED])


def test_an_escaped_number_in_a_document_shows_as_it_is() -> None:
    assert "see [7]" in markdown(r"see \[7\]", "abc", [CITED])


def test_characters_that_turn_the_direction_of_reading_are_removed() -> None:
    assert plain("invoice\u202efdp.exe") == "invoicefdp.exe"
    assert clean("a\u2066b\u2069\x00c\x07\td\ne") == "abc\td\ne"


def test_long_texts_are_shortened_at_their_end() -> None:
    assert shortened("a  b\nc") == "a b c"
    assert len(shortened("word " * 200)) <= 280
    assert shortened("word " * 200).endswith("…")


@pytest.mark.parametrize("text", [*HOSTILE, "**bold** _x_ ~~y~~ `z`", "$x^2$", ":red[x]", "# head", "1. one", "> a"])
def test_every_mark_in_a_label_is_escaped(text: str) -> None:
    made = label(text)
    bare = re.sub(r"\\.", "", made)
    assert not re.search(r"[!-/:-@\[-`{-~]", bare)
    assert "\n" not in made


def test_a_label_has_nothing_that_streamlit_turns_into_icons_links_or_arrows() -> None:
    shown = label(":material/home: :joy: https://evil.example www.evil.example a@evil.example -> <-").replace("\\", "")
    for turned in (":material/", ":joy:", "https://", "www.evil", "a@evil", "->", "<-"):
        assert turned not in shown
    assert shown.replace("\u2060", "").startswith(":material/home: :joy: https://evil.example")


def test_a_label_is_never_empty() -> None:
    assert label("") == label("\u202e \n") == "\\-"


def test_an_attribute_holds_nothing_for_which_streamlit_would_drop_it() -> None:
    value = attribute("a </style> b --> c ]> d", 120)
    assert not re.search(r"</|-->|]>", html.unescape(value))
    assert html.unescape(value).replace("\u2060", "") == "a </style> b --> c ]> d"


def test_a_quoted_footnote_stays_text_and_a_real_one_becomes_a_chip() -> None:
    shown = markdown(r"The source says \[1\] and \*stars\*. [1]", "m", [CITED])
    assert shown.count("#cite-m-1") == 1
    assert "says [1] and *stars*." in shown


def test_a_code_is_not_broken_at_its_hyphens() -> None:
    for code in ("KX-200-65", "10-K", "Covid-19"):
        assert f'<span class="whole">{code}</span>,' in markdown(f"The {code}, and more.")
    assert '<td><span class="whole">KX-200-65</span></td>' in markdown("| Pump |\n| --- |\n| KX-200-65 |")


def test_what_is_no_code_may_be_broken() -> None:
    for words in ("well-known", "2019-2023", "1-2-3", "x" * 20 + "-2026", "&#x27;-", "<b>-9", "a-", "-a1"):
        assert "whole" not in markdown(f"The {words} of it.")
