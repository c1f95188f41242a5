"""The pages, run by Streamlit's AppTest over real storage and real answers of a scripted model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app.answers import Answers
from app.services import Services
from app.ui import browser, identity
from storage.errors import Cancelled
from storage.types import MessageState, Readers, Role, State
from tests.office import Office
from tests.patience import PATIENCE, until
from tests.scripted import ScriptedModel, Shelf
from tests.web import services as services_over

HOME = Path(identity.__file__).with_name("home.py")
EVERYONE = Readers(everyone=True)


class Site:
    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.office, self.model, self.missing = office, ScriptedModel(), list[str]()
        shelf: Any = Shelf(office)
        answers = Answers(office.conversations, shelf, self.model)
        self.services: Services = replace(services_over(office, self.missing), answers=answers, llm=self.model)
        composition.install(self.services)
        self.token: str | None = office.tokens["anna"]
        monkeypatch.setattr(identity, "token", lambda: self.token)
        monkeypatch.setattr(browser, "reader", lambda shown, running: None)  # a browser's part
        monkeypatch.setattr(browser, "fold_sidebar", lambda: None)
        monkeypatch.setattr(browser, "uploader", lambda readers, names, replace: None)

    def open(self, name: str = "anna", *, chat: str = "") -> AppTest:
        self.token = self.office.tokens[name]
        page = AppTest.from_file(str(HOME), default_timeout=PATIENCE)
        if chat:
            page.query_params["chat"] = chat
        return page.run()

    def open_page(self, page: str, name: str = "anna") -> AppTest:
        self.token = self.office.tokens[name]
        return AppTest.from_string(f"from app.ui import {page}\n{page}.page()\n", default_timeout=PATIENCE).run()

    def ask(self, question: str, name: str = "anna") -> AppTest:
        """Ask in a new chat, and look again once the answer has ended."""
        page = self.open(name)
        page.chat_input[0].set_value(question).run()
        until(lambda: not running(self.office, name))
        return page.run()


def arrive(office: Office, name: str) -> tuple[str, str]:
    """A document that waits to be read. Returns (document_id, version_id)."""
    with office.files.receive(1000) as receiver:
        receiver.write(name.encode())
        added = office.documents.add(name, receiver.finish(), EVERYONE, office.principal("anna"))
    return added.document_id, added.version_id


def running(office: Office, name: str) -> list[str]:
    principal = office.principal(name)
    chats = office.conversations.find(principal)
    messages = [message for chat in chats for message in office.conversations.messages(chat.id, principal)]
    return [message.id for message in messages if message.state is MessageState.RUNNING]


def text(page: AppTest) -> str:
    assert not page.exception
    return "\n".join(element.proto.body for element in page.get("html"))


def chat_of(page: AppTest) -> str:
    named: Any = page.query_params["chat"]
    return named if isinstance(named, str) else named[0]


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def buttons(page: AppTest, words: str) -> Sequence[Any]:
    return [button for button in page.button if button.label == words]


@contextmanager
def opened_menu(page: AppTest, start: str, choice: str) -> Iterator[AppTest]:
    (menu,) = [menu for menu in page.get("menu_button") if menu.key and menu.key.startswith(start)]
    yield menu.click(choice).run()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    office = Office(tmp_path)
    site = Site(office, monkeypatch)
    yield site
    site.model.go.set()
    site.services.answers.close()
    composition._installed.clear()
    office.close()


# who is here


def test_without_a_sign_in_a_page_shows_the_way_to_sign_in_and_nothing_else(site: Site) -> None:
    page = site.open()
    site.token = None
    assert "You are signed out" in text(page.run())
    assert "/login" in text(page)
    assert not page.button
    assert not page.chat_input


def test_the_sign_in_is_looked_up_on_every_run(site: Site) -> None:
    page = site.open("mia")
    assert page.chat_input
    site.office.users.set_active("mia", False)
    assert "You are signed out" in text(page.run())


def test_a_one_time_password_opens_no_page(site: Site) -> None:
    page = site.open("otto")
    assert "Choose your own password" in text(page)
    assert not page.chat_input


def test_a_callback_runs_with_the_rights_of_now(site: Site) -> None:
    site.office.users.create("cara", "a long enough password")
    page = site.open_page("users")
    site.office.users.set_role("cara", Role.ADMIN)
    site.office.users.set_role("anna", Role.MEMBER)
    account = site.office.users.account("max")
    with opened_menu(page, f"menu_{account.id}", "Make admin"):
        assert site.office.users.account("max").role is Role.MEMBER


def test_members_see_no_page_of_admins(site: Site) -> None:
    links = [link.label for link in site.open("mia").get("page_link")]
    assert links == ["Chat", "Search", "Account"]
    admins = [
        "Chat",
        "Search",
        "Questions",
        "Documents",
        "Jobs",
        "Sources",
        "Index",
        "Models",
        "Insights",
        "Instructions",
        "People",
        "Account",
    ]
    assert [link.label for link in site.open("anna").get("page_link")] == admins
    for name in ("documents", "users"):
        page = site.open_page(name, "mia")
        assert "by admins" in text(page)
        assert not page.button


# chat


def test_an_empty_chat_without_documents_says_what_is_missing(site: Site) -> None:
    assert "Upload some" in text(site.open())
    assert "that you may read" in text(site.open("max"))


def test_documents_that_are_still_being_read_are_told_before_and_with_an_answer(site: Site) -> None:
    site.office.add("leave.txt", EVERYONE, b"x")
    arrive(site.office, "late.txt")
    assert "1 document is still being read. Answers do not know it yet." in text(site.open())
    said = "1 document had not been read yet when this was asked."
    answered = site.ask("How many days?")
    assert said in text(answered)
    anna = site.office.principal("anna")
    (late,) = site.office.documents.find(anna, states=[State.WAITING])
    site.office.documents.begin_delete(late.id, anna)
    assert "still being read" not in text(site.open())
    assert said in text(site.open(chat=chat_of(answered)))


def test_a_question_becomes_an_article_with_footnotes_and_sources(site: Site) -> None:
    site.office.add("leave.txt", EVERYONE, b"x")
    page = site.ask("How many days?")
    shown = text(page)
    assert '<h2 class="q" dir="auto">How many days?</h2>' in shown
    assert "What leave.txt says." in shown
    assert 'href="#cite-' in shown
    assert "1 document cited" in shown
    assert "Scripted, " in shown
    assert {"Ask again", "Helpful", "Not helpful"} <= set(labels(page))


def test_the_chat_is_named_in_the_address_and_opens_from_there(site: Site) -> None:
    site.office.add("leave.txt", EVERYONE, b"x")
    page = site.ask("How many days?")
    chat = chat_of(page)
    assert "What leave.txt says." in text(site.open(chat=chat))
    assert "not there any more" in text(site.open("mia", chat=chat))


def test_a_running_answer_shows_its_evidence_can_be_stopped_and_survives_a_reload(site: Site) -> None:
    for name in ("leave.txt", "travel.txt"):
        site.office.add(name, EVERYONE, name.encode())
    site.model.go.clear()
    page = site.open()
    page.chat_input[0].set_value("How many days?").run()
    (message_id,) = running(site.office, "anna")
    generation = site.services.answers.running(message_id)
    assert generation is not None
    until(lambda: generation.snapshot().citations)
    assert 'href="#evidence-' in text(page.run())
    assert page.chat_input[0].disabled
    chat = chat_of(page)
    reloaded = site.open(chat=chat)
    assert "says." in text(reloaded)
    (stop,) = buttons(reloaded, "Stop")
    stop.click().run()
    until(lambda: not running(site.office, "anna"))
    assert "Stopped." in text(reloaded.run())
    assert not reloaded.chat_input[0].disabled
    assert not buttons(reloaded, "Helpful")


def test_a_rating_is_kept_with_its_comment_and_taken_back_by_a_second_click(site: Site) -> None:
    site.office.add("leave.txt", EVERYONE, b"x")
    page = site.ask("How many days?")
    buttons(page, "Not helpful")[0].click().run()
    page.text_area(key="comment_text").set_value("Too short").run()
    buttons(page, "Send")[0].click().run()
    chat = chat_of(page)
    anna = site.office.principal("anna")
    answer = site.office.conversations.messages(chat, anna)[1]
    assert (answer.rating, answer.comment) == (0, "Too short")
    assert not page.text_area
    buttons(page, "Not helpful")[0].click().run()
    assert site.office.conversations.messages(chat, anna)[1].rating is None


def test_an_answer_whose_document_went_is_not_shown_any_more(site: Site) -> None:
    document, _ = site.office.add("pay.txt", Readers(groups=frozenset([site.office.people])), b"x")
    page = site.ask("How much?", "mia")
    assert "pay.txt" in text(page)
    site.office.documents.set_readers(document, Readers(), site.office.principal("anna"))
    shown = text(page.run())
    assert "no longer available to you" in shown
    assert "pay.txt" not in shown
    assert "cited" not in shown


def test_only_the_last_messages_are_drawn_until_one_asks_for_more(site: Site) -> None:
    anna = site.office.principal("anna")
    chat = site.office.conversations.create("Long", anna)
    for number in range(7):
        message = site.office.conversations.ask(chat.id, f"Question {number}?", anna)
        site.office.conversations.finish(
            message.id, "Yes.", MessageState.DONE, (), model="m", seconds=1.0, first_evidence=None
        )
    page = site.open(chat=chat.id)
    assert "Question 3?" in text(page)
    assert "Question 2?" not in text(page)
    buttons(page, "Show earlier")[0].click().run()
    assert "Question 0?" in text(page)


def test_a_missing_part_is_named_and_hides_nothing_else(site: Site) -> None:
    site.missing.append("The index is starting again. Answers will be back in a moment.")
    page = site.open()
    assert "The index is starting again." in text(page)
    assert page.chat_input


def test_hostile_names_are_text_in_titles_labels_and_rows(site: Site) -> None:
    evil = "![x](http://evil.example/a.png) <img src=x> :material/home:"
    site.office.add(evil, EVERYONE, b"x")
    site.office.users.create_group("<script>alert(1)</script>")
    page = site.ask(evil)
    assert "<img" not in text(page)
    (title,) = [button.label for button in page.button if button.key and button.key.startswith("open_")]
    assert "![" not in title
    assert ":material/" not in title.replace("\\", "")
    for name in ("documents", "users"):
        shown = text(site.open_page(name))
        assert "<img" not in shown
        assert "<script" not in shown


# history


def test_a_chat_is_renamed_and_deleted_from_the_sidebar(site: Site) -> None:
    site.office.add("leave.txt", EVERYONE, b"x")
    page = site.ask("How many days?")
    with opened_menu(page, "more_", "Rename") as dialog:
        dialog.text_input(key="chat_title").set_value("Leave")
        buttons(dialog, "Save")[0].click().run()
    anna = site.office.principal("anna")
    assert [chat.title for chat in site.office.conversations.find(anna)] == ["Leave"]
    page = site.open(chat=chat_of(page))
    with opened_menu(page, "more_", "Delete") as dialog:
        buttons(dialog, "Delete")[0].click().run()
    assert site.office.conversations.find(anna) == []
    assert "What would you like to know?" in text(page.run())


def test_the_history_is_searched_by_title(site: Site) -> None:
    anna = site.office.principal("anna")
    for number in range(7):
        site.office.conversations.create(f"Chat {number}", anna)
    page = site.open()
    page.text_input(key="history_search").set_value("chat 3").run()
    assert [button.label for button in page.button if (button.key or "").startswith("open_")] == ["Chat 3"]


# documents


def test_each_document_shows_its_state_in_words(site: Site) -> None:
    office = site.office
    _, parsing, embedding, failed = (arrive(office, f"{n}.txt")[1] for n in range(4))
    for taken in (parsing, embedding):
        office.work_on(taken)
    office.versions.progress(parsing, State.PARSING, done=12, total=1650)
    office.versions.progress(embedding, State.EMBEDDING, done=118, total=640)
    office.versions.fail(failed, "The file is <b>encrypted</b>.", "Upload it without a password.")
    page = site.open_page("documents")
    shown = text(page)
    for words in ("1st in line", "Parsing 12 of 1,650 pages", "Embedding 118 of 640", "Upload it without a password."):
        assert words in shown
    assert "<b>encrypted" not in shown
    assert {"Reading 3", "Failed 1", "Restricted 0"} <= set(labels(page))


def test_a_document_that_made_way_for_others_says_how_far_it_is(site: Site) -> None:
    office = site.office
    _, long = arrive(office, "scan.pdf")
    office.work_on(long)
    office.versions.progress(long, State.PARSING, done=12, total=1650)
    gone, _ = arrive(office, "gone.txt")
    office.documents.begin_delete(gone, office.principal("anna"))
    with pytest.raises(Cancelled):
        office.versions.steps.make_way(long, office.versions.job(long).id)
    assert "to go on in its turn, 12 of 1,650 pages read" in text(site.open_page("documents"))


def test_a_failed_document_is_tried_again(site: Site) -> None:
    document, version = arrive(site.office, "a.txt")
    site.office.versions.fail(version, "It broke.", "Try again.")
    with opened_menu(site.open_page("documents"), f"menu_{document}", "Retry") as page:
        assert "Waiting" in text(page)
    assert site.office.documents.get(document, site.office.principal("anna")).state is State.WAITING


def test_a_ready_document_is_read_again(site: Site) -> None:
    document, _ = site.office.add("a.txt", EVERYONE, b"x")
    with opened_menu(site.open_page("documents"), f"menu_{document}", "Read again") as page:
        assert "Waiting" in text(page)
    assert site.office.documents.get(document, site.office.principal("anna")).state is State.WAITING


def test_readers_are_changed_in_a_dialog(site: Site) -> None:
    document, _ = site.office.add("a.txt", EVERYONE, b"x")
    with opened_menu(site.open_page("documents"), f"menu_{document}", "Readers") as page:
        page.multiselect(key="readers").set_value([site.office.people])
        buttons(page, "Save")[0].click().run()
    readers = site.office.documents.get(document, site.office.principal("anna")).readers
    assert readers == Readers(groups=frozenset([site.office.people]))


def test_deleting_asks_first_and_ends_with_a_receipt(site: Site) -> None:
    document, _ = site.office.add("a.txt", EVERYONE, b"x")
    with opened_menu(site.open_page("documents"), f"menu_{document}", "Delete") as page:
        assert "will be gone for good" in text(page)
        buttons(page, "Delete")[0].click().run()
    assert "is being deleted" in text(page.run())
    assert site.office.versions.erase(document, files=1, points=1)
    shown = text(page.run())
    assert "a.txt</bdi> was deleted: 1 file, 1 passage, 1 index point removed." in shown
    assert "is being deleted" not in shown


def test_documents_are_filtered_and_found_by_name(site: Site) -> None:
    site.office.add("open.txt", EVERYONE, b"1")
    site.office.add("closed.txt", Readers(groups=frozenset([site.office.people])), b"2")
    page = site.open_page("documents")
    buttons(page, "Restricted 1")[0].click().run()
    assert "closed.txt" in text(page)
    assert "open.txt" not in text(page)
    buttons(page, "All")[0].click().run()
    page.text_input(key="find").set_value("open").run()
    assert "closed.txt" not in text(page)


def test_long_lists_are_turned_page_by_page(site: Site) -> None:
    for number in range(52):
        site.office.add(f"n{number:02}.txt", EVERYONE, str(number).encode())
    page = site.open_page("documents")
    assert text(page).count('class="line document"') == 50
    buttons(page, "Next")[0].click().run()
    assert text(page).count('class="line document"') == 2
    assert "51 to 52" in text(page)


# people


def test_a_new_account_gets_a_one_time_password_that_is_shown_until_it_is_passed_on(site: Site) -> None:
    page = site.open_page("users")
    buttons(page, "Add account")[0].click().run()
    page.text_input(key="account_name").set_value("Eva")
    page.multiselect(key="account_groups").set_value(["People"])
    buttons(page, "Add")[0].click().run()
    page.run()
    account = site.office.users.account("eva")
    assert (account.role, account.groups, account.one_time) == (Role.MEMBER, ("People",), True)
    secret = text(page).split('class="secret">')[1].split("<")[0]
    assert site.office.users.sign_in("eva", secret)
    buttons(page, "I have passed it on")[0].click().run()
    assert secret not in text(page)


def test_what_can_not_be_done_is_said(site: Site) -> None:
    page = site.open_page("users")
    anna = site.office.users.account("anna")
    with opened_menu(page, f"menu_{anna.id}", "Suspend"):
        assert "At least one active admin must be left." in text(page)
    assert site.office.users.account("anna").active


def test_groups_are_made_filled_and_deleted(site: Site) -> None:
    page = site.open_page("users")
    buttons(page, "Add group")[0].click().run()
    page.text_input(key="group_name").set_value("Legal")
    page.text_input(key="group_about").set_value("Contracts")
    buttons(page, "Add")[0].click().run()
    page.run()
    assert "Contracts" in text(page)
    max_ = site.office.users.account("max")
    with opened_menu(page, f"menu_{max_.id}", "Groups") as dialog:
        dialog.multiselect(key="member_of").set_value(["Legal"])
        buttons(dialog, "Save")[0].click().run()
    assert site.office.users.account("max").groups == ("Legal",)
    legal = next(group for group in site.office.users.groups() if group.name == "Legal")
    with opened_menu(page.run(), f"menu_{legal.id}", "Delete group") as dialog:
        buttons(dialog, "Delete group")[0].click().run()
    assert "Legal" not in [group.name for group in site.office.users.groups()]


def test_a_reset_password_ends_the_old_one(site: Site) -> None:
    page = site.open_page("users")
    account = site.office.users.account("max")
    with opened_menu(page, f"menu_{account.id}", "Reset password") as dialog:
        buttons(dialog, "Reset")[0].click().run()
    assert site.office.users.signed_in(site.office.tokens["max"]) is None
    assert site.office.users.account("max").one_time


def test_the_account_page_names_role_and_groups_and_signs_out(site: Site) -> None:
    shown = text(site.open_page("account", "mia"))
    assert "People" in shown
    assert 'method="post" action="/logout"' in shown
