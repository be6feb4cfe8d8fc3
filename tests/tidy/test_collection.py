"""Every test can be found. Beside it: what pytest makes of a test file before it runs lies ready
then, so that it is done here once, and not by all workers at once.
"""

from __future__ import annotations

import subprocess
import sys

from sources import HOME


def test_every_file_of_tests_can_be_read() -> None:
    words = ("-m", "pytest", "--ignore", "tests/tidy", "--collect-only", "-qq")
    done = subprocess.run(
        [sys.executable, *words], cwd=HOME, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
