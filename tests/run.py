"""All tests, as `make test` runs them: in lanes; and the few that failed, once more, alone.

    python tests/run.py [pytest's arguments]

On a busy machine a test may fail beside others and be right alone. Then it is unsteady, which is a
fault in the test or in the engine, and the last lines of the run name it; but it does not hide what
all others say. A test that fails when it has the machine to itself fails the run. So do more than
a few failures, what only its end finds left behind (conftest.py), and everything that is not a
failed test. The first failure is printed in full, in any case.

What tests write is gone a moment later, so it is kept in memory where there is enough of that.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import lane
from pytest import ExitCode

from runtime.linux import mount, namespaces

ENOUGH_B = 12 << 30
"""Of free memory, for the tests themselves and all that they write."""

LANES = 4
"""Workers at once: half of a test's time is waiting, so two processors can do with four."""
FEW = 6


def main(arguments: Sequence[str]) -> int:
    """The exit code of all that has to be asked here."""
    with files_in_memory():
        if lane.is_possible():
            return asked(["-n", str(LANES), *arguments])
        plain = asked(["-m", "not kernel", "-n", "2", *arguments])
        return asked(["-m", "kernel", *arguments]) or plain


@contextlib.contextmanager
def files_in_memory() -> Iterator[None]:
    """Give temporary files a place in memory, where this host can: root, memory, and a tmpfs that
    keeps attributes of users (Linux 6.6), as layers have them.

    The place is mounted for this process and its children only, so whoever kills them leaves an
    empty folder. Its name is short: sockets lie deep in it, and theirs have 108 bytes.
    """
    if os.geteuid() != 0 or _available_b() < ENOUGH_B:
        yield
        return
    namespaces.unshare(namespaces.FLAG_OF_KIND["mount"])
    mount.make_private()
    folder = tempfile.mkdtemp(prefix="o-")
    mount.mount("tmpfs", folder, "tmpfs", 0, "mode=1777")
    try:
        with contextlib.suppress(OSError):
            os.setxattr(folder, "user.onggi", b"")
            os.environ["TMPDIR"] = tempfile.tempdir = folder
        yield
    finally:
        mount.umount(folder, detach=True)
        os.rmdir(folder)


def _available_b() -> int:
    """man 5 proc_meminfo, MemAvailable"""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def asked(arguments: Sequence[str], alone: Sequence[str] = ("-n", "1")) -> int:
    """Run pytest with these arguments, and what failed once more with `alone`; 0 if all is well."""
    with tempfile.TemporaryDirectory() as folder:
        code = _pytest(arguments, Path(folder))
        failed = _failed(Path(folder))
    if code != ExitCode.TESTS_FAILED or not 0 < len(failed) <= FEW:
        return code
    print(f"\nOnce more, alone: {len(failed)} of them", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        code = _pytest([*alone, *failed], Path(folder))
        still = _failed(Path(folder))
    for name in failed:
        print(f"FAILED {name}: alone, too" if name in still else f"UNSTEADY {name}: not alone")
    return code


def _pytest(arguments: Sequence[str], cache: Path) -> int:
    """With a cache of its own, so that `_failed` knows of this run and of no other."""
    words = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]
    return subprocess.run(words, check=False).returncode


def _failed(cache: Path) -> list[str]:
    """The names of the tests that failed, or that could not be set up or taken down."""
    names = cache / "v" / "cache" / "lastfailed"
    return sorted(json.loads(names.read_text())) if names.exists() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
