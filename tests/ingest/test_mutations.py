"""Small files of every format with bytes cut, changed and exchanged: each ends read or refused, in the real sandbox."""

import random

from ingest import parse as parsing
from ingest.sandbox import Child, Crashed, Limits
from storage.errors import DocumentError
from tests.ingest import files, hostile

CASES = 66
LIMITS = Limits(memory=10**9, cpu_seconds=20, wall_seconds=20)


def mutations(count):
    """Names and bytes, always the same ones."""
    chance = random.Random(5)
    every = list(files.every().items())
    for number in range(count):
        name, data = every[number % len(every)]
        changed = bytearray(data)
        match chance.randrange(4):
            case 0:
                del changed[chance.randrange(len(changed)) :]
            case 1:
                for _ in range(chance.choice([1, 8, 80])):
                    changed[chance.randrange(len(changed))] = chance.randrange(256)
            case 2:
                start = chance.randrange(len(changed))
                del changed[start : start + chance.randrange(1, 400)]
            case 3:
                start, other = chance.randrange(len(changed)), chance.choice(every)[1]
                changed[start : start + 64] = other[: chance.randrange(1, 2000)]
        yield name, bytes(changed)


def test_every_mutation_is_read_or_refused(tmp_path):
    path, child, ends = tmp_path / "file", None, dict.fromkeys(("read", "refused", "crashed", "without a reason"), 0)
    for name, data in mutations(CASES):
        path.write_bytes(data)
        child = child or Child(hostile.__name__, readable=[tmp_path], limits=LIMITS)
        try:
            items, taken = [], parsing.Taken()
            child.call(hostile.answer, str(path), name, wall_seconds=20, take=items.append)
            for item in items:
                taken.take(item)
            parsed = taken.checked(name)
        except Crashed:
            child.close()
            child = None
            ends["crashed"] += 1  # of native code: it costs the child, and is a reason like others
        except DocumentError as error:
            ends["refused" if error.reason and error.remedy else "without a reason"] += 1
        else:
            assert any(section.text.strip() for section in parsed.sections)
            ends["read"] += 1
    if child:
        child.close()
    assert sum(ends.values()) == CASES
    assert ends["without a reason"] == 0
    assert ends["read"] > 5
    assert ends["refused"] > 5
    assert ends["crashed"] < 5
