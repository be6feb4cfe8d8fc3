"""Whatever is killed, and whenever: the state is the old one or the new one, and nothing stays.

The random moments are seeded: a failure comes again with the same numbers.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import leftovers
import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import BuildFailed, ContainerFailed, OnggiError
from runtime.linux import cgroup, process

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"
HOME = Path(__file__).parents[2]
MOMENTS = 30


def python(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process, as a notebook's kernel is one; it says what it prints."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HOME, text=True
    )


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def sleeper(engine: Engine, **options: Any) -> Container:
    """A container that runs."""
    container: Container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True, **options)
    return container


def launchers(root: Path) -> list[int]:
    """The launcher of a state directory, then an heir, its spare monitor, and that one's PID 1."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            name, _, fields = (place / "stat").read_text().rpartition(") ")
        except OSError:
            continue
        if name.endswith("(onggi-launcher") and str(root).encode() in words:
            found[int(place.name)] = int(fields.split()[1])
    chain = [pid for pid, parent in found.items() if parent not in found]
    while chain and (children := [pid for pid in found if found[pid] == chain[-1]]):
        chain.append(children[0])
    return chain


def disk_bytes(*trees: Path) -> int:
    """As `du` counts: blocks, each inode once, the directories too."""
    seen = {
        (status.st_dev, status.st_ino): status.st_blocks * 512
        for tree in trees
        for folder, _, files in os.walk(tree)
        for status in (os.lstat(os.path.join(folder, name)) for name in (".", *files))
    }
    return sum(seen.values())


def assert_nothing_is_left_over(engine: Engine) -> None:
    """Every directory, group and snapshot belongs to something that a name leads to."""
    rows = {each.id: each for each in engine.containers.list(all=True)}
    chains = set(engine.images.snapshots.chain_ids())
    until(lambda: set(names_in(engine.root / "containers")) == rows.keys())
    assert set(engine.images.snapshots.keys()) == rows.keys()
    assert len(names_in(engine.root / "snapshots")) == len(rows) + len(chains)
    assert names_in(engine.root / "builds") == []
    assert names_in(engine.root / "ingest") == []
    assert_df_is_true(engine)


def assert_df_is_true(engine: Engine) -> None:
    """What `df` says is what is on the disk; blobs it counts in bytes, the disk in blocks."""
    said = engine.df()
    snapshots = engine.images.snapshots
    layers = [snapshots.files(chain_id) for chain_id in snapshots.chain_ids()]
    blobs = [path for path in (engine.root / "blobs").rglob("*") if path.is_file()]
    expected = disk_bytes(*layers) + sum(path.stat().st_size for path in blobs)
    cached = sum(each["Size"] for each in said["BuildCache"] if not each["Shared"])
    assert said["LayersSize"] + cached == expected
    for each in said["Containers"]:
        assert each["SizeRw"] == disk_bytes(snapshots.directory / each["Id"] / "fs")


def names_in(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.exists() else []


def assert_only_images_stay(engine: Engine) -> None:
    """After a prune there is what the named images need, and not one blob or layer more."""
    for container in engine.containers.list(all=True):
        container.remove(force=True)
    engine.prune()
    assert_nothing_is_left_over(engine)
    images = engine.images.list(all=True)
    assert all(image.tags for image in images)
    chains = {layer.chain_id for image in images for layer in image.layers}
    digests = {layer.digest for image in images for layer in image.layers}
    digests |= {image.manifest_digest for image in images}
    digests |= {image.manifest.config.digest for image in images}
    assert set(engine.images.snapshots.chain_ids()) == chains
    assert set(engine.images.content.digests()) == digests
    assert engine.containers.run(IMAGE, "echo works", remove=True) == b"works\n"


START = """
import sys
from runtime.engine import Engine
container = Engine(sys.argv[1]).containers.run("onggi/base",
    ["sh", "-c", "trap 'echo bye; exit 3' TERM; echo hello; while :; do sleep 0.05; done"],
    name="survivor", detach=True)
print(container.pid, flush=True)
if sys.argv[2] == "stay":
    input()
"""


@pytest.mark.parametrize("end", ["exit", "stay"])
def test_a_container_outlives_who_started_it(engine: Engine, end: str) -> None:
    """As when a notebook's kernel is restarted: another process sees it and controls it."""
    starter = python(START, engine.root, end)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    if end == "stay":
        starter.kill()
    starter.communicate()
    container = Engine(engine.root).containers.get("survivor")
    assert (container.status, container.pid) == ("running", pid)
    until(lambda: bool(container.logs() == b"hello\n"))
    assert container.exec_run("echo inside").output == b"inside\n"
    container.stop()
    assert (container.exit_code, container.logs()) == (3, b"hello\nbye\n")


KILLER = """
import os, sys, time
import runtime.engine.engine, runtime.build.builder, runtime.engine.bootstrap
from runtime.engine import Engine
from pathlib import Path
root, act, *delays = sys.argv[1:]
def run(number):
    script = f"echo {number} > /file; sleep 0.03"
    Engine(root).containers.run("onggi/base", ["sh", "-c", script],
        remove=number % 2 == 0, detach=number % 3 == 0)
def build(number):
    context = Path(root).parent / "context"
    context.mkdir(exist_ok=True)
    (context / "file").write_text(str(number))
    (context / "Dockerfile").write_text(
        "FROM onggi/base\\nCOPY file /a\\nRUN cp /a /b; sleep 0.03\\nWORKDIR /w\\nRUN cp /a c\\n")
    Engine(root).images.build(context, tag="test/killed")
for number, delay in enumerate(map(float, delays)):
    child = os.fork()
    if child == 0:
        try:
            globals()[act](number)
        finally:
            os._exit(0)
    time.sleep(delay)
    os.kill(child, 9)
    os.waitpid(child, 0)
"""


def kill_at_moments(engine: Engine, act: str, seed: int, longest_s: float) -> None:
    """Do something `MOMENTS` times in a process that is killed before or while it is done."""
    moments = random.Random(seed)
    delays = [f"{moments.uniform(0, longest_s):.4f}" for _ in range(MOMENTS)]
    killer = python(KILLER, engine.root, act, *delays)
    killer.communicate()
    assert killer.returncode == 0


def test_a_caller_that_is_killed_while_it_runs_containers(engine: Engine) -> None:
    kill_at_moments(engine, "run", seed=7, longest_s=0.25)
    again = Engine(engine.root)
    until(lambda: not again.containers.list())  # what was started is not the caller's any more
    assert_nothing_is_left_over(again)
    assert {each.status for each in again.containers.list(all=True)} <= {"created", "exited"}
    assert {each.exit_code for each in again.containers.list(all=True)} <= {None, 0}
    assert_only_images_stay(again)


def test_a_caller_that_is_killed_while_it_builds(engine: Engine) -> None:
    kill_at_moments(engine, "build", seed=11, longest_s=0.7)
    again = Engine(engine.root)
    assert_nothing_is_left_over(again)
    assert again.containers.list(all=True) == []
    for image in again.images.list():
        assert again.containers.run(image, "true", remove=True) == b""
    assert_only_images_stay(again)


def test_a_monitor_that_is_killed_takes_no_container_with_it(engine: Engine) -> None:
    container = sleeper(engine)
    row = container.row
    os.kill(row["monitor_pid"], signal.SIGKILL)
    until(lambda: not process.is_alive(row["monitor_pid"], row["monitor_start"]))
    container.reload()
    assert (container.status, container.pid) == ("running", row["pid"])
    assert container.exec_run("echo inside").output == b"inside\n"
    container.kill()  # its next monitor has seen the end, see test_adoption
    container.start()
    container.remove(force=True)


def test_nobody_invents_how_it_ended(engine: Engine) -> None:
    """Its program ended well, but nobody saw it: no call of the engine came in between."""
    container = engine.containers.run(IMAGE, ["sleep", "0.3"], detach=True, name="unseen")
    row = container.row
    os.kill(row["monitor_pid"], signal.SIGKILL)
    until(lambda: not process.is_alive(row["pid"], row["pid_start"]))
    assert container.wait(timeout=20)["StatusCode"] == 255  # as containerd says it
    assert_unknown_end(container)
    assert_nothing_is_left_over(engine)


def assert_unknown_end(container: Container) -> None:
    container.reload()
    assert (container.status, container.pid, container.exit_code) == ("exited", 0, None)
    assert "nobody saw how it ended" in container.attrs["State"]["Error"]
    until(lambda: not any(each.exists() for each in cgroup.Cgroup(container.id).directories()))


def test_monitor_and_program_killed_at_once(engine: Engine) -> None:
    container = sleeper(engine)
    for pid in (container.row["monitor_pid"], container.pid):
        os.kill(pid, signal.SIGKILL)
    until(lambda: Engine(engine.root).containers.get(container.id).status == "exited")
    assert_unknown_end(container)
    container.remove()
    assert_nothing_is_left_over(engine)


def test_who_listens_to_a_killed_monitor_is_not_told_a_success(engine: Engine) -> None:
    container = engine.containers.create(IMAGE, ["sh", "-c", "echo 1; sleep 60"])
    attachment = container.start_attached()
    container.reload()
    for pid in (container.row["monitor_pid"], container.pid):
        os.kill(pid, signal.SIGKILL)
    for _ in attachment.output():
        pass
    assert attachment.exit.code == 255
    assert_unknown_end(container)


@pytest.mark.parametrize("which", ["launcher", "heir", "spare", "all"])
def test_a_launcher_that_is_killed_is_started_again(engine: Engine, which: str) -> None:
    container = sleeper(engine)
    for _ in range(6):
        engine.containers.run(IMAGE, "true", remove=True)
        until(lambda: len(launchers(engine.root)) == 4)
        first, heir, spare, _ = launchers(engine.root)
        chosen = {"launcher": [first], "heir": [heir], "spare": [spare]}
        for pid in chosen.get(which, [spare, heir, first]):
            os.kill(pid, signal.SIGKILL)
        assert engine.containers.run(IMAGE, "echo works", remove=True) == b"works\n"
    container.reload()
    assert container.status == "running"
    assert container.exec_run("echo inside").output == b"inside\n"
    container.kill()
    assert container.exit_code == 137


def test_a_request_that_nobody_has_read_is_asked_again(engine: Engine) -> None:
    """The launcher and its spares stand still, a request waits, and all are killed."""
    engine.containers.run(IMAGE, "true", remove=True)
    until(lambda: len(launchers(engine.root)) == 4)
    frozen = launchers(engine.root)[:3]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    caller = python(
        "import sys; from runtime.engine import Engine\n"
        'print(Engine(sys.argv[1]).containers.run("onggi/base", "echo works", remove=True))',
        engine.root,
    )
    until(lambda: bool(names_in(engine.root / "containers")))
    time.sleep(0.3)
    for pid in frozen:
        os.kill(pid, signal.SIGKILL)
    assert caller.communicate(timeout=20)[0] == "b'works\\n'\n"


def test_fifty_runs_leave_nothing(engine: Engine) -> None:
    engine.containers.run(IMAGE, "true", remove=True)
    until(lambda: len(launchers(engine.root)) == 4)
    gc.collect()
    before, descriptors = everything(engine), len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        engine.containers.run(IMAGE, "true", remove=True)
    deadline = time.monotonic() + 5  # the last monitor may take a moment to be gone
    while (after := everything(engine)) != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert after == before
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= descriptors
    assert_nothing_is_left_over(engine)


def everything(engine: Engine) -> tuple[object, ...]:
    """What a run could leave: mounts, groups, interfaces, processes, files."""
    return (
        [line for line in Path("/proc/self/mountinfo").open() if str(engine.root) in line],
        sorted(name for name in cgroup.names() if name in names_in(engine.root / "containers")),
        os.listdir("/sys/class/net"),
        len(launchers(engine.root)),
        Path(f"/proc/self/task/{os.getpid()}/children").read_text(),
        sorted(os.listdir(engine.root)),
        names_in(engine.root / "containers") + names_in(engine.root / "run"),
        len(names_in(engine.root / "snapshots")),
    )


@pytest.fixture
def small_disk(state_root: Path) -> Iterator[Engine]:
    """An engine whose disk holds the base image, and little more."""
    state_root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=90m", "onggi", state_root], check=True)
    try:
        engine = Engine(state_root)
        engine.images.bootstrap(names=[IMAGE])
        yield engine
        for container in engine.containers.list(all=True):
            container.remove(force=True)
    finally:
        leftovers.end_launchers(state_root)
        subprocess.run(["umount", "--lazy", state_root], check=True)


def fill(root: Path, leave_bytes: int = 0) -> Path:
    """Take all the space of a file system, but for `leave_bytes`."""
    filler = root / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            file.truncate(max(0, file.tell() - leave_bytes))
    return filler


@pytest.mark.parametrize("leave_bytes", [0, 4096, 16384, 65536])
def test_a_full_disk_is_said_in_a_sentence_and_spoils_nothing(
    small_disk: Engine, tmp_path: Path, leave_bytes: int
) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM {IMAGE}\nRUN head -c 5000000 /dev/zero > /much && sleep 0.1\n"
    )
    run = small_disk.containers.run
    survivor = sleeper(small_disk)
    filler = fill(small_disk.root, leave_bytes)
    script = ["sh", "-c", "head -c 5000000 /dev/zero > /much"]
    for attempt in (
        lambda: run(IMAGE, script, remove=True),
        lambda: small_disk.images.build(tmp_path, tag="test/full"),
    ):
        with pytest.raises(OnggiError) as failure:
            attempt()
        # A program that was started says it itself, in a log for which there is no room.
        started = isinstance(failure.value, ContainerFailed | BuildFailed)
        assert started or "no space left" in str(failure.value).lower()
        assert len(str(failure.value).splitlines()) <= 2
    filler.unlink()
    assert run(IMAGE, "echo works", remove=True) == b"works\n"
    assert survivor.exec_run("echo inside").output == b"inside\n"
    survivor.kill()
    assert survivor.exit_code == 137
    assert_only_images_stay(Engine(small_disk.root))


def test_a_full_disk_can_be_pruned(small_disk: Engine) -> None:
    """To forget a container SQLite must write; there is room put aside for that."""
    script = ["sh", "-c", "head -c 500000 /dev/zero > /much"]
    old = [small_disk.containers.run(IMAGE, script, detach=True) for _ in range(3)]
    for container in old:
        container.wait()
    filler = fill(small_disk.root)
    again = Engine(small_disk.root)
    assert set(again.prune()["ContainersDeleted"]) == {container.id for container in old}
    assert again.containers.run(IMAGE, "echo works", remove=True) == b"works\n"
    assert (Engine(small_disk.root).root / "reserve").stat().st_size == 1 << 20
    filler.unlink()


def test_a_state_directory_that_cannot_be_written(small_disk: Engine) -> None:
    root = small_disk.root
    subprocess.run(["mount", "--bind", root, root], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", root], check=True)
        with pytest.raises(OnggiError, match="the state directory cannot be written"):
            Engine(small_disk.root)
        with pytest.raises(OnggiError, match=r"cannot be written|Read-only file system"):
            small_disk.containers.create(IMAGE, "true")
    finally:
        subprocess.run(["umount", root], check=True)
    assert small_disk.containers.run(IMAGE, "echo works", remove=True) == b"works\n"


@pytest.mark.parametrize("place", ["/proc/onggi", "/dev/null", "/dev/null/onggi"])
def test_a_state_directory_that_cannot_be(place: str) -> None:
    with pytest.raises(OnggiError, match="the state directory cannot be written"):
        Engine(place)


NOBODY = """
import os, pkgutil, sys, importlib
import runtime
for module in pkgutil.walk_packages(runtime.__path__, "runtime."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from runtime.cli.main import main
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.argv = ["onggi", *sys.argv[1:]]
sys.exit(main())
"""


@pytest.mark.parametrize(
    "line", [["run", "onggi/base", "true"], ["build", "."], ["ps"], ["images"], ["system", "df"]]
)
@pytest.mark.parametrize("owner", [0, 65534])
def test_who_is_not_root_is_told_so(state_root: Path, line: list[str], owner: int) -> None:
    """In a directory of root's, and in one of its own: a sentence, and no traceback."""
    state_root.mkdir()
    os.chown(state_root, owner, owner)
    state_root.parent.chmod(0o711)
    state_root.parents[1].chmod(0o711)
    done = subprocess.run(
        [sys.executable, "-c", NOBODY, *line],
        cwd=HOME,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ONGGI_LANG": "en"},
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    if owner == 0:
        assert done.returncode != 0
        assert said.startswith("onggi: the state directory cannot be written")
    elif line[0] in ("run", "build"):
        assert done.returncode != 0
        assert "root" in said
        assert len(said.splitlines()) <= 3
    else:
        assert done.returncode == 0
