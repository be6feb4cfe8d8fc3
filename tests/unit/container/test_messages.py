"""What is said to launcher and monitors arrives as what it was."""

from __future__ import annotations

import json
from pathlib import Path

from runtime.container.messages import Start


def test_a_start_is_understood_on_the_other_side(tmp_path: Path) -> None:
    start = Start(tmp_path, tmp_path / "containers/c", "c", True, False, True)
    assert Start.from_message(tmp_path, json.loads(json.dumps(start.to_message()))) == start
