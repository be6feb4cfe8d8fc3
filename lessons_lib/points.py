"""What is mounted in a container besides its root, in the kernel's words.

    show.points(container)      a row for each: where inside, what of the host's it is, the access

The kernel does not know volumes: it knows that a directory of one file system is seen at another
place, too. man 5 proc_pid_mountinfo
"""

from __future__ import annotations

from lessons_lib.language import say
from lessons_lib.shown import BERRY, LEAF, Shown, code, escaped, listing, strong
from runtime.container.points import TMPFS
from runtime.engine.container import Container
from runtime.linux.mounts_of_host import Mounted, mounted

SHOWN_PARTS = 3
"""So many parts of a long path of the host's are shown, the last ones."""


def points(*containers: Container) -> Shown:
    """The volumes, binds and tmpfs mounts of containers that run, read from the host's /proc."""
    head = [say(f"points.{name}") for name in ("container", "inside", "shows", "may")]
    rows = [(each.name, seen) for each in containers for seen in _seen(each)]
    plain = [[name, seen.path, _shows(seen), _may(seen)] for name, seen in rows]
    page = [
        [escaped(name), code(path), code(shows), strong(may, LEAF if _writable(seen) else BERRY)]
        for (_, seen), (name, path, shows, may) in zip(rows, plain, strict=True)
    ]
    if not rows:
        return Shown(say("points.none"))
    return listing(head, plain, page)


def _seen(container: Container) -> list[Mounted]:
    """The lines of the container's mountinfo that are its points."""
    places = {point.destination for point in container.points}
    return [each for each in mounted(str(container.pid)) if each.path in places]


def _shows(seen: Mounted) -> str:
    """Where on the host it lies: the end of the path, since its beginning is this machine's."""
    if seen.type == TMPFS and seen.root == "/":
        return say("points.memory")
    parts = seen.root.strip("/").split("/")
    return ("…/" if len(parts) > SHOWN_PARTS else "/") + "/".join(parts[-SHOWN_PARTS:])


def _may(seen: Mounted) -> str:
    return say("points.read-write" if _writable(seen) else "points.read-only")


def _writable(seen: Mounted) -> bool:
    return "rw" in seen.options.split(",")
