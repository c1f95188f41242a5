"""One file, on disk or inside another, read by its format. Only the module of its format is imported."""

from __future__ import annotations

from ingest.formats.detection import PICTURES, detect
from ingest.formats.members import Budget
from ingest.formats.sections import File, Reading


def read(file: File, name: str, budget: Budget) -> tuple[str, Reading]:
    """The format and what was read. Raises DocumentError with a reason and a remedy."""
    kind = detect(file, name)
    if kind == "pdf":
        return kind, _pdf(file, budget)
    if kind in PICTURES:
        from ingest.formats import picture

        limits = {"max_pages": budget.pages, "max_characters": budget.characters}
        return kind, picture.read(file, **limits, no_ocr=budget.no_ocr)
    if kind in {"docx", "pptx", "xlsx", "odt", "ods", "odp", "epub"}:
        return kind, _package(kind, file, budget)
    if kind in {"eml", "msg", "zip"}:
        return kind, _container(kind, file, budget)
    return kind, _single(kind, file, budget.characters)


def _pdf(file: File, budget: Budget) -> Reading:
    from ingest.formats import pdf

    if budget.careful:
        return pdf.read_plainly(file, max_pages=budget.pages, max_characters=budget.characters)
    return pdf.read(file, max_pages=budget.pages, max_characters=budget.characters, no_ocr=budget.no_ocr)


def _package(kind: str, file: File, budget: Budget) -> Reading:
    """Formats that are ZIP archives inside."""
    limits = {"max_characters": budget.characters, "max_unpacked": budget.unpacked}
    match kind:
        case "docx":
            from ingest.formats import office

            return office.read(file, **limits)
        case "pptx":
            from ingest.formats import slides

            return slides.read(file, **limits)
        case "xlsx":
            from ingest.formats import workbook

            return workbook.read_xlsx(file, **limits)
        case "epub":
            from ingest.formats import book

            return book.read(file, **limits)
    from ingest.formats import opendocument

    readers = {"odt": opendocument.read_text, "ods": opendocument.read_sheets, "odp": opendocument.read_slides}
    return readers[kind](file, **limits)


def _container(kind: str, file: File, budget: Budget) -> Reading:
    """Formats that hold files."""
    if kind == "zip":
        from ingest.formats import archive

        return archive.read(file, budget=budget)
    from ingest.formats import mail

    return (mail.read_eml if kind == "eml" else mail.read_msg)(file, budget=budget)


def _single(kind: str, file: File, max_characters: int) -> Reading:
    match kind:
        case "html":
            from ingest.formats import web

            return web.read(file, max_characters=max_characters)
        case "rtf":
            from ingest.formats import rtf

            return rtf.read(file, max_characters=max_characters)
        case "xls":
            from ingest.formats import workbook

            return workbook.read_xls(file, max_characters=max_characters)
        case "csv":
            from ingest.formats import delimited

            return delimited.read(file, max_characters=max_characters)
        case "json" | "jsonl":
            from ingest.formats import structured

            reader = structured.read if kind == "json" else structured.read_lines
            return reader(file, max_characters=max_characters)
    from ingest.formats import text

    return (text.read_markdown if kind == "markdown" else text.read_plain)(file, max_characters=max_characters)
