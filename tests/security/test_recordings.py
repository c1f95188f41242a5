"""Streamlit's upload route, which the microphone needs: who gets a recording through, and that nothing else comes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from websockets.sync.client import connect

from app.recordings import LOST, MOST_BYTES, NO_SOUND, TOO_LONG, TOO_MANY, Recordings
from tests.patience import until
from tests.speech import ScriptedVoice, listening, recording
from tests.web import StreamlitWeb

ROLES = {"anonymous": 401, "otto": 403, "sven": 401, "max": 404, "mia": 204, "anna": 404}  # of a page of mia's


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamlitWeb]:
    web = StreamlitWeb(tmp_path_factory.mktemp("web"))
    with listening(ScriptedVoice()) as dictation:
        web.services = replace(web.services, dictation=dictation)
        with web:
            yield web


@contextmanager
def opened(web: StreamlitWeb, name: str) -> Iterator[str]:
    """The chat in a tab of `name`; gives the id of its session once it shows the microphone."""
    line = connect(
        f"ws://{web.address}/_stcore/stream",
        origin=f"http://{web.address}",  # type: ignore[arg-type]
        subprotocols=["streamlit", "xsrf"],  # type: ignore[list-item]
        additional_headers={"cookie": f"footnote={web.office.tokens[name]}"},
    )
    with line:
        run = BackMsg()
        run.rerun_script.query_string = ""
        line.send(run.SerializeToString())
        session_id = ""
        while not session_id:
            message = ForwardMsg()
            received = line.recv(timeout=20)
            assert isinstance(received, bytes)
            message.ParseFromString(received)
            session_id = message.new_session.initialize.session_id
        user_id = web.office.principal(name).user_id
        until(lambda: web.services.recordings.expects(session_id, user_id))
        yield session_id


@pytest.fixture(scope="module")
def page(web: StreamlitWeb) -> Iterator[str]:
    with opened(web, "mia") as session_id:
        yield session_id


def put(
    web: StreamlitWeb, name: str, session_id: str, sound: bytes, *, file_id: str = "", **more: Any
) -> httpx.Response:
    headers = dict(more.pop("headers", {}))
    with web.client(None if name == "anonymous" else name) as client:
        client.get("/_stcore/health")
        if token := client.cookies.get("_streamlit_xsrf"):
            headers = {"x-xsrftoken": token, **headers}
        files = more.pop("files", {"file": ("a.wav", sound, "audio/wav")})
        url = f"/_stcore/upload_file/{session_id}/{file_id or uuid4()}"
        return client.put(url, files=files, headers=headers, **more)


def kept(session_id: str) -> list[bytes]:
    memory: Any = Runtime.instance().uploaded_file_mgr
    return [file.data for file in memory.file_storage.get(session_id, {}).values()]


@pytest.mark.parametrize("role", ROLES)
def test_a_recording_is_taken_only_from_whose_page_shows_the_microphone(
    web: StreamlitWeb, page: str, role: str
) -> None:
    answer = put(web, role, page, recording(0.3))
    assert answer.status_code == ROLES[role]
    if role in ("max", "anna"):
        assert answer.text == put(web, role, "0" * 32, recording(0.3)).text  # nobody learns of a page of others
    assert len(kept(page)) <= 1


def test_a_page_of_ones_own_without_a_microphone_takes_nothing(web: StreamlitWeb) -> None:
    with opened(web, "max") as session_id:
        assert put(web, "max", session_id, recording(0.3)).status_code == 204
        web.services.recordings.expect(session_id, "somebody else")
        assert put(web, "max", session_id, recording(0.3)).status_code == 404


def test_a_person_has_one_recording_in_memory(web: StreamlitWeb, page: str) -> None:
    with opened(web, "mia") as other:
        for session_id in (page, page, other):
            assert put(web, "mia", session_id, recording(0.3)).status_code == 204
        assert (len(kept(page)), len(kept(other))) == (0, 1)


def test_one_removes_a_recording_of_ones_own_page_alone(web: StreamlitWeb, page: str) -> None:
    file_id = str(uuid4())
    assert put(web, "mia", page, recording(0.3), file_id=file_id).status_code == 204
    for name, left in (("max", 1), ("mia", 0)):
        with web.client(name) as client:
            client.get("/_stcore/health")
            headers = {"x-xsrftoken": client.cookies["_streamlit_xsrf"]}
            client.delete(f"/_stcore/upload_file/{page}/{file_id}", headers=headers)
        assert len(kept(page)) == left


@pytest.mark.parametrize(
    "files",
    [
        {"file": ("a.wav", b"MZ\x90" + bytes(200), "audio/wav")},
        {"file": ("a.wav", b"RIFF\0\0\0\0AVI " + bytes(200), "audio/wav")},
        {"file": ("a.wav", b"", "audio/wav")},
        [("file", ("a.wav", recording(0.3), "audio/wav")), ("more", ("b.wav", recording(0.3), "audio/wav"))],
        {"file": (None, "RIFF    WAVE")},
    ],
)
def test_what_is_no_recording_is_refused_whatever_it_is_called(web: StreamlitWeb, page: str, files: Any) -> None:
    before = kept(page)
    assert put(web, "mia", page, b"", files=files).status_code == 415
    assert kept(page) == before
    assert web.services.recordings.refusal(page) == NO_SOUND
    assert web.services.recordings.refusal(page) == ""  # told once


def test_what_is_no_form_is_refused(web: StreamlitWeb, page: str) -> None:
    headers = {"content-type": "multipart/form-data"}
    assert put(web, "mia", page, b"", files=None, content=b"RIFF    WAVE", headers=headers).status_code == 415


@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_too_long_is_refused_and_not_kept(web: StreamlitWeb, page: str, chunked: bool) -> None:
    before, mebibytes = kept(page), 1 + 2 * MOST_BYTES // 2**20
    headers = {"content-type": "multipart/form-data; boundary=b"}
    if not chunked:
        headers["content-length"] = str(mebibytes * 2**20)
    body = (bytes(2**20) for _ in range(mebibytes))
    with suppress(httpx.TransportError):  # the server may hang up while more is on its way
        assert put(web, "mia", page, b"", files=None, content=body, headers=headers).status_code == 413
    assert web.services.recordings.refusal(page) == TOO_LONG
    assert kept(page) == before


def test_pages_of_others_and_forged_requests_get_nothing_through(web: StreamlitWeb, page: str) -> None:
    before = kept(page)
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"x-xsrftoken": "guessed"}):
        assert put(web, "mia", page, recording(0.3), headers=headers).status_code == 403
    assert web.services.recordings.refusal(page) == LOST
    assert kept(page) == [] or kept(page) == before


def test_a_person_sends_one_recording_at_a_time(web: StreamlitWeb, page: str) -> None:
    start = (
        f"PUT /_stcore/upload_file/{page}/{uuid4()} HTTP/1.1\r\nHost: {web.address}\r\n"
        f"Cookie: footnote={web.office.tokens['mia']}\r\nContent-Length: 1000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b"
    )
    with web.raw(start.encode()):
        until(lambda: put(web, "mia", page, recording(0.3)).status_code == 429)
        assert web.services.recordings.refusal(page) == TOO_MANY
    until(lambda: put(web, "mia", page, recording(0.3)).status_code == 204)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "OPTIONS"])
def test_the_route_does_nothing_else(web: StreamlitWeb, page: str, method: str) -> None:
    with web.client("mia") as client:
        assert client.request(method, f"/_stcore/upload_file/{page}/{uuid4()}").status_code == 404
        for path in (f"{page}", f"{page}/", f"{page}/a/b"):
            assert client.put(f"/_stcore/upload_file/{path}").status_code == 404


def test_pages_read_what_they_record_and_nothing_from_elsewhere(web: StreamlitWeb) -> None:
    with web.client("mia") as client:
        policy = client.get("/", headers={"accept": "text/html"}).headers["content-security-policy"]
    (sources,) = re.findall(r"connect-src ([^;]*)", policy)
    assert sources == "'self' blob:"


def test_pages_that_were_not_seen_for_long_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.recordings._MOST_PAGES", 2)
    recordings = Recordings()
    for session_id in ("a", "b", "a", "c"):
        recordings.expect(session_id, "mia")
    assert [recordings.expects(session_id, "mia") for session_id in "abc"] == [True, False, True]
    recordings.refuse("b", "gone")
    assert recordings.refusal("b") == ""
