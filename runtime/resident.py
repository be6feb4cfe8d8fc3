"""Residents: small processes of ours that stay, found by their sockets, started when missing.

    launcher    forks monitors; one a state directory     runtime/container/launcher.py
    keeper      owns bridges, cables, names, proxies      runtime/network/keeper.py

Nothing here forks the caller, who may be a notebook kernel. A resident is a new program, started
with an empty environment; the listening socket is made by the caller and inherited, so a request
can be sent at once and waits until the resident has finished importing. It belongs to nobody's
session, directory or environment: whoever happened to start it may go away. When it has nothing
to do for a while it ends by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import resource
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import KernelError, OnggiError
from runtime.linux import mount, namespaces, packets
from runtime.linux.packets import Message

_PACKAGE = Path(__file__).resolve().parent
_OPEN_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
"""As we were started with: a server raises its own limit, and containers must not inherit that."""
_PROGRAM = (
    "import os, sys, resource\n"
    "if os.fork(): os._exit(0)\n"  # so that it is nobody's child, and nobody's zombie
    "most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[6]), most))\n"
    "sys.path.insert(0, sys.argv[1])\n"
    "from importlib import import_module\n"
    "import_module(sys.argv[2]).main(int(sys.argv[3]), sys.argv[4], sys.argv[5])\n"
)
ATTEMPTS = 3
"""How often a resident may end, or be killed, just when it is asked."""


@dataclass(frozen=True, slots=True)
class Resident:
    """One kind of them. `module` has the function `main(listener, root, path)`.

    `rooms` are those whose files decide which of them answers: whoever changes the engine in a
    lesson and starts the kernel anew runs the change. `worlds` are the namespaces that it must have
    in common with its caller. `alone`: it needs nothing but Python's own library.
    """

    name: str
    module: str
    rooms: tuple[str, ...]
    worlds: tuple[str, ...]
    alone: bool

    def path(self, root: Path) -> Path:
        """The socket of the one that answers us."""
        return root / "run" / f"{self.name}-{_key(self)}.sock"

    def ask(self, root: Path, message: Message, descriptors: tuple[int, ...] = ()) -> socket.socket:
        """Send it a request; it is started if need be. The conversation is the caller's to close.

        Raises OnggiError if it cannot be started, or does not stay.
        """
        for _ in range(ATTEMPTS):
            connection = self._connect(root)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                packets.send(connection, message, descriptors)
                return connection
            connection.close()  # it was just ending: the next one will answer
        raise self.silence(root)

    def answer(self, connection: socket.socket) -> Message | None:
        """Its answer; None if it was killed over it. Raises the error that it tells."""
        message: Message | None = None
        with contextlib.suppress(ConnectionResetError):
            message, _ = packets.receive(connection)
        if message is not None and "error" in message:
            raise packets.as_error(message["error"])
        return message

    def silence(self, root: Path) -> OnggiError:
        """For one that does not answer."""
        return OnggiError(
            "the {resident} of the state directory does not answer: {root}",
            hint="see run/{resident}.log there",
            resident=self.name,
            root=root,
        )

    def lives(self, root: Path) -> bool:
        """Whether there is one now."""
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            packets.connect(self.path(root)).close()
            return True
        return False

    def _connect(self, root: Path) -> socket.socket:
        path = self.path(root)
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return packets.connect(path)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with (path.parent / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                return packets.connect(path)  # somebody else has started it meanwhile
            path.unlink(missing_ok=True)
            with packets.listen(path) as listener:
                connection = packets.connect(path)
                self._spawn(root, path, listener)
            return connection

    def _spawn(self, root: Path, path: Path, listener: socket.socket) -> None:
        """Start it: isolated from the environment, the directory and the terminal."""
        import subprocess  # only the first container pays for it

        # -I and -S: no user site, no environment variable decides what runs with privilege.
        command = [sys.executable, "-I", *(["-S"] if self.alone else []), "-c", _PROGRAM]
        interpreter = _out_of_reach(Path(sys.executable))
        place = [str(_PACKAGE.parent), self.module]
        arguments = [*place, str(listener.fileno()), str(root), str(path), str(_OPEN_FILES)]
        errors = (path.parent / f"{self.name}.log").open("ab")
        with errors, namespaces.children_born_here():  # a monitor's children live in containers
            subprocess.run(
                [*command, *arguments],
                executable=f"/proc/self/fd/{interpreter}",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=(listener.fileno(), interpreter),
                env={"LANG": "C.UTF-8"},
                cwd="/",
                start_new_session=True,
                check=True,
            )
        os.close(interpreter)


LAUNCHER = Resident(
    *("launcher", "runtime.container.launcher", ("container", "linux", "snapshot", "oci")),
    worlds=tuple(namespaces.FLAG_OF_KIND),
    alone=True,
)
KEEPER = Resident("keeper", "runtime.network.keeper", (), worlds=("network",), alone=False)
"""Whatever its code: there must never be two in one world that give away the same addresses."""


def _key(resident: Resident) -> str:
    """What a resident must have in common with us: this code, these namespaces. The namespaces of
    this moment: a process may have moved since it asked last.
    """
    worlds = [namespaces.identity("self", kind) for kind in resident.worlds]
    return hashlib.sha256("\n".join([*_code(resident), *worlds]).encode()).hexdigest()[:16]


@functools.cache
def _code(resident: Resident) -> tuple[str, ...]:
    """Which code it is, and what runs it; nothing, if its code does not matter."""
    marks = [
        f"{path}:{path.stat().st_mtime_ns}"
        for room in resident.rooms
        for path in sorted((_PACKAGE / room).glob("*.py"))
    ]
    return (*marks, *([sys.version] if resident.rooms else []))


def _out_of_reach(program: Path) -> int:
    """A descriptor of `program` on a read-only mount of its own.

    A container's root may open /proc/PID/exe of whoever is on the way into it, or have itself
    started as /proc/self/exe. It then holds the host's interpreter, and could overwrite it when
    nobody runs it (CVE-2019-5736). Through this mount it can only read it.
    """
    try:
        tree = mount.open_tree(program.resolve())
        mount.set_read_only(tree)
    except KernelError:  # without privilege nothing of the host's can be written either
        return os.open(program, os.O_PATH | os.O_CLOEXEC)
    return tree
