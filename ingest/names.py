"""Names of organisations in a text, told by their legal form ("... Inc.", "... GmbH & Co. KG") and by how they stand.

Knows legal forms, never names. Patterns are bounded in length: reading stays linear.
"""

from __future__ import annotations

import re
from collections import Counter

_FORM = (
    r"(?:Inc(?:orporated|\b\.?)|INC(?:ORPORATED|\b\.?)|Corp(?:oration|\b\.?)|CORP(?:ORATION|\b\.?)|Company|COMPANY"
    r"|Co\.|CO\.|Ltd\b\.?|LTD\b\.?|Limited|LIMITED|L\.?L\.?C\b\.?|L\.?L\.?P\b\.?|L\.P\.|PLC|plc|p\.l\.c\."
    r"|g?GmbH|mbH|GMBH|AG|SE|KGaA|KG|OHG|UG|e\.\s?V\.|eG|e\.\s?K\.|S\.A\.(?:S\.)?|SARL|S\.p\.A\.|S\.r\.l\."
    r"|N\.V\.|B\.V\.|ASA|A/S|ApS|Oyj?|AB|s\.r\.o\.|a\.s\.|Pty|Lda\.?|S\.L\."
    r"|Holdings?|HOLDINGS?|Group|GROUP|Trust|TRUST|Bancorp|BANCORP|Foundation|Stiftung|University|Universität)"
)
_WORD = r"[A-ZÄÖÜÉ0-9][\w.'’&/+-]{0,30}"
_NAME = re.compile(
    rf"(?<![\w.&-])(?:{_WORD}\s(?:(?:&|and|und|of|de|für)\s)?){{0,5}}?{_WORD},?\s{_FORM}(?:,?\s{_FORM}){{0,2}}"
    r"(?:\s(?:&|und)\sCo\.?(?:\s(?:KGaA|KG|OHG))?)?(?![\w&])"
)
_WEAK = re.compile(r"(?:Holdings?|Group|Trust|Bancorp|Foundation|Stiftung|University|Universität)$", re.I)
_ARTICLES = re.compile(
    r"^(?:(?:The|Die|Der|Das|Den|Our|This|Unsere|Between|Zwischen|And|Und|For|By|Of|Source|Copyright|Signed|A)\s)+"
)
_REGISTRANT = re.compile(r"\(\s?exact\s(?:name|legal name)\sof\s(?:the\s)?\w{3,12}", re.I)
_FILE_NUMBER = re.compile(r"^.{0,60}?\b\d[\d-]{4,}\.?\s")  # on the same line, in front of the name
_ONLY_FILE_NUMBER = re.compile(r"(?:\w+\s)?file\s(?:no\b|number)", re.I)  # the name below it is a picture
_TICKER = re.compile(r"\s\((?:[A-Z][\w ]{1,25}:\s?[A-Z.]{1,6}|ISIN\b)")
_FIRST = 15  # lines
_AGAIN = 10  # times
_PARTIES = re.compile(r"\b(?:between|zwischen|by and among|by and between)\b", re.I)


def organisations(text: str) -> list[str]:
    """In text order, with repetitions. "The Company" and other roles are none."""
    found = []
    for match in _NAME.finditer(text):
        name = _ARTICLES.sub("", match[0]).strip(" ,")
        if len(name.split()) > 1 and not re.fullmatch(rf"(?:[\d.]+,?\s)*{_FORM}", name):
            found.append(name)
    return found


def registrant(lines: list[str]) -> str:
    """The line above "(Exact name of registrant ...)", as forms of authorities have it; "" without one."""
    for number, line in enumerate(lines):
        if found := _REGISTRANT.search(line):
            above = line[: found.start()].strip(" _*-")
            for other in (above, *reversed(lines[max(0, number - 3) : number])):
                name = _FILE_NUMBER.sub("", other).strip(" _*-")
                if _ONLY_FILE_NUMBER.match(name):
                    break
                if sum(map(str.isalpha, name)) > 1 and not name.startswith("(") and len(name) <= 150:
                    return name
    return ""


def subject(lines: list[str], sample: str) -> str:
    """Whom the document that begins with `lines` is about; "" where no organisation stands out.

    The parties of an agreement, else a line that is a name and nothing else, else a listed company with its ticker,
    else the name that `sample` (text from all over the document) repeats most, if it stands in the first lines.
    """
    head = "\n".join(lines)
    if (found := _PARTIES.search(head)) and len(parties := _distinct(organisations(head[found.end() :][:800]))) > 1:
        return " and ".join(parties[:2])
    for line in lines:
        if len(line) <= 70 and organisations(line)[:1] == [_ARTICLES.sub("", line).strip(" ,")]:
            return as_written(line, sample)
    for match in _NAME.finditer(head):
        if _TICKER.match(head, match.end()):
            return _ARTICLES.sub("", match[0]).strip(" ,")
    names = _distinct(organisations("\n".join(lines[:_FIRST])))
    names = [name for name in names if not _WEAK.search(name)]  # in mid-text those are words like others
    counts = Counter({name: sample.count(name) for name in names})
    best = max(names, key=lambda name: counts[name], default="")
    return best if best and (counts[best] > 1 or len(names) == 1) else ""


def most_named(text: str) -> str:
    """The organisation that stands most often in it; "" where none stands there again and again."""
    counts = Counter(name for name in organisations(text) if not _WEAK.search(name))
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    return name if count >= _AGAIN else ""


def as_written(name: str, sample: str) -> str:
    """A name in capitals as the running text writes it: "NIKE, INC." is "NIKE, Inc."."""
    if not name.isupper():
        return name
    seen = Counter(found[0] for found in re.finditer(re.escape(name), sample, re.I) if not found[0].isupper())
    return seen.most_common(1)[0][0] if seen else name


def _distinct(names: list[str]) -> list[str]:
    return list({name.casefold(): name for name in reversed(names)}.values())[::-1]
