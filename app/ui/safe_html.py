"""The one way from foreign text to the page: model output, documents, file names, titles and names of accounts.

What comes out holds no link, image, script or markup of the text's own, so no browser fetches or runs anything for it.
`markdown` and `plain` make HTML for `st.html`; `label` makes text for widget labels, which Streamlit reads as Markdown.
Not covered: the Content-Security-Policy (`app.auth`), a second line of defence.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from storage.types import Citation

# Control characters, and those that turn the direction of what follows: "invoice<202E>fdp.exe" reads as a PDF.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]")
_FOOTNOTE = re.compile(r" ?\[(\d{1,4})\]")  # with the space, so that no line begins with a chip
_CODE = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[^\W\d])(?=[\w-]{3,24}(?![\w-]))\w+(?:-\w+)+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Streamlit turns :names:, arrows and addresses in a label into icons and links after it has read the escapes.
_TURNED = re.compile(r"(:|@|www(?=\.)|[-<>=~](?=[-<>=~]))", re.IGNORECASE)
_JOINER = "\u2060"

OPEN, CLOSE = "\ue000", "\ue001"  # around a sentence in doubt
_RULES_OFF = ["link", "image", "autolink", "html_inline", "html_block", "reference", "entity"]
PREVIEW = 280


def clean(text: str) -> str:
    """Without characters that are not seen but change how the rest reads. Line breaks and tabs stay."""
    return _UNSEEN.sub("", text.replace("\r\n", "\n"))


def plain(text: str) -> str:
    """Escaped for HTML, as content and as a quoted attribute's value."""
    return html.escape(clean(text))


def attribute(text: str, length: int = PREVIEW) -> str:
    """A shortened text as an attribute's value. Streamlit drops attributes that hold a closing tag or a comment's end,
    escaped or not, so that what looks like one is parted by a character that is not seen.
    """
    return plain(shortened(text, length)).replace("&lt;", f"&lt;{_JOINER}").replace("&gt;", f"{_JOINER}&gt;")


def label(text: str) -> str:
    """For a label that Streamlit reads as Markdown: shows the text itself, on one line."""
    line = " ".join(clean(text).split())
    return _PUNCTUATION.sub(r"\\\1", _TURNED.sub(rf"\1{_JOINER}", line)) or "\\-"


def shortened(text: str, length: int = PREVIEW) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def markdown(text: str, message_id: str = "", citations: Sequence[Citation] = (), marks: Sequence[str] = ()) -> str:
    """Headings, lists, tables and emphasis as HTML; each [n] that has a citation n becomes a footnote chip.

    What stands between the nth OPEN and CLOSE is in doubt, and `marks`, HTML of our own, say why: see `verdict_marks`.
    """
    by_number = {citation.n: citation for citation in citations}
    env = {"message": message_id, "citations": by_number, "marks": list(marks), "doubted": False}
    return re.sub(f"[{OPEN}{CLOSE}]", "", str(_MARKDOWN.render(clean(text), env)))


def chip(message_id: str, citation: Citation) -> str:
    source = attribute(citation.title or citation.name, 120)
    return (
        f'<a class="c" href="#cite-{plain(message_id)}-{citation.n}" role="button"'
        f' aria-label="Footnote {citation.n}: {source}"'
        f' data-source="{source}" data-passage="{attribute(citation.text)}">{citation.n}</a>'
    )


def _text(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    citations: Mapping[int, Citation] = env["citations"]

    def replaced(found: re.Match[str]) -> str:
        citation = citations.get(int(found.group(1)))
        return chip(str(env["message"]), citation) if citation else found.group(0)

    pieces = []
    for piece in re.split(f"([{OPEN}{CLOSE}])", tokens[index].content):
        if piece == OPEN:
            env["doubted"] = bool(env["marks"])
        elif piece == CLOSE:
            pieces.append(env["marks"].pop(0) if env["doubted"] else "")
            env["doubted"] = False
        elif piece:
            shown = _CODE.sub(r'<span class="whole">\g<0></span>', html.escape(piece))
            shown = _FOOTNOTE.sub(replaced, shown)
            kind = "none" if env["doubted"] and 'class="doubt none"' in env["marks"][0] else "part"
            pieces.append(f'<span class="doubted {kind}">{shown}</span>' if env["doubted"] else shown)
    return "".join(pieces)


def _escaped(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return html.escape(tokens[index].content)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    parser.enable(["table", "strikethrough"]).disable(_RULES_OFF)
    rule: Any = _text
    escaped: Any = _escaped
    parser.add_render_rule("text", rule)
    parser.disable("text_join")  # it would join an escaped bracket to its neighbours, and a quoted [1] became a chip
    parser.add_render_rule("text_special", escaped)
    return parser


_MARKDOWN = _parser()
