"""The build context: the directory whose files COPY may take, and nothing outside of it.

Somebody else may have written the directory (a clone, an unpacked archive), so its symbolic
links are not trusted: every path is opened with `openat2`, and the kernel itself sees to it that
none leads out. Links on the way to a source are followed as if the context were `/`, as docker
does; links inside of a copied directory are copied as links.

man 2 openat2; Dockerfile reference, "COPY"
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from runtime.build.sources import Kind, Source, SourceFile
from runtime.dockerfile.ignore import ANY_DEPTH, Ignore, has_wildcard, path_pattern
from runtime.dockerfile.nearest import nearest
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError, InvalidInput, KernelError, NotFound
from runtime.linux.files import open_beneath, open_in_root

MAXIMUM_DEPTH = 200
"""Directories in directories that COPY goes down: a layer may not be much deeper."""


class Context:
    """An open context directory; a context manager that closes it.

    `ignore` says what is as good as not there.
    """

    def __init__(self, root: Path, ignore: Ignore = Ignore()) -> None:  # noqa: B008 (frozen)
        """Raises NotFound when `root` is no directory."""
        self.ignore = ignore
        try:
            self._root = os.open(root, os.O_PATH | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError) as cause:
            raise NotFound(
                "the build context is not a directory: {path}",
                hint="name the directory that holds the Dockerfile",
                path=root,
            ) from cause

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._root)

    def find(self, words: Iterable[Word]) -> tuple[Source, ...]:
        """The sources of a COPY, wildcards expanded. Raises DockerfileError, with the place.

        A wildcard that matches nothing is fine beside others that do (`package*.json`), but a
        COPY that copies nothing at all is a mistake.
        """
        words = tuple(words)
        sources = tuple(source for word in words for source in self._find(word))
        if not sources:
            raise DockerfileError(
                "{file}:{line}:{column}: nothing in the build context matches {pattern}",
                pattern=" ".join(word.text for word in words),
                **words[0].place.facts(),
            )
        return sources

    def read(self, path: str) -> bytes:
        """The file at `path`, links followed within the context only. Raises OSError."""
        with os.fdopen(open_in_root(self._root, path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            return file.read()

    def open_file(self, path: str) -> int:
        """A descriptor to read the file at `path`, which holds no link. Raises KernelError."""
        return open_beneath(self._root, path, os.O_RDONLY)

    def _find(self, word: Word) -> Iterator[Source]:
        """The sources that one word means; what is ignored is as good as not there."""
        path = posixpath.normpath(word.text.lstrip("/") or ".")
        if path.split("/")[0] == "..":
            raise _outside(word)
        if has_wildcard(path):
            found = [each for each in self._glob("", path.split("/")) if not self._skips(each)]
        else:
            found = [path]
            if self._skips(path):
                raise _ignored(word)
        for each in found:
            files = tuple(self._walk(self._real(each, word), "", each, word))
            if files:
                yield Source(word, posixpath.basename(each), files, self, each)

    def _skips(self, path: str) -> bool:
        """Whether nothing here is wanted, as far as one can say without looking below it."""
        return self.ignore.ignores(path) and not self.ignore.has_exceptions

    def _glob(self, directory: str, parts: list[str]) -> Iterator[str]:
        """The paths that a pattern matches, sorted; `parts` are matched below `directory`."""
        pattern, *rest = parts
        if pattern == ANY_DEPTH and rest:
            yield from self._glob(directory, rest)
            pattern, rest = "*", parts
        try:
            regex = path_pattern(pattern)
            names = self._names(directory or ".")
        except (KernelError, re.error):  # not a directory, or no pattern: matches nothing
            return
        for name in filter(regex.fullmatch, names):
            path = posixpath.join(directory, name)
            if rest:
                yield from self._glob(path, rest)
            else:
                yield path

    def _names(self, directory: str) -> list[str]:
        descriptor = open_in_root(self._root, directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return sorted(os.listdir(descriptor))
        finally:
            os.close(descriptor)

    def _real(self, path: str, word: Word) -> str:
        """`path` with all links in it followed, relative to the context."""
        try:
            descriptor = open_in_root(self._root, path, os.O_PATH)
        except KernelError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise self._missing(path, word) from error
            raise
        try:
            return str(_path_of(descriptor).relative_to(_path_of(self._root)))
        finally:
            os.close(descriptor)

    def _walk(self, path: str, relative: str, named: str, word: Word) -> Iterator[SourceFile]:
        """`path` and all below it that is not ignored, in one order on every host.

        `named` is the same path as the Dockerfile says it: what .dockerignore is about.
        """
        file = self._read(path, relative, word)
        ignored = named != "." and self.ignore.ignores(named)
        if file.kind != "directory":
            if not ignored:
                yield file
            return
        inside = self._walk_directory(file, named, word)
        if not ignored:
            yield file
            yield from inside
        elif wanted := tuple(inside):  # something in it is excepted, so the directory is needed
            yield file
            yield from wanted

    def _walk_directory(self, file: SourceFile, named: str, word: Word) -> Iterator[SourceFile]:
        if file.relative.count("/") > MAXIMUM_DEPTH:
            raise DockerfileError(
                "{file}:{line}:{column}: the directories are nested too deeply: {path}",
                path=file.path[:200],
                **word.place.facts(),
            )
        for name in self._names(file.path):
            path, relative, below = (
                posixpath.normpath(posixpath.join(directory, name))
                for directory in (file.path, file.relative, named)
            )
            if not self._skips(below):
                yield from self._walk(path, relative, below, word)

    def _read(self, path: str, relative: str, word: Word) -> SourceFile:
        """What is at `path`, which holds no link but maybe is one."""
        descriptor = open_beneath_or_last_link(self._root, path)
        try:
            status = os.fstat(descriptor)
            kind = _kind(status.st_mode)
            if kind is None:
                raise _uncopyable(path, word)
            content = os.readlink("", dir_fd=descriptor) if kind == "symlink" else ""
        finally:
            os.close(descriptor)
        if kind == "file":
            with os.fdopen(self.open_file(path), "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        # The context itself counts as a plain directory, as with docker: where somebody has put
        # it (a temporary directory is often closed to others) says nothing about the image.
        mode = 0o755 if path == "." else stat.S_IMODE(status.st_mode)
        return SourceFile(path, relative, kind, mode, status.st_mtime_ns, content)

    def _missing(self, path: str, word: Word) -> DockerfileError:
        """Says what is there and looks similar."""
        directory, name = posixpath.split(path)
        try:
            names = self._names(directory or ".")
        except KernelError:
            names = []
        near = nearest(name, names)
        if name in names:
            return _leads_outside(path, word)
        return DockerfileError(
            "{file}:{line}:{column}: no such file in the build context: {path}",
            hint="did you mean {meant}?" if near else "paths are relative to the build context",
            path=path,
            meant=posixpath.join(directory, near),
            **word.place.facts(),
        )


def open_beneath_or_last_link(root: int, path: str) -> int:
    """A descriptor that only names `path`, for a link the link itself."""
    directory, name = posixpath.split(path)
    parent = open_beneath(root, directory or ".", os.O_PATH | os.O_DIRECTORY)
    try:
        return os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
    finally:
        os.close(parent)


def _path_of(descriptor: int) -> Path:
    """Where an open file is. man 5 proc, "/proc/pid/fd" """
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def decode(data: bytes, name: str) -> str:
    """UTF-8 text without NUL. Raises InvalidInput, with the line."""
    try:
        text = data.decode()
    except UnicodeDecodeError as cause:
        raise InvalidInput(
            "{file}:{line}: not UTF-8 text",
            hint="save the file as UTF-8",
            file=name,
            line=data.count(b"\n", 0, cause.start) + 1,
        ) from cause
    if "\0" in text:
        raise InvalidInput(
            "{file}:{line}: a NUL character: this is no text file",
            file=name,
            line=text.count("\n", 0, text.index("\0")) + 1,
        )
    return text


def _kind(mode: int) -> Kind | None:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symlink" if stat.S_ISLNK(mode) else None


def _uncopyable(path: str, word: Word) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: {path} is a socket, a pipe or a device",
        hint="only files, directories and links can be copied; name it in .dockerignore",
        path=path,
        **word.place.facts(),
    )


def _outside(word: Word) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: {path} is outside of the build context",
        hint="copy it into the context, or build from a directory above: -f DOCKERFILE DIRECTORY",
        path=word.text,
        **word.place.facts(),
    )


def _leads_outside(path: str, word: Word) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: {path} is a link that leads to nothing in the build context",
        hint="links may lead to files of the context only: put the file itself there",
        path=path,
        **word.place.facts(),
    )


def _ignored(word: Word) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: {path} is kept out of the build by .dockerignore",
        hint="except it there, with a last line !{path}",
        path=word.text,
        **word.place.facts(),
    )
