"""A layer's own directory, as overlayfs wants it: whiteouts become its marks.

See `target` for what makes it safe, and `whiteout` for the two languages.
image-spec: layer.md "Whiteouts"
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from errno import ELOOP, ENOTDIR

from runtime.layer import whiteout
from runtime.layer.entry import Entry
from runtime.layer.target import DIRECTORY, Target


class LayerTarget(Target):
    """A directory that becomes one layer. Only this object writes to it."""

    def _place(self, parts: tuple[bytes, ...], entry: Entry, content: Iterable[bytes]) -> None:
        if parts[-1].startswith(whiteout.PREFIX):
            self._place_whiteout(parts)
        else:
            super()._place(parts, entry, content)

    def _open_existing(self, parent: int, name: bytes, parts: tuple[bytes, ...]) -> int:
        if self._is_whiteout(parent, name):
            return self._replace_whiteout(parent, name, 0o755)
        return super()._open_existing(parent, name, parts)

    def _replace_by_directory(self, parent: int, name: bytes) -> None:
        if self._is_whiteout(parent, name):
            os.close(self._replace_whiteout(parent, name, 0o700))
        else:
            super()._replace_by_directory(parent, name)

    def _is_whiteout(self, parent: int, name: bytes) -> bool:
        return whiteout.is_whiteout(os.stat(name, dir_fd=parent, follow_symlinks=False))

    def _place_whiteout(self, parts: tuple[bytes, ...]) -> None:
        """A whiteout hides what lower layers have; what this layer brings itself stays."""
        mark = parts[-1]
        if mark == whiteout.OPAQUE:
            whiteout.make_opaque(self._open_parent(parts))
        elif not mark.startswith(whiteout.RESERVED_PREFIX):
            name = whiteout.hidden_name(mark)
            parent = self._open_parent(parts)
            try:
                whiteout.make_whiteout(name, parent)
            except FileExistsError:
                self._make_opaque_if_directory(parent, name)

    def _make_opaque_if_directory(self, parent: int, name: bytes) -> None:
        try:
            descriptor = os.open(name, DIRECTORY, dir_fd=parent)
        except OSError as failure:
            if failure.errno not in (ENOTDIR, ELOOP):
                raise
            return  # a file hides what is below it anyway
        try:
            whiteout.make_opaque(descriptor)
        finally:
            os.close(descriptor)

    def _replace_whiteout(self, parent: int, name: bytes, mode: int) -> int:
        """A new directory where lower layers had something that is gone: none of it shows."""
        os.unlink(name, dir_fd=parent)
        os.mkdir(name, mode, dir_fd=parent)
        descriptor = os.open(name, DIRECTORY, dir_fd=parent)
        os.fchmod(descriptor, mode)
        whiteout.make_opaque(descriptor)
        return descriptor
