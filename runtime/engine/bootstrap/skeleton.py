"""The skeleton of a root file system: the folders, and the few files in /etc that programs ask.

All of it is written here, nothing is copied: the host's users, names and addresses are none
of an image's business.

man 7 hier; man 7 file-hierarchy
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from runtime.engine.bootstrap.tree import MERGED, Entry, File, Folder, Link

STUDENT = 1000
"""User and group number of `student`, the image's user without privileges."""

_FOLDERS = (
    *("/dev", "/etc", "/home", "/mnt", "/opt", "/run", "/srv", "/usr/local/bin", "/usr/local/lib"),
    *("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/sbin", "/usr/share"),
    *("/var/cache", "/var/lib", "/var/log", "/var/spool"),
)

_OTHER_FOLDERS = (
    # The runtime mounts on these two; nobody else should ever write there.
    Folder(PurePosixPath("/proc"), 0o555),
    Folder(PurePosixPath("/sys"), 0o555),
    Folder(PurePosixPath("/root"), 0o700),
    Folder(PurePosixPath("/home/student"), 0o755, owner=STUDENT),
    # The sticky bit: everybody may write here, and remove only what is theirs.
    Folder(PurePosixPath("/tmp"), 0o1777),
    Folder(PurePosixPath("/var/tmp"), 0o1777),
)

_FILES = {
    "/etc/passwd": f"""\
root:x:0:0:root:/root:/bin/sh
student:x:{STUDENT}:{STUDENT}:student:/home/student:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
""",
    "/etc/group": f"""\
root:x:0:
tty:x:5:
student:x:{STUDENT}:
nogroup:x:65534:
""",
    "/etc/hosts": """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
""",
    "/etc/resolv.conf": "# The container runtime says here whom to ask for names.\n",
    "/etc/nsswitch.conf": """\
passwd: files
group: files
hosts: files dns
services: files
""",
    "/etc/os-release": """\
NAME="Onggi base"
ID=onggi
PRETTY_NAME="Onggi base: put together from this host's own files"
""",
    "/etc/services": """\
domain\t53/udp
http\t80/tcp
https\t443/tcp
""",
}


def skeleton_entries() -> Iterator[Entry]:
    """Folders, links and files of an empty system with the users root, student and nobody."""
    yield from (Folder(PurePosixPath(path)) for path in _FOLDERS)
    yield from _OTHER_FOLDERS
    yield from (Link(PurePosixPath("/", name), f"usr/{name}") for name in MERGED)
    yield Link(PurePosixPath("/var/run"), "/run")
    yield Link(PurePosixPath("/etc/mtab"), "/proc/self/mounts")
    for path, text in _FILES.items():
        yield File(PurePosixPath(path), text.encode())
