"""The LoRA adapters of one model in memory, each loaded when the first answer wants it.

They stay until the model goes. A file that was replaced counts as another adapter, so nothing that the old one has read
is reused. Not covered: whether a file is an adapter for a model (`adapters`), llama.cpp's interface (`llama`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from pathlib import Path

from app.adapters import check_adapter
from app.llama import Llama
from storage.errors import FootnoteError

log = logging.getLogger(__name__)

Find = Callable[[str], Path]
"""The file of an adapter by its name; raises NotFound."""


class Loras:
    def __init__(self, llama: Llama, model: Path, find: Find | None) -> None:
        self._llama, self._model, self._find = llama, model, find
        self._paths: dict[str, Path] = {}
        self._loaded = {""}
        self._broken: set[str] = set()
        self._last = ""  # of those that took turns

    def usable(self, file: str) -> str:
        """The adapter as it lies there now, to be named to `use`; "" where there is none for this model.

        From any thread: it reads the header only.
        """
        if not file or self._find is None:
            return ""
        try:
            path = self._find(file)
            check_adapter(path, self._model)
            status = path.stat()
        except (FootnoteError, OSError) as error:
            log.warning("the adapter %s is not used: %s", file, error)
            return ""
        name = f"{file} {status.st_mtime_ns} {status.st_size}"
        self._paths[name] = path
        return "" if name in self._broken else name

    def take_turn(self, names: Collection[str]) -> str:
        """Use one of these, another one each time, and say which. On the engine's thread alone."""
        ordered = sorted(names)
        self._last = next((name for name in ordered if name > self._last), ordered[0])
        self.use(self._last)
        return self._last

    def use(self, name: str) -> None:
        """Evaluate with it from the next step on; "" with none. On the engine's thread alone."""
        if name not in self._loaded and name not in self._broken:
            try:
                self._llama.load_adapter(name, self._paths[name])
                self._loaded.add(name)
            except FootnoteError as error:
                self._broken.add(name)
                log.warning("the model answers alone: %s", error)
        self._llama.adapt(name if name in self._loaded else "")
