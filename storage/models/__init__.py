"""The SQL tables. Rows never leave `storage`: its functions return the frozen values of `storage.types`."""

from storage.models.base import Base, Moment, Text, is_set, new_id, now
from storage.models.conversations import Candidate, CitationRow, ConversationRow, MessageRow, MessageSource
from storage.models.documents import ChunkRow, Content, Document, DocumentTerm, SectionRow, Version
from storage.models.escalations import DeliveryRow, EscalationRow, ReplyRow
from storage.models.evaluations import QuestionRow, QuestionSetRow, RunRow
from storage.models.generations import EmbeddingRow, FilledRow, GenerationRow
from storage.models.installation import AdapterUseRow, EventRow, Executor, Hold, HouseInstructionsRow
from storage.models.people import Group, Login, Membership, PreferenceRow, User
from storage.models.records import GivenRow, GuardVerdictRow, RecordRow, VerdictRow
from storage.models.sources import EntryRow, SourceRow, SyncRow

__all__ = [
    "AdapterUseRow",
    "Base",
    "Candidate",
    "ChunkRow",
    "CitationRow",
    "Content",
    "ConversationRow",
    "DeliveryRow",
    "Document",
    "DocumentTerm",
    "EmbeddingRow",
    "EntryRow",
    "EscalationRow",
    "EventRow",
    "Executor",
    "FilledRow",
    "GenerationRow",
    "GivenRow",
    "Group",
    "GuardVerdictRow",
    "Hold",
    "HouseInstructionsRow",
    "Login",
    "Membership",
    "MessageRow",
    "MessageSource",
    "Moment",
    "PreferenceRow",
    "QuestionRow",
    "QuestionSetRow",
    "RecordRow",
    "ReplyRow",
    "RunRow",
    "SectionRow",
    "SourceRow",
    "SyncRow",
    "Text",
    "User",
    "VerdictRow",
    "Version",
    "is_set",
    "new_id",
    "now",
]
