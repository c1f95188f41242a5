"""The web process: Streamlit's pages, the sign-in pages and /api behind one Gate, on one port.

Streamlit keeps its settings and its runtime in module globals, so there is one application in a process.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit
import uvicorn
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from streamlit import config
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime

from app import services as composition
from app.api import rest
from app.auth import IDENTITY, Cookie, Gate, Sockets
from app.login import LoginPages
from app.recordings import RecordingRoute
from app.services import Services
from app.settings import Settings, load

UI = Path(__file__).parent / "ui"
SHUTDOWN_SECONDS = 3
# proxies are believed about the client's address when they stand in a private network
_PROXIES = "127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

# on top of ui/.streamlit/config.toml, which holds the theme; nothing outside the package can change these
OPTIONS: dict[str, Any] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "global.developmentMode": False,
    "runner.magicEnabled": False,
    "runner.postScriptGC": False,  # a full collection after every run costs more than the run
    "server.enableAgentApi": False,
    "server.enableStaticServing": True,
    "server.fileWatcherType": "none",
    "server.maxUploadSize": 4,  # in MB, of a recording: files come through /api/upload, which keeps them out of memory
    "server.trustedUserHeaders": IDENTITY,
}


def create(settings: Settings | None = None, services: Services | None = None) -> streamlit.App:
    """The ASGI application. Without arguments it reads the settings and builds the services itself."""
    services = services or composition.build(settings or load())
    settings = services.settings
    cookie = Cookie(secure=settings.secure_cookie, hours=settings.session_hours)
    sockets = Sockets()
    gate = Middleware(
        Gate,
        users=services.users,
        sockets=sockets,
        cookie=cookie,
        public_url=settings.public_url,
        scripts=inline_scripts(),
        farewell=_go_to("/login"),
        recordings=services.dictation is not None,
    )
    upload = Middleware(RecordingRoute, recordings=services.recordings, remove=_remove_upload)
    routes = [
        *LoginPages(services.users, sockets, cookie).routes(),
        Route("/healthz", healthz, methods=["GET"]),
        Mount("/api", rest.create(services)),
    ]
    app = streamlit.App(UI / "home.py", lifespan=_lifespan(services), middleware=[gate, upload], routes=routes)
    config.get_config_options(force_reparse=True, options_from_flags=OPTIONS)
    _join_logs()
    return app


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; open websockets don't hold the end up for more than some seconds."""
    server = uvicorn.Server(
        uvicorn.Config(
            create(settings),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.public_url),
            forwarded_allow_ips=_PROXIES,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            ws_max_size=4 * 2**20,
        )
    )
    server.run()


async def healthz(_request: Request) -> Response:
    """Says that this process answers, and nothing else: it is open to everybody."""
    return JSONResponse({"ok": True})


def inline_scripts() -> list[str]:
    """The CSP sources of the inline scripts in Streamlit's own page."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    hashes = (hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page))
    return [f"sha256-{base64.b64encode(digest).decode()}" for digest in hashes]


def _lifespan(services: Services) -> Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]:
    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
        composition.install(services)
        _join_logs()  # once more: more modules have been loaded
        _register_components()
        gc.collect()
        gc.freeze()  # what is loaded now stays: later collections need not look at it
        try:
            yield {}
        finally:
            services.close()

    return lifespan


def _remove_upload(session_id: str, file_id: str) -> None:
    manager: Any = Runtime.instance().uploaded_file_mgr
    manager.remove_file(session_id=session_id, file_id=file_id)


def _register_components() -> None:
    """Every script in ui/components becomes the component footnote.<its name>."""
    folder = UI / "components"
    names = sorted(path.stem for path in folder.glob("*.js"))
    manifest = ComponentManifest("footnote", "0", [ComponentConfig(name, "components") for name in names])
    Runtime.instance().bidi_component_registry.register_from_manifest(manifest, UI)


def _join_logs() -> None:
    """Streamlit gives its loggers, and uvicorn's, a handler each: their records belong into our one log."""
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and hasattr(logger, "streamlit_console_handler"):
            logger.removeHandler(logger.streamlit_console_handler)
            logger.propagate = name != "uvicorn.access"
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # it tells of every websocket


def _go_to(url: str) -> bytes:
    message = ForwardMsg()
    message.auth_redirect.url = url
    return bytes(message.SerializeToString())
