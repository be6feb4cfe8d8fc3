"""References: the names people give to images, read the way docker reads them.

    registry.example:5000/team/app:1.0@sha256:…
    └─────── domain ─────┘└─ path ┘└tag┘└─ digest ─┘

What is left out is filled in: `alpine` means `docker.io/library/alpine:latest`. A name's first
part is a registry only if it looks like one (it has a dot or a port, it is localhost, or it has
capitals, which no path may have); otherwise it belongs to the path.

github.com/distribution/reference: its grammar is the comment of reference.go
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from runtime.errors import InvalidInput, InvalidReference
from runtime.oci.digest import Digest

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
_OFFICIAL = "library/"

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?", re.ASCII)
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_IMAGE_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """A complete image name. Made by `parse`, so domain, path and tag follow the grammar."""

    domain: str
    path: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """What docker understands by `text`; the tag is `latest` where nothing is said.

        Raises InvalidReference.
        """
        named, at, digest = text.partition("@")
        name, tag = _split_tag(named)
        domain, path = _split_domain(name)
        _check_name(text, name, domain, path)
        if tag is not None and not _TAG.fullmatch(tag):
            raise _invalid_tag(tag)
        if tag is None and not at:
            tag = DEFAULT_TAG
        return cls(domain, path, tag, _parse_digest(text, digest) if at else None)

    @property
    def name(self) -> str:
        """Domain and path: the repository, without tag and digest."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar(self) -> str:
        """The shortest spelling that `parse` reads as this reference: what tables show."""
        return self._with_marks(self.familiar_name)

    @property
    def familiar_name(self) -> str:
        """The repository in its shortest spelling: `onggi/base`, `alpine`."""
        for short in (self.path.removeprefix(_OFFICIAL), self.path):
            if _split_domain(short) == (self.domain, self.path):
                return short
        return self.name

    def with_tag(self, tag: str) -> Reference:
        """The same repository with another tag, without digest. Raises InvalidReference."""
        if not _TAG.fullmatch(tag):
            raise _invalid_tag(tag)
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: Digest) -> Reference:
        """The same repository by a digest, without tag: a digest says all there is to say."""
        return replace(self, tag=None, digest=digest)

    def __str__(self) -> str:
        return self._with_marks(self.name)

    def _with_marks(self, name: str) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return name + tag + digest


def _split_tag(named: str) -> tuple[str, str | None]:
    """Name and tag. A colon before the last slash belongs to a registry's port."""
    name, colon, tag = named.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (named, None)


def _split_domain(name: str) -> tuple[str, str]:
    """Registry and path of `name`, docker's defaults filled in. Checks nothing."""
    first, slash, rest = name.partition("/")
    looks_like_host = (
        any(c in ".:[" for c in first) or first == "localhost" or first != first.lower()
    )
    domain, path = (first, rest) if slash and looks_like_host else (DEFAULT_DOMAIN, name)
    if domain == "index." + DEFAULT_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = _OFFICIAL + path
    return domain, path


def _check_name(text: str, name: str, domain: str, path: str) -> None:
    if _IMAGE_ID.fullmatch(name):
        raise InvalidReference(
            "invalid image name {text!r}: 64 hex digits are an image ID, not a name", text=text
        )
    if path != path.lower() and _PATH.fullmatch(path.lower()):
        raise InvalidReference(
            "invalid image name {text!r}: repository names are lowercase",
            hint="try {lower}",
            text=text,
            lower=name.lower(),
        )
    if not _DOMAIN.fullmatch(domain) or not _PATH.fullmatch(path):
        raise InvalidReference(
            "invalid image name {text!r}",
            hint="a name is [registry/]path[:tag], such as alpine, team/app:1.0 "
            "or registry.example:5000/app",
            text=text[:300],
        )
    if len(domain) + 1 + len(path) > _LONGEST_NAME:
        raise InvalidReference(
            "invalid image name: it is longer than {limit} characters", limit=_LONGEST_NAME
        )


def _parse_digest(text: str, digest: str) -> Digest:
    try:
        return Digest.parse(digest)
    except InvalidInput as cause:
        raise InvalidReference(
            "invalid image name {text!r}: what follows @ is not a digest", text=text[:300]
        ) from cause


def _invalid_tag(tag: str) -> InvalidReference:
    return InvalidReference(
        "invalid tag {tag!r}",
        hint="a tag has 1 to 128 letters, digits, dots, dashes and underscores, "
        "and starts with neither a dot nor a dash",
        tag=tag[:200],
    )
