"""Asking a person on the pages: the offer, the note, the list for those who answer, and the answer in the chat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app import services as composition
from app.doubt import doubtful
from storage.escalations import EscalationState
from storage.models import now
from storage.types import Citation, Message, MessageState, Readers
from tests.app.test_ui_pages import Site, buttons, chat_of, labels, text
from tests.office import Office

EVERYONE = Readers(everyone=True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    office = Office(tmp_path)
    site = Site(office, monkeypatch)
    yield site
    site.services.answers.close()
    composition._installed.clear()
    office.close()


def message(text: str, *, cited: bool = True, rating: int | None = None, role: str = "assistant") -> Message:
    citations = (Citation(1, "d", "v", 1, 0, 1),) if cited else ()
    return Message("m", "c", role, text, MessageState.DONE, now(), rating=rating, citations=citations)


def test_a_person_is_offered_where_an_answer_is_in_doubt() -> None:
    assert not doubtful(message("30 days [1]"))
    assert not doubtful(message("30 days [1]", rating=1))
    assert doubtful(message("30 days [1]", rating=0))
    assert doubtful(message("30 days", cited=False))
    assert doubtful(message("The documents may not answer this.\n\n30 days [1]"))
    assert doubtful(message("Vielleicht beantworten die Dokumente das nicht.\n\n30 Tage [1]"))
    assert doubtful(message("Nothing in the documents you may read answers this.\n\nLooked at: x [1]"))
    assert not doubtful(message("How?", cited=False, role="user"))
    assert not doubtful(replace(message("", cited=False), state=MessageState.WITHDRAWN))


def test_a_question_goes_to_a_person_and_the_answer_comes_back(site: Site) -> None:
    office = site.office
    document, _ = office.add("a.txt", EVERYONE, b"a")
    office.users.create_group("Helpers")
    office.users.set_groups("max", ["Helpers"])
    page = site.ask("What does it say?", "mia")
    chat = chat_of(page)
    assert "Ask a person" not in labels(page)
    page = buttons(page, "Not helpful")[-1].click().run()
    page = buttons(page, "Ask a person")[-1].click().run()
    page.text_area(key="person_note").set_value("for <b>my</b> plan")
    page = page.button(key="person_send").click().run()
    assert "Sent to a person" in text(page)
    assert "Ask a person" not in labels(page)

    assert "for those who answer them" in text(site.open_page("escalation_list", "mia"))
    listed = site.open_page("escalation_list", "max")
    assert "What does it say?" in text(listed)
    assert "for &lt;b&gt;my&lt;/b&gt; plan" in text(listed)
    assert "Open 1" in labels(listed)
    opened = buttons(listed, "Open")[0].click().run()
    assert "What a.txt says." in text(opened)
    opened = buttons(opened, "I answer this")[0].click().run()
    (area,) = [area for area in opened.text_area if str(area.key).startswith("reply_")]
    area.set_value("It says **nothing** [1] ![x](http://evil.example/a.png)")
    (known,) = [box for box in opened.multiselect if str(box.key).startswith("references_")]
    known.select("a.txt")
    opened = buttons(opened, "Send answer")[0].click().run()
    assert "Answered" in text(opened)

    other = site.open("mia")
    (new,) = [button for button in other.button if button.key == f"open_{chat}"]
    assert new.icon == ":material/mark_chat_unread:"
    shown = site.open("mia", chat=chat)
    assert "<bdi>max</bdi> answered, today" in text(shown)
    assert "<strong>nothing</strong>" in text(shown)
    assert "<img" not in text(shown)
    assert 'data-source="a.txt"' in text(shown)
    (seen,) = [button for button in site.open("mia").button if button.key == f"open_{chat}"]
    assert not seen.icon
    office.documents.begin_delete(document, office.principal("anna"))
    assert "<strong>nothing" not in text(site.open("mia", chat=chat))


def test_a_question_can_be_taken_back_and_closed(site: Site) -> None:
    page = site.ask("Nothing there?", "mia")  # no document: a refusal
    page = buttons(page, "Ask a person")[-1].click().run()
    page = page.button(key="person_send").click().run()
    page = buttons(page, "Take back")[-1].click().run()
    assert "was closed" in text(page)
    page = buttons(page, "Ask a person")[-1].click().run()
    page = page.button(key="person_send").click().run()
    listed = site.open_page("escalation_list")
    opened = buttons(listed, "Open")[0].click().run()
    buttons(opened, "Close")[0].click().run()
    (one,) = site.services.escalations.find(site.office.principal("anna"))
    assert one.state is EscalationState.CLOSED


def test_nothing_is_offered_where_the_settings_say_so(site: Site) -> None:
    services = site.services
    settings = services.settings.model_copy(update={"ask_a_person": False})
    composition.install(replace(services, settings=settings))
    assert "Ask a person" not in labels(site.ask("Nothing there?", "mia"))
