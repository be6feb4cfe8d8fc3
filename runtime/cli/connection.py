"""Which engine a command speaks to: the one of this host, or one elsewhere.

    onggi ps                                   the engine of the state directory, in this process
    onggi --host tcp://10.0.0.5:2376 ps        whoever speaks Docker's API there
    DOCKER_HOST=unix:///run/docker.sock onggi ps

Both have the same words, so that a command does not ask which it has: where it writes
`open_engine()`, the type checker sees to it that both know what it says. Docker's flags and
variables say where and how; a flag overrules a variable.

docs.docker.com/reference/cli/docker, "Environment variables"; docs.docker.com/engine/security/
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.cli.flags import LIST, SWITCH, WORD, Flag, Given, UsageError

if TYPE_CHECKING:
    from runtime.api.client.address import Address
    from runtime.api.client.container import RemoteContainer
    from runtime.api.client.engine import RemoteEngine
    from runtime.engine import Engine
    from runtime.engine.container import Container

    AnyEngine = Engine | RemoteEngine
    AnyContainer = Container | RemoteContainer

HOST_VARIABLE = "DOCKER_HOST"
HERE = ("", "onggi://", "local")
"""Texts that mean the engine of this host, whatever DOCKER_HOST says."""

HOST_FLAGS = (
    Flag("host", "H", LIST, "Daemon socket to connect to"),
    Flag("tls", "", SWITCH, "Use TLS; implied by --tlsverify"),
    Flag("tlscacert", "", WORD, "Trust certs signed only by this CA"),
    Flag("tlscert", "", WORD, "Path to TLS certificate file"),
    Flag("tlskey", "", WORD, "Path to TLS key file"),
    Flag("tlsverify", "", SWITCH, "Use TLS and verify the remote"),
)
"""They stand before the command."""

FILES = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
"""What the files in DOCKER_CERT_PATH are called."""


class _Chosen:
    """What the present command line said."""

    given: Given | None = None


def choose(given: Given | None) -> None:
    """Take over the flags before the command; None: there were none. Raises UsageError."""
    if given is not None and len(given.host) > 1:
        raise UsageError("only one --host can be given")
    _Chosen.given = given


def address() -> Address | None:
    """Where the engine is; None: here. Raises InvalidInput."""
    given = _Chosen.given
    text = given.host[0] if given is not None and given.host else os.environ.get(HOST_VARIABLE, "")
    if text in HERE:
        return None
    from runtime.api.client.address import parse_address

    return parse_address(text, _tls(given) if wants_tls(given) else None)


def wants_tls(given: Given | None) -> bool:
    """Docker's rules: by --tls, --tlsverify or the variables of the same names."""
    asked = given is not None and (given.tls or given.tlsverify)
    return asked or any(os.environ.get(name) for name in ("DOCKER_TLS", "DOCKER_TLS_VERIFY"))


def _tls(given: Given | None) -> Any:
    """The files that were named; else those of DOCKER_CERT_PATH, or of docker's own directory, as
    far as they are there.
    """
    from runtime.api.client.address import Tls

    folder = os.environ.get("DOCKER_CERT_PATH") or os.environ.get("DOCKER_CONFIG")
    folder = folder or os.path.join(os.environ.get("HOME", "/"), ".docker")
    named = (
        {}
        if given is None
        else {"ca": given.tlscacert}
        | {
            "cert": given.tlscert,
            "key": given.tlskey,
        }
    )
    files = {}
    for kind, name in FILES.items():
        usual = os.path.join(folder, name)
        files[kind] = named.get(kind) or (usual if os.path.exists(usual) else "")
    verifies = bool(os.environ.get("DOCKER_TLS_VERIFY"))
    return Tls(**files, verifies=verifies or (given is not None and given.tlsverify))


def open_engine(progress: Callable[[str, int, int], None] | None = None) -> AnyEngine:
    """The engine that this command line means. `progress` is for the one of this host, which makes
    base images when they are needed.
    """
    where = address()
    if where is not None:
        from runtime.api.client.engine import RemoteEngine

        return RemoteEngine(where)
    from runtime.engine import Engine

    return Engine(progress=progress)


def own_engine(feature: str) -> Engine:
    """The engine of this host, for a command that has no words in Docker's API. Raises HostLacks
    when the command line means another one.
    """
    if address() is not None:
        from runtime.api.client.images import beyond_the_api

        raise beyond_the_api(feature)
    from runtime.engine import Engine

    return Engine()


def list_containers(
    *,
    all: bool,
    filters: Mapping[str, Sequence[str]],
    limit: int,
    size: bool,
) -> list[dict[str, Any]]:
    """`containers.summaries` of that engine. Of this host's it reads the database only, and loads
    nothing that could start a container: see engine/glance.py.
    """
    where = address()
    if where is not None:
        from runtime.api.client.engine import RemoteEngine

        found = RemoteEngine(where).containers
        return found.summaries(all=all, filters=filters, limit=limit, size=size)
    from runtime.database import Database
    from runtime.engine import directory, glance

    root = directory.default_root()
    directory.open_directory(root)
    return glance.summaries(
        *(root, Database(root)),
        all=all,
        filters=filters,
        limit=limit,
        size=size,
        find_image=_layers_of,
    )


def _layers_of(image: str) -> list[str] | None:
    """The layers of an image that the filter `ancestor` names; None if there is none."""
    from runtime.engine import Engine

    return Engine().images.layers_of(image)
