"""The engine: one object that holds everything together, for Python programs and notebooks.

    from runtime.engine import Engine

    engine = Engine()
    engine.containers.run("onggi/base", ["echo", "hello"])     # b"hello\\n"

There is no daemon. The object works on a state directory; several processes may do so at once,
and what one of them starts is seen and controlled by the others. The words are those of
Docker's Python SDK.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.container import restart, step
from runtime.container.lifecycle import Lifecycle
from runtime.container.messages import Exit
from runtime.engine import directory, events, usage
from runtime.engine.container import Container
from runtime.engine.containers import Containers, left_in_the_kernel
from runtime.engine.events import Listener, Moment
from runtime.engine.execs import Execs
from runtime.engine.filters import Filters
from runtime.engine.images import Images
from runtime.engine.volumes import Volumes
from runtime.engine.watch import Watch
from runtime.errors import Conflict, OnggiError
from runtime.oci.mounts import Mount
from runtime.oci.spec import Process
from runtime.resident import KEEPER

if TYPE_CHECKING:
    from runtime.cancellation import Cancellation
    from runtime.container.bundle import Request
    from runtime.engine.networks import Networks
    from runtime.network.obstacles import Obstacle
    from runtime.registry.credentials import Credential

Progress = Callable[[str, int, int], None]
"""Gets what is being done, how many parts of it are done, and of how many."""


class Engine:
    """Images, containers and volumes of one state directory.

    `root` overrides ONGGI_ROOT, which overrides the default (see `directory`). Opening it
    finishes what killed processes left half done. `progress` is told about work that starts by
    itself and takes a while, such as making the base images. Raises HostLacks if the directory
    cannot be written.
    """

    def __init__(self, root: Path | str | None = None, progress: Progress | None = None) -> None:
        self.root = Path(root).absolute() if root else directory.default_root()
        directory.open_directory(self.root)
        self._lifecycle = Lifecycle(self.root)
        self.images = Images(
            self.root,
            self._lifecycle.records.database,
            self._run_step,
            self._surroundings,
            progress or (lambda what, done, total: None),
        )
        self.containers = Containers(self._lifecycle, self.images)
        self.volumes = Volumes(self._lifecycle.records.volumes)
        self.recover()

    @functools.cached_property
    def networks(self) -> Networks:
        """The networks that containers are in."""
        from runtime.engine.networks import Networks  # addresses take a while to import

        return Networks(self.containers)

    @functools.cached_property
    def watch(self) -> Watch:
        """What happens, for many at once: see `watch`. A server drives it."""
        return Watch(self._lifecycle.records.database)

    @functools.cached_property
    def execs(self) -> Execs:
        """Commands that are prepared, to be begun later: docker's API does it in two steps."""
        return Execs(self.containers)

    def recover(self) -> None:
        """Clean up after processes that were killed: half made containers always, temporary
        blobs and snapshots of builds if nobody is writing just now; cables and bridges of which
        the keeper was killed.
        """
        with directory.alone(self.root) as nobody_writes:
            if nobody_writes:
                self._lifecycle.records.remove_orphans()
                self.images.clear_unfinished()
        self._lifecycle.records.settle_all()
        if left_in_the_kernel(self._lifecycle.records.database) and not KEEPER.lives(self.root):
            with contextlib.suppress(OnggiError):  # whoever needs a network will hear of it
                self.networks.settle()
        self._lifecycle.records.database.keep_reserve()

    def restore(self) -> list[Container]:
        """Start the containers whose restart policy wants them to run, after all processes of the
        engine were gone: the host was restarted. For whatever supervises; nothing of Onggi
        calls it by itself. What could not be started says so in its State.Error.
        """
        started = []
        for container in self.containers.list(all=True):
            if restart.comes_back(container.request, container.status, container.row["wish"]):
                with contextlib.suppress(OnggiError):
                    container.start()
                    started.append(container)
        return started

    def events(
        self,
        since: Moment = None,
        until: Moment = None,
        filters: Mapping[str, Any] | None = None,
        decode: bool = False,
        follow: bool = True,
    ) -> Generator[Any, None, None]:
        """What happens to containers and images, as JSON lines, or with `decode` as dicts; with
        docker's keys. From `since` (see moments.py) on, or from now on.

        It goes on until `until`, or for ever, unless `follow` is False. See `events`.
        """
        database = self._lifecycle.records.database
        return events.events(database, since, until, filters or {}, decode=decode, follow=follow)

    def listen(
        self, since_ns: int | None, until_ns: int | None, filters: Mapping[str, Any]
    ) -> Listener:
        """The same for who cannot wait in a thread; moments in nanoseconds since 1970."""
        database = self._lifecycle.records.database
        return Listener(database, self.watch, since_ns, until_ns, filters)

    def login(
        self,
        username: str,
        password: str | None = None,
        email: str | None = None,
        registry: str | None = None,
    ) -> dict[str, Any]:
        """See whether a registry (docker.io, if none is named) takes name and password, and keep
        them in docker's config.json. Raises RegistryError if it does not.
        """
        from runtime.engine import registries
        from runtime.registry.credentials import Credential

        del email  # docker takes it, too, and does nothing with it
        host = registries.checked_registry(registry or "")
        self.sign_in(host, Credential(username, password or ""))
        return {"IdentityToken": "", "Status": "Login Succeeded"}

    def check_login(self, auth_config: Mapping[str, str], registry: str = "") -> None:
        """See whether a registry (docker.io, if none is named) takes docker's auth_config, and keep
        nothing. Raises RegistryError if it does not.
        """
        from runtime.engine import registries
        from runtime.registry.credentials import Credential

        host = registries.checked_registry(registry)
        registries.check(self.root, host, Credential.of(auth_config))

    def sign_in(self, host: str, credential: Credential) -> str:
        """See whether a registry takes it, and keep it; returns where it is kept. Raises
        RegistryError (UNAUTHORIZED), InvalidInput.
        """
        from runtime.engine import registries

        return registries.sign_in(self.root, host, credential)

    def df(self) -> dict[str, Any]:
        """What takes how much of the disk: docker's SystemDataUsage."""
        return usage.disk_usage(self.images, self.containers, self.volumes)

    def reclaimable_bytes(self, usage: dict[str, Any]) -> int:
        """What of the images in `usage`, an answer of `df`, no container needs: a layer counts as
        blob and as directory.
        """
        layers = {
            layer.chain_id: layer
            for container in self.containers.list(all=True)
            for layer in container.image.layers
        }
        on_disk = self.images.snapshots.usage
        needed = sum(layer.size + on_disk(chain_id) for chain_id, layer in layers.items())
        return int(usage["LayersSize"]) - needed

    def prune(
        self, all: bool = False, filters: Filters = None, volumes: bool = False
    ) -> dict[str, Any]:
        """Remove stopped containers, nameless images and what builds left; with `all`, every
        image that no container uses; with `volumes`, those without a name that no container has.
        `filters`: until, label, label!. What was removed, with docker's keys.
        """
        if volumes and "until" in (filters or {}):
            raise Conflict("the filter until is not supported together with volumes")
        kept: dict[str, Any] = {"CachesDeleted": [], "SpaceReclaimed": 0}
        answers = (
            self.containers.prune(filters),
            self.volumes.prune(filters) if volumes else {"SpaceReclaimed": 0},
            self.images.prune(all=all, filters=filters),
            kept if filters else self.images.prune_builds(),  # whose things have no labels
        )
        freed = sum(answer["SpaceReclaimed"] for answer in answers)
        return {key: value for answer in answers for key, value in answer.items()} | {
            "SpaceReclaimed": freed
        }

    def info(self) -> dict[str, Any]:
        """The host and what is on it, with the keys of docker's SystemInfo."""
        from runtime.engine import system  # what it asks about takes a while to import

        return system.info(self)

    def obstacles(self) -> list[Obstacle]:
        """What on this host keeps containers' packets from their way, and what its user may do."""
        from runtime.network import obstacles
        from runtime.network.values import BRIDGE

        networks = [each for each in self.networks.records.all() if each.driver == BRIDGE]
        with contextlib.suppress(OSError):  # without privilege nobody may look
            return obstacles.find(networks)
        return []

    def version(self) -> dict[str, Any]:
        """Versions of the engine, of Python and of the kernel."""
        from runtime.engine import system

        return system.version_document()

    def _surroundings(self, options: Mapping[str, Any]) -> Request:
        return self.containers.surroundings(options)

    def _run_step(
        self,
        snapshot: str,
        program: Process,
        on_output: Callable[[str, bytes], None],
        mounts: tuple[Mount, ...],
        request: Request,
        cancellation: Cancellation | None,
    ) -> Exit:
        return step.run_step(self.root, snapshot, program, on_output, mounts, request, cancellation)


def version() -> str:
    """The installed version of Onggi."""
    from importlib import metadata  # slow to import, and seldom asked

    try:
        return metadata.version("onggi")
    except metadata.PackageNotFoundError:
        return "unknown"


__all__ = ["Engine", "version"]
