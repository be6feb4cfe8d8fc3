"""The verbs on real containers: what they do, what they answer, and who wins of two."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import (
    CommandNotStarted,
    Conflict,
    ContainerFailed,
    InvalidInput,
    InvalidTransition,
    NotFound,
)

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"
HOME = Path(__file__).parents[2]


def sh(engine: Engine, script: str, **options: Any) -> Container:
    """A shell that runs in the background."""
    container: Container = engine.containers.run(
        IMAGE, ["sh", "-c", script], detach=True, **options
    )
    return container


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_from_created_to_gone(engine: Engine) -> None:
    container = engine.containers.create(IMAGE, ["sh", "-c", "echo hello; exit 3"], name="web")
    assert (container.status, container.pid, container.exit_code) == ("created", 0, None)
    assert engine.containers.list() == []
    container.start()
    assert container.wait()["StatusCode"] == 3
    assert (container.status, container.pid) == ("exited", 0)
    assert container.logs() == b"hello\n"
    state = container.attrs["State"]
    assert state["StartedAt"] < state["FinishedAt"]
    bundle, upper = container.bundle_path, container.upper_path
    container.remove()
    assert not bundle.exists()
    assert not upper.parent.exists()
    for question in (container.reload, container.start, container.kill, container.remove):
        with pytest.raises(NotFound, match="no such container"):
            question()


def test_run_returns_what_was_written(engine: Engine) -> None:
    script = ["sh", "-c", "echo out; echo err >&2"]
    run = engine.containers.run
    assert run(IMAGE, script, remove=True) == b"out\n"
    assert run(IMAGE, script, remove=True, stdout=False, stderr=True) == b"err\n"
    assert sorted(run(IMAGE, script, remove=True, stderr=True).split()) == [b"err", b"out"]
    assert run(IMAGE, "printf '\\377\\000'", remove=True) == b"\xff\x00"


def test_run_tells_of_a_failure(engine: Engine) -> None:
    with pytest.raises(ContainerFailed, match="its last words: wrong") as failure:
        engine.containers.run(IMAGE, ["sh", "-c", "echo wrong >&2; exit 9"])
    assert (failure.value.exit_status, failure.value.stderr) == (9, b"wrong\n")
    assert engine.containers.list(all=True)[0].exit_code == 9


@pytest.mark.parametrize(
    ("command", "code", "match"),
    [
        ("nosuch", 127, "command not found in the container: nosuch"),
        ("/nosuch/at/all", 127, "command not found"),
        ("/etc/passwd/x", 127, "command not found"),
        ("/etc/passwd", 126, "cannot be executed in the container: /etc/passwd"),
        ("/", 126, "cannot be executed"),
    ],
)
def test_a_command_that_cannot_be_started(
    engine: Engine, command: str, code: int, match: str
) -> None:
    container = engine.containers.create(IMAGE, [command])
    with pytest.raises(CommandNotStarted, match=match) as refusal:
        container.start()
    assert refusal.value.exit_code == code
    container.reload()
    assert (container.status, container.exit_code) == ("created", code)
    assert container.attrs["State"]["Error"].startswith("command ")
    with pytest.raises(CommandNotStarted):
        container.start()
    with pytest.raises(CommandNotStarted):
        engine.containers.run(IMAGE, [command], remove=True)
    assert engine.containers.list(all=True) == [container]


def test_a_program_that_was_killed(engine: Engine) -> None:
    for number, code in ((9, 137), (15, 143), (6, 134)):
        child = f"sh -c 'kill -{number} $$'; exit $?"
        assert sh(engine, child).wait()["StatusCode"] == code


def test_stop_asks_and_the_program_answers(engine: Engine) -> None:
    container = sh(engine, "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
    until(lambda: bool(container.logs() == b"ready\n"))
    container.stop()
    assert (container.status, container.exit_code) == ("exited", 5)
    assert container.logs() == b"ready\nbye\n"
    container.stop()


def test_who_does_not_listen_is_killed(engine: Engine) -> None:
    """PID 1 ignores what it does not handle. man 7 pid_namespaces"""
    container = sh(engine, "sleep 60; :")
    began = time.monotonic()
    container.stop(timeout=0.3)
    assert 0.3 <= time.monotonic() - began < 5
    assert container.exit_code == 137


def test_stop_uses_the_signal_that_was_given_or_the_image_s(engine: Engine) -> None:
    script = "trap 'exit 6' USR1; echo ready; while :; do sleep 0.05; done"
    container = sh(engine, script)
    until(lambda: bool(container.logs()))
    container.stop(signal="USR1")
    assert container.exit_code == 6


def test_kill(engine: Engine) -> None:
    script = "trap 'echo got it' HUP; echo ready; while :; do sleep 0.05; done"
    container = sh(engine, script)
    until(lambda: bool(container.logs()))
    container.kill("SIGHUP")
    until(lambda: bool(container.logs() == b"ready\ngot it\n"))
    assert container.status == "running"
    container.kill()
    assert (container.status, container.exit_code) == ("exited", 137)
    with pytest.raises(Conflict, match="is not running"):
        container.kill()
    with pytest.raises(InvalidInput, match="no such signal: SIGNOTHING"):
        container.kill("SIGNOTHING")


def test_wait_gives_up_in_time(engine: Engine) -> None:
    container = sh(engine, "sleep 60")
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        container.wait(timeout=0.2)
    assert 0.2 <= time.monotonic() - began < 5


def test_everybody_who_waits_is_told(engine: Engine) -> None:
    container = sh(engine, "sleep 0.5; exit 4")
    with ThreadPoolExecutor(4) as pool:
        waiting = [
            pool.submit(Engine(engine.root).containers.get(container.id).wait) for _ in range(4)
        ]
    assert [each.result()["StatusCode"] for each in waiting] == [4] * 4


def test_what_runs_is_not_removed_but_by_force(engine: Engine) -> None:
    container = sh(engine, "sleep 60")
    with pytest.raises(InvalidTransition) as refusal:
        container.remove()
    assert (refusal.value.state, refusal.value.verb) == ("running", "remove")
    container.remove(force=True)
    assert engine.containers.list(all=True) == []


def test_what_runs_is_not_started_again(engine: Engine) -> None:
    container = sh(engine, "sleep 60")
    with pytest.raises(InvalidTransition) as refusal:
        container.start()
    assert (refusal.value.state, refusal.value.verb) == ("running", "start")
    container.reload()
    assert container.status == "running"


def test_what_has_ended_starts_again_with_what_it_wrote(engine: Engine) -> None:
    container = sh(engine, "echo x >> /file; wc -l < /file")
    for times in range(1, 4):
        assert container.wait()["StatusCode"] == 0
        assert container.logs() == b"".join(b"%d\n" % n for n in range(1, times + 1))
        container.start()
    container.wait()


def test_a_container_that_goes_by_itself(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "0.2"], detach=True, remove=True)
    until(lambda: not engine.containers.list(all=True))
    until(lambda: not container.bundle_path.exists())  # its directories may go a moment later
    assert list(engine.images.snapshots.keys()) == []


def test_names(engine: Engine) -> None:
    web = engine.containers.create(IMAGE, "true", name="web")
    with pytest.raises(Conflict, match="The container name web is already in use"):
        engine.containers.create(IMAGE, "true", name="web")
    with pytest.raises(InvalidInput):
        engine.containers.create(IMAGE, "true", name="no name")
    assert len(list((engine.root / "containers").iterdir())) == 1
    assert engine.containers.get("web") == engine.containers.get(web.id[:8]) == web
    web.remove()
    assert engine.containers.create(IMAGE, "true", name="web").name == "web"


def test_beginnings_of_ids(engine: Engine) -> None:
    made = [engine.containers.create(IMAGE, "true") for _ in range(17)]
    assert engine.containers.get(made[3].id) == made[3]
    digits = [each.id[0] for each in made]
    twice = next(digit for digit in digits if digits.count(digit) > 1)
    with pytest.raises(Conflict, match="several containers have an id that begins with"):
        engine.containers.get(twice)
    for nothing in ("", "nobody", "g", "%", "*", "[0-9]", "_" * 64):
        with pytest.raises(NotFound):
            engine.containers.get(nothing)


def test_of_many_who_want_a_name_one_gets_it(engine: Engine) -> None:
    def take() -> bool:
        try:
            engine.containers.create(IMAGE, "true", name="wanted")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: take(), range(8))) == 1
    assert len(list((engine.root / "containers").iterdir())) == 1
    assert len(list(engine.images.snapshots.keys())) == 1


def test_listing(engine: Engine) -> None:
    first = sh(engine, "sleep 60", labels={"tier": "web", "a": "1"})
    second = engine.containers.create(IMAGE, "true", name="second", labels=["tier"])
    failed = sh(engine, "exit 3")
    failed.wait()

    def found(**filters: Any) -> set[str]:
        return {each.id for each in engine.containers.list(all=True, filters=filters)}

    assert engine.containers.list() == [first]
    assert [each.id for each in engine.containers.list(all=True)] == [
        failed.id,
        second.id,
        first.id,
    ]
    assert found(status="created") == {second.id}
    assert found(status=["created", "running"]) == {first.id, second.id}
    assert found(label="tier") == {first.id, second.id}
    assert found(label=["tier", "a=1"]) == {first.id}
    assert found(label="tier=web") == {first.id}
    assert found(exited=3) == {failed.id}
    assert found(exited=0) == set()
    assert found(name="^sec") == {second.id}
    assert found(id=first.id[:12]) == {first.id}
    assert found(ancestor=IMAGE) == {first.id, second.id, failed.id}
    assert found(ancestor="nothing") == set()


def test_exec(engine: Engine) -> None:
    container = sh(engine, "sleep 60", environment={"A": "1"}, working_dir="/tmp")
    assert container.exec_run("echo hello") == (0, b"hello\n")
    script = "echo $A$B; pwd; id -u; echo $$ > pid; exit 7"
    options: dict[str, Any] = {"environment": {"B": "2"}, "workdir": "/home", "user": "student"}
    assert container.exec_run(["sh", "-c", script], **options).exit_code == 7
    code, said = container.exec_run(["sh", "-c", "echo $A$B; pwd; id -u"], **options)
    assert (code, said) == (0, b"12\n/home\n1000\n")
    assert container.exec_run("pwd").output == b"/tmp\n"
    assert container.exec_run(["sh", "-c", "kill -9 $$"]).exit_code == 137
    assert container.exec_run("sh -c 'echo out; echo err >&2'", stdout=False).output == b"err\n"
    container.reload()
    assert container.status == "running"
    assert len(container.top()["Processes"]) == 2  # the shell and its sleep


@pytest.mark.parametrize(("command", "code"), [("nosuch", 127), ("/etc/passwd", 126)])
def test_an_exec_that_cannot_be_started(engine: Engine, command: str, code: int) -> None:
    container = sh(engine, "sleep 60")
    with pytest.raises(CommandNotStarted) as refusal:
        container.exec_run(command)
    assert refusal.value.exit_code == code
    with pytest.raises(NotFound, match="no such user"):
        container.exec_run("true", user="nobody-here")


def test_an_exec_needs_a_container_that_runs(engine: Engine) -> None:
    container = engine.containers.create(IMAGE, "true")
    with pytest.raises(Conflict, match="is not running"):
        container.exec_run("true")
    with pytest.raises(Conflict, match="is not running"):
        _ = container.root_path


def test_an_exec_ends_with_its_container(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True)
    with ThreadPoolExecutor(1) as pool:
        execution = pool.submit(container.exec_run, "sleep 60")
        until(lambda: len(container.top()["Processes"]) == 2)
        container.kill()
    assert execution.result().exit_code == 137


@pytest.mark.parametrize("size", [1, 100_000])
def test_an_exec_s_words_arrive_whole(engine: Engine, size: int) -> None:
    container = sh(engine, "sleep 60")
    assert container.exec_run(["sh", "-c", "echo ${#1}", "sh", "x" * size]).output == (
        b"%d\n" % size
    )


def test_an_exec_with_more_words_than_fit(engine: Engine) -> None:
    container = sh(engine, "sleep 60")
    with pytest.raises(InvalidInput, match="too long"):
        container.exec_run(["echo", "x" * 1_000_000])


def test_the_files_of_a_running_container_are_seen_from_the_host(engine: Engine) -> None:
    container = sh(engine, "echo mine > /tmp/file; sleep 60")
    until((container.root_path / "tmp/file").exists)
    assert (container.upper_path / "tmp/file").read_text() == "mine\n"
    assert (container.root_path / "etc/hostname").read_text() == container.short_id + "\n"


def test_logs_keep_outputs_apart(engine: Engine) -> None:
    container = sh(engine, "echo one; echo two >&2; printf half; printf '\\377\\000' >&2")
    container.wait()
    assert container.logs(stderr=False) == b"one\nhalf"
    assert container.logs(stdout=False) == b"two\n\xff\x00"
    assert container.logs(tail=0) == b""
    assert container.logs(stderr=False, tail=2).endswith(b"half")
    assert len(container.logs()) == len(b"one\ntwo\nhalf\xff\x00")


def test_logs_with_their_times(engine: Engine) -> None:
    wait = "while [ ! -e /go ]; do sleep 0.01; done"
    container = sh(engine, f"echo one; {wait}; printf tw; sleep 0.1; echo o")
    deadline = time.monotonic() + 30
    while b"one" not in container.logs() and time.monotonic() < deadline:
        time.sleep(0.01)
    container.exec_run("touch /go")
    container.wait()
    stamp = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
    said = container.logs(timestamps=True)
    assert re.fullmatch(rb"(%s) one\n(%s) two\n" % (stamp, stamp), said), said
    assert said.split()[0] < said.split()[2]


def test_logs_of_much(engine: Engine) -> None:
    container = sh(engine, "seq 1 20000")
    container.wait()
    assert container.logs() == b"".join(b"%d\n" % number for number in range(1, 20001))
    assert container.logs(tail=2) == b"19999\n20000\n"


def test_logs_that_are_followed_come_as_they_are_written_until_the_end(engine: Engine) -> None:
    container = sh(engine, "for i in 1 2 3; do echo $i; sleep 0.2; done")
    began = time.monotonic()
    seen = [(piece, time.monotonic() - began) for piece in container.logs(follow=True)]
    assert [piece for piece, _ in seen] == [b"1\n", b"2\n", b"3\n"]
    assert seen[2][1] - seen[0][1] > 0.2
    container.reload()
    assert container.status == "exited"
    assert list(container.logs(follow=True)) == [b"1\n", b"2\n", b"3\n"]


def test_a_log_can_be_left_while_it_is_followed(engine: Engine) -> None:
    container = sh(engine, "echo 1; sleep 60")
    pieces = container.logs(follow=True)
    assert next(pieces) == b"1\n"
    del pieces
    assert container.exec_run("true").exit_code == 0


def test_no_line_is_missed_at_the_moment_of_connecting(engine: Engine) -> None:
    """A line may be written after the log was read and before the monitor knows its reader."""
    for _ in range(15):
        container = sh(engine, "echo 1; sleep 60")
        assert next(container.logs(follow=True)) == b"1\n"
        container.remove(force=True)


def test_a_program_that_writes_more_than_anybody_reads(engine: Engine) -> None:
    """The log takes it all: a reader who has gone away does not stop it, and never kills it."""
    container = sh(engine, "head -c 3000000 /dev/zero; echo done >&2")
    assert container.wait(timeout=30)["StatusCode"] == 0
    assert container.logs(stdout=False) == b"done\n"
    assert container.logs(stderr=False) == bytes(3_000_000)


START = """
import sys
from runtime.engine import Engine
from runtime.errors import InvalidTransition
containers = [Engine(sys.argv[1]).containers.get(name) for name in sys.argv[2:]]
print("ready", flush=True)
for container in containers:
    input()
    try:
        container.start()
        print("won", flush=True)
    except InvalidTransition as refusal:
        print(refusal.state, flush=True)
"""


def test_of_two_processes_that_start_it_at_once_exactly_one_wins(engine: Engine) -> None:
    names = [engine.containers.create(IMAGE, ["sleep", "60"]).name for _ in range(6)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(engine.root), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=HOME,
            text=True,
            bufsize=1,
        )
        for _ in range(2)
    ]
    assert [tell(process) for process in processes] == ["ready"] * 2
    for _ in names:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert sorted(map(tell, processes)) == ["running", "won"]
    for process in processes:
        process.communicate()
    assert len(engine.containers.list()) == len(names)


def tell(process: subprocess.Popen[str]) -> str:
    """The next line of another process."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_engines_on_one_state_directory(engine: Engine) -> None:
    other = Engine(engine.root)
    container = sh(engine, "sleep 60", name="shared")
    seen = other.containers.get("shared")
    assert (seen, seen.status) == (container, "running")
    seen.remove(force=True)
    with pytest.raises(NotFound):
        container.reload()


def test_several_threads(engine: Engine) -> None:
    def work(number: int) -> bytes:
        said: bytes = engine.containers.run(IMAGE, ["echo", str(number)], remove=True)
        return said

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(12))) == [b"%d\n" % number for number in range(12)]


def test_inside_a_running_loop(engine: Engine) -> None:
    """As in a notebook's cell."""

    async def cell() -> bytes:
        said: bytes = engine.containers.run(IMAGE, ["echo", "hi"], remove=True)
        aside: bytes = await asyncio.to_thread(
            engine.containers.run, IMAGE, "echo too", remove=True
        )
        return said + aside

    assert asyncio.run(cell()) == b"hi\ntoo\n"


def test_a_caller_s_signals_and_children_are_left_alone(engine: Engine) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGCHLD, signal.SIGINT)}
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    engine.containers.run(IMAGE, "true", remove=True)
    assert child.poll() is None
    child.communicate()
    assert child.returncode == 1
    assert {number: signal.getsignal(number) for number in before} == before
    assert threading.active_count() == 1


def test_prune_takes_what_does_not_run(engine: Engine) -> None:
    running = sh(engine, "sleep 60")
    done = sh(engine, "head -c 100000 /dev/zero > /file")
    done.wait()
    new = engine.containers.create(IMAGE, "true")
    answer = engine.containers.prune()
    assert set(answer["ContainersDeleted"]) == {done.id, new.id}
    assert 100_000 <= answer["SpaceReclaimed"] < 200_000
    assert engine.containers.list(all=True) == [running]


def test_a_pause_may_come_before_the_program_has_begun(engine: Engine) -> None:
    """Its row says running a moment earlier, so that it can be paused on its way there."""
    for _ in range(10):
        container = engine.containers.create("onggi/base", "sleep 600")
        starter = threading.Thread(target=engine.containers.get(container.id).start)
        starter.start()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(Conflict):
                container.pause()
                break
        starter.join(timeout=30)
        container.reload()
        assert (starter.is_alive(), container.status) == (False, "paused")
        container.unpause()
        assert container.exec_run("true").exit_code == 0
        container.remove(force=True)
