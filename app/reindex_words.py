"""What is said of a generation, on the page, by the command and by /api: the same words and figures."""

from __future__ import annotations

from typing import Any

from app.ui.wording import time_left
from storage.generations import Generation, GenerationState, Progress

STATES = {
    GenerationState.BUILDING: "being made",
    GenerationState.COMPARING: "being compared with the live one",
    GenerationState.REFUSED: "refused",
    GenerationState.ACCEPTED: "about to be live",
    GenerationState.FAILED: "failed",
    GenerationState.LIVE: "live",
    GenerationState.KEPT: "kept for going back",
    GenerationState.REMOVING: "being removed",
    GenerationState.REMOVED: "removed",
}
MEASURES = {"recall@10": "Recall @10", "ndcg@10": "nDCG @10", "seconds": "Search, median"}


def passages_of(generation: Generation) -> str:
    if not generation.passage_tokens:
        return "passages as suit the model"
    return f"passages of about {generation.passage_tokens} tokens"


def compared(generation: Generation) -> list[tuple[str, str, str]]:
    """Measure, live one, this one, in words; empty without a comparison."""
    live, new = generation.comparison.get("live"), generation.comparison.get("new")
    if not live or not new:
        return []
    return [(label, _value(name, live[name]), _value(name, new[name])) for name, label in MEASURES.items()]


def compared_by(generation: Generation) -> str:
    """What was asked."""
    known = generation.comparison
    if not known:
        return ""
    if known.get("kind") == "nothing":
        return "There was nothing to compare by."
    if known.get("kind") == "headings":
        return f"There is no question set that fits, so {known['questions']} headings were asked for their own pages."
    return f"{known['questions']} questions of {known['set']}."


def left(progress: Progress) -> str:
    """How long it will take, as far as that is known."""
    seconds = progress.seconds_left
    return "time left not known yet" if seconds is None else time_left(seconds)


def as_object(generation: Generation, progress: Progress | None) -> dict[str, Any]:
    """For JSON."""
    shown = {name: getattr(generation, name) for name in Generation.__dataclass_fields__ if name != "gate"}
    if progress is not None:
        shown["progress"] = {
            **{name: getattr(progress, name) for name in Progress.__dataclass_fields__},
            "seconds_left": progress.seconds_left,
        }
    return shown


def _value(name: str, value: float) -> str:
    return f"{1000 * value:.0f} ms" if name == "seconds" else f"{value:.3f}"
