"""The insights page as Streamlit's AppTest opens it, over real storage and real evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app.runs import Runs
from app.ui import browser, identity
from storage.evaluations import RunInfo, RunState
from storage.types import Citation, MessageState, Readers
from tests.office import Office
from tests.patience import until
from tests.scripted import ScriptedModel, Shelf
from tests.shelf import HashEmbedder
from tests.web import services as services_over

EVERYONE = Readers(everyone=True)


class Site:
    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.office, self.anna = office, office.principal("anna")
        shelf: Any = Shelf(office)
        shelf.embedder = HashEmbedder()
        services = services_over(office, [])
        self.evaluations, self.feedback = services.evaluations, services.feedback
        model: Any = ScriptedModel()
        self.runs = Runs(
            services.evaluations,
            office.documents,
            office.users,
            shelf,
            model,
            generation=lambda: "minilm_v1",
            settings={},
        )
        composition.install(replace(services, runs=self.runs, llm=model))
        self.token: str | None = None
        self.imported: list[str] = []
        monkeypatch.setattr(identity, "token", lambda: self.token)
        monkeypatch.setattr(
            browser, "question_file", lambda address: self.imported.pop() if self.imported else ""
        )  # a browser's part

    def open(self, view: str = "", name: str = "anna", **more: str) -> AppTest:
        self.token = self.office.tokens[name]
        page = AppTest.from_string("from app.ui import insights\ninsights.page()\n", default_timeout=20)
        for key, value in {"view": view, **more}.items():
            page.query_params[key] = value
        return page.run()

    def set(self, name: str = "Leave", *lines: dict[str, Any]) -> str:
        kept = self.evaluations.create_set(name, self.anna)
        if lines:
            self.evaluations.add(kept.id, lines, self.anna)
        return kept.id

    def contents(self, set_id: str) -> list[dict[str, Any]]:
        return [dict(question.content) for question in self.evaluations.questions(set_id, self.anna)]

    def evaluated(self, set_id: str, *, rights_of: str = "anna", answers: bool = False) -> RunInfo:
        run = self.runs.start(set_id, self.anna, answers=answers, rights_of=rights_of)
        until(lambda: self.evaluations.run(run.id, self.anna).state is not RunState.RUNNING)
        return self.evaluations.run(run.id, self.anna)

    def comment(self, question: str, answer: str, comment: str, *documents: tuple[str, str]) -> str:
        kept, mia = self.office.conversations, self.office.principal("mia")
        message = kept.ask(kept.create(question, mia).id, question, mia)
        kept.record_sources(message.id, [document for document, _ in documents])
        cited = [Citation(n, *document, 1, 0, 4) for n, document in enumerate(documents, 1)]
        kept.finish(message.id, answer, MessageState.DONE, cited, model="m", seconds=1, first_evidence=0.4)
        kept.rate(message.id, 0, comment, mia)
        return message.id


@contextmanager
def open_site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    office = Office(folder)
    site = Site(office, monkeypatch)
    yield site
    site.runs.close()
    composition._installed.clear()
    office.close()


def line(question: str = "How many days?", **more: Any) -> dict[str, Any]:
    return {"question": question, "doc": ["leave.pdf"], "pages": [["leave.pdf", 4]], "answer": "30 days", **more}


def text(page: AppTest) -> str:
    assert not page.exception
    return "\n".join(element.proto.body for element in page.get("html"))


def press(page: AppTest, words: str) -> AppTest:
    (button,) = [button for button in page.button if button.label == words]
    return button.click().run()


def choose(page: AppTest, key: str, choice: str) -> AppTest:
    (menu,) = [menu for menu in page.get("menu_button") if menu.key == key]
    return menu.click(choice).run()


def address(page: AppTest) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in page.query_params.items()}
