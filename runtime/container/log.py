"""A container's log: one file, one line for each line (or piece of a line) it wrote.

    2026-11-23T21:41:05.123456789Z stdout F Hello from the jar
    2026-11-23T21:41:05.123460000Z stderr P What is your name?

The format is the Container Runtime Interface's: time, stream, F for a full line or P for a
piece of one, and then the bytes as they came. It is the only copy of the output: everybody,
also a foreground `run`, reads this file, so a slow reader never holds up a container.

kubernetes: contributors/design-proposals/node/kubelet-cri-logging.md
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = "log"
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


class Writer:
    """Appends what the container writes. One writer a file."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )

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
        text = b"".join(entries)
        written = 0
        try:
            while written < len(text):
                written += os.write(self._descriptor, memoryview(text)[written:])
        except OSError:
            torn = written - (text.rfind(b"\n", 0, written) + 1)
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - torn)
            raise

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)


class Reader:
    """Reads entries as they come; call `new()` again when there may be more.

    The file stays open, so what was written can still be read when the container has been
    removed meanwhile. Raises FileNotFoundError when there is no log.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._unfinished: set[str] = set()
        """The streams whose last entry ended in the middle of a line."""

    def skip_to_end(self) -> None:
        """Ignore everything that has been written so far."""
        self._file.seek(0, os.SEEK_END)

    def skip_to_tail(self, count: int) -> None:
        """Go on with the last `count` lines; a line in several pieces counts once."""
        starts: list[int] = []
        position, complete = 0, True
        for line in self._file:
            if not line.endswith(b"\n"):
                break  # it is being written
            if complete:
                starts.append(position)
                del starts[: -count - 1]
            complete = line.split(b" ", 3)[2] == b"F"
            position += len(line)
        keep = starts[-count:] if count > 0 else []
        self._file.seek(keep[0] if keep else position)

    def new(self) -> Iterator[Entry]:
        """What was written since the last call. An entry being written is left for the next."""
        while line := self._file.readline():
            if not line.endswith(b"\n"):
                self._file.seek(-len(line), os.SEEK_CUR)
                return
            yield self._decoded(line)

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
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
