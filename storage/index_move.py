"""A whole index carried to another, vectors and all, so that nothing is embedded again."""

from __future__ import annotations

from collections.abc import Callable

from storage.errors import Conflict, Unavailable
from storage.index import Index

Progress = Callable[[int, int], None]


def move(source: Index, target: Index, on_progress: Progress = lambda done, total: None) -> int:
    """Copy every generation, count it there, and let the same one be live. Returns how many points there are.

    Nothing may write to `source` meanwhile, and nothing is taken from it. It may be done again: points that are there
    are replaced. `on_progress(points copied, points in all)`. Raises Conflict where `target` holds generations that
    `source` does not, since they would be another installation's, and Unavailable where the counts differ.
    """
    generations = source.generations()
    if strange := sorted(set(target.generations()) - set(generations)):
        raise Conflict(f"The other index holds {', '.join(strange)} already. Empty it, or move to a server of its own.")
    total, done = sum(source.total(generation) for generation in generations), 0
    for generation in generations:
        target.add(generation, source.dimensions(generation))
        for batch in source.records(generation):
            target.restore(generation, batch)
            done += len(batch)
            on_progress(done, total)
        if (there := target.total(generation)) != (here := source.total(generation)):
            counted = f"{generation} has {here:,} points here and {there:,} there"
            raise Unavailable("index", f"{counted}. Empty the other index and move again.")
    if live := source.generation():
        target.point_to(live)
    return total
