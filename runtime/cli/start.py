"""The first lines of `onggi`: let a deputy carry the command out, or do it here.

A build of which everything is known takes less time than importing what a build needs. So the
second command of a session leaves a process behind that has everything imported (`deputy`), and
the commands after it are forked there. Nobody must notice, except by the time:

* whatever a process has from its parent is the same in the deputy, or it refuses: user, session,
  namespaces, limits, language… (`circumstances`). Arguments, variables, working directory and the
  three standard streams travel with the request.
* the fork joins our process group: keys such as Ctrl-C and Ctrl-Z reach it as they reach us. Other
  signals we pass on; and if we are killed, so is it.

Rule: this file imports nothing that is not in memory anyway, or small. What it finds missing or
unusual means that the command is carried out here.

man 7 unix, man 7 credentials, man 2 setpgid
"""

from __future__ import annotations

import _socket  # `socket` would take longer than all the rest
import array
import marshal
import os
import signal
import struct
import sys
import time

SWIFT = frozenset(
    (
        *("build", "builder", "commit", "create", "diff", "history", "image", "images", "info"),
        *("inspect", "kill", "pause", "port", "ps", "rename", "rm", "rmi", "spec", "stop"),
        *("system", "tag", "top", "unpause", "update", "version", "volume", "network"),
    )
)
"""Commands that end by themselves. Those that stand between a terminal and a program stay alone."""

HOST = ("--host", "-H")
"""The one flag before a command that is looked through; with others it is carried out here."""

SWITCH = "ONGGI_DEPUTY"
"""With this variable at 0 every command is carried out where it was typed."""

WANTED_S = 600.0
"""Two commands within this time: then there is likely to be a third."""

OF_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "MALLOC_", "GLIBC_", "COVERAGE_")
"""Variables that count when a program starts, and never again."""

OF_THE_PROCESS = (
    *("Umask", "Uid", "Gid", "Groups", "SigBlk", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"),
    *("NoNewPrivs", "Seccomp", "Seccomp_filters", "Cpus_allowed", "Mems_allowed"),
)
"""Lines of /proc/self/status. man 5 proc"""

THE_LIBRARYS = 0b11 << 31
"""Signals 32 and 33, which a C library keeps for itself. man 7 nptl"""

BEGUN = b"begun"
KEYS = 0x80
"""SI_KERNEL, the si_code of a signal that a key has caused: the whole process group gets it."""

RELAYED = frozenset(
    (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
)


INTERRUPTED = 130


def main() -> int:
    """Carry out this process's command line; the exit code, also when a key ends it before the
    command itself can hear of it, or afterwards.
    """
    try:
        return _lead(sys.argv[1:])
    except KeyboardInterrupt:
        return INTERRUPTED


def _lead(words: list[str]) -> int:
    place = meeting_place() if is_swift(words) else None
    if place is not None:
        code = ask(place, words)
        if code is not None:
            return code
    from runtime.cli.main import main as carry_out

    code = carry_out()
    if place is not None:
        leave_deputy(place)
    return code


def is_swift(words: list[str]) -> bool:
    """Whether a deputy may be asked, as far as one can tell from here. No other descriptors than
    the standard streams are handed on, so none must be called by its name (`-f <(…)` in bash).
    """
    if command_in(words) not in SWIFT or os.environ.get(SWITCH) == "0":
        return False
    return not any("/fd/" in word for word in words)


def command_in(words: list[str]) -> str:
    """The first word, or the first one behind the engine's address; "" if there is none."""
    at = 0
    if words and words[0].startswith(HOST):
        at = 2 if words[0] in HOST else 1  # `--host X`, or `--host=X`
    return words[at] if at < len(words) else ""


def meeting_place() -> str | None:
    """Where this session's deputy listens, in a directory that is ours alone; None without one.

    Only root's are looked at: there are no images or containers for others yet.
    """
    if os.geteuid() != 0:
        return None
    folder = os.path.join(os.environ.get("ONGGI_ROOT") or "/var/lib/onggi", "run")
    try:
        status = os.stat(folder)
    except OSError:
        return None
    private = status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return f"{folder}/deputy-{os.getsid(0)}.sock" if private else None


def circumstances() -> str:
    """All that a process has from its parent, apart from what travels with a request."""
    status = dict(line.partition(":")[::2] for line in _read("/proc/self/status").splitlines())
    root = os.stat("/")
    facts = [
        *(status.get(name, "") for name in OF_THE_PROCESS),
        int(status["SigIgn"], 16) & ~THE_LIBRARYS,
        *(_read(f"/proc/self/{name}") for name in ("limits", "cgroup", "oom_score_adj")),
        *(os.readlink(f"/proc/self/ns/{kind}") for kind in sorted(os.listdir("/proc/self/ns"))),
        *(root.st_dev, root.st_ino, os.getsid(0)),
        *(os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)),
        *(sys.executable, sys.version, sys.flags.optimize, sys.flags.dev_mode, _PACKAGE),
        *(
            f"{name}={value}"
            for name, value in sorted(os.environ.items())
            if name.startswith(OF_THE_START)
        ),
    ]
    return "\n".join(map(str, facts))


_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def connect(place: str) -> _socket.socket | None:
    """A connection to the deputy, if there is one and it is ours."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    folder, name = os.path.split(place)
    try:
        # A socket's name has 108 bytes, a state directory's may have more: go by its descriptor.
        directory = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{directory}/{name}")
        finally:
            os.close(directory)
        if peer(connection)[1] == os.geteuid():
            return connection
    except OSError:
        pass
    connection.close()
    return None


def peer(connection: _socket.socket) -> tuple[int, int, int]:
    """Process, user and group at the other end, as the kernel says. man 7 unix, SO_PEERCRED"""
    answer = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, gid = struct.unpack("3i", answer)
    return pid, uid, gid


def ask(place: str, words: list[str]) -> int | None:
    """Have the command carried out; its exit code. None if nobody has begun to."""
    connection = connect(place)
    if connection is None or connection.fileno() < 3:  # a standard stream is closed
        return None
    request = marshal.dumps((circumstances(), words, dict(os.environb), os.getpgrp()))
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    rights = array.array("i", (here, 0, 1, 2))
    # From here on signals wait until it is clear whose they are.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*RELAYED, signal.SIGIO})
    try:
        connection.sendmsg([request], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
        begun = connection.recv(len(BEGUN)) == BEGUN
    except OSError:
        begun = False
    finally:
        os.close(here)
    status = attend(connection) if begun else None
    connection.close()
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # and with that, one that nobody has waited for
    while begun and signal.sigtimedwait(RELAYED, 0):
        pass  # it was the command's, which has ended
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return None if status is None else end_as(status)


def attend(connection: _socket.socket) -> int:
    """Wait for the command's end, and pass signals on; its wait status.

    Keys reach it as they reach us, from the moment on when it has joined our process group. One of
    before that it may have missed: so it is passed on, too.
    """
    import fcntl

    early = signal.sigpending()
    fcntl.fcntl(connection.fileno(), fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(connection.fileno(), fcntl.F_GETFL)
    fcntl.fcntl(connection.fileno(), fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
    while True:
        try:
            answer = connection.recv(struct.calcsize("i"))
            return int(struct.unpack("i", answer)[0]) if answer else signal.SIGKILL
        except BlockingIOError:
            pass
        except ConnectionResetError:
            continue  # it ended without having heard the last signal; how, comes next
        came = signal.sigwaitinfo({*RELAYED, signal.SIGIO})
        if came.si_signo != signal.SIGIO and (came.si_code != KEYS or came.si_signo in early):
            early.discard(came.si_signo)
            try:  # noqa: SIM105  (contextlib takes longer to import than all of this)
                connection.send(bytes([came.si_signo]))
            except OSError:
                pass  # it has just ended


def end_as(status: int) -> int:
    """The exit code; for a command that a signal has killed, end in the same way."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    return code


def leave_deputy(place: str) -> None:
    """Start a deputy for the commands to come, if this was not the first one for a while."""
    mark = place.removesuffix(".sock") + ".wanted"
    try:
        wanted = time.time() - os.stat(mark).st_mtime < WANTED_S
    except OSError:
        wanted = False
    try:
        if not wanted:
            os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
            os.utime(mark)
            return
        os.unlink(mark)  # so that the next one does not start another
        program = "from runtime.cli.deputy import main; main()"
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-c", program, os.path.dirname(os.path.dirname(place)), place],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
                (os.POSIX_SPAWN_DUP2, 0, 2),
            ],
            setpgroup=0,
        )
    except OSError:
        pass  # the next command is as slow as this one


if __name__ == "__main__":
    sys.exit(main())
