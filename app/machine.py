"""This machine as a language model sees it, and how long a typical question would take on it.

Estimates come from cores and memory bandwidth alone and are said to be estimates. Not covered: measuring a model.
"""

from __future__ import annotations

import os
import platform
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.llama import physical_cores

if TYPE_CHECKING:
    from app.model_files import KnownModel

PROMPT, ANSWER = 1000, 150  # tokens of a typical question with its passages, and of its answer
BEARABLE = 30.0  # seconds of wait for that; more is recommended only where no smaller model is known
SHARE = 0.9  # of the read bandwidth that answers reach
SPARE_GB = 3.0  # for the system, the index and the embedding model
_ROOM = 1.15  # memory that a model takes, by its file
_CONTEXT_GB = 1.0
_ANEW = 60.0  # seconds
# prompt tokens a second and core, times billions of parameters: measured with Q4_K_M, the lower end of two processors
_PER_CORE = {"avx512": 80.0, "avx2": 45.0, "arm": 60.0, "": 20.0}
_ON_GPU = 700.0  # the same for a GPU, a GB of its memory: the larger the faster, roughly
_GPU_READS = 25.0  # times a second that a GPU reads all of its memory


@dataclass(frozen=True, slots=True)
class Machine:
    """`memory` and `free` in bytes, `bandwidth` in bytes a second, `gpu` its name or ""."""

    memory: int
    free: int
    cores: int
    instructions: str
    gpu: str
    gpu_memory: int
    bandwidth: float
    processor: str

    def described(self) -> str:
        gpu = f"{self.gpu} with {self.gpu_memory / 1e9:.0f} GB" if self.gpu else "no GPU"
        cores = f"{self.cores} core{'s' if self.cores != 1 else ''}"
        return (
            f"{self.processor}, {cores}, {self.memory / 1e9:.0f} GB of memory read at {self.bandwidth / 1e9:.0f} GB/s, "
            f"{gpu}"
        )


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second. `measured` with this model on this machine, else estimated."""

    prompt: float
    answer: float
    measured: bool

    @property
    def wait(self) -> float:
        """Seconds until a typical question is answered."""
        return PROMPT / self.prompt + ANSWER / self.answer


def estimated(machine: Machine, *, parameters: float, size: int) -> Speed:
    """`parameters` in billions, `size` of the file in bytes."""
    if machine.gpu and machine.gpu_memory > size * _ROOM:
        prompt = _ON_GPU * machine.gpu_memory / 1e9 / parameters
        return Speed(prompt, SHARE * _GPU_READS * machine.gpu_memory / size, measured=False)
    prompt = _PER_CORE[machine.instructions] * machine.cores / parameters
    return Speed(prompt, SHARE * machine.bandwidth / size, measured=False)


def fits(machine: Machine, size: int) -> bool:
    """Whether a model file of `size` bytes leaves enough memory to the rest."""
    on_gpu = machine.gpu_memory > size * _ROOM + _CONTEXT_GB * 1e9
    return on_gpu or size * _ROOM + (_CONTEXT_GB + SPARE_GB) * 1e9 <= machine.memory


def fits_beside(machine: Machine, size: int) -> bool:
    """Whether it can be loaded while another model stays. Where a GPU holds models, nobody knows: no."""
    return not machine.gpu and size * _ROOM + _CONTEXT_GB * 1e9 <= machine.free


def recommended(machine: Machine, models: Sequence[KnownModel]) -> KnownModel | None:
    """The largest that fits and answers within `BEARABLE`, of equals the last one; else the smallest that fits."""
    fitting = [one for one in models if fits(machine, int(one.gigabytes * 1e9))]
    quick = [one for one in fitting if _speed(machine, one).wait <= BEARABLE]
    if quick:
        most = max(round(one.parameters) for one in quick)
        return [one for one in quick if round(one.parameters) == most][-1]
    return min(fitting, key=lambda one: one.parameters, default=None)


def _speed(machine: Machine, model: KnownModel) -> Speed:
    return estimated(machine, parameters=model.parameters, size=int(model.gigabytes * 1e9))


@cache
def _fixed() -> tuple[str, str, int, str]:
    gpu, gpu_memory = _gpu()
    return gpu, _instructions(), gpu_memory, _processor()


class _Bandwidth:
    """Measured anew once a minute at most, and the best of all counts: others use the memory too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._best, self._next = 0.0, 0.0

    def __call__(self) -> float:
        with self._lock:
            if time.monotonic() >= self._next:
                self._best = max(self._best, _bandwidth())
                self._next = time.monotonic() + _ANEW
            return self._best


_measured = _Bandwidth()


def look() -> Machine:
    """Measures the memory's bandwidth once a minute, which takes a tenth of a second where nobody else uses it."""
    gpu, instructions, gpu_memory, processor = _fixed()
    total, free = _memory()
    return Machine(total, free, physical_cores(), instructions, gpu, gpu_memory, _measured(), processor)


def _memory() -> tuple[int, int]:
    """In all and free, in bytes; of the container where it has a limit."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        known = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if len(line.split()) > 1}
        total, free = known["MemTotal"], known["MemAvailable"]
    except (OSError, KeyError, ValueError):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return total, total // 2
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        return min(total, limit), min(free, max(0, limit - used))
    except (OSError, ValueError):  # no container, or one without a limit
        return total, free


def _instructions() -> str:
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return "arm"
    try:
        flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return ""
    return next((name for name, flag in (("avx512", " avx512f"), ("avx2", " avx2")) if flag in flags), "")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        name = platform.processor()
    return name or platform.machine()


def _gpu() -> tuple[str, int]:
    """Name and memory in bytes of the first NVIDIA GPU, as its driver says; Apple's GPU shares the machine's."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "Apple GPU", _memory()[0] * 2 // 3
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        shown = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout
        name, megabytes = shown.splitlines()[0].rsplit(",", 1)
        return name.strip(), int(megabytes) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return "", 0


def _bandwidth() -> float:
    """Bytes a second that all cores read together: sums over more memory than any cache holds."""
    threads = min(8, physical_cores())
    blocks = [np.ones(48 << 20, np.uint8).view(np.uint64) for _ in range(threads)]
    best = 0.0
    for _ in range(4):
        started = time.perf_counter()
        readers = [threading.Thread(target=block.max) for block in blocks]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        best = max(best, sum(block.nbytes for block in blocks) / (time.perf_counter() - started))
    return best
