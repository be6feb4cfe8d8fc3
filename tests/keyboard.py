"""Somebody at a keyboard: a real pseudo-terminal, with `onggi` started on it as a shell would.

    with Keyboard("run", "-it", "onggi/base", "sh") as keyboard:
        keyboard.type("echo $((1+1))\\r")
        keyboard.see(b"2\\r\\n")
        keyboard.type("exit 3\\r")
        assert keyboard.exit_code() == 3

Nothing here measures time: it waits for what should be seen.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from typing import Any

ONGGI = [sys.executable, "-m", "runtime.cli.main"]
PATIENCE_S = 30.0


class Keyboard:
    """A program, `onggi` unless another is named, on a terminal of `size` (height, width)."""

    def __init__(
        self,
        *words: str,
        size: tuple[int, int] = (24, 80),
        program: Sequence[str] = ONGGI,
        **options: Any,
    ) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.seen = b""
        self.before = termios.tcgetattr(self.slave)
        environment = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(
            [*program, *words],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=self._take_terminal,  # noqa: PLW1509  (nobody else forks here)
            env=environment,
            **options,
        )

    def _take_terminal(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, height: int, width: int) -> None:
        """The window is another size now; who works on the terminal gets SIGWINCH."""
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def resize_until(self, text: str, height: int, width: int) -> None:
        """The same; who does not listen yet is told again, until `text` is on the screen."""
        self.resize(height, width)
        deadline = time.monotonic() + PATIENCE_S
        while text.encode() not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.seen!r}"
            self.process.send_signal(signal.SIGWINCH)
            self._look()
        self.see(text)

    def type(self, text: str | bytes) -> None:
        """Press keys."""
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def see(self, text: str | bytes) -> bytes:
        """Wait until `text` is on the screen, and forget everything up to it, which is returned."""
        wanted = text.encode() if isinstance(text, str) else text
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in self.seen:
            assert time.monotonic() < deadline, f"{wanted!r} is not in {self.seen!r}"
            self._look()
        before, _, self.seen = self.seen.partition(wanted)
        return before + wanted

    def _look(self) -> None:
        if select.select([self.master], [], [], 0.1)[0]:
            self.seen += os.read(self.master, 1 << 16)

    @property
    def is_raw(self) -> bool:
        """Whether keys go through as they are."""
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO)

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal is as it was when the program was started."""
        return termios.tcgetattr(self.slave) == self.before

    def wait_until_raw(self) -> None:
        """Until the program has taken the keys."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.is_raw:
            assert time.monotonic() < deadline, f"never raw; on the screen: {self.seen!r}"
            self._look()

    def exit_code(self) -> int:
        """Wait for the program's end; as Popen says it, a signal is negative."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"still there; on the screen: {self.seen!r}"
            self._look()
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 1 << 16)
        return self.process.returncode

    def __enter__(self) -> Keyboard:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)
