"""Models, machines and waits in words, the same for commands and pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app import machine
from app.machine import ANSWER, PROMPT, Machine
from app.model_list import AdapterFile, Entry, Models
from storage.adapter_uses import AdapterUse

if TYPE_CHECKING:
    from app.model_files import KnownModel

TYPICAL = f"a typical question ({PROMPT:,} tokens in, {ANSWER} out)"


def wait(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def size(count: float) -> str:
    """Bytes."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def how_known(measured: bool) -> str:
    return "measured" if measured else "estimated"


def expectation(entry: Entry) -> str:
    """How long a typical question takes with it, and how that is known."""
    if entry.problem:
        return ""
    speeds = f"reads {entry.prompt_speed:,.0f} and writes {entry.answer_speed:,.1f} tokens a second"
    return f"{wait(entry.wait)} ({how_known(entry.measured)}: {speeds})"


def about(entry: Entry) -> str:
    """What it is, in one line."""
    if entry.problem:
        return entry.problem
    billions = f"{entry.parameters:.1f} billion parameters" if entry.parameters >= 0.05 else "tiny"
    parts = [entry.architecture, billions, entry.quantization, f"reads {entry.context:,} tokens" * bool(entry.context)]
    return ", ".join(part for part in parts if part)


def expected(here: Machine, models: Sequence[KnownModel]) -> list[dict[str, Any]]:
    """For each known model what this machine would make of it, all of it estimated."""
    rows = []
    for one in models:
        held = int(one.gigabytes * 1e9)
        speed = machine.estimated(here, parameters=one.parameters, size=held)
        row = {"name": one.name, "gb": one.gigabytes, "fits": machine.fits(here, held), "wait": round(speed.wait, 1)}
        rows.append({**row, "prompt_speed": round(speed.prompt, 1), "answer_speed": round(speed.answer, 1)})
    return rows


def advice(rows: Sequence[dict[str, Any]], best: str) -> list[str]:
    lines = [f"Estimated wait for {TYPICAL}:"]
    for row in rows:
        figure = wait(row["wait"]) if row["fits"] else "does not fit"
        mark = "  recommended" if row["name"] == best else ""
        lines.append(f"  {row['name']:<24} {row['gb']:5.1f} GB  {figure:>12}{mark}")
    if best:
        return [*lines, f"Get it with: footnote models pull {best}"]
    return [*lines, "None of them fits into this machine's memory: answers quote the documents, word for word."]


def pullable(shown: Models) -> list[dict[str, Any]]:
    from app.model_files import KNOWN  # brings the hub's client, which a page need not wait for

    here = {entry.file for entry in shown.models}
    return [{"name": one.name, "gb": one.gigabytes, "here": one.file in here} for one in KNOWN]


def adapter_lines(files: Sequence[AdapterFile], uses: Sequence[AdapterUse]) -> list[str]:
    """What `footnote models adapters` prints."""
    found = [] if files else ["No LoRA adapter is here. Put one in GGUF format into the models folder."]
    for file in files:
        about = file.problem or f"{file.architecture}, rank {file.rank}, for {', '.join(file.fits) or 'no model here'}"
        found.append(f"{file.file}  {size(file.size)}  {about}")
    for use in uses:
        gone = "" if use.adapter in {file.file for file in files} else " (not here any more)"
        found.append(f"{use.of} {use.name}: {use.adapter}{gone}")
    return found


def lines(shown: Models) -> list[str]:
    """What `footnote models list` prints."""
    found = [shown.machine, "", "Here:" if shown.models else "No model file is here."]
    for entry in shown.models:
        mark = "*" if entry.file == shown.loaded else " "
        found.append(f"{mark} {entry.file}  {size(entry.size)}  {about(entry)}")
        if not entry.problem:
            fit = "" if entry.fits else "  It does not fit into memory."
            found.append(f"    {TYPICAL}: {expectation(entry)}{fit}")
    found += ["", "Can be pulled:"]
    for row in pullable(shown):
        found.append(f"  {row['name']:<24} {row['gb']:5.1f} GB  {'here' if row['here'] else ''}".rstrip())
    return found
