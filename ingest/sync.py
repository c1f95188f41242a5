"""Compare a source with its documents, and bring these in line: one run from start to end, and the thread that does it.

A run can be begun again at any moment: what it did is then unchanged. One bad file never stops it; a source that can't
be listed, or stops to answer, does, and then nothing is deleted. Files go only after everything else was looked at,
because a file that is gone may only have another name.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from ingest.folders import Folder
from ingest.llama_hub import Reader
from ingest.patterns import Patterns
from ingest.sources import Entry, Source, SourceError, Unread
from storage.database import Database
from storage.entries import Entries, Found, KeptEntry, Outcome
from storage.errors import FootnoteError, InvalidInput, NotFound
from storage.files import Files
from storage.sources import Kind
from storage.syncs import Syncs, Task

log = logging.getLogger(__name__)

MAX_KEY = 1000  # PostgreSQL can't index longer ones
IN_A_ROW = 20  # files that can't be fetched one after the other: the source is away
SHOWN_EVERY = 1.0


@dataclass
class Report:
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, key: str, reason: str) -> None:
        self.counts[Outcome.FAILED] += 1
        self.errors.append((key, reason))


class Run:
    """One comparison. Raises SourceError where the source can't be read, NotFound once it is removed."""

    def __init__(
        self, source: Source, entries: Entries, files: Files, *, max_bytes: int, keep_deleted: bool, forced: bool
    ) -> None:
        self._source, self._entries, self._files = source, entries, files
        self._max_bytes, self._keep_deleted, self._forced = max_bytes, keep_deleted, forced
        self.report = Report()
        self._kept: dict[str, KeptEntry] = {}
        self._left: dict[str, KeptEntry] = {}  # kept entries that were not met yet

    def work(self, progress: Syncs, run_id: str) -> None:
        """Raises InvalidInput where it refuses to delete more than half of the files."""
        self._kept = self._entries.kept()
        listed, unread = self._listed()
        self._left = {key: kept for key, kept in self._kept.items() if key not in listed}
        shown, lost = time.monotonic(), 0
        for entry in listed.values():
            try:
                self.report.counts[self._take(entry)] += 1
                lost = 0
            except SourceError as error:
                self.report.fail(entry.key, str(error))
                lost += 1
                if lost >= IN_A_ROW:
                    raise SourceError(f"{lost} files in a row could not be fetched. The last: {error}") from error
            except InvalidInput as error:
                self.report.fail(entry.key, str(error))
            if time.monotonic() - shown > SHOWN_EVERY:
                progress.progress(run_id, self.report.counts)
                shown = time.monotonic()
        self._clear(unread)

    def _listed(self) -> tuple[dict[str, Entry], tuple[str, ...]]:
        listed: dict[str, Entry] = {}
        unread: list[str] = []
        for found in self._source.entries():
            if isinstance(found, Unread):
                unread.append(found.prefix)
                self.report.fail(found.prefix, found.reason)
            elif len(found.key) > MAX_KEY:
                self.report.fail(found.key[:100], f"Its path has more than {MAX_KEY} characters.")
            else:
                listed[found.key] = found
        return listed, tuple(unread)

    def _take(self, entry: Entry) -> Outcome:
        kept = self._kept.get(entry.key)
        if kept and kept.fingerprint and kept.fingerprint == entry.fingerprint:
            return self._entries.note(entry.key, entry.fingerprint) if kept.gone else Outcome.UNCHANGED
        if entry.size is not None and entry.size > self._max_bytes:
            raise InvalidInput(f"The file is larger than {self._max_bytes // 10**6:,} MB. Split it.")
        with self._files.receive(self._max_bytes) as receiver:
            self._source.fetch(entry, receiver.write)
            found = Found(entry.key, entry.name, entry.fingerprint, receiver.finish())
            if kept and kept.sha256 == found.incoming.sha256:
                return self._entries.note(entry.key, entry.fingerprint)
            if kept:
                return self._entries.change(found)
            before = next((left for left in self._left.values() if left.sha256 == found.incoming.sha256), None)
            if before is None:
                return self._entries.add(found)
            del self._left[before.key]
            return self._entries.rename(before.key, found)

    def _clear(self, unread: tuple[str, ...]) -> None:
        """What was there and is not listed any more, nor may be where nothing could be listed."""
        gone = [key for key, kept in self._left.items() if not kept.gone and not key.startswith(unread)]
        if self._keep_deleted:
            for key in gone:
                self.report.counts[self._entries.keep(key)] += 1
            return
        present = sum(not kept.gone for kept in self._kept.values())
        if 2 * len(gone) > present and not self._forced:
            raise InvalidInput(
                f"{len(gone)} of {present} files are gone from the source, more than half. None of their documents was "
                "deleted. If that is right, run it once more by force."
            )
        for key in gone:
            self.report.counts[self._entries.drop(key)] += 1


class Synchroniser:
    """Takes the runs that wait, one at a time, in a thread of the worker."""

    def __init__(self, database: Database, files: Files, *, max_bytes: int) -> None:
        self._database, self._files, self._max_bytes = database, files, max_bytes
        self._syncs = Syncs(database)
        self._thread: threading.Thread | None = None

    def take(self, executor: str) -> bool:
        """Begin a run, if one waits and none runs here. Never waits for it."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self._syncs.schedule()
        task = self._syncs.take(executor)
        if task is None:
            return False
        self._thread = threading.Thread(target=self.run, args=(task,), daemon=True, name="sync")
        self._thread.start()
        return True

    def release(self, alive: Collection[str]) -> None:
        """Let runs of workers that are gone wait again."""
        self._syncs.release(alive)

    def run(self, task: Task) -> None:
        """From start to end; whatever happens is recorded."""
        report, failed = Report(), ""
        try:
            run = Run(
                open_source(task),
                Entries(self._database, self._files, task.source_id),
                self._files,
                max_bytes=self._max_bytes,
                keep_deleted=task.keep_deleted,
                forced=task.forced,
            )
            report = run.report
            run.work(self._syncs, task.id)
        except NotFound:
            return  # the source was removed, and its runs with it
        except FootnoteError as error:
            failed = str(error)
        except Exception:  # the worker loop outlives everything
            log.exception("Source %s could not be synchronised.", task.name)
            failed = "Something went wrong in our own code; the log has the details."
        log.info("Source %s: %s %s", task.name, dict(report.counts), failed)
        try:
            self._syncs.finish(task.id, report.counts, report.errors, failed=failed)
        except FootnoteError as error:  # it stays this worker's, and waits again after the next start
            log.error("The end of a run could not be recorded: %s", error)


def open_source(task: Task) -> Source:
    """Raises InvalidInput, SourceError."""
    patterns = Patterns(task.include, task.exclude)
    kind = Folder if task.kind is Kind.FOLDER else Reader
    return kind(task.location, task.options, patterns)
