"""An engine that is elsewhere, in the words of our own: whatever speaks Docker's API.

    engine = RemoteEngine(parse_address("unix:///run/docker.sock"))
    engine.containers.get("web").stop()

The command line takes one or the other (`cli/connection.py`) and does not ask which. Only what its
commands need is here; who writes Python for a docker elsewhere has docker's own SDK.

Docker Engine API 1.47
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.api.client.containers import RemoteContainers
from runtime.api.client.http import Transport, as_filters, as_moment

if TYPE_CHECKING:
    from runtime.api.client.address import Address
    from runtime.api.client.images import RemoteImages
    from runtime.api.client.objects import RemoteNetworks, RemoteVolumes
    from runtime.registry.credentials import Credential


class RemoteEngine:
    """Images, containers, networks and volumes at an address."""

    def __init__(self, address: Address) -> None:
        self.transport = Transport(address)

    @property
    def containers(self) -> RemoteContainers:
        """The containers there."""
        return RemoteContainers(self.transport)

    @property
    def images(self) -> RemoteImages:
        """The images there."""
        from runtime.api.client.images import RemoteImages

        return RemoteImages(self.transport)

    @property
    def networks(self) -> RemoteNetworks:
        """The networks there."""
        from runtime.api.client.objects import RemoteNetworks

        return RemoteNetworks(self.transport)

    @property
    def volumes(self) -> RemoteVolumes:
        """The volumes there."""
        from runtime.api.client.objects import RemoteVolumes

        return RemoteVolumes(self.transport)

    def info(self) -> dict[str, Any]:
        """The host and what is on it: docker's SystemInfo."""
        found: dict[str, Any] = self.transport.tell("GET", "/info")
        return found

    def version(self) -> dict[str, Any]:
        """Docker's SystemVersion."""
        found: dict[str, Any] = self.transport.tell("GET", "/version")
        return found

    def df(self) -> dict[str, Any]:
        """Docker's SystemDataUsage; members that are none are empty lists."""
        found: dict[str, Any] = self.transport.tell("GET", "/system/df")
        lists = ("Images", "Containers", "Volumes", "BuildCache")
        return {**found, **{name: found.get(name) or [] for name in lists}}

    def reclaimable_bytes(self, usage: Mapping[str, Any]) -> int:
        """What of the images in `usage`, an answer of `df`, no container needs, counted as docker's
        client does.
        """
        used = sum(
            int(image["Size"]) - int(image["SharedSize"])
            for image in usage["Images"]
            if image.get("Containers") and image["SharedSize"] >= 0
        )
        return int(usage.get("LayersSize") or 0) - used

    def events(
        self,
        since: Any = None,
        until: Any = None,
        filters: Mapping[str, Sequence[str]] | None = None,
        decode: bool = False,
    ) -> Iterator[Any]:
        """What happens there, as bytes or with `decode` as dicts."""
        query = {
            "since": as_moment(since),
            "until": as_moment(until),
            "filters": as_filters(filters),
        }
        reply = self.transport.request("GET", "/events", query)
        if decode:
            return reply.documents()
        return (json.dumps(event).encode() + b"\n" for event in reply.documents())

    def sign_in(self, host: str, credential: Credential) -> str:
        """Have it ask a registry whether it takes this, and keep here what it is to be shown from
        now on; returns where it is kept.
        """
        from runtime.registry.credentials import Credential, CredentialFile, key_of

        body = {
            "username": credential.username,
            "password": credential.password,
            "identitytoken": credential.identity_token,
            "serveraddress": key_of(host),
        }
        answer = self.transport.tell("POST", "/auth", document=body) or {}
        token = str(answer.get("IdentityToken") or "")
        kept = Credential(credential.username, "", token) if token else credential
        return CredentialFile().keep(host, kept)

    def prune(
        self,
        all: bool = False,
        filters: Mapping[str, Sequence[str]] | None = None,
        volumes: bool = False,
    ) -> dict[str, Any]:
        """Containers, volumes, images and what builds left, one after the other, as docker's
        client does it.
        """
        answers = [self.containers.prune(filters)]
        if volumes:
            answers.append(self.volumes.prune(filters))
        answers.append(self.images.prune(all=all, filters=filters))
        answers.append(self.images.prune_builds(all=all, filters=filters))
        freed = sum(int(answer.get("SpaceReclaimed") or 0) for answer in answers)
        return {key: value for answer in answers for key, value in answer.items()} | {
            "SpaceReclaimed": freed
        }
