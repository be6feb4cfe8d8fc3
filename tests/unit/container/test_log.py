"""The log: what is written is what is read, whatever it is and however it comes in pieces."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.container import log
from runtime.container.log import LONGEST_PIECE, Entry, Limits, Reader, Writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "log").touch()
    return tmp_path / "log"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer(path)
    yield writer
    writer.close()


def read(path: Path) -> list[tuple[str, bytes]]:
    with Reader(path) as reader:
        return [(entry.stream, entry.data) for entry in reader.new()]


def tail(path: Path, count: int) -> bytes:
    with Reader(path) as reader:
        reader.skip_to_tail(count)
        return b"".join(entry.data for entry in reader.new())


WRITES = st.lists(
    st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(min_size=1, max_size=60)),
    max_size=20,
)


@given(WRITES)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "log"
    writer = Writer(path)
    with Reader(path) as reader:
        read: list[Entry] = []
        for stream, data in writes:
            writer.write(stream, data)
            read += reader.new()
    writer.close()
    for stream in ("stdout", "stderr"):
        written = b"".join(data for name, data in writes if name == stream)
        assert b"".join(entry.data for entry in read if entry.stream == stream) == written


@pytest.mark.parametrize(
    ("data", "entries"),
    [
        (b"one\n", [b"one\n"]),
        (b"one\ntwo\n", [b"one\n", b"two\n"]),
        (b"half", [b"half"]),
        (b"one\nhalf", [b"one\n", b"half"]),
        (b"\n\n", [b"\n", b"\n"]),
        (b"", []),
        (b"\r\n", [b"\r\n"]),
        (b"\x00\xff\xfe \n", [b"\x00\xff\xfe \n"]),
        (b"\x0b\x0c\x1c\x85\xe2\x80\xa8\n", [b"\x0b\x0c\x1c\x85\xe2\x80\xa8\n"]),
        ("안녕\n".encode(), ["안녕\n".encode()]),
    ],
)
def test_lines_and_halves(path: Path, writer: Writer, data: bytes, entries: list[bytes]) -> None:
    writer.write("stdout", data)
    assert read(path) == [("stdout", entry) for entry in entries]


def test_the_format_is_the_container_runtime_interface_s(path: Path, writer: Writer) -> None:
    writer.write("stdout", b"Hello\n")
    writer.write("stderr", b"name?")
    first, second = path.read_bytes().splitlines()
    stamp, rest = first.split(b" ", 1)
    assert rest == b"stdout F Hello"
    assert second.endswith(b" stderr P name?")
    assert len(stamp) == len("2026-11-23T21:41:05.123456789Z")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1_234_567_890_000_000_001, "2009-02-13T23:31:30.000000001Z"),
        (999_999_999, "1970-01-01T00:00:00.999999999Z"),
    ],
)
def test_times_have_nanoseconds(nanoseconds: int, text: str) -> None:
    assert log.timestamp(nanoseconds) == text


@pytest.mark.parametrize("extra", [-1, 0, 1, LONGEST_PIECE, LONGEST_PIECE + 1])
def test_a_long_line_comes_in_pieces(path: Path, writer: Writer, extra: int) -> None:
    line = os.urandom(LONGEST_PIECE + extra).replace(b"\n", b".") + b"\n"
    writer.write("stdout", line)
    pieces = [data for _, data in read(path)]
    assert b"".join(pieces) == line
    assert all(len(piece) <= LONGEST_PIECE + 1 for piece in pieces)
    assert tail(path, 1) == line


def test_a_reader_goes_on_where_it_was(path: Path, writer: Writer) -> None:
    with Reader(path) as reader:
        assert list(reader.new()) == []
        writer.write("stdout", b"one\n")
        assert [entry.data for entry in reader.new()] == [b"one\n"]
        reader.skip_to_end()
        writer.write("stdout", b"two\nthree\n")
        path.unlink()
        assert [entry.data for entry in reader.new()] == [b"two\n", b"three\n"]
        assert list(reader.new()) == []


def test_an_entry_that_is_being_written_is_left_for_later(path: Path) -> None:
    whole = b"2026-11-23T21:41:05.123456789Z stdout F whole\n"
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole[:cut])
        with Reader(path) as reader:
            assert [entry.data for entry in reader.new()] == [b"whole\n"]
            with path.open("ab") as file:
                file.write(whole[cut:])
            assert [entry.data for entry in reader.new()] == [b"whole\n"]


def test_a_tail_does_not_stumble_over_an_entry_that_is_being_written(path: Path) -> None:
    whole = b"2026-11-23T21:41:05.123456789Z stdout F %d\n"
    for cut in range(1, len(whole)):
        path.write_bytes(whole % 1 + whole % 2 + whole[:cut])
        assert tail(path, 1) == b"2\n"


def test_the_last_lines(path: Path, writer: Writer) -> None:
    for number in range(5):
        writer.write("stdout", b"%d\n" % number)
    assert [tail(path, count) for count in (0, 1, 2, 5, 100)] == [
        b"",
        b"4\n",
        b"3\n4\n",
        b"0\n1\n2\n3\n4\n",
        b"0\n1\n2\n3\n4\n",
    ]


def test_a_line_that_came_in_pieces_counts_once(path: Path, writer: Writer) -> None:
    for piece in (b"first\n", b"sec", b"o", b"nd\n", b"thi"):
        writer.write("stdout", piece)
    assert tail(path, 1) == b"thi"
    assert tail(path, 2) == b"second\nthi"


def test_one_writes_while_others_read(path: Path, writer: Writer) -> None:
    lines = [b"%d %s\n" % (number, b"x" * (number * 37 % 3000)) for number in range(400)]
    done = threading.Event()
    seen: list[list[bytes]] = []

    def follow() -> None:
        with Reader(path) as reader:
            mine: list[bytes] = []
            while not done.is_set():
                mine += (entry.data for entry in reader.new())
            seen.append(mine + [entry.data for entry in reader.new()])

    threads = [threading.Thread(target=follow) for _ in range(3)]
    for thread in threads:
        thread.start()
    for line in lines:
        writer.write("stdout", line)
    done.set()
    for thread in threads:
        thread.join()
    assert seen == [lines] * 3


FULL = """
import resource, signal, sys
from pathlib import Path
from runtime.container.log import Writer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = Writer(Path(sys.argv[1]))
writer.write("stdout", b"before\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
try:
    writer.write("stderr", b"fits\\n" + b"lost " * 20 + b"\\n")
except OSError as error:
    print(error.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
writer.write("stdout", b"after\\n")
"""


@pytest.mark.parametrize(
    ("limit", "fits"), [(48, False), (60, False), (91, False), (92, True), (93, True), (130, True)]
)
def test_a_full_disk_costs_what_did_not_fit_and_nothing_else(
    path: Path, limit: int, fits: bool
) -> None:
    """The kernel writes a part, and then none: half an entry must not swallow the next one.

    The entries take 47 and 45 bytes.
    """
    done = subprocess.run(
        [sys.executable, "-c", FULL, path, str(limit)],
        cwd=Path(__file__).parents[3],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{errno.EFBIG}\n"
    written = [("stderr", b"fits\n")] if fits else []
    assert read(path) == [("stdout", b"before\n"), *written, ("stdout", b"after\n")]


def rotating(path: Path, most_bytes: int = 200, most_files: int = 2) -> Writer:
    return Writer(path, Limits(most_bytes, most_files))


def files(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_rotation_keeps_so_many_files_of_such_a_size(path: Path) -> None:
    writer = rotating(path, 200, 3)
    for number in range(100):
        writer.write("stdout", b"%03d\n" % number)
    writer.close()
    assert len(files(path)) == 3
    assert all(each.stat().st_size <= 200 for each in path.parent.iterdir())
    kept = [data for _, data in read(path)]
    assert kept == [b"%03d\n" % number for number in range(100 - len(kept), 100)]
    assert len(kept) > 8
    again = rotating(path, 200, 3)
    again.write("stdout", b"100\n")
    again.close()
    assert read(path)[-1] == ("stdout", b"100\n")


def test_a_reader_misses_and_repeats_nothing_however_slow_it_is(path: Path) -> None:
    writer = rotating(path)
    seen: list[bytes] = []
    with Reader(path) as reader:
        for number in range(500):
            writer.write("stdout", b"%d\n" % number)
            if number % 97 == 0:
                seen += [entry.data for entry in reader.new()]
        seen += [entry.data for entry in reader.new()]
    writer.write("stdout", bytes(200) + b"\n")
    writer.write("stdout", bytes(200) + b"\n")
    writer.close()
    assert seen == [b"%d\n" % number for number in range(500)]
    assert len(files(path)) == 2, "nobody holds the old ones any more"


def test_a_reader_that_stops_in_the_middle_goes_on_there(path: Path) -> None:
    writer = rotating(path)
    with Reader(path) as reader:
        writer.write("stdout", b"".join(b"%d\n" % number for number in range(50)))
        entries = reader.new()
        seen = [next(entries).data for _ in range(20)]
        for number in range(50, 300):
            writer.write("stdout", b"%d\n" % number)
        seen += [entry.data for entry in (*entries, *reader.new())]
    writer.close()
    assert seen == [b"%d\n" % number for number in range(300)]


@pytest.mark.parametrize("count", [0, 1, 5, 17, 1000])
def test_the_tail_of_a_rotated_log(path: Path, count: int) -> None:
    writer = rotating(path, 200, 4)
    for number in range(50):
        writer.write("stdout", b"%03d\n" % number)
    kept = [data for _, data in read(path)]
    assert tail(path, count) == b"".join(kept[-count:] if count else [])
    with Reader(path) as reader:
        reader.skip_to_tail(count)
        list(reader.new())
        for number in range(50, 200):
            writer.write("stdout", b"%03d\n" % number)
        assert [entry.data for entry in reader.new()] == [b"%03d\n" % n for n in range(50, 200)]
    writer.close()


def test_a_slow_reader_outlives_the_removal_of_a_rotated_log(tmp_path: Path) -> None:
    directory = tmp_path / "container"
    directory.mkdir()
    (directory / "config.json").touch()
    (directory / "rootfs").mkdir()
    writer = rotating(directory / "log")
    reader = Reader(directory / "log")
    other = Reader(directory / "log")
    for number in range(100):
        writer.write("stdout", b"%d\n" % number)
    writer.close()
    log.remove_directory(directory)
    assert not (directory / "config.json").exists()
    other.close()
    assert [entry.data for entry in reader.new()] == [b"%d\n" % number for number in range(100)]
    reader.close()
    assert not directory.exists()


def test_a_log_of_one_file_goes_at_once(tmp_path: Path) -> None:
    directory = tmp_path / "container"
    directory.mkdir()
    writer = Writer(directory / "log")
    writer.write("stdout", b"hello\n")
    writer.close()
    with Reader(directory / "log") as reader:
        log.remove_directory(directory)
        assert not directory.exists()
        assert [entry.data for entry in reader.new()] == [b"hello\n"]


def test_one_writes_and_others_read_at_once(path: Path) -> None:
    """Readers in threads, while files come and go."""
    total = 3000
    done = threading.Event()
    found: list[list[bytes]] = [[], [], []]

    def follow(seen: list[bytes]) -> None:
        with Reader(path) as reader:
            ready.wait()
            while not done.is_set():
                seen += [entry.data for entry in reader.new()]
            seen += [entry.data for entry in reader.new()]

    ready = threading.Barrier(len(found) + 1)
    threads = [threading.Thread(target=follow, args=(seen,)) for seen in found]
    for thread in threads:
        thread.start()
    writer = rotating(path, 1000, 1)
    ready.wait()
    for number in range(total):
        writer.write("stdout", b"%d\n" % number)
    writer.close()
    done.set()
    for thread in threads:
        thread.join()
    assert found == [[b"%d\n" % number for number in range(total)]] * 3


def test_one_great_write_fills_several_files(path: Path) -> None:
    writer = rotating(path, 500, 3)
    with Reader(path) as reader:
        writer.write("stdout", b"".join(b"%d\n" % number for number in range(100)))
        assert max(each.stat().st_size for each in path.parent.iterdir()) <= 500
        assert [entry.data for entry in reader.new()] == [b"%d\n" % n for n in range(100)]
    writer.close()
    assert len(files(path)) == 3
