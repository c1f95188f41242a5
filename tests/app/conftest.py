from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.documents import Documents
from storage.types import Principal
from storage.users import Users
from storage.versions import Versions
from tests.conftest import PASSWORD, Library
from tests.contracts.index_contract import IndexProcess
from tests.shelf import Shelf, open_shelf


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


@pytest.fixture
def shelf(process: IndexProcess, library: Library, documents: Documents, versions: Versions) -> Iterator[Shelf]:
    with open_shelf(process, library, documents, versions) as shelf:
        yield shelf


@pytest.fixture
def tom(users: Users) -> Principal:
    users.create("tom", PASSWORD)
    return users.principal("tom")
