"""The tar format: what we write, others read; what others write, we read."""

from __future__ import annotations

import io
import tarfile
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidInput
from runtime.layer.entry import Entry, EntryKind
from runtime.layer.header import (
    BLOCK_BYTES,
    END_OF_ARCHIVE,
    decode,
    encode,
    parse_pax_records,
    typeflag_of,
)
from runtime.layer.reader import entries

_names = (
    st.binary(min_size=1, max_size=300)
    .map(lambda name: name.replace(b"\0", b"").strip(b"/"))
    .filter(bool)
)
_entries = st.builds(
    Entry,
    name=_names,
    kind=st.sampled_from([EntryKind.FILE, EntryKind.DIRECTORY, EntryKind.FIFO]),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 2),
    gid=st.integers(0, 2**32 - 2),
    mtime_ns=st.integers(-(10**18), 10**19),
    xattrs=st.dictionaries(
        st.sampled_from(["user.a", "user.옹기", "security.capability"]),
        st.binary(max_size=300),
    ),
) | st.builds(
    Entry,
    name=_names,
    kind=st.sampled_from([EntryKind.SYMLINK, EntryKind.HARD_LINK]),
    link=_names,
)


def read_one(data: bytes) -> Entry:
    return next(entries(io.BytesIO(data)))[0]


@given(_entries)
def test_every_entry_survives_the_way_there_and_back(entry: Entry) -> None:
    data = encode(entry)
    assert len(data) % BLOCK_BYTES == 0
    assert read_one(data) == entry


@given(_entries)
def test_python_reads_what_we_write(entry: Entry) -> None:
    with tarfile.open(fileobj=io.BytesIO(encode(entry) + END_OF_ARCHIVE)) as archive:
        member = archive.next()
    assert member is not None
    assert member.name.encode(errors="surrogateescape") == entry.name
    assert member.linkname.encode(errors="surrogateescape") == entry.link
    assert (member.type, member.mode) == (entry.kind.value, entry.mode)
    assert (member.uid, member.gid) == (entry.uid, entry.gid)
    assert (member.uname, member.gname) == ("", "")
    assert int(member.mtime) == pytest.approx(entry.mtime_ns / 10**9, abs=1)


@pytest.mark.parametrize(
    "tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
@pytest.mark.parametrize("length", [5, 99, 100, 101, 200])
def test_we_read_what_python_writes(tar_format: Literal[0, 1, 2], length: int) -> None:
    # Ustar splits a long name at a slash, which must stand in the right place.
    member = tarfile.TarInfo("d" * (length // 2) + "/" + "n" * ((length - 1) // 2))
    member.type, member.linkname = tarfile.SYMTYPE, "target"
    member.uid, member.mtime, member.mode = 1000, 1_700_000_000, 0o755
    entry = read_one(member.tobuf(tar_format))
    assert entry == Entry(
        name=member.name.encode(),
        kind=EntryKind.SYMLINK,
        mode=0o755,
        uid=1000,
        mtime_ns=1_700_000_000 * 10**9,
        link=b"target",
    )


def test_gnu_long_links_and_large_numbers() -> None:
    member = tarfile.TarInfo("name")
    member.type, member.linkname, member.uid = tarfile.SYMTYPE, "t" * 300, 2**31
    member.mtime = -5
    entry = read_one(member.tobuf(tarfile.GNU_FORMAT))
    assert (entry.link, entry.uid, entry.mtime_ns) == (b"t" * 300, 2**31, -5 * 10**9)


def test_a_directory_of_the_old_days_is_told_by_its_slash() -> None:
    member = tarfile.TarInfo("old/")
    member.type = tarfile.AREGTYPE
    assert read_one(member.tobuf(tarfile.USTAR_FORMAT)).kind is EntryKind.DIRECTORY


def test_whole_seconds_and_short_names_need_no_pax_header() -> None:
    assert len(encode(Entry(b"etc/hosts", EntryKind.FILE, mtime_ns=5 * 10**9))) == BLOCK_BYTES
    assert len(encode(Entry(b"etc/hosts", EntryKind.FILE, mtime_ns=1))) == 3 * BLOCK_BYTES


@pytest.mark.parametrize("length", [*range(80, 110), *range(980, 1010)])
def test_a_records_length_counts_itself(length: int) -> None:
    name = b"n" * length
    assert read_one(encode(Entry(name, EntryKind.FILE, mtime_ns=1))).name == name


def test_host_only_attributes_are_not_read() -> None:
    hostile = {"trusted.overlay.redirect": b"/etc", "user.overlay.opaque": b"y", "user.ok": b"1"}
    assert read_one(encode(Entry(b"a", EntryKind.FILE, xattrs=hostile))).xattrs == {"user.ok": b"1"}


def test_an_attribute_that_pax_cannot_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be stored"):
        encode(Entry(b"a", EntryKind.FILE, xattrs={"user.key=value": b""}))


def test_any_changed_bit_is_noticed() -> None:
    block = bytearray(encode(Entry(b"etc/hosts", EntryKind.FILE)))
    for position in range(148):
        changed = block.copy()
        changed[position] ^= 1
        with pytest.raises(InvalidInput, match="checksum"):
            typeflag_of(bytes(changed))


@pytest.mark.parametrize(
    "lines",
    [b"x", b"5", b"5 a=1", b"99 a=1\n", b"0 a=1\n", b"1 \n", b"6 a=1\n6 a", b"-6 a=1\n", b"2 \n"],
)
def test_damaged_pax_records(lines: bytes) -> None:
    with pytest.raises(InvalidInput, match="damaged"):
        parse_pax_records(lines)


@pytest.mark.parametrize(
    "records",
    [
        {"uid": b"-1"},
        {"uid": b"4294967295"},
        {"gid": b"1_0"},
        {"size": b"9" * 30},
        {"mtime": b"soon"},
        {"mtime": b"1e9"},
        {"mtime": b"9" * 18},
        {"GNU.sparse.major": b"1"},
    ],
)
def test_impossible_records(records: dict[str, bytes]) -> None:
    with pytest.raises(InvalidInput):
        decode(encode(Entry(b"a", EntryKind.FILE)), records)


@given(st.binary(min_size=BLOCK_BYTES, max_size=4 * BLOCK_BYTES))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    block = bytearray(data[:BLOCK_BYTES])
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    try:
        list(entries(io.BytesIO(bytes(block) + data[BLOCK_BYTES:])))
    except InvalidInput as refusal:
        assert refusal.message
