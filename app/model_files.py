"""Model files: the known ones by name, getting them from a hub, and checking that they are still what came.

A hub is Hugging Face's or a mirror that speaks its protocol. Bytes come over plain HTTP, not Xet, so that a download
broken off yesterday goes on today, whatever broke it. Hashes and commits are the hub's own words at the time of the
download; none is written down here. Not covered: loading a file (`llama`), embedding models.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from huggingface_hub import get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)

from storage.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound, Unavailable

Progress = Callable[[str, int, int], object]
"""Called with what goes on ("download" or "check"), bytes done, bytes in all."""

_BLOCK = 1 << 20
_TRIES = 5  # in a row without a new byte
_SPARE = 256 << 20  # bytes left free on the disk
_SHA256 = re.compile(r"[0-9a-f]{64}")

# the hub's client is one of two libraries, by its version; in both this is the root of what can go wrong on the wire
_WIRE: tuple[type[Exception], ...] = tuple(
    base for base in HfHubHTTPError.__mro__ if issubclass(base, Exception) and base.__name__ == "HTTPError"
)


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A chat model that is known to work. `gigabytes` on disk and `memory_gb` are rough, `parameters` billions."""

    name: str
    repo: str
    file: str
    parameters: float
    gigabytes: float
    memory_gb: int
    licence: str

    @property
    def notice(self) -> str:
        """What to tell before the download."""
        return (
            f"{self.name} is Meta's work under the {self.licence}. By using it you accept that licence and its "
            "acceptable use policy; read both on the model's page before you go on."
        )


_LLAMA_2, _LLAMA_3, _LLAMA_31, _LLAMA_32 = (
    f"{name} Community License" for name in ("Llama 2", "Meta Llama 3", "Llama 3.1", "Llama 3.2")
)

KNOWN = (
    KnownModel(
        "llama-3-8b-instruct",
        "bartowski/Meta-Llama-3-8B-Instruct-GGUF",
        "Meta-Llama-3-8B-Instruct-Q4_K_M.gguf",
        parameters=8.0,
        gigabytes=4.9,
        memory_gb=8,
        licence=_LLAMA_3,
    ),
    KnownModel(
        "llama-3.1-8b-instruct",
        "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF",
        "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
        parameters=8.0,
        gigabytes=4.9,
        memory_gb=8,
        licence=_LLAMA_31,
    ),
    KnownModel(
        "llama-3.2-1b-instruct",
        "bartowski/Llama-3.2-1B-Instruct-GGUF",
        "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        parameters=1.2,
        gigabytes=0.8,
        memory_gb=3,
        licence=_LLAMA_32,
    ),
    KnownModel(
        "llama-3.2-3b-instruct",
        "bartowski/Llama-3.2-3B-Instruct-GGUF",
        "Llama-3.2-3B-Instruct-Q4_K_M.gguf",
        parameters=3.2,
        gigabytes=2.0,
        memory_gb=5,
        licence=_LLAMA_32,
    ),
    KnownModel(
        "llama-3-70b-instruct",
        "bartowski/Meta-Llama-3-70B-Instruct-GGUF",
        "Meta-Llama-3-70B-Instruct-Q4_K_M.gguf",
        parameters=70.6,
        gigabytes=42.5,
        memory_gb=52,
        licence=_LLAMA_3,
    ),
    KnownModel(
        "llama-2-7b-chat",
        "TheBloke/Llama-2-7B-Chat-GGUF",
        "llama-2-7b-chat.Q4_K_M.gguf",
        parameters=6.7,
        gigabytes=4.1,
        memory_gb=8,
        licence=_LLAMA_2,
    ),
)


@dataclass(frozen=True, slots=True)
class Installed:
    """What came, and from where: written beside the file as `<file>.json`."""

    path: Path
    repo: str
    file: str
    commit: str
    sha256: str
    size: int
    pulled: str


@dataclass(frozen=True, slots=True)
class _Offer:
    """What the hub says about a file."""

    url: str
    commit: str
    sha256: str
    size: int


def known(name: str) -> KnownModel:
    """Raises NotFound, with the names that there are."""
    for model in KNOWN:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in KNOWN)
    raise NotFound(f"There is no known model {name!r}. These are known: {names}")


def pull(
    name: str,
    folder: Path,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    progress: Progress = lambda stage, done, total: None,
    pause: float = 1.0,
) -> Installed:
    """Get a known model into `folder`, whole and checked, or not at all.

    Goes on where an earlier download broke off, and does nothing for a file that is there and right already. The
    SHA-256 of what came must be the hub's; otherwise the file is deleted and Unavailable raised. `pause` is the wait
    in seconds before a connection is tried again. Raises NotFound, Forbidden when the hub wants a (better) token,
    InvalidInput when the disk is too small, Unavailable when the hub can't be reached, AlreadyExists when a file of
    another origin is in the way, Conflict while another process pulls the same.
    """
    model = known(name)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f".{model.file}.lock", timeout=0):
            return _pull(model, folder, endpoint, token, progress, pause)
    except Timeout as error:
        raise Conflict(f"Another process is pulling {model.name} into {folder}. Wait for it.") from error


def verify(path: Path, progress: Progress = lambda stage, done, total: None) -> Installed:
    """Read the file again and compare it with its record.

    Raises NotFound when file or record is missing, InvalidInput when the file is not what was pulled.
    """
    record = recorded(path)
    if record is None or not path.is_file():
        raise NotFound(f"{path} was not pulled by Footnote, or is gone: there is nothing to compare it with.")
    if path.stat().st_size != record.size or _sha256(path, progress) != record.sha256:
        raise InvalidInput(f"{path} has changed since it was pulled. Delete it and pull the model again.")
    return record


def installed(folder: Path) -> list[Installed]:
    """The pulled models in `folder`, by file name. Nothing is read again; see `verify`."""
    records = (recorded(path) for path in sorted(folder.glob("*.gguf")))
    return [record for record in records if record is not None]


def _pull(
    model: KnownModel, folder: Path, endpoint: str | None, token: str | None, progress: Progress, pause: float
) -> Installed:
    path = folder / model.file
    if path.exists():
        return _present(path, model, progress)
    offer = _offer(model, endpoint, token)
    part = folder / f"{model.file}.{offer.sha256[:12]}.part"
    for older in set(folder.glob(f"{model.file}.*.part")) - {part}:
        older.unlink()  # of a version that the hub has replaced
    missing = offer.size - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(folder).free
    if missing + _SPARE > free:
        raise InvalidInput(
            f"{model.name} needs {_in_gigabytes(missing + _SPARE)} more on the disk of {folder}, but only "
            f"{_in_gigabytes(free)} are free. Make room, or set another folder."
        )
    _download(offer, part, token, progress, pause)
    found = _sha256(part, progress)
    if found != offer.sha256:
        part.unlink()
        raise Unavailable(
            "hub",
            f"What came for {model.file} is not what the hub promised (SHA-256 {found} instead of {offer.sha256}). "
            "It was deleted. Try again; if it happens twice, something between here and the hub changes files.",
        )
    installed = Installed(
        path=path,
        repo=model.repo,
        file=model.file,
        commit=offer.commit,
        sha256=found,
        size=offer.size,
        pulled=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _write_record(installed)  # first: a file without its record would be nobody's
    part.replace(path)
    return installed


def _present(path: Path, model: KnownModel, progress: Progress) -> Installed:
    record = recorded(path)
    if record is None or record.repo != model.repo:
        raise AlreadyExists(
            f"{path} is there already, but was not pulled from {model.repo}. Move it away, or use it as it is."
        )
    return verify(path, progress)


def _offer(model: KnownModel, endpoint: str | None, token: str | None) -> _Offer:
    url = hf_hub_url(model.repo, model.file, endpoint=endpoint)
    where = endpoint or "the hub"
    try:
        metadata = get_hf_file_metadata(url, token=token or False, endpoint=endpoint, timeout=20)
    except OfflineModeIsEnabled as error:
        raise Unavailable("hub", "HF_HUB_OFFLINE is set, so nothing may be downloaded. Unset it to pull.") from error
    except GatedRepoError as error:
        raise _gated(model) from error
    except (RepositoryNotFoundError, RemoteEntryNotFoundError) as error:
        # the hub also says 401 "not found" for what a token may not see
        raise NotFound(
            f"{where} has no {model.file} in {model.repo}, or shows it only with a token. "
            "Check HF_ENDPOINT, or set HF_TOKEN."
        ) from error
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code in (401, 403):
            raise _gated(model) from error
        raise Unavailable("hub", f"{where} answered with an error: {error}. Try again later.") from error
    except _WIRE as error:
        raise _unreachable(where, str(error)) from error
    sha256 = (metadata.etag or "").lower()
    if not _SHA256.fullmatch(sha256) or not metadata.size or not metadata.commit_hash:
        raise Unavailable("hub", f"{where} does not tell size, commit and SHA-256 of {model.file}: it is no hub.")
    pinned = hf_hub_url(model.repo, model.file, revision=metadata.commit_hash, endpoint=endpoint)
    return _Offer(pinned, metadata.commit_hash, sha256, metadata.size)


def _download(offer: _Offer, part: Path, token: str | None, progress: Progress, pause: float) -> None:
    """Until `part` holds `offer.size` bytes or more; after each broken connection from where it broke."""
    tries = _TRIES
    while (before := part.stat().st_size if part.exists() else 0) < offer.size:
        reason = ""
        try:
            status = _receive(offer, part, before, token, progress)
            if status not in (200, 206):
                reason = f"status {status}"
        except _WIRE as error:
            status, reason = 0, str(error) or type(error).__name__
        if 400 <= status < 500 and status not in (408, 429):
            raise Unavailable("hub", f"The hub refused the download ({reason}). Try again later: it goes on from here.")
        if part.exists() and part.stat().st_size > before:
            tries = _TRIES
            continue
        tries -= 1
        if tries == 0:
            raise _unreachable("The hub", reason or "it sends nothing")
        time.sleep(pause)


def _receive(offer: _Offer, part: Path, start: int, token: str | None, progress: Progress) -> int:
    """Add to `part` what comes in one connection; the status of the answer."""
    headers = {"Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"  # the client drops it where it is sent on to another host
    if start:
        headers["Range"] = f"bytes={start}-"
    with get_session().stream("GET", offer.url, headers=headers, timeout=30) as answer:
        if answer.status_code not in (200, 206):
            return int(answer.status_code)
        goes_on = start > 0 and answer.status_code == 206
        with part.open("ab" if goes_on else "wb") as file:  # 200: the server knows no ranges and begins anew
            done = start if goes_on else 0
            progress("download", done, offer.size)
            for block in answer.iter_bytes():
                file.write(block)
                file.flush()
                done += len(block)
                progress("download", done, offer.size)
        return int(answer.status_code)


def _gated(model: KnownModel) -> Forbidden:
    return Forbidden(
        f"The hub gives {model.repo} only to accounts that accepted its licence. Accept it on the model's page, make "
        "a token there and set HF_TOKEN."
    )


def _unreachable(where: str, reason: str) -> Unavailable:
    return Unavailable(
        "hub",
        f"{where} can't be reached ({reason}). Check the network and HF_ENDPOINT, and start again: it goes on where it "
        "broke off. Without internet, copy a GGUF file here and set LLM_MODEL to its path.",
    )


def _sha256(path: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    total = path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(4 * _BLOCK):
            digest.update(block)
            progress("check", file.tell(), total)
    return digest.hexdigest()


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _write_record(record: Installed) -> None:
    path = _record_of(record.path)
    fields: dict[str, Any] = {name: value for name, value in asdict(record).items() if name != "path"}
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(json.dumps(fields, indent=1) + "\n")
    os.replace(temporary, path)


def recorded(path: Path) -> Installed | None:
    """What is known of a pulled file; None for one that came otherwise."""
    try:
        return Installed(path=path, **json.loads(_record_of(path).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _in_gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
