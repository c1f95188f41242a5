"""ZIP archives: every file in them through its own format. Nothing is written to disk, so paths can't lead anywhere.

Not covered: other packers (.7z, .rar, .tar.gz).
"""

from __future__ import annotations

import zipfile

from ingest.child import report
from ingest.formats.members import LARGEST, Budget, Members, label_of
from ingest.formats.packages import BROKEN, check_size, damaged, encrypted
from ingest.formats.sections import File, Reading
from storage.errors import DocumentError

_WHAT = "ZIP file"
_NOTHING, _REMEDY = "o file in this archive could be read. ", "Upload files with text in them."
_IGNORED = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini")


def read(file: File, *, budget: Budget) -> Reading:
    """Raises DocumentError where the archive is broken or encrypted, swells, or holds nothing that can be read."""
    check_size(file, budget.unpacked, _WHAT)
    members = Members(budget)
    try:
        with zipfile.ZipFile(file) as archive:
            files = [member for member in archive.infolist() if _is_document(member)]
            if files and all(member.flag_bits & 1 for member in files):
                raise encrypted()
            for number, member in enumerate(files):
                report(number, len(files))
                _read_member(archive, member, members)
    except BROKEN as error:
        raise damaged(_WHAT) from error
    if not members.read:
        reason = members.all_warnings()[0] if members.all_warnings() else "It is empty."
        reason = reason.rpartition(_NOTHING)[2].removesuffix(f" {_REMEDY}")  # the innermost archive tells why
        raise DocumentError(f"N{_NOTHING}{reason}"[:300], _REMEDY)
    return Reading(members.sections, warnings=members.all_warnings(), unread=members.unread)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, members: Members) -> None:
    label = label_of(member.filename)
    if member.flag_bits & 1:
        members.leave_out(label, "it is encrypted. Upload it without a password.")
    elif member.file_size > min(LARGEST, members.budget.unpacked):
        members.leave_out(label, "it unpacks to more than can be taken. Upload it in parts.")
    else:
        try:
            data = archive.read(member)
        except BROKEN:
            members.leave_out(label, "it is damaged. Pack it again.")
        else:
            members.add_file(data, member.filename)


def _is_document(member: zipfile.ZipInfo) -> bool:
    name = member.filename.lower().replace("\\", "/")
    hidden = name.rpartition("/")[2].startswith("._") or any(name.endswith(bad) for bad in _IGNORED)
    return not (member.is_dir() or hidden or name.startswith(_IGNORED[0]))
