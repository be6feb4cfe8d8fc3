r"""The tar format: 512 bytes that describe a file, in octal, since 1979.

    name mode uid gid size mtime checksum type link "ustar\0" "00" … major minor prefix

What does not fit (long names, large numbers, fractions of a second, extended attributes) stands
in a PAX header before it: a small file of its own, made of `length key=value` lines. GNU tar has
older ways for the same (`././@LongLink`, base-256 numbers), which are read and never written.

A written header depends on its entry and on nothing else: no user names, no access times, no
current time. That is what makes a layer reproducible.

Rule: this file turns values into bytes and back; it opens nothing.
POSIX.1-2017 pax "pax Interchange Format"; GNU tar manual "Basic Tar Format"
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from runtime.errors import InvalidInput
from runtime.layer.entry import Entry, EntryKind, is_content

BLOCK_BYTES = 512
END_OF_ARCHIVE = bytes(2 * BLOCK_BYTES)

PAX_HEADER = b"x"
PAX_GLOBAL_HEADER = b"g"
GNU_LONG_NAME = b"L"
GNU_LONG_LINK = b"K"

_USTAR = struct.Struct("100s 8s 8s 8s 12s 12s 8s 1s 100s 6s 2s 32s 32s 8s 8s 155s 12x")
_MAGIC = b"ustar\0"
_NAME_BYTES = 100
_CHECKSUM = slice(148, 156)
_TYPEFLAG = slice(156, 157)
_SMALL_LIMIT = 8**7  # uid, gid: seven octal digits
_LARGE_LIMIT = 8**11  # size, mtime: eleven
_SECOND_NS = 1_000_000_000
_SIZE_LIMIT = 2**63
_ID_LIMIT = 2**32 - 1  # chown takes this last 32-bit value for "leave it as it is"
_DEVICE_LIMIT = 2**20
_TIME_LIMIT_S = 2**40  # no file system goes further
_XATTR = "SCHILY.xattr."
_SPARSE = "GNU.sparse."
_RECORD_LENGTH = re.compile(rb"([1-9][0-9]{0,9}) ")
_DECIMAL = re.compile(rb"(-?)([0-9]{1,18})(?:\.([0-9]*))?")
# Two more typeflags mean a plain file: V7's, and POSIX's "contiguous file".
_KINDS = {kind.value: kind for kind in EntryKind} | {
    b"\0": EntryKind.FILE,
    b"7": EntryKind.FILE,
}


# ── Writing ──────────────────────────────────────────────────────────────────────────────────


def encode(entry: Entry) -> bytes:
    """The header blocks of `entry`: one, or three and more when it needs a PAX header.

    Raises InvalidInput for an extended attribute whose name PAX has no way to write.
    """
    name = entry.name + b"/" if entry.kind is EntryKind.DIRECTORY else entry.name
    header = _block(name, entry, entry.kind.value)
    if records := _pax_records(name, entry):
        return _pax_header(entry.name, records) + header
    return header


def padding(size: int) -> bytes:
    """The zeros that fill content of `size` bytes up to the next block."""
    return bytes(-size % BLOCK_BYTES)


def _block(name: bytes, entry: Entry, typeflag: bytes) -> bytes:
    """One header block. What does not fit is cut or zero here, and right in the PAX header."""
    block = bytearray(
        _USTAR.pack(
            name[:_NAME_BYTES],
            b"%07o" % entry.mode,
            b"%07o" % _fitting(entry.uid, _SMALL_LIMIT),
            b"%07o" % _fitting(entry.gid, _SMALL_LIMIT),
            b"%011o" % _fitting(entry.size, _LARGE_LIMIT),
            b"%011o" % _fitting(entry.mtime_ns // _SECOND_NS, _LARGE_LIMIT),
            b" " * 8,  # the checksum is computed with spaces in its own place
            typeflag,
            entry.link[:_NAME_BYTES],
            _MAGIC,
            b"00",
            b"",
            b"",
            b"%07o" % entry.device[0],
            b"%07o" % entry.device[1],
            b"",
        )
    )
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)


def _fitting(value: int, limit: int) -> int:
    return value if 0 <= value < limit else 0


def _pax_records(name: bytes, entry: Entry) -> dict[str, bytes]:
    """What the header block of `entry` has no room for."""
    records: dict[str, bytes] = {}
    if len(name) > _NAME_BYTES:
        records["path"] = name
    if len(entry.link) > _NAME_BYTES:
        records["linkpath"] = entry.link
    if entry.size >= _LARGE_LIMIT:
        records["size"] = b"%d" % entry.size
    if entry.uid >= _SMALL_LIMIT:
        records["uid"] = b"%d" % entry.uid
    if entry.gid >= _SMALL_LIMIT:
        records["gid"] = b"%d" % entry.gid
    if entry.mtime_ns % _SECOND_NS or not 0 <= entry.mtime_ns < _LARGE_LIMIT * _SECOND_NS:
        records["mtime"] = _decimal_seconds(entry.mtime_ns)
    for xattr in sorted(entry.xattrs):
        if "=" in xattr:
            raise InvalidInput("the attribute {name!r} cannot be stored in a layer", name=xattr)
        records[_XATTR + xattr] = entry.xattrs[xattr]
    return records


def _pax_header(name: bytes, records: Mapping[str, bytes]) -> bytes:
    """A PAX header as a whole: its own header block, its lines, its padding."""
    lines = b"".join(
        _record(key.encode(errors="surrogateescape"), value) for key, value in records.items()
    )
    own_name = b"PaxHeaders.0/" + name.rpartition(b"/")[2]
    itself = Entry(own_name, EntryKind.FILE, mode=0o644, size=len(lines))
    return _block(own_name, itself, PAX_HEADER) + lines + padding(len(lines))


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value` and a newline; the length counts its own digits too."""
    rest = b" %b=%b\n" % (key, value)
    length = len(rest)
    while length != (longer := len(rest) + len(str(length))):
        length = longer
    return b"%d" % length + rest


def _decimal_seconds(nanoseconds: int) -> bytes:
    sign = b"-" if nanoseconds < 0 else b""
    seconds, fraction = divmod(abs(nanoseconds), _SECOND_NS)
    return sign + (b"%d.%09d" % (seconds, fraction)).rstrip(b"0").rstrip(b".")


# ── Reading ──────────────────────────────────────────────────────────────────────────────────


def typeflag_of(block: bytes) -> bytes:
    """Which kind of header this is. Raises InvalidInput when it is no tar header at all."""
    checksum = sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")
    if checksum != _number(block[_CHECKSUM], "checksum", _SIZE_LIMIT):
        raise InvalidInput("a tar header has a wrong checksum")
    return block[_TYPEFLAG]


def size_of(block: bytes) -> int:
    """How many bytes follow a header that is not a file's own, such as a PAX header."""
    return _number(_USTAR.unpack(block)[4], "size", _SIZE_LIMIT)


def decode(block: bytes, records: Mapping[str, bytes]) -> Entry:
    """The entry that a header block describes, corrected by its PAX records.

    Raises InvalidInput on what is damaged, out of range, or a kind of file that no layer has.
    """
    name, mode, uid, gid, size, mtime, _, flag, link, *_, major, minor, _ = _USTAR.unpack(block)
    name = records.get("path") or _full_name(block)
    kind = _kind(flag, name, records)
    has_content = kind is EntryKind.FILE  # some tars repeat a size in headers of other kinds
    return Entry(
        name=name.rstrip(b"/") or name[:1],
        kind=kind,
        mode=_number(mode, "mode", _SIZE_LIMIT) & 0o7777,
        uid=_number_or(records.get("uid"), uid, "uid", _ID_LIMIT),
        gid=_number_or(records.get("gid"), gid, "gid", _ID_LIMIT),
        mtime_ns=_time(records["mtime"]) if "mtime" in records else _whole_seconds(mtime),
        size=_number_or(records.get("size"), size, "size", _SIZE_LIMIT) if has_content else 0,
        link=records.get("linkpath") or _text(link),
        device=(
            _number(major, "device number", _DEVICE_LIMIT),
            _number(minor, "device number", _DEVICE_LIMIT),
        ),
        xattrs=_xattrs(records),
    )


def parse_pax_records(lines: bytes) -> dict[str, bytes]:
    """The records of a PAX header's content. Raises InvalidInput."""
    records: dict[str, bytes] = {}
    start = 0
    while start < len(lines):
        length = _RECORD_LENGTH.match(lines, start)
        end = start + int(length[1]) if length else 0
        if length is None or not length.end() < end <= len(lines) or lines[end - 1 : end] != b"\n":
            raise InvalidInput("a tar's PAX header is damaged")
        key, _, value = lines[length.end() : end - 1].partition(b"=")
        records[key.decode(errors="surrogateescape")] = value
        start = end
    return records


def _full_name(block: bytes) -> bytes:
    """The name field, after the prefix field where POSIX tars keep one (GNU's keep times there)."""
    fields = _USTAR.unpack(block)
    name, prefix = _text(fields[0]), _text(fields[15])
    return prefix + b"/" + name if prefix and fields[9] == _MAGIC else name


def _kind(typeflag: bytes, name: bytes, records: Mapping[str, bytes]) -> EntryKind:
    kind = _KINDS.get(typeflag)
    if kind is None or any(key.startswith(_SPARSE) for key in records):
        raise InvalidInput(
            "{name!r}: a tar entry of type {typeflag!r} is not supported",
            hint="sparse files and multi-volume archives cannot be in a layer",
            name=name.decode(errors="surrogateescape"),
            typeflag=typeflag.decode(errors="replace"),
        )
    # Before there was a typeflag for it, a directory was a name that ends with a slash.
    is_old_directory = kind is EntryKind.FILE and name.endswith(b"/")
    return EntryKind.DIRECTORY if is_old_directory else kind


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number_or(record: bytes | None, field: bytes, what: str, limit: int) -> int:
    if record is None:
        return _number(field, what, limit)
    return _in_range(int(record) if record.isdigit() and len(record) < 20 else -1, what, limit)


def _number(field: bytes, what: str, limit: int) -> int:
    """An octal number; or GNU's base-256, whose first byte is 0x80 (0xff: negative)."""
    if field[0] == 0x80:
        return _in_range(int.from_bytes(field[1:], "big"), what, limit)
    digits = _text(field).strip(b" ")
    try:
        number = int(digits, 8) if digits.isdigit() else 0 if not digits else -1
    except ValueError:
        number = -1
    return _in_range(number, what, limit)


def _in_range(number: int, what: str, limit: int) -> int:
    if not 0 <= number < limit:
        raise InvalidInput("a tar header has an impossible {field}", field=what)
    return number


def _whole_seconds(field: bytes) -> int:
    if field[0] == 0xFF:  # GNU's base-256 for the time before 1970
        seconds = int.from_bytes(field, "big", signed=True)
        return -_in_range(-seconds, "mtime", _TIME_LIMIT_S) * _SECOND_NS
    return _number(field, "mtime", _TIME_LIMIT_S) * _SECOND_NS


def _time(text: bytes) -> int:
    """Nanoseconds of a PAX time, which is a decimal fraction of any length."""
    decimal = _DECIMAL.fullmatch(text)
    if decimal is None:
        raise InvalidInput("a tar header has an impossible {field}", field="mtime")
    sign, seconds, fraction = decimal.groups(b"")
    whole = _in_range(int(seconds), "mtime", _TIME_LIMIT_S) * _SECOND_NS
    nanoseconds = whole + int(fraction[:9].ljust(9, b"0"))
    return -nanoseconds if sign else nanoseconds


def _xattrs(records: Mapping[str, bytes]) -> dict[str, bytes]:
    return {
        name: value
        for key, value in records.items()
        if key.startswith(_XATTR) and is_content(name := key.removeprefix(_XATTR))
    }
