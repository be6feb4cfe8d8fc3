"""All containers of an engine that is elsewhere: the words of `engine.containers`.

Rule: `onggi --host … ps` loads this file and no more of the client than the way there; what one
container can do stands in container.py, and is loaded by who needs it.

Docker Engine API 1.47, Container
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.api.client.http import Transport, as_filters, quoted
from runtime.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from runtime.api.client.container import RemoteContainer
    from runtime.registry.progress import Tell

Summaries = list[dict[str, Any]]
ContainerList = list["RemoteContainer"]


class RemoteContainers:
    """`engine.containers`."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def get(self, name: str) -> RemoteContainer:
        """The container of a name or an id. Whether there is one is said when it is asked for
        something. Raises InvalidInput for what can be no name.
        """
        from runtime.api.client.container import RemoteContainer

        if not name.strip("/"):
            raise InvalidInput("invalid container name or ID: value is empty")
        return RemoteContainer(self.transport, name.removeprefix("/"))

    def summaries(
        self,
        *,
        all: bool = False,
        filters: Mapping[str, Sequence[str]] | None = None,
        limit: int | None = None,
        size: bool = False,
    ) -> Summaries:
        """Docker's list of containers, the newest first."""
        query = {
            "all": all or None,
            "limit": limit if limit is not None and limit > 0 else None,
            "size": size or None,
            "filters": as_filters(filters),
        }
        found: Summaries = self.transport.tell("GET", "/containers/json", query)
        return found

    def list(self, all: bool = False) -> ContainerList:
        """Those that run, or all."""
        from runtime.api.client.container import RemoteContainer

        return [
            RemoteContainer(self.transport, each["Id"], summary=each)
            for each in self.summaries(all=all)
        ]

    def create(
        self,
        image: str,
        command: Sequence[str] | None = None,
        *,
        name: str | None = None,
        platform: str | None = None,
        pull: str | None = None,
        progress: Tell | None = None,
        **options: Any,
    ) -> RemoteContainer:
        """A container that does not run yet. An image that is missing there is pulled there."""
        from runtime.api.client.container import RemoteContainer, notices_in
        from runtime.api.client.creation import body_of, more_networks
        from runtime.api.client.images import RemoteImages

        images, version = RemoteImages(self.transport), self.transport.version
        body = body_of(image, command, options, version)
        query = {"name": name or None, "platform": platform or None}
        if pull == "always":
            images.pull(image, platform=platform, progress=progress)
        try:
            answer = self.transport.tell("POST", "/containers/create", query, document=body)
        except NotFound as error:
            if pull == "never" or "o such image" not in str(error):
                raise
            images.pull_missing(image, platform, progress)
            answer = self.transport.tell("POST", "/containers/create", query, document=body)
        container = RemoteContainer(self.transport, answer["Id"])
        container.notices = notices_in(answer)
        for network, settings in more_networks(options, version):
            joined = {"Container": container.id, "EndpointConfig": settings}
            self.transport.tell("POST", f"/networks/{quoted(network)}/connect", document=joined)
        return container

    def prune(self, filters: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
        """Docker's answer: ContainersDeleted, SpaceReclaimed."""
        query = {"filters": as_filters(filters)}
        found: dict[str, Any] = self.transport.tell("POST", "/containers/prune", query)
        return {**found, "ContainersDeleted": found.get("ContainersDeleted") or []}
