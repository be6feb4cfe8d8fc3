"""What lets a small system talk with the whole world: certificates, time zones, Unicode.

    certificates    whom to believe on the web: the public roots that the host believes
    time zones      TZ=Asia/Seoul date
    locale          LANG=C.UTF-8; glibc 2.35 and musl have it built in, older glibc as files

Rule: public data only; private keys and the host's own certificates are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from runtime.engine.bootstrap.tree import Entry, File, Link

CERTIFICATES = PurePosixPath("/etc/ssl/certs/ca-certificates.crt")
"""Where an image has its one bundle of certificates (and the variable SSL_CERT_FILE points)."""

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, Red Hat
    "/var/lib/ca-certificates/ca-bundle.pem",  # openSUSE
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

_ZONES = Path("/usr/share/zoneinfo")
_ZONE_MAGIC = b"TZif"
_LOCALES = ("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")


def find_certificates() -> Path | None:
    """The host's bundle of certificates, or None."""
    return next((place for place in map(Path, _BUNDLES) if place.is_file()), None)


def certificate_entries() -> Iterator[Entry]:
    """The host's bundle under its one name; nothing where the host has none."""
    if bundle := find_certificates():
        yield File(CERTIFICATES, bundle)


def time_zone_entries() -> Iterator[Entry]:
    """Every zone, once: `posix/` repeats them all and `right/` counts leap seconds.

    `localtime` is left out: where the host stands is its own affair.
    """
    for area in sorted(_ZONES.glob("[A-Z]*")):
        for place in sorted(area.rglob("*")) if area.is_dir() else [area]:
            path = PurePosixPath(place)
            if place.is_symlink() and not place.readlink().is_absolute():
                yield Link(path, str(place.readlink()))
            elif place.is_file() and place.read_bytes().startswith(_ZONE_MAGIC):
                yield File(path, place)


def locale_entries() -> Iterator[Entry]:
    """The host's C.UTF-8, where its C library keeps that in files."""
    for folder in map(Path, _LOCALES):
        for place in sorted(folder.rglob("LC_*")):
            if place.is_file():
                yield File(PurePosixPath(place), place)
