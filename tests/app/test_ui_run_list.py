"""Evaluations on the insights page: started, watched, cancelled, compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.ui.run_rows import pace, percent
from storage.evaluations import RunState
from storage.types import Readers
from tests.insights_site import EVERYONE, Site, address, choose, line, open_site, press, text
from tests.patience import until


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with open_site(tmp_path, monkeypatch) as site:
        yield site


def test_an_evaluation_is_started_from_its_set_and_shows_its_figures(site: Site) -> None:
    site.office.pdf("leave.pdf", EVERYONE)
    set_id = site.set("Leave", line(pages=[["leave.pdf", 1]]))
    page = press(site.open("sets", set=set_id), "Evaluate")
    assert page.selectbox(key="run_rights").options[0] == "anna (you)"
    assert "sven" not in page.selectbox(key="run_rights").options
    page.selectbox(key="run_rights").set_value("max")
    page.radio(key="run_what").set_value("Retrieval and answers")
    press(page, "Start")
    until(lambda: site.evaluations.runs(site.anna)[0].state is RunState.DONE)
    (run,) = site.evaluations.runs(site.anna)
    assert (run.rights_of, run.answers) == ("max", True)
    shown = text(site.open("runs"))
    assert "<b>100%</b>page first" in shown
    assert "with the rights of <bdi>max</bdi>" in shown
    assert f'href="/api/runs/{run.id}/report" target="_blank"' in shown
    assert "100% page in five" in text(site.open("sets"))


def test_a_running_evaluation_shows_how_far_it_is_and_is_cancelled(site: Site) -> None:
    set_id = site.set("Leave", line(), line("And then?"))
    run = site.evaluations.begin(
        set_id, site.anna, answers=False, rights_of="anna", generation="minilm_v1", settings={}
    )
    site.evaluations.progress(run.id, 1)
    page = site.open("runs")
    assert "1 of 2, " in text(page)
    assert 'aria-valuenow="50"' in text(page)
    assert "cancelling" in text(choose(page, f"menu_{run.id}", "Cancel"))
    page = press(site.open("sets", set=set_id), "Evaluate")
    assert "under way" in text(press(page, "Start"))


def test_runs_that_ended_badly_say_how(site: Site) -> None:
    set_id = site.set("Leave", line())
    for state, reason in ((RunState.FAILED, "It <b>broke</b>."), (RunState.CANCELLED, "")):
        run = site.evaluations.begin(
            set_id, site.anna, answers=False, rights_of="anna", generation="minilm_v1", settings={}
        )
        site.evaluations.finish(run.id, state, reason=reason)
    shown = text(site.open("runs"))
    assert "Failed after 0 of 1 question<small>It &lt;b&gt;broke&lt;/b&gt;.</small>" in shown
    assert "Cancelled after 0 of 1 question" in shown
    assert "Open the report" not in shown


def test_two_evaluations_are_compared_question_by_question(site: Site) -> None:
    site.office.pdf("leave.pdf", EVERYONE)
    site.office.add("pay.txt", Readers(groups=frozenset([site.office.people])), b"pay")
    set_id = site.set("Leave", line(), line("How <much>?", doc=["pay.txt"], pages=[["pay.txt", 1]]))
    before, after = site.evaluated(set_id, rights_of="max"), site.evaluated(set_id)
    for one in (before, after):  # whichever one begins with, the older is what was before
        page = choose(site.open("runs"), f"menu_{one.id}", "Compare")
        page = press(page, "Compare").run()
        assert address(page) == {"view": "runs", "first": before.id, "second": after.id}
    shown = text(page)
    assert "no difference shown<small>1 better, 0 worse, 1 alike</small>" in shown
    assert "Won: 1 question" in shown
    assert "How &lt;much&gt;?" in shown
    assert "no such evaluation" in text(site.open("runs", first="x", second=after.id))
    page = choose(site.open("runs", first=before.id, second=after.id), f"menu_{before.id}", "Delete")
    press(page, "Delete")
    assert [run.id for run in site.evaluations.runs(site.anna)] == [after.id]


def test_the_pace_and_the_time_left_are_said_in_words() -> None:
    assert pace(0, 100, 3.0) == "starting"
    assert pace(30, 110, 10.0) == "3.0 a second, 27 s left"
    assert pace(10, 110, 50.0) == "5.0 s each, 8 min left"
    assert pace(1, 1000, 60.0) == "60 s each, 16.6 h left"


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    assert [percent(value) for value in (0, 0.004, 0.5, 0.996, 1)] == ["0%", "0.4%", "50%", "99.6%", "100%"]
