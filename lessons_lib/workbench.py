"""A workbench: a learner makes a container on it, step by step, and the notebook stays what it is.

    bench = Workbench("02-a-container-by-hand", engine)

    @bench.step
    def own_name():
        namespaces.unshare(namespaces.CLONE_NEWUTS)
        namespaces.sethostname("jar")

    bench.run("own_name")           # a picture of what that process has for itself now

A step is a few lines of Python that change the process which runs them. That is never the
notebook's kernel: it has threads, and it would not come back from another root. `run` starts a
small new process that takes the steps and ends (`workpiece`); this file gives it what it needs,
hears its report, and puts everything away, whatever happened.

Steps are kept in the lesson's folder, as predictions are: a restarted kernel still has them.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessons_lib.language import say
from lessons_lib.lesson import BASE, Lesson
from lessons_lib.refusals import Refused
from lessons_lib.shown import CLAY, Shown, card, code, escaped
from lessons_lib.worlds import Row, picture, plain_rows
from runtime.engine import Engine
from runtime.errors import HostLacks
from runtime.linux import cgroup, process
from runtime.linux.namespaces import FLAG_OF_KIND

PATIENCE_S = 30.0
"""Longer than any step of the lesson takes on a busy machine."""

LARGEST_REPORT = 1 << 20
Look = Mapping[str, Any]
"""How a process looked at one moment: see `workpiece.look`."""

TOOLS = (
    *("namespaces", "mount", "netdevice", "capabilities", "libc", "go_on_as_child"),
    *("room", "layers", "group", "note", "os", "signal", "socket", "time"),
)
KINDS = ("uts", "pid", "mount", "network", "ipc", "cgroup", "user")
"""In the order in which the lesson meets them."""


@dataclass(frozen=True, slots=True)
class Step:
    """A learner's function. It cannot be called: it would happen to the notebook itself."""

    name: str
    source: str

    def __call__(self, *_: object) -> None:
        """Raises Refused."""
        raise Refused("workbench.only-there", step=self.name)


@dataclass(frozen=True, slots=True)
class Run:
    """What has come of some steps: what the last one returned, and a look after each of them.

    A process that has become another program can no longer be looked at: then there is none.
    """

    steps: tuple[str, ...] = ()
    value: Any = None
    before: Look | None = None
    looks: tuple[Look, ...] = ()

    @property
    def after(self) -> Look | None:
        """How the process looked when it had taken all steps."""
        return self.looks[-1] if self.looks else self.before

    @property
    def own(self) -> frozenset[str]:
        """What it has for itself in the end: see `apart`."""
        if self.before is None or self.after is None:
            return frozenset()
        return apart(self.before, self.after)

    def _repr_mimebundle_(self, **forms: object) -> dict[str, object]:
        return self.shown()._repr_mimebundle_(**forms)

    def shown(self) -> Shown:
        """The picture of what it shares with the host and what it has for itself."""
        if self.before is None or self.after is None:
            return Shown(say("workbench.became-a-program"))
        rows = list(self._rows(self.before, self.after))
        words = plain_rows(rows, say("workbench.workpiece"))
        drawn = picture(say("workbench.title"), say("workbench.workpiece"), rows, words)
        return Shown(words, picture=drawn)

    def _rows(self, before: Look, after: Look) -> Iterator[Row]:
        told = {
            "uts": after["hostname"],
            "pid": str(after["pid"]),
            "network": say("workbench.up" if after["calls_itself"] else "workbench.down"),
        }
        for kind in KINDS:
            own = told.get(kind, say("workbench.own"))
            yield self._row(kind, own, kind not in self.own)
        yield self._row("root", dict(after["mounts"]).get("/", "…"), "root" not in self.own)
        few = say("workbench.some", count=len(held(after)))
        yield self._row("power", few, "power" not in self.own)
        yield self._row("kernel", "", True)

    @staticmethod
    def _row(what: str, own: str, shared: bool) -> Row:
        host = say(f"workbench.{what}.host")
        return Row(say(f"workbench.{what}.what"), host, host if shared else own, shared)


class Workbench(Lesson):
    """A lesson with a workbench. Without the privilege it opens all the same, and says so."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.missing: Refused | None = None
        super().__init__(name, engine)

    def _have_base_images(self) -> None:
        try:
            super()._have_base_images()
        except Refused as missing:
            self.missing = missing

    def step(self, function: Callable[..., Any]) -> Step:
        """Keep a function as a step, under its name. Raises Refused for what has no source."""
        try:
            lines = textwrap.dedent(inspect.getsource(function)).splitlines()
        except (OSError, TypeError):
            raise Refused("workbench.no-source") from None
        start = next((n for n, line in enumerate(lines) if line.startswith("def ")), None)
        if start is None:
            raise Refused("workbench.no-source")
        step = Step(function.__name__, "\n".join(lines[start:]) + "\n")
        self._file(step.name).parent.mkdir(parents=True, exist_ok=True)
        self._file(step.name).write_text(step.source, "utf-8")
        return step

    def run(self, *steps: str | Step) -> Run:
        """Take these steps in one new process. What it prints, is printed here.

        Raises Refused: there is no such step, a step failed, or the host does not permit it.
        """
        if self.missing:
            raise self.missing
        names = [step.name if isinstance(step, Step) else step for step in steps]
        known = {**self._kept(), **{s.name: s.source for s in steps if isinstance(s, Step)}}
        for name in names:
            if name not in known:
                raise Refused("workbench.no-such-step", step=name)
        room = self.path("room")
        room.mkdir(parents=True, exist_ok=True)
        _remove_groups_of_the_dead()
        group = cgroup.Cgroup(f"workbench-{os.getpid()}")
        try:
            group.create({})
            place = group.directory("pids")
            if place is None:
                raise _without_pids()
            paths = {"room": str(room), "group": str(place), "layers": self._layers()}
            report = _performed({"known": known, "steps": names, **paths})
        finally:
            _remove(group)
            with contextlib.suppress(OSError):
                room.rmdir()
        return _as_run(names, report)

    def _layers(self) -> list[str]:
        """The directories of the base image's layers, the topmost first, as overlay wants them."""
        return [str(layer.files) for layer in reversed(self.engine.images.get(BASE).layers)]

    def _kept(self) -> dict[str, str]:
        """The source of every step that this lesson knows, by its name."""
        return {file.stem: file.read_text("utf-8") for file in self._file("*").parent.glob("*.py")}

    def _file(self, step: str) -> Path:
        return self.path("steps") / f"{step}.py"

    def _repr_mimebundle_(self, **forms: object) -> dict[str, object]:
        if self.missing:
            shown = Shown(say("workbench.missing", why=str(self.missing.message)))
            return shown._repr_mimebundle_(**forms)
        ready, tools = say("workbench.ready"), say("workbench.tools")
        page = card(f"{escaped(ready)}<br>{escaped(tools)} {' '.join(map(code, TOOLS))}", edge=CLAY)
        words = f"{ready}\n{tools} {' '.join(TOOLS)}"
        return Shown(words, page)._repr_mimebundle_(**forms)


def apart(before: Look, after: Look) -> frozenset[str]:
    """What differs: kinds of namespaces (OCI's names), "root", and "power" for capabilities."""
    found = {kind for kind in FLAG_OF_KIND if before["worlds"][kind] != after["worlds"][kind]}
    found |= {"root"} if before["root"] != after["root"] else set()
    found |= {"power"} if held(before) != held(after) else set()
    return frozenset(found)


def held(look: Look, field: str = "CapEff") -> frozenset[int]:
    """The numbers of the capabilities in a look."""
    mask = int(look["status"][field], 16)
    return frozenset(bit for bit in range(mask.bit_length()) if mask >> bit & 1)


def _performed(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Start the process, give it the order, print what it prints; its report. Raises Refused.

    Nothing of it is left: when the interpreter dies, so does PID 1 of the shut-in, and with it
    all the others; their mounts go with them.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", "-u", "-m", "lessons_lib.workpiece", str(theirs.fileno())]
    with ours, theirs:
        workpiece = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        try:
            printed, _ = workpiece.communicate(json.dumps(order).encode(), PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Refused("workbench.too-long", seconds=int(PATIENCE_S)) from None
        finally:
            workpiece.kill()
            workpiece.wait()
        theirs.close()
        print(printed.decode("utf-8", "replace"), end="")
        said = ours.recv(LARGEST_REPORT)
    if said:
        return dict(json.loads(said))
    if workpiece.returncode:
        raise Refused("workbench.ended", code=workpiece.returncode)
    return {}


def _as_run(names: list[str], report: Mapping[str, Any]) -> Run:
    if "host_refuses" in report:
        raise Refused("workbench.host-refuses", why=report["host_refuses"])
    if "failed" in report:
        raise Refused("workbench.failed", **report["failed"])
    if not report:
        return Run(tuple(names))
    return Run(tuple(names), report.get("value"), report["before"], tuple(report["looks"]))


def _without_pids() -> HostLacks:
    return HostLacks(
        "this host has no cgroup controller for {feature}, so the limit cannot be kept",
        hint="leave the limit out, or enable the controller ({evidence})",
        feature="pids",
        evidence="/proc/self/mounts, cgroup.controllers",
    )


def _remove(group: cgroup.Cgroup) -> None:
    """Remove a group with its members and all groups that a step has made in it."""
    group.kill()
    for directory in group.directories():
        for inner, _, _ in os.walk(directory, topdown=False):
            with contextlib.suppress(OSError):
                Path(inner).rmdir()
    group.remove()


def _remove_groups_of_the_dead() -> None:
    """Those of notebooks whose kernel was killed in the middle of a run."""
    for name in cgroup.names():
        bench, _, pid = name.partition("-")
        if bench == "workbench" and pid.isdigit() and process.start_time(int(pid)) is None:
            cgroup.Cgroup(name).remove_if_empty()
