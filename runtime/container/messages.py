"""What launcher, monitor and callers say to each other: JSON, one packet a message (`packets`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runtime.linux import packets

Message = packets.Message
listen, connect = packets.listen, packets.connect
send, receive = packets.send, packets.receive
receive_all_the_same = packets.receive_all_the_same
described, as_error = packets.described, packets.as_error

SOCKET = "monitor.sock"
"""A monitor's socket, in its container's directory."""

STREAMS = ("stdout", "stderr")
"""The container's outputs; each is a named pipe of that name in its directory."""

STDIN = "stdin"
"""The named pipe beside them, for a container whose standard input is held open."""


STDIN_ANNOTATION = "onggi.stdin"
"""The runtime-spec has no member for it, so a bundle says its policy here."""


class StdinPolicy(StrEnum):
    """What a container without a terminal has as its standard input."""

    NOTHING = "nothing"
    """/dev/null."""

    ONCE = "once"
    """A pipe whose end comes when the first one who was attached to it has finished."""

    FOR_EVER = "for ever"
    """A pipe without an end: who attaches later may write, too."""

    @classmethod
    def of(cls, annotations: Mapping[str, str]) -> StdinPolicy:
        """What a bundle's spec says."""
        return cls(annotations.get(STDIN_ANNOTATION, cls.NOTHING))


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended: its exit code (128 + signal for a killed one), and whether the
    kernel killed something in it because memory ran out.
    """

    code: int
    oom_killed: bool
    seen: bool = True
    """False where nobody saw it, so that the code says nothing."""


@dataclass(frozen=True, slots=True)
class Start:
    """What to start: a bundle on a writable snapshot.

    `recorded` containers have a row in the database, build steps have none. With `lifeline`
    the container is killed when the caller goes away. With `auto_remove` it is removed when it
    has ended. `window` is the (height, width) of the terminal at which somebody waits for it.
    With `init` its process 1 is our `reaper`. `attached`: somebody waits for its end.
    """

    root: Path
    directory: Path
    snapshot: str
    recorded: bool
    lifeline: bool
    auto_remove: bool = False
    window: tuple[int, int] | None = None
    init: bool = False
    attached: bool = False

    def to_message(self) -> Message:
        """For the launcher."""
        return {
            "verb": "start",
            "directory": str(self.directory),
            "snapshot": self.snapshot,
            "recorded": self.recorded,
            "lifeline": self.lifeline,
            "auto_remove": self.auto_remove,
            "window": self.window,
            "init": self.init,
            "attached": self.attached,
        }

    @classmethod
    def from_message(cls, root: Path, message: Message) -> Start:
        """What `to_message` sent."""
        return cls(
            root,
            Path(message["directory"]),
            message["snapshot"],
            message["recorded"],
            message["lifeline"],
            message["auto_remove"],
            message["window"] and tuple(message["window"]),
            message["init"],
            message["attached"],
        )
