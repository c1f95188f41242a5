"""Markdown and plain text. Nothing is fetched; links and images are reduced to their words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import TYPE_CHECKING

from ingest.formats.sections import File, Reading, SectionWriter, contents, one_line, properties
from storage.errors import DocumentError

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_ENTRY = re.compile(r"([^\W\d][\w .-]{0,60}):(?:[ \t]+(.*))?$")
_NESTED = re.compile(r"[ \t]*(?:- +)?[\w-]+:(?:\s|$)")
_TEMPLATE_LINK = re.compile(r"\]\(\s*\{[%{][^\n]*?[%}]\}[^)\s]*\s*\)")
_TEMPLATE_TAG = re.compile(r"\{%-?\s*(.*?)-?%\}", re.S)
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_HTML_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>", re.S)
_BREAK = re.compile(r"<br\b|</?(?:p|div|li|tr|h\d)\b", re.I)
_GAP = re.compile(r"\n[ \t]*\n")
_ITEM = re.compile(r"[ \t]*(?:[-*•‣◦▪–]|\d{1,3}[.)]|[a-z][.)])[ \t]+(?=\S)")
_NUMBERED = re.compile(
    r"(?:(\d{1,2}(?:\.\d{1,2}){0,4})\.?|(?:chapter|section|part|article|kapitel|abschnitt|teil|§)\s*\d+)[ \t:.]+\S",
    re.I,
)


def read_markdown(file: File, *, max_characters: int) -> Reading:
    """CommonMark with tables; a title in the front matter wins over the first heading.

    Of the front matter texts and lists of texts are read, not what is nested deeper.
    """
    from markdown_it import MarkdownIt  # read_plain does without

    source = decode(contents(file)).replace("\r\n", "\n").replace("\r", "\n")
    entries: list[tuple[str, str]] = []
    if front := _FRONT_MATTER.match(source):
        source = source[front.end() :]
        entries = _entries(front[1][:20_000])
    title = next((one_line(value) for name, value in entries if name.lower() == "title"), "")
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(_TEMPLATE_LINK.sub("](#)", source))
    writer = SectionWriter(max_characters=max_characters)
    _write_markdown(tokens, writer)
    return Reading(writer.finish(), title, writer.headline, properties=properties(entries))


def _entries(front: str) -> list[tuple[str, str]]:
    """The names and values of a front matter, a folded value and a list on one line each."""
    entries: list[tuple[str, list[str]]] = []
    for line in front.split("\n"):
        if named := _ENTRY.match(line):
            entries.append((named[1], [re.sub(r"^[>|][+-]?$", "", (named[2] or "").strip())]))
        elif entries and line[:1] in " \t-" and not _NESTED.match(line):
            value = line.strip()
            entries[-1][1].append(f", {value[2:]}" if value.startswith("- ") else value)
    plain = [(name, re.sub(r"\s+,", ",", " ".join(value)).strip(" ,[]")) for name, value in entries]
    return [(name, unescape(_HTML_TAG.sub("", value.strip("\"'")))) for name, value in plain]


def read_plain(file: File, *, max_characters: int) -> Reading:
    """Blank lines part paragraphs; numbered, underlined and all-capital lines that stand alone are headings."""
    writer = SectionWriter(max_characters=max_characters)
    text = re.sub(r"\r\n?|\x0c", "\n", decode(contents(file)))
    write_plain(text, writer)
    return Reading(writer.finish(), _first_line(text), writer.headline)


def write_plain(text: str, writer: SectionWriter) -> None:
    """Write the paragraphs, headings and items of `text`, whose lines end in line feeds."""
    for block in _blocks(text):
        lines = [line.rstrip() for line in block.strip("\n").split("\n") if line.strip()]
        if lines:
            _write_plain(lines, writer)


def _blocks(text: str) -> Iterator[str]:
    """What blank lines part, one after the other: long texts are not held twice."""
    start = 0
    for gap in _GAP.finditer(text):
        yield text[start : gap.start()]
        start = gap.end()
    yield text[start:]


def _first_line(text: str) -> str:
    """The first line, when it reads like a title of what follows: short, and neither a sentence nor a named value."""
    lines = [one_line(line) for line in text.split("\n") if line.strip()]
    is_title = len(lines) > 2 and len(lines[0]) <= 80 and re.fullmatch(r"[^.:;,]*[^\W\d_][^.:;,]*", lines[0])
    return lines[0] if is_title else ""


def decode(data: bytes) -> str:
    """A file as text: by its byte order mark, as UTF-8, else by the encoding that fits best. Raises DocumentError."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if wide := wide_encoding(data[:4096]):
        return data.decode(wide, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes  # slow to import, and most files are UTF-8

    best = from_bytes(data[: 1 << 20]).best()
    if best is None:
        raise DocumentError("The text of this file is in an unknown encoding.", "Save it as UTF-8 and upload that.")
    return data.decode(best.encoding, "replace")


def wide_encoding(head: bytes) -> str:
    """UTF-16 without its mark, told by Western text's zeros in every other byte; "" for anything else."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    few, many = len(head) * 0.01, len(head) * 0.35
    return "utf-16-le" if odd > many and even <= few else "utf-16-be" if even > many and odd <= few else ""


def _write_plain(lines: list[str], writer: SectionWriter) -> None:
    if len(lines) >= 2 and re.fullmatch(r"\s*([=\-~*#])\1{2,}\s*", lines[1]) and len(lines[0]) <= 120:
        writer.heading(1 if lines[1].strip()[0] in "=#*" else 2, lines[0])
        lines = lines[2:]
    elif len(lines) == 1 and (level := _plain_level(lines[0])) is not None:
        writer.heading(level, lines[0])
        return
    elif len(lines) > 1 and not _ITEM.match(lines[1]) and _NUMBERED.match(lines[0]) and lines[0].isupper():
        writer.heading(_plain_level(lines[0]) or 2, lines[0])
        lines = lines[1:]
    if lines and _ITEM.match(lines[0]):
        for item in re.split(r"\n(?=" + _ITEM.pattern + ")", "\n".join(lines)):
            mark = _ITEM.match(item)
            if mark is None:
                continue
            depth = (len(mark[0]) - len(mark[0].lstrip())) // 2
            writer.item(item[mark.end() :], depth=depth, mark=mark[0].strip())
    elif lines:
        writer.verbatim("\n".join(lines))


def _plain_level(line: str) -> int | None:
    text = line.strip()
    letters = sum(map(str.isalpha, text))
    if not 3 <= len(text) <= 100 or letters < 3 or text[-1] in ".,;:!?" or len(text.split()) > 14:
        return None
    if numbered := _NUMBERED.match(text):
        return 2 + (numbered[1].count(".") if numbered[1] else 0)
    return 2 if text.isupper() and letters >= 0.6 * len(text.replace(" ", "")) else None


def _write_markdown(tokens: list[Token], writer: SectionWriter) -> None:
    lists: list[int | None] = []  # for each open list the next number, None for bullets
    index = 0
    while index < len(tokens):
        token = tokens[index]
        match token.type:
            case "heading_open":
                writer.heading(int(token.tag[1]), _inline(tokens[index + 1]))
                index += 1
            case "bullet_list_open":
                lists.append(None)
            case "ordered_list_open":
                lists.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
            case "list_item_open":
                index = _write_item(tokens, index, lists, writer)
            case "table_open":
                index = _write_table(tokens, index, writer)
            case "inline":
                writer.paragraph(_inline(token))
            case "fence" | "code_block":
                writer.verbatim(token.content)
            case "html_block":
                writer.paragraph(_without_tags(token.content))
        index += 1


def _write_item(tokens: list[Token], index: int, lists: list[int | None], writer: SectionWriter) -> int:
    """Write the first paragraph of an item with its mark; what else it holds comes by the ordinary way."""
    mark = "-"
    if (number := lists[-1]) is not None:
        mark, lists[-1] = f"{number}.", number + 1
    for offset in (1, 2):
        if index + offset < len(tokens) and tokens[index + offset].type == "inline":
            writer.item(_inline(tokens[index + offset]), depth=len(lists) - 1, mark=mark)
            return index + offset
        if tokens[index + offset].type != "paragraph_open":
            break
    return index


def _write_table(tokens: list[Token], index: int, writer: SectionWriter) -> int:
    rows: list[list[str]] = []
    while tokens[index].type != "table_close":
        if tokens[index].type == "tr_open":
            rows.append([])
        elif tokens[index].type == "inline":
            rows[-1].append(_inline(tokens[index]).replace(" | ", " / "))
        index += 1
    writer.table(rows)
    return index


def _inline(token: Token) -> str:
    return _without_templates("".join(_words(token.children or [])))


def _words(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        match token.type:
            case "text" | "code_inline":
                yield token.content
            case "image":
                yield token.content
            case "softbreak" | "hardbreak":
                yield "\n"
            case "html_inline" if _BREAK.match(token.content):
                yield "\n"


def _without_tags(html: str) -> str:
    return _without_templates(unescape(_HTML_TAG.sub(lambda tag: "\n" if _BREAK.match(tag[0]) else "", html)))


def _without_templates(text: str) -> str:
    """A tag of a site generator ({% channel "help" %}) is reduced to what it names."""
    if "{%" not in text:
        return text
    return _TEMPLATE_TAG.sub(lambda tag: " ".join(a or b for a, b in _QUOTED.findall(tag[1])), text)
