"""Figures of use on the insights page: what they count, and whose days they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.answers import Answers
from app.retrieve import Retrieved
from app.ui import usage
from storage.feedback import Asked
from storage.types import MessageState, Principal, Readers
from tests.insights_site import Site, open_site, text
from tests.patience import until
from tests.scripted import ScriptedModel, Shelf


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with open_site(tmp_path, monkeypatch) as site:
        yield site


def asked(day: int, state: MessageState = MessageState.DONE, *, answered: bool = True, **more: Any) -> Asked:
    values: dict[str, Any] = {"rating": None, "first_evidence": None, **more}
    return Asked(datetime(2026, 3, day, 12, tzinfo=UTC), state, answered, **values)


def test_figures_of_use_count_what_they_say() -> None:
    shown = usage.tiles(
        [
            asked(1, rating=1, first_evidence=0.4),
            asked(1, rating=0, first_evidence=0.8),
            asked(2, answered=False, first_evidence=2.0),
            asked(2, MessageState.WITHDRAWN, answered=False),
            asked(3, MessageState.FAILED, answered=False),
        ]
    )
    for words in ("<b>5</b>", "1 answer failed", "<b>75%</b>", "found for 1", "<b>50%</b>", "1 helpful, 1 not, 3 not"):
        assert words in shown
    assert "<b>0.8 s</b>" in shown


def test_where_nothing_can_be_said_no_figure_stands() -> None:
    shown = usage.tiles([asked(1, MessageState.FAILED, answered=False)])
    assert shown.count("<b>–</b>") == 3


def test_days_are_those_of_the_reader_and_none_is_left_out() -> None:
    late = Asked(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), MessageState.DONE, False, None, None)
    now = datetime(2026, 3, 3, 9, tzinfo=UTC).astimezone(datetime.now().astimezone().tzinfo)
    days = usage.by_day([late, asked(3)], date(2026, 3, 1), datetime(2026, 3, 3, 9, tzinfo=UTC))
    assert [(day.found, day.nothing) for day in days] == [(0, 1), (0, 0), (1, 0)]
    east = now.astimezone(datetime.fromisoformat("2026-03-03T09:00+05:00").tzinfo)
    assert [day.questions for day in usage.by_day([late], date(2026, 3, 1), east)] == [0, 1, 0]


def test_only_chats_of_the_chosen_time_are_counted(site: Site) -> None:
    site.comment("How many?", "30", "")
    page = site.open()
    assert "<b>1</b>" in text(page)
    assert "Questions per day" in text(page)
    assert "How many" not in text(page)
    assert list(site.feedback.asked(datetime.now(UTC) + timedelta(days=1), site.anna)) == []


class Unsure(Shelf):
    """Finds passages that hardly answer anything."""

    def retrieve(self, question: str, principal: Principal, **more: object) -> Retrieved:
        return replace(super().retrieve(question, principal, **more), confidence=0.0)


def test_an_answer_that_only_names_the_pages_it_looked_at_found_nothing(site: Site) -> None:
    site.office.add("leave.txt", Readers(everyone=True), b"leave")
    mia, kept = site.office.principal("mia"), site.office.conversations
    model: Any = ScriptedModel()
    for shelf in (Unsure(site.office), Shelf(site.office)):
        retriever: Any = shelf
        answers = Answers(kept, retriever, model)
        generation = answers.ask(kept.create("Leave", mia).id, "How many days of leave are there?", mia)
        until(lambda generation=generation: generation.snapshot().done)  # type: ignore[misc]
        assert kept.message(generation.message_id, mia).citations  # a refusal names pages too
        answers.close()
    asked = list(site.feedback.asked(datetime.now(UTC) - timedelta(days=1), site.anna))
    assert [usage.came_to(one) for one in asked] == ["nothing", "found"]
    shown = text(site.open())
    assert "<b>50%</b>" in shown
    assert "nothing was found for 1" in shown
