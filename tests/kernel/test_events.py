"""Pause, restart, rename, wait, and the journal in which all of it stands."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from runtime.cli.main import main
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import CommandNotStarted, Conflict, InvalidInput, InvalidTransition, NotFound
from runtime.linux.cgroup import Cgroup

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"
TICKING = "while :; do echo tick; sleep 0.02; done"


def sh(engine: Engine, script: str, **options: Any) -> Container:
    container: Container = engine.containers.run(
        IMAGE, ["sh", "-c", script], detach=True, **options
    )
    return container


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def actions(engine: Engine, container: Container) -> list[str]:
    """What the journal says about a container."""
    found = engine.events(filters={"container": container.id}, decode=True, follow=False)
    return [each["Action"] for each in found]


def test_who_looks_and_who_clears_away_stands_in_the_journal(
    engine: Engine, tmp_path: Path
) -> None:
    container = sh(engine, "sleep 1000")
    container.top()
    assert actions(engine, container)[-1] == "top"
    container.remove(force=True)
    (tmp_path / "Dockerfile").write_text("FROM onggi/base\nRUN true\n")
    image, _ = engine.images.build(tmp_path, tag="test/told")
    *_, made = engine.events(
        filters={"event": "create", "type": "image"}, decode=True, follow=False
    )
    assert made["Actor"] == {"ID": image.id, "Attributes": {"name": image.id}}
    engine.containers.create(IMAGE)
    engine.prune(volumes=True)
    engine.networks.prune()
    told = [
        (each["Type"], each["Actor"]["ID"], list(each["Actor"]["Attributes"]))
        for each in engine.events(filters={"event": "prune"}, decode=True, follow=False)
    ]
    kinds = ["container", "volume", "image", "builder", "network"]
    assert told[-5:] == [(kind, "", ["reclaimed"]) for kind in kinds]


def test_paused_is_held_still_and_goes_on(engine: Engine) -> None:
    container = sh(engine, TICKING)
    until(lambda: bool(container.logs()))
    container.pause()
    assert (container.status, container.attrs["State"]["Running"]) == ("paused", True)
    assert container.attrs["State"]["Paused"] is True
    assert Cgroup(container.id).is_frozen()
    held = container.logs()
    time.sleep(0.2)
    assert len(container.logs()) - len(held) <= len(b"tick\n")  # one may have been on its way
    assert engine.containers.list() == [container]
    with pytest.raises(InvalidTransition, match="is paused: cannot pause it"):
        container.pause()
    with pytest.raises(InvalidTransition, match="onggi unpause"):
        container.start()
    with pytest.raises(InvalidTransition):
        container.remove()
    with pytest.raises(Conflict, match="is paused"):
        container.exec_run("true")
    container.unpause()
    held = container.logs()
    until(lambda: container.logs() != held)
    with pytest.raises(InvalidTransition, match="is running: cannot unpause it"):
        container.unpause()
    container.kill()
    with pytest.raises(InvalidTransition, match="is exited: cannot pause it"):
        container.pause()
    assert actions(engine, container) == ["create", "start", "pause", "unpause", "kill", "die"]


def test_stop_lets_a_paused_one_hear_it(engine: Engine) -> None:
    container = sh(engine, "trap 'exit 5' TERM; echo ready; while :; do sleep 0.02; done")
    until(lambda: bool(container.logs()))
    container.pause()
    container.stop(timeout=30)
    assert (container.status, container.exit_code) == ("exited", 5)
    words = ["create", "start", "pause", "kill", "unpause", "die", "stop"]
    assert actions(engine, container) == words


@pytest.mark.parametrize("end", ["kill", "remove"])
def test_a_paused_one_can_be_killed(engine: Engine, end: str) -> None:
    container = sh(engine, "sleep 60 & sleep 60")
    container.pause()
    if end == "kill":
        container.kill()
        assert (container.status, container.exit_code) == ("exited", 137)
    else:
        container.remove(force=True)
        assert engine.containers.list(all=True) == []
    until(lambda: not any(each.exists() for each in Cgroup(container.id).directories()))


def test_commit_pauses_it(engine: Engine) -> None:
    container = sh(engine, "echo 1 > /file; sleep 60")
    until((container.upper_path / "file").exists)
    container.commit("test/committed")
    assert actions(engine, container) == ["create", "start", "pause", "unpause", "commit"]
    container.pause()
    container.commit("test/committed")
    container.reload()
    assert container.status == "paused"  # as it was


def test_restart(engine: Engine) -> None:
    container = sh(engine, "trap 'exit 3' TERM; echo hello; while :; do sleep 0.02; done")
    until(lambda: bool(container.logs()))
    first = container.pid
    container.restart(timeout=30)
    assert container.status == "running"
    assert container.pid != first
    until(lambda: container.logs() == b"hello\nhello\n")
    container.kill()
    container.restart()
    assert container.status == "running"
    container.kill()
    words = ["start", "kill", "die", "stop", "start", "restart", "kill", "die", "start", "restart"]
    assert actions(engine, container)[1:-2] == words


def test_restart_keeps_one_that_goes_at_its_end(engine: Engine) -> None:
    container = sh(engine, "sleep 60", remove=True)
    container.restart(timeout=0)
    assert container.status == "running"
    container.kill()
    until(lambda: engine.containers.list(all=True) == [])


def test_stop_signal_and_time_are_the_container_s_own(engine: Engine) -> None:
    script = "trap 'exit 6' USR1; trap '' TERM; echo ready; while :; do sleep 0.02; done"
    container = sh(engine, script, stop_signal="USR1", stop_timeout=60)
    until(lambda: bool(container.logs()))
    container.stop()
    assert container.exit_code == 6
    config = container.attrs["Config"]
    assert (config["StopSignal"], config["StopTimeout"]) == ("USR1", 60)
    stubborn = sh(engine, "trap '' TERM; echo ready; while :; do sleep 0.02; done", stop_timeout=0)
    stubborn.stop()
    assert stubborn.exit_code == 137


def test_rename(engine: Engine) -> None:
    container = engine.containers.create(IMAGE, "true", name="old")
    other = engine.containers.create(IMAGE, "true", name="other")
    with pytest.raises(Conflict, match="The container name other is already in use"):
        container.rename("other")
    with pytest.raises(Conflict, match="has this name already: old"):
        container.rename("old")
    with pytest.raises(InvalidInput):
        container.rename("no name")
    container.rename("new")
    assert (container.name, engine.containers.get("new")) == ("new", container)
    with pytest.raises(NotFound):
        engine.containers.get("old")
    other.rename("old")
    renamed = [*engine.events(filters={"event": "rename"}, decode=True, follow=False)][-2:]
    names = [(each["Actor"]["Attributes"][key]) for each in renamed for key in ("oldName", "name")]
    assert names == ["/old", "new", "/other", "old"]


def test_waiting_for_the_next_end_and_for_the_removal(engine: Engine) -> None:
    container = sh(engine, "exit 4")
    container.wait()
    with ThreadPoolExecutor(2) as pool:
        now = pool.submit(container.wait)
        again = Engine(engine.root).containers.get(container.id)
        following = pool.submit(again.wait, None, "next-exit")
        assert now.result()["StatusCode"] == 4
        time.sleep(0.2)
        assert not following.done()
        container.start()
        assert following.result(30)["StatusCode"] == 4
        gone = pool.submit(again.wait, None, "removed")
        time.sleep(0.2)
        assert not gone.done()
        container.wait()
        container.remove()
        assert gone.result(30)["StatusCode"] == 4
    fresh = engine.containers.create(IMAGE, "true")
    assert fresh.wait()["StatusCode"] == 0
    with pytest.raises(TimeoutError):
        fresh.wait(timeout=0.1, condition="next-exit")


def test_events_in_docker_s_shape(engine: Engine) -> None:
    began = time.time()
    container = sh(engine, "exit 3", name="told", labels={"tier": "web"})
    container.wait()
    container.remove()
    found = [*engine.events(since=began, filters={"container": "told"}, decode=True, follow=False)]
    assert [each["Action"] for each in found] == ["create", "start", "die", "destroy"]
    die = found[2]
    ran_s = die["Actor"]["Attributes"].pop("execDuration")
    assert 0 <= int(ran_s) <= time.time() - began
    facts = {"image": IMAGE, "name": "told", "tier": "web", "exitCode": "3"}
    assert (die["Type"], die["scope"]) == ("container", "local")
    assert die["Actor"] == {"ID": container.id, "Attributes": facts}
    assert die["time"] == die["timeNano"] // 10**9
    (line,) = engine.events(since=began, filters={"event": "die"}, follow=False)
    assert json.loads(line)["timeNano"] == die["timeNano"]
    for filters, count in (
        ({"label": "tier=web"}, 4),
        ({"label": ["tier", "nothing"]}, 0),
        ({"image": IMAGE, "type": "container"}, 4),
        ({"container": ["told", "other"], "event": ["start", "die"]}, 2),
        ({"type": "image"}, 0),
    ):
        assert len([*engine.events(since=began, filters=filters, follow=False)]) == count
    with pytest.raises(InvalidInput, match="there is no filter nothing"):
        engine.events(filters={"nothing": "1"})


@pytest.mark.parametrize("detach", [False, True])
def test_a_command_is_told_of_from_its_preparation_to_its_end(engine: Engine, detach: bool) -> None:
    container = sh(engine, "sleep 60")
    container.exec_run(["sh", "-c", "exit 3"], detach=detach)
    until(lambda: "exec_die" in actions(engine, container))
    filters = {"container": container.id}
    *_, prepared, begun, ended = engine.events(since=0, filters=filters, decode=True, follow=False)
    assert [each["Action"] for each in (prepared, begun)] == [
        "exec_create: sh -c exit 3",
        "exec_start: sh -c exit 3",
    ]
    facts = ended["Actor"]["Attributes"]
    assert (ended["Action"], facts["exitCode"]) == ("exec_die", "3")
    assert {each["Actor"]["Attributes"]["execID"] for each in (prepared, begun)} == {
        facts["execID"]
    }
    with pytest.raises(CommandNotStarted):
        container.exec_run("nosuch", detach=detach)
    assert actions(engine, container)[-1] == "exec_start: nosuch"


def test_events_of_images(engine: Engine) -> None:
    began = time.time()
    image = engine.images.get(IMAGE)
    image.tag("test/again:1")
    engine.images.remove("test/again:1")
    found = [*engine.events(since=began, decode=True, follow=False)]
    assert [(each["Action"], each["Actor"]) for each in found] == [
        (action, {"ID": image.id, "Attributes": {"name": "test/again:1"}})
        for action in ("tag", "untag")
    ]


def test_events_come_when_they_happen_and_end_in_time(engine: Engine) -> None:
    following = engine.events(decode=True, filters={"type": "container"})
    worker = threading.Timer(0.1, engine.containers.run, (IMAGE, "true"), {"remove": True})
    worker.start()
    seen = [next(following)["Action"] for _ in range(4)]
    assert seen == ["create", "start", "die", "destroy"]
    worker.join()
    following.close()
    assert [*engine.events(until=time.time() + 0.1, filters={"event": "nothing"})] == []


def test_the_commands(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    container = sh(engine, "sleep 60", name="told")
    for words in ("pause told", "unpause told", "restart -t 0 told", "rename told said"):
        assert main(words.split()) == 0
    assert main(["ps"]) == 0
    assert "said" in capsys.readouterr().out
    container.pause()
    assert main(["ps", "--format", "{{.Status}}"]) == 0
    assert capsys.readouterr().out.endswith("(Paused)\n")
    filters = ["--filter", f"container={container.id}", "--filter", "event=rename"]
    line = ["events", "--since", "10m", "--until", f"{time.time():.3f}", *filters]
    assert main(line) == 0
    said = capsys.readouterr().out
    assert f"container rename {container.id} (" in said
    assert "oldName=/told" in said
    assert main([*line, "--format", "{{.Action}} {{.Actor.Attributes.name}}"]) == 0
    assert capsys.readouterr().out == "rename said\n"
    assert main([*line, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["Action"] == "rename"
    assert main(["unpause", "said", "nobody"]) == 1
