"""The composition root: settings become the objects that everything else is handed.

For the web process and the commands; the worker's half is `ingestion`, that of the models process `models_process`. A
web process has one Services, installed at its start, because Streamlit's pages are scripts that nothing can be handed
to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app.adapter_choice import Adapters
from app.answers import Answers
from app.budget import Budget
from app.dictation import Dictation
from app.extract import Extractive
from app.guard import Guard
from app.health import Missing, models_away, worker_away
from app.house import House
from app.ingestion import parse_limits
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
from app.postman import channels_of
from app.recordings import Recordings
from app.rerank import HttpReranker
from app.retrieve import Retriever
from app.rewrite import Rewriter
from app.runs import Runs
from app.settings import Settings
from app.stores import Stores
from app.verify import Check, Unsupported, Verifier
from ingest.embed import Embedder
from ingest.http_embedder import HttpEmbedder
from storage.adapter_uses import AdapterUses
from storage.database import Database
from storage.errors import Unavailable
from storage.escalations import Escalations
from storage.files import Files
from storage.guard_verdicts import GuardVerdicts
from storage.index import Index
from storage.instructions import Instructions
from storage.users import Users


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


_installed: list[Services] = []


def install(services: Services) -> None:
    """Make `services` the ones of this process, in place of any before."""
    _installed[:] = [services]


def current() -> Services:
    """The Services of this process. Raises Unavailable before `install`."""
    if not _installed:
        raise Unavailable("web", "The application is still starting. Reload the page in a moment.")
    return _installed[0]
