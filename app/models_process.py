"""The models process as the settings want it: which models it loads, and how.

Nothing is loaded here: each model is made once the server runs, in a thread of its own. Not covered: the routes
(`llm_server`), changing the language model (`chat_models`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from starlette.applications import Starlette

from app import llm_server, model_choice
from app.cross_encoder import CrossEncoderReranker
from app.embedders import chunk_embedder
from app.entailment_model import CrossEncoderEntailment
from app.guard_template import guard_template, version_of
from app.llm_engine import Engine
from app.model_shelf import Shelf
from app.prompt import Prompt
from app.settings import Settings
from app.tuning import Tunings
from app.voice import Voice
from ingest.embed import Embedder
from storage.database import Database
from storage.errors import InvalidInput, Unavailable
from storage.generations import Generations
from storage.instructions import Instructions
from storage.types import NO_INSTRUCTIONS, HouseInstructions

Known = TypeVar("Known")


def application(settings: Settings, configured: Path | None) -> Starlette:
    """`configured` is the file that LLM_MODEL names; what was chosen later goes before it."""
    tunings = Tunings(settings.data_dir, threads=settings.llm_threads, gpu_layers=settings.llm_gpu_layers)
    engine = partial(_engine, settings, tunings)
    first = model_choice.chosen(settings.models_dir, configured=None) or configured
    if model_choice.is_none(settings.models_dir, configured=None):
        first = None
    device = settings.embed_device or None
    reranks = bool(settings.rerank_model) and (not settings.rerank_url or settings.own_rerank_url)
    judges = bool(settings.nli_model) and (not settings.nli_url or settings.own_nli_url)
    hears = bool(settings.voice_model) and (not settings.voice_url or settings.own_voice_url)
    guards = bool(settings.guard_model) and (not settings.guard_url or settings.own_guard_url)
    voice = Path(settings.voice_model).expanduser()
    return llm_server.build(
        partial(engine, first) if first else None,
        _embedder(settings),
        settings.key(),
        reranker=partial(CrossEncoderReranker, settings.rerank_model, device=device) if reranks else None,
        embedder_of=partial(chunk_embedder, settings),
        entailment=partial(CrossEncoderEntailment, settings.nli_model, device=device) if judges else None,
        voice=partial(Voice, voice, threads=settings.llm_threads) if hears else None,
        guard=partial(_guard, settings, engine) if guards else None,
        shelf=Shelf(settings.models_dir, configured, make=engine, tunings=tunings),
    )


def _embedder(settings: Settings) -> Callable[[], Embedder] | None:
    if settings.embed_url and not settings.own_embed_url:
        return None
    return lambda: chunk_embedder(settings, _live_model(settings))


def _engine(settings: Settings, tunings: Tunings, path: Path) -> Engine:
    tuning = tunings.measured(path, repack={"on": True, "off": False}.get(settings.llm_repack))
    made = Engine(
        path,
        context=settings.llm_context,
        slots=settings.llm_slots,
        gpu_layers=settings.llm_gpu_layers,
        threads=settings.llm_threads,
        queue_limit=settings.llm_queue,
        repack=tuning.repack,
        pace=tuning.pace,
        step_seconds=settings.llm_step_seconds,
        parked_bytes=settings.llm_park_mb * 10**6,
        find_adapter=Shelf(settings.models_dir, path).path,
    )
    with suppress(InvalidInput):  # a template without a system message has no beginning that is everybody's
        made.warm(Prompt(question="", house=_house_instructions(settings)).beginning())
    return made


def _guard(settings: Settings, engine: Callable[[Path], Engine]) -> Engine:
    version = version_of(settings.guard_name, settings.guard_version)
    made = engine(Path(settings.guard_model).expanduser())
    made.wrap_template(partial(guard_template, version=version))
    return made


def _live_model(settings: Settings) -> str:
    """The model of the live generation; EMBED_MODEL where there is none yet, or no database to say so."""
    live = _in_sql(settings, lambda database: Generations(database).live())
    return live.model if live else settings.embed_model


def _house_instructions(settings: Settings) -> HouseInstructions:
    """What holds now; none where there is no database yet to say so."""
    return _in_sql(settings, lambda database: Instructions(database).current()) or NO_INSTRUCTIONS


def _in_sql(settings: Settings, read: Callable[[Database], Known | None]) -> Known | None:
    with closing(Database(settings.sql_url)) as database, suppress(Unavailable, sa.exc.SQLAlchemyError):  # not migrated
        return read(database)
    return None
