from __future__ import annotations

from app.cells import checked_row, flat
from app.checked_text import CheckedText, joined
from storage.types import Support, Verdict


def checked(text: str, *spans: str) -> CheckedText:
    places = [(text.index(span), text.index(span) + len(span)) for span in spans]
    return CheckedText(
        text, tuple(Verdict(*place, Support.FULL, span) for place, span in zip(places, spans, strict=True))
    )


def said(text: CheckedText) -> list[str]:
    return [text.text[verdict.start : verdict.end] for verdict in text.verdicts]


def test_verdicts_move_with_their_words() -> None:
    whole = joined("\n\n", [checked("One day.", "One day."), checked("And two more.", "two more.")]) + "!"
    assert whole.text == "One day.\n\nAnd two more.!"
    assert said(whole) == ["One day.", "two more."]


def test_they_follow_what_becomes_of_the_text() -> None:
    notes = checked("# Leave\n- 30 days [1].\n- It  lapses [2].", "- 30 days [1].", "- It  lapses [2].")
    cell = notes.put_through(flat)
    assert cell.text == "Leave · 30 days [1]. · It  lapses [2]."
    assert said(cell) == ["30 days [1].", "It  lapses [2]."]
    row = checked_row([CheckedText("**A|B**"), cell])
    assert row.text == "| **A/B** | Leave · 30 days [1]. · It lapses [2]. |\n"
    assert said(row) == ["30 days [1].", "It lapses [2]."]


def test_a_verdict_goes_with_its_words_and_the_others_stay() -> None:
    text = checked("Keep this. Drop that. Keep it.", "Keep this.", "Drop that.", "Keep it.")
    assert said(text.put_through(lambda words: words.replace("Drop that.", ""))) == ["Keep this.", "Keep it."]
    assert said(text.put_through(lambda words: words[words.index("Keep it") - 1 :])) == ["Keep it."]


def test_signs_of_the_text_itself_are_no_ends() -> None:
    hostile = "Take \U000f0000 this \U000f0001 away."
    kept = checked(hostile, "this").put_through(lambda words: words)
    assert said(kept) == ["this"]
    assert kept.text == "Take \N{REPLACEMENT CHARACTER} this \N{REPLACEMENT CHARACTER} away."


def test_what_was_left_out_is_told_without_the_text() -> None:
    gone = Verdict(3, 3, Support.NONE, "No.", (9,), left_out="Globex pays.")
    wrong = Verdict(0, 12, Support.PART, "Nearly.", (1,))
    text = CheckedText("It pays [1].", (wrong, gone, Verdict(0, 2, Support.FULL)))
    assert text.left_out((4,)) == (
        Verdict(0, 0, Support.PART, "Nearly.", (4,), "It pays."),
        Verdict(0, 0, Support.NONE, "No.", (4,), "Globex pays."),
    )
    assert said(checked_row([text])) == ["It pays [1].", "", "It"]
    assert checked_row([text]).verdicts[1].left_out == "Globex pays."
