"""What a second pair of eyes found: each test is a way in which the engine once went wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.container import launch
from runtime.container.bundle import Bundle
from runtime.container.messages import Start
from runtime.engine import Engine
from runtime.errors import CommandNotStarted, InvalidTransition, NotFound
from runtime.linux import process
from runtime.linux.cgroup import Cgroup
from runtime.oci.spec import Process, Spec
from runtime.snapshot.overlay import Snapshots

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"
HOME = Path(__file__).parents[2]


def test_a_refusal_is_told_however_long_its_reason(engine: Engine) -> None:
    with pytest.raises(CommandNotStarted):
        engine.containers.run(IMAGE, ["가" * 300_000], remove=True)
    assert engine.containers.run(IMAGE, ["echo", "next"], remove=True) == b"next\n"


def test_a_program_that_outlived_its_monitor_is_not_started_again(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True)
    os.kill(container.row["monitor_pid"], signal.SIGKILL)
    while process.is_alive(container.row["monitor_pid"], container.row["monitor_start"]):
        time.sleep(0.01)
    with pytest.raises(InvalidTransition):
        container.start()
    container.reload()
    assert container.status == "running"
    assert process.is_alive(container.pid, container.row["pid_start"])


def test_what_was_stopped_can_be_removed(engine: Engine) -> None:
    """Also when it ended by itself a moment before, and nobody has written that down yet."""
    for _ in range(10):
        container = engine.containers.run(IMAGE, ["true"], detach=True)
        container.stop()
        container.remove()


def test_a_guest_in_its_control_group_does_not_take_the_exit_code(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sh", "-c", "sleep 0.2; exit 7"], detach=True)
    with subprocess.Popen(["sleep", "60"]) as guest:
        for directory in Cgroup(container.id).directories():
            (directory / "cgroup.procs").write_text(str(guest.pid))
        assert container.wait()["StatusCode"] == 7
        guest.kill()


def test_what_the_first_process_lacks_is_said_by_itself(tmp_path: Path) -> None:
    """It fails before anybody has told it what to become."""
    tmp_path.chmod(0o755)
    program = """
import os, sys, time
from pathlib import Path
from runtime.container.first import FirstProcess
from runtime.container.messages import Start
from runtime.linux.cgroup import Cgroup
os.setresuid(65534, 65534, 65534)
first = FirstProcess(Path(sys.argv[1]))
os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
first.prepare(Start(Path("/"), Path("/none"), "none", False, False))
first.begin(Cgroup("none"))
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    assert "unshare" in done.stderr.splitlines()[-1]


def test_a_container_may_leave_directories_deeper_than_python_recurses(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["true"], detach=True)
    container.wait()
    (container.upper_path / "file").write_text("at the top")
    folder = os.open(container.upper_path, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    assert engine.df()["Containers"][0]["SizeRw"] > 0
    container.remove()
    Engine(engine.root)


def test_a_slow_reader_is_told_the_exit_code(engine: Engine) -> None:
    """Of a container that is gone afterwards. It reads when more has been said than is kept."""
    count = "i=0; while [ $i -lt 800 ]; do echo $i; sleep 0.001; i=$((i+1)); done; exit 7"
    container = engine.containers.create(IMAGE, ["sh", "-c", count], auto_remove=True)
    attachment = container.start_attached()
    container.reload()
    while process.is_alive(container.pid, container.row["pid_start"]):
        time.sleep(0.1)
    time.sleep(2)
    assert len(list(attachment.output())) == 800
    assert attachment.exit.code == 7


@pytest.mark.parametrize("target", ["../run/nowhere/resolv.conf", "resolv.conf"])
def test_an_image_s_resolv_conf_may_be_a_link_to_nowhere(engine: Engine, target: str) -> None:
    container = engine.containers.create(IMAGE, ["cat", "/etc/resolv.conf"])
    (container.upper_path / "etc").mkdir()
    (container.upper_path / "etc" / "resolv.conf").symlink_to(target)
    container.start()
    assert container.wait()["StatusCode"] == 0
    assert container.logs() == (container.bundle_path / "resolv.conf").read_bytes()


def test_a_pipe_for_etc_passwd_does_not_hold_up_a_start(engine: Engine) -> None:
    container = engine.containers.create(IMAGE, ["true"], user="1000")
    (container.upper_path / "etc").mkdir()
    os.mkfifo(container.upper_path / "etc" / "passwd")
    container.start()
    assert container.wait()["StatusCode"] == 0


def test_a_build_step_of_another_user_ends_with_its_monitor(engine: Engine) -> None:
    """The kernel forgets a parent's death signal when the user changes."""
    bundle = Bundle(engine.root, engine.root / "builds" / "build-review")
    image = engine.images.get(IMAGE)
    Snapshots(engine.root).prepare("build-review", image.chain_id)
    bundle.write(Spec(Process(("sleep", "60"), user="1000"), hostname="build"))
    start = Start(engine.root, bundle.directory, "build-review", recorded=False, lifeline=True)
    session = launch.start(start)
    (pid,) = Cgroup("build-review").processes()
    monitor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    started = process.start_time(pid)
    assert started is not None
    os.kill(monitor, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while process.is_alive(pid, started) and time.monotonic() < deadline:
        time.sleep(0.01)
    alive = process.is_alive(pid, started)
    session.close()
    engine.recover()
    assert not alive


def test_nobody_else_reaches_what_containers_have_written(engine: Engine) -> None:
    """It may hold set-user-ID programs, also where the state directory itself is open to all."""
    assert (engine.root / "snapshots").stat().st_mode & 0o777 == 0o700


def test_a_name_that_is_not_utf_8_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound):
        engine.containers.get("jar\udcff")


def test_several_may_prune_at_once(engine: Engine) -> None:
    for _ in range(12):
        engine.containers.create(IMAGE)
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda _: engine.containers.prune(), range(4)))
    deleted = [name for answer in answers for name in answer["ContainersDeleted"]]
    assert len(deleted) == len(set(deleted)) == 12
