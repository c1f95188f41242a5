"""Why it said so: what admins see of an answer's record, and that members see nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.types import Citation, Given, MessageState, Record, Support, Verdict
from tests.insights_site import EVERYONE, Site, open_site, press, text


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with open_site(tmp_path, monkeypatch) as site:
        yield site


def answered(site: Site) -> str:
    document_id, version_id = site.office.pdf("leave.pdf", EVERYONE)
    kept, mia = site.office.conversations, site.office.principal("mia")
    message = kept.ask(kept.create("Leave", mia).id, "How many <b>days</b>?", mia)
    kept.record_sources(message.id, [document_id])
    kept.finish(
        message.id,
        "There are 9 days [1].",
        MessageState.DONE,
        (Citation(1, document_id, version_id, 1, 0, 4),),
        model="llama",
        seconds=2.0,
        first_evidence=0.2,
        record=Record("3", ("How many days?",), 0.4, (Given(document_id, version_id, 1, 0, 6),)),
        verdicts=(Verdict(0, 21, Support.NONE, "The source says 5, not 9.", (1,)),),
    )
    return message.id


def test_an_admin_finds_an_answer_in_doubt_and_sees_why(site: Site) -> None:
    answered(site)
    page = site.open("records")
    assert "1 not supported" in text(page)
    assert "&lt;b&gt;days&lt;/b&gt;" in text(page)
    shown = text(press(page, "Open"))
    for said in ("The source says 5, not 9.", "llama", "How many days?", "40%", "characters 0 to 6, cited"):
        assert said in shown


def test_members_see_none_of_it(site: Site) -> None:
    answered(site)
    page = site.open("records", "mia")
    assert "for admins" in text(page)
    assert "not supported" not in text(page)
