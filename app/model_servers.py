"""The models that questions are asked of, each as a client of the server that the settings name, or None.

No connection is made yet. Most of these servers are our own models process. Not covered: what loads the models there
(`models_process`), what else a question needs (`services`).
"""

from __future__ import annotations

from app import rewrite
from app.adapter_choice import AdapterChoice
from app.dictation import Dictation
from app.entailment import HttpEntailment
from app.extract import Extractive
from app.guard import Guard
from app.guard_template import version_of
from app.language_model import LanguageModel
from app.live import Live
from app.llm import OpenAIChat
from app.rerank import HttpReranker
from app.rewrite import Rewriter
from app.settings import Settings
from ingest.embed import Embedder
from ingest.http_embedder import HttpEmbedder
from storage.adapter_uses import AdapterUses
from storage.belonging import Belonging
from storage.database import Database
from storage.generations import Generations


def live_generation(settings: Settings, generations: Generations) -> Live:
    """What questions are embedded and searched with, over HTTP."""

    def embedder(model: str) -> Embedder:
        return HttpEmbedder(settings.embed_url, settings.embed_api_key.get_secret_value(), model)

    return Live(generations, embedder, model=settings.embed_model)


def language_model_of(settings: Settings, live: Live, database: Database) -> LanguageModel:
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


def judge_of(settings: Settings) -> HttpEntailment | None:
    return HttpEntailment(settings.nli_url, settings.nli_api_key.get_secret_value()) if settings.nli_url else None


def dictation_of(settings: Settings) -> Dictation | None:
    if not settings.voice_url:
        return None
    return Dictation(settings.voice_url, settings.voice_api_key.get_secret_value(), settings.voice_name)


def reranker_of(settings: Settings) -> HttpReranker | None:
    if not settings.rerank_url:
        return None
    return HttpReranker(settings.rerank_url, settings.rerank_api_key.get_secret_value(), settings.rerank_model)
