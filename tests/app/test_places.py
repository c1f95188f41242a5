"""What a section is called, wherever a passage of it is shown."""

from app.prompt import Prompt
from app.search import unit_of, where
from app.ui.articles import place
from storage.types import Passage


def passage(name: str, heading: str = "", called: str = "") -> Passage:
    return Passage("c", "d", "v", "Review", name, 3, 0, 5, heading, "Words", place=called)


def test_a_slide_a_sheet_and_an_attachment_are_called_by_their_names() -> None:
    slide = passage("review.pptx", "Goals", "Slide 3")
    sheet = passage("budget.xlsx", "Budget", "Sheet Budget, rows 41-80")
    attached = passage("mail.eml", "Attachment a.pdf > Leave", "Attachment a.pdf, page 2")
    assert where(slide) == "Slide 3 · Goals"
    assert where(attached) == "Attachment a.pdf, page 2 · Leave"
    assert place(slide).where == "Slide 3, Goals"
    assert place(sheet).where == "Sheet Budget, rows 41-80"
    assert "(Review, Slide 3, Goals)" in Prompt(question="?", passages=(slide,)).messages()[-1]["content"]


def test_pages_and_headings_stay_what_they_were() -> None:
    assert (unit_of(passage("a.pdf")), unit_of(passage("a.md", "Leave"))) == ("p. 3", "")
    assert where(passage("a.md")) == "section 3"
    assert "(Review, page 3)" in Prompt(question="?", passages=(passage("a.pdf"),)).messages()[-1]["content"]
