"""The process on the workbench: a small interpreter that takes one step after the other.

    python -m lessons_lib.workpiece SOCKET < order.json

`workbench` starts it, because a notebook's kernel must never become a container itself. Before the
learner's first step it shuts itself in: in a PID namespace that takes all its processes with it
when it ends, and in mount, UTS and IPC namespaces in which this machine looks as it is, its disk
can only be read, and a mistake hurts nobody. Then the steps run, in one process, and what it
looked like before and after each of them goes back through the socket, as JSON.

    interpreter          unshare, then waits
    └ PID 1 of the shut-in         waits; when it ends, the kernel kills all that are left
      └ the workpiece              the steps

man 7 pid_namespaces, man 2 fork
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  (a step that looks up a name may be in another root by then)
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from errno import errorcode
from pathlib import Path
from types import TracebackType
from typing import Any

from runtime.errors import KernelError
from runtime.linux import capabilities, libc, mount, namespaces, netdevice, process

STATUS_FIELDS = ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
NOTE = "a note on the host\n"
"""What a step reads that has got out of its root."""

Report = dict[str, Any]


def main() -> None:
    """Do the order that comes in, and report at the socket whose number is the argument."""
    order = json.load(sys.stdin)
    answer = socket.socket(fileno=int(sys.argv[1]))
    answer.set_inheritable(False)
    room = Path(order["room"])
    host = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        shut_in(room)
    except KernelError as refused:
        answer.send(json.dumps({"host_refuses": str(refused)}).encode())
        return
    tools = toolbox(order, room)
    report: Report = {"before": look(host), "looks": []}
    try:
        for report["value"] in perform(order["steps"], order["known"], tools):
            report["looks"].append(look(host))
    except Exception as error:  # noqa: BLE001  (whatever a learner writes is told in words)
        report["failed"] = described(error, order["known"])
    answer.send(json.dumps(report, default=repr).encode())
    os._exit(0)


def shut_in(room: Path) -> None:
    """Go on as a process that cannot hurt this machine, with an empty `room` to work in.

    Raises KernelError where this host does not permit it.
    """
    process.die_with_parent(signal.SIGKILL)
    me = namespaces.pidfd_open(os.getpid())
    namespaces.unshare(namespaces.CLONE_NEWNS | namespaces.CLONE_NEWPID)
    namespaces.unshare(namespaces.CLONE_NEWUTS | namespaces.CLONE_NEWIPC)
    mount.make_private("/")
    mount.mount("room", room, "tmpfs")
    for name in ("jar", "upper", "work"):
        (room / name).mkdir()
    (room / "note.txt").write_text(NOTE)
    mount.make_read_only("/")
    go_on_as_child()
    process.die_with_parent(signal.SIGKILL)
    if select.select([me], [], [], 0)[0]:  # it died before we could be tied to it
        os._exit(1)
    os.close(me)
    go_on_as_child()


def go_on_as_child() -> None:
    """Fork: the child returns from this call, and the parent only waits for it to end."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(process.exit_code(status))


def toolbox(order: Mapping[str, Any], room: Path) -> dict[str, Any]:
    """The names that a step knows."""
    return {
        "os": os,
        "socket": socket,
        "signal": signal,
        "time": time,
        "capabilities": capabilities,
        "libc": libc,
        "mount": mount,
        "namespaces": namespaces,
        "netdevice": netdevice,
        "go_on_as_child": go_on_as_child,
        "room": room,
        "note": room / "note.txt",
        "layers": tuple(order["layers"]),
        "group": Path(order["group"]),
    }


def perform(steps: list[str], known: Mapping[str, str], tools: dict[str, Any]) -> Iterator[object]:
    """Take the steps, each of which may use every known one; what each of them returns."""
    for name, source in known.items():
        exec(compile(source, _place(name), "exec"), tools)  # noqa: S102  (they are the lesson)
    for name in steps:
        yield tools[name]()


def described(error: Exception, known: Mapping[str, str]) -> Report:
    """Which line of which step has failed, and why."""
    sources = {_place(name): (name, source.splitlines()) for name, source in known.items()}
    name, line, code = "", getattr(error, "lineno", 0) or 0, ""
    trace: TracebackType | None = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename in sources:
            name, lines = sources[trace.tb_frame.f_code.co_filename]
            line = trace.tb_lineno
            code = lines[line - 1].strip()
        trace = trace.tb_next
    return {"step": name, "line": line, "code": code, "reason": _reason(error)}


def _reason(error: Exception) -> str:
    """In the kernel's words where it was the kernel. No paths: they are this machine's."""
    if isinstance(error, OSError) and error.errno:
        who = error.call if isinstance(error, KernelError) else type(error).__name__
        return f"{who}: {errorcode.get(error.errno, error.errno)} ({os.strerror(error.errno)})"
    return f"{type(error).__name__}: {error}"


def _place(step: str) -> str:
    return f"<step {step}>"


def look(host: int) -> Report:
    """What the calling process sees of itself, and what the kernel says about it.

    `host` is the host's /proc, opened early: after a change of root no path leads to it.
    """
    return {
        **recorded(host, "self"),
        "pid": os.getpid(),
        "hostname": socket.gethostname(),
        "processes": _listed_processes(),
        "calls_itself": _calls_itself(),
    }


def recorded(host: int, who: int | str) -> Report:
    """What /proc (opened as `host`) records of a process: also of one in other namespaces."""
    status = _text(host, f"{who}/status").splitlines()
    fields = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    mounts = [line.partition(" - ") for line in _text(host, f"{who}/mountinfo").splitlines()]
    root = os.stat(f"{who}/root/", dir_fd=host)
    return {
        "worlds": {kind: _world(host, who, kind) for kind in namespaces.FLAG_OF_KIND},
        "root": [root.st_dev, root.st_ino],
        "mounts": [[front.split(" ")[4], back.split(" ")[0]] for front, _, back in mounts],
        "status": {name: fields.get(name, "") for name in STATUS_FIELDS},
    }


def _world(host: int, who: int | str, kind: str) -> str:
    name = namespaces.PROC_NAME_OF_KIND.get(kind, kind)
    return os.readlink(f"{who}/ns/{name}", dir_fd=host)


def _text(host: int, path: str) -> str:
    with open(os.open(path, os.O_RDONLY, dir_fd=host)) as file:
        return file.read()


def _listed_processes() -> int:
    """How many processes /proc lists, as this process sees /proc; 0 where there is none."""
    try:
        return sum(name.isdigit() for name in os.listdir("/proc"))
    except OSError:
        return 0


def _calls_itself() -> bool:
    """Whether a way leads to 127.0.0.1: it comes and goes with the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            any_socket.connect(("127.0.0.1", 9))  # asks for the way only: nothing is sent
        except OSError:
            return False
        return True


if __name__ == "__main__":
    main()
