"""Performing: each step turns the image so far into the next, on the layers before it.

    key = cache_key(layers so far, step, content of the sources)
    cached?  take that layer
    else     a writable snapshot on the layers so far → run or copy into it → its changes as a
             tar into the content store → the snapshot becomes an immutable one

A step's layer is stored before the next step begins, so a build that fails or is interrupted
leaves the finished steps in the cache and nothing of the unfinished one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runtime.build import events
from runtime.build.archive import is_archive, unpack_archive
from runtime.build.cache import Cache, CacheHit
from runtime.build.command import RunStep, run_command
from runtime.build.context import Context
from runtime.build.copy import copy_files
from runtime.build.download import Downloads
from runtime.build.image import Draft
from runtime.build.image_files import ImageFiles
from runtime.build.mounts import FindFiles, Furnisher, new_key
from runtime.build.owner import find_owner
from runtime.build.sources import Files, Source, content_digest, document_sources
from runtime.build.step import CopyFiles, MakeDirectory, RunCommand, Step, cache_key
from runtime.build.store import store_layer, unpack_layer
from runtime.build.tree import ImageTree, Resolved
from runtime.build.upper import Upper, set_times
from runtime.content.store import ContentStore
from runtime.errors import DockerfileError
from runtime.oci.descriptor import Descriptor
from runtime.oci.digest import ChainID, DiffID
from runtime.oci.identity import chain_ids, next_chain_id
from runtime.snapshot.overlay import Overlay, Snapshots


@dataclass(frozen=True, slots=True)
class Performer:
    """Carries out the steps of one build; its fields are what they all share."""

    content: ContentStore
    snapshots: Snapshots
    cache: Cache
    run_step: RunStep
    context: Context
    furnisher: Furnisher
    downloads: Downloads
    epoch: int | None
    use_cache: bool
    progress: Callable[[events.Event], None]

    def perform(self, step: Step, draft: Draft, files: FindFiles) -> Draft:
        """The image after one more step; it takes files from where `files` finds them.

        Raises DockerfileError, BuildFailed.
        """
        match step:
            case RunCommand():
                return self.run(step, draft, files)
            case CopyFiles():
                return self.copy(step, draft, files(step.origin))
            case MakeDirectory():
                return self.make_directory(step, draft)
        return self.without_layer(step, draft)

    def copy(self, step: CopyFiles, draft: Draft, files: Files) -> Draft:
        """COPY. The sources are read first: what they hold decides whether the layer is known."""
        with contextlib.ExitStack() as until_done:
            found = files.find(step.sources) if step.sources else ()
            kept = tuple(source.without(step.excludes) for source in found)
            local = (*filter(lambda source: source.files, kept), *document_sources(step.documents))
            remote = tuple(
                until_done.enter_context(self.downloads.fetch(word, step.checksum))
                for word in step.addresses
            )

            def write(_key: str, overlay: Overlay) -> None:
                upper = Upper(overlay)
                owner = find_owner(step.owner, upper.tree) if step.owner else None
                taken = tuple(
                    until_done.enter_context(self.unpacked(source))
                    if unpacks and is_archive(source)
                    else source
                    for sources, unpacks in (
                        (local, step.unpacks),
                        (remote, step.unpacks_downloads),
                    )
                    for source in sources
                )
                copy_files(step, taken, upper, owner)

            content = content_digest((*local, *remote), parents=step.parents)
            return self.layer(step, draft, write, content)

    @contextlib.contextmanager
    def unpacked(self, source: Source) -> Iterator[Source]:
        """The files of an archive, for as long as they are needed."""
        key = new_key()
        overlay = self.snapshots.prepare(key, None)
        assert overlay.upper is not None
        try:
            unpack_archive(source, overlay.upper)
            yield ImageFiles(ImageTree.of(overlay), source.word.text).whole(source.word)
        finally:
            self.snapshots.remove(key)

    def make_directory(self, step: MakeDirectory, draft: Draft) -> Draft:
        """WORKDIR: a layer if the directory is new, else only a line in the history."""
        tree = ImageTree.of(self.snapshots.view(draft.chain))
        found = resolve_directory(step, tree)
        if found.is_directory:
            return self.without_layer(step, draft)

        def write(_key: str, overlay: Overlay) -> None:
            Upper(overlay).make_directories(found.path, find_owner(step.owner, tree))

        return self.layer(step, draft, write)

    def run(self, step: RunCommand, draft: Draft, files: FindFiles) -> Draft:
        """RUN. What its mounts show is looked at first: it decides whether the layer is known."""
        shown = self.furnisher.look(step, files)

        def write(key: str, overlay: Overlay) -> None:
            with self.furnisher.furnish(step, key, shown) as furniture:
                run_command(step, key, overlay, furniture, self.run_step, self.progress)

        return self.layer(step, draft, write, "\n".join(each.content for each in shown))

    def without_layer(self, step: Step, draft: Draft) -> Draft:
        """The image after a step that changes no file."""
        return draft.with_config(step, None if self.epoch is None else timestamp(self.epoch))

    def layer(
        self,
        step: Step,
        draft: Draft,
        write: Callable[[str, Overlay], None],
        content: str = "",
    ) -> Draft:
        """The image with the step's layer: the cached one, or what `write` makes."""
        key = cache_key(draft.chain, step, self.epoch, content)
        hit = self.find_cached(key, draft)
        if hit is not None:
            self.progress(events.StepCached(hit.diff_id))
        else:
            hit = self.make_layer(step, draft.chain, write)
            self.cache.put(key, hit)
            self.progress(events.LayerWritten(hit.diff_id, hit.size))
        return draft.with_layer(step, hit)

    def find_cached(self, key: str, draft: Draft) -> CacheHit | None:
        """A layer that was made before, if its blob is still there; its snapshot is made sure."""
        hit = self.cache.get(key) if self.use_cache else None
        if hit is None or not self.content.has(hit.digest):
            return None
        chain_id = next_chain_id(draft.chain, hit.diff_id)
        self.unpack_layer(chain_id, draft.chain, hit.descriptor, hit.diff_id)
        return hit

    def make_layer(
        self, step: Step, parent: ChainID | None, write: Callable[[str, Overlay], None]
    ) -> CacheHit:
        """Let `write(key, overlay)` change a snapshot on `parent`; store what it changed."""
        key = new_key()
        overlay = self.snapshots.prepare(key, parent)
        assert overlay.upper is not None
        try:
            write(key, overlay)
            created = int(time.time()) if self.epoch is None else self.epoch
            if self.epoch is not None:
                set_times(overlay.upper, self.epoch)
            digest, size = store_layer(self.content, overlay.upper, self.epoch)
            diff_id = DiffID(digest)  # layers are stored as they are: see `image.Draft`
            hit = CacheHit(digest, diff_id, size, timestamp(created), parent, step.created_by)
            self.snapshots.commit(key, hit.chain_id)
            return hit
        finally:
            self.snapshots.remove(key)  # once committed it is not there under this key

    def unpack(self, draft: Draft) -> None:
        """Have every layer of an image as a snapshot."""
        parent = None
        diff_ids = draft.config.diff_ids
        for chain_id, diff_id, layer in zip(
            chain_ids(diff_ids), diff_ids, draft.layers, strict=True
        ):
            self.unpack_layer(chain_id, parent, layer, diff_id)
            parent = chain_id

    def unpack_layer(
        self, chain_id: ChainID, parent: ChainID | None, layer: Descriptor, diff_id: DiffID
    ) -> None:
        """Have one layer as a snapshot. Raises IntegrityError if it is not the layer promised."""
        unpack_layer(self.content, self.snapshots, chain_id, parent, layer, diff_id)


def resolve_directory(step: MakeDirectory, tree: ImageTree) -> Resolved:
    """Where WORKDIR leads in the image. Raises DockerfileError when that is a file."""
    try:
        found = tree.resolve(step.path)
    except NotADirectoryError as cause:
        raise _no_directory(step) from cause
    if found.entry is not None and not found.is_directory:
        raise _no_directory(step)
    return found


def timestamp(seconds: int) -> str:
    """RFC 3339, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _no_directory(step: MakeDirectory) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: {path} is there in the image, and is no directory",
        path=step.path,
        **step.instruction.source.place.facts(),
    )
