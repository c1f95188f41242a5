"""RTF: paragraphs, headings by style or outline level, lists, tables and footnotes.

Read as a stream of control words with a stack of our own for groups. Pictures, embedded objects, fields' instructions,
headers, footers and deleted text are left out; nothing that a file refers to is opened.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field, replace

from ingest.formats.sections import CELL, File, Reading, SectionWriter, contents, one_line, properties
from storage.errors import DocumentError

_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.I | re.S
)
_SILENT = frozenset(
    b"fonttbl colortbl info pict object header headerl headerr headerf footer footerl footerr footerf fldinst themedata"
    b" colorschememapping datastore latentstyles listtable listoverridetable rsidtbl generator xmlnstbl nonshppict"
    b" bkmkstart bkmkend annotation atnid atnauthor atntime atnref filetbl revtbl template mmathPr pgptbl wgrffmtfilter"
    b" objdata do shp listpicture stylesheet title subject keywords".split()
)
_KEPT = frozenset(b"shptxt shprslt result objresult fldrslt listtext pntext footnote upr ud".split())
_SIGNS = {
    b"tab": " ", b"line": "\n", b"emdash": "—", b"endash": "–", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“",
    b"rdblquote": "”", b"bullet": "•", b"emspace": " ", b"enspace": " ", b"qmspace": " ", b"softline": "\n",
}  # fmt: skip
_CHARSETS = {
    128: "cp932", 129: "cp949", 134: "gbk", 136: "big5", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255",
    178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_HEADING = re.compile(r"(?:heading|überschrift|titre|título|titolo) ?([1-9])$", re.I)
_MAX_GROUPS = 10_000


@dataclass(slots=True)
class _State:
    """What a group inherits from the one around it."""

    kind: bytes = b""  # the destination: b"" is the text itself
    skipped: int = 1  # bytes that stand in for a Unicode character
    encoding: str = ""
    hidden: bool = False
    deleted: bool = False


@dataclass(slots=True)
class _Paragraph:
    style: int = -1
    level: int = 0
    in_table: bool = False
    listed: bool = False
    depth: int = 0


@dataclass(slots=True)
class _Names:
    """What the tables at the head of the file say."""

    codepage: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)
    styles: dict[int, int] = field(default_factory=dict)  # heading levels by style number
    claims: dict[str, str] = field(default_factory=dict)


def read(file: File, *, max_characters: int) -> Reading:
    """Raises DocumentError for files whose groups nest without end, and for more text than can be taken."""
    writer = SectionWriter(max_characters=max_characters)
    claims = write(contents(file), writer)
    title = one_line(claims.pop("title", ""))
    return Reading(writer.finish(), title, writer.headline, properties=properties(claims.items()))


def write(data: bytes, writer: SectionWriter) -> dict[str, str]:
    """Write the words of `data`; return what it says of itself. Raises DocumentError as `read` does."""
    document = _Document(writer)
    document.take(data)
    document.finish()
    return document.names.claims


class _Document:
    def __init__(self, writer: SectionWriter) -> None:
        self.writer, self.names = writer, _Names()
        self._state, self._groups = _State(), list[_State]()
        self._paragraph = _Paragraph()
        self._text: list[str] = []
        self._mark: list[str] = []
        self._note: list[str] = []
        self._notes: list[str] = []
        self._head: list[str] = []  # a font's, style's or title's name that is being read
        self._bytes = bytearray()
        self._skip = self._font = self._style = 0
        self._row: list[str] = []
        self._rows: list[list[str]] = []
        self._begins = self._ignorable = False

    def take(self, data: bytes) -> None:
        binary = 0
        for found in _TOKEN.finditer(data):
            if found.start() < binary:
                continue
            word, number, code, sign, brace, text = found.groups()
            if code is not None:
                self._add_bytes(bytes([int(code, 16)]))
            elif text is not None:
                self._add_bytes(text)
            elif word is not None and word.lower() == b"bin":
                binary = found.end() + max(0, int(number or 0))
            elif brace == b"{":
                self._open()
            elif brace == b"}":
                self._close()
            elif word is not None:
                self._control(word, int(number) if number else None)
            elif sign is not None:
                self._sign(sign)

    def finish(self) -> None:
        self._end_paragraph()
        self._end_table()
        if self._notes:
            self.writer.heading(1, "Notes")
            for note in self._notes:
                self.writer.paragraph(note)

    def _open(self) -> None:
        self._flush()
        if len(self._groups) >= _MAX_GROUPS:
            raise DocumentError("This RTF file is damaged: its groups have no end.", "Save it again and upload that.")
        self._groups.append(replace(self._state))
        self._begins, self._ignorable = True, False

    def _close(self) -> None:
        self._flush()
        kind = self._state.kind
        if self._groups:
            self._state = self._groups.pop()
        self._begins = False
        if kind == self._state.kind:
            if kind in (b"stylesheet", b"fonttbl"):
                self._name_ends(kind)
        elif kind == b"footnote":
            self._notes.append(one_line("".join(self._note)))
            self._note = []
        elif kind in (b"title", b"subject", b"keywords", b"stylesheet"):
            self._name_ends(kind)

    def _name_ends(self, kind: bytes) -> None:
        name = one_line("".join(self._head)).strip(" ;")
        if kind == b"stylesheet" and (found := _HEADING.match(name)):
            self.names.styles[self._style] = int(found[1])
        elif kind == b"stylesheet" and name.lower() == "title":
            self.names.styles[self._style] = 0
        elif kind in (b"title", b"subject", b"keywords"):
            self.names.claims[kind.decode()] = name
        self._head, self._style = [], 0

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            self._ignorable = True
        elif sign in b"\r\n":
            self._control(b"par", None)
        elif sign in (b"\\", b"{", b"}"):
            self._add_bytes(sign)
        elif sign in (b"~", b"_"):
            self._add(" " if sign == b"~" else "-")

    def _control(self, word: bytes, number: int | None) -> None:
        self._flush_unless_unicode(word)
        begins, self._begins = self._begins, False
        if begins and (word in _SILENT or word in _KEPT or self._ignorable):
            if word in (b"title", b"subject", b"keywords"):
                self._head = []
            if word in _SILENT or word in (b"listtext", b"pntext", b"footnote") or word not in _KEPT:
                self._state.kind = word
            return
        if word == b"u" and number is not None:
            self._add(chr(number % 65536))
            self._skip = self._state.skipped
        elif word in _SIGNS:
            self._add(_SIGNS[word])
        elif self._state.kind in (b"", b"footnote"):
            self._format(word, number)
        else:
            self._define(word, number)

    def _define(self, word: bytes, number: int | None) -> None:
        """A control word in a table at the head of the file."""
        if self._state.kind == b"stylesheet" and word == b"s":
            self._style = number or 0
        elif self._state.kind == b"fonttbl" and word == b"f":
            self._font = number or 0
        elif self._state.kind == b"fonttbl" and word == b"fcharset":
            self.names.fonts[self._font] = _CHARSETS.get(number or 0, "")

    def _format(self, word: bytes, number: int | None) -> None:
        paragraph = self._paragraph
        match word:
            case b"par" | b"sect" | b"page":
                self._end_paragraph()
            case b"cell" | b"nestcell":
                self._row.append(self._taken())
            case b"row" | b"nestrow":
                self._rows.append(self._row)
                self._row = []
            case b"pard":
                self._paragraph = _Paragraph()
            case b"intbl":
                paragraph.in_table = True
            case b"s":
                paragraph.style = -1 if number is None else number
            case b"outlinelevel":
                paragraph.level = (number or 0) + 1
            case b"ls":
                paragraph.listed = bool(number)
            case b"ilvl":
                paragraph.depth = number or 0
            case b"uc":
                self._state.skipped = max(0, min(number or 0, 10))
            case b"ansicpg":
                self.names.codepage = _known(f"cp{number}") or "cp1252"
            case b"mac":
                self.names.codepage = "mac_roman"
            case b"f":
                self._state.encoding = self.names.fonts.get(number or 0, "")
            case b"v":
                self._state.hidden = number != 0
            case b"deleted":
                self._state.deleted = number != 0
            case b"plain":
                self._state.hidden = self._state.deleted = False

    def _flush_unless_unicode(self, word: bytes) -> None:
        self._flush()
        if word != b"u":
            self._skip = 0 if word not in _SIGNS else self._skip

    def _add_bytes(self, data: bytes) -> None:
        self._begins = False
        if self._skip:
            cut = min(self._skip, len(data))
            self._skip -= cut
            data = data[cut:]
        self._bytes += data

    def _flush(self) -> None:
        if self._bytes:
            text = self._bytes.decode(self._state.encoding or self.names.codepage, "replace")
            self._bytes.clear()
            self._add(text)

    def _add(self, text: str) -> None:
        self._flush()
        if self._state.hidden or self._state.deleted:
            return
        match self._state.kind:
            case b"":
                self._text.append(text)
            case b"listtext" | b"pntext":
                self._mark.append(text)
            case b"footnote":
                self._note.append(text)
            case b"stylesheet" | b"title" | b"subject" | b"keywords":
                self._head.append(text)

    def _taken(self) -> str:
        self._flush()
        text = "".join(self._text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        mark = one_line("".join(self._mark))
        self._text, self._mark = [], []
        return f"{mark} {text}".strip() if mark and self._paragraph.in_table else text

    def _end_paragraph(self) -> None:
        paragraph, mark = self._paragraph, one_line("".join(self._mark))
        if paragraph.in_table:
            self._add("\n")  # a paragraph inside a cell
            return
        text = self._taken()
        self._end_table()
        level = self.names.styles.get(paragraph.style, paragraph.level or None)
        if level is not None and text.strip() and len(text) < 500:
            self.writer.heading(level, text)
        elif mark or paragraph.listed:
            self.writer.item(text, depth=paragraph.depth, mark=mark if re.search(r"\w", mark) else "-")
        else:
            self.writer.paragraph(text)

    def _end_table(self) -> None:
        if self._row:  # cut off in the middle
            self._rows.append(self._row)
        if self._rows:
            self.writer.table([[one_line(cell).replace(CELL, " / ") for cell in row] for row in self._rows])
        self._row, self._rows = [], []


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return ""
