"""Any files, with processes killed at random: every file must end, and database and index must agree at the end.

    python benchmarks/stress.py FOLDER [FOLDER ...] --limit 500 --kill 15

Takes every file below the folders, whatever it is, into an empty data folder, with the worker, its sandboxed readers
and the index process as `footnote serve` runs them. On average each `--kill` seconds one of them ends by SIGKILL: the
worker half the time, else the index or a reader. Prints what became of the files, the reasons of those that failed, the
slowest, the most memory that the worker and its readers held, and whether each version's passages are as many in SQL as
in the index. Ends with 1 where a file has not ended or the counts differ. Linux only.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import corpora
import sqlalchemy as sa
from ingestion import memory, tree

from app import services, supervisor
from ingest.embed import DEFAULT_MODEL
from storage.errors import FootnoteError
from storage.models import ChunkRow, Version
from storage.status import OPEN
from storage.types import Readers, State


class Killer:
    """Ends one of our processes now and then."""

    def __init__(self, mean: float, seed: int) -> None:
        self._random, self._mean = random.Random(seed), mean
        self._next = time.monotonic() + 2 * mean  # once the first are under way
        self.killed: Counter[str] = Counter()

    def look(self) -> None:
        if not self._mean or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._random.expovariate(1 / self._mean)
        processes = {name: pid for pid in tree(os.getpid())[1:] if (name := part_of(pid))}
        name = self._random.choice(["worker", "worker", "index", "reader"])
        if pid := processes.get(name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed[name] += 1


def part_of(pid: int) -> str:
    """worker, index or reader; "" for others."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return ""
    found = next((name for name in ("worker", "index") if name in words), "")
    return found or ("reader" if "-I" in words else "")  # the sandbox starts Python alone with this


def worker_memory() -> int:
    """Bytes of the worker and its readers, shared pages counted once."""
    worker = next((pid for pid in tree(os.getpid())[1:] if part_of(pid) == "worker"), 0)
    return memory(worker) if worker else 0


def take_in(parts: services.Services, files: Sequence[Path]) -> int:
    taken = 0
    for file in files:
        with parts.files.receive(10**10) as receiver, file.open("rb") as opened:
            while block := opened.read(1 << 20):
                receiver.write(block)
            try:
                parts.documents.add(file.name, receiver.finish(), Readers(everyone=True), corpora.OPERATOR)
                taken += 1
            except FootnoteError as error:
                print(f"refused at the door: {file.name}: {error}", flush=True)
    return taken


def states(parts: services.Services) -> Counter[str]:
    with parts.database.read() as session:
        return Counter(dict(session.execute(sa.select(Version.state, sa.func.count()).group_by(Version.state)).all()))


def follow(parts: services.Services, killer: Killer, seconds: float) -> int:
    """Until nothing is open, or time is up. Returns the most memory of the worker."""
    peak, deadline, told = 0, time.monotonic() + seconds, 0.0
    while time.monotonic() < deadline:
        killer.look()
        peak = max(peak, worker_memory())
        if time.monotonic() - told > 2:
            told, now = time.monotonic(), states(parts)
            print(f"\r{dict(now)} killed {dict(killer.killed)}", end="", flush=True)
            if not sum(now[state] for state in OPEN):
                break
        time.sleep(0.25)
    print()
    return peak


def report(parts: services.Services) -> int:
    """Prints what became of the files. Returns how many are wrong: not ended, or counted differently."""
    with parts.database.read() as session:
        versions = list(session.scalars(sa.select(Version)))
        chunks = Counter(
            dict(session.execute(sa.select(ChunkRow.version_id, sa.func.count()).group_by(ChunkRow.version_id)).all())
        )
    for state, count in sorted(Counter(version.state for version in versions).items()):
        print(f"{count:6} {state}")
    for reason, count in Counter(version.reason for version in versions if version.reason).most_common():
        example = next(version.name for version in versions if version.reason == reason)
        print(f"{count:6} failed: {reason}  ({example})")
    for version in sorted(versions, key=lambda one: -sum(map(float, one.seconds.values())))[:8]:
        print(f"{sum(map(float, version.seconds.values())):6.0f} s {version.name} ({version.state})")
    wrong = 0
    for version in versions:
        points = parts.index.count(version_id=version.id)
        expected = version.passages if version.state == State.READY else 0
        if version.state in OPEN or (points, chunks[version.id]) != (expected, expected):
            wrong += 1
            in_sql = chunks[version.id]
            print(f"WRONG {version.name}: {version.state}, {expected} expected, {in_sql} in SQL, {points} points")
    return wrong + abs(parts.index.total() - sum(v.passages for v in versions if v.state == State.READY))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="So many of the files, drawn by chance; 0: all.")
    parser.add_argument("--kill", type=float, default=15.0, help="Mean seconds between two kills; 0: none.")
    parser.add_argument("--seconds", type=float, default=7200.0, help="Give up after these.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="An empty folder to keep everything in, to look at it afterwards.")
    options = parser.parse_args()
    files = sorted(file for folder in options.folders for file in folder.rglob("*") if file.is_file())
    if options.limit:
        files = sorted(random.Random(options.seed).sample(files, min(options.limit, len(files))))
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        settings = corpora.settings_of(options.data or Path(folder), DEFAULT_MODEL, {})
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        converted = corpora.CACHE / "converted"
        converted.mkdir(parents=True, exist_ok=True)
        if not settings.converted_dir.exists():
            settings.converted_dir.symlink_to(converted)
        with supervisor.running(settings, "index", "worker") as own, closing(services.build(own)) as parts:
            began = time.monotonic()
            print(f"{take_in(parts, files)} of {len(files)} files taken in", flush=True)
            killer = Killer(options.kill, options.seed)
            peak = follow(parts, killer, options.seconds)
            print(f"{time.monotonic() - began:.0f} s, worker and readers at most {peak / 1e6:.0f} MB")
            time.sleep(5)  # what is left of failed versions is taken out of the index within seconds
            wrong = report(parts)
    print(f"killed: {dict(killer.killed)}; wrong: {wrong}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
