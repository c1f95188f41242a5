"""A model file's own chat template, rendered so that the words of messages can never pass for control tokens.

The template comes with the model file, so it is foreign code: it runs in jinja2's sandbox (CVE-2024-34359 was a
template that did not). It never sees a message's text, only a mark in its place. What it writes is the model's frame
and may hold control tokens; what stands for a mark may not.

Not covered: turning the parts into tokens, which is the engine's work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from storage.errors import InvalidInput

# for files made without a template, where the vocabulary says that it is Llama 3's
LLAMA_3 = (
    "{% for message in messages %}{% if loop.first %}{{ bos_token }}{% endif %}"
    "{{ '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\n\n' ~ message.content ~ '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)

_MARK = re.compile("\ue000(\\d+)\ue001")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a prompt: the template's frame, or the text of a message."""

    text: str
    frame: bool


class ChatTemplate:
    """Raises InvalidInput when `source` is no template."""

    def __init__(self, source: str, *, bos: str = "", eos: str = "") -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
        self.source, self.bos, self.eos = source, bos, eos
        self._names = {"bos_token": bos, "eos_token": eos}
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise InvalidInput(f"The model file's chat template can't be read: {error}. Use another file.") from error

    def render(self, messages: Sequence[dict[str, str]]) -> list[Part]:
        """The prompt up to where the answer begins, in order. Each message's text is one part, stripped.

        Raises InvalidInput when the template refuses the messages or leaves one out: roles in an order that it does
        not know, or a system message for a model without one.
        """
        marked = [
            {"role": message["role"], "content": f"\ue000{number}\ue001"} for number, message in enumerate(messages)
        ]
        try:
            rendered = self._template.render(messages=marked, add_generation_prompt=True, **self._names)
        except (TemplateError, TypeError, ValueError) as error:
            raise InvalidInput(f"The model's chat template does not take these messages: {error}") from error
        pieces = _MARK.split(rendered)  # frame, number, frame, number, ... frame
        missing = set(range(len(messages))) - {int(number) for number in pieces[1::2]}
        if missing:
            role = messages[min(missing)]["role"]
            raise InvalidInput(f"The model's chat template leaves out the {role} message. Use another model file.")
        parts = [
            Part(messages[int(piece)]["content"].strip(), frame=False) if index % 2 else Part(piece, frame=True)
            for index, piece in enumerate(pieces)
        ]
        return [part for part in parts if part.text]


def runs(parts: Sequence[Part], controls: Callable[[str], Sequence[str]]) -> list[Part]:
    """The same prompt as control tokens, whose part is a frame, and plain text between them, in as few parts as can be.

    A tokenizer must see a text together with the plain words of the frame around it: some begin every text that they
    are given with a space, and words that touch become other tokens. `controls` names the control tokens in a frame.
    """
    found: list[Part] = []
    for part in parts:
        names = sorted(controls(part.text), key=len, reverse=True) if part.frame else []
        pieces = re.split(f"({'|'.join(map(re.escape, names))})", part.text) if names else [part.text]
        for index, piece in enumerate(pieces):
            if index % 2 == 0 and found and not found[-1].frame:
                found[-1] = Part(found[-1].text + piece, frame=False)
            elif piece:
                found.append(Part(piece, frame=index % 2 == 1))
    return found


def _refuse(reason: str) -> None:
    raise TemplateError(reason)
