"""The sample documents that come with the source: a company that does not exist, to try the assistant on."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from app.services import Services
from storage.errors import AlreadyExists, NotFound
from storage.types import Principal, Readers

FOLDER = Path(__file__).resolve().parents[1] / "samples"


def load(services: Services, principal: Principal) -> int:
    """Add the sample documents and their groups; what is there already stays as it is. Returns how many are new."""
    contents = _contents()
    for group in contents["groups"]:
        try:
            services.users.create_group(group["name"], group["description"], by=principal)
        except AlreadyExists:
            continue
    added = 0
    for document in contents["documents"]:
        names = document["readers"]
        readers = Readers(everyone=True) if names == "everyone" else Readers(groups=services.users.group_ids(names))
        path = FOLDER / "documents" / document["file"]
        with services.files.receive(path.stat().st_size) as receiver:
            added += not services.documents.add(path.name, receiver.copy(path), readers, principal).known
    return added


def suggestions(services: Services) -> list[str]:
    """Questions for the empty chat page; none once the sample documents are gone."""
    try:
        contents = _contents()
    except NotFound:
        return []
    files = (FOLDER / "documents" / document["file"] for document in contents["documents"])
    if not services.documents.any_of(hashlib.sha256(file.read_bytes()).hexdigest() for file in files):
        return []
    return [question["text"] for question in contents["questions"]]


def _contents() -> dict[str, Any]:
    try:
        with (FOLDER / "samples.toml").open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise NotFound("The sample documents come with the source code and are not here.") from error
