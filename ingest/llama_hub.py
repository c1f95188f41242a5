"""LlamaHub's readers as sources: any class that derives from llama-index's BaseReader, by its path.

Each Document that the reader returns becomes a Markdown file under the name that its metadata give it. The class is
imported and run in the worker, with the worker's rights: whoever names it must be allowed to.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ingest.patterns import Patterns
from ingest.sources import Entry, Unread, guarded
from storage.errors import InvalidInput

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")
_KEYS = ("file_path", "url", "source", "file_name", "title")
_TITLES = ("title", "file_name")
_TEXT = (".md", ".txt", ".html", ".htm")


def reader_class(path: str) -> type:
    """Raises InvalidInput for anything that is not a reader of llama-index."""
    from llama_index.core.readers.base import BaseReader

    if not _PATH.match(path):
        raise InvalidInput(
            "Give the reader's class with its module, as in llama_index.readers.notion.NotionPageReader."
        )
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        package = module.replace("_", "-").replace(".", "-")
        raise InvalidInput(f"{module} is not installed ({error}). Perhaps: pip install {package}.") from error
    if not inspect.isclass(found) or not issubclass(found, BaseReader) or found is BaseReader:
        raise InvalidInput(f"{path} is no reader of llama-index (a class that derives from BaseReader).")
    return found


class Reader:
    """`options`: `init` has the arguments of the class, `load` those of load_data, and `key` names the metadata field
    that tells a document from all others; without it these are tried: file_path, url, source, file_name, title."""

    def __init__(self, path: str, options: Mapping[str, Any], patterns: Patterns) -> None:
        unknown = sorted(set(options) - {"init", "load", "key"})
        parts = [options.get("init", {}), options.get("load", {})]
        if unknown or not all(isinstance(part, dict) for part in parts):
            raise InvalidInput('Arguments are JSON like {"init": {...}, "load": {...}, "key": "page_id"}.')
        self._class, self._path, self._options, self._patterns = reader_class(path), path, options, patterns
        self._init, self._load = parts
        self._field = str(options.get("key", ""))

    def entries(self) -> Iterator[Entry | Unread]:
        with guarded(self._options, self._path):
            documents = list(self._class(**self._init).load_data(**self._load))
        taken: Counter[str] = Counter()
        for document in documents:
            metadata, text = dict(document.metadata), str(document.text or "")
            if not text.strip():
                continue
            key = self._key(metadata, text)
            taken[key] += 1
            key = key if taken[key] == 1 else f"{key}#{taken[key]}"
            if self._patterns.take(key):
                content = _markdown(metadata, text).encode("utf-8", "replace")
                mark = f"sha256={hashlib.sha256(content).hexdigest()}"
                yield Entry(key, _name(metadata, key), mark, len(content), content)

    def fetch(self, entry: Entry, write: Callable[[bytes], None]) -> None:
        write(entry.handle)

    def _key(self, metadata: Mapping[str, Any], text: str) -> str:
        for name in (self._field,) if self._field else _KEYS:
            if value := _line(metadata.get(name)):
                return value
        return f"text {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"


def _markdown(metadata: Mapping[str, Any], text: str) -> str:
    title = _line(metadata.get("title"))
    head = [] if not title or text.lstrip().startswith("#") else [f"# {title}"]
    if url := _line(metadata.get("url")):
        head.append(url)
    return "\n\n".join([*head, text])


def _name(metadata: Mapping[str, Any], key: str) -> str:
    title = next((words for name in _TITLES if (words := _line(metadata.get(name)))), "")
    name = (title or PurePosixPath(key.rstrip("/")).name or "document").replace("/", "-")
    return name if name.lower().endswith(_TEXT) else f"{name}.md"


def _line(value: Any) -> str:
    return " ".join(str(value).split())[:500] if value is not None else ""
