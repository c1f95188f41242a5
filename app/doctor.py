"""`footnote doctor`: looks at every part of an installation and says what to do about what it finds."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from app import supervisor
from app.cross_encoder import folder_of
from app.entailment import HttpEntailment
from app.ingestion import recognition_of
from app.model_servers import chat_of, guard_of
from app.rerank import HttpReranker
from app.settings import Settings
from app.tuning import Tunings
from ingest import sandbox
from ingest.recognition.engines import INSTALL
from storage.database import Database, sqlite_module
from storage.errors import FootnoteError, Unavailable
from storage.index import Index
from storage.status import a_worker_lives

_LOW_DISK = 5 * 10**9


@dataclass(frozen=True, slots=True)
class Finding:
    part: str
    ok: bool
    found: str
    remedy: str = ""


def examine(settings: Settings, *, only: Collection[str] = ()) -> list[Finding]:
    """One finding a part. Starts nothing and changes nothing but the database's schema version."""
    reachable = supervisor.attached(settings) or settings
    checks: dict[str, Callable[[Settings], Finding]] = {
        "python": _python,
        "data folder": _data_folder,
        "database": _database,
        "index": _index,
        "models": _models,
        "reranker": _reranker,
        "language model": _language_model,
        "entailment": _entailment,
        "guard model": _guard,
        "voice model": _voice,
        "worker": _worker,
        "web": _web,
        "sandbox": _sandbox,
        "text recognition": _recognition,
    }
    return [_checked(name, check, reachable) for name, check in checks.items() if not only or name in only]


def _checked(name: str, check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except FootnoteError as error:
        return Finding(name, False, str(error))


def _python(_: Settings) -> Finding:
    module = sqlite_module()
    return Finding("python", True, f"Python {platform.python_version()}, SQLite {module.sqlite_version}")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    free = shutil.disk_usage(folder).free
    found = f"{folder}, {free / 10**9:,.0f} GB free"
    if not os.access(folder, os.W_OK):
        return Finding("data folder", False, found, "It can't be written to: change its owner, or set DATA_DIR.")
    if free < _LOW_DISK:
        return Finding("data folder", False, found, "Make room: the index and the originals need it.")
    return Finding("data folder", True, found)


def _database(settings: Settings) -> Finding:
    database = Database(settings.sql_url)
    try:
        reason = database.ready()
        where = database.url.render_as_string(hide_password=True)
        return Finding("database", reason is None, reason or where, "" if reason is None else "Look at DATABASE_URL.")
    finally:
        database.close()


def _index(settings: Settings) -> Finding:
    from storage.index_server import EMBEDDED_PASSAGES, TOO_MANY  # the engine is slow to import

    if not settings.qdrant_url:
        return Finding("index", False, "It is not running.", "Start Footnote (`footnote serve`), or set QDRANT_URL.")
    index = Index(settings.qdrant_url, settings.qdrant_api_key.get_secret_value())
    reason = index.ready()
    held = 0 if reason else index.total()
    found = reason or f"{settings.qdrant_url}, {held:,} passages"
    if settings.own_index and held > EMBEDDED_PASSAGES:
        return Finding("index", False, found, TOO_MANY)
    return Finding("index", reason is None, found, "" if reason is None else "Look at QDRANT_URL and QDRANT_API_KEY.")


def _models(settings: Settings) -> Finding:
    if not settings.embed_url:
        return Finding("models", False, "They are not running.", "Start Footnote (`footnote serve`), or set EMBED_URL.")
    try:
        answer = httpx.get(
            f"{settings.embed_url}/models",
            headers={"Authorization": f"Bearer {settings.embed_api_key.get_secret_value()}"},
            timeout=5.0,
            trust_env=not settings.own_embed_url,
        )
    except httpx.HTTPError as error:
        return Finding("models", False, f"{settings.embed_url} does not answer: {error}", "Look at EMBED_URL.")
    if answer.status_code != 200:
        found = f"{settings.embed_url} answers {answer.status_code}."
        return Finding("models", False, found, "Look at EMBED_API_KEY.")
    return Finding("models", True, f"{settings.embed_url}, embeddings by {settings.embed_model}{_backend(answer)}")


def _backend(answer: httpx.Response) -> str:
    """What our own models process says of itself; nothing for other servers."""
    try:
        backends = [model["backend"] for model in answer.json()["data"] if model.get("backend")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f" ({backends[0]})" if backends else ""


def _reranker(settings: Settings) -> Finding:
    def ask() -> None:
        key = settings.rerank_api_key.get_secret_value()
        with closing(HttpReranker(settings.rerank_url, key, settings.rerank_model)) as reranker:
            reranker.rerank("Does it answer?", ["It answers.", "It does not."])

    without = "passages stay as the search found them"
    return _cross_encoder("reranker", "RERANK", settings.rerank_url, settings.rerank_model, ask, (without, without))


def _entailment(settings: Settings) -> Finding:
    def ask() -> None:
        with closing(HttpEntailment(settings.nli_url, settings.nli_api_key.get_secret_value())) as judge:
            judge.judge([("The office is open on Mondays.", "It opens on Mondays.")])

    without = (
        "sentences of answers are checked without it",
        "sentences of answers are checked by figures, names, words and nearness",
    )
    return _cross_encoder("entailment", "NLI", settings.nli_url, settings.nli_model, ask, without)


def _cross_encoder(
    part: str, setting: str, url: str, model: str, ask: Callable[[], None], without: tuple[str, str]
) -> Finding:
    """`without` says what happens while it does not answer, and where none is set."""
    if url:
        try:
            ask()
        except Unavailable as error:
            return Finding(part, False, str(error), f"Until then {without[0]}.")
        return Finding(part, True, f"{model or 'A model'} at {url}")
    if model:
        return Finding(part, True, f"{folder_of(model, f'{setting}_MODEL')} will be loaded at the next start.")
    how = f"To add one: set {setting}_MODEL to a cross-encoder's folder, or {setting}_URL."
    return Finding(part, True, f"None: {without[1]}. That is fine.", how)


def _guard(settings: Settings) -> Finding:
    guard = guard_of(settings)
    if guard is None:
        return Finding("guard model", True, "None. That is fine.", "To add one: set GUARD_MODEL, or GUARD_URL.")
    if not settings.guard_url:
        path = Path(settings.guard_model).expanduser()
        if not path.is_file():
            return Finding("guard model", False, f"There is no file {path}.", "Look at GUARD_MODEL.")
        return Finding("guard model", True, f"{path.name} will be loaded at the next start.")
    reason = guard.ready()
    effect = "pass without it" if settings.guard_fails == "open" else "are held back"
    remedy = (
        "" if reason is None else f"Until then questions and answers {effect} (GUARD_FAILS={settings.guard_fails})."
    )
    return Finding("guard model", reason is None, reason or f"{settings.guard_name} at {settings.guard_url}", remedy)


def _voice(settings: Settings) -> Finding:
    name = "voice model"
    if settings.own_voice_url:
        try:
            url = f"{settings.voice_url.removesuffix('/v1')}/healthz"
            reason = httpx.get(url, timeout=5.0, trust_env=False).json()["voice"]["reason"]
        except (httpx.HTTPError, ValueError, KeyError):
            reason = "The models process does not answer."
        found = reason or f"{settings.voice_name} at {settings.voice_url}"
        return Finding(name, not reason, found, "Until then the microphone says so." if reason else "")
    if settings.voice_url:
        return Finding(name, True, f"A server at {settings.voice_url}. It is asked when somebody speaks.")
    if not settings.voice_model:
        found = "None: the chat has no microphone. That is fine."
        return Finding(name, True, found, "To add one: set VOICE_MODEL to a file ggml-*.bin, or VOICE_URL.")
    if not Path(settings.voice_model).expanduser().is_file():
        return Finding(name, False, f"There is no file {settings.voice_model}.", "Look at VOICE_MODEL.")
    if importlib.util.find_spec("pywhispercpp") is None:
        return Finding(name, False, "pywhispercpp is not installed.", "Install it: pip install 'footnote[voice]'.")
    return Finding(name, True, f"{settings.voice_name} will be loaded at the next start.")


def _language_model(settings: Settings) -> Finding:
    chat = chat_of(settings)
    if chat and chat.has_model() is not False:
        reason = chat.ready()
        remedy = "" if reason is None else "Until then answers quote the documents, word for word."
        found = f"{chat.name} at {settings.llm_url or settings.own_models_url}{_tuning(settings)}"
        return Finding("language model", reason is None, reason or found, remedy)
    model = settings.local_model()
    if model is not None:
        found = f"{model.name} will be loaded at the next start{_tuning(settings.updated({'llm_model': str(model)}))}."
        return Finding("language model", True, found)
    built = importlib.util.find_spec("llama_cpp") is not None
    found = "None: answers quote the documents, word for word. That is fine."
    how = "To add one: footnote models pull llama-3-8b-instruct, then footnote models use; or set LLM_URL."
    return Finding(
        "language model", True, found, how if built else how + " llama-cpp-python has to be installed first."
    )


def _tuning(settings: Settings) -> str:
    """How the model runs best here, once that was measured; nothing for models that run elsewhere."""
    path = Path(settings.llm_model)
    if not path.is_file():
        return ""
    tunings = Tunings(settings.data_dir, threads=settings.llm_threads, gpu_layers=settings.llm_gpu_layers)
    known = tunings.known(path)
    return f"; {known.in_words()}" if known else "; what suits this machine is measured at the first load"


def _worker(settings: Settings) -> Finding:
    database = Database(settings.sql_url)
    try:
        if a_worker_lives(database):
            return Finding("worker", True, "It is running.")
        return Finding("worker", False, "No worker is running.", "Start Footnote (`footnote serve`).")
    finally:
        database.close()


def _web(settings: Settings) -> Finding:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - compared, not bound
    url = f"http://{host}:{settings.port}"
    if supervisor.answers(f"{url}/healthz"):
        return Finding("web", True, url)
    return Finding("web", False, f"Nothing answers at {url}.", "Start Footnote (`footnote serve`).")


def _recognition(settings: Settings) -> Finding:
    recognition = recognition_of(settings)
    if recognition.engine is None:
        found = f"{recognition.missing[:1].upper()}{recognition.missing[1:]}: pages that are pictures stay unread."
        return Finding("text recognition", settings.ocr == "off", found, "" if settings.ocr == "off" else INSTALL)
    return Finding("text recognition", True, str(recognition.engine))


def _sandbox(_: Settings) -> Finding:
    return Finding("sandbox", True, sandbox.describe())
