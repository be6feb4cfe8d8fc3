"""A typist: runs a command on a pseudo-terminal, types at its prompt, prints what was shown.

    python -m lessons_lib.typist '{"command": "onggi exec -it sunja sh", "lines": ["tty", "exit"]}'

Ctrl-C (the character 3) and a new size of the window (xterm's sequence for it) may stand among the
lines. They come while a command runs: when it has written a line of its own.

It is a program of its own because a process with threads, such as a notebook kernel, must not fork.
Ends with the command's exit code.

man 7 pty, man 3 openpty
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from collections.abc import Sequence

ROWS, COLUMNS = 24, 80
PROMPT = re.compile(rb"[#$] (?:\x1b\[6n)?$")
"""The end of what a shell writes when it waits; busybox asks where the cursor is, too."""

BUSY = re.compile(rb"\n[^\n]*\n$")
"""The end of what is seen when a command that has been typed has written a line."""

CTRL_C = "\x03"
WINDOW = re.compile(r"\x1b\[8;(\d+);(\d+)t")

PATIENCE_S = 20.0
CHUNK_BYTES = 1 << 16
_CONTROLS = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


def main(script: str) -> int:
    """Carry out what `script` (JSON) says; the command's exit code."""
    order = json.loads(script)
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("sh", ["sh", "-c", f"exec {order['command']}"])
    resize(terminal, ROWS, COLUMNS)
    screen = type_lines(terminal, order["lines"])
    sys.stdout.buffer.write(_CONTROLS.sub(b"", screen))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def type_lines(terminal: int, lines: Sequence[str]) -> bytes:
    """Type each line when there is a prompt, then read on to the end; what the screen showed."""
    screen = b""
    for line in lines:
        size = WINDOW.fullmatch(line)
        screen += _read_until(terminal, BUSY if size or line == CTRL_C else PROMPT)
        if size:
            resize(terminal, *map(int, size.groups()))
        else:
            os.write(terminal, line.encode() + (b"" if line == CTRL_C else b"\r"))
    return screen + _read_until(terminal, None)


def resize(terminal: int, rows: int, columns: int) -> None:
    """Give the window another size; the kernel tells whoever is in the foreground (SIGWINCH)."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _read_until(terminal: int, wanted: re.Pattern[bytes] | None) -> bytes:
    """What is written until the text ends as `wanted`, or for None until its end."""
    text = b""
    deadline = time.monotonic() + PATIENCE_S
    while wanted is None or not wanted.search(text):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            break
        try:
            data = os.read(terminal, CHUNK_BYTES)
        except OSError:  # EIO: nobody has the terminal any more
            break
        if not data:
            break
        text += data
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
