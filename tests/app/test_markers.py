"""Numbers in brackets are held to the sources: token by token, and by a real engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from app.llm import OpenAIChat
from app.markers import Markers
from storage.types import MessageState
from tests import parrot
from tests.app.test_assistant import ask, check
from tests.shelf import Shelf


class Words:
    """A vocabulary of a few pieces; those named first are likelier."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces

    def piece(self, token: int) -> bytes:
        return self.pieces[token].encode()

    def scores(self, row: int) -> NDArray[np.float32]:
        return -np.arange(len(self.pieces), dtype=np.float32)


VOCABULARY = Words(
    "free",
    " [",
    "[",
    "7",
    "19",
    "2",
    "1",
    "]",
    ",",
    "[7]",
    " [7",
    "[1]",
    " [2",
    "```",
    "`",
    "\n",
    " ",
    "0",
    "Name",
    "9",
    "–",
)


def written(sources: int, *drawn: str) -> str:
    markers = Markers(sources)
    return "".join(VOCABULARY.pieces[markers.next(VOCABULARY.pieces.index(one), VOCABULARY, 0)] for one in drawn)


@pytest.mark.parametrize(
    ("sources", "drawn", "said"),
    [
        (6, ["[", "2", "]"], "[2]"),
        (6, ["[", "7", "]"], "[2]"),  # the likeliest number that there is
        (12, ["[", "1", "9", "]"], "[12]"),  # as "1" has begun
        (6, ["[", "1", "9"], "[1]"),
        (6, ["[7]"], "[1]"),
        (6, [" [7", "]"], " [2]"),
        (6, ["[", "0", "]"], "[2]"),
        (6, ["[", "1", ",", "7", "]"], "[1,2]"),
        (6, ["[", "2", ",", " ", "19", "]"], "[2, 1]"),
        (6, ["[", "Name", "]", "7"], "[Name]7"),
        (6, ["7", "19", " ", "7"], "719 7"),
        (6, ["```", "\n", "[", "7", "]", "\n", "```", "\n", "[", "7", "]"], "```\n[7]\n```\n[2]"),
        (6, ["`", "[", "7", "]", "`", "[", "7", "]"], "`[7]`[2]"),
        (6, ["`", "\n", "[", "7", "]"], "`\n[2]"),
    ],
)
def test_a_number_names_a_source(sources: int, drawn: Sequence[str], said: str) -> None:
    assert written(sources, *drawn) == said


def test_without_a_source_to_name_the_token_stands_as_drawn() -> None:
    assert written(0, "[", "7", "]") == "[7]"


STAFF = "Visitors sign in at the gate. They wear a badge."
TRAVEL = "Refunds are paid within fourteen days of the return. The warranty covers parts and labour for two years."


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    path = parrot.build(
        tmp_path_factory.mktemp("model") / "parrot.gguf", f"{parrot.WORDS} {STAFF} {TRAVEL} Vendor policy"
    )
    with parrot.serve(path) as (url, key):
        yield f"{url}/v1", key


def test_a_real_engine_writes_no_number_of_a_source_that_there_is_not(shelf: Shelf, llama: tuple[str, str]) -> None:
    url, key = llama
    shelf.add("Return rules", TRAVEL)
    said: list[str] = []

    class Heard(OpenAIChat):
        def stream(self, prompt, cancel):  # type: ignore[no-untyped-def]
            for piece in super().stream(prompt, cancel):
                said.append(str(piece) if isinstance(piece, str) else "")
                yield piece

    script = "Refunds take fourteen days [7]."
    question = f"Draft an e-mail about refunds of the return, say «{script}» now"
    _, ended = ask(shelf, question, Heard(url, key, "parrot", own=True))
    check(ended)
    assert "Refunds take fourteen days [1]" in "".join(said)
    assert ended.state is MessageState.DONE
    assert len(ended.citations) == 1
