"""What this host permits, found out by trying, each answer with its evidence.

Nothing is concluded from a version number or a distribution's name: a namespace is available
if a child process got one. The answers feed `onggi info`, lesson 00 and the tests' needs.

Every trial happens in a child of a small fresh interpreter: the caller may be a notebook
kernel, whose threads make a fork of it unsafe, and stays as it was.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from runtime.linux import capabilities as caps
from runtime.linux import cgroup_mounts, mount, namespaces


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that a host may permit. `evidence` is what was tried and what came back;
    `advice` says what to do where it is missing, and is empty where it is available.
    """

    name: str
    available: bool
    evidence: str
    advice: str = ""


def capabilities() -> tuple[Capability, ...]:
    """Everything that the engine needs or uses, in the order in which a container needs it.

    Runs the trials in a fresh interpreter, about 50 ms.
    """
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); "
        "from runtime.linux import probe; probe.report()"
    )
    package_root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(package_root)],
        check=True,
        capture_output=True,
    )
    return tuple(Capability(**fields) for fields in json.loads(answer.stdout))


def report() -> None:
    """Print the result of all trials as JSON: the other end of `capabilities`."""
    print(json.dumps([asdict(capability) for capability in _trials()]))


def _trials() -> tuple[Capability, ...]:
    return (
        _kernel(),
        _root(),
        *(_namespace(kind) for kind in namespaces.FLAG_OF_KIND),
        _overlay(),
        *(_controller(name) for name in ("memory", "cpu", "pids")),
        _bounding_set(),
        _resource_limits(),
        _kvm(),
    )


def tried(action: Callable[[], object]) -> str:
    """Run `action` in a child process; "" if it succeeded, else what it raised.

    For a process without threads, or an action that needs none of its locks: the child runs
    nothing but `action`.
    """
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        problem = b""
        try:
            action()
        except BaseException as error:  # noqa: BLE001  (the child must not return)
            problem = str(error).encode()
        os.write(writable, problem)
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as answer:
        text = answer.read().decode()
    os.waitpid(child, 0)
    return text


def overlay_problem(directory: Path | None = None) -> str:
    """Why an overlay cannot be mounted with its files in `directory`; "" if it can."""
    with tempfile.TemporaryDirectory(prefix="onggi-probe-", dir=directory) as scratch:
        for name in ("lower", "upper", "work", "merged"):
            Path(scratch, name).mkdir()

        def mount_one() -> None:
            namespaces.unshare(namespaces.CLONE_NEWNS)
            mount.make_private()
            mount.mount_overlay(Path(scratch), ("lower",), "upper", "work", Path(scratch, "merged"))

        return tried(mount_one)


def _kernel() -> Capability:
    return Capability(
        "Linux", platform.system() == "Linux", f"uname: {platform.system()} {platform.release()}"
    )


def _root() -> Capability:
    is_root = os.geteuid() == 0
    advice = "" if is_root else "start with sudo; containers without root are a later chapter"
    return Capability("root", is_root, f"geteuid() = {os.geteuid()}", advice)


def _namespace(kind: str) -> Capability:
    flag = namespaces.FLAG_OF_KIND[kind]
    problem = tried(lambda: namespaces.unshare(flag))
    return Capability(
        f"{kind} namespace",
        not problem,
        problem or f"unshare(0x{flag:08x}) = 0",
        "needs root (CAP_SYS_ADMIN) and a host that does not forbid it" if problem else "",
    )


def _overlay() -> Capability:
    problem = overlay_problem()
    disk = "keep the state directory on ext4, xfs, btrfs or tmpfs"
    advice = disk if os.geteuid() == 0 else "needs root"
    return Capability(
        "overlay file system",
        not problem,
        problem or "mount(overlay) = 0",
        advice if problem else "",
    )


def _controller(name: str) -> Capability:
    found = cgroup_mounts.controllers().get(name)
    if found is None:
        evidence = (
            f"cgroup {cgroup_mounts.host_version()}: no {name} controller in /proc/self/mounts"
        )
        return Capability(f"{name} limit", False, evidence, "limits on it cannot be set here")
    writable = os.access(found.mount, os.W_OK)
    evidence = f"cgroup v{found.version} at {found.mount}"
    if writable:
        return Capability(f"{name} limit", True, evidence)
    return Capability(f"{name} limit", False, f"{evidence}, not writable", "needs root")


def _bounding_set() -> Capability:
    missing = sorted(set(caps.NAMES) - caps.held("CapBnd"))
    evidence = "CapBnd in /proc/self/status: " + (
        f"without {', '.join(missing)}" if missing else "all capabilities"
    )
    return Capability(
        "all capabilities", not missing, evidence, "the others still work" * bool(missing)
    )


def _resource_limits() -> Capability:
    can = "CAP_SYS_RESOURCE" in caps.held("CapEff")
    evidence = f"CAP_SYS_RESOURCE is {'' if can else 'not '}in CapEff"
    advice = "" if can else "limits above the host's own cannot be given to a container"
    return Capability("raise resource limits", can, evidence, advice)


KVM_CREATE_VM = 0xAE01


def _kvm() -> Capability:
    """A device file alone proves nothing: some hosts show it and then refuse a machine."""
    try:
        device = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        evidence = f"open(/dev/kvm): {error.strerror}"
        return Capability("KVM", False, evidence, "virtual machines are emulated, which is slower")
    try:
        os.close(fcntl.ioctl(device, KVM_CREATE_VM, 0))
    except OSError as error:
        evidence = f"ioctl(/dev/kvm, KVM_CREATE_VM): {error.strerror}"
        return Capability("KVM", False, evidence, "virtual machines are emulated, which is slower")
    finally:
        os.close(device)
    return Capability("KVM", True, "ioctl(/dev/kvm, KVM_CREATE_VM) = ok")


def program(name: str) -> Capability:
    """Whether a program is on the PATH."""
    where = shutil.which(name)
    return Capability(name, where is not None, where or f"no {name} on the PATH")
