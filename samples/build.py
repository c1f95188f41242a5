"""Writes the sample documents from the text in `sources/`, the same every run.

`samples.toml` names each file and its title; the source of the same stem holds a small front matter and Markdown.
It writes neither `samples.toml` nor `questions.jsonl`, and nothing in the product imports it.
"""

from __future__ import annotations

import io
import sys
import zipfile
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from pdf import write_pdf
from source import COMPANY, HERE, MARKDOWN, Rows, Source, bold_runs, parse, read_sources

DARK = RGBColor(0x12, 0x3A, 0x4D)
WORD_STYLES = {"bullets": "List Bullet", "numbers": "List Number", "note": "Intense Quote", "paragraph": "Normal"}
ZIP_TIME = (2026, 1, 1, 0, 0, 0)


def write_docx(source: Source) -> bytes:
    doc = Document()
    _describe(doc, source)
    doc.add_paragraph(source.title, style="Title")
    doc.add_paragraph(source.front["subtitle"], style="Subtitle")
    _add_table(doc, source.control, header=False)
    for block in parse(source.body):
        if block.kind == "heading":
            doc.add_heading(block.lines[0], block.level)
        elif block.kind == "table":
            _add_table(doc, block.rows)
        else:
            for line in block.lines:
                paragraph = doc.add_paragraph(style=WORD_STYLES[block.kind])
                paragraph.paragraph_format.keep_with_next = block.is_caption
                for text, bold in bold_runs(line):
                    paragraph.add_run(text).bold = bold or None
    out = io.BytesIO()
    doc.save(out)
    return _with_fixed_times(out.getvalue())


def _describe(doc: Any, source: Source) -> None:
    props = doc.core_properties
    props.title, props.subject, props.language = source.title, source.front["subtitle"], source.language
    props.author = props.last_modified_by = COMPANY
    props.comments = ""
    props.created = props.modified = datetime.fromisoformat(source.front["written"])
    page = doc.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    page.left_margin = page.right_margin = Cm(2.4)
    page.header.paragraphs[0].text = f"{COMPANY} · {source.title}"
    page.footer.paragraphs[0].text = source.running
    page.footer.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER
    doc.styles["Normal"].font.name, doc.styles["Normal"].font.size = "Calibri", Pt(10.5)


def _add_table(doc: Any, rows: Rows, *, header: bool = True) -> None:
    table = doc.add_table(len(rows), len(rows[0]), style="Table Grid")
    for i, row in enumerate(rows):
        for cell, text in zip(table.rows[i].cells, row, strict=True):
            run = cell.paragraphs[0].add_run(text)
            run.font.size = Pt(9.5)
            if header and i == 0:
                run.bold, run.font.color.rgb = True, DARK
    if header:
        properties = table.rows[0]._tr.get_or_add_trPr()
        properties.append(properties.makeelement(qn("w:tblHeader"), {}))
    doc.add_paragraph()


def _with_fixed_times(package: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as new:
        for name, content in _members(package).items():
            new.writestr(zipfile.ZipInfo(name, ZIP_TIME), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _members(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_html(source: Source) -> bytes:
    css = (HERE / "sources" / "page.css").read_text(encoding="utf-8")
    control = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in source.control)
    page = (
        f'<!doctype html>\n<html lang="{source.language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(source.title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(source.title)}</h1>\n<dl>{control}</dl>\n{MARKDOWN.render(source.body)}</main>\n</body>\n</html>\n"
    )
    return page.encode()


def write_text(source: Source) -> bytes:
    return source.body.encode()


WRITERS = {".pdf": write_pdf, ".docx": write_docx, ".html": write_html, ".md": write_text, ".txt": write_text}


def same(target: Path, content: bytes) -> bool:
    """Whether the file holds `content`. A DOCX is compared member by member: zlib versions pack differently."""
    if not target.exists():
        return False
    committed = target.read_bytes()
    if target.suffix == ".docx":
        return _members(committed) == _members(content)
    return committed == content


def main(arguments: list[str]) -> int:
    """Writes every document; with --check writes nothing and returns 1 if a committed file differs."""
    if arguments not in ([], ["--check"]):
        print("usage: python samples/build.py [--check]")
        return 2
    differing = []
    for source in read_sources():
        target = HERE / "documents" / source.file
        content = WRITERS[target.suffix](source)
        if not arguments:
            target.write_bytes(content)
            print(f"{source.file}: {len(content):,} bytes")
        elif not same(target, content):
            differing.append(source.file)
    for name in differing:
        print(f"{name} differs from its source. Run: python samples/build.py")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
