"""The script that Streamlit runs for every page: who is here, the sidebar, the page. Importing it does nothing."""

from __future__ import annotations

import streamlit as st

from app.ui import (
    account,
    browser,
    chat,
    documents,
    escalation_list,
    generations,
    insights,
    instructions,
    jobs,
    models,
    search,
    sidebar,
    source_list,
    users,
)
from app.ui.identity import who


def main() -> None:
    st.set_page_config(page_title="Footnote", page_icon=browser.FAVICON, layout="wide", initial_sidebar_state="auto")
    browser.draw_stylesheet()
    services, principal = who()
    pages = {"Chat": st.Page(chat.page, title="Footnote", url_path="chat", default=True)}
    pages["Search"] = st.Page(search.page, title="Search, Footnote", url_path="search")
    if services.escalations.may_answer(principal):
        pages["Questions"] = st.Page(escalation_list.page, title="Questions, Footnote", url_path="questions")
    if principal.is_admin:
        pages["Documents"] = st.Page(documents.page, title="Documents, Footnote", url_path="documents")
        pages["Jobs"] = st.Page(jobs.page, title="Jobs, Footnote", url_path="jobs")
        pages["Sources"] = st.Page(source_list.page, title="Sources, Footnote", url_path="sources")
        pages["Index"] = st.Page(generations.page, title="Index, Footnote", url_path="index")
        pages["Models"] = st.Page(models.page, title="Models, Footnote", url_path="models")
        pages["Insights"] = st.Page(insights.page, title="Insights, Footnote", url_path="insights")
        pages["Instructions"] = st.Page(instructions.page, title="Instructions, Footnote", url_path="instructions")
        pages["People"] = st.Page(users.page, title="People, Footnote", url_path="people")
    pages["Account"] = st.Page(account.page, title="Account, Footnote", url_path="account")
    page = st.navigation(list(pages.values()), position="hidden")
    here = next((name for name, known in pages.items() if known == page), "Chat")
    sidebar.draw(services, principal, pages, here)
    page.run()


if __name__ == "__main__":
    main()
