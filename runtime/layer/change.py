"""Changes: what one step did to a file system, file by file.

A change is the value between a directory that overlayfs filled and the tar that travels. It
holds no content, only where the content is; the whole list of a large layer fits in memory, and
need not be: everything here streams.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from runtime.layer.walk import Found


class ChangeKind(Enum):
    """What happened to a path. Whether it is new or modified only the lower layers know."""

    PRESENT = "present"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One path that is added or modified, or that is gone.

    `file` is what is there now; of what is gone, it is the mark, or the file that there was.
    `opaque`: a directory that shows nothing of the layers below.
    """

    kind: ChangeKind
    file: Found
    opaque: bool = False

    @property
    def name(self) -> bytes:
        """Relative, without a slash at either end; bytes, because names of files are."""
        return self.file.name

    @property
    def path(self) -> PurePosixPath:
        """The path inside the container."""
        return self.file.path

    @property
    def status(self) -> os.stat_result:
        """What lstat said about `file`."""
        return self.file.status
