"""What a page's own styles hide from its readers: declarations of an element, and of the rules that name its class.

Only what hides without doubt and without a script: text of no size, no opacity, the colour of its own background, or
far off the page. Rules are read where a page has no script, which could show again what they hide; of selectors a tag,
a class or an id alone. Not covered: sizes and colours that follow from other elements, fetched stylesheets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_RULE = re.compile(r"([^{};]*)\{")
_SIMPLE = re.compile(r"([a-z][a-z0-9]*)?([.#][\w-]+)?", re.I)
_LENGTH = re.compile(r"(-?\d*\.?\d+)\s*([a-z%]*)", re.I)
_COLOURS = {"white": "ffffff", "black": "000000"}
_FAR = -900  # pixels
_MOST = 2000  # rules that are read


def hides(style: str) -> bool:
    """Whether the declarations of a style attribute or a rule hide what they are about."""
    said = dict(_declarations(style))
    if said.get("display") == "none" or said.get("visibility") in ("hidden", "collapse"):
        return True
    if _is_nothing(said.get("opacity", ""), 0.02) or _is_nothing(said.get("font-size", ""), 1.0):
        return True
    if said.get("position") in ("absolute", "fixed") and any(_is_far(said.get(side, "")) for side in ("left", "top")):
        return True
    if _is_far(said.get("text-indent", "")):
        return True
    colour, behind = _colour(said.get("color", "")), said.get("background-color", said.get("background", ""))
    return colour == "transparent" or (bool(colour) and colour == _colour(behind))


def hidden_selectors(css: str) -> frozenset[str]:
    """The selectors "tag", ".class", "#id" and "tag.class" of rules that hide; blocks of at-rules are passed over."""
    found: set[str] = set()
    for selectors, body in _rules(re.sub(r"/\*.*?(\*/|$)", "", css, flags=re.S)):
        if hides(body):
            found.update(one.strip().lower() for one in selectors.split(",") if _SIMPLE.fullmatch(one.strip()))
    return frozenset(found - {"", "html", "body"})


def matches(selectors: frozenset[str], tag: str, attributes: dict[str, str | None]) -> bool:
    """Whether one of `selectors` names the element."""
    if not selectors:
        return False
    names = [f".{name.lower()}" for name in (attributes.get("class") or "").split()[:50]]
    if given := attributes.get("id"):
        names.append(f"#{given.lower()}")
    return tag in selectors or any(name in selectors or f"{tag}{name}" in selectors for name in names)


def _rules(css: str) -> Iterator[tuple[str, str]]:
    at = 0
    for _ in range(_MOST):
        found = _RULE.search(css, at)
        if found is None:
            return
        end = _end_of_block(css, found.end())
        if not found[1].strip().startswith("@"):
            yield found[1], css[found.end() : end]
        at = end + 1


def _end_of_block(css: str, at: int) -> int:
    depth = 1
    for brace in re.finditer(r"[{}]", css[at:]):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return at + brace.start()
    return len(css)


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for one in style[:10_000].split(";"):
        name, _, value = one.partition(":")
        yield name.strip().lower(), value.replace("!important", "").strip().lower()


def _is_nothing(value: str, most: float) -> bool:
    found = _LENGTH.fullmatch(value)
    return found is not None and 0 <= float(found[1]) <= (most if found[2] in ("", "px", "pt") else 0.02)


def _is_far(value: str) -> bool:
    found = _LENGTH.fullmatch(value)
    return found is not None and float(found[1]) * {"em": 16, "rem": 16}.get(found[2], 1) <= _FAR


def _colour(value: str) -> str:
    value = _COLOURS.get(value, value).lstrip("#")
    if numbers := re.fullmatch(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+%?))?\s*\)", value):
        if numbers[4] in ("0", "0.0", "0%"):
            return "transparent"
        return "".join(f"{int(number):02x}" for number in numbers.groups()[:3])
    if re.fullmatch(r"[0-9a-f]{3}", value):
        return "".join(2 * digit for digit in value)
    return value if re.fullmatch(r"[0-9a-f]{6}", value) or value == "transparent" else ""
