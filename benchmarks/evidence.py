"""How soon a browser shows the evidence of a question: from Enter to the first card or footnote on the page.

    python benchmarks/evidence.py [--layers 8] [--write]

Starts Footnote on an empty folder with the sample documents, without a language model and with one of Llama 3 8B's
shape (`random_llama`), and asks the questions of samples/questions.jsonl in Chromium, each in a new chat. `--write`
puts the table into docs/answers.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

import random_llama
import serve
import tables
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright

PAGE = Path(__file__).resolve().parents[1] / "docs" / "answers.md"
ASKED = 40
SHOWN = "a[href^='#evidence-'], .a a.c"


def asked(model: Path | None) -> list[float]:
    """The seconds of each question. `model` None: answers without a language model."""
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
    return seconds


def quantile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[int(share * (len(seconds) - 1))]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=random_llama.LAYERS, help="Of the model's 32 layers.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/answers.md.")
    given = parser.parse_args()
    rows = []
    for title, model in (("without a model", None), ("with a model", random_llama.model(given.layers))):
        seconds = asked(model)
        late = quantile(seconds, 0.95)
        rows.append(
            (title, f"{quantile(seconds, 0.5):.2f} s", f"{late:.2f} s", "1 s", "yes" if late <= 1 else "**no**")
        )
    table = tables.markdown(("evidence on the page", "median", "p95", "bar for p95", "held"), rows)
    told = f"{ASKED} questions, each after the one before it; the model has {given.layers} of 32 layers."
    print(f"{table}\n\n{told}\n\n{tables.made()}")
    if given.write:
        tables.write("evidence", f"{table}\n\n{told}", PAGE)


if __name__ == "__main__":
    main()
