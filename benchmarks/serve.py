"""How soon `footnote serve` is usable, how much memory its parts take, how soon and how well questions are answered.

    python benchmarks/serve.py

Starts Footnote on an empty folder with the sample documents, then once more on the same folder, and asks the questions
of samples/questions.jsonl through the API. An answer counts as right when it holds one of the question's evidence
strings, or, where the documents hold no answer, when it gives none or says that it may be none. Linux only: memory is
the proportional share that /proc gives.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = [json.loads(line) for line in (ROOT / "samples" / "questions.jsonl").read_text("utf-8").splitlines()]
PASSWORD = "a password for one benchmark"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        with serving(folder) as (url, process, started):
            client = sign_in(url, one_time_password(process))
            print(f"first start: page after {started:.1f} s", flush=True)
            print(f"  every sample document ready after {until_ready(client):.1f} s more")
        with serving(folder) as (url, process, started):
            print(f"second start: page after {started:.1f} s")
            client = sign_in(url, PASSWORD)
            print(f"  search by meaning after {until_complete(client):.1f} s more")
            ask(client)
            for name, megabytes in memory(process.pid):
                print(f"  memory of {name:<9} {megabytes:6,.0f} MB")


@contextmanager
def serving(folder: str) -> Iterator[tuple[str, subprocess.Popen[str], float]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DATA_DIR": folder, "PORT": str(port), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "app.cli", "serve", "--samples"]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                httpx.get(f"{url}/login").raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url, process, time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def one_time_password(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"one-time password (\S+)", line):
            return found.group(1)
    raise RuntimeError("no password was printed")


def sign_in(url: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
    send(client, "/login", name="admin", password=password)
    if password != PASSWORD:
        send(client, "/password", old=password, new=PASSWORD, again=PASSWORD)
    client.get("/api/me").raise_for_status()
    return client


def send(client: httpx.Client, path: str, **fields: str) -> None:
    token = re.findall(r'name="form" value="([^"]+)"', client.get(path).text)
    client.post(path, data={**fields, **({"form": token[0]} if token else {})})


def until_ready(client: httpx.Client) -> float:
    started = time.perf_counter()
    while True:
        documents = client.get("/api/documents", params={"limit": 100}).json()["documents"]
        states = {document["state"] for document in documents}
        if documents and states <= {"ready", "failed"}:
            assert states == {"ready"}, states
            return time.perf_counter() - started
        time.sleep(0.2)


def until_complete(client: httpx.Client) -> float:
    started = time.perf_counter()
    while client.get("/api/health").json()["missing"]:
        time.sleep(0.2)
    return time.perf_counter() - started


def ask(client: httpx.Client) -> None:
    """The seconds are those that the app recorded: from the question to the evidence, and to the answer's end."""
    answers = [client.post("/api/ask", json={"question": one["question"]}).json() for one in QUESTIONS]
    for name, key in (("evidence", "first_evidence"), ("answer", "seconds")):
        milliseconds = sorted(1000 * answer[key] for answer in answers if answer[key] is not None)
        p95 = milliseconds[int(0.95 * len(milliseconds))]
        print(f"  {name} after p50 {statistics.median(milliseconds):.0f} ms, p95 {p95:.0f} ms of {len(milliseconds)}")
    asked, right = Counter(one["kind"] for one in QUESTIONS), Counter[str]()
    for question, answer in zip(QUESTIONS, answers, strict=True):
        right[question["kind"]] += is_right(question, answer["answer"])
    print("  right " + ", ".join(f"{kind} {right[kind]} of {count}" for kind, count in asked.items()))


def is_right(question: dict[str, Any], answer: str) -> bool:
    if not question["evidence"]:
        return answer.startswith(("Nothing in", "Nichts in", "The documents may not", "Vielleicht beantworten"))
    return any(bare(evidence) in bare(answer) for evidence in question["evidence"])


def bare(text: str) -> str:
    """Without footnotes, Markdown and white space, so that only the words count."""
    return re.sub(r"\[\d+\]|[\s|\\*-]", "", text)


def memory(pid: int) -> Iterator[tuple[str, float]]:
    for child in Path("/proc").glob("[0-9]*"):
        try:
            fields = (child / "stat").read_text().rpartition(")")[2].split()
            command = (child / "cmdline").read_text().split("\0")
            if int(child.name) != pid and int(fields[1]) != pid:
                continue
            rollup = (child / "smaps_rollup").read_text()
        except OSError:
            continue
        kilobytes = int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0])
        if "app.cli" in command:
            yield command[command.index("app.cli") + 1], kilobytes / 1000


if __name__ == "__main__":
    main()
