"""`onggi serve`: the Docker Engine API on a socket, for docker's own clients.

Whoever may speak to it is root on this host, as with dockerd. So a socket file is never open to
everybody, and TCP is refused without TLS that knows its clients (loopback excepted, when a flag
says so).
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.flags import LIST, SWITCH, WORD, Flag, Given
from runtime.cli.messages import translate
from runtime.engine import Engine
from runtime.errors import InvalidInput

if TYPE_CHECKING:
    import ssl

DEFAULT_HOST = "unix:///run/onggi.sock"


@command(
    "[OPTIONS]",
    Flag("host", "H", LIST, "Socket to listen on: unix://PATH or tcp://HOST:PORT"),
    Flag("group", "G", WORD, "Group that may use the unix socket", "docker"),
    Flag("tlsverify", "", SWITCH, "Listen on TCP with TLS, for clients with a certificate"),
    Flag("tlscacert", "", WORD, "Trust the clients whose certificates this CA has signed"),
    Flag("tlscert", "", WORD, "Certificate of this server (PEM, chain included)"),
    Flag("tlskey", "", WORD, "Key of the certificate (PEM)"),
    Flag("plain-loopback", "", SWITCH, "Allow TCP without TLS at an address of this host"),
    Flag("registry-mirror", "", LIST, "Ask this registry (http:// or https://) before docker.io"),
    most=0,
)
def serve(given: Given) -> int:
    """Until SIGTERM or Ctrl-C."""
    from runtime.api.call import Settings
    from runtime.api.http import serve
    from runtime.api.sockets import Listener
    from runtime.registry.trust import checked_mirror
    from runtime.serving import Ending

    hosts = given.host or [DEFAULT_HOST]
    engine = Engine()
    engine.images.mirrors = tuple(map(checked_mirror, given.registry_mirror))
    tls = _tls(given)
    settings = Settings(registry_mirrors=tuple(given.registry_mirror))
    ending = Ending()
    listeners: list[Listener] = []

    def say_ready() -> None:
        for each in listeners:
            text = translate("the engine answers at {address}").format(address=each.address)
            console.warn(text)

    with contextlib.ExitStack() as until_end:
        for host in hosts:
            each = Listener.open(
                host, group=given.group, tls=tls, plain_loopback=given.plain_loopback
            )
            until_end.callback(each.close)
            listeners.append(each)
        engine.restore()
        serve(engine, settings, listeners, say_ready, ending)
    return 0


def _tls(given: Given) -> ssl.SSLContext | None:
    """How TCP is spoken; None without TLS. Raises InvalidInput."""
    files = (given.tlscacert, given.tlscert, given.tlskey)
    if not given.tlsverify and not any(files):
        return None
    if not given.tlsverify or not all(files):
        raise InvalidInput("--tlsverify, --tlscacert, --tlscert and --tlskey belong together")
    from runtime.api.tls import context_of

    authority, certificate, key = (Path(each).absolute() for each in files)
    return context_of(authority, certificate, key)
