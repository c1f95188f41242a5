"""The SQL tables. Rows never leave `storage`: its functions return the frozen values of `storage.types`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return uuid4().hex


class Moment(sa.TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone, so it is put back when a row is read."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(sa.TypeDecorator[str]):
    """Text that every database takes: what none can keep, zero bytes and halves of characters, is replaced one by one,
    so that offsets stay right."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value) if value else value


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Base(DeclarativeBase):
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text, datetime: Moment, dict[str, Any]: sa.JSON, list[Any]: sa.JSON}  # noqa: RUF012 - SQLAlchemy's own form


def _child_of(target: str) -> Any:
    return mapped_column(sa.ForeignKey(target, ondelete="CASCADE"), primary_key=True)


class User(Base):
    __tablename__ = "users"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    one_time: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime] = mapped_column(default=now)


class PreferenceRow(Base):
    """What an account has set for its answers; it goes with the account."""

    __tablename__ = "preferences"
    user_id: Mapped[str] = _child_of("users.id")
    language: Mapped[str]
    length: Mapped[str]
    position: Mapped[str]
    changed: Mapped[datetime] = mapped_column(default=now)


class Group(Base):
    __tablename__ = "groups"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    about: Mapped[str] = mapped_column(default="")


class Membership(Base):
    __tablename__ = "memberships"
    user_id: Mapped[str] = _child_of("users.id")
    group_id: Mapped[str] = _child_of("groups.id")


class Login(Base):
    """A signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "logins"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True, default=new_id)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[datetime] = mapped_column(default=now)
    expires: Mapped[datetime]


def _few(name: str, column: str) -> sa.Index:
    """An index of the rows alone for which a flag is set."""
    return sa.Index(name, column, sqlite_where=sa.text(column), postgresql_where=sa.text(column))


class Document(Base):
    __tablename__ = "documents"
    # partial: a planner without statistics takes an index on all values for a way to the few documents
    __table_args__ = (
        _few("ix_documents_deleting", "deleting"),
        _few("ix_documents_terms_stale", "terms_stale"),
    )
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    title: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now, index=True)
    created_by: Mapped[str] = mapped_column(default="")
    live_version_id: Mapped[str | None] = mapped_column(default=None)
    deleting: Mapped[bool] = mapped_column(default=False)
    # True while the index may still carry other terms than document_terms: the worker's sweep mends it
    terms_stale: Mapped[bool] = mapped_column(default=False)


class DocumentTerm(Base):
    """What `storage.access.document_terms` says of a document; the index carries the same on each point."""

    __tablename__ = "document_terms"
    document_id: Mapped[str] = _child_of("documents.id")
    term: Mapped[str] = mapped_column(primary_key=True, index=True)


class Content(Base):
    """Which document holds these bytes. The primary key is what keeps the same bytes from being indexed twice."""

    __tablename__ = "contents"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(sa.ForeignKey("documents.id", ondelete="CASCADE"), index=True)


class Version(Base):
    __tablename__ = "versions"
    __table_args__ = (
        sa.CheckConstraint("state <> 'ready' OR passages > 0", name="ready_has_passages"),
        sa.CheckConstraint("state <> 'failed' OR reason <> ''", name="failed_has_reason"),
        sa.Index("ix_versions_state_created", "state", "created"),
        sa.Index("ix_versions_state_finished", "state", "finished"),
        sa.Index(
            "ix_versions_wanted",
            "wanted",
            sqlite_where=sa.text("wanted <> ''"),
            postgresql_where=sa.text("wanted <> ''"),
        ),
    )
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    document_id: Mapped[str] = mapped_column(sa.ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    sha256: Mapped[str]
    name: Mapped[str]
    size: Mapped[int] = mapped_column(sa.BigInteger)
    title: Mapped[str] = mapped_column(default="")  # the document's, once this version is live
    format: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    period: Mapped[str] = mapped_column(default="")
    dated: Mapped[date | None] = mapped_column(default=None, index=True)
    state: Mapped[str]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    pages: Mapped[int] = mapped_column(default=0)
    passages: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    reason: Mapped[str] = mapped_column(default="")
    remedy: Mapped[str] = mapped_column(default="")
    attempt: Mapped[int] = mapped_column(default=1)
    created: Mapped[datetime] = mapped_column(default=now)
    finished: Mapped[datetime | None] = mapped_column(default=None)
    characters: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    tables: Mapped[int] = mapped_column(default=0)
    gaps: Mapped[list[Any]] = mapped_column(default=list)  # [first page, last page, reason] of pages without text
    started_by: Mapped[str] = mapped_column(default="")
    started: Mapped[datetime | None] = mapped_column(default=None)  # when a worker first took this attempt
    began: Mapped[datetime | None] = mapped_column(default=None)  # when a worker began the step that runs
    seconds: Mapped[dict[str, Any]] = mapped_column(default=dict)  # that this attempt's ended steps took
    executor: Mapped[str] = mapped_column(default="")  # of the worker that has it; it may be gone since
    wanted: Mapped[str] = mapped_column(default="")  # "pause" or "cancel", at the next border between two steps
    turn: Mapped[int] = mapped_column(default=0)  # how often this attempt was laid aside by a pause
    crashes: Mapped[int] = mapped_column(default=0)  # worker processes that have ended in the step that it is at


class SectionRow(Base):
    __tablename__ = "sections"
    version_id: Mapped[str] = _child_of("versions.id")
    page: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    headings: Mapped[list[Any]]
    tables: Mapped[list[Any]]
    place: Mapped[str] = mapped_column(default="")
    boxes: Mapped[bytes] = mapped_column(default=b"")  # where the words of a recognised page stand


class ChunkRow(Base):
    __tablename__ = "chunks"
    __table_args__ = (sa.UniqueConstraint("version_id", "generation", "ordinal"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[str] = mapped_column(sa.ForeignKey("versions.id", ondelete="CASCADE"))
    # no foreign key: what was embedded before there were generations belongs to the first, which the worker records
    generation: Mapped[int] = mapped_column(default=1, server_default="1", index=True)
    ordinal: Mapped[int]
    page: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    heading: Mapped[str]
    spans: Mapped[list[Any]] = mapped_column(default=list)  # of its sentences and rows, two numbers each,
    vectors: Mapped[bytes] = mapped_column(default=b"")  # and their directions, a byte a dimension


class GenerationRow(Base):
    """A way of dividing and embedding all documents; the index holds the points of each apart."""

    __tablename__ = "generations"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    model: Mapped[str]
    passage_tokens: Mapped[int] = mapped_column(default=0)
    dimensions: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(index=True)
    attempt: Mapped[int] = mapped_column(default=1)
    started_by: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)  # its state
    gate: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what it is measured by before it may be live
    comparison: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str] = mapped_column(default="")


class FilledRow(Base):
    """That a generation holds all of a version's passages, or why it can't."""

    __tablename__ = "filled"
    generation: Mapped[int] = mapped_column(
        sa.ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    version_id: Mapped[str] = mapped_column(
        sa.ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    passages: Mapped[int]
    reason: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=now)


class EmbeddingRow(Base):
    """The vector of a chunk, found again by what it was made from."""

    __tablename__ = "embeddings"
    chunk_id: Mapped[str] = _child_of("chunks.id")
    key: Mapped[bytes] = mapped_column(index=True)
    vector: Mapped[bytes]


class ConversationRow(Base):
    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)


class MessageRow(Base):
    __tablename__ = "messages"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    ordinal: Mapped[int]
    role: Mapped[str]
    text: Mapped[str]
    state: Mapped[str]
    model: Mapped[str] = mapped_column(default="")
    seconds: Mapped[float | None] = mapped_column(default=None)
    first_evidence: Mapped[float | None] = mapped_column(default=None)
    refused: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # it says that nothing answers
    rating: Mapped[int | None] = mapped_column(default=None)
    comment: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime] = mapped_column(default=now, index=True)
    touched: Mapped[datetime] = mapped_column(default=now)


class MessageSource(Base):
    """Every document that an answer's text may hold words of, cited or not: its reader must be able to read all."""

    __tablename__ = "message_sources"
    message_id: Mapped[str] = _child_of("messages.id")
    document_id: Mapped[str] = mapped_column(primary_key=True, index=True)


class CitationRow(Base):
    __tablename__ = "citations"
    message_id: Mapped[str] = _child_of("messages.id")
    n: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(index=True)
    version_id: Mapped[str]
    page: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    heading: Mapped[str]


class VerdictRow(Base):
    """What the sources say to a sentence of an answer. Its reason may hold their words: it goes with them."""

    __tablename__ = "verdicts"
    message_id: Mapped[str] = _child_of("messages.id")
    n: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[int]
    end: Mapped[int]
    support: Mapped[str]
    reason: Mapped[str]
    footnotes: Mapped[list[Any]]
    left_out: Mapped[str]


class RecordRow(Base):
    """How an answer came about: see `storage.types.Record`."""

    __tablename__ = "records"
    message_id: Mapped[str] = _child_of("messages.id")
    prompt_version: Mapped[str]
    searched: Mapped[list[Any]]
    confidence: Mapped[float | None]


class GivenRow(Base):
    """A passage that was put before the model; `n` is its number there."""

    __tablename__ = "given"
    message_id: Mapped[str] = _child_of("messages.id")
    n: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(index=True)
    version_id: Mapped[str]
    page: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]


class Candidate(Base):
    """That an admin has dealt with a comment on an answer. It goes with the answer, as the comment does."""

    __tablename__ = "candidates"
    message_id: Mapped[str] = _child_of("messages.id")
    accepted: Mapped[bool]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)


class EscalationRow(Base):
    """A question that its asker sent to a person. What was said about it stands in its conversation alone."""

    __tablename__ = "escalations"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[str] = mapped_column(sa.ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    note: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    taken_by: Mapped[str] = mapped_column(default="")
    unseen: Mapped[bool] = mapped_column(default=False)  # the asker has not looked at the newest reply
    created: Mapped[datetime] = mapped_column(default=now, index=True)
    changed: Mapped[datetime] = mapped_column(default=now)


class ReplyRow(Base):
    """Who wrote a message of the role "person", and for which question."""

    __tablename__ = "replies"
    message_id: Mapped[str] = _child_of("messages.id")
    escalation_id: Mapped[str] = mapped_column(sa.ForeignKey("escalations.id", ondelete="CASCADE"), index=True)
    by: Mapped[str]


class DeliveryRow(Base):
    """That a question has to go, or went, out by mail or webhook. It holds no word of it."""

    __tablename__ = "deliveries"
    __table_args__ = (sa.Index("ix_deliveries_state_due", "state", "due"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    escalation_id: Mapped[str] = mapped_column(sa.ForeignKey("escalations.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    due: Mapped[datetime] = mapped_column(default=now)
    reason: Mapped[str] = mapped_column(default="")
    sent: Mapped[datetime | None] = mapped_column(default=None)


class QuestionSetRow(Base):
    __tablename__ = "question_sets"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    created_by: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)


class QuestionRow(Base):
    __tablename__ = "questions"
    __table_args__ = (sa.UniqueConstraint("set_id", "key"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    set_id: Mapped[str] = mapped_column(sa.ForeignKey("question_sets.id", ondelete="CASCADE"))
    key: Mapped[str]
    ordinal: Mapped[int]
    content: Mapped[dict[str, Any]]


class RunRow(Base):
    """An evaluation. It keeps ids, pages and figures, and no word of a document."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    set_id: Mapped[str] = mapped_column(sa.ForeignKey("question_sets.id", ondelete="CASCADE"), index=True)
    state: Mapped[str]
    answers: Mapped[bool]
    started_by: Mapped[str]
    rights_of: Mapped[str]
    generation: Mapped[str]
    settings: Mapped[dict[str, Any]]
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    cancelling: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(default="")
    started: Mapped[datetime] = mapped_column(default=now, index=True)
    touched: Mapped[datetime] = mapped_column(default=now)
    finished: Mapped[datetime | None] = mapped_column(default=None)
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    content: Mapped[str] = mapped_column(default="", deferred=True)


class SourceRow(Base):
    """A place that documents come from. `options` may hold credentials: no function gives them to people."""

    __tablename__ = "sources"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    location: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(default=dict, deferred=True)
    include: Mapped[list[Any]] = mapped_column(default=list)
    exclude: Mapped[list[Any]] = mapped_column(default=list)
    terms: Mapped[list[Any]]  # that its documents get
    keep_deleted: Mapped[bool] = mapped_column(default=False)
    every: Mapped[int] = mapped_column(default=0)  # seconds between two runs; 0: by hand alone
    due: Mapped[datetime | None] = mapped_column(default=None)
    created: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str]


class EntryRow(Base):
    """A file of a source as it was last seen, and the document that holds its bytes."""

    __tablename__ = "entries"
    source_id: Mapped[str] = _child_of("sources.id")
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    sha256: Mapped[str]
    # none once an admin has deleted it: it does not come back before the file changes
    document_id: Mapped[str | None] = mapped_column(sa.ForeignKey("documents.id", ondelete="SET NULL"), index=True)
    owned: Mapped[bool]  # the document came from here: it changes and goes with the file
    terms: Mapped[list[Any]] = mapped_column(default=list)  # that the source gave the document
    gone: Mapped[bool] = mapped_column(default=False)  # the file is no longer there, and its document was kept


class SyncRow(Base):
    """A comparison of a source with its documents: one that waits, runs or has ended."""

    __tablename__ = "syncs"
    __table_args__ = (
        sa.Index(
            "uq_syncs_open",
            "source_id",
            unique=True,
            sqlite_where=sa.text("finished IS NULL"),
            postgresql_where=sa.text("finished IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id", ondelete="CASCADE"), index=True)
    state: Mapped[str]
    forced: Mapped[bool] = mapped_column(default=False)
    by: Mapped[str]
    executor: Mapped[str] = mapped_column(default="")
    attempt: Mapped[int] = mapped_column(default=1)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    errors: Mapped[list[Any]] = mapped_column(default=list)  # [key, reason]; the first of them
    reason: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime] = mapped_column(default=now)
    started: Mapped[datetime | None] = mapped_column(default=None)
    finished: Mapped[datetime | None] = mapped_column(default=None)


class GuardVerdictRow(Base):
    """What the guard model said; it holds no word of the question or the answer, and goes with them."""

    __tablename__ = "guard_verdicts"
    message_id: Mapped[str] = _child_of("messages.id")
    subject: Mapped[str] = mapped_column(primary_key=True)  # "question" or "answer"
    safe: Mapped[bool]
    categories: Mapped[list[Any]] = mapped_column(default=list)
    model: Mapped[str]
    failure: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=now)


class EventRow(Base):
    """The audit log: rows are only ever added."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    who: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]]


class HouseInstructionsRow(Base):
    """Each version of the house's instructions to the language model; rows are only ever added."""

    __tablename__ = "house_instructions"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own idiom
    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    who: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)


class AdapterUseRow(Base):
    """The LoRA adapter for answers from the documents of one group of readers, or of one source."""

    __tablename__ = "adapter_uses"
    __table_args__ = (sa.CheckConstraint("(group_id IS NULL) <> (source_id IS NULL)", name="home"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    group_id: Mapped[str | None] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"), unique=True)
    source_id: Mapped[str | None] = mapped_column(sa.ForeignKey("sources.id", ondelete="CASCADE"), unique=True)
    file: Mapped[str]


class Hold(Base):
    """While the row "ingest" is there, no worker takes up or goes on with any document."""

    __tablename__ = "holds"
    what: Mapped[str] = mapped_column(primary_key=True)
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)


class Executor(Base):
    """The heartbeat of a worker process, in the database's own seconds since 1970."""

    __tablename__ = "executors"
    id: Mapped[str] = mapped_column(primary_key=True)
    beat: Mapped[float]
