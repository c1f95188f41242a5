"""How a model runs best on this machine: measured at its first load there, and kept in the data folder.

llama.cpp can rearrange a model's weights while it loads them. Whether that helps depends on the processor and on the
quantisation, and it costs memory and time at each start; so both ways are timed, and the one with which a typical
question (1,000 tokens to read, 150 to write) ends sooner is taken. The same measurement says how long steps of
different sizes take, which sets how many tokens a step is given.

Not covered: using what was measured (`pace`, `llm_engine`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from app.llama import Llama, Piece, physical_cores
from app.pace import Pace
from storage.errors import FootnoteError

log = logging.getLogger(__name__)

FILE = "tuning.json"
_COMPARED = (1, 16, 128)  # sizes of steps, in tokens, that are timed both ways
_FURTHER = (4, 64, 256, 512)  # and those of the better way that are timed too, while a step takes
_PATIENCE = 4.0  # seconds at most
_ROUNDS = 6  # the best of so many counts: others use the machine too
_SAMPLE = 4 * 2**20  # bytes of the file's beginning that tell models apart: its shape and its vocabulary
_PROBES, _PROBE = 16, 64 * 2**10  # and so many places in the weights
_TRYING = {"trying": True}
_TEXT = "Refunds are paid within fourteen days of the return, and staff may work from home on three days a week. "


@dataclass(frozen=True, slots=True)
class Tuning:
    """`repack`: let llama.cpp rearrange the weights. `other`: the pace of the way not taken, if it was tried."""

    repack: bool
    pace: Pace
    other: Pace | None = None

    def in_words(self) -> str:
        way = "weights repacked" if self.repack else "weights as they are in the file"
        said = (
            f"{way}: reads {self.pace.reading:.0f} and writes {self.pace.answering:.1f} tokens a second, "
            f"a typical question takes {self.pace.question():.0f} s"
        )
        return f"{said} ({self.other.question():.0f} s the other way)" if self.other else said


class Tunings:
    """What was measured, in one file of the data folder. `threads` and `gpu_layers` as in `Llama`."""

    def __init__(self, folder: Path, *, threads: int = 0, gpu_layers: int = 0) -> None:
        self._path = folder / FILE
        self._threads, self._gpu_layers = threads or physical_cores(), gpu_layers

    def known(self, model: Path) -> Tuning | None:
        """What was measured for this model on this machine with these settings; None where nothing was."""
        return _read(self._kept().get(self._key(model)))

    def measured(self, model: Path, *, repack: bool | None = None) -> Tuning:
        """What is known, or else measured now, within a minute for 8B on two cores. `repack` allows one way only.

        Raises what loading a model raises.
        """
        known = self.known(model)
        if known and (repack is None or repack == known.repack):
            return known
        key = self._key(model)
        ways = [False, True] if repack is None else [repack]
        if len(ways) > 1 and (self._kept().get(key) == _TRYING or not _fits_twice(model)):
            ways = [False]  # the process did not survive the other way, or would not
        self._keep(key, _TRYING if True in ways else {})
        tuning = self._measure(model, ways)
        log.info("%s: %s", model.name, tuning.in_words())
        self._keep(key, _written(tuning))
        return tuning

    def _measure(self, model: Path, ways: Sequence[bool]) -> Tuning:
        loaded: dict[bool, Llama] = {}
        try:
            for repack in ways:
                try:
                    loaded[repack] = self._load(model, repack)
                except FootnoteError:
                    if not loaded:
                        raise
                    log.warning("%s can't be loaded with its weights repacked", model.name, exc_info=True)
            return _compared(loaded)
        finally:
            for llama in loaded.values():
                llama.close()

    def _load(self, model: Path, repack: bool) -> Llama:
        return Llama(
            model,
            context=1024,
            sequences=1,
            gpu_layers=self._gpu_layers,
            threads=self._threads,
            batch=max(_FURTHER),
            repack=repack,
            abort=lambda: False,
        )

    def _key(self, model: Path) -> str:
        parts = [_fingerprint(model), processor(), _library_version(), str(self._threads), str(self._gpu_layers)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    def _kept(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def _keep(self, key: str, entry: dict[str, Any]) -> None:
        written = self._path.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps({**self._kept(), key: entry}, indent=1), "utf-8")
        written.replace(self._path)


def processor() -> str:
    """The processor's name and the instructions that it has."""
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    lines = re.findall(r"^(?:model name|flags|Features|CPU part)\s*:.*$", told, re.M)
    return "\n".join(dict.fromkeys(lines))


def _compared(loaded: dict[bool, Llama]) -> Tuning:
    """All ways in turn, so that what else the machine does meets each of them."""
    times: dict[bool, dict[int, float]] = {repack: {} for repack in loaded}
    for llama in loaded.values():
        _seconds(llama, 1)  # the first one reads the weights from the disk
    for tries in range(_ROUNDS):
        for repack, llama in loaded.items():
            for tokens in _COMPARED if tries < 2 else _COMPARED[:2]:
                times[repack][tokens] = min(_seconds(llama, tokens), times[repack].get(tokens, float("inf")))
    paces = {repack: Pace.of(found.items()) for repack, found in times.items()}
    best = min(paces, key=lambda repack: paces[repack].question())
    for tokens in _FURTHER:
        if Pace.of(times[best].items()).seconds(tokens) <= _PATIENCE:
            times[best][tokens] = min(_seconds(loaded[best], tokens) for _ in range(2))
    return Tuning(best, Pace.of(times[best].items()), paces.get(not best))


def _seconds(llama: Llama, tokens: int) -> float:
    words = llama.tokenize(_TEXT * (tokens // 8 + 1), control=False)[:tokens]
    started = time.perf_counter()
    llama.decode([Piece(0, 0, words, True)])
    seconds = time.perf_counter() - started
    llama.keep(0, 0)
    return seconds


def _fits_twice(model: Path) -> bool:
    """Whether the machine has memory for both ways at once."""
    try:
        free = re.search(r"^MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    except OSError:
        return True
    return free is None or int(free[1]) * 1024 > 2.2 * model.stat().st_size


def _fingerprint(model: Path) -> str:
    """Tells models apart without reading gigabytes: the size, the beginning, and places all over the weights."""
    size = model.stat().st_size
    found = hashlib.sha256(str(size).encode())
    with model.open("rb") as file:
        found.update(file.read(_SAMPLE))
        for number in range(_PROBES):
            file.seek(size * number // _PROBES)
            found.update(file.read(_PROBE))
    return found.hexdigest()


def _library_version() -> str:
    try:
        return version("llama-cpp-python")
    except PackageNotFoundError:
        return ""


def _written(tuning: Tuning) -> dict[str, Any]:
    written: dict[str, Any] = {"repack": tuning.repack, "seconds": dict(tuning.pace.points)}
    return {**written, "other": dict(tuning.other.points)} if tuning.other else written


def _read(entry: Any) -> Tuning | None:
    try:
        other = _pace(entry["other"]) if "other" in entry else None
        return Tuning(bool(entry["repack"]), _pace(entry["seconds"]), other)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None  # never measured to the end, or not by this version


def _pace(told: dict[str, float]) -> Pace:
    return Pace.of((int(tokens), float(seconds)) for tokens, seconds in told.items())
