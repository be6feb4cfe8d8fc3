"""What a container sees: itself. Asked from inside, with nothing but a shell."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import OnggiError
from runtime.linux import capabilities, namespaces
from runtime.oci.mounts import DEFAULT_MOUNTS
from runtime.oci.spec import (
    DEFAULT_CAPABILITIES,
    MASKED_PATHS,
    NAMESPACES,
    READONLY_PATHS,
)

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"


def sh(engine: Engine, script: str, **options: Any) -> str:
    """What a shell in a new container says, on both outputs."""
    said: bytes = engine.containers.run(
        IMAGE, ["sh", "-c", script], remove=True, stderr=True, **options
    )
    return said.decode()


def refused(engine: Engine, command: str, **options: Any) -> str:
    """Why a container may not do that."""
    return sh(engine, f"{command} && echo DONE || true", **options)


@pytest.fixture
def running(engine: Engine) -> Container:
    """A container to look at from outside."""
    container: Container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True)
    return container


def status_of(engine: Engine, **options: Any) -> dict[str, str]:
    """/proc/self/status of a program that was started without a shell."""
    said: bytes = engine.containers.run(IMAGE, ["cat", "/proc/self/status"], remove=True, **options)
    return dict(line.split(":\t", 1) for line in said.decode().splitlines() if ":\t" in line)


def mounts(text: str) -> dict[str, tuple[str, set[str]]]:
    """A mountinfo as {mount point: (file system, flags)}. man 5 proc"""
    rows = [line.split() for line in text.splitlines()]
    return {row[4]: (row[row.index("-") + 1], set(row[5].split(","))) for row in rows}


def test_a_name_of_its_own(engine: Engine) -> None:
    before = socket.gethostname()
    container = engine.containers.create(IMAGE, "hostname")
    assert b"".join(e.data for e in container.start_attached().output()).decode().strip() == (
        container.short_id
    )
    script = (
        "hostname; cat /etc/hostname; uname -n; ping -c 1 -W 1 $(hostname) > /dev/null; echo $?"
    )
    assert sh(engine, script, hostname="jar") == "jar\njar\njar\n0\n"
    assert "not permitted" in refused(engine, "hostname other")
    assert socket.gethostname() == before


def test_it_is_the_first_process_and_sees_no_other(engine: Engine) -> None:
    assert sh(engine, "echo $$; echo /proc/[0-9]*") == "1\n/proc/1\n"
    rows = sh(engine, "ps -o pid,args").splitlines()[1:]
    assert rows[0].split()[0] == "1"
    assert all("sh -c" in row or "ps -o" in row for row in rows)


def test_every_world_but_the_users_is_its_own(running: Container) -> None:
    for kind in NAMESPACES:
        assert namespaces.identity(running.pid, kind) != namespaces.identity("self", kind)
    assert namespaces.identity(running.pid, "user") == namespaces.identity("self", "user")


def test_an_exec_is_in_the_same_worlds(running: Container) -> None:
    script = 'for each in /proc/self/ns/* /proc/1/ns/*; do readlink "$each"; done'
    links = running.exec_run(["sh", "-c", script])[1].decode().split()
    assert len(links) >= 2 * len(namespaces.FLAG_OF_KIND)
    assert links[: len(links) // 2] == links[len(links) // 2 :]


def test_the_host_stays_where_it_was(engine: Engine) -> None:
    places = [*namespaces.FLAG_OF_KIND]
    before = [namespaces.identity("self", kind) for kind in places]
    seen = Path("/proc/self/mountinfo").read_text()
    container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True)
    assert Path("/proc/self/mountinfo").read_text() == seen
    assert list((container.bundle_path / "rootfs").iterdir()) == []
    container.remove(force=True)
    assert [namespaces.identity("self", kind) for kind in places] == before
    assert Path("/proc/self/mountinfo").read_text() == seen


def test_a_root_of_its_own(engine: Engine, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the host's")
    assert "No such file" in refused(engine, f"cat {secret}")
    assert sh(engine, "cd /; cd ../../..; pwd; ls -id / /.. | cut -d' ' -f1 | uniq | wc -l") == (
        "/\n1\n"
    )


def test_the_way_out_of_a_chroot_leads_nowhere(engine: Engine, tmp_path: Path) -> None:
    """A descriptor from before `chroot`, then `..`: from a root that was pivoted it ends there."""
    (tmp_path / "secret").write_text("the host's")
    program = f"""
import os
os.mkdir("/jail")
outside = os.open("/", os.O_RDONLY)
os.chroot("/jail")
os.fchdir(outside)
for _ in range(50):
    os.chdir("..")
os.chroot(".")
print(os.path.exists({str(tmp_path)!r}), "bin" in os.listdir("/"))
"""
    said = engine.containers.run("onggi/python", ["python3", "-c", program], remove=True)
    assert said == b"False True\n"


def test_every_mount_is_the_container_s_own(engine: Engine) -> None:
    expected = {each.destination for each in DEFAULT_MOUNTS}
    expected |= {*MASKED_PATHS, *READONLY_PATHS, "/"}
    expected |= {f"/etc/{name}" for name in ("hostname", "hosts", "resolv.conf")}
    expected |= {f"/dev/{name}" for name in NODES}
    found = mounts(sh(engine, "cat /proc/self/mountinfo"))
    groups = {place for place in found if place.startswith("/sys/fs/cgroup/")}
    assert found.keys() - groups <= expected
    assert {each.destination for each in DEFAULT_MOUNTS} < found.keys()
    assert found["/"][0] == "overlay"


def test_each_mount_forbids_what_the_specification_says(engine: Engine) -> None:
    """config-linux.md, "Default Filesystems"; docker's options."""
    found = mounts(sh(engine, "cat /proc/self/mountinfo"))
    for each in DEFAULT_MOUNTS:
        flags = set(each.options) & {"nosuid", "noexec", "nodev", "ro"}
        assert flags <= found[each.destination][1], each.destination
    assert all("ro" in flags for place, (_, flags) in found.items() if "/cgroup" in place)


NODES = {
    "null": "1, 3",
    "zero": "1, 5",
    "full": "1, 7",
    "random": "1, 8",
    "urandom": "1, 9",
    "tty": "5, 0",
}
LINKS = {"fd", "stdin", "stdout", "stderr", "ptmx"}


def test_the_devices_are_docker_s(engine: Engine) -> None:
    """config-linux.md, "Default Devices" and "/dev symbolic links"."""
    said = sh(engine, "stat -c '%n %F %a %t %T' /dev/*").splitlines()
    found = {line.split()[0].removeprefix("/dev/"): line.split(" ", 1)[1] for line in said}
    assert found.keys() == {*NODES, *LINKS, "pts", "shm", "mqueue"}
    for name, numbers in NODES.items():
        major, minor = numbers.split(", ")
        assert found[name] == f"character special file 666 {major} {minor}"
    assert all(found[name].startswith("symbolic link") for name in LINKS)
    assert found["shm"].startswith("directory 1777")


def test_the_devices_work(engine: Engine) -> None:
    script = (
        "echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; "
        "dd if=/dev/zero of=/dev/full bs=1 count=1 2>&1 | grep -o 'No space left'; "
        ": < /dev/ptmx; echo err > /dev/stderr; echo in | cat /dev/stdin"
    )
    # Two pipes: which of them is read first is not said.
    assert sorted(sh(engine, script).splitlines()) == ["3", "3", "No space left", "err", "in"]


@pytest.mark.parametrize("place", ["/", "/dev/", "/tmp/", "/dev/shm/", "/home/"])
def test_a_node_of_the_host_s_device_cannot_be_opened(engine: Engine, place: str) -> None:
    """Root may make one (CAP_MKNOD, as in docker); docker's device rules forbid to open it."""
    for device in ("c 5 1", "b 7 0", "c 10 237"):
        script = f"mknod {place}node {device} && cat {place}node"
        assert "Permission denied" in refused(engine, script), device


def test_nor_one_that_came_with_an_image(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN mknod /console c 5 1\n")
    image, _ = engine.images.build(tmp_path)
    said = engine.containers.run(image, ["sh", "-c", "cat /console 2>&1 || true"], remove=True)
    assert b"Permission denied" in said
    assert b"c" in engine.containers.run(image, ["ls", "-l", "/console"], remove=True)[:1]


def test_without_a_network_there_is_a_loopback_that_is_up(engine: Engine) -> None:
    look = "ls /sys/class/net; ip -o addr | awk '{print $2, $4}'"
    assert sh(engine, look, network="none") == "lo\nlo 127.0.0.1/8\nlo ::1/128\n"
    assert "1 packets received" in sh(engine, "ping -c 1 -W 1 127.0.0.1", network="none")
    assert "unreachable" in refused(engine, "ping -c 1 -W 1 10.0.0.1", network="none")


def test_its_loopback_is_not_the_host_s(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert "refused" in refused(engine, f"nc 127.0.0.1 {port} < /dev/null")


def test_its_control_groups_begin_at_itself(engine: Engine) -> None:
    said = sh(engine, "cut -d: -f3 /proc/self/cgroup | sort -u")
    assert said == "/\n"


@pytest.mark.parametrize(
    "path", ["/proc/sys/kernel/hostname", "/proc/sys/vm/swappiness", "/sys/kernel/x"]
)
def test_what_would_change_the_host_is_read_only(engine: Engine, path: str) -> None:
    """READONLY_PATHS, /sys"""
    assert "Read-only file system" in refused(engine, f"(echo x > {path})")


def test_control_groups_cannot_be_written(engine: Engine) -> None:
    said = refused(engine, "mkdir $(ls -d /sys/fs/cgroup/pids /sys/fs/cgroup | head -1)/new")
    assert "Read-only file system" in said


def test_what_tells_about_the_host_is_empty(engine: Engine) -> None:
    script = "for path; do cat $path 2>/dev/null; ls -A $path/ 2>/dev/null; done; true"
    command = ["sh", "-c", script, "sh", *MASKED_PATHS]
    assert engine.containers.run(IMAGE, command, remove=True) == b""
    assert any(Path(path).exists() for path in MASKED_PATHS)


def test_root_inside_has_docker_s_fourteen_capabilities(engine: Engine) -> None:
    status = status_of(engine)
    kept = capabilities.bits(frozenset(DEFAULT_CAPABILITIES) & capabilities.held("CapBnd"))
    assert {name: int(status[name], 16) for name in status if name.startswith("Cap")} == {
        "CapInh": 0,
        "CapPrm": kept,
        "CapEff": kept,
        "CapBnd": kept,
        "CapAmb": 0,
    }


def test_another_user_has_none_and_gets_none(engine: Engine) -> None:
    status = status_of(engine, user="student")
    kept = capabilities.bits(frozenset(DEFAULT_CAPABILITIES) & capabilities.held("CapBnd"))
    sets = {name: int(value, 16) for name, value in status.items() if name.startswith("Cap")}
    assert sets == {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": kept, "CapAmb": 0}


def test_an_exec_gets_no_more_than_the_first_process(running: Container) -> None:
    script = "grep Cap /proc/1/status; echo -; grep Cap /proc/self/status"
    first, _, mine = running.exec_run(["sh", "-c", script])[1].partition(b"-\n")
    assert first == mine


@pytest.mark.parametrize(
    "command",
    [
        "mount -t tmpfs none /mnt",
        "umount /proc",
        "ip link add dummy0 type dummy",
        "date -s 2001-01-01",
        "unshare -m true",
        "nsenter -t 1 -m true",
        "chroot /proc/1/root mount -o remount,rw /sys",
    ],
)
def test_what_root_inside_may_not(engine: Engine, command: str) -> None:
    said = refused(engine, command)
    assert "denied" in said or "not permitted" in said or "are you root" in said, said


def test_no_file_of_the_host_stays_open(engine: Engine) -> None:
    """Three descriptors and the directory that `ls` itself reads; the same for an exec."""
    said = engine.containers.run(IMAGE, ["ls", "/proc/self/fd"], remove=True)
    assert said.split() == [b"0", b"1", b"2", b"3"]


def test_no_file_of_the_host_stays_open_in_an_exec(running: Container) -> None:
    assert running.exec_run(["ls", "/proc/self/fd"])[1].split() == [b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", "0 0 0 /root"),
        ("root", "0 0 0 /root"),
        ("student", "1000 1000 1000 /home/student"),
        ("1000", "1000 1000 1000 /home/student"),
        ("student:tty", "1000 5 5 /home/student"),
        ("1000:7", "1000 7 7 /home/student"),
        ("4711", "4711 0 0 /"),
        ("4711:4712", "4711 4712 4712 /"),
    ],
)
def test_users(engine: Engine, user: str, expected: str) -> None:
    script = "echo $(id -u) $(id -g) $(id -G) $HOME"
    assert sh(engine, script, user=user) == expected + "\n"


def test_an_unknown_user_is_named(engine: Engine) -> None:
    with pytest.raises(OnggiError, match="no such user in the container: nobody-here"):
        sh(engine, "true", user="nobody-here")


def test_a_given_home_stays(engine: Engine) -> None:
    assert sh(engine, "echo $HOME", environment={"HOME": "/over/there"}) == "/over/there\n"


def test_a_program_starts_as_from_a_shell(engine: Engine) -> None:
    """Python ignores SIGPIPE: an heir of that would never notice that its reader has gone."""
    status = status_of(engine)
    ours = (1 << 31) - 1  # the C library keeps two real-time signals, 32 and 33, for itself
    assert [int(status[name], 16) & ours for name in ("SigBlk", "SigIgn", "SigCgt")] == [0, 0, 0]
    assert status["Umask"] == "0022"
    assert sh(engine, "umask; yes | head -1; ulimit -c > /dev/null") == "0022\ny\n"


def test_signals_of_an_exec_are_the_defaults_too(running: Container) -> None:
    said = running.exec_run(["cat", "/proc/self/status"])[1].decode()
    status = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
    assert int(status["SigIgn"], 16) & ((1 << 31) - 1) == 0
    assert status["Umask"] == "0022"


def test_a_working_directory_is_made(engine: Engine) -> None:
    assert sh(engine, "pwd; ls -ld . | cut -c1-10", working_dir="/new/here") == (
        "/new/here\ndrwxr-xr-x\n"
    )
    said = refused(engine, "pwd", working_dir="/tmp")
    assert said == "/tmp\nDONE\n"


def test_a_working_directory_that_is_a_file(engine: Engine) -> None:
    with pytest.raises(OnggiError, match="cannot enter the working directory /etc/passwd"):
        sh(engine, "pwd", working_dir="/etc/passwd")


def test_standard_input_is_empty(engine: Engine) -> None:
    assert sh(engine, "cat; readlink /proc/self/fd/0") == "/dev/null\n"


def test_starting_writes_nothing_into_its_own_layer(running: Container) -> None:
    assert list(running.upper_path.iterdir()) == []


def test_what_it_writes_is_nobody_else_s(engine: Engine) -> None:
    assert sh(engine, "echo mine > /etc/mine; rm /etc/passwd; ls /etc/passwd 2>&1; cat /etc/mine")
    assert sh(engine, "ls /etc/mine 2>&1; head -c 4 /etc/passwd").endswith("root")


@pytest.fixture(autouse=True)
def host_name() -> Iterator[None]:
    """Whatever happens inside, the host keeps its name."""
    before = socket.gethostname()
    yield
    assert socket.gethostname() == before
