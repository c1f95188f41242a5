"""The frozen values that pass between the packages.

Offsets count Python characters (Unicode code points) of a stored section's text.
`page` is 1-based everywhere: a PDF's physical page, or the number of a section in formats without pages.
`place` is what readers call that section ("Slide 3", "Sheet Budget, rows 2-40"); "" where its number says enough.
"""

from storage.types.answers import (
    NO_INSTRUCTIONS,
    Citation,
    Given,
    GuardVerdict,
    HouseInstructions,
    Mode,
    Record,
    Support,
    Verdict,
)
from storage.types.conversations import Conversation, Message, MessageState
from storage.types.documents import BLANK, NOTHING, About, Gap, Heading, Row, Section, State, Status, Table
from storage.types.passages import Chunk, Hit, Parts, Passage, PassageRow, PassageTable, Scope, SparseVector, Vector
from storage.types.people import NO_PREFERENCE, Length, Preference, Principal, Readers, Role

__all__ = [
    "BLANK",
    "NOTHING",
    "NO_INSTRUCTIONS",
    "NO_PREFERENCE",
    "About",
    "Chunk",
    "Citation",
    "Conversation",
    "Gap",
    "Given",
    "GuardVerdict",
    "Heading",
    "Hit",
    "HouseInstructions",
    "Length",
    "Message",
    "MessageState",
    "Mode",
    "Parts",
    "Passage",
    "PassageRow",
    "PassageTable",
    "Preference",
    "Principal",
    "Readers",
    "Record",
    "Role",
    "Row",
    "Scope",
    "Section",
    "SparseVector",
    "State",
    "Status",
    "Support",
    "Table",
    "Vector",
    "Verdict",
]
