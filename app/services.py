"""The composition root: settings become the objects that everything else is handed.

`build` serves the web process and the CLI, `build_pipeline` the worker; neither imports torch unless it is called for
a local embedding model. A web process has one Services, installed at its start, because Streamlit's pages are scripts
that nothing can be handed to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache

import sqlalchemy as sa

from app import rewrite
from app.acceptance import Acceptance
from app.adapter_choice import AdapterChoice, Adapters
from app.answers import Answers
from app.budget import Budget
from app.dictation import Dictation
from app.entailment import HttpEntailment
from app.extract import Extractive
from app.guard import Guard
from app.guard_template import version_of
from app.health import Missing, models_away, worker_away
from app.house import House
from app.language_model import LanguageModel, answering
from app.live import Live
from app.llm import LLM, OpenAIChat
from app.models_client import ModelsClient
from app.pages import Pages
from app.postman import Postman, channels_of
from app.recordings import Recordings
from app.rerank import HttpReranker
from app.retrieve import Retriever
from app.rewrite import Rewriter
from app.runs import Runs
from app.settings import Settings
from app.verify import Check, Unsupported, Verifier
from ingest.backend import local_embedder
from ingest.embed import Embedder
from ingest.http_embedder import HttpEmbedder
from ingest.pipeline import Pipeline
from ingest.recognition import engines
from ingest.recognition.recogniser import MISSING, OFF, Recognition
from ingest.reindex import Reindex
from ingest.sandbox import Limits
from storage.adapter_uses import AdapterUses
from storage.belonging import Belonging
from storage.conversations import Conversations
from storage.database import Database
from storage.deliveries import Deliveries
from storage.documents import Documents
from storage.errors import Unavailable
from storage.escalations import Escalations
from storage.evaluations import Evaluations
from storage.feedback import Feedback
from storage.files import Files
from storage.filling import Filling
from storage.generations import Generations
from storage.guard_verdicts import GuardVerdicts
from storage.index import Index
from storage.instructions import Instructions
from storage.preferences import Preferences
from storage.queue import Queue
from storage.records import Records
from storage.reports import Reports
from storage.sources import Sources
from storage.types import NO_INSTRUCTIONS, HouseInstructions
from storage.users import Users
from storage.versions import Versions


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    files: Files
    users: Users
    documents: Documents
    versions: Versions
    generations: Generations
    queue: Queue
    reports: Reports
    sources: Sources
    conversations: Conversations
    index: Index
    embedder: Embedder
    reranker: HttpReranker | None
    retriever: Retriever
    llm: LLM
    answers: Answers
    pages: Pages
    evaluations: Evaluations
    feedback: Feedback
    records: Records
    check: Check
    runs: Runs
    preferences: Preferences
    escalations: Escalations
    models: ModelsClient
    adapters: Adapters
    house: House
    _missing: Missing = field(repr=False)
    rewriter: Rewriter | None = None
    budget: Budget | None = None
    guard: Guard | None = None
    dictation: Dictation | None = None
    recordings: Recordings = field(default_factory=Recordings)

    def missing(self) -> list[str]:
        """In plain words, each part that does not answer now and what that means. At most some seconds old."""
        return self._missing.parts()

    @property
    def has_language_model(self) -> bool:
        return not isinstance(answering(self.llm), Extractive)

    def close(self) -> None:
        self.runs.close()
        self.answers.close()
        if self.dictation:
            self.dictation.close()
        if self.reranker:
            self.reranker.close()
        if isinstance(self.embedder, HttpEmbedder):
            self.embedder.close()
        self.index.close()
        self.database.close()


def build(settings: Settings) -> Services:
    """For the web process and the CLI. Makes no connection yet but to the database, whose schema it brings up to date.

    Raises InvalidInput for settings that can't be taken, Unavailable when the database does not answer.
    """
    database = Database(settings.sql_url)
    database.migrate()
    files = Files(settings.data_dir)
    documents = Documents(database, files)
    conversations = Conversations(database)
    index = Index(settings.qdrant_url, settings.qdrant_api_key.get_secret_value())
    generations = Generations(database)
    live = live_generation(settings, generations)
    embedder, reranker = live.of_model(settings.embed_model), _reranker(settings)
    retriever = Retriever(index, embedder, documents, reranker=reranker, reranked=settings.rerank_passages, live=live)
    llm = _language_model(settings, live, database)
    rewriter = rewriter_of(settings)
    chat = llm.chat
    house = House(Instructions(database), chat)
    budget = Budget(
        chat,
        source_tokens=settings.source_tokens,
        answer_tokens=settings.llm_max_tokens,
        wait_seconds=settings.answer_wait_seconds,
    )
    users, evaluations = Users(database, session_hours=settings.session_hours), Evaluations(database)
    preferences = Preferences(database)
    checks = [index.ready, lambda: models_away(settings), lambda: worker_away(database)]
    checks.append(llm.ready)
    guard, models = guard_of(settings), ModelsClient(settings, database)
    if guard:
        checks.append(guard.ready)
    check = Check(Verifier(live.embedder, _judge(settings)), Unsupported(settings.unsupported))
    return Services(
        settings=settings,
        database=database,
        files=files,
        users=users,
        documents=documents,
        versions=Versions(database),
        generations=generations,
        queue=Queue(database),
        reports=Reports(database),
        sources=Sources(database),
        conversations=conversations,
        index=index,
        embedder=embedder,
        reranker=reranker,
        retriever=retriever,
        llm=llm,
        answers=Answers(
            conversations,
            retriever,
            llm,
            rewriter=rewriter,
            source_tokens=settings.source_tokens,
            preference_of=preferences.get,
            guard=guard,
            guard_verdicts=GuardVerdicts(database),
            house=house.current,
            budget=budget,
            check=check,
        ),
        pages=Pages(documents, files, parse_limits(settings)),
        evaluations=evaluations,
        feedback=Feedback(database),
        records=Records(database),
        check=check,
        runs=Runs(
            evaluations,
            documents,
            users,
            retriever,
            llm,
            generation=live.name,
            rewriter=rewriter,
            settings={"embed_model": settings.embed_model, "source_tokens": settings.source_tokens},
            source_tokens=settings.source_tokens,
            house=house.current,
            budget=budget,
            check=check,
        ),
        preferences=preferences,
        escalations=escalations_of(settings, database),
        models=models,
        adapters=Adapters(models, AdapterUses(database)),
        house=house,
        budget=budget,
        _missing=Missing(checks),
        rewriter=rewriter,
        guard=guard,
        dictation=_dictation(settings),
    )


def escalations_of(settings: Settings, database: Database) -> Escalations:
    """Raises InvalidInput where the settings of mail or webhook lack something."""
    names = [channel.name for channel in channels_of(settings)]
    return Escalations(database, group=settings.person_group, channels=names)


def build_postman(settings: Settings, database: Database) -> Postman | None:
    """For the worker; None where nothing goes out."""
    channels = channels_of(settings)
    return Postman(Deliveries(database), channels) if channels else None


def build_pipeline(settings: Settings) -> tuple[Database, Pipeline]:
    """For the worker."""
    database = Database(settings.sql_url)
    database.migrate()
    index = Index(settings.qdrant_url, settings.qdrant_api_key.get_secret_value(), timeout=60.0, patience=5.0)

    pipeline = Pipeline(
        versions=Versions(database),
        files=Files(settings.data_dir),
        index=index,
        generations=Generations(database),
        embedder=_loading(settings),
        limits=parse_limits(settings),
        model=settings.embed_model,
        recognition=recognition_of(settings),
    )
    return database, pipeline


def build_reindex(settings: Settings, database: Database, pipeline: Pipeline) -> Reindex:
    """For the worker: how a new generation is compared, and what must be ready before it is live."""
    filling = Filling(database)
    compare = Acceptance(
        pipeline.index,
        pipeline.embedder,
        Documents(database, pipeline.files),
        Evaluations(database),
        filling,
        worse=settings.reindex_worse,
        slower=settings.reindex_slower,
    )

    def warm(model: str) -> None:
        key = settings.embed_api_key.get_secret_value()
        with closing(HttpEmbedder(settings.embed_url, key, model, timeout=5.0)) as embedder:
            embedder.embed_queries(["ready?"])

    warms = warm if settings.embed_url else None
    return Reindex(pipeline, filling, compare=compare, warm=warms, keep_days=settings.reindex_keep_days)


def _loading(settings: Settings) -> Callable[[str], Embedder]:
    """Loads each model once; two documents may need one first at the same time."""
    lock = threading.Lock()

    @cache
    def load(model: str) -> Embedder:
        return chunk_embedder(settings, model)

    def embedder(model: str) -> Embedder:
        with lock:
            return load(model)

    return embedder


def live_generation(settings: Settings, generations: Generations) -> Live:
    """What questions are embedded and searched with, over HTTP."""

    def embedder(model: str) -> Embedder:
        return HttpEmbedder(settings.embed_url, settings.embed_api_key.get_secret_value(), model)

    return Live(generations, embedder, model=settings.embed_model)


def chunk_embedder(settings: Settings, model: str) -> Embedder:
    """The model itself, unless EMBED_URL names somebody else's server."""
    if settings.embed_url and not settings.own_embed_url:
        return HttpEmbedder(settings.embed_url, settings.embed_api_key.get_secret_value(), model)
    return local_embedder(
        model,
        settings.converted_dir,
        device=settings.embed_device,
        backend=settings.embed_backend,
        precision=settings.embed_precision,
        threads=settings.embed_threads,
    )


def live_model(settings: Settings) -> str:
    """The model of the live generation; EMBED_MODEL where there is none yet, or no database to say so."""
    database = Database(settings.sql_url)
    try:
        known = Generations(database).live()
    except (Unavailable, sa.exc.SQLAlchemyError):  # not migrated yet
        known = None
    finally:
        database.close()
    return known.model if known else settings.embed_model


def house_instructions(settings: Settings) -> HouseInstructions:
    """What holds now; none where there is no database yet to say so."""
    database = Database(settings.sql_url)
    try:
        return Instructions(database).current()
    except (Unavailable, sa.exc.SQLAlchemyError):  # not migrated yet
        return NO_INSTRUCTIONS
    finally:
        database.close()


def parse_limits(settings: Settings) -> Limits:
    return Limits(
        memory=settings.parse_memory_mb * 10**6,
        cpu_seconds=settings.parse_seconds,
        wall_seconds=settings.parse_seconds,
    )


def recognition_of(settings: Settings) -> Recognition:
    """Raises InvalidInput where the settings ask for what is not installed."""
    return Recognition(
        engine=engines.find(settings.ocr, settings.ocr_languages, settings.tessdata_prefix),
        missing=OFF if settings.ocr == "off" else MISSING,
        page_seconds=settings.ocr_page_seconds,
        document_seconds=settings.ocr_document_minutes * 60,
    )


def _language_model(settings: Settings, live: Live, database: Database) -> LanguageModel:
    choice = AdapterChoice(AdapterUses(database), Belonging(database))
    chat = chat_of(settings, adapter_of=choice)
    # our own process tells whether it has a model, which LLM_MODEL only names where it was there at the start
    expected = bool(settings.llm_model) or not settings.own_models_url
    return LanguageModel(chat, Extractive(live=live.embedder), expected=expected)


def rewriter_of(settings: Settings) -> Rewriter | None:
    """None where no setting wants it, or no model is there to be asked."""
    chat = chat_of(settings, max_tokens=rewrite.TOKENS, temperature=0)
    if not chat or not (settings.rewrite_follow_ups or settings.rewrite_comparisons):
        return None
    return Rewriter(
        chat,
        follow_ups=settings.rewrite_follow_ups,
        comparisons=settings.rewrite_comparisons,
        seconds=settings.rewrite_seconds,
    )


def guard_of(settings: Settings) -> Guard | None:
    """None where no setting names a guard model."""
    if not (settings.guard_url or settings.guard_model):
        return None
    return Guard(  # without an address it can't be asked, and GUARD_FAILS decides
        settings.guard_url,
        settings.guard_api_key.get_secret_value(),
        settings.guard_name,
        version=version_of(settings.guard_name, settings.guard_version),
        own=settings.own_guard_url,
        fails_open=settings.guard_fails == "open",
        checks=settings.guard_checks,
        holds=settings.guard_hold,
        seconds=settings.guard_seconds,
    )


def chat_of(
    settings: Settings,
    *,
    max_tokens: int | None = None,
    temperature: float | None = None,
    adapter_of: AdapterChoice | None = None,
) -> OpenAIChat | None:
    """The server of the language model; None where there is none, not even our own that could be given a model."""
    url, own = settings.own_models_url or settings.llm_url, bool(settings.own_models_url)
    if not url:
        return None
    return OpenAIChat(
        url,
        settings.key() if own else settings.llm_api_key.get_secret_value(),
        settings.llm_name,
        own=own,
        max_tokens=settings.llm_max_tokens if max_tokens is None else max_tokens,
        temperature=settings.llm_temperature if temperature is None else temperature,
        adapter_of=adapter_of,
    )


def _judge(settings: Settings) -> HttpEntailment | None:
    return HttpEntailment(settings.nli_url, settings.nli_api_key.get_secret_value()) if settings.nli_url else None


def _dictation(settings: Settings) -> Dictation | None:
    if not settings.voice_url:
        return None
    return Dictation(settings.voice_url, settings.voice_api_key.get_secret_value(), settings.voice_name)


def _reranker(settings: Settings) -> HttpReranker | None:
    if not settings.rerank_url:
        return None
    return HttpReranker(settings.rerank_url, settings.rerank_api_key.get_secret_value(), settings.rerank_model)


_installed: list[Services] = []


def install(services: Services) -> None:
    """Make `services` the ones of this process, in place of any before."""
    _installed[:] = [services]


def current() -> Services:
    """The Services of this process. Raises Unavailable before `install`."""
    if not _installed:
        raise Unavailable("web", "The application is still starting. Reload the page in a moment.")
    return _installed[0]
