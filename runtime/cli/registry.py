"""Commands between this host and registries: pull, push, login, logout, manifest inspect."""

from __future__ import annotations

import json
import sys

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.flags import SWITCH, WORD, Flag, Given
from runtime.cli.messages import translate
from runtime.cli.transfer import drawing
from runtime.errors import Conflict, InvalidInput, RegistryError
from runtime.oci.reference import DEFAULT_DOMAIN, Reference

ALL_TAGS = Flag("all-tags", "a", SWITCH, "All tags of the repository")
NO_TRUST = Flag("disable-content-trust", "", SWITCH, "Accepted: digests are always verified", True)


@command(
    "[OPTIONS] NAME[:TAG|@DIGEST]",
    ALL_TAGS,
    NO_TRUST,
    Flag("platform", "", WORD, "Set platform if the image is for several: os/arch[/variant]"),
    Flag("quiet", "q", SWITCH, "Suppress verbose output"),
    least=1,
    most=1,
)
def pull(given: Given) -> int:
    """Layers that are here already are not sent again."""
    name = named(given)
    open_engine().images.pull(
        given.words[0],
        all_tags=given.all_tags,
        platform=given.platform,
        progress=drawing(sys.stdout, quiet=given.quiet),
    )
    console.say(name.name if given.all_tags else str(name))
    return 0


@command(
    "[OPTIONS] NAME[:TAG]",
    ALL_TAGS,
    NO_TRUST,
    Flag("compression", "", WORD, "How our own layers travel: gzip or zstd", "gzip"),
    Flag("quiet", "q", SWITCH, "Suppress verbose output"),
    least=1,
    most=1,
)
def push(given: Given) -> int:
    """Layers that the registry has already are not sent again."""
    name = named(given)
    if name.digest:
        raise InvalidInput(
            "cannot push a digest reference: {name}",
            hint="give the image a tag, and push that",
            name=given.words[0],
        )
    if not given.quiet:
        console.say(translate("The push refers to repository [{name}]").format(name=name.name))
        sys.stdout.flush()
    open_engine().images.push(
        given.words[0],
        all_tags=given.all_tags,
        compression=given.compression,
        progress=drawing(sys.stdout, quiet=given.quiet),
    )
    if given.quiet:
        console.say(str(name))
    return 0


def named(given: Given) -> Reference:
    """The name of a command line; that the tag is the usual one is said as docker says it.

    Raises Conflict for a tag together with all of them.
    """
    text = given.words[0]
    name = Reference.parse(text)
    has_mark = bool(name.digest) or ":" in text.rpartition("/")[2]
    if given.all_tags and has_mark:
        raise Conflict("tag can't be used with --all-tags/-a")
    if not has_mark and not given.all_tags and not given.quiet:
        console.say(translate("Using default tag: {tag}").format(tag=name.tag))
    return name


@command(
    "[OPTIONS] [SERVER]",
    Flag("password", "p", WORD, "Password"),
    Flag("password-stdin", "", SWITCH, "Take the password from stdin"),
    Flag("username", "u", WORD, "Username"),
    most=1,
)
def login(given: Given) -> int:
    """Without a server: Docker Hub. What the registry takes is kept in docker's config.json."""
    from runtime.engine import registries
    from runtime.registry.credentials import Credential, CredentialFile

    host = registries.checked_registry(given.words[0] if given.words else "")
    engine = open_engine()
    known = CredentialFile().find(host)
    if known and not (given.username or given.password or given.password_stdin):
        console.say(translate("Authenticating with existing credentials..."))
        try:
            engine.sign_in(host, known)
        except RegistryError as error:
            console.report(error)
        else:
            console.say(translate("Login Succeeded"))
            return 0
    credential = Credential(*asked_for(given, host, known.username if known else ""))
    place = engine.sign_in(host, credential)
    if place.endswith("config.json"):
        console.warn(
            translate("WARNING! The password is stored unencrypted in '{file}'").format(file=place)
        )
    console.say(translate("Login Succeeded"))
    return 0


def asked_for(given: Given, host: str, usual: str) -> tuple[str, str]:
    """User name and password, as given or typed. Raises InvalidInput."""
    if given.password and given.password_stdin:
        raise Conflict("--password and --password-stdin contradict each other")
    if given.password_stdin:
        if not given.username:
            raise InvalidInput("--password-stdin needs --username")
        return given.username, sys.stdin.read().rstrip("\r\n")
    if given.password:
        console.warn(
            translate("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
        )
    name, password = given.username, given.password
    if (not name or not password) and not sys.stdin.isatty():
        raise InvalidInput(
            "nobody can be asked for a name and a password: standard input is no terminal",
            hint="onggi login --username NAME --password-stdin {host} < FILE",
            host=host,
        )
    if not name:
        name = input(f"Username ({usual}): " if usual else "Username: ") or usual
    if not password:
        from getpass import getpass

        password = getpass("Password: ")
    if not name or not password:
        raise InvalidInput("name and password are needed")
    return name, password


@command("[SERVER]", most=1)
def logout(given: Given) -> int:
    """Forget name and password. Without a server: those for Docker Hub."""
    from runtime.engine.registries import checked_registry
    from runtime.registry.credentials import CredentialFile

    host = checked_registry(given.words[0] if given.words else "")
    shown = "https://index.docker.io/v1/" if host == DEFAULT_DOMAIN else host
    if CredentialFile().forget(host):
        console.say(translate("Removing login credentials for {host}").format(host=shown))
    else:
        console.say(translate("Not logged in to {host}").format(host=shown))
    return 0


@command("NAME[:TAG|@DIGEST]", least=1, most=1)
def inspect_manifest(given: Given) -> int:
    """What the registry has under the name: a manifest, or an index of several. As with docker,
    the registry is asked from here, whoever --host says is the engine.
    """
    from runtime.engine import Engine

    manifest = Engine().images.get_registry_data(given.words[0]).manifest
    console.say(json.dumps(manifest, indent=3, ensure_ascii=False))
    return 0
