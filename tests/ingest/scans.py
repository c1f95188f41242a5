"""Pages as a scanner makes them: printed with Pillow, then turned, blurred and spotted a little."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

FONT = next(
    path
    for path in (
        Path("/usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf"),
        Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"),
        Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
        None,
    )
    if path is None or path.exists()
)
LETTER = [
    "The warranty of the pump ends after",
    "thirty months. It does not cover seals",
    "that were worn by sand in the water.",
]


def typeface(size):
    return ImageFont.truetype(str(FONT), size) if FONT else ImageFont.load_default(size)


def printed(blocks, *, size=(1240, 1754), type_size=32):
    """A page of A4 at 150 dpi; a block is (left, top, lines) or (left, top, lines, type size)."""
    page = Image.new("L", size, 255)
    draw = ImageDraw.Draw(page)
    for left, top, lines, *own in blocks:
        height = own[0] if own else type_size
        for number, line in enumerate(lines):
            draw.text((left, top + number * height * 1.5), line, font=typeface(height), fill=20)
    return page


def scanned(page, *, angle=0.7, noise=6, seed=1):
    """As it comes from a scanner: askew, a little unsharp, with grain."""
    page = page.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.6))
    grain = np.random.default_rng(seed).normal(0, noise, (page.height, page.width))
    return Image.fromarray(np.clip(np.asarray(page, np.float32) - 6 + grain, 0, 255).astype(np.uint8))


def letter(heading="Terms of warranty", lines=LETTER):
    return printed([(150, 150, [heading], 60), (150, 330, lines)])


def saved(page, kind="PNG", **options):
    data = io.BytesIO()
    page.save(data, kind, **options)
    return data.getvalue()


def pdf(pages, *, rotation=0):
    """A page that is a picture is drawn over all of it; one that is a list of lines is set as text."""
    data = io.BytesIO()
    sheet = canvas.Canvas(data, pagesize=(595, 842))
    for page in pages:
        if rotation:
            sheet.setPageRotation(rotation)
        if isinstance(page, Image.Image):
            sheet.drawImage(ImageReader(page), 0, 0, 595, 842)
        else:
            for number, line in enumerate(page):
                sheet.drawString(72, 780 - 15 * number, line)
        sheet.showPage()
    sheet.save()
    return data.getvalue()
