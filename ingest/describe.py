"""What a document says of itself: its title, whom or what it is about, its period and its date.

By general rules only: the file's own properties, its cover, its headings, its running lines and its file name. Where
they disagree or say nothing, a field stays empty. The text is hostile: patterns are bounded in length and look at the
first pages and at a sample of the rest, so that the time is linear and short.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingest import names
from ingest.dates import YEAR, day, span
from ingest.formats.sections import PATH, Reading, one_line
from ingest.period import Period, period
from storage.types import About, Section

_COVER = 8_000  # characters
_SAMPLE = 400_000
_FIRST_PAGES = 15
_PLACEHOLDER = re.compile(
    r"microsoft \w+ - "
    r"|(untitled|unbenannt|sans titre|sin título|title|(word |new )?do[ck]ument|presentation|slide|home|index"
    r"|unspecified|unknown|anonymous|none|null|subject|keywords)\W*\d*$"
)
_HABITS = frozenset(
    (
        "final draft copy kopie scan scanned document dokument download file datei version neue unnamed untitled print"
        " export output report page image letter signed img dsc pic photo foto"
    ).split()
)
_FORM = re.compile(
    r"(?:^|[\s_])(?:form|schedule|formular)\s(?:no\.\s)?(\d{1,3}[A-Z]?(?:-[A-Z0-9]{1,3})?(?:/A)?)(?![\w-])", re.I
)
_KIND = re.compile(r"((?:[A-Z][\w-]{2,15}\s){1,3}(?:REPORT|STATEMENT))\s(?:\w+\s)?(?:PURSUANT|UNDER)\b", re.I)
_GLUED_MARK = re.compile(r"(?<!\w)([xýþo])(?=[A-Z]{3})")  # of a box that is ticked: "xANNUAL REPORT"
_CHECKED = re.compile(r"[☒☑✓✔✗✘þýⓧ]|[\[(]\s?[xX]\s?[\])]|(?<!\w)[xX]\s")
_GENERIC = frozenset(
    (
        "the our annual quarterly interim integrated financial full half year yearly report reports statement"
        " statements result results form review press release earnings consolidated quarter first second third fourth"
        " fiscal for of and to und der des group konzern geschäftsbericht jahresbericht jahresabschluss"
        " konzernabschluss halbjahresbericht quartalsmitteilung zwischenbericht lagebericht shareholders stockholders"
    ).split()
)
_UMLAUTS = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"}
_LETTER_SUBJECT = re.compile(r"^(?:subject|betreff|betrifft|betr\.|re)\s?:\s?(\S.{2,150})$", re.I)


@dataclass(frozen=True, slots=True)
class Described:
    title: str
    about: About


@dataclass(frozen=True, slots=True)
class _Form:
    """The cover that an authority prescribes: whose it is, which form, what kind of report."""

    lines: list[str]
    registrant: str
    code: str
    kind: str


def describe(reading: Reading, name: str, kind: str) -> Described:
    """`name` is what the owner calls the file, `kind` its format."""
    lines = _cover(reading.sections)
    sample = _sample(reading.sections)
    stem = _stem(name)
    form = _form(reading.sections)
    claimed = _claimed(reading, lines, name, stem, kind)
    subject, when = _subject(form, reading, lines, sample, claimed), Period()
    running = _running(reading.sections)
    claims = [claimed, reading.headline, one_line(reading.properties.get("subject", "")), stem, *running]
    claims = [claim for claim in claims if _sensible(claim, "") and not (_of_a_year(form) and span(claim))]
    when = _stated(reading) or period(form.lines if form else lines, claims, sample)
    if form and subject:
        title = _formal(form, subject, when, stem)
    elif subject and _is_generic(claimed) and not _shares(claimed, subject):
        title = f"{names.as_written(subject, sample)}: {claimed}"
    else:
        title = claimed
    dated = when.dated or _made(reading, [claimed, stem, *lines[:12]])
    return Described(title or "Untitled", About(subject[:200], when.words[:200], dated))


def _cover(sections: list[Section]) -> list[str]:
    """The lines of the first pages, or of the first sections."""
    lines: list[str] = []
    left = _COVER
    for section in sections[:6]:
        text = section.text[:left]
        left -= len(text)
        lines += [line for line in (_tidy(line) for line in text.split("\n")) if line]
        if left <= 0 or (len(lines) > 25 and len(section.text) > 400):
            break
    return lines


def _tidy(line: str) -> str:
    return one_line(re.sub(r"[_=*~]{3,}|\|", " ", line[:1000]))


def _sample(sections: list[Section]) -> str:
    each = max(400, _SAMPLE // max(1, len(sections)))
    return "\n".join(section.text[:each] for section in sections[: _SAMPLE // 400])


def _form(sections: list[Section]) -> _Form | None:
    for section in sections[:_FIRST_PAGES]:
        text = section.text[:_COVER]
        if "ursuant" not in text and "URSUANT" not in text:
            continue
        lines = [line for line in map(_tidy, text.split("\n")) if line]
        flat = _GLUED_MARK.sub(r"\1 ", " ".join(lines))
        code = _FORM.search(flat)
        owner = names.registrant(lines)
        kinds = list(_KIND.finditer(flat))
        checked = (found[1] for found in kinds if _CHECKED.search(flat[max(0, found.start() - 12) : found.start()]))
        kind = next(checked, kinds[0][1] if kinds else "")
        if kind and (code or owner):
            return _Form(lines, owner, code[1].upper() if code else "", " ".join(kind.lower().split()))
    return None


def _of_a_year(form: _Form | None) -> bool:
    """Whether it is of a whole one, whatever quarter its file is named by: the one in which it was written."""
    return form is not None and "annual" in form.kind


def _claimed(reading: Reading, lines: list[str], name: str, stem: str, kind: str) -> str:
    """The best of the title that the file claims, its biggest heading, a letter's subject and the file name."""
    title, headline = one_line(reading.title)[:200], one_line(reading.headline)[:200]
    if kind == "html" and _sensible(headline, name) and headline.casefold() in title.casefold():
        title = headline  # the rest is the site's name
    subtitle = one_line(reading.properties.get("subtitle", ""))[:100].strip(" :")
    if subtitle and _sensible(title, name):
        title = f"{title} ({subtitle})"
    letter = next((found[1] for line in lines[:25] if (found := _LETTER_SUBJECT.match(line))), "")
    candidates = [letter, title, headline] if kind == "text" else [title, letter, headline]
    if (
        _telling(stem)
        and not _is_generic(stem)
        and not _shares(stem, headline)
        and (kind == "pdf" or not _heads_all(headline, reading.sections))
    ):
        candidates.insert(2, stem)  # a cover's biggest line, or a first chapter, is a weaker guess than a chosen name
    return next((candidate for candidate in candidates if _sensible(candidate, name)), stem)


def _heads_all(headline: str, sections: list[Section]) -> bool:
    """Do all headings stand below the first? It is the document's then, and not its first chapter's."""
    roots = {heading.path.split(PATH)[0] for section in sections for heading in section.headings}
    return roots <= {headline[:150]}


def _subject(form: _Form | None, reading: Reading, lines: list[str], sample: str, title: str) -> str:
    if form and form.registrant:
        return names.as_written(form.registrant, sample)
    found = names.subject(form.lines if form else lines[:60], sample)
    if found or (form and (found := names.most_named(sample))):
        return found
    for key in ("subject", "product", "company", "department", "category", "keywords"):
        value = _few(reading.properties.get(key, ""))
        of_its_own = value.casefold() != title.casefold() and not re.search(rf"{YEAR}|^form\b", value, re.I)
        if of_its_own and _sensible(value, ""):
            return value
    return _repeated(reading.sections, title)


def _few(value: str) -> str:
    """A list of keywords without repetitions, as many as make a line."""
    given = [item for item in re.split(r"\s*[,;]\s*", one_line(value)) if item]
    items = {re.sub(r"s$", "", item.casefold()): item for item in reversed(given)}
    line = ""
    for item in reversed(items.values()):
        if len(line) + len(item) > 150:
            break
        line = f"{line}, {item}" if line else item
    return line or one_line(value)[:150]


def _repeated(sections: list[Section], title: str) -> str:
    """The words that head most pages, less the title."""
    heads = Counter(
        _tidy(line) for section in sections[1:60] for line in section.text[:400].split("\n")[:2] if 3 < len(line) < 120
    )
    if not heads or len(sections) < 4:
        return ""
    line, count = heads.most_common(1)[0]
    name = line.replace(title, "").strip(" |·–—-:,")
    words = name.split()
    capital = bool(words) and len(words) <= 5 and all(word[0].isupper() or not word[0].isalpha() for word in words)
    common = count >= max(3, 0.5 * min(59, len(sections) - 1)) and name in "\n".join(s.text[:600] for s in sections[:1])
    return name if capital and common and _sensible(name, "") and not re.search(r"\d{2}|contents", name, re.I) else ""


def _running(sections: list[Section]) -> list[str]:
    """Lines at the edges of many pages, page numbers aside."""
    counts: Counter[str] = Counter()
    for section in sections[2:40]:
        lines = [line.strip() for line in section.text.split("\n") if line.strip()]
        counts.update({re.sub(r"\W*\b\d{1,3}$", "", line) for line in [*lines[:2], *lines[-1:]] if len(line) < 120})
    least = max(3, 0.4 * len(sections[2:40]))
    return [line for line, count in counts.most_common(4) if count >= least]


def _stated(reading: Reading) -> Period | None:
    """A date in a page's own head (front matter, meta elements), which its author wrote on purpose."""
    for key in ("effective", "valid", "date", "published", "updated"):
        value = reading.properties.get(key, "")
        if value and (found := day(value[:40])):
            return Period(f"valid from {value}" if key in {"effective", "valid"} else "", found)
    return None


def _made(reading: Reading, texts: list[str]) -> date | None:
    """The day the file was made, if its year stands on the cover too: programs write that day unasked."""
    found = day(reading.properties.get("made", "")[:40])
    return found if found and any(str(found.year) in text for text in texts) else None


def _formal(form: _Form, subject: str, when: Period, stem: str) -> str:
    code = f" (Form {form.code})" if form.code else ""
    title = f"{subject} {form.kind}{code}"
    if when.words:
        title += f", {when.words}"
    elif when.dated:
        title += f", {when.dated:%B} {when.dated.day}, {when.dated.year}"
    squashed = _squashed(title)
    rest = [word for word in re.findall(r"[^\W\d_]{2,}|\b(?:19|20)\d\d\b", stem) if _squashed(word) not in squashed]
    rest = [word for word in rest if word.casefold() not in _HABITS]
    if _telling(stem) and 0 < len(rest) <= 4:
        title += f" ({' '.join(rest)})"
    return title[:200]


def _stem(name: str) -> str:
    stem = one_line(re.sub(r"[_\s]+", " ", Path(name.replace("\\", "/")).stem))[:200]
    return stem if " " in stem else re.sub(r"(?<=[^\W\d])-|-(?=[^\W\d])", " ", stem)


def _squashed(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold().translate(_UMLAUTS))


def _shares(one: str, other: str) -> bool:
    """Do most of the longer words of `one` stand in `other`?"""
    words = re.findall(r"[^\W\d_]{4,}", one.casefold().translate(_UMLAUTS))
    squashed = _squashed(other)
    return bool(words) and sum(word in squashed for word in words) * 2 >= len(words)


def _telling(stem: str) -> bool:
    """Does a file name hold a word that is not one of a scanner's, a browser's or an author's habits?"""
    words = re.findall(r"[^\W\d_]{3,}", stem.casefold())
    return any(word not in _HABITS for word in words) and not re.fullmatch(r"[0-9a-f-]{16,}", stem.casefold())


def _is_generic(title: str) -> bool:
    """Words that thousands of reports are called by, and numbers."""
    words = re.findall(r"[^\W_]+", title.casefold())
    return all(word in _GENERIC or any(map(str.isdigit, word)) for word in words)


def _sensible(title: str, name: str) -> bool:
    """Not a placeholder, a file name, or a number that some program left in the title field."""
    plain = title.casefold().strip(" .")
    if sum(map(str.isalpha, title)) < 3 or (name and plain == Path(name).name.casefold()):
        return False
    if _PLACEHOLDER.match(plain):
        return False
    return not re.search(r"\.(docx?|pdf|html?|xlsx?|pptx?|indd|tex|txt|md|rtf|odt|qxd|dvi|ps)$", plain)
