import pytest

from ingest.formats import web


@pytest.fixture
def read(tmp_path):
    def read(html):
        path = tmp_path / "file.html"
        path.write_bytes(html if isinstance(html, bytes) else html.encode())
        return web.read(str(path), max_characters=1_000_000)

    return read


def test_a_page_is_read_as_it_is_seen(read):
    reading = read(
        "<html><head><title>Leave &amp; travel</title><style>p {}</style></head><body><nav>Menu</nav>"
        "<h1>Leave</h1><p>You may take <b>five</b>\n days.<br>Ask first.</p><ul><li>one<li>two</ul><ol><li>three</ol>"
        "<h2>Table</h2><table><tr><th>Grade<th>Days<tr><td>A<td>30</table>"
        "<script>evil()</script><p hidden>hidden</p><div style='display: none'>also <div>hidden</div></div></body>"
    )
    assert reading.title == "Leave & travel"
    assert [section.heading_at(0) for section in reading.sections] == ["Leave", "Leave > Table"]
    assert reading.sections[0].text == "Leave\n\nYou may take five days.\nAsk first.\n\n- one\n- two\n1. three"
    assert reading.sections[1].text == "Table\n\nGrade | Days\nA | 30"
    table = reading.sections[1].tables[0]
    assert reading.sections[1].text[table.start : table.end] == "Grade | Days\nA | 30"


def test_broken_markup_loses_no_text(read):
    text = " ".join(section.text for section in read("<p>one <b>two</p> three </div></td> four <li>five").sections)
    assert [word for word in text.split() if word.isalpha()] == ["one", "two", "three", "four", "five"]


def test_an_open_hidden_element_ends_with_its_own_tag(read):
    assert read("<p>seen</p><nav><p>menu</nav><p>also seen").sections[0].text == "seen\n\nalso seen"


def test_preformatted_text_keeps_its_lines(read):
    assert read("<pre>a = 1\n    b = 2</pre>").sections[0].text == "a = 1\n    b = 2"


def test_what_a_list_of_terms_says_stands_under_its_term(read):
    reading = read(
        "<h1>Settings</h1><dl><dt><code>port</code> (integer)</dt><dd><p>5432 by default.</p>"
        "<dl><dt>since</dt><dd>version 1</dd></dl><p>Set at the start.</p></dd>"
        "<dt>size<dd>Eight.</dl><p>That is all.</p>"
    )
    (section,) = reading.sections
    under = {line: section.heading_at(section.text.index(line)) for line in section.text.split("\n\n")}
    assert under == {
        "Settings": "Settings",
        "port (integer)": "Settings > port (integer)",
        "5432 by default.": "Settings > port (integer)",
        "since": "Settings > port (integer) > since",
        "version 1": "Settings > port (integer) > since",
        "Set at the start.": "Settings > port (integer)",
        "size": "Settings > size",
        "Eight.": "Settings > size",
        "That is all.": "Settings",
    }


def test_a_term_as_long_as_a_text_is_no_heading(read):
    (section,) = read(f"<h1>Talk</h1><dl><dt>{'word ' * 30}<dd>Yes.</dl>").sections
    assert section.heading_at(len(section.text) - 1) == "Talk"


def test_ways_to_other_pages_are_left_out(read):
    links = "<table><tr><td><a href=a>Prev</a><td><a href=b>Next</a></table>"
    pages = "<div role=navigation>Up</div><ul class='x pager'><li>2</ul>"
    (section,) = read(f"<div class='navheader'><div>{links}</div></div><p>Seen</p>{pages}").sections
    assert section.text == "Seen"
    assert read("<body class=navigation><p>Seen</p></body>").sections[0].text == "Seen"
