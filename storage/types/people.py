"""Who asks, who may read what, and how somebody wants to be answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing numpy would cost every parse child a tenth of a second
    pass


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. Made by `app.auth` (or `storage.users`) from an account, never from a request's own words."""

    user_id: str
    name: str
    role: Role
    groups: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may read a document: everyone with an account, or the members of the groups (ids)."""

    everyone: bool = False
    groups: frozenset[str] = frozenset()


class Length(StrEnum):
    SHORT = "short"
    USUAL = "usual"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Preference:
    """What an account has set for the answers that it gets.

    `language` is a code of `storage.preferences.LANGUAGES`, "" the question's own. `position` is what its owner does,
    in their own words: data for the prompt, never an order.
    """

    language: str = ""
    length: Length = Length.USUAL
    position: str = ""


NO_PREFERENCE = Preference()
