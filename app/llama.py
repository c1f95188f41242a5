"""llama.cpp's interface as one class: load a GGUF file, turn text into tokens and back, decode, sample.

The only module that imports llama_cpp, and only when a `Llama` is made. One thread at a time may decode, sample and
change the memory; tokens and pieces may be asked for from any thread. Not covered: who decodes what and when
(`llm_engine`).
"""

from __future__ import annotations

import ctypes
import enum
import functools
import logging
import os
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.chat_template import LLAMA_3, ChatTemplate
from storage.errors import InvalidInput, Unavailable

log = logging.getLogger(__name__)

_ERROR = 4  # ggml's log level
_FRAMES = 256  # texts of templates whose control tokens are remembered


@dataclass(frozen=True, slots=True)
class Sampling:
    """`temperature` 0 always takes the likeliest token; `seed` None is a new one each time.

    `sources`: how many an answer may cite by a number in brackets; None: any number may stand there.
    """

    max_tokens: int = 1024
    temperature: float = 0.2
    top_p: float = 0.95
    seed: int | None = None
    sources: int | None = None


class Piece(NamedTuple):
    """Tokens of one sequence that a step evaluates, from `position` on; `sampled`: a token will be drawn after them."""

    sequence: int
    position: int
    tokens: list[int]
    sampled: bool


class State(NamedTuple):
    """What llama.cpp keeps of a sequence, copied out of its memory; `size` in bytes."""

    data: NDArray[np.uint8]
    size: int


class Result(enum.Enum):
    DONE = enum.auto()
    FULL = enum.auto()  # no room in the context; nothing has changed
    ABORTED = enum.auto()  # the pieces may be in the memory in part
    BROKEN = enum.auto()  # the same, and llama.cpp says that it can't


class Llama:
    """A model and one context whose memory `sequences` conversations share.

    Raises InvalidInput when the file is missing, damaged or holds no chat model, Unavailable without llama-cpp-python.
    """

    def __init__(
        self,
        path: Path,
        *,
        context: int,
        sequences: int,
        gpu_layers: int,
        threads: int,
        batch: int,
        repack: bool,
        abort: Callable[[], bool],
    ) -> None:
        _check_file(path)
        library = _library()
        self._api = api = library.api
        self._model: Any = None
        self._context: Any = None
        self._controls: dict[str, list[str]] = {}
        self._adapters: dict[str, Any] = {}
        self._adapted = ""
        self._rows = _Rows(batch)
        # ctypes keeps no reference of its own
        self._abort = api.ggml_abort_callback(lambda _: abort())
        try:
            self._load(path, gpu_layers, repack, library.complaints)
            self._open(context, sequences, threads or physical_cores(), batch, library.complaints)
            self.template = self._chat_template(path)
        except BaseException:
            self.close()
            raise

    def _load(self, path: Path, gpu_layers: int, repack: bool, complaints: deque[str]) -> None:
        params = self._api.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.use_extra_bufts = repack
        complaints.clear()
        self._model = self._api.llama_model_load_from_file(os.fsencode(path), params)
        if not self._model:
            raise InvalidInput(
                f"llama.cpp can't load {path}: {_last(complaints)} The file may be damaged or cut off: get it again."
            )
        self._vocabulary = self._api.llama_model_get_vocab(self._model)
        self.trained = int(self._api.llama_model_n_ctx_train(self._model))
        first = self._api.llama_vocab_bos(self._vocabulary)
        self.start = [first] if self._api.llama_vocab_get_add_bos(self._vocabulary) else []

    def _open(self, context: int, sequences: int, threads: int, batch: int, complaints: deque[str]) -> None:
        params = self._api.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = context, batch, batch
        params.n_seq_max, params.kv_unified = sequences, True
        params.n_threads = params.n_threads_batch = threads
        complaints.clear()
        self._context = self._api.llama_init_from_model(self._model, params)
        if not self._context:
            raise Unavailable(
                "models",
                f"llama.cpp can't make a context of {context} tokens: {_last(complaints)} "
                "Set a smaller context, or take a smaller model.",
            )
        self._memory = self._api.llama_get_memory(self._context)
        self.context = int(self._api.llama_n_ctx(self._context))
        self._api.llama_set_abort_callback(self._context, self._abort, None)

    def _chat_template(self, path: Path) -> ChatTemplate:
        source = self._api.llama_model_chat_template(self._model, None)
        if source is None:
            if len(self.tokenize("<|start_header_id|><|eot_id|>", control=True)) != 2:
                raise InvalidInput(
                    f"{path} holds no chat template, so nobody knows how it wants to be asked. "
                    "Use an instruct (chat) model in GGUF format that brings its template."
                )
            log.info("%s holds no chat template; its vocabulary is Llama 3's, so Llama 3's is used", path)
            source = LLAMA_3.encode()
        first, last = self._api.llama_vocab_bos(self._vocabulary), self._api.llama_vocab_eos(self._vocabulary)
        return ChatTemplate(
            source.decode("utf-8", "replace"), bos=self._control_text(first), eos=self._control_text(last)
        )

    def _control_text(self, token: int) -> str:
        return self.piece(token, control=True).decode("utf-8", "replace") if token >= 0 else ""

    def tokenize(self, text: str, *, control: bool) -> list[int]:
        """The tokens of `text`; unless `control`, what looks like a control token is read as plain characters."""
        data = text.encode("utf-8", "replace")
        size = len(data) + 8
        while True:
            tokens = (ctypes.c_int32 * size)()
            count = self._api.llama_tokenize(self._vocabulary, data, len(data), tokens, size, False, control)
            if count >= 0:
                return list(tokens[:count])
            size = -count

    def controls(self, text: str) -> list[str]:
        """The control tokens that stand in `text`, as they are written."""
        if text not in self._controls:
            tokens = set(self.tokenize(text, control=True)) - set(self.tokenize(text, control=False))
            if len(self._controls) > _FRAMES:
                self._controls.clear()
            self._controls[text] = [name for name in map(self._control_text, tokens) if name and name in text]
        return self._controls[text]

    def piece(self, token: int, *, control: bool = False) -> bytes:
        """The bytes that a token stands for: not always whole characters, and none for a control token."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = self._api.llama_token_to_piece(self._vocabulary, token, buffer, size, 0, control)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def ends(self, token: int) -> bool:
        return bool(self._api.llama_vocab_is_eog(self._vocabulary, token))

    def decode(self, pieces: Sequence[Piece]) -> Result:
        """Evaluate the pieces, in all no more tokens than a batch, in one step. Unless DONE, `keep` what was before."""
        code = self._api.llama_decode(self._context, self._rows.fill(pieces, self._api))
        if code == 0:
            self._api.llama_synchronize(self._context)
            return Result.DONE
        return {1: Result.FULL, 2: Result.ABORTED}.get(code, Result.BROKEN)

    def load_adapter(self, name: str, path: Path) -> None:
        """A LoRA adapter, to be used by `adapt`. Raises InvalidInput when it is none for this model."""
        adapter = self._api.llama_adapter_lora_init(self._model, os.fsencode(path))
        if not adapter:
            raise InvalidInput(f"llama.cpp can't load the adapter {path}: it is damaged, or made for another model.")
        self._adapters[name] = adapter  # it goes with the model

    def adapt(self, name: str) -> None:
        """Evaluate with this adapter from the next step on; "" with none."""
        if name == self._adapted:
            return
        chosen = [self._adapters[name]] if name else []
        handles = (self._api.llama_adapter_lora_p_ctypes * len(chosen))(*chosen)
        scales = (ctypes.c_float * len(chosen))(*(1.0 for _ in chosen))
        if self._api.llama_set_adapters_lora(self._context, handles, len(chosen), scales) != 0:
            raise RuntimeError(f"llama.cpp can't use the adapter {name}")
        self._adapted = name

    def sampler(self, sampling: Sampling) -> Any:
        """Draws the tokens of one answer; give it back with `free`."""
        api = self._api
        chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        if sampling.temperature <= 0:
            api.llama_sampler_chain_add(chain, api.llama_sampler_init_greedy())
            return chain
        seed = random.getrandbits(32) if sampling.seed is None else sampling.seed & 0xFFFFFFFF
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_top_k(40))  # else all 128,000 would be sorted
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_top_p(sampling.top_p, 1))
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_temp(sampling.temperature))
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_dist(seed))
        return chain

    def sample(self, sampler: Any, row: int) -> int:
        """The next token after row `row` of the last step, which must be the end of a sampled piece."""
        return int(self._api.llama_sampler_sample(sampler, self._context, row))

    def scores(self, row: int) -> NDArray[np.float32]:
        """The logits that `sample` draws from, good until the next step."""
        logits = self._api.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(logits, (self._api.llama_vocab_n_tokens(self._vocabulary),))

    def free(self, sampler: Any) -> None:
        self._api.llama_sampler_free(sampler)

    def keep(self, sequence: int, count: int) -> bool:
        """Forget what a sequence holds after its first `count` tokens; False where this memory can't be cut there."""
        return bool(self._api.llama_memory_seq_rm(self._memory, sequence, count or -1, -1))

    def share(self, source: int, target: int, count: int) -> None:
        """Let `target`, which is empty, begin with the first `count` tokens of `source`. Costs no memory."""
        self._api.llama_memory_seq_cp(self._memory, source, target, 0, count)

    def save(self, sequence: int) -> State | None:
        """A copy of all that a sequence holds; None where this memory can't be copied."""
        size = int(self._api.llama_state_seq_get_size(self._context, sequence))
        data = np.empty(size, np.uint8)
        written = self._api.llama_state_seq_get_data(self._context, _bytes(data), size, sequence)
        return State(data[:written], int(written)) if written else None

    def restore(self, sequence: int, state: State) -> bool:
        """Put what was saved into a sequence, which is empty; False when there is no room for it."""
        return bool(self._api.llama_state_seq_set_data(self._context, _bytes(state.data), state.size, sequence))

    def close(self) -> None:
        """Give the memory back. May be called twice."""
        if self._context:
            self._api.llama_free(self._context)
        if self._model:
            self._api.llama_model_free(self._model)
        self._context = self._model = None


def _bytes(data: NDArray[np.uint8]) -> Any:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


class _Rows:
    """The arrays of a llama_batch, a row for each token, filled through numpy."""

    def __init__(self, size: int) -> None:
        self._token = np.zeros(size, np.int32)
        self._position = np.zeros(size, np.int32)
        self._sequence = np.zeros(size, np.int32)
        self._sampled = np.zeros(size, np.int8)
        self._one = np.ones(size, np.int32)  # each token belongs to one sequence
        steps = np.arange(size, dtype=np.uint64) * np.uint64(self._sequence.itemsize)
        self._addresses = np.uint64(self._sequence.ctypes.data) + steps

    def fill(self, pieces: Sequence[Piece], api: Any) -> Any:
        """A llama_batch over these arrays: good until the next call."""
        at = 0
        for piece in pieces:
            end = at + len(piece.tokens)
            self._token[at:end] = piece.tokens
            self._position[at:end] = np.arange(piece.position, piece.position + len(piece.tokens))
            self._sequence[at:end] = piece.sequence
            self._sampled[at:end] = 0
            self._sampled[end - 1] = piece.sampled
            at = end
        integers = ctypes.POINTER(ctypes.c_int32)
        return api.llama_batch(
            n_tokens=at,
            token=self._token.ctypes.data_as(integers),
            pos=self._position.ctypes.data_as(integers),
            n_seq_id=self._one.ctypes.data_as(integers),
            seq_id=self._addresses.ctypes.data_as(ctypes.POINTER(integers)),
            logits=self._sampled.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )


class _Library(NamedTuple):
    api: Any
    listener: Any  # llama.cpp calls it, so it must live as long as the process
    complaints: deque[str]


@functools.cache
def _library() -> _Library:
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise Unavailable(
            "models",
            "llama-cpp-python is not installed, so no model file can be loaded. "
            f"Install it with: pip install 'footnote[llama]' (it needs a C++ compiler). ({error})",
        ) from error
    complaints: deque[str] = deque(maxlen=5)

    def listen(level: int, text: bytes, _: object) -> None:
        line = text.decode("utf-8", "replace").strip()
        if level == _ERROR and line:
            complaints.append(line)
            log.info("llama.cpp: %s", line)  # an aborted step is told as an error too

    listener = llama_cpp.llama_log_callback(listen)
    llama_cpp.llama_log_set(listener, None)
    llama_cpp.llama_backend_init()
    return _Library(llama_cpp, listener, complaints)


def _check_file(path: Path) -> None:
    """Name the two usual mistakes before llama.cpp, whose own words are hard to read."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise InvalidInput(
            f"The model file {path} can't be read ({error.strerror}). "
            "Correct LLM_MODEL, or get a model with: footnote models pull llama-3-8b-instruct"
        ) from error
    if magic != b"GGUF":
        raise InvalidInput(f"{path} is no GGUF file. llama.cpp takes only this format: get the model's GGUF version.")


def _last(complaints: deque[str]) -> str:
    return f"{complaints[-1]}." if complaints else "it does not say why."


def physical_cores() -> int:
    """Physical cores that this process may use: llama.cpp gains nothing from two threads on one of them."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    usable = os.sched_getaffinity(0)
    siblings = (Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") for cpu in usable)
    return len({file.read_text() if file.exists() else file.as_posix() for file in siblings})
