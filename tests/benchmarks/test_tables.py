"""Tables that are put into a page between their markers."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import tables

PAGE = """\
# Title

<!-- table: one -->
old
<!-- end -->

Words between.

<!-- table: two -->
<!-- end -->
"""


def test_only_the_table_of_that_name_is_replaced() -> None:
    page = tables.put(tables.put(PAGE, "two", "new two"), "one", r"new \1 one")
    assert "old" not in page
    assert page.index(r"new \1 one") < page.index("Words between.") < page.index("new two")
    assert tables.put(page, "one", r"new \1 one") == page


def test_a_table_that_the_page_has_no_place_for_is_an_error() -> None:
    with pytest.raises(KeyError, match="three"):
        tables.put(PAGE, "three", "new")


def test_a_written_table_says_where_and_when_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(PAGE, "utf-8")
    tables.write("one", tables.markdown(["", "share"], [["a|b", "0.5"]]), path)
    page = path.read_text("utf-8")
    assert "|  | share |\n| --- | ---: |\n| a\\|b | 0.5 |" in page
    assert tables.made() in page
    assert " cores of " in tables.made()


@pytest.mark.parametrize(
    ("change", "p", "shown"),
    [(0.0123, 1.0, "+1.2"), (-0.0456, 0.01, "−4.6 *"), (0.0, 1.0, "0"), (-0.0001, 0.2, "0")],
)
def test_a_change_is_shown_in_points_with_its_sign(change: float, p: float, shown: str) -> None:
    assert tables.points(change, p) == shown


@pytest.mark.parametrize(
    "name",
    ["bars", "ablation", "slips", "conversations", "follow-ups", "reranker", "languages", "abstention", "latency"],
)
def test_the_page_has_a_place_for_each_table(name: str) -> None:
    assert tables.put(tables.PAGE.read_text("utf-8"), name, "anything")
