"""A machine without a disk or a network, that boots, checks, tells and ends."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guest.kernel import Kernel

from runtime.linux.cgroup_mounts import version_of

MEMORY_MIB = 640
PATIENCE_S = 400
"""Far more than it takes: about a minute on two processors that have nothing else to do."""

QUICK = "mitigations=off"
"""Like a page table of four levels instead of five (la57), a third less for the emulator to do."""

PARAMETERS = {"v1": "systemd.unified_cgroup_hierarchy=0", "v2": "cgroup_no_v1=all"}


def versions() -> tuple[str, ...]:
    """Those whose controllers are not this host's: what it has itself is tested on it, sooner."""
    return tuple(version for version in PARAMETERS if version != f"v{version_of('memory')}")


@dataclass(frozen=True, slots=True)
class Report:
    """What a guest has told: each check's error ("" for none), and all it wrote."""

    errors: Mapping[str, str]
    done: bool
    said: str = field(repr=False)


def begin(version: str, kernel: Kernel, initramfs: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start a machine whose second serial line is written to a file in `folder`."""
    words = (
        f"{QUICK} console=ttyS0 panic=-1 loglevel=4 onggi.cgroup={version} {PARAMETERS[version]}"
    )
    command = [
        *("qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off"),
        *("-smp", "2", "-m", str(MEMORY_MIB), "-nic", "none", "-display", "none", "-no-reboot"),
        *("-kernel", str(kernel.image), "-initrd", str(initramfs), "-append", words),
        *("-serial", f"file:{folder}/{version}.console", "-serial", f"file:{folder}/{version}"),
    ]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(folder / f"{version}.qemu").open("wb"),
    )


def finish(version: str, machine: subprocess.Popen[bytes], folder: Path) -> Report:
    """Wait until it has ended; read what it told."""
    try:
        machine.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        machine.kill()
        machine.wait()
    files = [folder / f"{version}{ending}" for ending in (".qemu", ".console", "")]
    texts = [file.read_text(errors="replace") if file.exists() else "" for file in files]
    lines = [line for line in map(_understood, texts[-1].splitlines()) if line]
    errors = {line["check"]: line["error"] for line in lines if "check" in line}
    return Report(errors, any("done" in line for line in lines), "\n".join(texts))


def _understood(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
