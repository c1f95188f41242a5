"""What is kept, by its nouns: each of them a view of one database and one folder of files."""

from __future__ import annotations

from dataclasses import dataclass

from storage.conversations import Conversations
from storage.database import Database
from storage.documents import Documents
from storage.evaluations import Evaluations
from storage.feedback import Feedback
from storage.files import Files
from storage.generations import Generations
from storage.preferences import Preferences
from storage.queue import Queue
from storage.records import Records
from storage.reports import Reports
from storage.sources import Sources
from storage.users import Users
from storage.versions import Versions


@dataclass(frozen=True, kw_only=True)
class Stores:
    database: Database
    files: Files
    users: Users
    documents: Documents
    versions: Versions
    generations: Generations
    queue: Queue
    reports: Reports
    sources: Sources
    conversations: Conversations
    preferences: Preferences
    feedback: Feedback
    records: Records
    evaluations: Evaluations

    @staticmethod
    def of(database: Database, files: Files, users: Users) -> Stores:
        """Asks nothing of the database yet."""
        return Stores(
            database=database,
            files=files,
            users=users,
            documents=Documents(database, files),
            versions=Versions(database),
            generations=Generations(database),
            queue=Queue(database),
            reports=Reports(database),
            sources=Sources(database),
            conversations=Conversations(database),
            preferences=Preferences(database),
            feedback=Feedback(database),
            records=Records(database),
            evaluations=Evaluations(database),
        )
