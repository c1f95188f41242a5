"""A model file as a line of the list, as HTML. Pure functions."""

from __future__ import annotations

from app import model_words
from app.model_list import Entry, Models
from app.ui.indicators import marked
from app.ui.safe_html import plain
from app.ui.wording import counted, number

HEAD = '<div class="line model head"><span>Model</span><span>Expected wait</span><span>State</span></div>'


def row(entry: Entry, models: Models) -> str:
    """One file, with how long a typical question takes with it and what it does now."""
    size = model_words.size(entry.size)
    return (
        f'<div class="line model"><div class="wide"><b title="{plain(entry.file)}"><bdi>{plain(name(entry))}</bdi></b>'
        f"<small>{plain(model_words.about(entry))}<br>{size}</small></div>"
        f'<div class="wide">{_wait(entry)}</div><div class="wide">{_state(entry, models)}</div></div>'
    )


def name(entry: Entry) -> str:
    return entry.file.removesuffix(".gguf")


def _wait(entry: Entry) -> str:
    if entry.problem:
        return ""
    speeds = f"reads {number(round(entry.prompt_speed))}, writes {entry.answer_speed:,.1f} tokens a second"
    return f"{model_words.wait(entry.wait)} <small>{model_words.how_known(entry.measured)}: {speeds}</small>"


def _state(entry: Entry, models: Models) -> str:
    change = models.change
    if change and change.under_way and change.to == entry.file:
        left = f"after {counted(change.finishing, 'answer')} of the old one" if change.finishing else "being loaded"
        return marked("busy", "Changing", left)
    if entry.file == models.loaded and not models.reason:
        running, waiting = int(models.figures.get("running", 0)), int(models.figures.get("waiting", 0))
        now = f"{running} running, {waiting} waiting" if running or waiting else f"{number(models.context)} tokens"
        return marked("ok", "Answers", now)
    if entry.problem:
        return marked("bad", "Unusable")
    return "Here" if entry.fits else 'Here<small class="weak">does not fit into memory</small>'
