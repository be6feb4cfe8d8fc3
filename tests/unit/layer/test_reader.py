"""Reading a stream of entries, with flat memory and no trust."""

from __future__ import annotations

import io
import tarfile

import pytest

from runtime.errors import InvalidInput
from runtime.layer.entry import Entry, EntryKind
from runtime.layer.header import END_OF_ARCHIVE, encode, padding
from runtime.layer.reader import entries


def file(name: bytes, data: bytes) -> bytes:
    return encode(Entry(name, EntryKind.FILE, size=len(data))) + data + padding(len(data))


def test_content_comes_with_its_entry() -> None:
    stream = io.BytesIO(file(b"a", b"1" * 513) + file(b"b", b"") + file(b"c", b"3"))
    assert [(e.name, b"".join(content)) for e, content in entries(stream)] == [
        (b"a", b"1" * 513),
        (b"b", b""),
        (b"c", b"3"),
    ]


def test_what_nobody_reads_is_skipped() -> None:
    stream = io.BytesIO(file(b"a", b"1" * 5000) + file(b"b", b"2") + END_OF_ARCHIVE + b"rest")
    assert [entry.name for entry, _ in entries(stream)] == [b"a", b"b"]


def test_large_content_comes_in_chunks() -> None:
    stream = io.BytesIO(file(b"a", bytes(3 << 20)))
    _, content = next(entries(stream))
    assert [len(chunk) for chunk in content] == [1 << 20] * 3


def test_an_empty_stream_is_an_empty_layer() -> None:
    assert list(entries(io.BytesIO())) == []
    assert list(entries(io.BytesIO(END_OF_ARCHIVE))) == []


@pytest.mark.parametrize("cut", [1, 511, 512, 600, 1011, 1013, 1023])
def test_a_cut_stream_is_noticed(cut: int) -> None:
    data = file(b"a", b"1" * 500)
    with pytest.raises(InvalidInput, match="ends too early"):
        list(entries(io.BytesIO(data[:cut])))


def test_a_stream_without_its_last_padding_is_forgiven() -> None:
    data = file(b"a", b"1" * 500)
    assert [b"".join(content) for _, content in entries(io.BytesIO(data[:1012]))] == [b"1" * 500]


def test_records_describe_one_entry_only() -> None:
    long_name = b"n" * 150
    stream = io.BytesIO(file(long_name, b"") + file(b"short", b""))
    assert [entry.name for entry, _ in entries(stream)] == [long_name, b"short"]


def test_global_headers_say_nothing_about_files() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", pax_headers={"comment": "commit"}) as archive:
        archive.addfile(tarfile.TarInfo("a"))
    assert [e.name for e, _ in entries(io.BytesIO(stream.getvalue()))] == [b"a"]


def test_a_giant_pax_header_is_refused_unread() -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, 10 << 30
    with pytest.raises(InvalidInput, match="too large"):
        list(entries(io.BytesIO(member.tobuf(tarfile.GNU_FORMAT))))


@pytest.mark.parametrize("type", [tarfile.GNUTYPE_SPARSE, b"V", b"M", b"Z"])
def test_kinds_no_layer_has(type: bytes) -> None:
    member = tarfile.TarInfo("odd")
    member.type = type
    with pytest.raises(InvalidInput, match="not supported"):
        list(entries(io.BytesIO(member.tobuf(tarfile.USTAR_FORMAT))))
