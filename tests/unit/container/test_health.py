"""HEALTHCHECK as moby decides it (daemon/health.go)."""

from __future__ import annotations

import pytest

from runtime.container.health import Check, Health, Result, merged

SECOND = 10**9


def result(code: int, name: str = "") -> Result:
    return Result("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", code, name)


def run(codes: str, check: Check, ran_s: float = 100.0) -> Health:
    """Health after probes: each letter one, `.` is a success."""
    health = Health()
    for letter in codes:
        health = health.after(result(0 if letter == "." else 1), check, ran_s)
    return health


@pytest.mark.parametrize(
    ("codes", "status", "streak"),
    [
        ("", "starting", 0),
        (".", "healthy", 0),
        ("xx", "starting", 2),
        ("xxx", "unhealthy", 3),
        (".xx", "healthy", 2),
        (".xx.xx", "healthy", 2),
        (".xxx", "unhealthy", 3),
        ("xxxx.", "healthy", 0),
    ],
)
def test_what_follows_from_results(codes: str, status: str, streak: int) -> None:
    health = run(codes, Check(("CMD", "true")))
    assert (health.status, health.failing_streak) == (status, streak)


def test_failures_in_the_start_period_do_not_count_until_the_first_success() -> None:
    check = Check(("CMD", "true"), start_period_s=10.0, retries=2)
    assert run("xxxxx", check, ran_s=9.9) == Health("starting", 0, (result(1),) * 5)
    assert run("xx", check, ran_s=10.0).status == "unhealthy"
    assert run(".xx", check, ran_s=5.0).status == "unhealthy"


def test_the_last_five_results_are_kept() -> None:
    health = Health()
    for name in "abcdefg":
        health = health.after(result(0, name), Check(("CMD",)), 1.0)
    assert [each.output for each in health.log] == list("cdefg")
    assert Health.from_docker(health.to_docker()) == health
    begun = run("xx", Check(("CMD",))).begun()
    assert (begun.status, begun.failing_streak, len(begun.log)) == ("starting", 0, 2)


def test_how_often() -> None:
    check = Check(("CMD",), interval_s=30, start_period_s=60, start_interval_s=2)
    assert check.pause_s("starting", 59) == 2
    assert check.pause_s("healthy", 59) == 30
    assert check.pause_s("starting", 60) == 30


def test_docker_s_description_and_its_defaults() -> None:
    assert Check.from_docker(None) is None
    assert Check.from_docker({"Test": []}) is None
    assert Check.from_docker({"Test": ["NONE"]}) is None
    default = Check.from_docker({"Test": ["CMD", "a", "b"], "Interval": 0, "Retries": 0})
    assert default == Check(("CMD", "a", "b"), 30.0, 30.0, 0.0, 5.0, 3)
    assert default.command(()) == ("a", "b")
    given = {"Interval": SECOND, "Timeout": 2 * SECOND, "StartPeriod": 3 * SECOND, "Retries": 7}
    check = Check.from_docker({"Test": ["CMD-SHELL", "exit 1"], **given})
    assert check == Check(("CMD-SHELL", "exit 1"), 1.0, 2.0, 3.0, 5.0, 7)
    assert check.command(()) == ("/bin/sh", "-c", "exit 1")
    assert check.command(("/bin/ash", "-ec")) == ("/bin/ash", "-ec", "exit 1")


def test_what_the_user_does_not_say_the_image_says() -> None:
    image = {"Test": ["CMD", "a"], "Interval": 1, "Retries": 4}
    assert merged(None, image) == image
    assert merged({"Interval": 2, "Test": []}, image) == {**image, "Interval": 2}
    assert merged({"Test": ["NONE"]}, image)["Test"] == ["NONE"]
    assert merged(None, None) == {}
