"""COPY: where each file goes, and putting it there.

    COPY a.txt /data          /data is a directory of the image: /data/a.txt, else the file /data
    COPY a.txt /data/         /data/a.txt, the directory made if needed
    COPY a.txt b.txt /data/   several need a directory
    COPY static /srv/app      a directory means its contents: /srv/app/…
    COPY app.py .             relative to WORKDIR
    COPY --parents a/b c/./d /srv/   /srv/a/b and /srv/d

Files keep their mode (or get --chmod). Those of the context belong to root, those of a stage or
an archive to whom they belonged there, and all of them to --chown where it is said.
Dockerfile reference, "COPY"
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePosixPath

from runtime.build.mode import Mode
from runtime.build.owner import ROOT, Owner
from runtime.build.sources import Source, SourceFile
from runtime.build.step import CopyFiles
from runtime.build.tree import ImageTree
from runtime.build.upper import Upper
from runtime.errors import DockerfileError


def copy_files(
    step: CopyFiles, sources: tuple[Source, ...], upper: Upper, owner: Owner | None
) -> None:
    """Put `sources` into the layer. Raises DockerfileError, with the place in the Dockerfile."""
    try:
        for source, target in plan_targets(step, sources, upper.tree):
            for file in source.files:
                copy_one(file, target / file.relative, source, step.mode, owner, upper)
    except NotADirectoryError as cause:
        raise DockerfileError(
            "{file}:{line}:{column}: {path} is there in the image, and is no directory",
            path=cause.filename,
            **step.destination.word.place.facts(),
        ) from cause
    except IsADirectoryError as cause:
        raise DockerfileError(
            "{file}:{line}:{column}: {path} is a directory in the image, and cannot become a file",
            path=cause.filename,
            **step.destination.word.place.facts(),
        ) from cause


def plan_targets(
    step: CopyFiles, sources: tuple[Source, ...], tree: ImageTree
) -> Iterator[tuple[Source, PurePosixPath]]:
    """Where each source goes: a path without links, as docker decides it."""
    there = tree.resolve(step.destination.path)
    into = step.destination.is_directory or there.is_directory or step.parents
    if len(sources) > 1 and not into:
        raise DockerfileError(
            "{file}:{line}:{column}: several sources need a directory to go into",
            hint="write it with a slash at its end: {path}/",
            path=step.destination.word.text,
            **step.destination.word.place.facts(),
        )
    for source in sources:
        if step.parents and source.path:
            yield source, there.path / source.kept_path()
        else:
            is_inside = into and not source.is_directory
            yield source, there.path / source.name if is_inside else there.path


def copy_one(
    file: SourceFile,
    path: PurePosixPath,
    source: Source,
    mode: Mode | None,
    chown: Owner | None,
    upper: Upper,
) -> None:
    """Write one file, directory or link. A directory that the image has keeps its attributes."""
    upper.make_directories(path.parent, chown or ROOT)
    owner = chown or Owner(*(file.owner or ROOT))
    is_directory = file.kind == "directory"
    bits = mode.of(file.mode, is_directory=is_directory) if mode else file.mode
    if is_directory:
        upper.make_directories(path, owner, bits)
    elif file.kind == "symlink":
        upper.write_link(path, file.content, owner=owner, mtime_ns=file.mtime_ns)
    else:
        descriptor = source.reader.open_file(file.path)
        try:
            digest = upper.write_file(
                path,
                descriptor,
                mode=bits,
                owner=owner,
                mtime_ns=file.mtime_ns,
                xattrs=file.xattrs,
            )
        finally:
            os.close(descriptor)
        if digest != file.content:
            raise DockerfileError(
                "{file}:{line}:{column}: {path} was changed while it was copied",
                hint="build again when nothing writes to it",
                path=file.path,
                **source.word.place.facts(),
            )
