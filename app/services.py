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

from app.acceptance import Acceptance
from app.adapter_choice import Adapters
from app.answers import Answers
from app.budget import Budget
from app.dictation import Dictation
from app.extract import Extractive
from app.guard import Guard
from app.health import Missing, models_away, worker_away
from app.house import House
from app.language_model import LanguageModel, answering
from app.llm import LLM, OpenAIChat
from app.model_servers import (
    dictation_of,
    guard_of,
    judge_of,
    language_model_of,
    live_generation,
    reranker_of,
    rewriter_of,
)
from app.models_client import ModelsClient
from app.pages import Pages
from app.postman import Postman, channels_of
from app.recordings import Recordings
from app.rerank import HttpReranker
from app.retrieve import Retriever
from app.rewrite import Rewriter
from app.runs import Runs
from app.settings import Settings
from app.stores import Stores
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
from storage.database import Database
from storage.deliveries import Deliveries
from storage.documents import Documents
from storage.errors import Unavailable
from storage.escalations import Escalations
from storage.evaluations import Evaluations
from storage.files import Files
from storage.filling import Filling
from storage.generations import Generations
from storage.guard_verdicts import GuardVerdicts
from storage.index import Index
from storage.instructions import Instructions
from storage.types import NO_INSTRUCTIONS, HouseInstructions
from storage.users import Users
from storage.versions import Versions


@dataclass(frozen=True, kw_only=True)
class Means:
    """What questions are answered with, those of people and those of evaluations alike."""

    retriever: Retriever
    llm: LLM
    house: House
    check: Check
    rewriter: Rewriter | None = None
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, kw_only=True)
class Services(Stores, Means):
    settings: Settings
    index: Index
    embedder: Embedder
    reranker: HttpReranker | None
    answers: Answers
    pages: Pages
    runs: Runs
    escalations: Escalations
    models: ModelsClient
    adapters: Adapters
    _missing: Missing = field(repr=False)
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
    stores = Stores.of(database, Files(settings.data_dir), Users(database, session_hours=settings.session_hours))
    index = Index(settings.qdrant_url, settings.qdrant_api_key.get_secret_value())
    live = live_generation(settings, stores.generations)
    embedder, reranker = live.of_model(settings.embed_model), reranker_of(settings)
    reranked = settings.rerank_passages
    retriever = Retriever(index, embedder, stores.documents, reranker=reranker, reranked=reranked, live=live)
    llm, guard = language_model_of(settings, live, database), guard_of(settings)
    means = Means(
        retriever=retriever,
        llm=llm,
        house=House(Instructions(database), llm.chat),
        check=Check(Verifier(live.embedder, judge_of(settings)), Unsupported(settings.unsupported)),
        rewriter=rewriter_of(settings),
        budget=_budget(settings, llm.chat),
    )
    models = ModelsClient(settings, database)
    return Services(
        **vars(stores),
        **vars(means),
        settings=settings,
        index=index,
        embedder=embedder,
        reranker=reranker,
        answers=_answers(stores, means, guard),
        pages=Pages(stores.documents, stores.files, parse_limits(settings)),
        runs=_runs(stores, means, settings, generation=live.name),
        escalations=escalations_of(settings, database),
        models=models,
        adapters=Adapters(models, AdapterUses(database)),
        _missing=_missing(settings, database, index, llm, guard),
        guard=guard,
        dictation=dictation_of(settings),
    )


def _missing(settings: Settings, database: Database, index: Index, llm: LanguageModel, guard: Guard | None) -> Missing:
    checks = [index.ready, lambda: models_away(settings), lambda: worker_away(database), llm.ready]
    return Missing([*checks, guard.ready] if guard else checks)


def _budget(settings: Settings, chat: OpenAIChat | None) -> Budget:
    return Budget(
        chat,
        source_tokens=settings.source_tokens,
        answer_tokens=settings.llm_max_tokens,
        wait_seconds=settings.answer_wait_seconds,
    )


def _answers(stores: Stores, means: Means, guard: Guard | None) -> Answers:
    return Answers(
        stores.conversations,
        means.retriever,
        means.llm,
        rewriter=means.rewriter,
        preference_of=stores.preferences.get,
        guard=guard,
        guard_verdicts=GuardVerdicts(stores.database),
        house=means.house.current,
        budget=means.budget,
        check=means.check,
    )


def _runs(stores: Stores, means: Means, settings: Settings, *, generation: Callable[[], str]) -> Runs:
    return Runs(
        stores.evaluations,
        stores.documents,
        stores.users,
        means.retriever,
        means.llm,
        generation=generation,
        rewriter=means.rewriter,
        settings={"embed_model": settings.embed_model, "source_tokens": settings.source_tokens},
        house=means.house.current,
        budget=means.budget,
        check=means.check,
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


_installed: list[Services] = []


def install(services: Services) -> None:
    """Make `services` the ones of this process, in place of any before."""
    _installed[:] = [services]


def current() -> Services:
    """The Services of this process. Raises Unavailable before `install`."""
    if not _installed:
        raise Unavailable("web", "The application is still starting. Reload the page in a moment.")
    return _installed[0]
