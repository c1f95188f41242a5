"""What adapters are used for: kept for each group and source, by admins alone, audited, and gone with its home."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import audit
from storage.adapter_uses import AdapterUses
from storage.database import Database
from storage.errors import Forbidden, InvalidInput, NotFound
from storage.sources import Kind, NewSource, Sources
from storage.types import Readers
from storage.users import Users
from tests.conftest import ADA, TOM


@pytest.fixture
def uses(database: Database) -> AdapterUses:
    return AdapterUses(database)


def test_a_choice_is_kept_replaced_taken_back_and_goes_with_its_home(
    uses: AdapterUses, users: Users, database: Database, tmp_path: Path
) -> None:
    group = users.create_group("Legal")
    sources = Sources(database)
    source = sources.add(NewSource("Wiki", Kind.FOLDER, str(tmp_path), Readers(everyone=True), {}), ADA)
    uses.choose("group", "Legal", "one.gguf", ADA)
    uses.choose("source", source.id, "one.gguf", ADA)
    uses.choose("group", group.id, "two.gguf", ADA)
    uses.choose("group", group.id, "two.gguf", ADA)  # as it is
    assert uses.current() == {("group", group.id): "two.gguf", ("source", source.id): "one.gguf"}
    assert [(use.of, use.name, use.adapter) for use in uses.find(ADA)] == [
        ("group", "Legal", "two.gguf"),
        ("source", "Wiki", "one.gguf"),
    ]
    events = [(event.who, event.subject, event.detail) for event in audit.newest(database, limit=3)]
    chosen = [
        (name, {"of": of, "name": home})
        for name, of, home in (
            ("two.gguf", "group", "Legal"),
            ("one.gguf", "source", "Wiki"),
            ("one.gguf", "group", "Legal"),
        )
    ]
    assert events == [("ada", *one) for one in chosen]
    uses.choose("source", "Wiki", "", ADA)
    uses.choose("source", "Wiki", "", ADA)
    users.delete_group("Legal")
    assert uses.current() == {}


def test_a_source_takes_its_choice_with_it(uses: AdapterUses, database: Database, tmp_path: Path) -> None:
    sources = Sources(database)
    source = sources.add(NewSource("Wiki", Kind.FOLDER, str(tmp_path), Readers(everyone=True), {}), ADA)
    uses.choose("source", source.id, "one.gguf", ADA)
    sources.remove(source.id, ADA)
    assert uses.current() == {}


def test_only_admins_see_and_choose(uses: AdapterUses, users: Users) -> None:
    users.create_group("Legal")
    with pytest.raises(Forbidden):
        uses.choose("group", "Legal", "one.gguf", TOM)
    with pytest.raises(Forbidden):
        uses.find(TOM)
    with pytest.raises(NotFound, match="no group 'Sales'"):
        uses.choose("group", "Sales", "one.gguf", ADA)
    with pytest.raises(InvalidInput):
        uses.choose("team", "Legal", "one.gguf", ADA)
    assert uses.current() == {}
