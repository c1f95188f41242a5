import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from ingest.embed import DEFAULT_MODEL
from ingest.http_embedder import HttpEmbedder
from storage.errors import Busy, Unavailable


class Server:
    """A small embedding server: each vector tells the text's length; `status` and `broken` make it misbehave."""

    def __init__(self):
        self.requests = []
        self.status = 200
        self.broken = None
        self.base64 = False
        self.strict = False
        self.tokens = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append((self.path, self.headers.get("Authorization"), body))
                if outer.strict and body.keys() - {"model", "input"}:
                    self.send_error(outer.strict)
                    return
                rows = [{"index": i, "embedding": outer.vector(t)} for i, t in enumerate(body["input"])]
                if body.get("tokens") and outer.tokens is not None:
                    rows = [{**row, "tokens": outer.tokens} for row in rows]
                data = json.dumps(outer.broken if outer.broken is not None else {"data": rows[::-1]}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def vector(self, text):
        numbers = np.array([len(text), 1, 0], "<f4")
        return base64.b64encode(numbers.tobytes()).decode() if self.base64 else numbers.tolist()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def remote(server):
    embedder = HttpEmbedder(server.url, "key", batch=3)
    yield embedder
    embedder.close()


def test_a_server_is_asked_in_batches_and_says_what_kind(server, remote):
    vectors = remote.embed_passages(["a" * n for n in range(1, 8)])
    assert vectors.shape == (7, 3) == (7, remote.dimensions)
    assert np.allclose(vectors[:, 0] / vectors[:, 1], range(1, 8), atol=1e-4)
    assert [len(body["input"]) for _, _, body in server.requests] == [3, 3, 1]
    path, key, body = server.requests[0]
    assert (path, key, body["model"], body["input_type"]) == ("/v1/embeddings", "Bearer key", DEFAULT_MODEL, "passage")
    remote.embed_queries(["x"])
    assert server.requests[-1][2]["input_type"] == "query"


def test_dimensions_are_asked_for_when_unknown(remote):
    assert remote.dimensions == 3


@pytest.mark.parametrize(("status", "error"), [(503, Busy), (429, Busy), (401, Unavailable), (500, Unavailable)])
def test_an_unwell_server_is_unavailable(server, remote, status, error):
    server.status = status
    with pytest.raises(error) as caught:
        remote.embed_queries(["x"])
    assert caught.value.part == "models"


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"data": []},
        {"data": [{"index": 0, "embedding": "AAA"}]},
        {"data": [{"index": 0, "embedding": "AAAA"}]},
        {"data": [{"index": 0, "embedding": None}]},
        {"data": [{"index": 0, "embedding": ["x"]}]},
        {"data": [{"index": 0, "embedding": [1e999]}]},
    ],
)
def test_an_answer_that_is_no_vectors_is_refused(server, remote, answer):
    server.broken = answer
    with pytest.raises(Unavailable):
        remote.embed_queries(["x"])


def test_a_server_that_is_away_is_unavailable():
    embedder = HttpEmbedder("http://127.0.0.1:1/v1")
    with pytest.raises(Unavailable, match="does not answer"):
        embedder.embed_queries(["x"])
    embedder.close()


def test_vectors_come_as_bytes_where_the_server_can(server, remote):
    server.base64 = True
    vectors = remote.embed_passages(["a", "aaa"])
    assert server.requests[-1][2]["encoding_format"] == "base64"
    assert np.allclose(vectors[:, 0] / vectors[:, 1], [1, 3])


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_takes_no_unknown_field_is_asked_plainly_from_then_on(server, remote, status):
    server.strict = status
    assert remote.embed_queries(["x"]).shape == (1, 3)
    asked = len(server.requests)
    assert remote.embed_queries(["y"]).shape == (1, 3)
    assert len(server.requests) == asked + 1
    assert server.requests[-1][2].keys() == {"model", "input"}


def test_a_question_brings_its_tokens_where_the_server_tells_of_them(server, remote):
    states = np.array([[1, 0, 0], [0, 2, 0]], "<f4")
    for written in (base64.b64encode(states.tobytes()).decode(), states.tolist()):
        server.tokens = {"states": written, "spans": [[0, 4], [5, 9]]}
        made = remote.embed_question("Acme pays")
        assert np.allclose(made.vector, remote.embed_queries(["Acme pays"])[0])
        assert np.allclose(made.without([(0, 4)]), [0, 1, 0])


@pytest.mark.parametrize("strict", [False, 422])
def test_a_question_has_its_vector_alone_where_the_server_knows_no_tokens(server, remote, strict):
    server.strict = strict
    made = remote.embed_question("Acme pays")
    assert made.vector.shape == (3,)
    assert made.without([(0, 4)]) is None


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        {"states": [[1, 0, 0]]},
        {"states": [[1, 0, 0]], "spans": [[0, 4], [5, 9]]},
        {"states": [[1, 0]], "spans": [[0, 4]]},
        {"states": [[1, 0, 1e999]], "spans": [[0, 4]]},
        {"states": "AAA", "spans": [[0, 4]]},
        {"states": [[1, 0, 0]], "spans": [[0, 1 << 70]]},
    ],
)
def test_tokens_that_are_none_are_refused(server, remote, tokens):
    server.tokens = tokens
    with pytest.raises(Unavailable, match="tokens"):
        remote.embed_question("x")


def test_a_request_that_is_refused_either_way_is_an_error(server, remote):
    server.status = 400
    with pytest.raises(Unavailable, match="400"):
        remote.embed_queries(["x"])
    server.status = 200
    assert remote.embed_queries(["x"]).shape == (1, 3)
    assert "encoding_format" in server.requests[-1][2]
