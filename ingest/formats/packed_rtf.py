"""The packed RTF in which Outlook keeps the words of some mails, unpacked (MS-OXRTFCP)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

_PACKED, _PLAIN = b"LZFu", b"MELA"
_WINDOW = 4096
_KNOWN = (  # what the window holds at the start, by the standard
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n"
    b"\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def unpack(data: bytes, *, most: int) -> bytes:
    """At most `most` bytes of RTF; of damaged data what there is. Raises ValueError for what is no packed RTF."""
    if len(data) < 16:
        raise ValueError("no packed RTF")
    _, size, kind, _ = struct.unpack("<II4sI", data[:16])
    size = min(size, most)
    if kind == _PLAIN:
        return data[16 : 16 + size]
    if kind != _PACKED:
        raise ValueError("no packed RTF")
    return bytes(islice(_unpacked(data[16:]), size))


def _unpacked(data: bytes) -> Iterator[int]:
    """Byte by byte. Eight flags stand before eight pieces: a byte, or a reference to what the window holds."""
    window, at, place = bytearray(_KNOWN.ljust(_WINDOW, b"\0")), len(_KNOWN), 0
    while place < len(data):
        flags = data[place]
        place += 1
        for bit in range(8):
            if flags >> bit & 1:
                word = int.from_bytes(data[place : place + 2], "big")
                place += 2
                start, length = word >> 4, (word & 15) + 2
                if place > len(data) or start == at:  # the end is a reference to itself
                    return
            elif place < len(data):
                window[at] = data[place]
                place += 1
                start, length = at, 1
            else:
                return
            for number in range(start, start + length):  # it may reach into what it writes
                window[at] = window[number % _WINDOW]
                yield window[at]
                at = (at + 1) % _WINDOW
