"""Old Office's compound files, as small as they get: what the tests of .xls and .msg are made of."""

import struct

END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
SECTOR, SMALL = 512, 64


def compound(tree):
    """`tree` maps names to bytes, or to such a tree."""
    entries = [["Root Entry", 5, FREE, 0, 0, FREE, FREE]]  # name, kind, child, start, size, left, right
    small, chain = bytearray(), []
    parts, fat = [], []

    def place(data, filler=b"\0"):
        """Put `data` into sectors of their own; the first of them."""
        start, count = len(fat), -(-len(data) // SECTOR)
        fat.extend([*range(start + 1, start + count), END] if count else [])
        parts.append(data.ljust(count * SECTOR, filler))
        return start if data else END

    def add(parent, tree):
        before = None
        for name, content in sorted(tree.items(), key=lambda item: (len(item[0]), item[0].upper())):
            index = len(entries)
            entries.append([name, 1 if isinstance(content, dict) else 2, FREE, 0, 0, FREE, FREE])
            if before is None:
                entries[parent][2] = index
            else:
                entries[before][6] = index  # a tree that only leans right is a tree
            before = index
            if isinstance(content, dict):
                add(index, content)
            elif len(content) >= 4096:
                entries[index][3:5] = [place(content), len(content)]
            else:
                entries[index][3:5] = [len(small) // SMALL if content else END, len(content)]
                count = -(-len(content) // SMALL)
                chain.extend([*range(len(chain) + 1, len(chain) + count), END] if count else [])
                small.extend(content.ljust(count * SMALL, b"\0"))

    add(0, tree)
    small_fat = struct.pack(f"<{len(chain)}I", *chain)
    entries[0][3:5] = [place(bytes(small)), len(small)]
    small_start = place(small_fat, b"\xff")
    directory = place(b"".join(map(entry, entries)))
    sectors = 1
    while (len(fat) + sectors) > sectors * SECTOR // 4:
        sectors += 1
    places = range(len(fat), len(fat) + sectors)
    fat += [FAT] * sectors
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(sectors * SECTOR, b"\xff")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIIIIIII", 0, sectors, directory, 0, 4096, small_start, -(-len(small_fat) // SECTOR), END, 0)
    head += struct.pack("<109I", *places, *[FREE] * (109 - sectors))
    return head + b"".join(parts) + table


def entry(values):
    name, kind, child, start, size, left, right = values
    words = (name + "\0").encode("utf-16-le")
    return (
        words.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(words), kind, 1, left, right, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )


def xls(sheets, *, forms=(), stream="Book"):
    """An old workbook (Excel 95's records in a compound file) of words and numbers: {name: rows}.

    A number may be (value, n): with the n-th of the number formats `forms`, counted from 1.
    """

    def record(kind, data=b""):
        return struct.pack("<HH", kind, len(data)) + data

    def text(row, column, words):
        data = words.encode("cp1252")
        return record(0x0204, struct.pack("<HHHH", row, column, 0, len(data)) + data)

    bodies = []
    for rows in sheets.values():
        body = record(0x0809, struct.pack("<HHHH", 0x0500, 0x0010, 0, 0))
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if isinstance(cell, str):
                    body += text(r, c, cell)
                else:
                    value, style = cell if isinstance(cell, tuple) else (cell, 0)
                    body += record(0x0203, struct.pack("<HHHd", r, c, style, value))
        bodies.append(body + record(0x000A))
    head = record(0x0809, struct.pack("<HHHH", 0x0500, 0x0005, 0, 0)) + record(0x0042, struct.pack("<H", 1252))
    for number, form in enumerate(forms):
        head += record(0x041E, struct.pack("<HB", 164 + number, len(form)) + form.encode("cp1252"))
    for number in range(len(forms) + 1 if forms else 0):
        head += record(0x00E0, struct.pack("<HHH", 0, 163 + number if number else 0, 1) + bytes(10))
    names = [name.encode("cp1252") for name in sheets]
    at = len(head) + sum(4 + 7 + len(name) for name in names) + 4
    for name, body in zip(names, bodies, strict=True):
        head += record(0x0085, struct.pack("<IHB", at, 0, len(name)) + name)
        at += len(body)
    return compound({stream: head + record(0x000A) + b"".join(bodies)})


def msg(subject, body, *, sender="", headers="", attachments=(), inner=None, rtf=b""):
    """An Outlook mail. `attachments` are (name, bytes); `inner` is the tree of a mail that is attached."""
    return compound(
        outlook(subject, body, sender=sender, headers=headers, attachments=attachments, inner=inner, rtf=rtf)
    )


def outlook(subject, body, *, sender="", headers="", attachments=(), inner=None, top=True, rtf=b""):
    tree, properties = {}, b""
    given = {0x0037: subject, 0x1000: body, 0x0C1A: sender, 0x007D: headers, 0x001A: "IPM.Note"}
    for number, words in given.items():
        if words:
            properties += add_property(tree, number, 0x001F, words.encode("utf-16-le"))
    if rtf:
        properties += add_property(tree, 0x1009, 0x0102, rtf)
    count = len(attachments) + bool(inner)
    head = bytes(8) + struct.pack("<4I", 0, count, 0, count) + (bytes(8) if top else b"")
    tree["__properties_version1.0"] = head + properties
    for number, (name, data) in enumerate([*attachments, *([("inner.msg", inner)] if inner else [])]):
        part, said = {}, b""
        said += add_property(part, 0x3707, 0x001F, name.encode("utf-16-le"))
        said += struct.pack("<HHII4x", 0x0003, 0x3705, 6, 5 if isinstance(data, dict) else 1)
        if isinstance(data, dict):
            part["__substg1.0_3701000D"] = data
        else:
            said += add_property(part, 0x3701, 0x0102, data)
        part["__properties_version1.0"] = bytes(8) + said
        tree[f"__attach_version1.0_#{number:08X}"] = part
    return tree


def add_property(tree, number, kind, data):
    tree[f"__substg1.0_{number:04X}{kind:04X}"] = data
    return struct.pack("<HHII4x", kind, number, 6, len(data) + (2 if kind == 0x1F else 0))
