"""What graders conclude from what they see, without a container."""

from __future__ import annotations

import pytest

from lessons_lib.exercises import commands_and_life


@pytest.mark.parametrize(
    "process",
    [
        "/bin/sh /on-air.sh",
        "sh on-air.sh",
        "sh -e /on-air.sh",
        "/on-air.sh",
        "{on-air.sh} /bin/sh /on-air.sh",
        "busybox sh /on-air.sh",
    ],
)
def test_who_runs_the_script_is_on_air(process: str) -> None:
    assert commands_and_life._is_on_air(process)


@pytest.mark.parametrize(
    "process",
    ["", "sleep 1d", "tail -f /on-air.sh", "sh -c echo on-air.sh; sleep 1d", "cat on-air.sh"],
)
def test_who_only_has_its_name_is_not(process: str) -> None:
    assert not commands_and_life._is_on_air(process)
