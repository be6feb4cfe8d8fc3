"""Changes: what one step did to a file system, file by file.

A change is the value between a directory that overlayfs filled and the tar that travels. It
holds no content, only where the content is; the whole list of a large layer fits in memory, and
need not be: everything here streams.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath


class ChangeKind(Enum):
    """What happened to a path. Whether it is new or modified only the lower layers know."""

    PRESENT = "present"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One path that is added or modified, or that is gone.

    `name` is relative and never starts or ends with a slash; it is bytes, because names of files
    are. `source` is where the new inode is on the host, `status` what lstat said about it.
    `opaque`: a directory that shows nothing of the layers below.
    """

    kind: ChangeKind
    name: bytes
    source: bytes = field(repr=False)
    status: os.stat_result = field(repr=False, compare=False)
    opaque: bool = False

    @property
    def path(self) -> PurePosixPath:
        """The path inside the container."""
        return PurePosixPath("/" + os.fsdecode(self.name))
