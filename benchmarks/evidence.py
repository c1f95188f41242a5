"""How soon a browser shows the evidence of a question: from Enter to the first card or footnote on the page.

    python benchmarks/evidence.py [GGUF]

Starts Footnote on an empty folder with the sample documents, and asks the questions of samples/questions.jsonl, each in
a new chat, in Chromium.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import serve
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright

ASKED = 40
SHOWN = "a[href^='#evidence-'], .a a.c"


def p95(model: Path | None) -> float:
    """Seconds. `model` None: answers without a language model."""
    os.environ["LLM_MODEL"] = str(model or "")
    with tempfile.TemporaryDirectory() as folder, serve.serving(folder) as (url, process, _):
        client = serve.sign_in(url, serve.one_time_password(process))
        serve.until_ready(client)
        serve.until_complete(client)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=["--no-sandbox"]
            )
            context = browser.new_context()
            context.add_cookies([{"name": one.name, "value": str(one.value), "url": url} for one in client.cookies.jar])
            page = context.new_page()
            seconds = [_seconds(page, url, one["question"]) for one in serve.QUESTIONS[: ASKED + 1]][1:]
            browser.close()
    return sorted(seconds)[int(0.95 * (len(seconds) - 1))]


def _seconds(page: Page, url: str, question: str) -> float:
    page.goto(url)
    box = page.locator(".st-key-ask textarea")
    box.wait_for()
    box.fill(question)
    started = time.perf_counter()
    page.keyboard.press("Enter")
    page.locator(SHOWN).first.wait_for(timeout=60_000)
    seconds = time.perf_counter() - started
    with contextlib.suppress(PlaywrightError):  # the answer may have ended meanwhile, and the button with it
        page.get_by_role("button", name="Stop").click(timeout=2000)
    page.get_by_role("button", name="Ask again").last.wait_for(timeout=60_000)
    return seconds


if __name__ == "__main__":
    print(f"p95 {p95(Path(sys.argv[1]) if len(sys.argv) > 1 else None):.2f} s of {ASKED} questions")
