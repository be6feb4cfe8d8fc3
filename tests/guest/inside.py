"""The guest's first and only program: mounts control groups of one version, runs the checks,
tells each one's result on the second serial line, and ends the machine.

Each line is JSON: {"check": name, "seconds": 0.5, "error": ""}, the last one {"done": true}.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, "/guest")
os.environ |= {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "ONGGI_ROOT": "/state"}

from runtime.linux.mount import mount

CGROUPS = Path("/sys/fs/cgroup")
TOGETHER = ("cpu,cpuacct", "cpuset", "memory", "pids", "devices", "freezer", "blkio")
"""Version 1 as systemd mounts it."""


def mount_control_groups(version: str) -> None:
    """Only those of one version."""
    if version == "v2":
        return mount("cgroup2", CGROUPS, "cgroup2")
    mount("tmpfs", CGROUPS, "tmpfs")
    for names in TOGETHER:
        (CGROUPS / names).mkdir()
        mount("cgroup", CGROUPS / names, "cgroup", 0, names)
    return None


def say(**line: object) -> None:
    """One line to the host."""
    sys.__stdout__.write(json.dumps(line) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def main() -> None:
    """Run every check, each with no container of another's."""
    words = dict(word.partition("=")[::2] for word in Path("/proc/cmdline").read_text().split())
    mount_control_groups(words["onggi.cgroup"])
    mount("tmpfs", "/tmp", "tmpfs")
    began = time.monotonic()
    from guest import checks

    from runtime.engine import Engine

    engine = Engine("/state")
    say(ready=True, seconds=round(time.monotonic() - began, 2))
    for name, check in checks.all_checks().items():
        began = time.monotonic()
        error = ""
        try:
            check(engine)
        except BaseException:  # noqa: BLE001  (reported to the host)
            error = traceback.format_exc()
        for container in engine.containers.list(all=True):
            container.remove(force=True)
        say(check=name, seconds=round(time.monotonic() - began, 2), error=error)
    say(done=True)


if __name__ == "__main__":
    gc.freeze()
    try:
        main()
    except BaseException:  # noqa: BLE001  (a first program that ends is a panic)
        say(failed=traceback.format_exc())
    os.sync()
    os.system("reboot -f")
