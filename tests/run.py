"""All tests, as `make test` runs them: in lanes; and the few that failed, once more, alone.

    python tests/run.py [pytest's arguments]

On a busy machine a test may fail beside others and be right alone. Then it is unsteady, which is a
fault in the test or in the engine, and the last lines of the run name it; but it does not hide what
all others say. A test that fails when it has the machine to itself fails the run. So do more than
a few failures, what only its end finds left behind (conftest.py), and everything that is not a
failed test. The first failure is printed in full, in any case.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import lane
from pytest import ExitCode

LANES = 4
"""Workers at once: half of a test's time is waiting, so two processors can do with four."""
FEW = 6


def main(arguments: Sequence[str]) -> int:
    """The exit code of all that has to be asked here."""
    if lane.is_possible():
        return asked(["-n", str(LANES), *arguments])
    plain = asked(["-m", "not kernel", "-n", "2", *arguments])
    return asked(["-m", "kernel", *arguments]) or plain


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
