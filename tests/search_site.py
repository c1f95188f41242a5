"""The search page and the chat as Streamlit's AppTest opens them, over a real index and real storage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app.answers import Answers
from app.extract import Extractive
from app.services import Services
from app.ui import browser, identity
from storage.types import Readers
from tests.conftest import Library
from tests.contracts.index_contract import IndexProcess
from tests.office import Office
from tests.patience import PATIENCE
from tests.shelf import Shelf, open_shelf
from tests.web import services as services_over

PAGE = "from app.ui import search\nsearch.page()\n"
LEAVE = "Full-time staff have 30 days of annual leave. Leave that is not taken by 31 March lapses."
SALARY = "The salary band of grade D begins at 70,000 a year."


class Site:
    def __init__(self, office: Office, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        self.office, self.shelf = office, shelf
        self.missing: list[str] = []
        llm = Extractive(shelf.embedder)
        answers = Answers(office.conversations, shelf.retriever, llm)
        made = services_over(office, self.missing)
        self.services: Services = replace(made, retriever=shelf.retriever, answers=answers, llm=llm)
        composition.install(self.services)
        self.token = office.tokens["anna"]
        monkeypatch.setattr(identity, "token", lambda: self.token)
        monkeypatch.setattr(browser, "reader", lambda shown, running: None)  # a browser's part
        monkeypatch.setattr(browser, "fold_sidebar", lambda: None)

    def add_all(self) -> None:
        people = Readers(groups=frozenset({self.office.people}))
        self.shelf.add("Handbook", [LEAVE, "Hotels."], heading="4 Leave", format="pdf", dated=date(2024, 1, 1))
        self.shelf.add("Travel", "Leave the hotel before noon.", format="markdown", dated=date(2023, 5, 1))
        self.shelf.add("Salaries", SALARY, people, format="docx", dated=date(2019, 1, 1))

    def open(self, name: str = "max", **query: str | list[str]) -> AppTest:
        self.token = self.office.tokens[name]
        page = AppTest.from_string(PAGE, default_timeout=PATIENCE)
        for key, value in query.items():
            page.query_params[key] = value
        return page.run()


def text(page: AppTest) -> str:
    assert not page.exception
    return "\n".join(element.proto.body for element in page.get("html"))


def address(page: AppTest) -> dict[str, list[str]]:
    return {name: [value] if isinstance(value, str) else list(value) for name, value in page.query_params.items()}


def titles(page: AppTest) -> list[str]:
    return re.findall(r'role="button"><bdi>([^<]*)</bdi></a></h2>', text(page))


def button(page: AppTest, words: str) -> Any:
    (found,) = [button for button in page.button if button.label == words]
    return found


def field(page: AppTest, kind: str, key: str) -> Any:
    (found,) = [element for element in page.get(kind) if element.key == key]
    return found


def everything(page: AppTest) -> str:
    """All that the page sent to the browser."""
    return str(page._tree)


@contextmanager
def open_site(process: IndexProcess, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    office = Office(folder)
    library = Library(office.documents, office.versions, office.files)
    with open_shelf(process, library, office.documents, office.versions) as shelf:
        site = Site(office, shelf, monkeypatch)
        yield site
        site.services.answers.close()
    composition._installed.clear()
    office.close()
