"""`onggi serve`: the Docker Engine API on a socket, for docker's own clients.

Whoever may speak to it is root on this host, as with dockerd. So a socket file is never open to
everybody, and TCP is refused without TLS that knows its clients (loopback excepted, when a flag
says so).
"""

from __future__ import annotations

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.flags import LIST, WORD, Flag, Given
from runtime.cli.messages import translate
from runtime.engine import Engine

DEFAULT_HOST = "unix:///run/onggi.sock"


@command(
    "[OPTIONS]",
    Flag("host", "H", LIST, "Socket to listen on: unix://PATH or tcp://HOST:PORT"),
    Flag("group", "G", WORD, "Group that may use the unix socket", "docker"),
    Flag("registry-mirror", "", LIST, "Ask this registry (http:// or https://) before docker.io"),
    most=0,
)
def serve(given: Given) -> int:
    """Until SIGTERM or Ctrl-C."""
    from runtime.api.call import Settings
    from runtime.api.http import serve
    from runtime.api.sockets import Listener
    from runtime.registry.trust import checked_mirror

    hosts = given.host or [DEFAULT_HOST]
    engine = Engine()
    engine.images.mirrors = tuple(map(checked_mirror, given.registry_mirror))
    listeners = [Listener.open(host, group=given.group) for host in hosts]

    def say_ready() -> None:
        for each in listeners:
            text = translate("the engine answers at {address}").format(address=each.address)
            console.warn(text)

    try:
        engine.restore()
        settings = Settings(registry_mirrors=tuple(given.registry_mirror))
        serve(engine, settings, [each.socket for each in listeners], say_ready)
    finally:
        for each in listeners:
            each.close()
    return 0
