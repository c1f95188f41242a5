"""Makes the pictures in docs/screenshots from a running app with the sample documents.

python -m tests.browser.screenshots http://localhost:8080 admin   # asks for the password
"""

from __future__ import annotations

import argparse
import getpass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import PHONE, WIDE, launch

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
QUESTION = "How do I replace the mechanical seal of the KX-200?"


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    page.goto(f"{url}/login")
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")
    page.locator(".st-key-suggestions button").first.wait_for()
    page.locator(".notice.away").wait_for(state="detached", timeout=120_000)  # every part is up


def save(page: Page, folder: Path, name: str) -> None:
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)  # fonts and the last fade
    page.screenshot(path=folder / f"{name}.png")
    print(folder / f"{name}.png")


def take(page: Page, folder: Path, look: str) -> None:
    save(page, folder, f"start-{look}")
    page.locator(".st-key-ask textarea").fill(QUESTION)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Ask again").wait_for(timeout=120_000)
    page.locator("a.c").first.click()
    page.locator(".st-key-panel img").evaluate("image => image.decode()")
    save(page, folder, f"chat-{look}")
    page.keyboard.press("Escape")
    if look == "phone":
        page.get_by_test_id("stExpandSidebarButton").click()
    for name, line in (("Documents", ".line.document:not(.head)"), ("People", ".line.group")):
        page.get_by_role("link", name=name).click()
        page.locator(line).first.wait_for()
        if look == "phone":
            return
        save(page, folder, f"{name.lower()}-{look}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("name", help="an admin's account")
    parser.add_argument("--password", help="asked for when it is not given")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    password = given.password or getpass.getpass()
    given.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for look, (width, height), scheme in (
            ("light", WIDE, "light"),
            ("dark", WIDE, "dark"),
            ("phone", PHONE, "light"),
        ):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                has_touch=look == "phone",
            )
            page = context.new_page()
            sign_in(page, given.url, given.name, password)
            take(page, given.folder, look)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
