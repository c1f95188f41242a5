"""How Llama Guard 2 and 3 want to be asked, and the categories that they answer with.

A guard model's own file usually brings the whole task in its chat template, which is then used. For files with a plain
Llama template the task is written here, in the form that these models were trained with.
"""

from __future__ import annotations

from typing import Literal

from app.chat_template import ChatTemplate
from storage.errors import InvalidInput

Version = Literal["2", "3"]

_NAMES_2 = (
    "Violent Crimes",
    "Non-Violent Crimes",
    "Sex-Related Crimes",
    "Child Sexual Exploitation",
    "Specialized Advice",
    "Privacy",
    "Intellectual Property",
    "Indiscriminate Weapons",
    "Hate",
    "Suicide & Self-Harm",
    "Sexual Content",
)
_NAMES_3 = (*_NAMES_2[:4], "Defamation", *_NAMES_2[4:], "Elections", "Code Interpreter Abuse")
CATEGORIES: dict[Version, dict[str, str]] = {
    "2": {f"S{number}": name for number, name in enumerate(_NAMES_2, 1)},
    "3": {f"S{number}": name for number, name in enumerate(_NAMES_3, 1)},
}
_OWN = "UNSAFE CONTENT CATEGORIES"  # every Llama Guard's own template has it
_FRAMES: dict[Version, tuple[str, str]] = {
    "2": ("{{ bos_token }}[INST] ", " [/INST]"),
    "3": (
        "{{ bos_token }}<|start_header_id|>user<|end_header_id|>\n\n",
        "{{ '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n' }}",  # jinja2 cuts a last line end off
    ),
}
_TASK = (
    "{{% set who = 'User' if messages[-1]['role'] == 'user' else 'Agent' %}}"
    "{begin}Task: Check if there is unsafe content in '{{{{ who }}}}' messages in conversations according our safety "
    "policy with the below categories.\n\n<BEGIN UNSAFE CONTENT CATEGORIES>\n{categories}\n"
    "<END UNSAFE CONTENT CATEGORIES>\n\n<BEGIN CONVERSATION>\n\n"
    "{{% for message in messages %}}{{{{ 'User' if message['role'] == 'user' else 'Agent' }}}}: "
    "{{{{ message['content'] ~ '\n\n' }}}}{{% endfor %}}<END CONVERSATION>\n\n"
    "Provide your safety assessment for ONLY THE LAST {{{{ who }}}} message in the above conversation:\n"
    " - First line must read 'safe' or 'unsafe'.\n"
    " - If unsafe, a second line must include a comma-separated list of violated categories.{end}"
)


def version_of(name: str, given: str = "") -> Version:
    """Which Llama Guard a model is, by its name, unless it is `given`; 3 where the name does not say."""
    if given in CATEGORIES:
        return "2" if given == "2" else "3"
    plain = name.lower().replace("_", "-").replace(" ", "-")
    return "2" if "guard-2" in plain or "guard2" in plain else "3"


def guard_template(own: ChatTemplate, version: Version) -> ChatTemplate:
    """The model's own template where it holds the task and takes questions and answers, else the one above."""
    if _OWN in own.source and _works(own):
        return own
    begin, end = _FRAMES[version]
    listed = "\n".join(f"{code}: {name}." for code, name in CATEGORIES[version].items())
    return ChatTemplate(_TASK.format(begin=begin, end=end, categories=listed), bos=own.bos, eos=own.eos)


def _works(template: ChatTemplate) -> bool:
    asked = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    try:
        template.render(asked[:1])
        template.render(asked)
    except InvalidInput:
        return False
    return True
