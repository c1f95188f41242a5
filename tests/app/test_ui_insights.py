"""The insights page: who sees it, question sets, comments that become questions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.insights_site import EVERYONE, Site, address, choose, line, open_site, press, text


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with open_site(tmp_path, monkeypatch) as site:
        yield site


def fill(page: AppTest, question: str, **pages: str) -> None:
    """The form in one go: AppTest can't run a dialog by itself, which is how its fields for pages appear."""
    page.text_area(key="form_text").set_value(question)
    page.multiselect(key="form_documents").set_value(list(pages))
    for name, given in pages.items():
        page.session_state[f"form_pages_{name}"] = given


def test_members_get_nothing_of_it(site: Site) -> None:
    set_id = site.set("Leave", line())
    site.comment("How many?", "30", "It is 28.")
    for view in ("", "sets", "feedback", "runs"):
        page = site.open(view, "mia", set=set_id)
        assert "for admins" in text(page)
        assert not page.button
        assert not page.get("menu_button")


def test_a_callback_runs_with_the_rights_of_now(site: Site) -> None:
    page = press(site.open("sets"), "New question set")
    page.text_input(key="set_name").set_value("Mine")
    site.token = site.office.tokens["mia"]
    press(page, "Create")
    assert site.evaluations.sets(site.anna) == []


# question sets


def test_empty_views_say_what_to_do(site: Site) -> None:
    assert "No questions in this time" in text(site.open())
    assert "No question set yet" in text(site.open("sets"))
    assert "No comments to look at" in text(site.open("feedback"))
    assert "No evaluation yet" in text(site.open("runs"))
    page = site.open("sets", set=site.set())
    assert "No questions yet" in text(page)
    (evaluate,) = [button for button in page.button if button.label == "Evaluate"]
    assert evaluate.disabled


def test_a_new_set_opens_and_a_taken_name_is_refused(site: Site) -> None:
    page = press(site.open("sets"), "New question set")
    page.text_input(key="set_name").set_value("Leave <b>")
    page = press(page, "Create").run()
    (kept,) = site.evaluations.sets(site.anna)
    assert address(page) == {"view": "sets", "set": kept.id}
    assert "Leave &lt;b&gt;" in text(page)
    page = press(site.open("sets"), "New question set")
    page.text_input(key="set_name").set_value("leave <B>")
    assert "already a question set" in text(press(page, "Create"))


def test_a_question_is_added_by_form_with_its_documents_and_pages(site: Site) -> None:
    site.office.pdf("leave.pdf", EVERYONE)
    set_id = site.set()
    page = press(site.open("sets", set=set_id), "Add question")
    assert "Write the question first." in text(press(page, "Save"))
    page = press(page, "Add question")
    fill(page, "How many days?", **{"leave.pdf": "4, x"})
    assert "Pages of leave.pdf: write numbers" in text(press(page, "Save"))
    page = press(page, "Add question")
    fill(page, "How many days?", **{"leave.pdf": "4; 6 4"})
    page.text_area(key="form_answers").set_value("30 days\nthirty days\n")
    page.text_area(key="form_also").set_value("leave.pdf: 9\ntravel.pdf")
    page = press(page, "Save")
    (content,) = site.contents(set_id)
    assert content["pages"] == [["leave.pdf", 4], ["leave.pdf", 6]]
    assert content["also"] == [["leave.pdf", 9], "travel.pdf"]
    assert content["answer"] == ["30 days", "thirty days"]
    shown = text(page)
    assert "Added." in shown
    assert "p. 4, 6" in shown


def test_of_documents_that_share_a_file_name_the_question_means_one(site: Site) -> None:
    site.office.add("leave.txt", EVERYONE, b"one")
    other, _ = site.office.add("leave.txt", EVERYONE, b"two")
    set_id = site.set()
    page = press(site.open("sets", set=set_id), "Add question")
    name = f"leave ({other[:8]}).txt"
    fill(page, "How many days?", **{name: ""})
    press(page, "Save")
    assert site.contents(set_id)[0]["sha256"].keys() == {name}
    assert site.evaluated(set_id).figures["document_recall@5"] == 1.0


def test_an_unanswerable_question_names_no_document(site: Site) -> None:
    set_id = site.set("Leave", line())
    page = site.open("sets", set=set_id)
    (question,) = site.evaluations.questions(set_id, site.anna)
    page = choose(page, f"menu_{question.id}", "Edit")
    page.radio(key="form_answered").set_value("No, they hold no answer")
    page = press(page, "Save").run()
    (content,) = site.contents(set_id)
    assert (content["doc"], content["pages"], content["kind"]) == ([], [], "unanswerable")
    assert "it has no answer" in text(page)


def test_editing_keeps_what_the_form_does_not_change(site: Site) -> None:
    given = line(id="a", kind="fact", also=[["leave.pdf", 9]], evidence=["30 days"], history=["And leave?"])
    set_id = site.set("Leave", given)
    (question,) = site.evaluations.questions(set_id, site.anna)
    page = choose(site.open("sets", set=set_id), f"menu_{question.id}", "Edit")
    press(page, "Save")
    assert site.contents(set_id) == [given]


def test_a_question_without_its_document_says_so(site: Site) -> None:
    site.office.pdf("leave.pdf", EVERYONE)
    gone, _ = site.office.pdf("pay.pdf", EVERYONE)
    set_id = site.set("Leave", line(), line("How much?", doc=["pay.pdf"], pages=[]))
    assert "not here any more" not in text(site.open("sets", set=set_id))
    site.office.documents.begin_delete(gone, site.anna)
    shown = text(site.open("sets", set=set_id))
    assert shown.count("not here any more") == 1
    assert "pay.pdf</bdi></span> is no document here" in shown


def test_questions_are_found_turned_and_deleted(site: Site) -> None:
    set_id = site.set("Leave", *(line(f"Question {n:02}?") for n in range(52)))
    page = site.open("sets", set=set_id)
    assert text(page).count('class="line question"') == 50
    assert "51 to 52 of 52" in text(press(page, "Next"))
    page.text_input(key="find_question").set_value("question 07").run()
    assert text(page).count('class="line question"') == 1
    question = site.evaluations.questions(set_id, site.anna)[7]
    page = choose(page, f"menu_{question.id}", "Delete")
    assert "The question was deleted." in text(page)
    assert len(site.contents(set_id)) == 51


def test_what_was_imported_is_said(site: Site) -> None:
    set_id = site.set()
    page = site.open("sets", set=set_id)
    site.imported.append("2 added from <leave>.jsonl.")
    assert "2 added from &lt;leave&gt;.jsonl." in text(page.run())
    assert "2 added" not in text(page.run())


def test_a_set_is_renamed_and_deleted_with_its_runs(site: Site) -> None:
    site.office.pdf("leave.pdf", EVERYONE)
    set_id = site.set("Leave", line())
    site.evaluated(set_id)
    page = choose(site.open("sets"), f"menu_{set_id}", "Rename")
    page.text_input(key="set_renamed").set_value("Holidays")
    press(page, "Save")
    assert site.evaluations.set(set_id, site.anna).name == "Holidays"
    page = choose(site.open("sets"), f"menu_{set_id}", "Delete")
    assert "1 question and every evaluation" in text(page)
    press(page, "Delete")
    assert (site.evaluations.sets(site.anna), site.evaluations.runs(site.anna)) == ([], [])


# comments


def test_a_comment_becomes_a_question_of_a_set(site: Site) -> None:
    document = site.office.pdf("leave.pdf", EVERYONE)
    set_id = site.set()
    message_id = site.comment("How many <days>?", "30 days. [1]", "It is <b>28</b>.", document)
    page = site.open("feedback")
    shown = text(page)
    assert "How many &lt;days&gt;?" in shown
    assert "It is &lt;b&gt;28&lt;/b&gt;." in shown
    assert "leave.pdf</bdi>, p. 1" in shown
    assert "mia" not in shown
    page = press(page, "Add to a question set")
    assert page.text_area(key="form_text").value == "How many <days>?"
    fill(page, "How many days?", **{"leave.pdf": "4"})
    page = press(page, "Add").run()
    assert [content["pages"] for content in site.contents(set_id)] == [[["leave.pdf", 4]]]
    assert message_id not in [one.message_id for one in site.feedback.candidates(site.anna)]
    assert "No comments to look at" in text(page)


def test_a_comment_is_dismissed(site: Site) -> None:
    site.comment("How many?", "30", "Too long.")
    page = press(site.open("feedback"), "Dismiss")
    assert "Dismissed." in text(page)
    assert site.feedback.count(site.anna) == 0


def test_an_answer_whose_document_is_gone_is_not_shown(site: Site) -> None:
    document = site.office.pdf("leave.pdf", EVERYONE)
    site.comment("How many?", "The secret is 30. [1]", "It says 30.", document)
    page = site.open("feedback")
    site.office.documents.begin_delete(document[0], site.anna)
    for shown in (text(page.run()), text(site.open("feedback"))):
        assert "30" not in shown
        assert "How many" not in shown
