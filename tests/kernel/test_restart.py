"""Restart policies on real containers: who is started again, who is not, and who decides."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import Conflict, InvalidTransition
from runtime.linux.cgroup import Cgroup

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"


def sh(engine: Engine, script: str, policy: str, retries: int = 0, **options: Any) -> Container:
    container: Container = engine.containers.run(
        IMAGE,
        ["sh", "-c", script],
        detach=True,
        restart_policy={"Name": policy, "MaximumRetryCount": retries},
        **options,
    )
    return container


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def seen(container: Container) -> tuple[str, int]:
    container.reload()
    return container.status, container.attrs["RestartCount"]


def test_on_failure_gives_up_after_its_retries(engine: Engine) -> None:
    container = sh(engine, "echo again; exit 7", "on-failure", 3)
    until(lambda: seen(container) == ("exited", 3))
    assert (container.exit_code, container.logs()) == (7, b"again\n" * 4)
    found = engine.events(filters={"container": container.id}, decode=True, follow=False)
    assert [each["Action"] for each in found] == ["create", *["start", "die"] * 4]
    assert container.attrs["HostConfig"]["RestartPolicy"] == {
        "Name": "on-failure",
        "MaximumRetryCount": 3,
    }
    container.start()  # anew: its count begins again
    until(lambda: seen(container) == ("exited", 3))
    well = sh(engine, "exit 0", "on-failure")
    well.wait()
    assert seen(well) == ("exited", 0)


def test_always_is_the_same_container_again(engine: Engine) -> None:
    container = sh(engine, "echo x >> /file; wc -l < /file; hostname; sleep 0.1", "always")
    until(lambda: seen(container)[1] >= 3)
    container.stop(timeout=0)
    status, restarts = seen(container)
    assert status == "exited"
    said = container.logs().split()
    assert said[::2][:3] == [b"1", b"2", b"3"]
    assert set(said[1::2]) == {container.short_id.encode()}
    time.sleep(1.0)  # longer than its pause would be
    assert seen(container) == ("exited", restarts)
    assert not any(directory.exists() for directory in Cgroup(container.id).directories())


def resting(container: Container) -> None:
    """Wait until it waits to be started again, for so long that there is time for a question."""
    until(lambda: seen(container)[0] == "restarting" and container.attrs["RestartCount"] >= 5)


def test_while_it_waits_it_can_be_asked_and_stopped(engine: Engine) -> None:
    container = sh(engine, "exit 3", "always")
    resting(container)
    state = container.attrs["State"]
    assert (state["Running"], state["Restarting"], state["Pid"]) == (True, True, 0)
    assert state["ExitCode"] == 3
    assert engine.containers.list() == [container]
    with pytest.raises(InvalidTransition):
        container.start()
    with pytest.raises(InvalidTransition):
        container.remove()
    with pytest.raises(Conflict):
        container.exec_run("true")
    assert container.wait()["StatusCode"] == 3  # the next end
    resting(container)
    container.stop()
    assert seen(container)[0] == "exited"
    container.start()
    until(lambda: seen(container)[1] > 0)
    container.remove(force=True)
    assert engine.containers.list(all=True) == []


@pytest.mark.parametrize("how", ["kill", "restart", "remove"])
def test_a_user_decides_over_the_policy(engine: Engine, how: str) -> None:
    container = sh(engine, "sleep 60", "always")
    if how == "kill":
        container.kill()
        assert seen(container) == ("exited", 0)
    elif how == "restart":
        container.restart(timeout=0)
        assert seen(container) == ("running", 0)
    else:
        container.remove(force=True)
        assert engine.containers.list(all=True) == []


def test_a_program_that_is_gone_at_the_restart_ends_it(engine: Engine) -> None:
    container = sh(engine, "rm /bin/sh; exit 1", "always", entrypoint=None)
    until(lambda: seen(container)[0] == "exited")
    assert container.exit_code == 127
    assert "command not found" in container.attrs["State"]["Error"]


def test_a_policy_and_rm_exclude_each_other(engine: Engine) -> None:
    with pytest.raises(Conflict):
        sh(engine, "true", "always", auto_remove=True)


def test_who_comes_back_when_the_engine_is_brought_up(engine: Engine) -> None:
    """As after a reboot: nothing runs, and whatever supervises calls `restore`."""
    policies = ("no", "always", "unless-stopped", "on-failure")
    containers = {policy: sh(engine, "sleep 60", policy, name=policy) for policy in policies}
    stopped = sh(engine, "sleep 60", "unless-stopped", name="stopped")
    for container in (*containers.values(), stopped):
        if container is not stopped:
            # Not by `stop`: nobody has wished it, as when the power goes.
            database = engine.containers.lifecycle.records.database
            container.stop(timeout=0)
            database.change("UPDATE containers SET wish = '' WHERE id = ?", container.id)
    stopped.stop(timeout=0)
    assert sorted(each.name for each in engine.restore()) == ["always", "unless-stopped"]
    assert {each.name for each in engine.containers.list()} == {"always", "unless-stopped"}
    assert engine.restore() == []
