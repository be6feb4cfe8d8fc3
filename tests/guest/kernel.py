"""A distribution's kernel, taken out of its package: nothing is installed.

The package is downloaded once into a cache directory, unpacked there, and found again by later
runs. The newest that apt knows is taken.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

META_PACKAGE = "linux-image-cloud-amd64"
"""Depends on the current kernel for virtual machines: small, virtio and 8250 built in."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel package."""

    folder: Path

    @property
    def image(self) -> Path:
        """What a boot loader loads."""
        return next((self.folder / "boot").glob("vmlinuz-*"))

    def module(self, name: str) -> Path:
        """A loadable module. Raises StopIteration if the package has none of that name."""
        return next((self.folder / "lib" / "modules").rglob(f"{name}.ko"))


def why_missing() -> str:
    """Why there is no kernel; "" when it is there, downloaded just now if need be."""
    if platform.machine() != "x86_64":
        return f"the guest is an x86_64, this is {platform.machine()}"
    try:
        fetch()
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        return f"no kernel package: {said.decode(errors='replace').strip()[-200:]}"
    return ""


def fetch() -> Kernel:
    """The newest kernel; the cached one when nothing can be asked. Raises OSError, ValueError,
    CalledProcessError.
    """
    with _alone() as cache:
        cached = sorted(folder for folder in cache.iterdir() if (folder / "complete").exists())
        if cached:
            return Kernel(cached[-1])
        name = _newest() or _newest(after_update=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            _run("apt-get", "-o", "APT::Sandbox::User=root", "download", name, folder=Path(scratch))
            package = next(Path(scratch).glob("*.deb"))
            unpacked = Path(scratch, "unpacked")
            _run("dpkg", "-x", str(package), str(unpacked))
            (unpacked / "complete").touch()
            unpacked.rename(cache / name)
        return Kernel(cache / name)


def _newest(*, after_update: bool = False) -> str:
    """The package that the meta package depends on; "" if apt's lists are missing or old."""
    if after_update:
        _run("apt-get", "-qq", "update")
    with contextlib.suppress(subprocess.CalledProcessError):
        found = re.search(r"Depends: (linux-image-\S+)", _run("apt-cache", "depends", META_PACKAGE))
        if found:
            return found[1]
    if after_update:
        raise ValueError(f"apt knows no {META_PACKAGE}")
    return ""


def _run(*command: str, folder: Path | None = None) -> str:
    if shutil.which(command[0]) is None:
        raise ValueError(f"no {command[0]} on the PATH")
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return done.stdout.decode()


@contextlib.contextmanager
def _alone() -> Iterator[Path]:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = home / "onggi-tests" / "kernels"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache.parent / "kernels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache
