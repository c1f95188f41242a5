"""The language model as the rest of the application sees it: a prompt goes in, text comes out piece by piece.

`OpenAIChat` speaks the wire that llama-server, vLLM, Ollama and Footnote's own models process share. Not covered:
extractive answers without a model, the wording of prompts (`prompt`), what an answer cites (`cite`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import httpx

from app import certificates
from app.prompt import Prompt, estimate_tokens
from storage.errors import Busy, FootnoteError, InvalidInput, Unavailable
from storage.types import Passage

log = logging.getLogger(__name__)

_NOTICE = 0.1  # seconds until a cancelled answer is broken off
_FACTS_SECONDS = 5.0
_TIMED = 64  # tokens: the speed of shorter readings says little

_LOOKALIKES = (
    (re.compile(r"<([|｜])(?=\S)([^<>\n]{1,80}?)([|｜])>"), r"<\1 \2 \3>"),
    (re.compile(r"\[(/?)(INST|SYSTEM_PROMPT|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\]", re.I), r"[ \1\2 ]"),
    (re.compile(r"<<(/?)SYS>>", re.I), r"<< \1SYS >>"),
    (re.compile(r"<(/?)(s|bos|eos|unk|pad|start_of_turn|end_of_turn)>", re.I), r"< \1\2 >"),
)
_TOO_LONG = re.compile(r"context|too long|maximum.{0,20}(length|tokens)|exceed", re.I)


@dataclass(frozen=True, slots=True)
class Reading:
    """Before the first word: `queue` is the place in the queue (0: being read), `read` of `total` tokens are read."""

    queue: int
    read: int
    total: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server tells of its model: tokens of context, prompt tokens read a second. 0: it does not tell."""

    window: int = 0
    reading: float = 0.0


class LLM(Protocol):
    """Something that answers. One instance serves all threads."""

    @property
    def name(self) -> str:
        """What the answers are said to come from."""

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str | Reading]:
        """The answer in pieces, as they come, and Reading before the first where it is known.

        Ends early, without an error, soon after `cancel` is set. Raises Unavailable (Busy when the queue is full)
        and InvalidInput when the prompt is too long, both also after some pieces.
        """


def defuse(text: str) -> str:
    """`text` with spaces in whatever a model's template could take for a control token: "<| eot_id |>".

    For servers that turn the whole prompt into tokens at once, and would obey a document's <|eot_id|>.
    """
    for pattern, harmless in _LOOKALIKES:
        text = pattern.sub(harmless, text)
    return text


class OpenAIChat:
    """A model behind an OpenAI-compatible URL that ends in /v1. Makes no connection before it is asked.

    `own` says that the server is Footnote's models process: it keeps control tokens out by itself, counts tokens, tells
    how far it has read and which model answers, as that may change. No proxy is used for it. `quick_seconds` is for
    what must not hold up a question. `adapter_of` names the LoRA adapter for answers from these passages, or "".
    """

    def __init__(
        self,
        url: str,
        key: str,
        model: str,
        *,
        own: bool = False,
        max_tokens: int = 700,
        temperature: float = 0.2,
        connect_seconds: float = 5.0,
        read_seconds: float = 600.0,
        quick_seconds: float = 0.5,
        adapter_of: Callable[[Sequence[Passage]], str] | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._model = model
        self._own, self._adapter_of = own, adapter_of
        self._max_tokens, self._temperature = max_tokens, temperature
        self._timeout = httpx.Timeout(read_seconds, connect=connect_seconds)
        self._quick_seconds = quick_seconds
        self._facts, self._asked, self._counts, self._reading = Facts(), -_FACTS_SECONDS, True, 0.0

    @property
    def name(self) -> str:
        return self._model

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str | Reading]:
        """As `LLM.stream` promises. Closing the iterator breaks the answer off as `cancel` does."""
        pieces: queue.SimpleQueue[str | Reading | FootnoteError | None] = queue.SimpleQueue()
        closed = threading.Event()
        # an event loop of its own: only there can a read that waits for its first byte be broken off
        reader = threading.Thread(
            target=lambda: asyncio.run(self._watched(prompt, pieces, (cancel, closed))), name="llm-stream", daemon=True
        )
        reader.start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, FootnoteError):
                    raise piece
                if cancel.is_set():
                    return
                yield piece
        finally:
            closed.set()
            reader.join()

    def ready(self) -> str | None:
        """None when the model answers, else the reason in plain words. Waits for five seconds at most."""
        proxied, verify = not self._own, certificates.known(trust_env=not self._own)
        try:
            with httpx.Client(headers=self._headers, timeout=5, trust_env=proxied, verify=verify) as client:
                return self._own_reason(client) if self._own else self._foreign_reason(client)
        except httpx.TransportError as error:
            return str(self._unreachable(error))
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"What answers at {self._url} is no OpenAI-compatible server. Check LLM_URL."

    def has_model(self) -> bool | None:
        """Whether our own server has a language model, be it still loading; None while it does not answer at once.

        Of another server that is taken for granted.
        """
        if not self._own:
            return True
        try:
            return bool(self._own_chat(self._request("GET", f"{self._root}/healthz"))["configured"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def count(self, text: str) -> int:
        """Tokens of `text`: exact where the server can count, else a careful guess."""
        return self.count_all([text])[0]

    def count_all(self, texts: list[str]) -> list[int]:
        """As `count`. Never fails and does not wait longer than `quick_seconds`: no question is held up for it."""
        try:
            if self._counts:
                return self._own_counts(texts) if self._own else self._foreign_counts(texts)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            log.debug("tokens are guessed", exc_info=True)
        return [estimate_tokens(text) for text in texts]

    def facts(self) -> Facts:
        """What the server told last, some seconds ago at most. Never fails."""
        if time.monotonic() - self._asked > _FACTS_SECONDS:
            self._asked = time.monotonic()
            try:
                offered = self._quick("GET", f"{self._url}/models").json()["data"]
                named = [model for model in offered if model["id"] == self._model] or offered
                self._facts = _facts(named[0])
            except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError):
                log.debug("the model's server tells nothing of its model", exc_info=True)
        return replace(self._facts, reading=self._reading) if self._reading else self._facts

    def begin_with(self, messages: list[dict[str, str]]) -> None:
        """Let our own server read what all prompts begin with, before somebody asks. Raises Unavailable."""
        if not self._own:
            return
        try:
            self._quick("PUT", f"{self._root}/beginning", {"messages": messages})
        except httpx.HTTPStatusError as error:
            raise self._refusal(error.response.status_code, error.response.text) from error
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    @property
    def _root(self) -> str:
        return self._url.removesuffix("/v1")

    def _own_counts(self, texts: list[str]) -> list[int]:
        return [
            int(count) for count in self._quick("POST", f"{self._root}/tokenize", {"content": texts}).json()["counts"]
        ]

    def _foreign_counts(self, texts: list[str]) -> list[int]:
        """As llama-server counts; a server that can't is not asked again."""
        until = time.monotonic() + self._quick_seconds
        counts = []
        for text in texts:
            answer = self._request("POST", f"{self._root}/tokenize", {"content": text})
            self._counts = answer.status_code == 200
            counts.append(len(answer.json()["tokens"]))
            if time.monotonic() > until:
                raise httpx.ReadTimeout("counting takes too long")
        return counts

    def _quick(self, method: str, url: str, body: object = None) -> httpx.Response:
        return self._request(method, url, body).raise_for_status()

    def _request(self, method: str, url: str, body: object = None) -> httpx.Response:
        timeout, proxied = httpx.Timeout(self._quick_seconds), not self._own
        verify = certificates.known(trust_env=proxied)
        return httpx.request(
            method, url, json=body, headers=self._headers, timeout=timeout, trust_env=proxied, verify=verify
        )

    def _own_reason(self, client: httpx.Client) -> str | None:
        chat = self._own_chat(client.get(f"{self._root}/healthz"))
        return None if chat["ready"] else str(chat["reason"])

    def _own_chat(self, answer: httpx.Response) -> dict[str, Any]:
        """What our own server's health says of the model, whose name is kept."""
        chat: dict[str, Any] = answer.json()["chat"]
        name = str(chat.get("model") or self._model)
        if name != self._model:
            self._model, self._asked = name, -_FACTS_SECONDS  # another model: what is known of the last is of no use
        return chat

    def _foreign_reason(self, client: httpx.Client) -> str | None:
        answer = client.get(f"{self._url}/models")
        if answer.status_code != 200:
            return str(self._refusal(answer.status_code, answer.text))
        offered = [str(model["id"]) for model in answer.json()["data"]]
        if not offered or {self._model, f"{self._model}:latest"} & set(offered):
            return None
        return f"The server at {self._url} has no model {self._model!r}. Set LLM_MODEL to one of: {', '.join(offered)}"

    async def _watched(
        self,
        prompt: Prompt,
        pieces: queue.SimpleQueue[str | Reading | FootnoteError | None],
        stops: tuple[threading.Event, ...],
    ) -> None:
        """Read until the answer ends or one of `stops` is set; None or an error is put last in any case."""
        reading = asyncio.ensure_future(self._read(prompt, pieces))
        while not reading.done():
            await asyncio.wait({reading}, timeout=_NOTICE)
            if any(stop.is_set() for stop in stops):
                reading.cancel()
        if not reading.cancelled() and (error := reading.exception()):
            if not isinstance(error, FootnoteError):
                log.error("an answer broke off", exc_info=error)
                error = Unavailable("models", "The language model's answer broke off. The log says why.")
            pieces.put(error)
        pieces.put(None)

    async def _read(self, prompt: Prompt, pieces: queue.SimpleQueue[str | Reading | FootnoteError | None]) -> None:
        body: dict[str, Any] = {
            "model": "" if self._own else self._model,  # our own may change it at any time
            "messages": self._messages(prompt),
            "stream": True,
            "max_tokens": self._max_tokens,
            "temperature": self._temperature,
        }
        if self._own and prompt.sources:
            body["sources"] = len(prompt.sources)  # others may refuse what they do not know
        if self._own and self._adapter_of and (adapter := self._adapter_of(prompt.passages)):
            body["adapter"] = adapter
        proxied, verify = not self._own, certificates.known(trust_env=not self._own)
        try:
            async with (
                httpx.AsyncClient(
                    headers=self._headers, timeout=self._timeout, trust_env=proxied, verify=verify
                ) as client,
                client.stream("POST", f"{self._url}/chat/completions", json=body) as response,
            ):
                if response.status_code != 200:
                    await response.aread()
                    raise self._refusal(response.status_code, response.text)
                ended = False
                async for data in _events(response.aiter_bytes()):
                    ended = self._take(data, pieces) or ended
                if not ended:
                    raise Unavailable("models", "The language model broke off in the middle of its answer. Ask again.")
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _take(self, data: str, pieces: queue.SimpleQueue[str | Reading | FootnoteError | None]) -> bool:
        """Pass on what one event brings; whether it ends the answer."""
        if data == "[DONE]":
            return True
        try:
            event: dict[str, Any] = json.loads(data)
            if self._own and event.get("model"):
                self._model = str(event["model"])
            if error := event.get("error"):
                numbers = [error.get("status"), error.get("code")] if isinstance(error, dict) else []
                raise self._refusal(next((number for number in numbers if isinstance(number, int)), 500), data)
            if place := event.get("footnote"):
                pieces.put(Reading(int(place["queue"]), int(place["read"]), int(place["total"])))
            if (timings := event.get("timings")) and int(timings["prompt_n"]) >= _TIMED:
                self._reading = float(timings["prompt_per_second"])  # llama-server tells with its last word
            choice: dict[str, Any] = next(iter(event.get("choices") or ()), {})
            if text := (choice.get("delta") or {}).get("content"):
                pieces.put(str(text))
            return choice.get("finish_reason") is not None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable(
                "models", f"What answers at {self._url} is no OpenAI-compatible server. Check LLM_URL."
            ) from error

    def _messages(self, prompt: Prompt) -> list[dict[str, str]]:
        messages = prompt.messages()
        if self._own:
            return messages
        return [{"role": message["role"], "content": defuse(message["content"])} for message in messages]

    def _refusal(self, status: int, body: str) -> FootnoteError:
        words = _words(body)
        if self._own and status in (413, 429):  # in our own words already
            return InvalidInput(f"{words}.") if status == 413 else Busy("models", f"{words}.")
        if status == 413 or (status == 400 and _TOO_LONG.search(words)):
            return InvalidInput(
                f"The question with its sources is too long for the language model ({words}). "
                "Start a new chat, ask a shorter question, or lower SOURCE_TOKENS."
            )
        if status in (429, 503):
            return Busy("models", f"The language model takes no more questions now ({words}). Try again in a minute.")
        if status in (401, 403):
            return Unavailable("models", f"The server at {self._url} refuses the key. Check LLM_API_KEY.")
        if status == 404:
            return Unavailable(
                "models", f"There is no model {self._model!r} at {self._url} ({words}). Check LLM_URL and LLM_MODEL."
            )
        return Unavailable("models", f"The language model's server answered with error {status} ({words}).")

    def _unreachable(self, error: httpx.TransportError) -> Unavailable:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            where = "The models process" if self._own else f"The language model's server at {self._url}"
            return Unavailable("models", f"{where} does not answer. Check that it runs, or try again in a moment.")
        if isinstance(error, httpx.ReadTimeout):
            return Unavailable("models", "The language model has been silent for too long. Try again later.")
        return Unavailable("models", "The connection to the language model broke off. Ask again.")


def _facts(model: dict[str, Any]) -> Facts:
    """In the words of our own server, vLLM and llama-server."""
    meta = model.get("meta") or {}
    window = model.get("context_length") or model.get("max_model_len") or meta.get("n_ctx") or meta.get("n_ctx_train")
    return Facts(int(window or 0), float(model.get("reading_tokens_per_second") or 0))


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The data of server-sent events. Lines end at line feeds only: JSON may hold U+2028 and its like as they are."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].decode("utf-8", "replace").strip(" \r")


def _words(body: str) -> str:
    """What a server says about an error, in whatever shape, cut to a line."""
    try:
        error = json.loads(body)
        error = error.get("error", error)
        text = error if isinstance(error, str) else str(error["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        text = body
    return " ".join(text.split())[:300].rstrip(".") or "no reason given"
