"""The modes with a language model on the whole path: prompts over HTTP into llama.cpp, and footnotes out of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.llm import OpenAIChat
from storage.types import MessageState
from tests import parrot
from tests.app.test_assistant import ask, check, table
from tests.shelf import Shelf

STAFF = "Visitors sign in at the gate. They wear a badge."
TRAVEL = "Refunds are paid within fourteen days of the return. The warranty covers parts and labour for two years."


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAIChat]:
    text = f"{parrot.WORDS} {STAFF} {TRAVEL} Rules Contract supplier warranty"
    path = parrot.build(tmp_path_factory.mktemp("model") / "parrot.gguf", text)
    with parrot.serve(path) as (url, key):
        yield OpenAIChat(f"{url}/v1", key, "parrot", own=True)


def test_each_part_of_a_summary_cites_its_own_page(shelf: Shelf, llama: OpenAIChat) -> None:
    shelf.add("Rules", [STAFF, TRAVEL])
    _, ended = ask(shelf, "Summarise the rules", llama, source_tokens=20)
    check(ended)
    assert (ended.state, ended.model) == (MessageState.DONE, "parrot")
    assert {citation.page: citation.text for citation in ended.citations} == {
        1: "Visitors sign in at the gate.",
        2: "Refunds are paid within fourteen days of the return.",
    }


def test_a_cell_of_a_comparison_has_its_footnote_whatever_the_model_writes(shelf: Shelf, llama: OpenAIChat) -> None:
    shelf.add("Gate rules", STAFF)
    shelf.add("Return rules", TRAVEL)
    _, ended = ask(shelf, "Compare the gate rules and the return rules on rules", llama)
    assert [row[1].rstrip(".") for row in table(ended)[1:]] == [
        "Visitors sign in at the gate",
        "Refunds are paid within fourteen days of the return",
    ]
    assert [citation.title for citation in ended.citations] == ["Gate rules", "Return rules"]


def test_a_model_that_answers_in_no_lines_changes_no_field(shelf: Shelf, llama: OpenAIChat) -> None:
    shelf.add("Contract", TRAVEL)
    _, ended = ask(shelf, "Extract warranty period from all contracts", llama)
    assert table(ended)[1] == ["Contract", "two years"]


def test_a_draft_is_the_model_s_text(shelf: Shelf, llama: OpenAIChat) -> None:
    shelf.add("Return rules", TRAVEL)
    script = "Refunds take fourteen days [1]. Vendor policy."  # no four tokens of it stand anywhere else
    _, ended = ask(shelf, f"Draft an e-mail about refunds of the return, say «{script}» now", llama)
    check(ended)
    assert ended.text.strip() == "Refunds take fourteen days [1]. Vendor policy."
