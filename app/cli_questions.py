"""`footnote questions`: the questions that were sent to a person, and whether mail and webhook work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer

from app.commands import OPERATOR, AsJson
from app.postman import channels_of
from app.services import escalations_of
from app.settings import load
from app.ui.safe_html import clean
from storage.database import Database
from storage.deliveries import Deliveries, Letter, Turn
from storage.errors import InvalidInput
from storage.escalations import Escalation, Escalations, EscalationState

questions = typer.Typer(
    help="Questions for people: list, answer and close them, test the way out.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(help="The id that `footnote questions list` shows.")]


@contextmanager
def _database() -> Iterator[Database]:
    database = Database(load().sql_url)
    try:
        database.migrate()
        yield database
    finally:
        database.close()


@contextmanager
def _escalations() -> Iterator[Escalations]:
    with _database() as database:
        yield escalations_of(load(), database)


@questions.command("list")
def list_questions(
    state: Annotated[EscalationState | None, typer.Option(help="Those with this state; else all.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List questions for people, newest first."""
    with _escalations() as kept:
        found = kept.find(OPERATOR, state=state, limit=limit)
    if as_json:
        from app.api.response import to_json

        print(to_json({"questions": found}))
        return
    for one in found:
        taken = f", {clean(one.taken_by)}" if one.taken_by else ""
        print(f"{one.id}  {one.state:<8}  {clean(one.asker)}{taken}: {' '.join(clean(one.question).split())[:200]}")
        for line in _out(one):
            print(f"    {line}")


@questions.command()
def answer(
    question: Id,
    text: Annotated[str, typer.Argument(help="The answer, which goes into the chat of who asked.")],
    document: Annotated[list[str] | None, typer.Option(help="Id of a document to refer to.")] = None,
) -> None:
    """Answer a question."""
    with _escalations() as kept:
        kept.answer(question, text, document or (), OPERATOR)


@questions.command()
def close(question: Id) -> None:
    """Close a question without an answer."""
    with _escalations() as kept:
        kept.close(question, OPERATOR)


@questions.command()
def retry() -> None:
    """Try at once what could not be delivered."""
    with _database() as database:
        print(f"{Deliveries(database).retry()} to be tried again.")


@questions.command()
def test() -> None:
    """Send an invented question by mail and webhook, and say whether they took it."""
    channels = channels_of(load())
    if not channels:
        raise InvalidInput("Nothing leaves this machine: set PERSON_MAIL_TO or PERSON_WEBHOOK_URL.")
    said = (Turn("user", "Is this a test?"), Turn("assistant", "It is."))
    for channel in channels:
        letter = Letter(uuid4().hex, "test", channel.name, "Is this a test?", "Nobody asked.", said, datetime.now(UTC))
        channel.send(letter)
        print(f"{channel.name}: taken")


def _out(one: Escalation) -> Iterator[str]:
    for delivery in one.deliveries:
        if delivery.state == "sent" and delivery.sent:
            yield f"{delivery.channel}: sent {delivery.sent:%Y-%m-%d %H:%M} UTC"
        else:
            yield f"{delivery.channel}: {delivery.state} after {delivery.attempts} attempts. {clean(delivery.reason)}"
