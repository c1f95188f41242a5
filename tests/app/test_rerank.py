"""The client of a rerank server against real HTTP servers, the blending of scores, and the whole way to the model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import doctor, services, supervisor
from app.rerank import WITHOUT, HttpReranker, in_context, rerank
from app.retrieve import Retriever
from app.settings import Settings
from storage.documents import Documents
from storage.errors import Busy, Unavailable
from storage.types import About, Passage, Readers, Vector
from storage.versions import Versions
from tests import cross_encoder
from tests.conftest import TOM, Library
from tests.contracts.index_contract import IndexProcess
from tests.patience import PATIENCE
from tests.shelf import open_shelf

QUESTION = "How many days of leave?"


class Shares:
    """A reranker that needs no model: the share of a text's characters that are the letter a."""

    name = "shares"

    def rerank(self, question: str, texts: list[str]) -> Vector:
        return np.array([text.count("a") / len(text) for text in texts], np.float32)


class Away:
    name = "away"

    def rerank(self, question: str, texts: list[str]) -> Vector:
        raise Unavailable("models", "It is away.")


def passage(name: str, text: str, score: float) -> Passage:
    return Passage(name, name, name, "", name, 1, 0, len(text), "", text, score)


def names(passages: list[Passage]) -> str:
    return "".join(one.chunk_id for one in passages)


def patiently(ask: Callable[[], Vector]) -> Vector:
    deadline, reason = time.monotonic() + PATIENCE, ""
    while time.monotonic() < deadline:
        try:
            return ask()
        except Busy as error:
            reason = str(error)
        assert reason == "The reranker is being loaded."
        time.sleep(0.2)
    raise AssertionError(reason)


@contextmanager
def server(answer: Callable[[dict[str, Any]], Any], *, status: int = 200) -> Iterator[tuple[str, list[Any]]]:
    """A rerank server whose answers `answer` makes; gives its address and the requests that came: path, key, body."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.append((self.path, self.headers.get("authorization"), body))
            given = answer(body)
            data = given if isinstance(given, bytes) else json.dumps(given).encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", seen
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def jina(body: dict[str, Any]) -> Any:
    rows = [{"index": n, "relevance_score": len(text) / 100} for n, text in enumerate(body["documents"])]
    return {"model": body["model"], "results": sorted(rows, key=lambda row: -row["relevance_score"])}


def tei(body: dict[str, Any]) -> Any:
    assert body["truncate"] is True
    return [{"index": n, "score": len(text) / 100} for n, text in reversed(list(enumerate(body["texts"])))]


@pytest.mark.parametrize("answer", [jina, tei])
def test_scores_come_in_the_order_of_the_texts_from_either_kind_of_server(answer: Callable[..., Any]) -> None:
    with server(answer) as (url, seen):
        for address in (f"{url}/v1", f"{url}/v1/", f"{url}/v1/rerank"):
            reranker = HttpReranker(address, "secret", "some-model")
            scores = reranker.rerank(QUESTION, ["four", "a longer one", "x"])
            assert scores.dtype == np.float32
            assert scores.tolist() == pytest.approx([0.04, 0.12, 0.01])
            reranker.close()
    assert {path for path, _, _ in seen} == {"/v1/rerank"}
    assert {key for _, key, _ in seen} == {"Bearer secret"}
    assert seen[0][2]["query"] == QUESTION
    assert seen[0][2]["model"] == "some-model"


def test_raw_outputs_of_a_model_become_scores_from_0_to_1() -> None:
    raw = {"results": [{"index": 1, "relevance_score": 3.0}, {"index": 0, "relevance_score": -900.0}]}
    with server(lambda _: raw) as (url, _):
        reranker = HttpReranker(url)
        assert reranker.rerank(QUESTION, ["a", "b"]).tolist() == pytest.approx([0.0, 1 / (1 + np.exp(-3))])
        reranker.close()


@pytest.mark.parametrize(
    "given",
    [
        b"<html>",
        {"results": [{"index": 0, "relevance_score": 1}]},
        {"results": [{"index": 0, "relevance_score": 1}, {"index": 7, "relevance_score": 1}]},
        {"results": [{"index": 0, "relevance_score": 1}, {"index": 1}]},
        {"results": [{"index": 0, "relevance_score": float("nan")}, {"index": 1, "relevance_score": 0}]},
        {"results": "all good"},
        [1, 2],
        None,
    ],
)
def test_an_answer_that_is_no_score_for_each_text_counts_as_none(given: Any) -> None:
    with server(lambda _: given) as (url, _):
        reranker = HttpReranker(url)
        with pytest.raises(Unavailable, match="The reranker gave"):
            reranker.rerank(QUESTION, ["a", "b"])
        reranker.close()


@pytest.mark.parametrize(("status", "error"), [(429, Busy), (503, Busy), (401, Unavailable), (500, Unavailable)])
def test_a_refusal_says_what_to_look_at(status: int, error: type[Unavailable]) -> None:
    with server(lambda _: {"error": {"message": "The reranker is being loaded."}}, status=status) as (url, _):
        reranker = HttpReranker(url)
        with pytest.raises(error, match="RERANK_URL" if error is Unavailable else "being loaded"):
            reranker.rerank(QUESTION, ["a"])
        reranker.close()


def test_a_server_that_is_not_there_is_told_at_once_and_asked_again() -> None:
    reranker = HttpReranker(f"http://127.0.0.1:{supervisor.free_port()}")
    for _ in range(2):
        with pytest.raises(Unavailable, match="does not answer"):
            reranker.rerank(QUESTION, ["a"])
    assert reranker.rerank(QUESTION, []).shape == (0,)
    reranker.close()


def test_a_server_that_took_too_long_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    may_answer = threading.Event()

    def slow(body: dict[str, Any]) -> Any:
        may_answer.wait(10)
        return jina(body)

    with server(slow) as (url, seen):
        reranker = HttpReranker(url, model="m", timeout=0.3)
        with pytest.raises(Unavailable, match="ReadTimeout"):
            reranker.rerank(QUESTION, ["a"])
        may_answer.set()
        with pytest.raises(Unavailable, match="took too long"):
            reranker.rerank(QUESTION, ["a"])
        assert len(seen) == 1
        later = time.monotonic() + 31
        monkeypatch.setattr("app.rerank.time.monotonic", lambda: later)
        assert reranker.rerank(QUESTION, ["abcd"]).tolist() == pytest.approx([0.04])
        reranker.close()


def test_only_the_first_passages_are_reread_and_scores_still_fall() -> None:
    found = [passage("1", "xxxx", 0.9), passage("2", "axxx", 0.8), passage("3", "aaaa", 0.7), passage("4", "aaaa", 0.6)]
    first = rerank(QUESTION, found, Shares(), count=3, weight=1.0)
    assert names(first) == "3214"
    assert [one.score for one in first] == pytest.approx([1.0, 0.25, 0.0, 0.0])
    assert names(rerank(QUESTION, found, Shares(), count=3, weight=0.0)) == "1234"
    half = rerank(QUESTION, found, Shares(), count=9, weight=0.5)
    assert names(half) == "3421"
    assert [one.score for one in half] == pytest.approx([0.85, 0.8, 0.525, 0.45])
    assert rerank(QUESTION, [], Shares(), count=3) == []


def test_equal_passages_keep_their_order() -> None:
    found = [passage(str(n), "abab", 0.5) for n in range(6)]
    assert names(rerank(QUESTION, found, Shares(), count=4)) == "012345"


def test_a_reranker_that_is_away_is_for_the_caller_to_do_without() -> None:
    with pytest.raises(Unavailable, match="It is away"):
        rerank(QUESTION, [passage("1", "a", 1.0)], Away(), count=1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_question_s_passages_are_reread_and_only_those_that_its_asker_may_read(
    process: IndexProcess, library: Library, documents: Documents, versions: Versions
) -> None:
    read: list[str] = []

    class Reading(Shares):
        def rerank(self, question: str, texts: list[str]) -> Vector:
            read.extend(texts)
            return np.array(["a month" in text for text in texts], np.float32)

    with open_shelf(process, library, documents, versions) as shelf:
        shelf.add("Leave", "Days of leave of staff are counted by the staff.")
        shelf.add("Leave two", "Leave is a month.")
        shelf.add("Board", "Leave of the board is secret.", Readers(groups=frozenset({"board"})))
        asked = "How many days of leave do staff have?"
        plain = shelf.retriever.retrieve(asked, TOM).passages
        reread = Retriever(shelf.index, shelf.embedder, documents, reranker=Reading()).retrieve(asked, TOM)
        assert [one.title for one in plain] == ["Leave", "Leave two"]
        assert [one.title for one in reread.passages] == ["Leave two", "Leave"]
        assert reread.notice == ""
        assert len(read) == 2
        assert not any("secret" in text for text in read)
        without = Retriever(shelf.index, shelf.embedder, documents, reranker=Away()).retrieve(asked, TOM)
        assert without.passages == plain
        assert without.notice == WITHOUT.format(reason="It is away.")


def test_the_model_reads_a_passage_under_its_document_s_name_and_headings() -> None:
    one = replace(passage("1", "Sales rose.", 1.0), title="Acme annual report", heading="7 Results")
    assert in_context(one) == "Acme annual report\n7 Results\nSales rose."
    about = About("Acme", "Fiscal year 2022", date(2022, 12, 31))
    assert in_context(replace(one, about=about)) == "Acme annual report, Fiscal year 2022\n7 Results\nSales rose."
    assert in_context(passage("1", "Sales rose.", 1.0)) == "Sales rose."


def test_the_models_process_reranks_with_a_real_cross_encoder(data_dir: Path, tmp_path: Path) -> None:
    model = str(cross_encoder.build(tmp_path / "model"))
    asked = Settings(data_dir=data_dir, rerank_model=model, embed_url="http://127.0.0.1:9/v1")  # starts one model only
    assert "will be loaded" in doctor.examine(asked, only=["reranker"])[0].found
    with supervisor.running(asked, "models") as settings:
        assert settings.own_rerank_url
        built = services.build(settings)
        reranker = built.reranker
        assert reranker is not None
        texts = ["30 days of leave", "hotel costs", "the cafeteria opens at noon"]
        scores = patiently(lambda: reranker.rerank(QUESTION, texts))
        built.close()
        elsewhere = settings.updated({"data_dir": str(tmp_path)})  # this folder is held while the parts run
        assert doctor.examine(elsewhere, only=["reranker"])[0].ok
        refused = HttpReranker(settings.rerank_url, "wrong key", model)
        with pytest.raises(Unavailable, match="answered 401"):
            refused.rerank(QUESTION, texts)
        refused.close()
    from app.cross_encoder import CrossEncoderReranker

    assert np.allclose(scores, CrossEncoderReranker(model, device="cpu").rerank(QUESTION, texts), atol=1e-5)
    gone = doctor.examine(settings, only=["reranker"])[0]
    assert not gone.ok
    assert "passages stay as the search found them" in gone.remedy


def test_without_settings_there_is_no_reranker(data_dir: Path) -> None:
    finding = doctor.examine(Settings(data_dir=data_dir), only=["reranker"])[0]
    assert finding.ok
    assert finding.found.startswith("None")
    missing = doctor.examine(Settings(data_dir=data_dir, rerank_model="/no/such/folder"), only=["reranker"])[0]
    assert not missing.ok
    assert "nothing is downloaded" in missing.found
