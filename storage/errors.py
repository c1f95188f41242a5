"""Every error that Footnote raises on purpose. `str(error)` is fit to be shown: it says what to do.

FootnoteError
├── NotFound            there is no such thing, or the principal may not know that there is
├── Forbidden           the principal may not do this
├── InvalidInput        a value that can't be taken; the text names it
│   └── AlreadyExists   a name or address that is taken
├── DocumentError       a document that can't become searchable; carries `reason` and `remedy`
├── Unavailable         a part (index, models, database) does not answer now; trying again may help
│   └── Busy            it answers, but its queue is full
├── Conflict            another process holds what this one needs
└── Cancelled           somebody stopped it
"""

from __future__ import annotations


class FootnoteError(Exception):
    """The root of the tree."""


class NotFound(FootnoteError):
    """There is no such thing, or the principal may not know that there is."""


class Forbidden(FootnoteError):
    """The principal may not do this."""


class InvalidInput(FootnoteError):
    """A value that can't be taken."""


class AlreadyExists(InvalidInput):
    """A name that is taken."""


class DocumentError(FootnoteError):
    """A document that can't become searchable: what is wrong, and what the user can do about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[DocumentError], tuple[str, str]]:
        return type(self), (self.reason, self.remedy)


class Unavailable(FootnoteError):
    """A part does not answer now. `part` is index, models, worker, web, database or hub."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


class Busy(Unavailable):
    """The part answers, but takes no more work now."""


class Conflict(FootnoteError):
    """Another process holds what this one needs."""


class Cancelled(FootnoteError):
    """Somebody stopped it."""
