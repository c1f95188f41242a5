"""The packed RTF in which Outlook keeps the words of some mails, unpacked (MS-OXRTFCP)."""

from __future__ import annotations

import struct

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
    window, at = bytearray(_KNOWN.ljust(_WINDOW, b"\0")), len(_KNOWN)
    out, place = bytearray(), 16
    while place < len(data) and len(out) < size:
        flags = data[place]
        place += 1
        for bit in range(8):
            if not flags >> bit & 1:
                said = data[place : place + 1]
                place += 1
            else:
                word = int.from_bytes(data[place : place + 2], "big")
                place += 2
                start, length = word >> 4, (word & 15) + 2
                if place > len(data) or start == at:  # the end is a reference to itself
                    return bytes(out[:size])
                said = b""
                for step in range(length):  # it may reach into what it writes
                    byte = window[(start + step) % _WINDOW]
                    window[(at + step) % _WINDOW] = byte
                    said += bytes([byte])
            for step, byte in enumerate(said):
                window[(at + step) % _WINDOW] = byte
            at = (at + len(said)) % _WINDOW
            out += said
    return bytes(out[:size])
