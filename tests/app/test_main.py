"""The whole web process: Streamlit behind the Gate."""

import base64
import gc
import hashlib
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from streamlit import config
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app import main
from app import services as composition
from tests.patience import until
from tests.speech import recording
from tests.web import StreamlitWeb

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamlitWeb]:
    with StreamlitWeb(tmp_path_factory.mktemp("web")) as web:
        yield web


class InlineScripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.inside, self.scripts = False, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag == "script" and "src" not in dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts.append(data)


def stream(web: StreamlitWeb, name: str) -> ClientConnection:
    return connect(
        f"ws://{web.address}/_stcore/stream",
        origin=f"http://{web.address}",  # type: ignore[arg-type]
        subprotocols=["streamlit", "xsrf"],  # type: ignore[list-item]
        additional_headers={"cookie": f"footnote={web.office.tokens[name]}"},
    )


def test_healthz_answers_everybody_and_the_pages_only_who_is_signed_in(web: StreamlitWeb) -> None:
    with web.client() as anonymous, web.client("mia") as mia:
        assert anonymous.get("/healthz").json() == {"ok": True}
        assert anonymous.get("/", headers=HTML).headers["location"] == "/login"
        assert anonymous.get("/_stcore/health").status_code == 401
        assert '<div id="root">' in mia.get("/", headers=HTML).text
        assert mia.get("/_stcore/health").text == "ok"
        assert mia.get("/api/me").json()["name"] == "mia"


def test_the_policy_allows_exactly_the_inline_scripts_of_streamlits_page(web: StreamlitWeb) -> None:
    with web.client("mia") as mia:
        page = mia.get("/", headers=HTML)
    parser = InlineScripts()
    parser.feed(page.text)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in parser.scripts]
    assert digests
    expected = " ".join(["script-src 'self'", *(f"'sha256-{digest}'" for digest in digests)])
    assert expected in page.headers["content-security-policy"].split("; ")
    assert page.headers["cache-control"] == "no-store"


def test_without_a_voice_model_nothing_is_open_for_recordings(web: StreamlitWeb) -> None:
    with stream(web, "mia"), web.client("mia") as mia:
        (session_id,) = (info.session.id for info in Runtime.instance()._session_mgr.list_active_sessions())
        web.services.recordings.expect(session_id, web.office.principal("mia").user_id)
        mia.get("/_stcore/health")
        files = {"file": ("a.wav", recording(0.3), "audio/wav")}
        headers = {"x-xsrftoken": mia.cookies["_streamlit_xsrf"]}
        answer = mia.put(f"/_stcore/upload_file/{session_id}/a", files=files, headers=headers)
        assert answer.status_code == 404
        policy = mia.get("/", headers=HTML).headers["content-security-policy"]
        assert "connect-src 'self';" in policy


def test_settings_of_streamlit_hold_whatever_folder_and_environment_say(web: StreamlitWeb) -> None:
    for name, value in main.OPTIONS.items():
        assert config.get_option(name) == value, name
    assert config.get_option("theme.light.primaryColor") == "#14506b"


def test_pages_find_the_services_and_their_components(web: StreamlitWeb) -> None:
    assert composition.current() is web.services
    registry = Runtime.instance().bidi_component_registry
    scripts = list((main.UI / "components").glob("*.js"))
    assert scripts
    for script in scripts:
        assert registry.get(f"footnote.{script.stem}") is not None
    assert gc.get_freeze_count() > 0


def test_signing_out_sends_the_open_page_to_the_sign_in_page(web: StreamlitWeb) -> None:
    with stream(web, "mia") as line, web.client("mia") as mia:
        assert line.subprotocol == "streamlit"
        assert mia.post("/logout", headers=HTML).headers["location"] == "/login"
        message = ForwardMsg()
        received = line.recv(timeout=10)
        assert isinstance(received, bytes)
        message.ParseFromString(received)
        assert message.auth_redirect.url == "/login"
        with pytest.raises(ConnectionClosed):
            line.recv(timeout=10)
    web.office.tokens["mia"] = web.office.token("mia")


def test_streamlit_and_uvicorn_write_into_our_one_log(web: StreamlitWeb) -> None:
    for name in ("streamlit", "uvicorn.error", "streamlit.web.server.starlette.starlette_websocket"):
        logger = logging.getLogger(name)
        assert getattr(logger, "streamlit_console_handler", None) not in logger.handlers, name
        assert logger.propagate, name


LOADER = """
import sys
sys.path.insert(0, {root!r})
import app.main
assert not {{"torch", "openvino"}} & sys.modules.keys()
assert "streamlit.runtime.runtime" in sys.modules
from streamlit import config
assert config._main_script_path is None, "importing the module did something"
"""


def test_importing_the_module_does_nothing_and_loads_no_torch(tmp_path: Path) -> None:
    root = str(main.UI.parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", LOADER.format(root=root)], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


SERVER = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from app import main
from tests import web
from tests.office import Office
office = Office(Path({folder!r}))
made = web.services(office, [], port={port})
main.composition.build = lambda settings: made
print(office.tokens["mia"], flush=True)
main.run(made.settings)
"""


def test_a_signal_ends_the_server_within_seconds_though_a_websocket_is_open(tmp_path: Path, unused_port: int) -> None:
    script = SERVER.format(root=str(main.UI.parent.parent), folder=str(tmp_path), port=unused_port)
    server = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        token = server.stdout.readline().strip()
        address = f"127.0.0.1:{unused_port}"
        until(lambda: answers(f"http://{address}/healthz"))
        headers = {"cookie": f"footnote={token}"}
        with connect(f"ws://{address}/_stcore/stream", additional_headers=headers) as line:
            line.ping()
            server.send_signal(signal.SIGTERM)
            server.wait(30)  # it raises
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
