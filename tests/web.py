"""The web process for tests: a real server, a real Gate and the real routes over a small office, without models.

Questions are answered by a fake that quotes the documents that they name.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from app.adapter_choice import Adapters
from app.api import rest
from app.auth import Cookie, Gate, Sockets
from app.health import Missing
from app.house import House
from app.login import LoginPages
from app.models_client import ModelsClient
from app.pages import Pages
from app.retrieve import EVERYTHING
from app.runs import Runs
from app.services import Services
from app.settings import Settings
from app.stores import Stores
from app.verify import Check, Verifier
from ingest.sandbox import Limits
from storage.adapter_uses import AdapterUses
from storage.errors import FootnoteError
from storage.escalations import Escalations
from storage.instructions import Instructions
from storage.types import Citation, MessageState, Mode, Principal, Scope
from tests.office import Office, serving


@dataclass(frozen=True)
class Progress:
    version: int
    stage: str
    text: str
    done: bool
    citations: tuple[Citation, ...] = ()
    notice: str = ""
    reading: None = None
    step: None = None
    verdicts: tuple[()] = ()


@dataclass
class QuotedAnswer:
    message_id: str
    conversation_id: str
    progress: Progress = Progress(0, "searching", "", False)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def snapshot(self) -> Progress:
        return self.progress

    def cancel(self) -> None:
        self.cancelled.set()


class QuotingAnswers:
    """Satisfies what `app.answers.Answers` promises to the API."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.error: FootnoteError | None = None
        self.slow = False
        self.asked: tuple[Scope, Mode | None] = (EVERYTHING, None)
        self._running: dict[str, QuotedAnswer] = {}

    def ask(
        self,
        conversation_id: str,
        question: str,
        principal: Principal,
        *,
        scope: Scope = EVERYTHING,
        mode: Mode | None = None,
    ) -> QuotedAnswer:
        self.asked = scope, mode
        if self.error is not None:
            raise self.error
        message = self.office.conversations.ask(conversation_id, question, principal)
        answer = self._running[message.id] = QuotedAnswer(message.id, conversation_id)
        threading.Thread(target=self._write, args=(answer, question, principal)).start()
        return answer

    def running(self, message_id: str) -> QuotedAnswer | None:
        return self._running.get(message_id)

    def _write(self, answer: QuotedAnswer, question: str, principal: Principal) -> None:
        found = [info for info in self.office.documents.find(principal, limit=200) if info.name in question]
        kept, state = self.office.conversations, MessageState.DONE
        kept.record_sources(answer.message_id, [info.id for info in found])
        text, citations = "", ()
        for n, info in enumerate(found, 1):
            text = f"{text} What {info.name} says. [{n}]".strip()
            citations = (*citations, Citation(n, info.id, info.version_id, 1, 0, len(f"What {info.name} says.")))
        answer.progress = Progress(1, "writing", text, False, citations)
        if self.slow:
            answer.cancelled.wait(20)
            state = MessageState.STOPPED
        else:
            answer.cancelled.wait(0.15)  # time for a listener to see it being written
        kept.finish(answer.message_id, text, state, citations, model="quotes", seconds=0.1, first_evidence=0.1)
        answer.progress = Progress(2, "done", text, True, citations)


class Nothing:
    """Stands for parts that no request of these tests reaches."""

    def close(self) -> None:
        pass


def services(office: Office, missing: list[str], **settings: Any) -> Services:
    nothing: Any = Nothing()
    answers: Any = QuotingAnswers(office)
    stores = Stores.of(office.database, office.files, office.users)
    checks: list[Callable[[], str | None]] = [lambda: missing[0] if missing else None]
    models = ModelsClient(Settings(data_dir=office.folder, _env_file=None, **settings), office.database)
    return Services(
        **vars(stores),
        settings=Settings(data_dir=office.folder, upload_max_mb=2, _env_file=None, **settings),
        index=nothing,
        embedder=nothing,
        reranker=None,
        retriever=nothing,
        llm=nothing,
        answers=answers,
        pages=Pages(office.documents, office.files, Limits()),
        check=Check(Verifier()),
        runs=Runs(
            stores.evaluations,
            office.documents,
            office.users,
            nothing,
            nothing,
            generation=lambda: "test_v1",
            settings={},
        ),
        escalations=Escalations(office.database, group="Helpers"),
        models=models,
        adapters=Adapters(models, AdapterUses(office.database)),
        house=House(Instructions(office.database)),
        _missing=Missing(checks),
    )


async def healthz(_request: Request) -> Response:
    return JSONResponse({"ok": True})


class Web:
    """A context manager; `address` is host:port while it runs. Streamlit is left out: see `streamlit_web`."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder)
        self.missing: list[str] = []
        self.services = services(self.office, self.missing)
        self.app: Any = None
        self.address = ""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.app = self.application()
        self.address = self._stack.enter_context(serving(self.app))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.office.close()

    def application(self) -> Any:
        users, sockets, cookie = self.office.users, Sockets(), Cookie(secure=False)
        routes = [*LoginPages(users, sockets, cookie).routes(), Route("/healthz", healthz)]
        app = Router(routes=[*routes, Mount("/api", rest.create(self.services))])
        return Gate(app, users, sockets, cookie=cookie)

    def client(self, name: str | None = None) -> httpx.Client:
        cookies = {"footnote": self.office.tokens[name]} if name else None
        return httpx.Client(base_url=f"http://{self.address}", cookies=cookies, timeout=30)

    def raw(self, start: bytes) -> socket.socket:
        """A connection on which `start` was sent, and nothing more."""
        host, port = self.address.split(":")
        line = socket.create_connection((host, int(port)))
        line.sendall(start)
        return line

    @property
    def answers(self) -> QuotingAnswers:
        answers: Any = self.services.answers
        return answers

    @contextmanager
    def failing(self, error: FootnoteError) -> Iterator[None]:
        self.answers.error = error
        try:
            yield
        finally:
            self.answers.error = None

    @contextmanager
    def slow(self) -> Iterator[Callable[[str, str, Principal], QuotedAnswer]]:
        self.answers.slow = True
        try:
            yield self.answers.ask
        finally:
            self.answers.slow = False


class StreamlitWeb(Web):
    """The whole application as `app.main.create` makes it. One at a time in a process."""

    def application(self) -> Any:
        from app import main

        return main.create(services=self.services)

    def __exit__(self, *_: object) -> None:
        from streamlit import config
        from streamlit.runtime import Runtime

        super().__exit__()
        Runtime._instance = None
        config._main_script_path = None
        config.get_config_options(force_reparse=True)
