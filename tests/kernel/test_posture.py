"""Every flag that widens or narrows how a container is kept apart, asked from inside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from runtime.container import isolation
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import Conflict, HostLacks, InvalidInput, NotFound, OnggiError
from runtime.linux import capabilities, namespaces
from runtime.oci.spec import DEFAULT_CAPABILITIES

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"
LOOP_CONTROL = "/dev/loop-control"


def sh(engine: Engine, script: str, **options: Any) -> str:
    said: bytes = engine.containers.run(
        IMAGE, ["sh", "-c", f"({script}) 2>&1 || true"], remove=True, **options
    )
    return said.decode()


def status_of(engine: Engine, **options: Any) -> dict[str, str]:
    said = sh(engine, "cat /proc/self/status", **options)
    return dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)


def names(mask: str) -> set[str]:
    return {name for bit, name in enumerate(capabilities.NAMES) if int(mask, 16) >> bit & 1}


def notices_of(engine: Engine, **options: Any) -> list[str]:
    request = engine.containers.create(IMAGE, "true", **options).request
    return [str(notice) for notice in isolation.notices(request)]


HOST = capabilities.held("CapBnd")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"cap_drop": ["CHOWN", "cap_kill"]}, {*DEFAULT_CAPABILITIES} - {"CAP_CHOWN", "CAP_KILL"}),
        ({"cap_drop": ["ALL"]}, set()),
        ({"cap_drop": ["all"], "cap_add": ["NET_ADMIN"]}, {"CAP_NET_ADMIN"}),
        ({"cap_add": ["CAP_SYS_TIME"]}, {*DEFAULT_CAPABILITIES, "CAP_SYS_TIME"}),
        (
            {"cap_add": ["ALL"], "cap_drop": ["SYS_ADMIN"]},
            {*capabilities.NAMES} - {"CAP_SYS_ADMIN"},
        ),
        ({"privileged": True}, {*capabilities.NAMES}),
    ],
    ids=["drop", "drop-all", "only", "add", "all-but", "privileged"],
)
def test_capabilities(engine: Engine, asked: dict[str, Any], expected: set[str]) -> None:
    status = status_of(engine, **asked)
    for kind in ("CapBnd", "CapEff", "CapPrm"):
        assert names(status[kind]) == expected & HOST
    assert names(status["CapInh"]) == names(status["CapAmb"]) == set()


def test_a_capability_that_there_is_not(engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="there is no capability CAP_FLY"):
        engine.containers.create(IMAGE, "true", cap_add=["fly"])


def test_a_capability_that_the_host_lacks(engine: Engine) -> None:
    """Asked for by name it is an error; as one of all it is left out, and that is said."""
    missing = sorted({*capabilities.NAMES} - HOST)
    if not missing:
        assert notices_of(engine, privileged=True) == []
        return
    with pytest.raises(HostLacks, match=missing[0]):
        engine.containers.create(IMAGE, "true", cap_add=[missing[0]])
    notices = notices_of(engine, privileged=True)
    assert [missing[0] in notice for notice in notices] == [True]
    assert notices_of(engine) == []


def test_privileged(engine: Engine) -> None:
    script = (
        "grep -E 'Seccomp:' /proc/self/status | cut -f2; mount -t tmpfs none /mnt && echo mounted;"
        "mknod /node c 1 3 && echo x > /node && echo written;"
        "test -c /dev/loop-control -o -b /dev/loop0 && echo devices;"
        "cd /sys/fs/cgroup/; cd pids 2> /dev/null; mkdir mine && rmdir mine && echo group;"
        "grep -c ' /proc/sys ' /proc/mounts"
    )
    expected = ["0", "mounted", "written", "devices", "group", "0"]
    if not os.path.exists("/dev/loop-control") and not os.path.exists("/dev/loop0"):
        expected.remove("devices")
    assert sh(engine, script, privileged=True).split() == expected


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("seccomp=unconfined", "Seccomp:\t0"),
        ("seccomp=builtin", "Seccomp:\t2"),
        ("no-new-privileges", "NoNewPrivs:\t1"),
        ("no-new-privileges=false", "NoNewPrivs:\t0"),
        ("apparmor=unconfined", "Seccomp:\t2"),
        ("label=disable", "Seccomp:\t2"),
    ],
)
@pytest.mark.parametrize("user", ["root", "student"])
def test_security_options(engine: Engine, option: str, line: str, user: str) -> None:
    said = sh(engine, "cat /proc/self/status", security_opt=[option], user=user)
    assert line in said.splitlines()


def test_an_exec_is_no_way_around(engine: Engine) -> None:
    container = engine.containers.run(
        IMAGE, ["sleep", "60"], detach=True, security_opt=["no-new-privileges"], cap_drop=["KILL"]
    )
    script = "grep -E '^(Cap|NoNew|Seccomp)' /proc/self/status; "
    for user in ("root", "student"):
        code, said = container.exec_run(["sh", "-c", script + "unshare -U true; true"], user=user)
        assert b"NoNewPrivs:\t1" in said
        assert b"Seccomp:\t2" in said
        assert b"Operation not permitted" in said
        assert (code, b"CapBnd:\t00000000a80425db" in said) == (0, True)


PROFILE = """{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}"""


def test_a_profile_of_one_s_own(engine: Engine) -> None:
    said = sh(engine, "mkdir /new; unshare -U echo else", security_opt=[f"seccomp={PROFILE}"])
    assert "not supported" in said
    assert said.endswith("else\n")


@pytest.mark.parametrize(
    ("option", "error", "match"),
    [
        ("seccomp={}", InvalidInput, "seccomp.defaultAction"),
        ('seccomp={"defaultAction": "SCMP_ACT_MAYBE"}', InvalidInput, "SCMP_ACT_MAYBE"),
        ("seccomp=nothing", InvalidInput, "not a security option"),
        ("magic", InvalidInput, "not a security option: 'magic'"),
        ("apparmor=docker-default", HostLacks, "AppArmor"),
        ("label=type:svirt_t", HostLacks, "SELinux"),
        ("no-new-privileges=perhaps", InvalidInput, "not a security option"),
    ],
)
def test_security_options_that_are_none(
    engine: Engine, option: str, error: type[OnggiError], match: str
) -> None:
    with pytest.raises(error, match=match):
        engine.containers.create(IMAGE, "true", security_opt=[option])
    assert engine.containers.list(all=True) == []


def test_system_paths_can_be_shown(engine: Engine) -> None:
    script = "grep -cE ' (/proc/|/sys/firmware)' /proc/mounts"
    assert sh(engine, script, security_opt=["systempaths=unconfined"]) == "0\n"
    assert sh(engine, script) != "0\n"


def test_a_device_of_the_host(engine: Engine) -> None:
    if not os.path.exists(LOOP_CONTROL):
        with pytest.raises(NotFound, match="no such device"):
            engine.containers.create(IMAGE, "true", devices=[LOOP_CONTROL])
        return
    script = "ls -l /dev/mine | cut -c1; : < /dev/mine && echo read; : 3>> /dev/mine && echo wrote"
    said = sh(engine, script, devices=[f"{LOOP_CONTROL}:/dev/mine:r"])
    assert said.splitlines()[:2] == ["c", "read"]
    assert "not permitted" in said
    assert "wrote" not in said
    assert sh(engine, script, devices=[f"{LOOP_CONTROL}:/dev/mine"]) == "c\nread\nwrote\n"


def test_device_rules_are_the_kernel_s(engine: Engine) -> None:
    """With a rule, nodes may be used wherever they are; but only those of the rule."""
    script = "mknod /a c 10 237; mknod /b c 1 11; : < /a && echo a; : < /b && echo b"
    said = sh(engine, script, device_cgroup_rules=["c 10:237 r"])
    assert "a" in said.split() or not os.path.exists(LOOP_CONTROL)
    assert "b" not in said.split()
    assert "denied" in said or "not permitted" in said
    for wrong in ("c 10:237", "x 1:2 r", "c 1:2 rwx", "c *:* rwmr", ""):
        with pytest.raises(InvalidInput, match="not a device rule"):
            engine.containers.create(IMAGE, "true", device_cgroup_rules=[wrong])


@pytest.mark.parametrize(
    ("path", "match"), [("/dev/nope", "no such device"), ("/etc", "not a dev")]
)
def test_a_device_that_is_none(engine: Engine, path: str, match: str) -> None:
    with pytest.raises((NotFound, InvalidInput), match=match):
        engine.containers.create(IMAGE, "true", devices=[path])


def test_resource_limits(engine: Engine) -> None:
    script = "ulimit -n; ulimit -Hn; ulimit -Hc"
    assert sh(engine, script, ulimits=["nofile=100:200", "core=0"]).split() == ["100", "200", "0"]
    container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True, ulimits=["nofile=77:78"])
    assert container.exec_run(["sh", "-c", "ulimit -n"])[1] == b"77\n"


def test_a_resource_limit_that_the_host_does_not_permit(engine: Engine) -> None:
    if "CAP_SYS_RESOURCE" in capabilities.held("CapEff"):
        pytest.skip("this host's root may raise every limit")
    with pytest.raises(HostLacks, match="nofile=1048577"):
        engine.containers.create(IMAGE, "true", ulimits=["nofile=1048577"])
    with pytest.raises(HostLacks, match="OOM score"):
        engine.containers.create(IMAGE, "true", oom_score_adj=-999)


def test_oom_score(engine: Engine) -> None:
    assert sh(engine, "cat /proc/self/oom_score_adj", oom_score_adj=345) == "345\n"
    with pytest.raises(InvalidInput, match="between -1000 and 1000"):
        engine.containers.create(IMAGE, "true", oom_score_adj=1001)


def test_sysctls_are_the_container_s_own(engine: Engine) -> None:
    script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni"
    settings = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "77"}
    assert sh(engine, script, sysctls=settings) == "1\n77\n"
    with pytest.raises(InvalidInput, match="whole host"):
        engine.containers.create(IMAGE, "true", sysctls={"kernel.hostname": "x"})
    with pytest.raises(InvalidInput, match="shared"):
        engine.containers.create(IMAGE, "true", sysctls={"kernel.shmmni": "1"}, ipc_mode="host")
    with pytest.raises(OnggiError, match=r"net\.no\.such"):
        sh(engine, "true", sysctls={"net.no.such": "1"})


def test_a_read_only_root(engine: Engine) -> None:
    script = "touch /x; touch /dev/shm/x && echo shm; touch /run/x && echo run; pwd"
    said = sh(engine, script, read_only=True, tmpfs={"/run": ""}, working_dir="/new/dir")
    assert "Read-only file system" in said
    assert said.split()[-3:] == ["shm", "run", "/new/dir"]


def test_temporary_file_systems(engine: Engine) -> None:
    script = "grep ' /a/b' /proc/mounts | cut -d' ' -f2-4; stat -c %a /a/b; stat -c %U /a/b/c"
    said = sh(engine, script, tmpfs={"/a/b/c": "uid=1000", "/a/b": "size=1m,mode=700,exec"})
    outer, inner, mode, owner = said.splitlines()
    assert outer == "/a/b tmpfs rw,nosuid,nodev,relatime,size=1024k,mode=700"
    assert inner.startswith("/a/b/c tmpfs rw,nosuid,nodev,noexec")
    assert (mode, owner) == ("700", "student")


@pytest.mark.parametrize("place", ["/proc/sys", "/sys", "/a/../proc"])
def test_a_tmpfs_is_not_mounted_over_the_kernel_s_files(engine: Engine, place: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be mounted there"):
        engine.containers.create(IMAGE, "true", tmpfs={place: ""})
    with pytest.raises(InvalidInput, match="not an option of a tmpfs: 'huge=always'"):
        engine.containers.create(IMAGE, "true", tmpfs={"/a": "huge=always"})


def test_the_size_of_shared_memory(engine: Engine) -> None:
    script = "df -k /dev/shm | tail -1 | awk '{print $2}'"
    assert sh(engine, script) == "65536\n"
    assert sh(engine, script, shm_size="1m") == "1024\n"


def test_groups_besides(engine: Engine) -> None:
    assert sh(engine, "id -G", user="student", group_add=["tty", "4711"]) == "1000 5 4711\n"
    with pytest.raises(NotFound, match="no such group in the container: nobody-here"):
        sh(engine, "true", group_add=["nobody-here"])


def test_a_domain_name(engine: Engine) -> None:
    assert sh(engine, "cat /proc/sys/kernel/domainname", domainname="yard") == "yard\n"


KINDS = {"pid": "pid_mode", "ipc": "ipc_mode", "uts": "uts_mode", "cgroup": "cgroupns"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_world_of_the_host(engine: Engine, kind: str) -> None:
    before = os.uname().nodename
    asked: dict[str, Any] = {KINDS[kind]: "host"}
    container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True, **asked)
    for each in namespaces.FLAG_OF_KIND:
        same = namespaces.identity(container.pid, each) == namespaces.identity("self", each)
        assert same == (each in (kind, "user")), each
    assert os.uname().nodename == before
    said = container.exec_run(["sh", "-c", "hostname; echo $$; ls -d /dev/shm"])[1].split()
    assert (said[0] == before.encode()) == (kind == "uts")
    assert (int(said[1]) > 50) == (kind == "pid")


def neighbour(engine: Engine, **options: Any) -> Container:
    container: Container = engine.containers.run(
        IMAGE, ["sleep", "60"], detach=True, name="neighbour", hostname="jar", **options
    )
    return container


def test_the_worlds_of_a_neighbour(engine: Engine) -> None:
    other = neighbour(engine, ipc_mode="shareable")
    other.exec_run(["sh", "-c", "echo shared > /dev/shm/note"])
    modes: dict[str, Any] = dict.fromkeys(
        ("pid_mode", "ipc_mode", "uts_mode"), "container:neighbour"
    )
    said = sh(engine, "hostname; cat /dev/shm/note; ps -o args | grep -c 'slee[p] 60'", **modes)
    assert said.split() == ["jar", "shared", "1"]
    container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True, **modes)
    for each in namespaces.FLAG_OF_KIND:
        same = namespaces.identity(container.pid, each) == namespaces.identity(other.pid, each)
        assert same == (each in ("pid", "ipc", "uts", "user")), each
    assert container.attrs["HostConfig"]["PidMode"] == f"container:{other.id}"
    container.stop(timeout=0)
    assert other.exec_run(["true"])[0] == 0


def test_who_shares_a_pid_world_leaves_nobody_behind(engine: Engine) -> None:
    """Nobody is PID 1 there whose end would end the others."""
    other = neighbour(engine)
    sh(engine, "sleep 1234 > /dev/null & sleep 1235 > /dev/null &", pid_mode="container:neighbour")
    said = other.exec_run(["ps", "-o", "stat,args"])[1].decode()
    assert "sleep 1234" not in said and "sleep 1235" not in said, said


def test_when_the_neighbour_ends_its_world_ends(engine: Engine) -> None:
    other = neighbour(engine)
    guest = engine.containers.run(
        IMAGE, ["sleep", "60"], detach=True, pid_mode=f"container:{other.short_id}"
    )
    other.kill()
    assert guest.wait(timeout=30)["StatusCode"] == 137


def test_neighbours_that_cannot_be_joined(engine: Engine) -> None:
    with pytest.raises(NotFound, match="no such container: nobody"):
        engine.containers.create(IMAGE, "true", pid_mode="container:nobody")
    other = neighbour(engine)
    with pytest.raises(Conflict, match="does not share its IPC"):
        engine.containers.create(IMAGE, "true", ipc_mode="container:neighbour")
    guest = engine.containers.create(IMAGE, "true", pid_mode="container:neighbour")
    other.kill()
    other.wait(timeout=30)
    with pytest.raises(Conflict, match="container neighbour: it is not running"):
        guest.start()
    other.remove()
    with pytest.raises(NotFound):
        guest.start()


@pytest.mark.parametrize(
    "asked",
    [
        {"pid_mode": "shareable"},
        {"ipc_mode": "everybody"},
        {"uts_mode": "container:"},
        {"cgroupns": "container:x"},
        {"uts_mode": "host", "hostname": "x"},
        {"uts_mode": "host", "domainname": "x"},
    ],
)
def test_worlds_that_make_no_sense(engine: Engine, asked: dict[str, Any]) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        engine.containers.create(IMAGE, "true", **asked)


def test_shared_memory_for_nobody(engine: Engine) -> None:
    assert "No such file" in sh(engine, "ls /dev/shm", ipc_mode="none")


def test_a_neighbour_s_link_is_not_followed(engine: Engine) -> None:
    """A privileged container can put a link where its shared memory was."""
    other = neighbour(engine, ipc_mode="shareable", privileged=True)
    script = "umount /dev/shm && rmdir /dev/shm && ln -s /etc /dev/shm"
    assert other.exec_run(["sh", "-c", script])[0] == 0
    with pytest.raises(OnggiError):
        sh(engine, "ls /dev/shm", ipc_mode="container:neighbour")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and engine.containers.list() != [other]:
        time.sleep(0.05)
    assert other.exec_run(["true"])[0] == 0


def test_the_command_line_says_what_the_host_cuts(engine: Engine, tmp_path: Path) -> None:
    """One line of warning for defaults; and a profile is read from its file."""
    profile = tmp_path / "profile.json"
    profile.write_text(PROFILE)
    options = ["--privileged", "--security-opt", f"seccomp={profile}"]
    done = subprocess.run(
        [sys.executable, "-m", "runtime.cli.main", "run", "--rm", *options, IMAGE, "mkdir", "/new"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ONGGI_LANG": "en"},
    )
    missing = {*capabilities.NAMES} - HOST
    assert done.returncode == 1
    assert "not supported" in done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNING: ")]
    assert len(warnings) == bool(missing)
    assert all(name in warnings[0] for name in missing)
