"""Health checks on real containers: seen live, in inspect, in ps and in the journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from runtime.cli.main import main
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.linux.cgroup import Cgroup

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"
FAST = 50_000_000
"""Nanoseconds between two probes."""


def checked(engine: Engine, test: Any, script: str = "sleep 60", **more: Any) -> Container:
    """A container that is probed often."""
    check = {"test": test, "interval": FAST} | more
    container: Container = engine.containers.run(
        IMAGE, ["sh", "-c", script], detach=True, healthcheck=check
    )
    return container


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def health(container: Container) -> dict[str, Any]:
    container.reload()
    found: dict[str, Any] = container.attrs["State"]["Health"]
    return found


def becomes(container: Container, status: str) -> None:
    until(lambda: health(container)["Status"] == status)


def test_starting_healthy_unhealthy_and_well_again(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    container = checked(engine, "test -f /well || { echo no such file; exit 3; }")
    assert health(container)["Status"] in ("starting", "unhealthy")
    becomes(container, "unhealthy")
    found = health(container)
    assert found["FailingStreak"] >= 3
    last = found["Log"][-1]
    assert (last["ExitCode"], last["Output"]) == (3, "no such file\n")
    assert last["Start"] < last["End"]
    assert container.exec_run("touch /well").exit_code == 0
    becomes(container, "healthy")
    assert health(container)["FailingStreak"] == 0
    until(lambda: len(health(container)["Log"]) == 5)
    assert main(["ps", "--format", "{{.Status}}"]) == 0
    assert "(healthy)" in capsys.readouterr().out
    assert container.exec_run("rm /well").exit_code == 0
    becomes(container, "unhealthy")
    filters = {"container": container.id, "event": "health_status"}
    found_events = engine.events(filters=filters, decode=True, follow=False)
    assert [each["Action"].partition(": ")[2] for each in found_events] == [
        *("unhealthy", "healthy", "unhealthy")
    ]
    container.kill()
    container.start()
    assert health(container)["Status"] == "starting"


def test_while_it_starts_it_is_asked_more_often(engine: Engine) -> None:
    """The usual interval is an hour: what is seen here was asked at the start interval. Failures
    do not count then; with the first success the start is over, and so are the questions.
    """
    hour = 3600 * 10**9
    container = checked(
        engine, "test -f /well", interval=hour, start_period=hour, StartInterval=FAST, retries=1
    )
    until(lambda: len(health(container)["Log"]) >= 3)
    found = health(container)
    assert (found["Status"], found["FailingStreak"]) == ("starting", 0)
    assert {each["ExitCode"] for each in found["Log"]} == {1}
    assert container.exec_run("touch /well").exit_code == 0
    becomes(container, "healthy")
    last = health(container)["Log"][-1]["Start"]
    assert container.exec_run("rm /well").exit_code == 0
    time.sleep(10 * FAST / 10**9)
    found = health(container)
    assert (found["Status"], found["Log"][-1]["Start"]) == ("healthy", last)


def test_a_probe_that_hangs_is_killed(engine: Engine) -> None:
    container = checked(
        engine, ["CMD", "sh", "-c", "echo here; sleep 60"], timeout=2_000_000_000, retries=1
    )
    becomes(container, "unhealthy")
    last = health(container)["Log"][-1]
    assert last["ExitCode"] == -1
    assert last["Output"] == "Health check exceeded timeout (2s): here\n"
    assert container.exec_run("true").exit_code == 0


def test_a_probe_is_kept_apart_as_the_container_is(engine: Engine) -> None:
    container = checked(
        engine,
        ["CMD", "sh", "-c", "id -u; hostname; cat /proc/self/cgroup; grep -c . /proc/net/dev"],
    )
    becomes(container, "healthy")
    inside = container.exec_run(
        ["sh", "-c", "id -u; hostname; cat /proc/self/cgroup; grep -c . /proc/net/dev"]
    )
    assert health(container)["Log"][-1]["Output"].encode() == inside.output


def test_a_probe_that_says_much_and_one_that_is_not_there(engine: Engine) -> None:
    container = checked(engine, "head -c 300000 /dev/zero | tr '\\0' x")
    becomes(container, "healthy")
    assert health(container)["Log"][-1]["Output"] == "x" * 4096 + "..."
    missing = checked(engine, ["CMD", "nosuch"], retries=1)
    becomes(missing, "unhealthy")
    last = health(missing)["Log"][-1]
    assert last["ExitCode"] == -1
    assert "command not found in the container: nosuch" in last["Output"]


def test_paused_is_not_probed(engine: Engine) -> None:
    container = checked(engine, "true")
    becomes(container, "healthy")
    container.pause()
    time.sleep(0.3)  # a probe that was on its way has ended, or stands still
    before = health(container)["Log"]
    time.sleep(0.5)
    assert health(container)["Log"] == before
    container.unpause()
    until(lambda: health(container)["Log"] != before)


def test_an_image_s_check_and_how_it_is_changed_or_left_out(engine: Engine) -> None:
    line = "HEALTHCHECK --interval=50ms --retries=1 CMD test -f /well"
    image = engine.containers.create(IMAGE, "sleep 60").commit("test/checked", changes=[line])
    container = engine.containers.run(image, "sleep 60", detach=True)
    becomes(container, "unhealthy")
    assert container.attrs["Config"]["Healthcheck"]["Retries"] == 1
    changed = engine.containers.run(
        image, "sleep 60", detach=True, healthcheck={"test": ["CMD", "true"]}
    )
    becomes(changed, "healthy")
    none = engine.containers.run(image, "sleep 60", detach=True, healthcheck={"test": ["NONE"]})
    assert "Health" not in none.attrs["State"]


def test_the_end_comes_while_a_probe_runs(engine: Engine) -> None:
    container = checked(engine, "sleep 60", "sleep 0.5; exit 3")
    assert container.wait()["StatusCode"] == 3
    until(lambda: not any(each.exists() for each in Cgroup(container.id).directories()))


def test_one_that_ends_before_its_monitor_has_settled_is_seen_to_end(engine: Engine) -> None:
    """The monitor goes into the container's PID namespace to probe, and there may be none left."""
    for _ in range(15):
        container = checked(engine, "true", ":")
        assert container.wait()["StatusCode"] == 0
        container.remove()


def test_the_command_line(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--health-cmd", "exit 1", "--health-interval", "50ms", "--health-retries", "1"]
    assert main(["run", "-d", *flags, IMAGE, "sleep", "60"]) == 0
    container = engine.containers.get(capsys.readouterr().out.strip())
    becomes(container, "unhealthy")
    assert container.attrs["State"]["Health"]["Log"][0]["ExitCode"] == 1
