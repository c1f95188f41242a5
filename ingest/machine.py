"""What of this machine decides how fast models run: its processor, and how much of it this process may use."""

from __future__ import annotations

import math
import os
import platform
import re
from functools import cache
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@cache
def identity() -> str:
    """The same wherever a measurement of embedding would come out the same."""
    return f"{_processor()}, {usable_cores()} cores"


def usable_cores() -> int:
    """Cores that this process may use at a time: a container's share counts, half a core as one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, share(_QUOTA) or cores)


def share(quota: Path) -> int | None:
    """Cores of a control group's limit, rounded up; None without one."""
    try:
        allowed, period = quota.read_text().split()
        return max(1, math.ceil(int(allowed) / int(period)))
    except (OSError, ValueError):  # "max": no limit
        return None


def _processor() -> str:
    try:
        told = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.M)
    except OSError:
        told = None
    return told[1].strip() if told else platform.processor() or platform.machine()
