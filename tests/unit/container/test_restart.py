"""Restart policies, as moby decides them."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.container.bundle import Request
from runtime.container.restart import applies, comes_back, pause_ms


def request(policy: str, retries: int = 0) -> Request:
    return Request("image", restart_policy=policy, restart_retries=retries)


@pytest.mark.parametrize(
    ("policy", "retries", "restarts", "code", "expected"),
    [
        ("no", 0, 0, 1, False),
        ("always", 0, 99, 0, True),
        ("unless-stopped", 0, 99, 0, True),
        ("on-failure", 0, 99, 1, True),
        ("on-failure", 0, 0, 0, False),
        ("on-failure", 3, 2, 137, True),
        ("on-failure", 3, 3, 137, False),
    ],
)
def test_the_policies(policy: str, retries: int, restarts: int, code: int, expected: bool) -> None:
    asked: Any = request(policy, retries)
    assert applies(asked, restarts, code, "") is expected
    for wish in ("stop", "restart"):
        assert applies(asked, restarts, code, wish) is False


def test_the_pause_doubles_up_to_a_minute_and_begins_anew_after_a_long_run() -> None:
    pauses = [pause_ms(0, 0.1)]
    while len(pauses) < 12:
        pauses.append(pause_ms(pauses[-1], 0.1))
    assert pauses == [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]
    assert pause_ms(51200, 10.0) == 100
    assert pause_ms(51200, 9.9) == 60000


def test_what_comes_back_after_everything_went_down() -> None:
    back = [
        (policy, wish)
        for policy in ("no", "always", "unless-stopped", "on-failure")
        for wish in ("", "stop")
        if comes_back(request(policy), "exited", wish)
    ]
    assert back == [("always", ""), ("always", "stop"), ("unless-stopped", "")]
    assert not comes_back(request("always"), "created", "")
