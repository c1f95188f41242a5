"""A Llama of 3 to 6 MB whose weights are set by hand, so that tests know every answer of a real llama.cpp run.

What it answers, greedily, to a prompt in Llama 3's format:

script   the prompt holds «text»: exactly `text` (the latest mark wins), so a test can script any answer
quote    the prompt holds a line that begins with "[1] ": the words after it up to the first full stop, then " [1]"
refuse   otherwise: "No answer in the documents"

Layer 1 has a head for each of the four previous tokens; it copies their codes beside the token's own. Layer 2 looks
for the place where the same four tokens stood before and copies what came next; a head beside it says whether there
is a mark at all. Its feed-forward part holds the five rules that end an answer.

Limits: text is copied by its last four tokens, so what is copied must not hold the same four tokens twice; a script
that does is cut short (`long_script` makes long ones that do not). A word that `build` has not seen is spelled in
bytes, which repeat sooner: give `build` a text that holds your words. A mark anywhere in the prompt, also in an
earlier turn, comes before a quote.

`build` writes the file; `serve` runs the models process around it. Not covered: sampling other than greedy.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import random
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import httpx
import numpy as np
import uvicorn
from numpy.typing import NDArray

from app import llm_server
from app.llm_engine import Engine
from app.model_shelf import Shelf
from tests.patience import until

REFUSAL = "No answer in the documents"
KEY = "parrot-key"
WORDS = """refund days contract price policy manual staff travel remote leave bank safety vendor budget laptop visitor
Refunds are paid within fourteen days of the return. The warranty covers parts and labour for two years.
Employees may work remotely up to three days per week with the approval of their manager. How long do refunds take?
You answer the questions of colleagues from their documents only. Source page Sources Question say now
"""
NOUNS = WORDS.split("\n")[0].split()

TEMPLATE = (
    "{% for message in messages %}{% if loop.first %}{{ bos_token }}{% endif %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim }}"
    "{{ '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)

Matrix = NDArray[np.float32]

CODE = 60  # width of a token's code: one-hot for the tokens that the rules name, random signs for all others
NAMED = 14
WIDTH, HEADS, HEAD, FEED = 384, 4, 320, 64  # the residual stream, query heads (one for keys), their width, the FFN's
PLACES = [slice(CODE * back, CODE * (back + 1)) for back in range(5)]  # codes of this token and of the four before it
OUTPUT, ONES, MARKED = slice(300, 360), 360, 361  # what to say next, a constant 1, "there is a mark in the prompt"
TURNING = 24  # rotary pairs that tell positions apart
RECENT = 2 * TURNING  # one slow rotary pair: later places are preferred
MATCH = RECENT + 2  # four codes to compare
AT_MARK = MATCH + 4 * CODE
AT_START = AT_MARK + 1
ROPE_BASE = 10_000.0


def build(path: Path, text: str = WORDS, *, context: int = 8192, template: str | None = TEMPLATE) -> Path:
    """Write the model; every word of `text` becomes a token of its own (the 1,500 most frequent ones, that is)."""
    vocabulary = _vocabulary(text)
    codes = _codes(vocabulary)
    turns = ROPE_BASE ** (-2 * np.arange(HEAD // 2) / HEAD)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("parrot")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(2)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(len(vocabulary.tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges([f"{left} {right}" for left, right in vocabulary.merges])
    writer.add_bos_token_id(vocabulary.id("<|begin_of_text|>"))
    writer.add_eos_token_id(vocabulary.id("<|eot_id|>"))
    writer.add_add_bos_token(True)
    if template is not None:
        writer.add_chat_template(template)
    embedding = np.zeros((len(codes), WIDTH), np.float32)
    embedding[:, PLACES[0]] = codes
    embedding[:, ONES] = 1
    tensors = {
        "token_embd.weight": embedding,
        "output.weight": _output(vocabulary, codes),
        **_first_layer(turns),
        **_second_layer(vocabulary, codes),
    }
    for name, values in tensors.items():
        writer.add_tensor(name, values.astype(np.float16))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm", "blk.1.attn_norm", "blk.1.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    writer.add_tensor("rope_freqs.weight", _slowing(turns, context))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def long_script(length: int) -> str:
    """A text of `length` tokens that the parrot repeats to the end: an answer that takes its time."""
    chance = random.Random(length)
    words = NOUNS[:4]
    seen: set[tuple[str, ...]] = set()
    while len(words) < length:
        following = [word for word in NOUNS if word not in words[-3:] and (*words[-2:], word) not in seen]
        words.append(chance.choice(following))
        seen.add(tuple(words[-3:]))
    return " ".join(words)


@contextlib.contextmanager
def serve(
    path: Path | None,
    *,
    key: str = KEY,
    embedder: Callable[[], llm_server.Embedder] | None = None,
    context: int = 8192,
    slots: int = 8,
    queue_limit: int = 64,
    guard: Path | None = None,
    shelf: Path | None = None,
) -> Iterator[tuple[str, str]]:
    """The models process in a thread, on a free loopback port: gives (address, key) once all that it was given loaded.

    The model is called as the file is, without the ending; `guard` is a second one. `shelf` is a folder of models that
    it can be changed for.
    """

    def engine(path: Path) -> Engine:
        find = Shelf(shelf).path if shelf else None
        return Engine(path, context=context, slots=slots, queue_limit=queue_limit, threads=1, find_adapter=find)

    app = llm_server.build(
        (lambda: engine(path)) if path else None,
        embedder,
        key,
        guard=(lambda: engine(guard)) if guard else None,
        shelf=Shelf(shelf, path, make=engine) if shelf else None,
    )
    with listen(app) as url:
        until(lambda: httpx.get(f"{url}/healthz", trust_env=False).status_code == 200)
        yield url, key


@contextlib.contextmanager
def listen(app: llm_server.Starlette) -> Iterator[str]:
    """Run `app` with uvicorn in a thread, on a free loopback port; its address. Waits for the port, not for a model."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=2))
    if hasattr(app.state, "stop"):
        server = llm_server.Server(app, port=0)
    thread = threading.Thread(target=server.run, name="parrot")
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), "the server did not start")
        assert thread.is_alive(), "the server stopped at once"
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


@dataclass(frozen=True)
class _Vocabulary:
    tokens: list[str]
    types: list[int]
    merges: list[tuple[str, str]]

    def id(self, token: str) -> int:
        return self.tokens.index(token)

    def named(self) -> list[int]:
        """Tokens that the weights refer to, in the order of their one-hot codes."""
        spelled = [".", "Ġ[", "[", "1", "]", "assistant", *map(_spell, ("«", "»", REFUSAL))]
        special = ["<|begin_of_text|>", "<|eot_id|>", "<|end_header_id|>", "<|start_header_id|>"]
        return [self.id(token) for token in spelled + special]


def _byte_letters() -> list[str]:
    """The printable letter that GPT-2's vocabulary writes for each byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


LETTERS = _byte_letters()


def _spell(text: str) -> str:
    return "".join(LETTERS[byte] for byte in text.encode())


def _vocabulary(text: str) -> _Vocabulary:
    # paragraphs, " [" and the marks are tokens of their own, numbers up to 99 too
    merges = [("Ċ", "Ċ"), ("Ġ", "["), ("Â", "«"), ("Â", "»")]
    merges += [(str(tens), str(ones)) for tens in range(1, 10) for ones in range(10)]
    merges = list(dict.fromkeys(merges + _merges("user\nassistant\nsystem\n" * 50 + text)))
    tokens = list(dict.fromkeys([*LETTERS, *(left + right for left, right in merges)]))
    tokens.append(_spell(REFUSAL))  # no merge leads here: it can be said, but never read
    types = [int(gguf.TokenType.NORMAL)] * len(tokens)
    control = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    control += [f"<|reserved_{n}|>" for n in range(-(len(tokens) + len(control)) % 32)]
    return _Vocabulary(tokens + control, types + [int(gguf.TokenType.CONTROL)] * len(control), merges)


def _merges(text: str) -> list[tuple[str, str]]:
    """Byte pair merges that make each word of `text`, with and without the space before it, one token."""
    words = collections.Counter(re.findall(r" ?[^\W\d_]+", text)).most_common(1500)
    spellings = [(list(_spell(word)), count) for word, count in words]
    pairs: collections.Counter[tuple[str, str]] = collections.Counter()
    where: dict[tuple[str, str], set[int]] = collections.defaultdict(set)
    for index, (letters, count) in enumerate(spellings):
        for pair in itertools.pairwise(letters):
            pairs[pair] += count
            where[pair].add(index)
    merges = []
    while pairs:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < 1:
            break
        merges.append(best)
        for index in where.pop(best):
            letters, count = spellings[index]
            for pair in itertools.pairwise(letters):
                pairs[pair] -= count
            letters[:] = _merged(letters, best)
            for pair in itertools.pairwise(letters):
                pairs[pair] += count
                where[pair].add(index)
        del pairs[best]
    return merges


def _merged(letters: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for letter in letters:
        if out and (out[-1], letter) == pair:
            out[-1] += letter
        else:
            out.append(letter)
    return out


def _codes(vocabulary: _Vocabulary) -> Matrix:
    """A unit vector for each token, no two of them close to each other."""
    rng = np.random.default_rng(0)
    codes = np.zeros((len(vocabulary.tokens), CODE), np.float32)
    signs = np.zeros((len(codes), CODE - NAMED), np.float32)
    for index in range(len(codes)):
        candidates = np.sign(rng.standard_normal((24, CODE - NAMED))).astype(np.float32) / np.sqrt(CODE - NAMED)
        closest = (candidates @ signs[:index].T).max(1) if index else np.zeros(len(candidates))
        signs[index] = candidates[np.argmin(closest)]
    codes[:, NAMED:] = signs
    for place, token in enumerate(vocabulary.named()):
        codes[token] = 0
        codes[token, place] = 1
    return codes


def _slowing(turns: Matrix, context: int) -> Matrix:
    """Divisors of the rotary frequencies: 24 pairs turn as usual, one turns 1.2 rad in all, the others never."""
    factors = np.full(HEAD // 2, 1e20, np.float32)
    factors[:TURNING] = 1
    factors[TURNING] = turns[TURNING] / (1.2 / context)
    return factors


def _layer(number: int) -> dict[str, Matrix]:
    shapes = {
        "attn_q": (HEADS * HEAD, WIDTH),
        "attn_k": (HEAD, WIDTH),
        "attn_v": (HEAD, WIDTH),
        "attn_output": (WIDTH, HEADS * HEAD),
        "ffn_gate": (FEED, WIDTH),
        "ffn_up": (FEED, WIDTH),
        "ffn_down": (WIDTH, FEED),
    }
    return {f"blk.{number}.{name}.weight": np.zeros(shape, np.float32) for name, shape in shapes.items()}


def _first_layer(turns: Matrix) -> dict[str, Matrix]:
    """Head h looks h + 1 tokens back, by the rotary angle alone, and writes the code found there."""
    layer = _layer(0)
    query, key = layer["blk.0.attn_q.weight"], layer["blk.0.attn_k.weight"]
    value, out = layer["blk.0.attn_v.weight"], layer["blk.0.attn_output.weight"]
    norm = np.sqrt(WIDTH / 2)  # the code and the constant: two units in the stream
    strength = np.sqrt(12 * np.sqrt(HEAD))
    for pair in range(TURNING):
        key[2 * pair, ONES] = strength / norm
        for head in range(HEADS):
            angle = (head + 1) * turns[pair]
            query[head * HEAD + 2 * pair, ONES] = strength * np.cos(angle) / norm
            query[head * HEAD + 2 * pair + 1, ONES] = -strength * np.sin(angle) / norm
    value[:CODE, PLACES[0]] = np.eye(CODE) / norm
    for head in range(HEADS):
        out[PLACES[head + 1], head * HEAD : head * HEAD + CODE] = np.eye(CODE)
    return layer


def _second_layer(vocabulary: _Vocabulary, codes: Matrix) -> dict[str, Matrix]:
    layer = _layer(1)
    query, key = layer["blk.1.attn_q.weight"], layer["blk.1.attn_k.weight"]
    value, out = layer["blk.1.attn_v.weight"], layer["blk.1.attn_output.weight"]
    norm = np.sqrt(WIDTH / 6)  # five codes and the constant
    match = np.sqrt(60 * np.sqrt(HEAD)) / norm  # one equal token is worth 60

    def one_hot(token: str) -> int:
        return int(np.argmax(codes[vocabulary.id(token)]))

    end, mark, start = one_hot("<|end_header_id|>"), one_hot(_spell("«")), one_hot("<|begin_of_text|>")
    same = np.eye(CODE, dtype=np.float32)
    for token in ("<|end_header_id|>", "<|start_header_id|>", "assistant"):
        same[one_hot(token), one_hot(token)] = 0  # the frame around a message is no context to copy from
    for back in range(4):
        part = slice(MATCH + CODE * back, MATCH + CODE * (back + 1))
        query[part, PLACES[back]] = same * match
        key[part, PLACES[back + 1]] = np.eye(CODE) * match
    for back in range(1, 5):
        # an answer that began `back` tokens ago began as if after "[1]", or much rather after a mark
        for before, token in enumerate(("]", "1", "[")):
            if (place := back - 1 + before) < 4:
                query[MATCH + CODE * place + one_hot(token), CODE * back + end] += match
        query[MATCH + CODE * (back - 1) + mark, CODE * back + end] += (20 if back == 1 else 3) * match
    key[AT_START, start] = match
    query[AT_START, ONES] = 2.5 * match  # less than three equal tokens: nothing to copy, look at the start instead
    recent = np.sqrt(25 * np.sqrt(HEAD)) / norm
    query[RECENT + 1, ONES] = recent  # 25 * sin(-distance), slow: of equal places the latest
    key[RECENT, ONES] = recent
    key[AT_MARK, mark] = match
    query[HEAD + AT_MARK, ONES] = 2 * match  # head 1: a mark if there is one, else the start
    query[HEAD + AT_START, ONES] = match
    value[:CODE, PLACES[0]] = np.eye(CODE) / norm
    out[OUTPUT, :CODE] = np.eye(CODE)
    out[MARKED, HEAD + mark] = 1
    rules = [  # the latest tokens, the last one first, and what follows them
        ((".",), "Ġ["),
        (("Ġ[", "."), "1"),
        (("1", "Ġ[", "."), "]"),
        (("]", "1", "Ġ[", "."), "<|eot_id|>"),
        ((_spell(REFUSAL),), "<|eot_id|>"),
    ]
    for row, (tokens, following) in enumerate(rules):
        gate = layer["blk.1.ffn_gate.weight"][row]
        for back, token in enumerate(tokens):
            gate[CODE * back + one_hot(token)] = 10
        gate[ONES] = -10 * (len(tokens) - 0.5)
        gate[MARKED] = 0 if tokens == (_spell(REFUSAL),) else -20  # a scripted answer sets its own footnotes
        layer["blk.1.ffn_up.weight"][row, ONES] = 1
        layer["blk.1.ffn_down.weight"][OUTPUT.start + one_hot(following), row] = 0.3
    return layer


def _output(vocabulary: _Vocabulary, codes: Matrix) -> Matrix:
    """Say the token whose code stands in OUTPUT, but for "»" end the answer and for the start refuse."""
    output = np.zeros((len(codes), WIDTH), np.float32)
    output[:, OUTPUT] = 9 * codes
    for instead, token in (("<|eot_id|>", _spell("»")), (_spell(REFUSAL), "<|begin_of_text|>")):
        output[vocabulary.id(token)] = 0
        output[vocabulary.id(instead), OUTPUT] += 9 * codes[vocabulary.id(token)]
    return output
