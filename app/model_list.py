"""The models process's list of models, as values that every part can read."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `problem` says why it can't be used; then the figures below it are zero.

    `parameters` in billions, `context` in tokens, `pulled` when it came ("": it was put here by hand), `wait` in
    seconds for a typical question, `measured`: with this model on this machine.
    """

    file: str
    size: int
    problem: str = ""
    architecture: str = ""
    parameters: float = 0.0
    quantization: str = ""
    context: int = 0
    pulled: str = ""
    prompt_speed: float = 0.0
    answer_speed: float = 0.0
    wait: float = 0.0
    measured: bool = False
    fits: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """`to` is the file's name; `problem` why it could not be loaded; `finishing` answers that the old one writes."""

    to: str
    under_way: bool
    problem: str = ""
    finishing: int = 0


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """A LoRA adapter. `problem` says why it can't be used; `fits` names the model files here that it is made for.

    `base` is the model that it was trained on, in its own words: "" where it does not say.
    """

    file: str
    size: int
    problem: str = ""
    architecture: str = ""
    base: str = ""
    rank: int = 0
    fits: tuple[str, ...] = ()


class Models(BaseModel):
    """What there is and what answers. `loaded` is a file's name, "" while none answers; then `reason` says why.

    `wanted`: a model is there or on its way; else answers quote the documents until one is chosen.
    """

    machine: str
    folder: str = ""  # where model files lie
    loaded: str
    wanted: bool = True
    reason: str
    figures: dict[str, float]
    context: int
    change: Change | None
    adapters: list[AdapterFile] = []
    models: list[Entry]
