"""Who may read a document: one rule, rendered once for SQL and once for the index.

A document carries terms: `everyone` or one `group:<id>` for each reading group, and always `role:admin`,
because admins decide who reads. A principal holds terms. Reading needs one in common; no terms, no reading.
"""

from __future__ import annotations

from storage.types import Principal, Readers

EVERYONE = "everyone"
ADMIN = "role:admin"


def group_term(group_id: str) -> str:
    return f"group:{group_id}"


def principal_terms(principal: Principal) -> list[str]:
    """The terms that `principal` holds, sorted; any one of them on a document lets it be read."""
    terms = [EVERYONE, *(group_term(group) for group in principal.groups)]
    if principal.is_admin:
        terms.append(ADMIN)
    return sorted(terms)


def document_terms(readers: Readers) -> list[str]:
    """The terms that a document carries in SQL and on each of its points, sorted."""
    terms = [ADMIN, *(group_term(group) for group in readers.groups)]
    if readers.everyone:
        terms.append(EVERYONE)
    return sorted(terms)
