"""Images: names for manifests in the content store, and what can be done with them.

The method names are those of Docker's Python SDK (`docker.models.images`). An image's id is
the digest of its configuration; a name points to a manifest (see `image_names`).

What builds and unpacks is imported where it is used: `onggi ps` must not wait for it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, BinaryIO

from runtime import journal
from runtime.build.cache_directory import CacheDirectories, clear_unfinished
from runtime.cancellation import Cancellation
from runtime.container.state import BUSY
from runtime.content import gc
from runtime.content.store import ContentStore
from runtime.database import Database
from runtime.engine.bootstrap.names import BASES, NAMES
from runtime.engine.build_cache import SqliteCache
from runtime.engine.directory import alone, require_root, writing
from runtime.engine.filters import Filters, is_true, prune_test, read_filters, until_ns
from runtime.engine.image import Image, Shelf, created_ns
from runtime.engine.image_names import NAMELESS, ImageNames
from runtime.errors import Conflict, InvalidInput, InvalidReference, NotFound
from runtime.oci.digest import ChainID, Digest
from runtime.oci.reference import Reference
from runtime.snapshot.overlay import Snapshots

if TYPE_CHECKING:
    from runtime.build.download import Downloads
    from runtime.build.events import Event
    from runtime.container.bundle import Request
    from runtime.engine.archives import Data
    from runtime.engine.container import Container
    from runtime.engine.registries import AuthConfig, AuthConfigs, RegistryData
    from runtime.registry.progress import Progress, Tell

PULL_VARIABLE = "ONGGI_PULL"
"""When an image is pulled by itself: missing (docker's way), always, never."""

LIMITS = {
    "memory": "mem_limit",
    "memswap": "memswap_limit",
    "cpushares": "cpu_shares",
    "cpusetcpus": "cpuset_cpus",
    "cpusetmems": "cpuset_mems",
    "cpuperiod": "cpu_period",
    "cpuquota": "cpu_quota",
}
"""What docker calls the limits of a build, and what it calls those of a container."""

ADDRESSES = ("http://", "https://", "git://", "git@", "github.com/")
"""How a context begins that is an address, and no directory: docker's rule."""

BootstrapProgress = Callable[[str, int, int], None]

# Inside a class with a method `list`, the word means that method.
ImageList = list[Image]
BuildLog = list["Event"]
Removed = list[dict[str, str]]
Digests = list[Digest]
LayerNames = list[str]
Names = list[str]
References = list[Reference]
NamedList = list[tuple[Image, list[str]]]
Summaries = list[dict[str, Any]]


class Images:
    """`engine.images`."""

    def __init__(
        self,
        root: Path,
        database: Database,
        run_step: Any,
        surroundings: Callable[[Mapping[str, Any]], Request],
        progress: BootstrapProgress,
    ) -> None:
        self.root = root
        self.mirrors: tuple[str, ...] = ()
        """Addresses that are asked for Docker Hub's images before it, beside those that the state
        directory names: see `registry.trust`."""
        self.database = database
        self.names = ImageNames(database, lambda manifest: Image(self.shelf, manifest).id)
        self.content = ContentStore(root)
        self.snapshots = Snapshots(root)
        self.shelf = Shelf(self.content, self.snapshots, self.names)
        self.cache = SqliteCache(database)
        self.caches = CacheDirectories(root)
        self._run_step = run_step
        self._surroundings = surroundings
        self._progress = progress

    def build(
        self,
        path: str | Path | None = None,
        tag: str | Iterable[str] | None = None,
        dockerfile: str | BinaryIO | None = None,
        buildargs: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        nocache: bool = False,
        target: str | None = None,
        secrets: Mapping[str, bytes] | None = None,
        fileobj: BinaryIO | None = None,
        platform: str | None = None,
        no_cache_filter: Collection[str] = (),
        network_mode: str | None = None,
        progress: Callable[[Event], None] | None = None,
        *,
        pull: bool = False,
        container_limits: Mapping[str, Any] | None = None,
        shmsize: int | str | None = None,
        ulimits: Iterable[Any] = (),
        extra_hosts: Mapping[str, str] | Iterable[str] | None = None,
        auth_configs: AuthConfigs | None = None,
        cancellation: Cancellation | None = None,
    ) -> tuple[Image, BuildLog]:
        """Build an image from the Dockerfile of the directory `path`; the image and its log.

        `path` may be an archive or an address (see `build.remote`), and `fileobj` is an archive as
        a stream, or a Dockerfile without a context. `dockerfile` is relative to `path`, or itself a
        stream. `target` names the stage to build, without it the last one; `secrets` are by id.
        `progress` gets every event when it happens. With SOURCE_DATE_EPOCH in the environment, or
        among `buildargs`, the same inputs give the same image ID anywhere.

        Commands run in `network_mode` (a network's name, none, host, container:NAME), within
        `container_limits` (docker's: memory, memswap, cpushares, cpusetcpus, …), `shmsize` and
        `ulimits`, with `extra_hosts` in their /etc/hosts.
        Base images that are not here, and with `pull` all of them, are asked for with
        `auth_configs`: docker's, by registry. Raises DockerfileError, BuildFailed, NotFound (the
        context or base image), Cancelled.
        """
        from runtime.build.builder import Builder, host_platform
        from runtime.build.plan.arguments import runs

        require_root()
        context = fileobj if path is None else Path(path)
        if context is None:
            raise InvalidInput(
                "there is nothing to build from",
                hint="give a directory with a Dockerfile: path=…",
            )
        if platform and not runs(platform, host_platform()):
            raise InvalidInput(
                "this host runs {host} only, not {wanted}", host=host_platform(), wanted=platform
            )
        tags = [tag] if isinstance(tag, str) else list(tag or ())
        references = [Reference.parse(name) for name in tags]
        events: list[Event] = []
        cancelled = cancellation or Cancellation()
        limits = {LIMITS.get(name, name): value for name, value in (container_limits or {}).items()}
        surroundings = self._surroundings(
            {
                **limits,
                "network": network_mode,
                "shm_size": shmsize,
                "ulimits": ulimits,
                "extra_hosts": extra_hosts,
            }
        )

        def tell(event: Event) -> None:
            cancelled.check()
            events.append(event)
            if progress:
                progress(event)

        with contextlib.ExitStack() as until_done:
            until_done.enter_context(writing(self.root))
            if isinstance(path, str) and path.startswith(ADDRESSES):
                from runtime.build.given import within
                from runtime.build.remote import open_remote  # slow to import

                dockerfile = within(dockerfile)
                context = until_done.enter_context(open_remote(self.snapshots, path, cancelled))
            builder = Builder(
                self.content,
                self.snapshots,
                self.cache,
                self.caches,
                self.downloads(),
                self._run_step_in(surroundings, cancelled),
                lambda reference: self._base_image(
                    reference, "always" if pull else None, tell, auth_configs, cancelled
                ),
            )
            built = builder.build(
                context,
                dockerfile,
                build_args=buildargs or {},
                labels=labels or {},
                target=target,
                epoch=source_date_epoch((buildargs or {}).get("SOURCE_DATE_EPOCH")),
                no_cache=nocache,
                no_cache_stages=no_cache_filter,
                secrets=secrets,
                progress=tell,
                check=cancelled.check,
            )
            image = Image(self.shelf, built.manifest.digest)
            self.note("create", image.id, image.id)
            for reference in references:
                self.names.point(reference, built.manifest.digest)
            if not references:
                self.names.keep_nameless(built.manifest.digest)
        return image, events

    def _run_step_in(self, surroundings: Request, cancellation: Cancellation) -> Any:
        """Run a step as the build says; in another network where its instruction says so."""

        def run_step(*given: Any) -> Any:
            *rest, network = given
            request = surroundings
            if network != "default":
                request = replace(surroundings, network=network, networks={})
            return self._run_step(*rest, request, cancellation)

        return run_step

    def commit(
        self,
        container: Container,
        name: str | None,
        message: str,
        author: str,
        changes: str,
        conf: Mapping[str, Any],
    ) -> Image:
        """A container's changes as a new image: `Container.commit`, which says what is raised."""
        from runtime.build import commit
        from runtime.build.image import Draft
        from runtime.oci.document import Document
        from runtime.oci.image import RunConfig

        reference = Reference.parse(name) if name else None
        epoch = source_date_epoch()
        base = container.image
        asked = RunConfig.from_json(Document(dict(conf), "conf"))
        config = commit.changed_config(commit.merged(asked, container.run_config), changes)
        note = commit.Note(" ".join(container.spec.process.args), int(time()), message, author)
        below = Draft(base.config, base.manifest.layers)
        with writing(self.root):
            made = commit.commit(self.content, below, container.upper_path, config, note, epoch)
            if reference:
                self.names.point(reference, made.manifest.digest)
            else:
                self.names.keep_nameless(made.manifest.digest)
        return Image(self.shelf, made.manifest.digest)

    def save(self, names: str | Iterable[str]) -> Iterator[bytes]:
        """The images as one archive, in pieces: OCI layout and docker archive at the same time.

        A name without a tag means all its tags. Raises NotFound, before the first piece.
        """
        from runtime.engine.archives import save_images

        return save_images(self, [names] if isinstance(names, str) else names)

    def load(self, data: Data, progress: Callable[[Image, Names], None] | None = None) -> ImageList:
        """The images of an archive of docker's, or an OCI archive or layout directory.

        `data` are bytes, a file, pieces, or a Path. `progress` gets each image with the names that
        the archive has given it. Raises InvalidInput, InvalidSpec, UnsafePath,
        IntegrityError, NotFound (a blob is missing); then nothing has been loaded.
        """
        from runtime.engine.archives import load_images

        return load_images(self, data, progress or (lambda _image, _names: None))

    def import_image(
        self,
        data: Data | str,
        repository: str | None = None,
        tag: str | None = None,
        changes: str | Iterable[str] = (),
        message: str = "",
        platform: str | None = None,
    ) -> Image:
        """An image of one layer, out of a tar of a root file system, compressed or not; a text is
        the address that has it.

        `changes` are Dockerfile instructions; it is for `platform`, or for this host. Raises
        InvalidInput, DockerfileError, NotFound (nothing at that address).
        """
        from runtime.engine.archives import import_image

        name = f"{repository}:{tag}" if repository and tag else repository or ""
        lines = changes if isinstance(changes, str) else "\n".join(changes)
        return import_image(self, data, name, lines, message, platform)

    def pull(
        self,
        repository: str,
        tag: str | None = None,
        all_tags: bool = False,
        *,
        platform: str | None = None,
        auth_config: AuthConfig = None,
        stream: bool = False,
        decode: bool = False,
        progress: Tell | None = None,
        cancellation: Cancellation | None = None,
    ) -> Any:
        """Bring an image in from its registry: the Image, or with `all_tags` a list of them.

        `tag` may be a digest. With `stream` docker's messages as they happen, as JSON lines or,
        with `decode`, as dicts; `progress` gets them as values. `platform` is
        `os/architecture[/variant]`, this host's if nothing is said.
        Raises NotFound, RegistryError, IntegrityError, InvalidSpec; then no image has come in.
        """
        from runtime.engine import registries

        name = _tagged(repository, tag)
        if all_tags and (tag or name != Reference.parse(repository.partition("@")[0])):
            raise InvalidInput("a tag and all tags cannot be pulled at once")

        def pull(tell: Tell, cancelled: Cancellation | None) -> ImageList:
            if not all_tags and _familiar(str(name)) in NAMES:  # which no registry has
                return [self._made_here(_familiar(str(name)), tell)]
            names = registries.references_to_pull(self, name, all_tags, auth_config, cancelled)
            return [
                registries.pull_image(self, each, platform, tell, auth_config, cancelled)
                for each in names
            ]

        if stream:
            return registries.streamed(pull, decode=decode)
        pulled = pull(progress or (lambda _message: None), cancellation)
        return pulled if all_tags else pulled[0]

    def _made_here(self, name: str, tell: Tell) -> Image:
        """A base image, made now if it is missing; it is told as a pull is."""
        from runtime.registry.progress import Progress

        told: Names = []

        def progress(what: str, _done: int, _total: int) -> None:
            if what not in told:
                told.append(what)
                tell(Progress(what))

        is_here = self._find_name(name) is not None
        if not is_here:
            self.bootstrap((name,), progress)
        said = "Image is up to date for" if is_here else "Made of this host's own files:"
        tell(Progress(f"Status: {said} {name}:latest"))
        return self.get(name)

    def push(
        self,
        repository: str,
        tag: str | None = None,
        stream: bool = False,
        decode: bool = False,
        *,
        auth_config: AuthConfig = None,
        all_tags: bool = False,
        compression: str = "gzip",
        progress: Tell | None = None,
        cancellation: Cancellation | None = None,
    ) -> Any:
        """Send an image to the registry that its name begins with: docker's messages as JSON
        lines, or with `stream` as they happen (with `decode` as dicts).

        Layers that are stored without `compression` travel with it: gzip or zstd. Raises NotFound,
        RegistryError.
        """
        from runtime.engine import registries

        name = _tagged(repository, tag)
        names = self._tags_of(name) if all_tags else [name]

        def push(tell: Tell, cancelled: Cancellation | None) -> None:
            for each in names:
                registries.push_image(self, each, tell, auth_config, compression, cancelled)

        if stream:
            return registries.streamed(push, decode=decode)
        if progress:
            return push(progress, cancellation)
        return b"".join(registries.streamed(push, decode=False)).decode()

    def get_registry_data(self, name: str, auth_config: AuthConfig = None) -> RegistryData:
        """What the registry knows of a name, without pulling it. Raises NotFound, RegistryError."""
        from runtime.engine import registries

        return registries.registry_data(self, Reference.parse(name), auth_config)

    def obtain(
        self,
        name: str,
        pull: str | None = None,
        platform: str | None = None,
        progress: Tell | None = None,
        auth_config: AuthConfig = None,
        cancellation: Cancellation | None = None,
    ) -> Image:
        """The image of a name or id, to be used: if it is missing a base image is made, and any
        other pulled.

        `pull` is "missing", "always" or "never"; without it what ONGGI_PULL says, else "missing".
        Raises NotFound where it is neither here nor to be had.
        """
        policy = pull or os.environ.get(PULL_VARIABLE) or "missing"
        tell = progress or (lambda _message: None)
        try:
            found = self.get(name) if pull == "never" else self.get_or_bootstrap(name)
            if platform:
                found.refuse_other_platform(platform)
            if policy != "always" or _familiar(name) in NAMES:  # which no registry has
                return found
        except NotFound:
            if policy == "never":
                raise
            self._tell_missing(name, tell)
        from runtime.engine import registries  # slow to import

        return registries.pull_to_use(self, name, platform, tell, auth_config, cancellation)

    def _tell_missing(self, name: str, tell: Tell) -> None:
        from runtime.registry.progress import Progress

        reference = Reference.parse(name)
        tell(Progress(f"Unable to find image '{reference.familiar}' locally"))

    def get(self, name: str) -> Image:
        """The image of a name or an id (whole, or its beginning). Raises NotFound,
        InvalidReference for a text that can be neither.
        """
        manifest = self._find_name(name) or self._find_id(name)
        if manifest is None:
            Reference.parse(name)
            raise NotFound(
                "no such image: {name}",
                hint="`onggi images` lists the images that are here; `onggi build` makes one",
                name=name,
            )
        return Image(self.shelf, manifest)

    def get_or_bootstrap(self, name: str) -> Image:
        """The same; a base image that needs no download is made now if it is missing."""
        try:
            return self.get(name)
        except NotFound:
            wanted = _familiar(name)
            if wanted not in NAMES:
                raise
            self.bootstrap(names=(wanted,))
            return self.get(name)

    def list(
        self, name: str | None = None, all: bool = False, filters: Filters = None
    ) -> ImageList:
        """Images that have a name (or the one that `name` means), the newest first, and those
        that lost theirs. `filters`: dangling, label, before, since, reference, until.
        """
        return [image for image, _ in self.named(name, all, filters)]

    def named(
        self, name: str | None = None, all: bool = False, filters: Filters = None
    ) -> NamedList:
        """The same, each with those of its names that are meant."""
        from runtime.engine.image_filters import choose_images

        del all  # there are no intermediate images, and docker shows nameless ones anyway
        images = (Image(self.shelf, manifest) for _, manifest in self.names.all())
        every = [*{image.id: image for image in images}.values()]
        wanted = dict(filters or {})
        if name:
            wanted["reference"] = [_pattern(name)]
        return choose_images(every, wanted, self.get)

    def summaries(
        self, name: str | None = None, all: bool = False, filters: Filters = None
    ) -> Summaries:
        """The same list as docker's JSON, ImageSummary."""
        return [image.summary(names) for image, names in self.named(name, all, filters)]

    def layers_of(self, name: str) -> LayerNames | None:
        """The layers (their DiffIDs) of the image that a name or id means; None if none does."""
        with contextlib.suppress(NotFound, InvalidReference):
            return [*map(str, self.get(name).config.diff_ids)]
        return None

    def remove(self, name: str, force: bool = False) -> Removed:
        """Take the name away; with the last name, the image. What was done, as docker says it:
        [{"Untagged": name}, {"Deleted": digest}, …].

        Raises NotFound, Conflict when a container still uses it (with `force`: only when one
        of them runs) or an id has several names.
        """
        image = self.get(name)
        names = self.names.of(image.manifest_digest)
        digests = self.names.digests_of(image.manifest_digest)
        by_name = self._find_name(name) is not None
        if not by_name and len(names) > 1 and not force:
            raise Conflict(
                "image {name} has several names: {names}",
                hint="remove them one by one, or all at once with --force",
                name=name,
                names=", ".join(image.tags),
            )
        doomed = _doomed(Reference.parse(name), names, digests) if by_name else names + digests
        last = set(doomed) >= {*names, *digests}
        if last:
            self._refuse_if_used(image, force)
        for each in doomed:
            self.names.forget(each)
            self.note("untag", image.id, Reference.parse(each).familiar)
        untagged = [{"Untagged": Reference.parse(each).familiar} for each in doomed]
        return untagged + (self._delete(image) if last else [])

    def prune(self, all: bool = False, filters: Filters = None) -> dict[str, Any]:
        """Remove images without a name; with `all`, also those that no container uses.

        `filters`: until, label, label!, and dangling (false means the same as `all`). Docker's
        answer: ImagesDeleted, SpaceReclaimed (bytes on the disk). What the build cache
        remembers stays: see `prune_builds`.
        """
        goes = prune_test(filters, ("dangling",))
        dangling = read_filters(
            {"dangling": (filters or {}).get("dangling", not all)}, ("dangling",)
        )
        everything = not is_true("dangling", dangling["dangling"])
        used = self._manifests_of_containers()
        deleted: Removed = []
        for name, manifest in self.names.all():
            image = Image(self.shelf, manifest)
            if manifest in used or not goes(image.labels, created_ns(image)):
                continue
            if everything or not image.tags:
                self.names.forget(name)
                if not name.startswith(NAMELESS):
                    deleted.append({"Untagged": Reference.parse(name).familiar})
        removed, freed = self.collect_garbage()
        deleted += [{"Deleted": str(digest)} for digest in removed]
        journal.note_prune(self.database, "image", freed)
        return {"ImagesDeleted": deleted, "SpaceReclaimed": freed}

    def prune_builds(self, all: bool = False, filters: Filters = None) -> dict[str, Any]:
        """Forget what builds left behind: cache directories of RUN, downloads of ADD, and steps
        whose layers no image uses; with `all`, every step. With the filter `until` only steps that
        no build has used since then: of directories and downloads nobody knows that.

        Docker's answer: CachesDeleted, SpaceReclaimed (bytes on the disk). Raises InvalidInput.
        """
        moments = [until_ns(text) for text in read_filters(filters, ("until",)).get("until", ())]
        old = self.cache.unused_since(min(moments)) if moments else self.cache.digests()
        forgotten = self.cache.forget(old if all else old - self.layers_in_use())
        directories = [] if moments else self.caches.remove_unused()
        downloads = {} if moments else self.downloads().remove()
        removed, freed = self.collect_garbage()
        freed += sum(each.size_bytes for each in directories)
        freed += sum(each.size_bytes for each in downloads.values())
        journal.note_prune(self.database, "builder", freed)
        return {
            "CachesDeleted": [
                *dict.fromkeys(str(hit.chain_id) for hit in forgotten),
                *map(str, sorted(set(removed) - {hit.digest for hit in forgotten})),
                *(each.name for each in directories),
                *downloads,
            ],
            "SpaceReclaimed": freed,
        }

    def downloads(self) -> Downloads:
        """What ADD has downloaded."""
        from runtime.build.download import Downloads

        return Downloads(self.root)

    def bootstrap(
        self,
        names: Iterable[str] = BASES,
        progress: BootstrapProgress | None = None,
    ) -> ImageList:
        """Make the base images out of this host's own files: nothing is downloaded."""
        from runtime.engine.bootstrap.layers import bootstrap

        require_root()
        with writing(self.root):
            bootstrap(
                self.content,
                self.snapshots,
                lambda reference, descriptor: self.names.point(reference, descriptor.digest),
                progress or self._progress,
                tuple(names),
            )
        return [self.get(name) for name in names]

    def unpack(self, image: Image) -> ChainID | None:
        """See to it that each layer is a directory; the ChainID of the topmost one.

        Raises IntegrityError when a layer is not what its digest or DiffID says.
        """
        if image.chain_id is not None and self.snapshots.has(image.chain_id):
            return image.chain_id  # and so all those below
        from runtime.build.store import unpack_layer

        parent: ChainID | None = None
        for descriptor, layer in zip(image.manifest.layers, image.layers, strict=True):
            if not self.snapshots.has(layer.chain_id):
                with writing(self.root):
                    unpack_layer(
                        self.content,
                        self.snapshots,
                        layer.chain_id,
                        parent,
                        descriptor,
                        layer.diff_id,
                    )
            parent = layer.chain_id
        return parent

    def clear_unfinished(self) -> None:
        """Delete what killed processes were writing. Only while nobody else writes: `alone`."""
        gc.clear_ingest(self.content)
        self.snapshots.clear_unfinished(builds=True)
        for name in ("caches", "downloads"):
            clear_unfinished(self.root / name)

    def collect_garbage(self) -> tuple[Digests, int]:
        """Delete blobs and snapshots that nothing refers to: the blobs' digests, and how many
        bytes of the disk became free. While somebody is writing it does nothing: the next
        call will.
        """
        with alone(self.root) as nobody_writes:
            if not nobody_writes:
                return [], 0
            roots = self._roots()
            keep = self.chains_in_use()
            freed = 0
            for chain_id in list(self.snapshots.chain_ids()):
                if chain_id not in keep:
                    freed += self.snapshots.usage(chain_id)
                    self.snapshots.remove(chain_id)
            swept = gc.sweep(self.content, roots)
            return [digest for digest, _ in swept], freed + sum(size for _, size in swept)

    def _base_image(
        self,
        reference: Reference,
        policy: str | None,
        tell: Callable[[Event], None],
        auth_configs: AuthConfigs | None,
        cancellation: Cancellation,
    ) -> Digest | None:
        from runtime.build.events import Output

        def told(message: Progress) -> None:
            if not message.total:  # how far a layer is, a build does not say
                words = filter(None, (message.id, message.status))
                tell(Output("stdout", f"{': '.join(words)}\n".encode()))

        auth_config: AuthConfig = None
        if auth_configs is not None:
            from runtime.engine.registries import auth_config_of  # slow to import

            auth_config = auth_config_of(auth_configs, reference.domain)
        try:
            image = self.obtain(
                str(reference),
                policy,
                progress=told,
                auth_config=auth_config,
                cancellation=cancellation,
            )
        except NotFound:
            return None
        self.unpack(image)
        return image.manifest_digest

    def _tags_of(self, name: Reference) -> References:
        """Every tag of a repository that is here. Raises NotFound."""
        beginning = name.name + ":"
        found = [
            Reference.parse(each) for each, _ in self.names.all() if each.startswith(beginning)
        ]
        if not found:
            raise NotFound(
                "an image does not exist locally with the tag: {name}",
                hint="give it that name first: onggi tag IMAGE {name}",
                name=name.familiar_name,
            )
        return found

    def _find_name(self, name: str) -> Digest | None:
        try:
            return self.names.find(Reference.parse(name))
        except InvalidReference:
            return None

    def _find_id(self, text: str) -> Digest | None:
        """The manifest of the image whose id begins like this. Raises Conflict if several do."""
        beginning = text.removeprefix("sha256:")
        if not beginning or not set(beginning) <= set("0123456789abcdef"):
            return None
        found = {
            image.id: image.manifest_digest
            for image in self.list()
            if image.id.startswith("sha256:" + beginning)
        }
        if len(found) > 1:
            raise Conflict(
                "several images have an id that begins with {text}",
                hint="write more of its digits",
                text=text,
            )
        return next(iter(found.values()), None)

    def _refuse_if_used(self, image: Image, force: bool) -> None:
        rows = self.database.all(
            "SELECT name, status FROM containers WHERE manifest = ?", image.manifest_digest
        )
        users = [row["name"] for row in rows if row["status"] in BUSY or not force]
        if users:
            raise Conflict(
                "unable to remove image {image}: container {name} is using it",
                hint="remove the container first: onggi rm -f {name}",
                image=image.tags[0] if image.tags else image.short_id,
                name=users[0],
            )

    def _delete(self, image: Image) -> Removed:
        digests = {layer.digest for layer in image.manifest.layers}
        self.names.forget(NAMELESS + image.manifest_digest)
        self.cache.forget(digests - self.layers_in_use())
        image_id = image.id
        self.collect_garbage()
        self.note("delete", image_id, image_id)
        return [{"Deleted": image_id}]

    def note(self, action: str, image_id: str, name: str) -> None:
        """Write into the journal what was done to an image, in docker's words: "load", "save", …"""
        journal.note(self.database, "image", action, image_id, {"name": name})

    def _manifests_of_containers(self) -> set[Digest]:
        rows = self.database.all("SELECT manifest FROM containers")
        return {Digest(row["manifest"]) for row in rows}

    def manifests(self) -> set[Digest]:
        """The manifests of all images, and of those that containers were made from."""
        return {manifest for _, manifest in self.names.all()} | self._manifests_of_containers()

    def layers_in_use(self) -> set[Digest]:
        """The blobs of all layers of images and containers."""
        images = (Image(self.shelf, manifest) for manifest in self.manifests())
        return {layer.digest for image in images for layer in image.manifest.layers}

    def chains_in_use(self) -> set[ChainID]:
        """Every unpacked layer that one of them needs."""
        images = (Image(self.shelf, manifest) for manifest in self.manifests())
        return {layer.chain_id for image in images for layer in image.layers}

    def _roots(self) -> set[Digest]:
        return self.manifests() | self.cache.digests()


def source_date_epoch(given: str | None = None) -> int | None:
    """SOURCE_DATE_EPOCH as seconds since 1970, None if it is neither given nor set.

    Raises InvalidInput if it is no number. https://reproducible-builds.org/specs/source-date-epoch/
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "") if given is None else given
    if text and not (text.isascii() and text.isdecimal()):
        raise InvalidInput(
            "SOURCE_DATE_EPOCH is not a number of seconds: {text!r}",
            hint="for example: SOURCE_DATE_EPOCH=$(date +%s)",
            text=text,
        )
    return int(text) if text else None


def _tagged(repository: str, tag: str | None) -> Reference:
    """A name whose tag, or digest, may be given apart. Raises InvalidReference."""
    if not tag:
        return Reference.parse(repository)
    return Reference.parse(f"{repository}{'@' if ':' in tag else ':'}{tag}")


def _doomed(reference: Reference, names: Sequence[str], digests: Sequence[str]) -> list[str]:
    """The names that go when one of them does: with the last tag of a repository also the digests
    by which its registry knows the image.
    """
    if reference.digest:
        return [str(reference.with_digest(reference.digest))]
    repository = reference.name
    others = [name for name in names if name.rpartition(":")[0] == repository]
    if others != [str(reference)]:
        return [str(reference)]
    return [str(reference), *(name for name in digests if name.partition("@")[0] == repository)]


def _pattern(name: str) -> str:
    """A name as a pattern for names as they are shown; what is a pattern stays as it is."""
    try:
        reference = Reference.parse(name)
    except InvalidReference:
        return name
    return (
        reference.familiar_name
        if reference.tag == "latest" and not name.endswith(":latest")
        else reference.familiar
    )


def _familiar(name: str) -> str:
    """The name without `:latest`, or "" for another tag or no name at all."""
    try:
        reference = Reference.parse(name)
    except InvalidReference:
        return ""
    return reference.familiar_name if reference.tag == "latest" else ""
