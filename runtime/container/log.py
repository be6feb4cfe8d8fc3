"""A container's log: one line of a file for each line (or piece of a line) that it wrote.

    2026-11-23T21:41:05.123456789Z stdout F Hello from the jar
    2026-11-23T21:41:05.123460000Z stderr P What is your name?

The format is the Container Runtime Interface's: time, stream, F for a full line or P for a
piece of one, and then the bytes as they came. It is the only copy of the output: everybody,
also a foreground `run`, reads this file, so a slow reader never holds up a container.

**Rotation.** When a file is full the next one begins: `log`, `log.1`, `log.2`… Names are never used
again, and entries never cut. Only the oldest file is ever deleted, and only when nobody has it
in hand (a shared lock, which the kernel takes back from a reader that dies). A reader goes on
with the next file when that is there and the one in hand is at its end. So a reader never misses
or repeats an entry, however slow it is; and one that stands still keeps its files on the disk.

kubernetes: contributors/design-proposals/node/kubelet-cri-logging.md
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

NAME = "log"
_FILE = re.compile(r"log(?:\.(\d+))?")

ABANDONED = "abandoned"
"""Marks the directory of a container that has been removed, and of which only its log is left."""

LONGEST_PIECE = 16 * 1024
"""A line longer than this is cut into pieces, so that a reader's memory stays flat."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `data` has its newline if the line was full; `starts_line` is False
    where it goes on with what the same stream has begun.
    """

    time: str
    stream: str
    data: bytes
    starts_line: bool = True

    @property
    def stamp(self) -> bytes:
        """What docker writes before the line when times are wanted."""
        return self.time.encode() + b" " if self.starts_line else b""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a file is full, and how many are kept. 0 bytes: never. Docker's max-size, max-file."""

    most_bytes: int = 0
    most_files: int = 1


class Writer:
    """Appends what the container writes. One writer a log."""

    def __init__(self, path: Path, limits: Limits = Limits()) -> None:
        self._path = path
        self._limits = limits
        self._number = (numbers(path) or [0])[-1]
        self._descriptor = self._open(self._number)

    def write(self, stream: str, data: bytes) -> None:
        """Append `data`, which may hold several lines and end in the middle of one.

        A reader sees whole entries only. Raises OSError; what did not fit on the disk is lost,
        and no part of an entry stays to spoil the next one.
        """
        stamp = timestamp(time.time_ns()).encode()
        lines = data.split(b"\n")
        entries = [_encoded(stamp, stream, b"F", line) for line in lines[:-1]]
        if lines[-1]:
            entries.append(_encoded(stamp, stream, b"P", lines[-1]))
        for text in self._fitting(entries):
            self._append(text)

    def _fitting(self, entries: list[bytes]) -> Iterator[bytes]:
        """The entries, put together so that each file takes what it has room for."""
        most = self._limits.most_bytes
        if not most:
            yield b"".join(entries)
            return
        size, fitting = os.fstat(self._descriptor).st_size, bytearray()
        for entry in entries:
            if size and size + len(entry) > most:
                yield bytes(fitting)
                self._rotate()
                size, fitting = 0, bytearray()
            fitting += entry
            size += len(entry)
        yield bytes(fitting)

    def _append(self, text: bytes) -> None:
        written = 0
        try:
            while written < len(text):
                written += os.write(self._descriptor, memoryview(text)[written:])
        except OSError:
            torn = written - (text.rfind(b"\n", 0, written) + 1)
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - torn)
            raise

    def _rotate(self) -> None:
        """Go on in the next file. The one before is finished when that is there: see `Reader`."""
        descriptor = self._open(self._number + 1)
        os.close(self._descriptor)
        self._number, self._descriptor = self._number + 1, descriptor
        self.delete_old()

    def delete_old(self) -> None:
        """Keep no more files than are wanted, and those that somebody reads."""
        for number in numbers(self._path)[: -self._limits.most_files]:
            if not delete_unread(numbered(self._path, number)):
                break

    def _open(self, number: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(numbered(self._path, number), flags, 0o600)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)
        self.delete_old()


class Reader:
    """Reads entries as they come; call `new()` again when there may be more.

    The file in hand is open and locked: so neither it nor one after it is deleted by rotation,
    and what was written can still be read when the container has been removed meanwhile.
    Raises FileNotFoundError when there is no log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number, self._file = self._oldest()
        self._unfinished: set[str] = set()
        """The streams whose last entry ended in the middle of a line."""

    def _oldest(self) -> tuple[int, BinaryIO]:
        while True:
            number = (numbers(self._path) or [0])[0]
            try:
                file = _locked(numbered(self._path, number))
            except FileNotFoundError:
                if not numbers(self._path):
                    raise
                continue  # it has just been rotated away
            if os.fstat(file.fileno()).st_nlink:
                return number, file
            file.close()

    def _next(self) -> BinaryIO | None:
        with contextlib.suppress(FileNotFoundError):
            return _locked(numbered(self._path, self._number + 1))
        return None

    def _go_on_in(self, file: BinaryIO) -> None:
        self._file.close()
        self._number, self._file = self._number + 1, file

    def skip_to_end(self) -> None:
        """Ignore everything that has been written so far."""
        while file := self._next():
            self._go_on_in(file)
        self._file.seek(0, os.SEEK_END)

    def skip_to_tail(self, count: int) -> None:
        """Go on with the last `count` lines; a line in several pieces counts once."""
        first = self._number
        starts: deque[tuple[int, int]] = deque(maxlen=min(max(count, 0), sys.maxsize))
        held = {first: self._file}
        complete = True
        while True:
            position = 0
            for line in self._file:
                if not line.endswith(b"\n"):
                    break  # it is being written
                if complete:
                    starts.append((self._number, position))
                complete = line.split(b" ", 3)[2] == b"F"
                position += len(line)
            file = self._next()
            if file is None:
                break
            self._number, self._file = self._number + 1, file
            held[self._number] = file
        self._number, position = starts[0] if starts else (self._number, position)
        self._file = held.pop(self._number)
        self._file.seek(position)
        for file in held.values():
            file.close()

    def new(self) -> Iterator[Entry]:
        """What was written since the last call. An entry being written is left for the next."""
        while True:
            file = self._next()  # if it is there, the one in hand is finished
            while line := self._file.readline():
                if not line.endswith(b"\n"):
                    self._file.seek(-len(line), os.SEEK_CUR)
                    break
                yield self._decoded(line)
            if file is None:
                return
            self._go_on_in(file)

    def _decoded(self, line: bytes) -> Entry:
        stamp, name, tag, data = line[:-1].split(b" ", 3)
        stream = name.decode()
        starts_line = stream not in self._unfinished
        if tag == b"F":
            self._unfinished.discard(stream)
            return Entry(stamp.decode(), stream, data + b"\n", starts_line)
        self._unfinished.add(stream)
        return Entry(stamp.decode(), stream, data, starts_line)

    def close(self) -> None:
        """Give the file back. Of a container that has been removed, the last reader takes the
        rest away.
        """
        self._file.close()
        if (self._path.parent / ABANDONED).exists():
            with contextlib.suppress(FileNotFoundError):  # another one was faster
                remove_directory(self._path.parent)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def numbered(path: Path, number: int) -> Path:
    """One of the log's files: `log`, `log.1`, `log.2`…"""
    return path if number == 0 else path.with_name(f"{path.name}.{number}")


def numbers(path: Path) -> list[int]:
    """Those that are there, from the oldest to the newest."""
    found = (_FILE.fullmatch(name) for name in os.listdir(path.parent))
    return sorted(int(shape[1] or 0) for shape in found if shape)


def newest(path: Path) -> Path:
    """The file that is written to."""
    return numbered(path, (numbers(path) or [0])[-1])


def delete_unread(path: Path) -> bool:
    """Delete a file of a log, unless somebody has it in hand; False then."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        path.unlink()
        return True


def remove_directory(directory: Path) -> None:
    """Delete a container's directory; but where a slow reader has an older file of a rotated log
    in hand, he finds it and those after it still there, and deletes them (`Reader.close`).
    """
    for mark in (False, True):  # twice: he may have finished while he was not yet waited for
        files = [numbered(directory / NAME, number) for number in numbers(directory / NAME)]
        while len(files) > 1 and delete_unread(files[0]):
            del files[0]
        if len(files) <= 1:
            return shutil.rmtree(directory)
        if not mark:
            _remove_all_but(directory, files)
            (directory / ABANDONED).touch()
    return None


def _remove_all_but(directory: Path, files: list[Path]) -> None:
    for each in directory.iterdir():
        if each not in files:
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()


def _locked(path: Path) -> BinaryIO:
    file = path.open("rb")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 with nanoseconds, in UTC: what docker prints."""
    seconds, fraction = divmod(nanoseconds, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:09d}Z"


def _encoded(stamp: bytes, stream: str, tag: bytes, line: bytes) -> bytes:
    head = stamp + b" " + stream.encode() + b" "
    if len(line) <= LONGEST_PIECE:
        return head + tag + b" " + line + b"\n"
    pieces = re.findall(rb"(?s).{1,%d}" % LONGEST_PIECE, line)
    return b"".join(
        head + (b"P" if piece is not pieces[-1] else tag) + b" " + piece + b"\n" for piece in pieces
    )
