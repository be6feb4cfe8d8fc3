"""Images of an engine that is elsewhere: the words of `engine.images`.

What takes long comes as a stream of docker's messages, which are told as the values that our own
pulls and builds tell, so that both look alike on a terminal.

Docker Engine API 1.47, Image
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.api.client.http import Reply, Transport, as_filters, pieces_in, quoted
from runtime.errors import HostLacks, InvalidInput, NotFound, OnggiError

if TYPE_CHECKING:
    from typing import BinaryIO

    from runtime.build.events import Event
    from runtime.registry.progress import Progress, Tell

Summaries = list[dict[str, Any]]
Steps = list[dict[str, Any]]
Removed = list[dict[str, str]]
ImageList = list["RemoteImage"]

LOADED = ("Loaded image: ", "Loaded image ID: ")
PUSH_BEGINS = "The push refers to repository"


class RemoteImage:
    """One image, by the name that was written or its id."""

    def __init__(self, transport: Transport, name: str, tags: Sequence[str] = ()) -> None:
        self._transport = transport
        self._name = name
        self._tags = list(tags)

    @property
    def attrs(self) -> dict[str, Any]:
        """What `docker image inspect` shows. Raises NotFound."""
        found: dict[str, Any] = self._transport.tell("GET", self._path("/json"))
        return found

    @property
    def id(self) -> str:
        """The digest of its configuration."""
        return self._name if self._name.startswith("sha256:") else str(self.attrs["Id"])

    @property
    def tags(self) -> list[str]:
        """The names under which it came in."""
        return list(self._tags)

    def history(self) -> Steps:
        """How it came to be, newest first."""
        return self._transport.tell("GET", self._path("/history")) or []

    def tag(self, name: str, tag: str | None = None) -> bool:
        """Give it one more name."""
        repo, mark = name_and_tag(name, tag)
        self._transport.tell("POST", self._path("/tag"), {"repo": repo, "tag": mark})
        return True

    def _path(self, rest: str) -> str:
        return f"/images/{quoted(self._name, path=True)}{rest}"


class RemoteImages:
    """`engine.images`."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def get(self, name: str) -> RemoteImage:
        """The image of a name or an id. Whether there is one is said when it is asked for
        something.
        """
        if not name:
            raise InvalidInput("invalid image name: value is empty")
        return RemoteImage(self.transport, name)

    def summaries(
        self,
        name: str | None = None,
        all: bool = False,
        filters: Mapping[str, Sequence[str]] | None = None,
    ) -> Summaries:
        """Docker's list of images, the newest first."""
        wanted = {**(filters or {})}
        if name:
            wanted["reference"] = [*wanted.get("reference", ()), name]
        query = {"all": all or None, "filters": as_filters(wanted)}
        found: Summaries = self.transport.tell("GET", "/images/json", query)
        return found

    def remove(self, name: str, force: bool = False, noprune: bool = False) -> Removed:
        """Take the name away; with the last name, the image."""
        query = {"force": force or None, "noprune": noprune or None}
        return self.transport.tell("DELETE", f"/images/{quoted(name, path=True)}", query) or []

    def prune(
        self, all: bool = False, filters: Mapping[str, Sequence[str]] | None = None
    ) -> dict[str, Any]:
        """Docker's answer: ImagesDeleted, SpaceReclaimed."""
        wanted = {**(filters or {}), "dangling": ["false" if all else "true"]}
        query = {"filters": as_filters(wanted)}
        found: dict[str, Any] = self.transport.tell("POST", "/images/prune", query)
        return {**found, "ImagesDeleted": found.get("ImagesDeleted") or []}

    def prune_builds(
        self,
        all: bool = False,
        filters: Mapping[str, Sequence[str]] | None = None,
        keep_bytes: int = 0,
    ) -> dict[str, Any]:
        """Docker's answer: CachesDeleted, SpaceReclaimed."""
        query = {
            "all": all or None,
            "filters": as_filters(filters),
            "keep-storage": keep_bytes or None,
        }
        found: dict[str, Any] = self.transport.tell("POST", "/build/prune", query)
        return {**found, "CachesDeleted": found.get("CachesDeleted") or []}

    def pull(
        self,
        repository: str,
        tag: str | None = None,
        all_tags: bool = False,
        *,
        platform: str | None = None,
        progress: Tell | None = None,
    ) -> None:
        """Have it brought from its registry, with what docker's config.json knows about that."""
        from runtime.oci.reference import Reference

        name = Reference.parse(f"{repository}:{tag}" if tag else repository)
        query = {
            "fromImage": name.familiar_name,
            "tag": None if all_tags else str(name.digest or name.tag),
            "platform": platform or None,
        }
        headers = registry_auth(name.domain)
        reply = self.transport.request("POST", "/images/create", query, headers=headers)
        follow(reply, progress)

    def pull_missing(self, image: str, platform: str | None, progress: Tell | None) -> None:
        """For `run`: say first that it is not there."""
        from runtime.oci.reference import Reference
        from runtime.registry.progress import Progress

        name = Reference.parse(image)
        if progress:
            progress(Progress(f"Unable to find image '{name.familiar}' locally"))
        self.pull(str(name), platform=platform, progress=progress)

    def push(
        self,
        repository: str,
        *,
        all_tags: bool = False,
        compression: str = "gzip",
        progress: Tell | None = None,
    ) -> None:
        """Have it sent to the registry that its name begins with."""
        from runtime.oci.reference import Reference

        if compression != "gzip":
            raise beyond_the_api("--compression")
        name = Reference.parse(repository)
        path = f"/images/{quoted(name.familiar_name, path=True)}/push"
        headers = registry_auth(name.domain) or {"X-Registry-Auth": encoded({})}
        query = {"tag": None if all_tags else name.tag}
        reply = self.transport.request("POST", path, query, headers=headers)
        follow(reply, progress, without=PUSH_BEGINS)

    def save(self, names: str | Iterable[str]) -> Iterator[bytes]:
        """The images as one archive, in pieces."""
        query = {"names": [names] if isinstance(names, str) else [*names]}
        return self.transport.request("GET", "/images/get", query).pieces()

    def load(self, data: bytes | BinaryIO | Path) -> ImageList:
        """The images of an archive."""
        if isinstance(data, Path):
            if data.is_dir():
                raise beyond_the_api("--input DIRECTORY")
            with data.open("rb") as file:
                return self.load(file)
        reply = self.transport.request(
            *("POST", "/images/load", {"quiet": True}),
            body=pieces_in(data),
            headers={"Content-Type": "application/x-tar"},
        )
        found = []
        for text in texts_of(reply):
            for line in text.splitlines():
                for words in LOADED:
                    if line.startswith(words):
                        name = line.removeprefix(words).strip()
                        tags = () if name.startswith("sha256:") else (name,)
                        found.append(RemoteImage(self.transport, name, tags))
        return found

    def import_image(
        self,
        data: bytes | BinaryIO | Path | str,
        repository: str | None = None,
        tag: str | None = None,
        changes: str | Iterable[str] = (),
        message: str = "",
        platform: str | None = None,
    ) -> RemoteImage:
        """An image of one layer, out of a tar, or an address (a str) that the engine fetches."""
        if isinstance(data, Path):
            with data.open("rb") as file:
                return self.import_image(file, repository, tag, changes, message, platform)
        repo, mark = name_and_tag(repository, tag)
        query = {
            "fromSrc": data if isinstance(data, str) else "-",
            "repo": repo,
            "tag": mark,
            "message": message or None,
            "changes": [changes] if isinstance(changes, str) else [*changes],
            "platform": platform or None,
        }
        body = b"" if isinstance(data, str) else pieces_in(data)
        reply = self.transport.request("POST", "/images/create", query, body)
        last = ""
        for message_of_it in messages(reply):
            last = str(message_of_it.get("status", last))
        return RemoteImage(self.transport, last)

    def build(
        self, *, progress: Callable[[Event], None] | None = None, **options: Any
    ) -> tuple[RemoteImage, list[Event]]:
        """Send the context and have it built there: see `client.build`."""
        from runtime.api.client.build import build

        image_id, events = build(self.transport, options, progress)
        return RemoteImage(self.transport, image_id), events

    def bootstrap(self, **_: Any) -> ImageList:
        """Base images are made of the engine's own host's files: there, and not from here."""
        raise beyond_the_api("image bootstrap")


def beyond_the_api(feature: str) -> OnggiError:
    """The error for what docker's API has no words for."""
    return HostLacks(
        "an engine elsewhere cannot be asked for this: {feature}",
        feature=feature,
        evidence="Docker Engine API 1.47",
        hint="do it on the engine's own host, without --host",
    )


def name_and_tag(repository: str | None, tag: str | None = None) -> tuple[str | None, str | None]:
    """A new name as the API takes it; None and None for none. Raises InvalidReference."""
    if not repository:
        return None, None
    from runtime.oci.reference import Reference

    name = Reference.parse(f"{repository}:{tag}" if tag else repository)
    return name.familiar_name, name.tag


def registry_auth(domain: str) -> dict[str, str]:
    """The header with what docker's config.json knows for a registry; none if it knows nothing."""
    from runtime.registry.credentials import CredentialFile, key_of

    known = CredentialFile().find(domain)
    if known is None:
        return {}
    return {
        "X-Registry-Auth": encoded(
            {
                "username": known.username,
                "password": known.password,
                "identitytoken": known.identity_token,
                "serveraddress": key_of(domain),
            }
        )
    }


def encoded(document: Mapping[str, Any]) -> str:
    """JSON in base64's alphabet for addresses. RFC 4648, 5"""
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode()


def messages(reply: Reply) -> Iterator[dict[str, Any]]:
    """Docker's JSON messages, one after the other. Raises OnggiError for one that tells an error,
    NotFound where that is that something is not there.
    """
    for message in reply.documents():
        if not isinstance(message, dict):
            raise OnggiError(
                "the engine's answer is not what docker's API says: {text}", text=str(message)[:200]
            )
        if "error" in message or "errorDetail" in message:
            detail = message.get("errorDetail") or {}
            text = str(detail.get("message") or message.get("error"))
            if "not found" in text or "does not exist" in text:
                raise NotFound("Error response from daemon: {message}", message=text)
            raise OnggiError("Error response from daemon: {message}", message=text)
        yield message


def texts_of(reply: Reply) -> Iterator[str]:
    """What the messages of a stream say in words."""
    for message in messages(reply):
        if text := message.get("stream"):
            yield str(text)


def follow(reply: Reply, tell: Tell | None, *, without: str = "") -> None:
    """Tell how far an image is, to its end; not what the command has said itself."""
    for message in messages(reply):
        is_said = without and str(message.get("status", "")).startswith(without)
        if tell and not is_said:
            tell(_as_progress(message))


def _as_progress(message: Mapping[str, Any]) -> Progress:
    from runtime.registry.progress import Progress

    detail = message.get("progressDetail") or {}
    return Progress(
        str(message.get("status", "")),
        str(message.get("id", "")),
        int(detail.get("current") or 0),
        int(detail.get("total") or 0),
    )
