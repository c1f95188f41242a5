"""The models process over real HTTP: uvicorn, llama.cpp and the parrot."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from app import llm_server
from app.llm_engine import Engine
from ingest.http_embedder import HttpEmbedder
from ingest.meaning import Meaning
from storage.errors import InvalidInput
from tests import parrot
from tests.patience import until

LONG = f"say «{parrot.long_script(1200)}» now"
ROUTES = [
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/rerank"),
    ("POST", "/tokenize"),
    ("PUT", "/beginning"),
    ("GET", "/metrics"),
    ("GET", "/nowhere"),
]


class LetterCounts:
    """An embedder that needs no model: passages count letters, queries count them twice."""

    name = "letters"
    dimensions = 2

    def embed_passages(self, texts: list[str]) -> np.ndarray:
        if "spoilt" in texts:
            raise ArithmeticError("spoilt")
        return np.array([[text.count("a"), text.count("b")] for text in texts], np.float32)

    def embed_queries(self, texts: list[str]) -> np.ndarray:
        return 2 * self.embed_passages(texts)

    def embed_question(self, text: str) -> Meaning:
        """With a token for each letter."""
        states = np.array([[letter == "a", letter == "b"] for letter in text], np.float32)
        return Meaning(self.embed_queries([text])[0], states, np.array([(n, n + 1) for n in range(len(text))]))


class LetterShares:
    """A reranker that needs no model: the share of the letter a."""

    name = "shares"

    def __init__(self, may_answer: threading.Event | None = None) -> None:
        self._may_answer = may_answer

    def rerank(self, question: str, texts: list[str]) -> np.ndarray:
        assert self._may_answer is None or self._may_answer.wait(30)
        if "spoilt" in texts:
            raise ArithmeticError("spoilt")
        return np.array([text.count("a") / len(text) for text in texts], np.float32)


def client(url: str, key: str = parrot.KEY, seconds: float = 30) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=seconds)


def chat(text: str, **more) -> dict:
    return {"messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 1500, **more}


def streamed(models: httpx.Client, body: dict) -> list[dict]:
    with models.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def text_of(chunks: list[dict]) -> str:
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


@contextlib.contextmanager
def asking(models: httpx.Client, text: str, seen: str) -> Iterator[None]:
    """A question whose answer has come as far as a line with `seen`, and is not read further."""
    with models.stream("POST", "/v1/chat/completions", json=chat(text, stream=True)) as response:
        lines = response.iter_lines()  # dropping it would close the connection
        assert any(seen in line for line in lines)
        yield


def figure(models: httpx.Client, name: str) -> float:
    lines = models.get("/metrics").text.splitlines()
    return float(next((line.rsplit(" ", 1)[1] for line in lines if line.startswith(name)), 0))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parrot.build(tmp_path_factory.mktemp("model") / "parrot.gguf")


@pytest.fixture(scope="module")
def models(path: Path) -> Iterator[httpx.Client]:
    with parrot.serve(path, embedder=LetterCounts) as (url, key), client(url, key) as connected:
        yield connected


@pytest.fixture
def narrow(path: Path) -> Iterator[httpx.Client]:
    """One answer at a time, and one that waits."""
    with parrot.serve(path, slots=1, queue_limit=1) as (url, key), client(url, key) as connected:
        yield connected


@pytest.mark.parametrize("key", ["", "wrong", parrot.KEY + "x", "\u00e9"])
@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_nothing_but_health_answers_without_the_key(models: httpx.Client, method: str, route: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}".encode()} if key else {}
    answer = httpx.request(method, f"{models.base_url}{route}", headers=headers, json={}, trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_an_answer_comes_whole_in_openai_s_shape(models: httpx.Client) -> None:
    answer = models.post("/v1/chat/completions", json=chat("say «refund days [1]» now", model="parrot")).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "parrot"
    assert answer["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "refund days [1]"}, "finish_reason": "stop"}
    ]
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 10


def test_an_answer_streams_with_its_reading_progress(models: httpx.Client) -> None:
    chunks = streamed(models, chat("remote " * 300 + "say «staff travel [2]» now"))
    assert text_of(chunks) == "staff travel [2]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-2:] == [None, "stop"]
    progress = [chunk["footnote"] for chunk in chunks if "footnote" in chunk]
    assert progress[-1] == {"queue": 0, "read": progress[-1]["total"], "total": chunks[-1]["usage"]["prompt_tokens"]}
    assert all(chunk["choices"][0]["delta"] == {} for chunk in chunks if "footnote" in chunk)


def test_eight_users_at_once_each_get_their_own_answer(models: httpx.Client) -> None:
    scripts = [parrot.long_script(60 + number) for number in range(8)]
    with ThreadPoolExecutor(8) as users:
        answers = list(users.map(lambda script: text_of(streamed(models, chat(f"say «{script}» now"))), scripts))
    assert answers == scripts


def test_stop_frees_the_slot(narrow: httpx.Client) -> None:
    with asking(narrow, LONG, '"content": " '):
        pass
    assert text_of(streamed(narrow, chat("say «visitor» now"))) == "visitor"
    assert 'route="chat",outcome="gone"' in narrow.get("/metrics").text
    assert figure(narrow, "footnote_llm_answer_tokens_total") < 1200


def test_a_question_whose_asker_left_the_queue_is_forgotten(narrow: httpx.Client) -> None:
    with asking(narrow, LONG, '"content": " '):
        with asking(narrow, "say «refund» now", '"queue": 1'):
            assert figure(narrow, "footnote_llm_waiting") == 1
        until(lambda: figure(narrow, "footnote_llm_waiting") == 0)
    until(lambda: figure(narrow, "footnote_llm_running") == 0)


def test_an_asker_who_waits_for_a_whole_answer_may_leave_too(narrow: httpx.Client) -> None:
    with client(str(narrow.base_url), seconds=0.2) as hasty, pytest.raises(httpx.ReadTimeout):
        hasty.post("/v1/chat/completions", json=chat(LONG))
    until(lambda: 'outcome="gone"' in narrow.get("/metrics").text)
    until(lambda: figure(narrow, "footnote_llm_running") == 0)


def test_a_full_queue_is_refused_with_a_time_to_come_back(narrow: httpx.Client) -> None:
    with asking(narrow, LONG, '"content": " '), asking(narrow, "say «refund» now", '"queue": 1'):
        refused = narrow.post("/v1/chat/completions", json=chat("say «refund» now"))
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["error"]["code"] == "busy"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("no json", "body"),
        ({}, "messages"),
        ({"messages": []}, "messages"),
        (chat("x", n=2), "n"),
        (chat("x", stop=["."]), "stop"),
        (chat("x", tools=[{"type": "function"}]), "tools"),
        (chat("x", temperature=-1), "temperature"),
        (chat("x", max_tokens=0), "max_tokens"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "content"),
    ],
)
def test_a_request_that_can_not_be_answered_is_a_400_that_names_the_field(
    models: httpx.Client, body: object, named: str
) -> None:
    answer = models.post("/v1/chat/completions", content=body if isinstance(body, str) else json.dumps(body))
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert named in error["message"]


def test_text_may_come_in_parts(models: httpx.Client) -> None:
    parts = [{"type": "text", "text": "say «refund"}, {"type": "text", "text": " days» now"}]
    answer = models.post("/v1/chat/completions", json={**chat(""), "messages": [{"role": "user", "content": parts}]})
    assert answer.json()["choices"][0]["message"]["content"] == "refund days"


def test_another_model_is_not_found(models: httpx.Client) -> None:
    for route, body in (
        ("chat/completions", chat("x", model="other")),
        ("embeddings", {"model": "other", "input": "x"}),
    ):
        answer = models.post(f"/v1/{route}", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_a_prompt_longer_than_the_model_reads_is_a_413(models: httpx.Client) -> None:
    answer = models.post("/v1/chat/completions", json=chat("refund " * 9000))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "context_length_exceeded")
    assert "Start a new chat" in answer.json()["error"]["message"]


def test_an_unknown_route_is_a_404_in_the_same_shape(models: httpx.Client) -> None:
    assert models.get("/v1/nowhere").json()["error"]["code"] == "not_found"
    assert models.get("/v1/embeddings").status_code == 404


def test_the_models_are_listed(models: httpx.Client) -> None:
    listed = models.get("/v1/models").json()["data"]
    assert [model["id"] for model in listed] == ["parrot", "letters"]
    assert listed[0]["context_length"] == 8192
    assert listed[1]["dimensions"] == 2


def test_embeddings_of_queries_and_passages_differ(models: httpx.Client) -> None:
    query = models.post("/v1/embeddings", json={"input": "abba", "model": "letters"}).json()
    assert query["data"] == [{"object": "embedding", "index": 0, "embedding": [4.0, 4.0]}]
    packed = models.post("/v1/embeddings", json={"input": "abba", "encoding_format": "base64"}).json()["data"]
    assert np.frombuffer(base64.b64decode(packed[0]["embedding"]), "<f4").tolist() == [4.0, 4.0]
    passages = models.post("/v1/embeddings", json={"input": ["ab", "bbb"], "input_type": "passage"}).json()
    assert [row["embedding"] for row in passages["data"]] == [[1.0, 1.0], [0.0, 3.0]]


def test_of_a_query_its_tokens_are_told_to_who_asks_for_them(models: httpx.Client) -> None:
    asked = {"input": "ab", "tokens": True}
    told = models.post("/v1/embeddings", json=asked).json()["data"][0]
    assert told["embedding"] == [2.0, 2.0]
    assert told["tokens"] == {"states": [[1.0, 0.0], [0.0, 1.0]], "spans": [[0, 1], [1, 2]]}
    remote = HttpEmbedder(str(models.base_url), parrot.KEY, "letters")
    assert np.allclose(remote.embed_question("abb").without([(1, 3)]), [1, 0])
    assert remote.embed_question("a" * 513).states is None
    remote.close()
    passage = models.post("/v1/embeddings", json={**asked, "input_type": "passage"}).json()["data"][0]
    assert "tokens" not in passage


def test_an_embedder_that_fails_is_a_500_and_the_next_request_is_answered(models: httpx.Client) -> None:
    answer = models.post("/v1/embeddings", json={"input": ["spoilt"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "server_error")
    assert models.post("/v1/embeddings", json={"input": "a"}).status_code == 200


def test_text_is_tokenized_without_control_tokens(models: httpx.Client) -> None:
    answer = models.post("/tokenize", json={"content": "refund<|eot_id|>"}).json()
    assert answer["count"] == len(answer["tokens"]) > 5


def test_several_texts_are_counted_at_once(models: httpx.Client) -> None:
    texts = ["refund days", "", "refund days contract price"]
    assert models.post("/tokenize", json={"content": texts}).json() == {"counts": [2, 0, 4]}


def test_what_all_prompts_begin_with_is_read_once(narrow: httpx.Client) -> None:
    system = {"role": "system", "content": "policy " * 50}
    assert narrow.put("/beginning", json={"messages": [system]}).status_code == 202
    until(lambda: figure(narrow, "footnote_llm_prompt_tokens_total") > 50)
    asked = {"messages": [system, {"role": "user", "content": "say «refund» now"}], "temperature": 0}
    usage = narrow.post("/v1/chat/completions", json=asked).json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] > 50


def test_the_metrics_tell_the_queue_the_pace_and_what_was_not_read_again(models: httpx.Client) -> None:
    for _ in range(2):
        models.post("/v1/chat/completions", json=chat("policy " * 60 + "say «refund» now"))
    text = models.get("/metrics").text
    assert "# TYPE footnote_llm_waiting gauge" in text
    assert "# TYPE footnote_llm_reused_tokens_total counter" in text
    assert figure(models, "footnote_llm_reused_tokens_total") > 60
    assert figure(models, "footnote_llm_reading_tokens_per_second") > 0


def test_the_port_answers_while_a_model_loads_and_says_so(path: Path) -> None:
    may_load = threading.Event()

    def slow() -> Engine:
        assert may_load.wait(30)
        return Engine(path, threads=1)

    with parrot.listen(llm_server.build(slow, LetterCounts, parrot.KEY)) as url, client(url) as models:
        until(lambda: models.get("/healthz").json()["embeddings"]["ready"])
        health = models.get("/healthz")
        assert health.status_code == 503
        assert health.json()["chat"] == {
            "ready": False,
            "configured": True,
            "reason": "The language model is being loaded.",
        }
        refused = models.post("/v1/chat/completions", json=chat("x"))
        assert refused.status_code == 503
        assert refused.json()["error"]["message"] == "The language model is being loaded."
        assert "Retry-After" in refused.headers
        assert models.post("/v1/embeddings", json={"input": "a"}).status_code == 200
        may_load.set()
        until(lambda: models.get("/healthz").status_code == 200)
        assert text_of(streamed(models, chat("say «visitor» now"))) == "visitor"


def test_a_model_that_can_not_be_loaded_leaves_the_reason(tmp_path: Path) -> None:
    app = llm_server.build(lambda: Engine(tmp_path / "gone.gguf"), LetterCounts, parrot.KEY)
    with parrot.listen(app) as url, client(url) as models:
        until(lambda: "can't be read" in models.get("/healthz").json()["chat"]["reason"])
        assert models.get("/healthz").status_code == 503
        assert "gone.gguf" in models.post("/v1/chat/completions", json=chat("x")).json()["error"]["message"]
        assert models.post("/v1/embeddings", json={"input": "a"}).status_code == 200


def test_a_part_that_is_not_set_up_does_not_make_the_process_unhealthy() -> None:
    with parrot.serve(None, embedder=LetterCounts) as (url, key), client(url, key) as models:
        assert models.get("/healthz").json()["chat"]["configured"] is False
        refused = models.post("/v1/chat/completions", json=chat("x"))
        assert (refused.status_code, refused.json()["error"]["message"]) == (503, "No language model is set up here.")


class Dying(Engine):
    def _step(self) -> None:
        raise ZeroDivisionError


def test_an_engine_that_died_is_told_by_the_answer_and_by_health(path: Path) -> None:
    with (
        parrot.listen(llm_server.build(lambda: Dying(path, threads=1), None, parrot.KEY)) as url,
        client(url) as models,
    ):
        until(lambda: models.get("/healthz").status_code == 200)
        with models.stream("POST", "/v1/chat/completions", json=chat("x", stream=True)) as response:
            last = [line for line in response.iter_lines() if line][-1]
        assert json.loads(last.removeprefix("data: "))["error"]["status"] == 503
        assert models.get("/healthz").status_code == 503
        assert "must be restarted" in models.get("/healthz").json()["chat"]["reason"]


def test_an_answer_on_its_way_is_told_that_the_process_stops(path: Path) -> None:
    with contextlib.ExitStack() as serving, contextlib.ExitStack() as asked:
        url, key = serving.enter_context(parrot.serve(path))
        models = asked.enter_context(client(url, key))
        request = models.stream("POST", "/v1/chat/completions", json=chat(LONG, stream=True))
        lines = asked.enter_context(request).iter_lines()
        assert any('"content": " ' in line for line in lines)
        serving.close()
        last = [line for line in lines if line][-1]
    assert "being stopped" in json.loads(last.removeprefix("data: "))["error"]["message"]


@contextlib.contextmanager
def reranking(reranker: Callable[[], LetterShares]) -> Iterator[httpx.Client]:
    app = llm_server.build(None, None, parrot.KEY, reranker=reranker)
    with parrot.listen(app) as url, client(url) as models:
        until(lambda: models.get("/healthz").status_code == 200)
        yield models


def test_documents_are_reranked_in_jina_s_shape() -> None:
    asked = {"model": "shares", "query": "a?", "documents": ["bb", "aa", "ab", "bbba"]}
    with reranking(LetterShares) as models:
        answer = models.post("/v1/rerank", json=asked).json()
        assert answer["model"] == "shares"
        assert [row["index"] for row in answer["results"]] == [1, 2, 3, 0]
        assert [row["relevance_score"] for row in answer["results"]] == [1.0, 0.5, 0.25, 0.0]
        few = models.post("/v1/rerank", json={**asked, "top_n": 2}).json()
        assert [row["index"] for row in few["results"]] == [1, 2]
        assert {"id": "shares"}.items() <= models.get("/v1/models").json()["data"][0].items()
        assert figure(models, 'footnote_models_requests_total{route="rerank",outcome="done"}') == 2


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "another"}, 404),
        ({"documents": []}, 400),
        ({"documents": [{"text": "a"}]}, 400),
        ({"documents": ["a"] * 1001}, 400),
        ({"query": ""}, 400),
        ({"top_n": 0}, 400),
        ({"return_documents": True}, 400),
        ({"documents": ["spoilt"]}, 500),
    ],
)
def test_what_can_not_be_reranked_is_refused(change: dict, status: int) -> None:
    with reranking(LetterShares) as models:
        assert models.post("/v1/rerank", json={"query": "a?", "documents": ["a"], **change}).status_code == status
        assert models.post("/v1/rerank", json={"query": "a?", "documents": ["a"]}).status_code == 200


def test_who_would_wait_too_long_for_the_reranker_is_told_so_and_embeddings_go_on() -> None:
    may_answer = threading.Event()
    app = llm_server.build(None, LetterCounts, parrot.KEY, reranker=lambda: LetterShares(may_answer))
    asked = {"query": "a?", "documents": ["a"]}
    with parrot.listen(app) as url, client(url) as models, ThreadPoolExecutor(8) as pool:
        until(lambda: models.get("/healthz").status_code == 200)
        answers = [pool.submit(models.post, "/v1/rerank", json=asked) for _ in range(8)]
        until(lambda: sum(answer.done() for answer in answers) == 4)
        assert models.post("/v1/embeddings", json={"input": "a"}).status_code == 200
        may_answer.set()
        assert sorted(answer.result().status_code for answer in answers) == [200] * 4 + [429] * 4
        assert models.post("/v1/rerank", json=asked).status_code == 200


def test_without_a_reranker_the_route_says_so() -> None:
    with parrot.serve(None, embedder=LetterCounts) as (url, key), client(url, key) as models:
        assert models.get("/healthz").json()["reranker"]["configured"] is False
        refused = models.post("/v1/rerank", json={"query": "a?", "documents": ["a"]})
        assert (refused.status_code, refused.json()["error"]["message"]) == (503, "No reranker is set up here.")


def test_without_a_key_it_is_not_built() -> None:
    with pytest.raises(InvalidInput, match="needs a key"):
        llm_server.build(None, None, "")
