"""A registry of one's own: registry serve, gc, htpasswd."""

from __future__ import annotations

import sys
from pathlib import Path

from runtime.cli import console, units
from runtime.cli.command import command
from runtime.cli.flags import SWITCH, WORD, Flag, Given, Kind
from runtime.cli.messages import translate
from runtime.engine import directory
from runtime.errors import InvalidInput

STORAGE = Flag("storage", "", WORD, "Directory of the registry's images")
DURATION = Kind("duration", units.parse_duration, "{flag} takes a time such as 30s, not {text}")


def _storage(given: Given) -> Path:
    """Where the registry's images are: beside those of the engine, unless said otherwise."""
    return (
        Path(given.storage).absolute() if given.storage else directory.default_root() / "registry"
    )


@command(
    "[OPTIONS]",
    Flag("addr", "", WORD, "Address and port to listen on", "127.0.0.1:5000"),
    STORAGE,
    Flag("tls-cert", "", WORD, "Serve HTTPS with this certificate (PEM, chain included)"),
    Flag("tls-key", "", WORD, "Key of the certificate (PEM)"),
    Flag("htpasswd", "", WORD, "Let in only the users of this file (bcrypt)"),
    Flag("delete", "", SWITCH, "Allow manifests, tags and blobs to be deleted"),
    Flag(
        "access-log", "", WORD, "Append a JSON line for each request to this file (default: stdout)"
    ),
    most=0,
)
def serve(given: Given) -> int:
    """Until SIGTERM or Ctrl-C."""
    from runtime.registry.server.http import Settings, serve
    from runtime.registry.server.registry import Registry

    host, port = _address(given.addr)
    if bool(given.tls_cert) != bool(given.tls_key):
        raise InvalidInput("--tls-cert and --tls-key belong together")
    settings = Settings(
        host,
        port,
        certificate=_file(given.tls_cert),
        key=_file(given.tls_key),
        passwords=_file(given.htpasswd),
        access_log=_file(given.access_log),
    )
    registry = Registry(_storage(given), deletes=given.delete)
    if settings.passwords and not settings.certificate and not _is_loopback(host):
        console.warn(translate("passwords go over the network in clear: use --tls-cert, --tls-key"))
    serve(registry, settings, _say_ready)
    return 0


@command(
    "[OPTIONS]",
    STORAGE,
    Flag("delete-untagged", "m", SWITCH, "Delete manifests that have no tag, too"),
    Flag(
        "grace",
        "",
        DURATION,
        "Spare what was pushed in this time: it may still get a name",
        3600 * 10**9,
    ),
    most=0,
)
def gc(given: Given) -> int:
    """What is gone, one digest a line, and how much room that makes."""
    from runtime.registry.server.garbage import collect

    root = _storage(given)
    if not (root / "registry.db").exists():
        raise InvalidInput("there is no registry in this directory: {path}", path=root)
    gone = collect(root, grace_s=given.grace / 1e9, untagged=given.delete_untagged)
    for digest in gone.blobs:
        console.say(digest)
    console.say(f"Total reclaimed space: {units.human_size(gone.freed_bytes)}")
    return 0


@command(
    "[OPTIONS] USER",
    Flag("password-stdin", "", SWITCH, "Read the password from standard input"),
    least=1,
    most=1,
)
def htpasswd(given: Given) -> int:
    """A line for the file that `registry serve --htpasswd` reads."""
    from runtime.registry.server.passwords import htpasswd_line

    console.say(htpasswd_line(given.words[0], _password(given)))
    return 0


def _password(given: Given) -> str:
    if given.password_stdin:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    from getpass import getpass

    try:
        return getpass(translate("Password: "))
    except EOFError as cause:
        raise InvalidInput("there was no password") from cause


def _say_ready(address: str) -> None:
    console.warn(translate("the registry answers at {address}").format(address=address))


def _address(text: str) -> tuple[str, int]:
    """Host and port: `127.0.0.1:5000`, `:5000` (every address), `[::1]:5000`."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise InvalidInput(
            "not an address to listen on: {text!r}",
            hint="write host:port, as in 127.0.0.1:5000 or 0.0.0.0:5000",
            text=text,
        )
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 (what docker means by ":5000")


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _file(text: str | None) -> Path | None:
    return Path(text).absolute() if text else None
