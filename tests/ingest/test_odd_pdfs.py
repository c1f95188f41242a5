"""Odd, broken and hostile PDFs: each is read, or refused with a reason; none takes its reader far or others with it."""

from contextlib import suppress

import pytest

from ingest.parse import parse
from ingest.sandbox import Child, Limits
from storage.errors import DocumentError
from tests.ingest import hostile, odd_pdfs

LIMITS = Limits(memory=10**9, cpu_seconds=60, wall_seconds=60)


def outcomes(files, folder):
    """What each file comes to in one child, which the worst must not bring down."""
    path, found = folder / "file.pdf", {}
    with Child(hostile.__name__, readable=[folder], limits=LIMITS) as child:
        for name, data in files.items():
            path.write_bytes(data)
            found[name] = child.call(hostile.outcome, str(path), "file.pdf", wall_seconds=60)
    return found


def test_what_a_viewer_can_show_is_read(tmp_path):
    found = outcomes(odd_pdfs.readable(), tmp_path)
    assert len(found) >= 38
    lost = {name: outcome for name, outcome in found.items() if "Words of the" not in outcome.get("text", "")}
    assert lost == {}
    assert "valve" in found["updated"]["text"]


def test_what_can_not_be_read_is_refused_with_a_reason(tmp_path):
    found = outcomes(odd_pdfs.doubtful(), tmp_path)
    assert found["user's password"] == {"reason": "The file is encrypted.", "remedy": "Upload it without a password."}
    assert found["no pages"]["reason"] == "This PDF has no pages."
    assert found["letters without names"]["text"] == ""
    assert all(outcome.get("remedy") or "text" in outcome for outcome in found.values())


@pytest.mark.parametrize("name", odd_pdfs.bombs())
def test_bombs_end_with_words_or_a_reason(tmp_path, name):
    path = tmp_path / "bomb.pdf"
    path.write_bytes(odd_pdfs.bombs()[name])
    assert path.stat().st_size < 400_000
    text = "Words of the pump"
    with suppress(DocumentError):  # which has a reason: as good
        text = parse(path, "bomb.pdf", Limits(memory=700 * 10**6, cpu_seconds=20, wall_seconds=60)).sections[0].text
    assert "Words of the pump" in text


def test_ten_thousand_pages_are_read(tmp_path):
    path = tmp_path / "long.pdf"
    path.write_bytes(odd_pdfs.numbered_pages(10_000))
    parsed = parse(path, "long.pdf", Limits(memory=10**9, cpu_seconds=120, wall_seconds=170))
    assert parsed.pages == 10_000
    assert parsed.sections[9_998].text == "Words of page 9999"


def test_more_pages_than_can_be_taken_are_refused(tmp_path):
    path = tmp_path / "longer.pdf"
    path.write_bytes(odd_pdfs.many_pages(20_001))
    with pytest.raises(DocumentError, match="20,001 pages"):
        parse(path, "longer.pdf")
