"""PDFs as they are met in the wild and as attackers write them, byte by byte. `every()` gives them by name."""

import hashlib
import struct
import zlib

TEXT = b"BT /F 12 Tf 20 150 Td (Words of the pump) Tj ET"
HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def stream(data, entries=b""):
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def written(objects, *, trailer=b"", header=b"%PDF-1.7\n", root=1):
    """A file of numbered objects with a table of where they are."""
    out, places = bytearray(header), {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 00000 f \n"
    out += b"trailer\n<</Size %d/Root %d 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, root, trailer, start)
    return bytes(out)


def objects(content=TEXT, *, page=b"", catalog=b"", box=b"[0 0 300 200]", font=HELVETICA, resources=b"", **more):
    """One page; `more` are further objects, named o6, o7 and so on."""
    return {
        1: b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox%s/Contents 4 0 R/Resources<</Font<</F 5 0 R>>%s>>%s>>"
        % (box, resources, page),
        4: stream(content),
        5: font,
        **{int(name[1:]): body for name, body in more.items()},
    }


def one(content=TEXT, **options):
    return written(objects(content, **options))


def encrypted(user_password):
    """RC4 with 40 bits, as of 1994; only the owner is held back where the user's password is empty."""
    padded = (user_password + PAD)[:32]
    owner = _rc4(hashlib.md5(PAD).digest()[:5], padded)
    permissions, identity = -44, b"0123456789abcdef"
    key = hashlib.md5(padded + owner + struct.pack("<i", permissions) + identity).digest()[:5]
    own_key = hashlib.md5(key + struct.pack("<I", 4)[:3] + b"\0\0").digest()[:10]
    body = objects()
    body[4] = stream(_rc4(own_key, TEXT))
    body[6] = b"<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P %d>>" % (
        owner.hex().encode(),
        _rc4(key, PAD).hex().encode(),
        permissions,
    )
    name = identity.hex().encode()
    return written(body, trailer=b"/Encrypt 6 0 R/ID[<%s><%s>]" % (name, name))


def _rc4(key, data):
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def picture(entries, data):
    """A page that shows one picture."""
    return one(
        b"q 300 0 0 200 0 0 cm /I Do Q " + TEXT, resources=b"/XObject<</I 6 0 R>>", o6=stream(data, _IMAGE + entries)
    )


_IMAGE = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8"


def linked_forms(count, *, last, draws=1):
    """Forms that each draw the next one; the last draws `last`."""
    body = objects(b"/X Do " + TEXT, resources=b"/XObject<</X 6 0 R>>")
    for number in range(6, 6 + count):
        following = number + 1 if number < 5 + count else last
        form = b"/Type/XObject/Subtype/Form/BBox[0 0 300 200]/Resources<</XObject<</X %d 0 R>>>>" % following
        body[number] = stream(b"/X Do " * draws, form)
    return written(body)


def many_pages(count):
    body = objects()
    kids = b" ".join(b"3 0 R" for _ in range(count))
    body[2] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)
    return written(body)


def numbered_pages(count):
    """Pages of their own, each with its number."""
    body = {1: b"<</Type/Catalog/Pages 2 0 R>>", 5: HELVETICA}
    body[2] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (b" ".join(b"%d 0 R" % (10 + 2 * n) for n in range(count)), count)
    for n in range(count):
        body[10 + 2 * n] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents %d 0 R/Resources<</Font<</F 5 0 R>>>>>>"
            % (11 + 2 * n)
        )
        body[11 + 2 * n] = stream(b"BT /F 12 Tf 20 150 Td (Words of page %d) Tj ET" % (n + 1))
    return written(body)


def updated():
    """A second version appended to the first, with another text."""
    data = one()
    start = data.rfind(b"xref\n0")
    body = stream(TEXT.replace(b"pump", b"valve"))
    at = len(data)
    return (
        data
        + b"4 0 obj\n%s\nendobj\nxref\n4 1\n%010d 00000 n \ntrailer\n<</Size 6/Root 1 0 R/Prev %d>>\n"
        % (
            body,
            at,
            start,
        )
        + b"startxref\n%d\n%%%%EOF\n" % (at + len(b"4 0 obj\n%s\nendobj\n" % body))
    )


def compressed():
    """Objects in an object stream, the table in a stream (PDF 1.5)."""
    inner = objects()
    packed = [(number, inner[number]) for number in (1, 2, 3, 5)]
    index, bodies = b"", b""
    for number, body in packed:
        index += b"%d %d " % (number, len(bodies))
        bodies += body + b" "
    out = bytearray(b"%PDF-1.5\n")
    places = {4: len(out)}
    out += b"4 0 obj\n%s\nendobj\n" % inner[4]
    places[6] = len(out)
    data = zlib.compress(index + bodies)
    out += b"6 0 obj\n%s\nendobj\n" % stream(
        data, b"/Type/ObjStm/N %d/First %d/Filter/FlateDecode" % (len(packed), len(index))
    )
    start = len(out)
    rows = [(0, 0, 255)] * 8
    for position, (number, _) in enumerate(packed):
        rows[number] = (2, 6, position)
    rows[4], rows[6], rows[7] = (1, places[4], 0), (1, places[6], 0), (1, start, 0)
    table = zlib.compress(b"".join(struct.pack(">BHB", *row) for row in rows))
    entries = b"/Type/XRef/Size 8/W[1 2 1]/Root 1 0 R/Filter/FlateDecode"
    out += b"7 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream(table, entries), start)
    return bytes(out)


def outline(targets):
    """Entries by object number; each names its next one and its first child, which may be wrong."""
    body = objects(catalog=b"/Outlines 6 0 R")
    for number, following, child in targets:
        body[number] = b"<</Title(Entry %d)/Dest[3 0 R/Fit]/Parent 6 0 R/Next %d 0 R/First %d 0 R/Last %d 0 R>>" % (
            number,
            following,
            child,
            child,
        )
    body[6] = b"<</Type/Outlines/First 7 0 R/Last 7 0 R/Count 9>>"
    return written(body)


def tree(kids, count=1):
    body = objects()
    body[2] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)
    return written(body)


def nested_tree(depth):
    body = objects()
    body[2] = b"<</Type/Pages/Kids[10 0 R]/Count 1>>"
    for number in range(10, 10 + depth):
        below = number + 1 if number < 9 + depth else 3
        body[number] = b"<</Type/Pages/Parent 2 0 R/Kids[%d 0 R]/Count 1>>" % below
    return written(body)


def readable():
    """Files whose words must be found."""
    wrong_length = one().replace(b"/Length %d" % len(TEXT), b"/Length 9999")
    plain = one()
    return {
        "plain": plain,
        "without a table": plain[: plain.index(b"xref\n0")] + plain[plain.index(b"trailer") :],
        "table elsewhere": plain.replace(b"startxref\n", b"startxref\n99"),
        "length too long": wrong_length,
        "length too short": one().replace(b"/Length %d" % len(TEXT), b"/Length 3"),
        "length is itself": one().replace(b"/Length %d" % len(TEXT), b"/Length 4 0 R"),
        "bytes before the header": b"\n\n<!-- saved -->\n" + plain,
        "bytes after the end": plain + bytes(5000) + b"<html>",
        "old version": plain.replace(b"%PDF-1.7", b"%PDF-0.1"),
        "lines of a Mac": plain.replace(b"\n", b"\r"),
        "updated": updated(),
        "compressed objects": compressed(),
        "owner's password": encrypted(b""),
        "turned": one(page=b"/Rotate 90"),
        "turned oddly": one(page=b"/Rotate 33"),
        "turned upside down": one(page=b"/Rotate -180"),
        "box upside down": one(box=b"[300 200 0 0]"),
        "no box": one().replace(b"/MediaBox[0 0 300 200]", b""),
        "units": one(page=b"/UserUnit 75000"),
        "embedded file": one(
            catalog=b"/Names<</EmbeddedFiles<</Names[(a.txt)6 0 R]>>>>",
            o6=b"<</F(a.txt)/EF<</F 7 0 R>>>>",
            o7=stream(b"MZ" * 99),
        ),
        "starts a program": one(catalog=b"/OpenAction<</S/Launch/F(calc.exe)>>"),
        "script": one(catalog=b"/OpenAction<</S/JavaScript/JS(while(1){})>>"),
        "link to elsewhere": one(page=b"/Annots[<</Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(http://192.0.2.1/)>>>>]"),
        "XFA": one(catalog=b"/AcroForm<</Fields[]/XFA 6 0 R>>", o6=stream(b"<xdp:xdp xmlns:xdp='x'><a/></xdp:xdp>")),
        "broken JPX": picture(b"/Width 10/Height 10/Filter/JPXDecode", b"\xff\x4f\xff\x51" + bytes(50)),
        "broken JBIG2": picture(b"/Width 10/Height 10/Filter/JBIG2Decode", b"\x97JB2" + bytes(50)),
        "broken DCT": picture(b"/Width 10/Height 10/Filter/DCTDecode", b"\xff\xd8\xff\xe0" + bytes(50)),
        "pixel bomb": picture(b"/Width 60000/Height 60000/Filter/FlateDecode", zlib.compress(bytes(10**6))),
        "unknown filter": picture(b"/Width 10/Height 10/Filter/NoSuchDecode", b"x"),
        "form in itself": linked_forms(1, last=6),
        "forms in a circle": linked_forms(5, last=6),
        "outline in a circle": outline([(7, 8, 8), (8, 7, 7)]),
        "outline without an end": outline([(7, 7, 7)]),
        "page twice": tree(b"3 0 R 3 0 R", 2),
        "tree with itself": tree(b"2 0 R 3 0 R", 2),
        "tree of wrong count": tree(b"3 0 R", 1000000000),
        "tree far down": nested_tree(60),
        "deep array": one(catalog=b"/Deep " + b"[" * 400 + b"]" * 400),
    }


def doubtful():
    """Files that may be read or refused, with a reason; some have no words to be read."""
    return {
        "user's password": encrypted(b"secret"),
        "no size": one(box=b"[0 0 0 0]"),
        "nothing but comments": one(b"", page=b"/Annots[<</Subtype/Text/Rect[0 0 9 9]/Contents(A note)>>]"),
        "no pages": tree(b"", 0),
        "tree of nothing but itself": tree(b"2 0 R"),
        "tree without a bottom": nested_tree(5000),
        "page that is no page": tree(b"5 0 R"),
        "no catalogue": written(objects(), root=99),
        "only a header": b"%PDF-1.7\n",
        "header and noise": b"%PDF-1.7\n" + hashlib.sha512(b"x").digest() * 200,
        "previous table is itself": one().replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev 9"),
        "deeper array": one(catalog=b"/Deep " + b"[" * 100_000),
        "box of huge numbers": one(b"1 0 0 1 1e7 1e7 cm " + TEXT, box=b"[0 0 100000000 100000000]"),
        "cut off": one()[:-200],
        "letters without names": one(
            b"BT /F 12 Tf 20 150 Td <0102030405060708090a0b0c0e0f1011121314> Tj ET",
            font=b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[<</Type/Font/Subtype"
            b"/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>]>>",
        ),
    }


def bombs():
    """Files that would take all memory or time."""
    return {
        "forms that double": linked_forms(28, last=5, draws=2),
        "a form that draws itself twice": linked_forms(1, last=6, draws=2),
        "contents": one(zlib.compress(TEXT * 2_000_000, 9)).replace(b"/Length", b"/Filter/FlateDecode/Length"),
        "metadata": one(catalog=b"/Metadata 6 0 R", o6=stream(zlib.compress(bytes(10**8), 9), b"/Filter/FlateDecode")),
    }
