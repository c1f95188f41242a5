"""A draft of an e-mail or another text that says what the documents say, with their footnotes.

Without a language model it is a frame: subject, salutation and closing around the rules word for word, which its
writer turns into a text. Not covered: sending it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.assignment import Assignment, written
from app.chat import LISTED, answer
from app.checked_text import CheckedText
from app.confidence import Sureness, sureness
from app.events import Event, Retrieved, Wrote
from app.extract import MOST_PASSAGES
from app.footnotes import Footnotes
from app.llm import Reading
from app.modes import drafted
from app.prompt import Prompt
from app.prompt_texts import TEXTS
from app.quotation import quote
from app.rewrite import Asked, understand
from app.search import where
from storage.types import Passage

_TOPIC = re.compile(
    r"\b(?:about|on|regarding|concerning|explaining|that\s+explains?|to\s+explain|that\s+says|saying|summari[sz]ing|telling|describing"
    r"|informing|über|zu|zum|zur|bezüglich|wegen|betreffend|zum\s+thema|der\s+erklärt|die\s+erklärt|das\s+erklärt)\s+(?P<topic>.+)$",
    re.I | re.S,
)
_GERMAN_VERB = re.compile(
    r"\s+(?:schreiben|entwerfen|verfassen|formulieren|erstellen|erklärt|informiert|beschreibt)\W*$", re.I
)
_LETTER = re.compile(r"mail|letter|brief|repl|antwort|response|message|nachricht|schreiben", re.I)


def draft(asked: Assignment) -> Iterator[Event]:
    """Retrieved first, Ended last. Where the documents say nothing of it, that is said as for any question."""
    whole = understand(asked.question, asked.history, asked.cancel, rewriter=asked.rewriter, apart=False)
    topic = topic_of(whole.text)
    found = asked.retriever.retrieve(topic, asked.principal, scope=asked.scope, limit=LISTED)
    if not found.passages or sureness(found.confidence) is Sureness.NONE:
        yield from answer(asked)
        return
    prompt = Prompt(question=topic, passages=found.passages[:MOST_PASSAGES])
    if asked.has_model:
        prompt = _prompt(asked, topic, found.passages)
    evidence = asked.seconds
    searched = Asked(topic, (topic,), whole.seconds)
    yield Retrieved(prompt.passages, evidence, found.notice, searched, found.confidence, prompt.sources)
    footnotes, checked = Footnotes(), CheckedText()
    for event in written(asked, prompt, footnotes) if asked.has_model else _frame(asked, prompt, footnotes):
        if isinstance(event, CheckedText):
            checked = event
        if isinstance(event, CheckedText) and event.text:
            yield Wrote(event.text, footnotes.citations, not asked.has_model, event.verdicts)
        elif isinstance(event, Reading):
            yield event
    if not checked.text.strip() and not asked.cancel.is_set():
        yield from answer(asked)
        return
    yield asked.ended(checked.text, footnotes.citations, evidence, checked.verdicts)


def _prompt(asked: Assignment, topic: str, found: Sequence[Passage]) -> Prompt:
    bare = Prompt(
        question=asked.question,
        asked=topic,
        system=TEXTS.system + TEXTS.drafting,
        preference=asked.preference,
        house=asked.house,
        ranked=True,
    )
    return asked.budget.filled(bare, found, asked.history)


def topic_of(question: str) -> str:
    """What the text is to be about, in the question's words; all of it where that can't be told."""
    found = _TOPIC.search(question)
    topic = _GERMAN_VERB.sub("", found["topic"] if found else question)
    return " ".join(topic.split()).strip(" .?!")


def _frame(asked: Assignment, prompt: Prompt, footnotes: Footnotes) -> Iterator[CheckedText]:
    """Nothing where no statement of the passages fits."""
    rules, topic, passages = "", prompt.question, prompt.passages
    for piece in written(asked.without_model(), prompt, footnotes):
        if isinstance(piece, CheckedText):
            rules = piece.text
    if not footnotes.citations:
        return
    sources = [f"{quote(c.title or c.name)} ({_mark(passages, c.version_id, c.page)})" for c in footnotes.citations]
    listed = "; ".join(dict.fromkeys(source.replace(" ()", "") for source in sources))
    named = quote(topic[:1].upper() + topic[1:])
    head, tail = [f"### {named}"], list[str]()
    if _LETTER.search(drafted(asked.question) or "e-mail"):
        head = [asked.say(f"**Subject:** {named}", f"**Betreff:** {named}"), asked.say("Dear …,", "Guten Tag …,")]
        tail = [asked.say("Kind regards\n\n…", "Mit freundlichen Grüßen\n\n…")]
    note = asked.say(
        "A frame to write from: the rules stand in the documents' own words, because no language model is loaded.",
        "Ein Gerüst zum Weiterschreiben: Die Regeln stehen im Wortlaut der Dokumente, denn kein Sprachmodell ist da.",
    )
    lead = asked.say(f"On “{named}” this applies:", f"Zu „{named}“ gilt:")
    source = asked.say(f"This is set out in: {listed}.", f"Nachzulesen in: {listed}.")
    text = "\n\n".join([f"*{note}*", *head, lead, rules.strip(), source, *tail])
    yield CheckedText(text)


def _mark(passages: tuple[Passage, ...], version_id: str, page: int) -> str:
    return next((where(p) for p in passages if (p.version_id, p.page) == (version_id, page)), "")
