"""Readers of llama-index as sources: real ones, one of our own, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document

from ingest.llama_hub import Reader, reader_class
from ingest.patterns import Patterns
from ingest.sources import Entry, SourceError
from storage.errors import InvalidInput

HERE = "tests.ingest.test_llama_hub"


class Wiki(BaseReader):
    """Two pages of a wiki, or an error that holds the token."""

    def __init__(self, token: str) -> None:
        self.token = token

    def load_data(self, space: str = "", broken: bool = False) -> list[Document]:
        if broken:
            raise ValueError(f"401 for {self.token}")
        return [
            Document(text="30 days", metadata={"title": f"Leave\n# in {space}", "url": "https://wiki/1", "page": "p1"}),
            Document(text="# Pay\n\nOn the last day", metadata={"title": "Pay", "url": "https://wiki/1", "page": "p2"}),
            Document(text="  ", metadata={"title": "Empty", "page": "p3"}),
        ]


class NoReader:
    pass


def entries(path: str, options: dict[str, Any], *include: str) -> dict[str, Entry]:
    found = list(Reader(path, options, Patterns(include)).entries())
    assert all(isinstance(entry, Entry) for entry in found)
    return {entry.key: entry for entry in found if isinstance(entry, Entry)}


def content(entry: Entry) -> str:
    pieces: list[bytes] = []
    Reader(f"{HERE}.Wiki", {}, Patterns()).fetch(entry, pieces.append)
    return b"".join(pieces).decode()


@pytest.mark.parametrize(
    "path",
    [
        *("os.system", "subprocess.Popen", f"{HERE}.NoReader", "llama_index.core.readers.base.BaseReader"),
        *("Wiki", "no.such.Reader", "builtins.eval", "llama_index.core.Document", "a b.C", "x.y;z", ".a.B"),
    ],
)
def test_only_readers_are_loaded(path: str) -> None:
    with pytest.raises(InvalidInput):
        reader_class(path)


@pytest.mark.parametrize("options", [{"init": []}, {"load": 3}, {"other": {}}])
def test_arguments_have_a_form(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="Arguments"):
        Reader(f"{HERE}.Wiki", options, Patterns())


def test_documents_become_markdown_files_named_by_their_metadata() -> None:
    found = entries(f"{HERE}.Wiki", {"init": {"token": "t"}, "load": {"space": "HR"}})
    assert found.keys() == {"https://wiki/1", "https://wiki/1#2"}
    first, second = found["https://wiki/1"], found["https://wiki/1#2"]
    assert (first.name, second.name) == ("Leave # in HR.md", "Pay.md")
    assert content(first) == "# Leave # in HR\n\nhttps://wiki/1\n\n30 days"
    assert content(second) == "https://wiki/1\n\n# Pay\n\nOn the last day"
    by_page = entries(f"{HERE}.Wiki", {"init": {"token": "t"}, "key": "page"}, "p2")
    assert by_page.keys() == {"p2"}
    again = entries(f"{HERE}.Wiki", {"init": {"token": "t"}, "load": {"space": "Legal"}})
    assert again["https://wiki/1"].fingerprint != first.fingerprint
    assert again["https://wiki/1#2"].fingerprint == second.fingerprint


def test_what_a_reader_raises_is_told_without_its_arguments() -> None:
    with pytest.raises(SourceError, match="401") as caught:
        entries(f"{HERE}.Wiki", {"init": {"token": "hunter2"}, "load": {"broken": True}})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SourceError, match="token"):
        entries(f"{HERE}.Wiki", {})


def test_llama_indexs_own_readers(tmp_path: Path) -> None:
    texts = {"load": {"texts": ["I went to the store", "I bought an apple"]}}
    found = entries("llama_index.core.readers.string_iterable.StringIterableReader", texts)
    assert sorted(content(entry) for entry in found.values()) == ["I bought an apple", "I went to the store"]
    assert all(entry.name.endswith(".md") for entry in found.values())
    (tmp_path / "leave.txt").write_text("30 days")
    options = {"init": {"input_dir": str(tmp_path)}}
    one = entries("llama_index.core.readers.file.base.SimpleDirectoryReader", options)
    assert list(one) == [str(tmp_path / "leave.txt")]
    assert next(iter(one.values())).name == "leave.txt"
