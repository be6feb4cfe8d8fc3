"""What a registry and its client say to each other, as values: the words of the protocol.

    request line      /v2/team/app/blobs/uploads/a1b2   ⇄ Route
    WWW-Authenticate  Bearer realm="https://…",service="…",scope="…"   ⇄ Challenge
    Range             bytes=100-, bytes=0-99            ⇄ ByteRange
    Content-Range     bytes 100-199/200                 ⇄ ContentRange
    Link              </v2/_catalog?n=10&last=app>; rel="next"
    body of a refusal {"errors": [{"code": "MANIFEST_UNKNOWN", …}]}    ⇄ Refusal

The client and the server are both made of these, so that one cannot drift from the other. What
the other side has sent is read strictly or not at all: nothing here guesses.

Rule: pure. No socket, no clock, no disk.
distribution-spec 1.1: spec.md; RFC 9110 (11.6.1, 14); RFC 8288 (Link)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from runtime.errors import InvalidInput, RegistryError
from runtime.oci.descriptor import DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST
from runtime.oci.digest import Digest

API = "/v2/"
"""Where everything begins. A registry that answers here with 200 speaks this protocol."""

MANIFEST_LIMIT_BYTES = 4 << 20
"""The largest manifest that everybody takes: spec.md, "Pushing Manifests"."""

MANIFEST_TYPES = (INDEX, MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST)
"""What an Accept header of ours lists."""

BLOB_TYPE = "application/octet-stream"
ERROR_TYPE = "application/json"

# Headers that HTTP itself does not have.
CONTENT_DIGEST = "Docker-Content-Digest"
UPLOAD_ID = "Docker-Upload-UUID"
API_VERSION = "Docker-Distribution-API-Version"
API_VERSION_2 = "registry/2.0"
CHUNK_LEAST = "OCI-Chunk-Min-Length"
SUBJECT = "OCI-Subject"
FILTERS_APPLIED = "OCI-Filters-Applied"

_NAME = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII
)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
_UPLOAD = re.compile(r"[A-Za-z0-9_=-]{1,128}", re.ASCII)
_LONGEST_NAME = 255


# ── Paths ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Route:
    """What a path means. `kind` is one of

        api        /v2/
        catalog    /v2/_catalog
        manifest   /v2/<name>/manifests/<reference>
        blob       /v2/<name>/blobs/<reference>
        uploads    /v2/<name>/blobs/uploads/
        upload     /v2/<name>/blobs/uploads/<reference>
        tags       /v2/<name>/tags/list
        referrers  /v2/<name>/referrers/<reference>

    `reference` is as it was written: a tag or digest, a digest, or an upload's id.
    """

    kind: str
    name: str = ""
    reference: str = ""

    @property
    def digest(self) -> Digest | None:
        """The reference as a digest; None if it is a tag or an upload's id."""
        return Digest(self.reference) if ":" in self.reference else None


def parse_route(path: str) -> Route:
    """What a request's path means; it may still be percent-encoded.

    Raises RegistryError: NAME_INVALID, DIGEST_INVALID, TAG_INVALID, BLOB_UPLOAD_UNKNOWN, or
    UNSUPPORTED for a path that no route has.
    """
    path = unquote(path)
    if path.rstrip("/") == API.rstrip("/"):
        return Route("api")
    match path.removeprefix(API).split("/") if path.startswith(API) else []:
        case ["_catalog"]:
            return Route("catalog")
        case [*name, "tags", "list"]:
            return Route("tags", checked_name("/".join(name)))
        case [*name, "blobs", "uploads", ""] | [*name, "blobs", "uploads"]:
            return Route("uploads", checked_name("/".join(name)))
        case [*name, "blobs", "uploads", upload]:
            return Route("upload", checked_name("/".join(name)), _checked_upload(upload))
        case [*name, "blobs", digest]:
            return Route("blob", checked_name("/".join(name)), checked_digest(digest))
        case [*name, "referrers", digest]:
            return Route("referrers", checked_name("/".join(name)), checked_digest(digest))
        case [*name, "manifests", reference] if ":" in reference:
            return Route("manifest", checked_name("/".join(name)), checked_digest(reference))
        case [*name, "manifests", reference]:
            return Route("manifest", checked_name("/".join(name)), checked_tag(reference))
    raise _refused("UNSUPPORTED", path)


def checked_name(name: str) -> str:
    """A repository's name. Raises RegistryError (NAME_INVALID)."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise _refused("NAME_INVALID", name)
    return name


def checked_tag(tag: str) -> str:
    """Raises RegistryError (TAG_INVALID)."""
    if not _TAG.fullmatch(tag):
        raise _refused("TAG_INVALID", tag)
    return tag


def checked_digest(digest: str) -> str:
    """Raises RegistryError (DIGEST_INVALID)."""
    try:
        return Digest(digest)
    except InvalidInput as cause:
        raise _refused("DIGEST_INVALID", digest) from cause


def _checked_upload(upload: str) -> str:
    if not _UPLOAD.fullmatch(upload):
        raise _refused("BLOB_UPLOAD_UNKNOWN", upload)
    return upload


def _refused(code: str, text: str) -> RegistryError:
    return RegistryError("{code}: {text!r}", code=code, status=STATUS[code], text=text[:300])


def manifest_path(name: str, reference: str) -> str:
    """`reference` is a tag or a digest."""
    return f"{API}{name}/manifests/{reference}"


def blob_path(name: str, digest: str) -> str:
    """Where a blob is."""
    return f"{API}{name}/blobs/{digest}"


def uploads_path(name: str, upload: str = "") -> str:
    """Where uploads begin, or where the one called `upload` goes on."""
    return f"{API}{name}/blobs/uploads/{upload}"


def tags_path(name: str) -> str:
    """Where a repository's tags are listed."""
    return f"{API}{name}/tags/list"


def referrers_path(name: str, digest: str) -> str:
    """Where those manifests are listed whose subject is `digest`."""
    return f"{API}{name}/referrers/{digest}"


CATALOG_PATH = API + "_catalog"


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────

STATUS: Mapping[str, int] = {
    "BLOB_UNKNOWN": 404,
    "BLOB_UPLOAD_INVALID": 400,
    "BLOB_UPLOAD_UNKNOWN": 404,
    "DIGEST_INVALID": 400,
    "MANIFEST_BLOB_UNKNOWN": 404,
    "MANIFEST_INVALID": 400,
    "MANIFEST_UNKNOWN": 404,
    "NAME_INVALID": 400,
    "NAME_UNKNOWN": 404,
    "PAGINATION_NUMBER_INVALID": 400,
    "RANGE_INVALID": 416,
    "SIZE_INVALID": 400,
    "TAG_INVALID": 400,
    "UNAUTHORIZED": 401,
    "DENIED": 403,
    "UNSUPPORTED": 405,
    "TOOMANYREQUESTS": 429,
    "UNKNOWN": 500,
    "UNAVAILABLE": 503,
}
"""Every code of the specification and of docker's registry, with its HTTP status."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One entry of an error body. `detail` is anything that JSON can hold."""

    code: str
    message: str = ""
    detail: Any = None

    def to_bytes(self) -> bytes:
        """The whole body of an answer that says nothing else."""
        entry = {"code": self.code, "message": self.message}
        if self.detail is not None:
            entry["detail"] = self.detail
        return json.dumps({"errors": [entry]}, ensure_ascii=False).encode() + b"\n"


def parse_refusals(body: bytes) -> tuple[Refusal, ...]:
    """What an error body says; () for a body that is none: a proxy may have answered."""
    try:
        entries = json.loads(body)["errors"]
        return tuple(
            Refusal(str(each["code"]), str(each.get("message") or ""), each.get("detail"))
            for each in entries
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


# ── Challenges ───────────────────────────────────────────────────────────────────────────────────

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (RFC 9110's word for a word)
_PARAMETER = re.compile(rf'\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*(?:,|$)')
_SCHEME = re.compile(rf"\s*,*\s*({_TOKEN})(?:\s+|\s*,|$)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry wants to see before it answers: `scheme` is "basic" or "bearer"."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> str:
        """Of a Bearer challenge: the address of the token server."""
        return self.parameters.get("realm", "")

    @property
    def service(self) -> str:
        """How the registry calls itself to its token server."""
        return self.parameters.get("service", "")

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the token must permit: `repository:team/app:pull,push`."""
        return tuple(self.parameters.get("scope", "").split())

    def __str__(self) -> str:
        """The header's value."""
        pairs = (f"{name}={_quoted(value)}" for name, value in self.parameters.items())
        return f"{self.scheme.capitalize()} {','.join(pairs)}".rstrip()


def parse_challenges(headers: Sequence[str]) -> tuple[Challenge, ...]:
    """The challenges of all WWW-Authenticate headers, in their order; what cannot be read ends
    its header. RFC 9110, 11.6.1: one header may hold several.
    """
    return tuple(each for header in headers for each in _challenges(header))


def _challenges(header: str) -> Iterator[Challenge]:
    at = 0
    while found := _SCHEME.match(header, at):
        at = found.end()
        parameters = {}
        while pair := _PARAMETER.match(header, at):
            at = pair.end()
            quoted = pair[2]
            value = pair[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters[pair[1].lower()] = value
        yield Challenge(found[1].lower(), parameters)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def scope(name: str, *actions: str) -> str:
    """What a token for repository `name` is to permit: `pull`, `push`, `delete`."""
    return f"repository:{name}:{','.join(actions)}"


# ── Ranges ───────────────────────────────────────────────────────────────────────────────────────

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)
_CONTENT_RANGE = re.compile(
    r"\s*(?:bytes[ =])?\s*(\d{1,18})-(\d{1,18})(?:/(\d{1,18}|\*))?\s*", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A Range header of a request for a blob. `last` is inclusive; None is: to the end. `first`
    None is: the last `last` bytes.
    """

    first: int | None
    last: int | None

    @classmethod
    def parse(cls, header: str) -> ByteRange | None:
        """None for what RFC 9110 says to ignore: several ranges, another unit, nonsense."""
        found = _RANGE.fullmatch(header)
        if found is None or (not found[1] and not found[2]):
            return None
        first, last = (int(text) if text else None for text in found.groups())
        if first is not None and last is not None and last < first:
            return None
        return cls(first, last)

    def within(self, size: int) -> ContentRange | None:
        """The bytes that are meant of a blob of `size`; None: 416, there are none of them."""
        if self.first is None:
            first, last = max(size - (self.last or 0), 0), size - 1
        else:
            first, last = self.first, size - 1 if self.last is None else min(self.last, size - 1)
        return ContentRange(first, last, size) if first <= last else None

    def __str__(self) -> str:
        """The header's value."""
        ends = ("" if end is None else str(end) for end in (self.first, self.last))
        return f"bytes={'-'.join(ends)}"


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Which bytes a body is: `first` to `last`, inclusive, of `size` (None: nobody says).

    HTTP writes `bytes 0-99/200` (str). The distribution protocol writes `0-99` for the chunk of
    an upload (`plain`), and in an upload's Range header for what has arrived.
    """

    first: int
    last: int
    size: int | None = None

    @classmethod
    def parse(cls, header: str) -> ContentRange | None:
        """Reads both ways of writing; None for what is neither, or goes backwards."""
        found = _CONTENT_RANGE.fullmatch(header)
        if found is None:
            return None
        size = int(found[3]) if found[3] and found[3] != "*" else None
        first, last = int(found[1]), int(found[2])
        if last < first or (size is not None and last >= size):
            return None
        return cls(first, last, size)

    @property
    def length(self) -> int:
        """How many bytes it is."""
        return self.last - self.first + 1

    @property
    def plain(self) -> str:
        """As the protocol of uploads writes it."""
        return f"{self.first}-{self.last}"

    def __str__(self) -> str:
        return f"bytes {self.plain}/{'*' if self.size is None else self.size}"


def received_range(count: int) -> str:
    """The Range header of an upload of which `count` bytes have arrived. None and one byte look
    the same: that is the protocol's own gap, and why nobody resumes at 1.
    """
    return f"0-{max(count - 1, 0)}"


def parse_received(header: str) -> int:
    """How many bytes of an upload have arrived, by its Range header; 0 where it does not say."""
    found = ContentRange.parse(header)
    return found.last + 1 if found and found.first == 0 and found.last > 0 else 0


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────


def next_link(path: str, count: int, last: str) -> str:
    """The Link header that leads to the page after the entry `last`."""
    return f'<{path}?n={count}&last={quote(last, safe="")}>; rel="next"'


def parse_next(header: str) -> str | None:
    """The path and query of the next page; None if this was the last one. A link to another host
    is none: pages are this registry's.
    """
    found = re.fullmatch(rf'\s*<({API}[^<>\s]*)>\s*;\s*rel\s*=\s*"?next"?\s*', header)
    return found[1].partition("#")[0] if found else None


def parse_page(query: str, most: int) -> tuple[int, str]:
    """`n` and `last` of a list's query; `n` is `most` where nothing is said, and at most that.

    Raises RegistryError (PAGINATION_NUMBER_INVALID).
    """
    given = parse_qs(query)
    number, last = given.get("n", [""])[-1], given.get("last", [""])[-1]
    if not number:
        return most, last
    if not re.fullmatch(r"\d{1,9}", number, re.ASCII):
        raise _refused("PAGINATION_NUMBER_INVALID", number)
    return min(int(number), most), last
