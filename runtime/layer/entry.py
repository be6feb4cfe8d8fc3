"""One entry of a layer: what a tar can say about a file, without the file's content.

Both directions meet here: `tar` makes entries of changes and writes them through `header`,
`reader` reads them through `header`, `target` makes files of them.

Extended attributes: a layer carries `security.capability` (what a file may do) and `user.*`
(what people attach). Everything else belongs to a host, not to an image: security labels,
access lists, and above all overlayfs's own marks, with which a hostile layer could redirect a
directory of the host's choosing.

image-spec: layer.md "File Types", "File Attributes"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class EntryKind(Enum):
    """The typeflag of a tar header. POSIX.1-1988 ustar"""

    FILE = b"0"
    HARD_LINK = b"1"
    SYMLINK = b"2"
    CHARACTER_DEVICE = b"3"
    BLOCK_DEVICE = b"4"
    DIRECTORY = b"5"
    FIFO = b"6"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as a layer describes it.

    `name` and `link` are bytes as they stand in the archive; `name` has no trailing slash.
    `mode` holds the permission bits only. `size` is the length in bytes of the content that
    follows. `mtime_ns` counts from 1970 and may be negative.
    """

    name: bytes
    kind: EntryKind
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    size: int = 0
    link: bytes = b""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


def is_content(xattr: str) -> bool:
    """Whether an extended attribute belongs to an image rather than to its host."""
    if xattr == "security.capability":
        return True
    return xattr.startswith("user.") and not xattr.startswith("user.overlay.")
