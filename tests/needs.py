"""What a test needs from its host, and what to do where that is missing.

    @pytest.mark.needs("root", "overlay", "skopeo")

Each name stands for a probe: it tries, and says why not. A test whose need is missing is skipped
with a sentence that names the capability or the Debian package; with CI=true it fails, because
there a skip would be a hole in the proof.

    python tests/needs.py install      install missing Debian packages, or say what is skipped
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = Path(__file__).with_name("debian-packages.txt")
POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian asks this program whether a freshly installed daemon may start; 101 means no."""


@dataclass(frozen=True, slots=True)
class Need:
    """`missing` tries; it returns why the host lacks it, or "" where it is there."""

    missing: Callable[[], str]
    package: str = ""


def ci() -> bool:
    """Whether a missing need is a failure."""
    return os.environ.get("CI") == "true"


@functools.cache
def why_missing(name: str) -> str:
    """Why the host lacks `name`, with the package that brings it; "" where it is there.

    Raises KeyError for a name that is not in `NEEDS`.
    """
    need = NEEDS[name]
    reason = need.missing()
    if reason and need.package:
        return f"{reason}; Debian package {need.package}"
    return reason


def _program(name: str, package: str) -> Need:
    return Need(lambda: "" if shutil.which(name) else f"no {name} on the PATH", package)


def _capability(name: str) -> Need:
    return Need(lambda: _capabilities()[name])


def _no_container() -> str:
    """The first thing without which there is no container."""
    parts = [f"{kind} namespace" for kind in ("mount", "pid", "uts", "ipc", "network", "cgroup")]
    found = _capabilities()
    return next(filter(None, (found[part] for part in ("root", *parts, OVERLAY))), "")


@functools.cache
def _capabilities() -> dict[str, str]:
    """The engine's own probe, as {name: why not}."""
    from runtime.linux import probe

    return {
        each.name: "" if each.available else f"{each.name}: {each.evidence}"
        for each in probe.capabilities()
    }


def _mounts() -> set[str]:
    """The kinds of file systems that are mounted."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return {line.split(" ")[2] for line in lines}


def _no_libseccomp() -> str:
    import ctypes

    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError as error:
        return str(error)
    return ""


def _no_kernel() -> str:
    """Downloads it, once: see guest/kernel.py."""
    from guest import kernel

    return kernel.why_missing()


def _no_exit_by_pidfd() -> str:
    """Whether a pidfd tells how somebody else's child has ended: try it with one of ours."""
    from runtime.linux import namespaces, process

    child = os.fork()
    if child == 0:
        os._exit(7)
    pidfd = namespaces.pidfd_open(child)
    os.waitpid(child, 0)
    status = process.status_of(pidfd)
    os.close(pidfd)
    return "" if status == 7 << 8 else "no PIDFD_INFO_EXIT in this kernel (Linux 6.15)"


def _no_lanes() -> str:
    import lane

    return "" if lane.is_possible() else "no root, or no version 1 control groups, for a lane"


OVERLAY = "overlay file system"

NEEDS = {
    "root": _capability("root"),
    "pidfd exit": Need(_no_exit_by_pidfd),
    "containers": Need(_no_container),
    "overlay": _capability(OVERLAY),
    "cgroup:memory": _capability("memory limit"),
    "cgroup:cpu": _capability("cpu limit"),
    "cgroup:pids": _capability("pids limit"),
    "buildah": _program("buildah", "buildah"),
    "busybox": _program("busybox", "busybox-static"),
    "cgroup2": Need(lambda: "" if "cgroup2" in _mounts() else "no cgroup2 in /proc/self/mounts"),
    "libseccomp": Need(_no_libseccomp, "libseccomp2"),
    "docker": _program("docker", "docker.io"),
    "docker-compose": _program("docker-compose", "docker-compose"),
    "docker-registry": _program("docker-registry", "docker-registry"),
    "dockerd": _program("dockerd", "docker.io"),
    "git": _program("git", "git"),
    "ip": _program("ip", "iproute2"),
    "iptables": _program("iptables", "iptables"),
    "lanes": Need(_no_lanes),
    "kernel package": Need(_no_kernel),
    "openssl": _program("openssl", "openssl"),
    "podman": _program("podman", "podman"),
    "ps": _program("ps", "procps"),
    "qemu": _program("qemu-system-x86_64", "qemu-system-x86"),
    "runc": _program("runc", "runc"),
    "setpriv": _program("setpriv", "util-linux"),
    "skopeo": _program("skopeo", "skopeo"),
    "strace": _program("strace", "strace"),
    "umoci": _program("umoci", "umoci"),
}


def packages(with_daemons: bool) -> tuple[str, ...]:
    """The Debian packages of the list; those below [CI] only if asked for."""
    inert, _, daemons = PACKAGES.read_text().partition("[CI]")
    lines = (inert + daemons if with_daemons else inert).splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def install() -> int:
    """Install what is missing if root and apt are there; else say which tests are skipped."""
    missing = [name for name in packages(ci()) if not _is_installed(name)]
    if not missing:
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        for name in missing:
            needs = [need for need, each in NEEDS.items() if each.package == name]
            print(
                f"Debian package {name} is missing: tests that need {', '.join(needs)} are skipped"
            )
        return 0
    print(f"root and apt are there: installing for the tests {', '.join(missing)}", flush=True)
    with _no_daemon_starts():
        if _apt("install", *missing) == 0:
            return 0
        return _apt("update") or _apt("install", *missing)


def _apt(verb: str, *names: str) -> int:
    """apt-get without questions. Its package lists are only fetched when they turn out too old."""
    command = ["apt-get", "-qq", "-y", "--no-install-recommends", verb, *names]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, check=False, env=environment).returncode


def _is_installed(name: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return any(each.package == name and not each.missing() for each in NEEDS.values())
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", name]
    return subprocess.run(query, check=False, capture_output=True).stdout == b"installed"


@contextlib.contextmanager
def _no_daemon_starts() -> Iterator[None]:
    """Packages are installed while this is open, their daemons stay still. A policy that the
    host has already stays as it is.
    """
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.exit(install() if sys.argv[1:] == ["install"] else __doc__)
