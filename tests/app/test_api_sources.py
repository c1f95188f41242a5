"""/api/sources over a real server: who may, what is refused, and that no secret comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.syncs import Syncs
from tests.web import Web


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("share")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, share: Path) -> Iterator[Web]:
    web = Web(tmp_path_factory.mktemp("web"))
    settings = web.services.settings.model_copy(update={"source_places": str(share)})
    web.services = replace(web.services, settings=settings)
    with web:
        yield web


@pytest.fixture
def anna(web: Web) -> Iterator[httpx.Client]:
    with web.client("anna") as client:
        yield client


def source(share: Path, name: str, **changes: Any) -> dict[str, Any]:
    readers = {"everyone": True, "groups": []}
    return {"name": name, "location": str(share / "hr"), "readers": readers, "every": "1h", **changes}


def test_a_source_is_added_run_and_removed_and_never_tells_its_options(
    anna: httpx.Client, web: Web, share: Path
) -> None:
    added = anna.post("/api/sources", json=source(share, "HR", options={"secret": "hunter2"}, include=["*.md"]))
    assert added.status_code == 201
    assert (added.json()["has_options"], added.json()["every"]) == (True, 3600)
    run = anna.post("/api/sources/HR/sync?force=yes")
    assert (run.status_code, run.json()["state"], run.json()["forced"]) == (202, "waiting", True)
    assert anna.post("/api/sources/HR/sync").status_code == 409
    one = anna.get("/api/sources/HR")
    assert one.json()["syncs"][0]["id"] == run.json()["id"]
    task = Syncs(web.office.database).take("worker")
    assert task is not None
    assert task.options == {"secret": "hunter2"}
    assert "hunter2" not in added.text + one.text + anna.get("/api/sources").text
    changed = anna.put("/api/sources/HR/readers", json={"everyone": False, "groups": [web.office.people]})
    assert changed.json() == {"changed": 0}
    assert anna.get("/api/sources/HR").json()["source"]["readers"]["groups"] == [web.office.people]
    assert anna.delete("/api/sources/HR?documents=delete").json() == {"deleting": 0}
    assert anna.get("/api/sources/HR").status_code == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"location": "/etc"}, 403),
        ({"location": "llama_index.core.readers.file.base.SimpleDirectoryReader"}, 403),
        ({"location": "http://169.254.169.254/latest"}, 403),
        ({"location": "relative"}, 400),
        ({"name": " "}, 400),
        ({"every": "5s"}, 400),
        ({"include": ["!x"]}, 400),
        ({"readers": {"everyone": False, "groups": ["nobody"]}}, 400),
        ({"surprise": 1}, 400),
    ],
)
def test_what_can_not_be_taken_is_refused(
    anna: httpx.Client, share: Path, changes: dict[str, Any], status: int
) -> None:
    assert anna.post("/api/sources", json={**source(share, "x"), **changes}).status_code == status
    assert anna.get("/api/sources/x").status_code == 404


def test_a_query_that_means_nothing_is_refused(anna: httpx.Client) -> None:
    assert anna.delete("/api/sources/x?documents=maybe").status_code == 400
    assert anna.post("/api/sources/x/sync?force=maybe").status_code == 400


def test_members_learn_nothing_of_sources(web: Web, share: Path) -> None:
    with web.client("mia") as mia:
        answers = [
            mia.get("/api/sources"),
            mia.get("/api/sources/HR"),
            mia.post("/api/sources", json=source(share, "mine")),
            mia.put("/api/sources/HR/readers", json={"everyone": True, "groups": []}),
            mia.post("/api/sources/HR/sync"),
            mia.delete("/api/sources/HR"),
        ]
    assert [answer.status_code for answer in answers] == [403] * 6
    assert len({answer.text for answer in answers}) <= 2
