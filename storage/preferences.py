"""What an account has set for the answers that it gets: their language, their length, and what its owner does.

Nobody but the account itself sees or changes it. It goes with the account, and with `erase`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from storage.database import Database
from storage.errors import InvalidInput
from storage.models import PreferenceRow, now
from storage.types import Length, Preference, Principal

MAX_POSITION = 200
# by their codes, in the words of the instruction that a model gets; "": the question's own
LANGUAGES: Mapping[str, str] = {
    "": "the question's language",
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "da": "Danish",
    "sv": "Swedish",
    "no": "Norwegian",
    "fi": "Finnish",
    "pl": "Polish",
    "cs": "Czech",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ar": "Arabic",
    "hi": "Hindi",
    "zh": "Chinese",
    "ja": "Japanese",
    "ko": "Korean",
}


class Preferences:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, principal: Principal) -> Preference:
        """What the account has set; the usual where it has set nothing."""
        with self._database.read() as session:
            row = session.get(PreferenceRow, principal.user_id)
            return Preference(row.language, Length(row.length), row.position) if row else Preference()

    def set(self, preference: Preference, principal: Principal) -> Preference:
        """Returns what is kept. Raises InvalidInput that names what can't be taken."""
        if preference.language not in LANGUAGES:
            known = ", ".join(code for code in LANGUAGES if code)
            raise InvalidInput(f"language: one of {known}, or empty for the question's own.")
        if preference.length not in set(Length):
            raise InvalidInput(f"length: one of {', '.join(Length)}.")
        position = _one_line(preference.position)
        if len(position) > MAX_POSITION:
            raise InvalidInput(f"position: at most {MAX_POSITION} characters.")
        kept = Preference(preference.language, Length(preference.length), position)
        with self._database.write() as session:
            session.merge(
                PreferenceRow(
                    user_id=principal.user_id,
                    language=kept.language,
                    length=kept.length,
                    position=kept.position,
                    changed=now(),
                )
            )
        return kept

    def erase(self, principal: Principal) -> None:
        """Nothing is set from now on. Without effect where nothing was."""
        with self._database.write() as session:
            if row := session.get(PreferenceRow, principal.user_id):
                session.delete(row)


def _one_line(text: str) -> str:
    """Without line breaks, control characters and those that turn the direction of what follows."""
    return " ".join("".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text).split())
