"""Who may read a document: one rule, rendered once for SQL and once for the index.

A document carries terms: `everyone` or one `group:<id>` for each reading group, and always `role:admin`,
because admins decide who reads. A principal holds terms. Reading needs one in common; no terms, no reading.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.models import Document, DocumentTerm
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


def readers_of(terms: list[str]) -> Readers:
    """The inverse of `document_terms`."""
    prefix = group_term("")
    groups = frozenset(term.removeprefix(prefix) for term in terms if term.startswith(prefix))
    return Readers(everyone=EVERYONE in terms, groups=groups)


def write_terms(session: Session, document_id: str, readers: Readers) -> None:
    """Let `readers` read the document from now on, and nobody else."""
    session.execute(sa.delete(DocumentTerm).where(DocumentTerm.document_id == document_id))
    session.add_all(DocumentTerm(document_id=document_id, term=term) for term in document_terms(readers))


def readable(principal: Principal) -> sa.ColumnElement[bool]:
    """The rule as a clause on `Document`: it is not being deleted and shares a term with the principal."""
    # looked up for each document by its key: the list of all readable ones would be made anew for every search
    terms = DocumentTerm.term.in_(principal_terms(principal))
    shared = sa.exists().where(DocumentTerm.document_id == Document.id, terms).correlate(Document)
    return sa.and_(sa.not_(Document.deleting), shared)
