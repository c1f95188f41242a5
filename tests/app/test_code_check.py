"""What is said of code in an answer."""

from __future__ import annotations

import pytest

from app import code_check
from app.code_check import checked, with_checks
from app.events import Ended
from storage.types import MessageState, Support, Verdict

SHELL = "import subprocess\nsubprocess.call('ls ' + x, shell=True)  # nosec\n"


def said(code: str, language: str = "python", mark: str = "```") -> str:
    text, _ = with_checks(f"Before.\n\n{mark}{language}\n{code}{mark}\n\nAfter.")
    assert text.startswith(f"Before.\n\n{mark}{language}\n{code}{mark}\n\n*Code check:* ")
    assert text.rstrip().endswith("After.")
    return text.split("*Code check:* ")[1].split("\n")[0]


def test_insecure_code_is_named_by_line_the_worst_first() -> None:
    pytest.importorskip("bandit", reason="the extra `code` is not installed")
    words = said(SHELL)
    assert words.startswith("bandit warns of line 2: ")
    assert "(B602, high); line 1:" in words


def test_code_without_a_finding_is_not_called_safe() -> None:
    pytest.importorskip("bandit", reason="the extra `code` is not installed")
    assert said("print(1)\n", "py", "~~~~") == (
        "nothing insecure was found by bandit. That is no proof that it is safe."
    )


@pytest.mark.parametrize("code", ["print 1 (\n", "(" * 6000 + "\n", "x = '\\ud800\n", "\0\n"])
def test_what_is_no_python_was_not_checked(code: str) -> None:
    pytest.importorskip("bandit", reason="the extra `code` is not installed")
    assert said(code) == "not checked, as it can't be read as Python."


def test_other_languages_were_not_checked() -> None:
    assert said("rm -rf /\n", "bash") == "not checked, as there is no scanner for bash."
    assert "\\[1\\]" in said("x\n", "[1]")


def test_without_the_extra_the_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_check, "available", lambda: False)
    assert "was not checked" in said(SHELL)


def test_too_much_is_not_checked() -> None:
    assert said("x = 1\n" * 5000) == "not checked, as it is too long."
    text, _ = with_checks("```sh\n```\n" * 12)
    assert text.count("too many blocks") == 2


def test_text_without_closed_blocks_is_left_alone() -> None:
    for text in ("no code", "```py\nx = 1", "`inline`"):
        assert with_checks(text) == (text, ())


def test_only_a_model_s_answer_is_checked_and_verdicts_stay_on_their_sentences() -> None:
    text = "First. [1]\n\n```sh\nls\n```\n\nLast one. [2]"
    verdicts = tuple(Verdict(text.index(one), text.index(one) + 5, Support.FULL) for one in ("First", "Last "))
    ended = Ended(text, (), MessageState.DONE, "m", 1.0, None, verdicts, prompt_version="1")
    (event,) = checked(iter([ended]))
    assert isinstance(event, Ended)
    assert "no scanner for sh" in event.text
    assert [event.text[one.start : one.end] for one in event.verdicts] == ["First", "Last "]
    quoted = Ended(text, (), MessageState.DONE, "", 1.0, None)
    assert list(checked(iter([quoted]))) == [quoted]
