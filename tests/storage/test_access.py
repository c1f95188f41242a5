"""The rule itself: terms of documents, terms of principals, and nothing in common means no."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.access import ADMIN, EVERYONE, document_terms, principal_terms, readers_of
from storage.types import Principal, Readers, Role

groups = st.frozensets(st.text(min_size=1), max_size=4)


@given(st.builds(Readers, everyone=st.booleans(), groups=groups))
def test_terms_say_who_reads_and_say_it_back(readers: Readers) -> None:
    assert readers_of(document_terms(readers)) == readers
    assert ADMIN in document_terms(readers)


@given(st.builds(Readers, everyone=st.booleans(), groups=groups), groups, st.sampled_from(Role))
def test_a_principal_shares_a_term_with_what_it_may_read_and_with_nothing_else(
    readers: Readers, own: frozenset[str], role: Role
) -> None:
    principal = Principal("1", "mia", role, own)
    shared = set(document_terms(readers)) & set(principal_terms(principal))
    assert bool(shared) == (role is Role.ADMIN or readers.everyone or bool(readers.groups & own))


@pytest.mark.parametrize("group", [EVERYONE, ADMIN, "role:admin", "group:x"])
def test_a_group_whose_id_looks_like_another_term_grants_nothing_of_it(group: str) -> None:
    member = Principal("1", "mia", Role.MEMBER, frozenset({group}))
    assert ADMIN not in principal_terms(member)
    assert document_terms(Readers(groups=frozenset({group}))) == sorted([ADMIN, f"group:{group}"])
    assert not readers_of([f"group:{group}"]).everyone
