"""Which files of a source are taken."""

import pytest

from ingest.patterns import Patterns
from storage.errors import InvalidInput


@pytest.mark.parametrize(
    ("pattern", "taken", "left"),
    [
        ("*.pdf", ["a.pdf", "x/y/a.pdf"], ["a.pdfx", "a.txt"]),
        ("drafts", ["drafts", "drafts/a.txt", "x/drafts/y/a.txt"], ["drafts2/a.txt", "mydrafts/a"]),
        ("drafts/", ["drafts/a.txt", "x/drafts/a.txt"], ["drafts", "x/drafts"]),
        ("/legal", ["legal/a.txt", "legal"], ["x/legal/a.txt"]),
        ("legal/*.docx", ["legal/a.docx"], ["legal/x/a.docx", "x/legal/a.docx"]),
        ("legal/**/*.docx", ["legal/a.docx", "legal/x/y/a.docx"], ["a.docx"]),
        ("legal/**", ["legal/a", "legal/x/a"], ["legal2/a", "x/legal/a"]),
        ("**/final.md", ["final.md", "x/y/final.md"], ["x/notfinal.md"]),
        ("report?x.md", ["report-x.md"], ["report-yx.md", "report/x.md"]),
        ("report-[0-3].md", ["report-2.md"], ["report-4.md"]),
        ("report[!0-3]x.md", ["report4x.md"], ["report2x.md", "report/x.md"]),
        ("a+b (1).md", ["a+b (1).md"], ["aab (1).md"]),
    ],
)
def test_a_pattern_takes_what_git_would_ignore(pattern: str, taken: list[str], left: list[str]) -> None:
    including, excluding = Patterns([pattern]), Patterns([], [pattern])
    assert [key for key in taken + left if including.take(key)] == taken
    assert [key for key in taken + left if excluding.take(key)] == left


def test_excluding_wins_and_what_programs_leave_behind_is_always_out() -> None:
    patterns = Patterns(["*.md", ".env"], ["drafts/"])
    assert patterns.take("a.md")
    for key in ("drafts/a.md", ".git/a.md", ".env", "x/~$plan.md", "a.txt", "__MACOSX/a.md"):
        assert not patterns.take(key), key


def test_folders_in_which_nothing_can_be_taken_are_not_looked_at() -> None:
    patterns = Patterns(["*.md"], ["drafts/", "legal/old", "x/**/tmp", "*.md"])
    assert [
        folder for folder in ("drafts", "a/drafts", "legal/old", ".git", "x/y/tmp") if not patterns.prune(folder)
    ] == []
    assert not any(patterns.prune(folder) for folder in ("legal", "a", "legal/older"))


@pytest.mark.parametrize("pattern", ["", "/", "  ", "!keep.md", "x" * 300, "[z-a].md"])
def test_a_pattern_that_can_not_be_understood_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="pattern"):
        Patterns([pattern])
