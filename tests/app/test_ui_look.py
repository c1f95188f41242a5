import re
import tomllib
from pathlib import Path

import pytest

from app.ui import browser

CSS = (browser.FOLDER / "look.css").read_text(encoding="utf-8")
TOKENS = dict(re.findall(r"--([a-z]+): light-dark\((#\w+, #\w+)\);", CSS))


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *((text, ground) for text in ("ink", "soft", "accent") for ground in ("paper", "card")),
        ("accent", "chip"),
        ("on", "accent"),
    ],
)
def test_words_stand_out_from_their_ground_as_level_aa_asks(text: str, ground: str, theme: int) -> None:
    colours = [TOKENS[name].split(", ")[theme] for name in (text, ground)]
    assert contrast(*colours) >= 4.5


def test_nothing_in_the_stylesheet_or_the_theme_comes_from_elsewhere() -> None:
    config = (browser.FOLDER / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    for source in (CSS, config, *(path.read_text(encoding="utf-8") for path in browser.FOLDER.glob("components/*"))):
        assert not re.search(r"https?:|@import|url\(", source)
    faces = tomllib.loads(config)["theme"]["fontFaces"]
    for face in faces:
        assert (browser.FOLDER / face["url"].removeprefix("app/")).is_file()


def test_the_theme_and_the_stylesheet_agree_on_their_colours() -> None:
    theme = tomllib.loads((browser.FOLDER / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    named = {"backgroundColor": "paper", "textColor": "ink", "primaryColor": "accent", "borderColor": "line"}
    for option, token in named.items():
        assert f"{theme['light'][option]}, {theme['dark'][option]}" == TOKENS[token]


def test_the_pictures_of_the_pages_are_there() -> None:
    assert Path(browser.FAVICON).read_bytes().startswith(b"\x89PNG")
    for name in ("logo.svg", "logo-dark.svg"):
        assert "<svg" in (browser.FOLDER / "static" / name).read_text(encoding="utf-8")
