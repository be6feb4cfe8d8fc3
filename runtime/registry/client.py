"""The client: a registry, and one of its repositories as an end that blobs are copied from or to.

    Registry     one host: how to reach it, who we are to it, what it refuses and why
    Repository   manifests by name, blobs by digest; `content.copy` moves blobs in and out

What comes from there is not believed: manifests have a limit and the type and digest they were
asked by, blobs go to a sink that checks them. Where an answer leads elsewhere, our credentials do
not go along. Requests that may be repeated are, when a connection breaks or the answer is "later".

Rule: this file knows no images and keeps nothing.
distribution-spec 1.1: spec.md
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Self, TypeVar, cast
from urllib.parse import urlencode, urljoin, urlsplit

from runtime.content.copy import Patience, persist
from runtime.errors import CutOff, IntegrityError, NotFound, RegistryError
from runtime.oci.descriptor import Descriptor
from runtime.oci.digest import Digest
from runtime.oci.document import Document
from runtime.oci.reference import DEFAULT_DOMAIN
from runtime.registry import messages
from runtime.registry.auth import Authenticator, Scopes
from runtime.registry.credentials import Credential
from runtime.registry.messages import ContentRange, parse_refusals
from runtime.registry.transport import (
    ERROR_BODY_BYTES,
    LATER,
    Answer,
    PlainPeer,
    Transport,
)

HUB_HOST = "registry-1.docker.io"
"""Where the images of docker.io really are."""

REDIRECTS_LIMIT = 5
_LIST_BYTES = 8 << 20
_PAGES_LIMIT = 1000

_T = TypeVar("_T")


class Registry:
    """One registry, `host` as image names have it (`docker.io`, `registry.example:5000`), or a
    `mirror` of it by its address. What is cut off is tried `tries` times.
    """

    def __init__(
        self,
        host: str,
        transport: Transport,
        credential: Credential | None = None,
        tries: int = 6,
        mirror: str = "",
    ) -> None:
        self.host = host
        self._tries = tries
        self._mirror = mirror
        self.transport = transport
        self._credential = credential
        self._base = ""
        self._connecting = threading.Lock()
        self._authenticator: Authenticator | None = None

    def connect(self) -> None:
        """Find out how it is reached. Raises RegistryError, CutOff."""
        with self._connecting:
            if not self._base:
                self._base = self._reach()

    def sign_in(self) -> None:
        """See whether our credentials are good. Raises RegistryError (UNAUTHORIZED)."""
        self.connect()
        with self.ask("GET", messages.API, frozenset()) as answer:
            if answer.status == 401:
                raise RegistryError(
                    "{host} does not take this name with this password: status {status}",
                    host=self.host,
                    code="UNAUTHORIZED",
                    status=answer.status,
                )
            if answer.status != 200:
                raise self.refusal(answer, "GET", messages.API)

    def persist(self, act: Callable[[], _T]) -> _T:
        """Try until an answer comes, within reason."""
        return persist(act, self.patience())

    def patience(self) -> Patience:
        """A new one, which ends when the transport is closed."""
        return Patience(self.transport.wait, self._tries)

    @contextlib.contextmanager
    def ask(
        self,
        method: str,
        address: str,
        scopes: Scopes,
        headers: Mapping[str, str] | None = None,
        body: bytes | IO[bytes] | None = None,
    ) -> Iterator[Answer]:
        """The answer to a request that needs a token for `scopes`, whatever its status; a GET or
        HEAD is led on to where it is sent. `address` is a path, or what the registry has named.

        Raises CutOff, RegistryError.
        """
        self.connect()
        assert self._authenticator is not None
        before, address = self._base, urljoin(self._base, address)
        hops, may_learn = 0, True
        while True:
            own = {}
            if _origin(address) == self._base:  # nobody else gets to see who we are
                own = self._authenticator.headers(scopes)
            is_public = address != before and self.transport.is_public(before)
            with self.transport.ask(
                method,
                address,
                {**(headers or {}), **own},
                body,
                public_only=is_public and _origin(address) != self._base,
            ) as answer:
                sent = own.get("Authorization", "")
                if answer.status == 401 and may_learn and _origin(address) == self._base:
                    may_learn = not self._authenticator.learn(answer, scopes, sent)
                    if not may_learn and isinstance(body, io.IOBase):
                        raise CutOff("{host} wants to know who is there", host=self.host)
                    if not may_learn:
                        continue
                target = answer.redirected if method in ("GET", "HEAD") else None
                if target is None:
                    yield answer
                    return
                before, address, hops = address, target, hops + 1
                if hops > REDIRECTS_LIMIT:
                    raise RegistryError(
                        "{host} leads from one place to the next without an end", host=self.host
                    )

    def refusal(self, answer: Answer, method: str, what: str) -> RegistryError:
        """An answer that nobody wanted, as an error; CutOff where it only means "not now"."""
        said = parse_refusals(_short(answer))
        code = said[0].code[:60] if said else ""
        reason = ": ".join(filter(None, (said[0].code, said[0].message)))[:300] if said else ""
        if answer.status in LATER:
            return CutOff(
                "{host} cannot answer now: status {status} {reason}",
                host=self.host,
                reason=reason,
                code=code,
                status=answer.status,
                wait_s=answer.wait_s,
            )
        if answer.status in (401, 403):
            return RegistryError(
                "{host} refuses access to {what}",
                hint="log in, or with another name: onggi login {host}",
                host=self.host,
                what=what,
                code=code or ("UNAUTHORIZED" if answer.status == 401 else "DENIED"),
                status=answer.status,
            )
        return RegistryError(
            "{host} answers {method} {what} with status {status} {reason}",
            host=self.host,
            method=method,
            what=what,
            reason=reason,
            code=code,
            status=answer.status,
        )

    def _reach(self) -> str:
        if self._mirror:
            self.persist(lambda: self._greet(self._mirror))
            return self._mirror
        address = HUB_HOST if self.host == DEFAULT_DOMAIN else self.host
        *first, last = (f"{each}://{address}" for each in self.transport.trust.schemes(address))
        for base in first:
            with contextlib.suppress(PlainPeer, CutOff):  # it may be there by plain HTTP
                self._greet(base)
                return base
        self.persist(lambda: self._greet(last))
        return last

    def _greet(self, base: str) -> None:
        """GET /v2/: is there somebody, and what does he want to see?"""
        authenticator = Authenticator(self.transport, base, self._credential)
        with self.transport.ask("GET", base + messages.API) as answer:
            if answer.status == 401:
                authenticator.learn(answer, frozenset(), "")
            elif answer.status != 200:
                raise self.refusal(answer, "GET", messages.API)
        self._authenticator = authenticator


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest or index as it came: `data` has this digest, and is of this type."""

    media_type: str
    digest: Digest
    data: bytes

    @property
    def descriptor(self) -> Descriptor:
        """What points at it."""
        return Descriptor(self.media_type, self.digest, len(self.data))


class Repository:
    """The images called `name` in a registry. It is a Source and a Sink of `content.copy`."""

    def __init__(self, registry: Registry, name: str, *actions: str) -> None:
        self.registry = registry
        self.name = name
        self.scopes = frozenset({messages.scope(name, *actions)})

    def fetch(self, reference: str, expected: Descriptor | None = None) -> Fetched:
        """The manifest or index of a tag or digest; of exactly this type and size if `expected`.

        Raises NotFound, IntegrityError, RegistryError.
        """
        return self.registry.persist(lambda: self._fetch(reference, expected))

    def has(self, digest: Digest) -> bool:
        """Whether the repository has this blob."""

        def look() -> bool:
            path = messages.blob_path(self.name, digest)
            with self.asked("HEAD", path, (200, 404)) as answer:
                return answer.status == 200

        return self.registry.persist(look)

    def tags(self) -> list[str]:
        """All tags, in the registry's order. Raises NotFound."""
        found: list[str] = []
        path: str | None = messages.tags_path(self.name)
        for _ in range(_PAGES_LIMIT):
            if path is None:
                break
            with self.asked("GET", path, (200, 404)) as answer:
                if answer.status == 404:
                    raise NotFound(
                        "{host} has no repository {name}", host=self.registry.host, name=self.name
                    )
                body = Document.parse(answer.read(_LIST_BYTES), "tags")
                found += body.texts("tags") or ()
                path = messages.parse_next(answer.header("Link"))
        return [*dict.fromkeys(map(messages.checked_tag, found))]

    def put(self, reference: str, media_type: str, data: bytes) -> None:
        """Give the registry a manifest, whose parts it has already. Raises RegistryError."""
        path = messages.manifest_path(self.name, reference)

        def put() -> None:
            with self.asked("PUT", path, (200, 201, 202), {"Content-Type": media_type}, data):
                pass

        self.registry.persist(put)

    def pieces(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        """See `content.copy.Source`. A registry that cannot begin in the middle sends all of it;
        what is here already is passed over.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        path = messages.blob_path(self.name, blob.digest)
        with self.asked("GET", path, (200, 206), headers) as answer:
            first = 0
            if answer.status == 206:
                part = ContentRange.parse(answer.header("Content-Range"))
                first = part.first if part else offset + 1
            if first > offset or (answer.length or blob.size) > blob.size - first:
                raise IntegrityError(
                    "{host} offers other bytes of {digest} than those that were asked for",
                    expected=str(blob.size - offset),
                    actual=str(answer.length),
                    host=self.registry.host,
                    digest=blob.digest,
                )
            passed_over = offset - first
            for piece in answer.pieces():
                if passed_over >= len(piece):
                    passed_over -= len(piece)
                    continue
                yield piece[passed_over:] if passed_over else piece
                passed_over = 0

    def intake(self, blob: Descriptor) -> Upload:
        """See `content.copy.Sink`."""
        return Upload(self, blob)

    def mount(self, blob: Descriptor, source: str) -> Upload | None:
        """Let the registry take the blob over from its repository `source`, without sending it:
        None if that is done. Else the upload that the registry has begun instead.
        """
        scopes = self.scopes | {messages.scope(source, "pull")}
        query = urlencode({"mount": blob.digest, "from": source})
        path = f"{messages.uploads_path(self.name)}?{query}"
        with self.registry.ask("POST", path, scopes, {"Content-Length": "0"}) as answer:
            if answer.status == 201:
                return None
            upload = Upload(self, blob)
            if answer.status == 202:
                upload.begun(answer)
            return upload

    @contextlib.contextmanager
    def asked(
        self,
        method: str,
        address: str,
        good: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: bytes | IO[bytes] | None = None,
    ) -> Iterator[Answer]:
        """An answer with one of the statuses in `good`. Raises RegistryError for others."""
        with self.registry.ask(method, address, self.scopes, headers, body) as answer:
            if answer.status not in good:
                raise self.registry.refusal(answer, method, self.name)
            yield answer

    def _fetch(self, reference: str, expected: Descriptor | None) -> Fetched:
        path = messages.manifest_path(self.name, reference)
        with self.asked("GET", path, (200, 404), _accept()) as answer:
            if answer.status == 404:
                raise NotFound(
                    "manifest for {name} not found: {host} does not know it",
                    name=f"{self.name}{'@' if ':' in reference else ':'}{reference}",
                    host=self.registry.host,
                )
            media_type = answer.header("Content-Type").partition(";")[0].strip()
            if media_type not in messages.MANIFEST_TYPES or (
                expected and expected.media_type != media_type
            ):
                raise RegistryError(
                    "{host} sends {media_type!r} where a manifest of an image is expected",
                    host=self.registry.host,
                    media_type=media_type[:100],
                    code="MANIFEST_INVALID",
                )
            data = answer.read(messages.MANIFEST_LIMIT_BYTES)
            said = answer.header(messages.CONTENT_DIGEST)
        wanted = reference if ":" in reference else said
        digest = Digest.of_kind("sha512" if wanted.startswith("sha512:") else "sha256", data)
        if (wanted and digest != wanted) or (expected and expected.size != len(data)):
            raise IntegrityError(
                "the bytes received are not those of {expected}: they are {actual}",
                expected=wanted[:200],
                actual=digest,
            )
        return Fetched(media_type, digest, data)


class Upload:
    """One blob on its way to a registry: begun by POST, sent by PATCH, finished by PUT. After a
    cut GET says how much has arrived; docker's own registry (2.8) rather forgets an upload that
    was cut within a PATCH, and it is begun again. An `Intake` of `content.copy`.
    """

    def __init__(self, repository: Repository, blob: Descriptor) -> None:
        self._repository = repository
        self._blob = blob
        self._location = ""  # "": not begun, or the registry has forgotten it
        self._received: int | None = 0  # None: ask
        self._was_lost = False
        self._was_corrected = False
        self._done = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._location and not self._done:
            delete = self._repository.asked("DELETE", self._location, (204, 404))
            with contextlib.suppress(RegistryError), delete:
                pass

    def begun(self, answer: Answer) -> None:
        """The registry has told where to send what comes next."""
        location = answer.header("Location")
        if not location:
            raise RegistryError(
                "{host} does not say where to send a blob to", host=self._repository.registry.host
            )
        self._location = self._repository.registry.transport.allowed(location, answer.address)

    def received(self) -> int:
        """See `content.copy.Intake`."""
        if not self._location and self._was_lost and self._repository.has(self._blob.digest):
            self._done = True  # whoever is cut off while it is finished finds the blob there
        if self._done:
            return self._blob.size
        if not self._location:
            path = messages.uploads_path(self._repository.name)
            with self._repository.asked("POST", path, (202,), {"Content-Length": "0"}) as answer:
                self.begun(answer)
            self._received = 0
        elif self._received is None:
            with self._repository.asked("GET", self._location, (204, 404)) as answer:
                if answer.status == 404:
                    raise self._lost()
                self.begun(answer)
                self._received = messages.parse_received(answer.header("Range"))
        return self._received or 0

    def take(self, pieces: Iterable[bytes], offset: int) -> None:
        """See `content.copy.Intake`."""
        left = self._blob.size - offset
        headers = {"Content-Type": messages.BLOB_TYPE, "Content-Length": str(left)}
        if left:
            headers["Content-Range"] = f"{offset}-{self._blob.size - 1}"
        self._received = None  # until we hear how it went
        body = cast(IO[bytes], _Body(pieces))
        good = (202, 404, 416)
        with self._repository.asked("PATCH", self._location, good, headers, body) as answer:
            if answer.status == 416 and not self._was_corrected:
                raise self._corrected()
            if answer.status != 202:
                raise self._lost()
            self.begun(answer)
        self._received = self._blob.size
        self._was_corrected = False

    def commit(self) -> None:
        """See `content.copy.Intake`."""
        if self._done:
            return
        mark = "&" if urlsplit(self._location).query else "?"
        address = f"{self._location}{mark}{urlencode({'digest': self._blob.digest})}"
        self._received = None
        headers = {"Content-Length": "0", "Content-Type": messages.BLOB_TYPE}
        with self._repository.asked("PUT", address, (201, 204, 404, 416), headers) as answer:
            if answer.status in (404, 416):
                raise self._lost()
        self._done = True

    def _corrected(self) -> CutOff:
        """More has arrived than the registry said: by the connection that broke, after we asked.
        Ask again; whoever says the same twice means something else.
        """
        self._was_corrected = True
        return CutOff(
            "{host} had more of an upload than it said", host=self._repository.registry.host
        )

    def _lost(self) -> CutOff:
        """The registry has forgotten the upload, or has other bytes than we think: begin again."""
        self._location, self._received = "", 0
        self._was_lost, self._was_corrected = True, False
        return CutOff("{host} has lost an upload", host=self._repository.registry.host)


class _Body(io.RawIOBase):
    """Pieces as the body of a request, read as they are."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return next(self._pieces, b"")


def _accept() -> dict[str, str]:
    return {"Accept": ", ".join(messages.MANIFEST_TYPES)}


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _short(answer: Answer) -> bytes:
    """The body of a refusal, as much of it as anybody reads."""
    data = b""
    with contextlib.suppress(RegistryError):
        for piece in answer.pieces():
            data += piece
            if len(data) > ERROR_BODY_BYTES:
                break
    return data
