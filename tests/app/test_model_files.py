"""Model downloads from a local server that speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
from filelock import FileLock

from app import model_files
from app.model_files import KNOWN, installed, known, pull, verify
from storage.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound, Unavailable

NAME = "llama-3-8b-instruct"
FILE = "Meta-Llama-3-8B-Instruct-Q4_K_M.gguf"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONTENT = b"GGUF" + bytes(range(256)) * 4096  # a megabyte


@dataclass
class Hub:
    """What the server has and how it misbehaves; what it was asked."""

    content: bytes = CONTENT
    promised: str = hashlib.sha256(CONTENT).hexdigest()
    token: str = ""
    refusal: tuple[int, str] | None = None
    cut_after: list[int] = field(default_factory=list)  # bytes of each answer until the connection breaks
    ranges: bool = True
    busy: int = 0  # answers with 503 before the first bytes
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        hub = self.hub
        hub.asked.append((self.command, self.path, self.headers.get("Range", "")))
        if hub.refusal and (not hub.token or self.headers.get("Authorization") != f"Bearer {hub.token}"):
            status, code = hub.refusal
            self._head(status, {"X-Error-Code": code, "Content-Length": "0"})
            return
        if body and hub.busy:
            hub.busy -= 1
            self._head(503, {"Content-Length": "0"})
            return
        repo = f"/{known(NAME).repo}/resolve/"
        if not self.path.startswith((f"{repo}main/", f"{repo}{COMMIT}/")) or not self.path.endswith(FILE):
            self._head(404, {"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
            return
        start = 0
        if hub.ranges and (asked := self.headers.get("Range")):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        data = hub.content[start:]
        headers = {
            "ETag": '"blob"',
            "X-Linked-Etag": f'"{hub.promised}"',
            "X-Linked-Size": str(len(hub.content)),
            "X-Repo-Commit": COMMIT,
            "Content-Length": str(len(data)),
        }
        self._head(206 if start else 200, headers)
        if body:
            cut = hub.cut_after.pop(0) if hub.cut_after else len(data)
            self.wfile.write(data[:cut])
            self.close_connection = cut < len(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": hub}))
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    yield hub
    huggingface_hub.close_session()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_pulled_model_is_whole_recorded_and_listed(hub: Hub, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    result = pull(NAME, tmp_path / "models", endpoint=hub.url, progress=lambda *step: seen.append(step))
    assert result.path.read_bytes() == CONTENT
    assert (result.commit, result.sha256, result.size) == (COMMIT, hub.promised, len(CONTENT))
    record = json.loads((tmp_path / "models" / f"{FILE}.json").read_text())
    assert record == {
        "repo": known(NAME).repo,
        "file": FILE,
        "commit": COMMIT,
        "sha256": hub.promised,
        "size": len(CONTENT),
        "pulled": result.pulled,
    }
    assert installed(tmp_path / "models") == [result]
    assert verify(result.path) == result
    assert seen[0] == ("download", 0, len(CONTENT))
    assert ("download", len(CONTENT), len(CONTENT)) in seen
    assert seen[-1] == ("check", len(CONTENT), len(CONTENT))
    assert not list((tmp_path / "models").glob("*.part"))


def test_the_bytes_are_those_of_the_commit_that_the_hub_named(hub: Hub, tmp_path: Path) -> None:
    pull(NAME, tmp_path, endpoint=hub.url)
    assert [(method, path.split("/")[4]) for method, path, _ in hub.asked] == [("HEAD", "main"), ("GET", COMMIT)]


def test_a_broken_connection_is_taken_up_where_it_broke(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = [len(CONTENT) // 2, 1000]
    result = pull(NAME, tmp_path, endpoint=hub.url, pause=0)
    assert result.path.read_bytes() == CONTENT
    starts = [int(asked.removeprefix("bytes=").removesuffix("-") or 0) for method, _, asked in hub.asked[1:]]
    assert starts == [0, len(CONTENT) // 2, len(CONTENT) // 2 + 1000]


def test_a_download_given_up_goes_on_the_next_time(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = [300_000, 0, 0, 0, 0, 0]
    with pytest.raises(Unavailable, match="start again: it goes on where it broke off"):
        pull(NAME, tmp_path, endpoint=hub.url, pause=0)
    assert installed(tmp_path) == []
    hub.asked.clear()
    assert pull(NAME, tmp_path, endpoint=hub.url).path.read_bytes() == CONTENT
    assert hub.asked[1][2] == "bytes=300000-"


def test_a_server_without_ranges_begins_anew(hub: Hub, tmp_path: Path) -> None:
    hub.ranges = False
    hub.cut_after = [300_000]
    assert pull(NAME, tmp_path, endpoint=hub.url, pause=0).path.read_bytes() == CONTENT


def test_a_server_that_is_busy_is_asked_again(hub: Hub, tmp_path: Path) -> None:
    hub.busy = 2
    assert pull(NAME, tmp_path, endpoint=hub.url, pause=0).path.read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"x", CONTENT[:1000] + b"x" + CONTENT[1001:]])
def test_what_is_not_what_the_hub_promised_is_deleted(hub: Hub, tmp_path: Path, content: bytes) -> None:
    hub.content = content
    with pytest.raises(Unavailable, match="not what the hub promised"):
        pull(NAME, tmp_path, endpoint=hub.url)
    assert not [path for path in tmp_path.iterdir() if not path.name.endswith(".lock")]


@pytest.mark.parametrize("refusal", [(401, "GatedRepo"), (403, "GatedRepo"), (403, "")])
def test_a_gated_model_says_how_to_get_it(hub: Hub, tmp_path: Path, refusal: tuple[int, str]) -> None:
    hub.refusal, hub.token = refusal, "secret"
    with pytest.raises(Forbidden, match=r"accepted its licence.*HF_TOKEN"):
        pull(NAME, tmp_path, endpoint=hub.url)
    assert pull(NAME, tmp_path, endpoint=hub.url, token="secret").path.read_bytes() == CONTENT


@pytest.mark.parametrize("refusal", [(401, "RepoNotFound"), (404, "RepoNotFound"), (404, "EntryNotFound")])
def test_a_hub_without_the_file_says_so(hub: Hub, tmp_path: Path, refusal: tuple[int, str]) -> None:
    hub.refusal = refusal
    with pytest.raises(NotFound, match="HF_ENDPOINT"):
        pull(NAME, tmp_path, endpoint=hub.url)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"llama-3-8b-instruct, llama-3\.1-8b-instruct"):
        pull("llama-9", tmp_path)


def test_a_disk_too_small_is_said_before_the_download(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(model_files.shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(InvalidInput, match=r"needs 0\.3 GB more on the disk .* only 0\.0 GB are free"):
        pull(NAME, tmp_path, endpoint=hub.url)
    assert [method for method, _, _ in hub.asked] == ["HEAD"]


def test_a_server_that_is_no_hub_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.promised = "a-git-hash"
    with pytest.raises(Unavailable, match="it is no hub"):
        pull(NAME, tmp_path, endpoint=hub.url)


def test_a_hub_out_of_reach_says_what_else_works(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="copy a GGUF file here and set LLM_MODEL"):
        pull(NAME, tmp_path, endpoint="http://127.0.0.1:9", pause=0)


def test_offline_mode_is_respected(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Unavailable, match="HF_HUB_OFFLINE is set"):
        pull(NAME, tmp_path, endpoint=hub.url)
    assert hub.asked == []


def test_a_model_that_is_there_is_checked_and_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    first = pull(NAME, tmp_path, endpoint=hub.url)
    hub.asked.clear()
    assert pull(NAME, tmp_path, endpoint=hub.url) == first
    assert hub.asked == []


def test_a_file_that_changed_later_is_found(hub: Hub, tmp_path: Path) -> None:
    result = pull(NAME, tmp_path, endpoint=hub.url)
    result.path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(InvalidInput, match="has changed since it was pulled"):
        verify(result.path)
    with pytest.raises(InvalidInput, match="pull the model again"):
        pull(NAME, tmp_path, endpoint=hub.url)


def test_a_file_of_another_origin_is_never_overwritten(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"mine")
    with pytest.raises(AlreadyExists, match="Move it away"):
        pull(NAME, tmp_path, endpoint=hub.url)
    with pytest.raises(NotFound):
        verify(tmp_path / FILE)
    assert (tmp_path / FILE).read_bytes() == b"mine"
    assert installed(tmp_path) == []


def test_two_pulls_of_one_model_do_not_mix(hub: Hub, tmp_path: Path) -> None:
    with FileLock(tmp_path / f".{FILE}.lock"), pytest.raises(Conflict, match="Another process"):
        pull(NAME, tmp_path, endpoint=hub.url)


def test_the_rest_of_an_older_version_is_removed(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / f"{FILE}.000000000000.part").write_bytes(b"old")
    pull(NAME, tmp_path, endpoint=hub.url)
    assert not list(tmp_path.glob("*.part"))


def test_every_known_model_names_its_licence_and_needs() -> None:
    assert len({model.name for model in KNOWN}) == len({model.file for model in KNOWN}) == len(KNOWN) == 6
    for model in KNOWN:
        assert model.licence in model.notice
        assert model.file.endswith("Q4_K_M.gguf")
        assert model.gigabytes < model.memory_gb < 3 + 1.3 * model.gigabytes
