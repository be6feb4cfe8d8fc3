"""The kernel's view of a container: what it shares with the host, and what it has for itself.

Everything is read from the host's /proc, which shows every process of every container. Nothing is
asked inside the container, so nothing inside could answer wrongly.

man 7 namespaces, man 5 proc
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.overlay import pile
from lessons_lib.shown import CLAY, FAINT, LEAF, Shown, code, escaped, table, words_table
from runtime.engine.container import Container
from runtime.linux import namespaces

MARGIN = 20
LABEL_WIDTH = 220
PILLAR = 200
STEP = 38
LEGEND = 28

SHARED = ("#e8c9a8", CLAY)
THE_HOSTS = ("#ffffff", FAINT)
OWN = ("#e3eddf", LEAF)
"""Fill and edge of what both have together, what only the host has, and what is the other's own."""

KINDS = ("mount", "pid", "uts", "ipc", "network", "cgroup", "user")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison; `shared`: the container has it from the host."""

    what: str
    host: str
    inside: str
    shared: bool


def worlds(container: Container) -> Shown:
    """Host and running container side by side: root, PID, host name, namespaces, kernel.

    Says roles ("another number") and not this host's numbers, so that two hosts agree.
    """
    pid = _pid(container)
    rows = [_root(pid), _number(pid), _hostname(container), *_namespaces(pid), _kernel(pid)]
    words = plain_rows(rows, say("worlds.container"))
    own_first = sorted(rows, key=lambda row: row.shared)
    return Shown(words, picture=picture(say("worlds.title"), container.name, own_first, words))


def plain_rows(rows: list[Row], name: str) -> str:
    """The comparison in words; `name` is over the column of the one that is not the host."""
    head = [say("worlds.what"), say("worlds.host"), name, say("worlds.relation")]
    return words_table([head, *([r.what, r.host, r.inside, _relation(r)] for r in rows)])


def picture(title: str, name: str, rows: list[Row], words: str) -> str:
    """Two pillars of what each has for itself, joined where they share; a legend below."""
    height = 2 * MARGIN + 30 + STEP * len(rows) + LEGEND
    drawing = Drawing(2 * MARGIN + LABEL_WIDTH + 2 * PILLAR, height)
    left = MARGIN + LABEL_WIDTH
    for x, over in ((left, say("worlds.host")), (left + PILLAR, name)):
        drawing.text(x + PILLAR / 2 - 6, MARGIN + 14, over, bold=True, anchor="middle")
    for number, row in enumerate(rows):
        y = MARGIN + 30 + STEP * number
        drawing.text(MARGIN, y + 20, row.what, room=LABEL_WIDTH - 12)
        _draw_row(drawing, row, left, y)
    _draw_legend(drawing, left, height - MARGIN - LEGEND + 10)
    return drawing.svg(title, words)


def mounts(container: Container) -> Shown:
    """The mount that is the container's root, as the kernel lists it, with names for its parts."""
    kind, options = _root_mount(_pid(container))
    shelves = pile(container)
    rows = [[say("worlds.type"), kind], [say("worlds.upper"), f"{container.name}"]]
    rows += [
        [say("worlds.lower"), say("worlds.layer", number=shelf.number, made_by=shelf.made_by)]
        for shelf in shelves
        if not shelf.writable and _stands_in(options["lowerdir"], shelf.directory)
    ]
    page = table([], [[escaped(name), code(value)] for name, value in rows])
    return Shown(words_table(rows), page)


def inner_pid(container: Container) -> int:
    """The number that the container's first process has inside: the last one in NSpid."""
    return _numbers(_pid(container))[-1]


def _pid(container: Container) -> int:
    """The container's first process, as the host numbers it."""
    container.reload()
    return container.pid


def _kernel(pid: int) -> Row:
    """There is one kernel: `uname -r` inside reads the same file."""
    host = Path("/proc/sys/kernel/osrelease").read_text().strip()
    inside = Path(f"/proc/{pid}/root/proc/sys/kernel/osrelease").read_text().strip()
    same = say("worlds.same-release")
    return Row(say("worlds.kernel"), same, same if host == inside else inside, host == inside)


def _number(pid: int) -> Row:
    """One process, two numbers. man 5 proc: NSpid in /proc/PID/status"""
    inside = _numbers(pid)[-1]
    return Row(say("worlds.pid"), say("worlds.other-number"), str(inside), pid == inside)


def _numbers(pid: int) -> list[int]:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return [int(number) for number in line.split()[1:]]
    raise AssertionError("a kernel without PID namespaces ran a container")


def _hostname(container: Container) -> Row:
    inside = container.attrs["Config"]["Hostname"]
    same = inside == socket.gethostname()
    said = say("worlds.own-name")
    return Row(say("worlds.hostname"), say("worlds.host-name"), said, same)


def _root(pid: int) -> Row:
    """A root directory is its device and inode, not its name, which is / for everybody."""
    host, inside = Path("/").stat(), Path(f"/proc/{pid}/root/").stat()
    same = (host.st_dev, host.st_ino) == (inside.st_dev, inside.st_ino)
    kind, _ = _root_mount(pid)
    return Row(say("worlds.root"), say("worlds.host-root"), kind, same)


def _namespaces(pid: int) -> Iterator[Row]:
    for kind in KINDS:
        shared = namespaces.identity("self", kind) == namespaces.identity(pid, kind)
        host = say("worlds.a")
        yield Row(
            say("worlds.namespace", kind=kind), host, host if shared else say("worlds.b"), shared
        )


def _root_mount(pid: int) -> tuple[str, dict[str, str]]:
    """Type and options of what is mounted at / there. man 5 proc_pid_mountinfo"""
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        front, _, back = line.partition(" - ")
        if front.split()[4] == "/":
            kind, _, options = back.split(maxsplit=2)
            pairs = (option.partition("=") for option in options.split(","))
            return kind, {name: value for name, _, value in pairs}
    raise AssertionError("every process has a root")


def _stands_in(lowerdir: str, directory: Path) -> bool:
    """Whether a layer's directory is one of the mount's, which may name them relatively."""
    return directory.parent.name in {Path(entry).parent.name for entry in lowerdir.split(":")}


def _relation(row: Row) -> str:
    return say("worlds.shared" if row.shared else "worlds.own")


def _draw_row(drawing: Drawing, row: Row, x: float, y: float) -> None:
    """A wide box for what is shared, else one in each pillar."""
    boxes = [(x, 2 * PILLAR, f"{row.host} ({_relation(row)})", *SHARED)]
    if not row.shared:
        boxes = [(x, PILLAR, row.host, *THE_HOSTS), (x + PILLAR, PILLAR, row.inside, *OWN)]
    for left, wide, text, fill, edge in boxes:
        drawing.box(left, y, wide - 12, STEP - 8, fill=fill, edge=edge)
        middle = left + (wide - 12) / 2
        drawing.text(middle, y + 20, text, size=12.5, anchor="middle", room=wide - 30)


def _draw_legend(drawing: Drawing, x: float, y: float) -> None:
    """What the colours mean."""
    for key, (fill, edge) in (("shared", SHARED), ("the-hosts", THE_HOSTS), ("own", OWN)):
        drawing.box(x, y, 16, 16, fill=fill, edge=edge)
        drawing.text(x + 24, y + 13, say(f"worlds.{key}"), size=12)
        x += 2 * PILLAR / 3
