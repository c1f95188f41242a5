"""Which model file answers, where somebody chose another one than the settings name, or none. Kept across restarts.

The choice lies beside the models as `chosen.json`. It holds until LLM_MODEL is changed, or its file is gone.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.gguf_header import read_header
from storage.errors import FootnoteError

_FILE = "chosen.json"


def chosen(folder: Path, *, configured: str | None) -> Path | None:
    """The chosen file, if it is there. With `configured`, only if the choice was made while LLM_MODEL said that."""
    record = _read(folder)
    path = Path(str(record.get("path") or ""))
    if configured is not None and record.get("configured") != configured:
        return None
    return path if record.get("path") and path.is_file() else None


def is_none(folder: Path, *, configured: str | None) -> bool:
    """Whether it was chosen that no model answers. `configured` as for `chosen`."""
    record = _read(folder)
    return record.get("path") == "" and configured in (None, record.get("configured"))


def begin(folder: Path, configured: str) -> None:
    """At a start, with what LLM_MODEL says: a choice that was made under another one ends."""
    record = _read(folder)
    if record.get("configured") != configured:
        _write(folder, {"configured": configured})


def choose(folder: Path, path: Path | None) -> None:
    _write(folder, {"configured": "", **_read(folder), "path": str(path or "")})


def newest(folder: Path) -> Path | None:
    """The model that came last, where nobody has chosen one. LoRA adapters and other files without a model are none."""
    files = sorted(folder.glob("*.gguf"), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((path for path in files if _may_answer(path)), None)


def _may_answer(path: Path) -> bool:
    with suppress(FootnoteError):  # of what can't be read its loading tells why
        return read_header(path).kind == "model"
    return True


def _read(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / _FILE).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write(folder: Path, record: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{_FILE}.part"
    temporary.write_text(json.dumps(record) + "\n")
    os.replace(temporary, folder / _FILE)
