"""Images and registries: pull, push, login, and what a registry knows of an image.

A name's registry is asked with the credentials that docker's config.json has for it. What was
pulled or pushed gets one more name, `repository@sha256:…`, the digest by which the registry knows
it: that is docker's RepoDigests, and a name like any other.

Everything passes through in pieces, whatever its size, and an image gets its name at the very end.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from runtime.build.builder import host_platform
from runtime.cancellation import Cancellation
from runtime.engine.directory import require_root, writing
from runtime.engine.image import Image
from runtime.engine.telling import told
from runtime.engine.travels import Travels
from runtime.errors import InvalidInput, NotFound, OnggiError, RegistryError
from runtime.oci.descriptor import INDEXES, Descriptor, Platform
from runtime.oci.digest import Digest
from runtime.oci.document import Document
from runtime.oci.image import ImageConfig
from runtime.oci.reference import DEFAULT_DOMAIN, Reference
from runtime.registry import pull as pulling
from runtime.registry import push as pushing
from runtime.registry.client import Fetched, Registry, Repository
from runtime.registry.credentials import Credential, CredentialFile
from runtime.registry.progress import Progress, Tell, tell_nobody
from runtime.registry.transport import Transport
from runtime.registry.trust import Trust

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.engine.images import Images

AuthConfig = Mapping[str, str] | None
"""Docker's: username and password, or identitytoken; nobody, where it is empty. None: what the
caller's own config.json has."""

AuthConfigs = Mapping[str, Mapping[str, str]]
"""Several, by docker's names for registries."""

MIRROR_TRIES = 2
"""A mirror that does not answer is passed over soon."""

Answered = TypeVar("Answered")


@contextlib.contextmanager
def opened(
    root: Path,
    host: str,
    auth_config: AuthConfig = None,
    cancellation: Cancellation | None = None,
    mirror: str = "",
) -> Iterator[Registry]:
    """A registry to speak to while the block lasts, or a mirror of it, to which nobody says who
    he is. When it is called off whoever waits for it is told at once.
    """
    transport = Transport(Trust.of(root))
    credential = None if mirror else credential_for(host, auth_config)
    try:
        with (cancellation or Cancellation()).ends(transport.close):
            yield Registry(host, transport, credential, MIRROR_TRIES if mirror else 6, mirror)
    finally:
        transport.close()


def credential_for(host: str, auth_config: AuthConfig) -> Credential | None:
    """Who we are to a registry: as was given, be it nobody, or else what docker's config.json
    says.
    """
    if auth_config is None:
        return CredentialFile().find(host)
    given = Credential.of(auth_config)
    known = given.username or given.identity_token or given.registry_token
    return given if known else None


def auth_config_of(auth_configs: AuthConfigs | None, host: str) -> AuthConfig:
    """The one for a registry among several, which docker lists by its own names for registries;
    None if none were given.
    """
    if auth_configs is None:
        return None
    for name, auth_config in auth_configs.items():
        with contextlib.suppress(OnggiError):
            if checked_registry(name) == host:
                return auth_config
    return {}


def pull_image(
    images: Images,
    reference: Reference,
    platform: str | None,
    tell: Tell,
    auth_config: AuthConfig = None,
    cancellation: Cancellation | None = None,
) -> Image:
    """Bring one image in, and give it its names. See `Images.pull`."""
    require_root()
    wanted = parse_platform(platform) if platform else host_platform()
    mark = str(reference.digest or reference.tag)

    def bring(registry: Registry) -> pulling.Pulled:
        repository = Repository(registry, reference.path, "pull")
        return pulling.pull(
            repository, mark, images.content, wanted, tell, insist=platform is not None
        )

    with writing(images.root):
        pulled = ask_in_turn(images, reference.domain, bring, auth_config, cancellation)
        is_new = images.names.find(reference) != pulled.manifest
        with images.database.transaction():
            by_digest = reference.with_digest(pulled.digest)
            for name in {by_digest, by_digest if reference.digest else reference}:
                images.names.point(name, pulled.manifest, quietly=True)
            images.note("pull", reference.familiar, reference.familiar_name)
        for layer in Image(images.shelf, pulled.manifest).manifest.layers:
            Travels(images.database).keep_home(reference.domain, layer.digest, reference.path)
    tell(Progress(f"Digest: {pulled.digest}"))
    said = "Downloaded newer image for" if is_new else "Image is up to date for"
    tell(Progress(f"Status: {said} {reference.familiar}"))
    return Image(images.shelf, pulled.manifest)


def ask_in_turn(
    images: Images,
    host: str,
    ask: Callable[[Registry], Answered],
    auth_config: AuthConfig,
    cancellation: Cancellation | None,
) -> Answered:
    """What `ask` gets from a registry; from a mirror, where there is one that has it.

    Raises what it does with the registry itself. Layers that a mirror has sent stay.
    """
    mirrors = (*images.mirrors, *Trust.of(images.root).mirrors) if host == DEFAULT_DOMAIN else ()
    for mirror in mirrors:
        try:
            with opened(images.root, host, auth_config, cancellation, mirror) as registry:
                return ask(registry)
        except OnggiError:
            if cancellation is not None:
                cancellation.check()
    with opened(images.root, host, auth_config, cancellation) as registry:
        return ask(registry)


def push_image(
    images: Images,
    reference: Reference,
    tell: Tell,
    auth_config: AuthConfig = None,
    compression: str = "gzip",
    cancellation: Cancellation | None = None,
) -> None:
    """Send one image to where its name says. See `Images.push`."""
    require_root()
    assert reference.tag is not None
    manifest = images.names.find(reference)
    if manifest is None:
        raise NotFound(
            "an image does not exist locally with the tag: {name}",
            hint="give it that name first: onggi tag IMAGE {name}",
            name=reference.familiar,
        )
    host = reference.domain
    with opened(images.root, host, auth_config, cancellation) as registry, writing(images.root):
        repository = Repository(registry, reference.path, "pull", "push")
        pushed = pushing.push(
            repository,
            reference.tag,
            images.content,
            manifest,
            Travels(images.database),
            tell,
            compression,
        )
        with images.database.transaction():
            images.names.point(reference.with_digest(pushed.digest), manifest, quietly=True)
            images.note("push", reference.familiar, reference.familiar_name)


def references_to_pull(
    images: Images,
    name: Reference,
    all_tags: bool,
    auth_config: AuthConfig,
    cancellation: Cancellation | None = None,
) -> list[Reference]:
    """What `name` means: itself, or each of its repository's tags."""
    if not all_tags:
        return [name]
    tags = ask_in_turn(
        images,
        name.domain,
        lambda registry: Repository(registry, name.path, "pull").tags(),
        auth_config,
        cancellation,
    )
    return [name.with_tag(tag) for tag in tags]


def sign_in(root: Path, host: str, credential: Credential) -> str:
    """See whether the registry takes the credential, and keep it; returns where it is kept.

    Raises RegistryError (UNAUTHORIZED), InvalidInput.
    """
    check(root, host, credential)
    return CredentialFile().keep(host, credential)


def check(root: Path, host: str, credential: Credential) -> None:
    """The first half of that."""
    if ":" in credential.username:
        raise InvalidInput("a user name cannot have a colon: {name}", name=credential.username)
    transport = Transport(Trust.of(root))
    try:
        Registry(host, transport, credential).sign_in()
    finally:
        transport.close()


def checked_registry(text: str) -> str:
    """A registry as image names have it. Of an address (https://index.docker.io/v1/) the host
    counts alone, as with docker. Raises InvalidInput.
    """
    host = text.removeprefix("https://").removeprefix("http://").partition("/")[0]
    if host in ("", "index.docker.io", "registry-1.docker.io"):
        return DEFAULT_DOMAIN
    if Reference.parse(f"{host}/x").domain != host:
        raise InvalidInput(
            "this is no registry: {text}",
            hint="a registry is host[:port], such as registry.example:5000 or localhost:5000",
            text=text,
        )
    return host


def parse_platform(text: str) -> Platform:
    """`os/architecture[/variant]`, or `architecture` alone. Raises InvalidInput."""
    match text.lower().split("/"):
        case [architecture] if architecture not in ("", "linux"):
            return Platform(architecture, "linux")
        case ["linux"]:
            return host_platform()
        case [os, architecture] if os and architecture:
            return Platform(architecture, os)
        case [os, architecture, variant] if os and architecture:
            return Platform(architecture, os, variant)
    raise InvalidInput(
        "this is no platform: {text!r}", hint="for example linux/amd64 or linux/arm64", text=text
    )


class RegistryData:
    """What a registry knows of a name, without its layers. `id` is the digest that the name means
    there, `manifest` the document itself; the other names are those of docker's SDK.
    """

    def __init__(
        self,
        images: Images,
        reference: Reference,
        descriptor: Descriptor,
        platforms: tuple[Platform, ...],
        manifest: Mapping[str, Any],
    ) -> None:
        self._images = images
        self._reference = reference
        self._platforms = platforms
        self.id = str(descriptor.digest)
        self.manifest = manifest
        self.attrs = {
            "Descriptor": descriptor.to_json(),
            "Platforms": [platform.to_json() for platform in platforms],
        }

    @property
    def short_id(self) -> str:
        """sha256: and the first ten digits."""
        return self.id[: len("sha256:") + 10]

    def has_platform(self, platform: str | Mapping[str, str]) -> bool:
        """Whether there is an image for `os/architecture[/variant]`. Raises InvalidInput."""
        if not isinstance(platform, str):
            parts = (platform.get(key, "") for key in ("os", "architecture", "variant"))
            platform = "/".join(filter(None, parts))
        wanted = parse_platform(platform)
        return any(pulling.fits(each, wanted) for each in self._platforms)

    def pull(self, platform: str | None = None) -> Image:
        """Exactly this image, by its digest."""
        reference = self._reference.with_digest(Digest(self.id))
        return pull_image(self._images, reference, platform, tell_nobody)


def registry_data(images: Images, reference: Reference, auth_config: AuthConfig) -> RegistryData:
    """See `Images.get_registry_data`."""

    def ask(registry: Registry) -> RegistryData:
        repository = Repository(registry, reference.path, "pull")
        top = repository.fetch(str(reference.digest or reference.tag))
        platforms = _platforms(repository, top)
        manifest = Document.parse(top.data, "manifest").members
        return RegistryData(images, reference, top.descriptor, platforms, manifest)

    return ask_in_turn(images, reference.domain, ask, auth_config, None)


def _platforms(repository: Repository, top: Fetched) -> tuple[Platform, ...]:
    if top.media_type in INDEXES:
        manifests = pulling.checked_index(top).manifests
        return tuple(each.platform for each in manifests if each.platform)
    config = pulling.fetch_config(repository, pulling.checked_manifest(top).config)
    return (ImageConfig.from_bytes(config).platform,)


def streamed(
    act: Callable[[Tell, Cancellation], object], *, decode: bool
) -> Generator[Any, None, None]:
    """What `act` tells, as docker's stream: JSON lines, or with `decode` dicts. `act` runs in a
    thread; what it raises is raised at the end. Who stops reading calls it off.
    """
    for message in told(act):
        said = message.to_docker()
        yield said if decode else json.dumps(said, ensure_ascii=False).encode() + b"\r\n"


def pull_to_use(
    images: Images,
    name: str,
    platform: str | None,
    tell: Tell,
    auth_config: AuthConfig = None,
    cancellation: Cancellation | None = None,
) -> Image:
    """An image that somebody wants to use and that is not here, or may be an old one.

    Raises NotFound: the last word on an image that is nowhere to be had.
    """
    reference = Reference.parse(name)
    try:
        return pull_image(images, reference, platform, tell, auth_config, cancellation)
    except (RegistryError, NotFound) as cause:
        if cancellation is not None:
            cancellation.check()
        raise NotFound(
            "no such image: {name}",
            hint="it is not here, and cannot be pulled: {reason}",
            name=name,
            reason=cause.message,
        ) from cause
