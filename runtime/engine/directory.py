"""The state directory: where it is, who may use it, and the lock that says who is writing.

Whoever writes content holds `run/writers.lock` shared (`writing`). Whoever gets it exclusively
(`alone`) knows that nobody is in the middle of anything, so all that is temporary or
unreferenced is garbage. `flock` is released by the kernel however its holder ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from runtime.errors import HostLacks, OnggiError

VARIABLE = "ONGGI_ROOT"


def default_root() -> Path:
    """`ONGGI_ROOT`, else /var/lib/onggi for root, else below the user's data directory."""
    if given := os.environ.get(VARIABLE):
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/onggi")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "onggi"


def open_directory(root: Path) -> None:
    """Make the directory, readable for its owner only. Raises HostLacks if that cannot be."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        (root / "run").mkdir(mode=0o700, exist_ok=True)
        writable = os.access(root, os.W_OK | os.X_OK)
        problem = "" if writable else "no permission to write there"
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        raise _not_writable(root, problem)


def require_root() -> None:
    """Raises HostLacks for whoever is not root: layers have files of other users, and overlay
    and namespaces belong to root, until rootless containers come.
    """
    if os.geteuid() != 0:
        raise HostLacks(
            "making images and containers needs root on this host",
            hint="start it with sudo ({evidence})",
            feature="root",
            evidence=f"geteuid() = {os.geteuid()}",
        )


@contextlib.contextmanager
def writing(root: Path) -> Iterator[None]:
    """While this is held, nobody takes what is half made for garbage.

    Raises OnggiError for a disk that is full, HostLacks for one that cannot be written.
    """
    try:
        with _locked(root, fcntl.LOCK_SH):
            yield
    except OnggiError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OnggiError(
                "no space left on the disk of the state directory: {path}",
                hint="free some space, for example with `onggi system prune`",
                path=root,
            ) from error
        if error.errno == errno.EROFS:
            raise _not_writable(root, error.strerror or "") from error
        raise


@contextlib.contextmanager
def alone(root: Path) -> Iterator[bool]:
    """True inside the block if nobody is writing, and nobody begins until its end."""
    try:
        with _locked(root, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield True
    except BlockingIOError:
        yield False


def _not_writable(root: Path, problem: str) -> HostLacks:
    if os.geteuid() == 0:
        hint = "set ONGGI_ROOT to a directory on a disk that can be written ({evidence})"
    else:
        hint = "start with sudo, or set ONGGI_ROOT to a directory of your own ({evidence})"
    return HostLacks(
        "the state directory cannot be written: {path}",
        hint=hint,
        feature="a writable state directory",
        evidence=problem,
        path=root,
    )


@contextlib.contextmanager
def _locked(root: Path, how: int) -> Iterator[None]:
    descriptor = os.open(
        root / "run" / "writers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
