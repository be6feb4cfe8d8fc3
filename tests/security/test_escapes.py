"""Ways out of a default container: each is really tried from inside, and none leads anywhere.

The attacks are programs for onggi/python, with the kernel called by number where there is no
command for it. Root tries, with docker's fourteen capabilities. Beside it runs a witness, another
container, which must not notice anything; and the host must be as it was.

man 2 pivot_root, man 2 mount, man 2 ptrace, man 2 keyctl, …; CVE-2019-5736, CVE-2022-0492,
CVE-2024-21626
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import platform
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import OnggiError
from runtime.linux.cgroup_mounts import controllers
from runtime.linux.system_calls import numbers

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/python"
ARCHITECTURE = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
NUMBERS = dict(numbers(ARCHITECTURE[platform.machine()]))

TOOLS = f"""
import ctypes, errno, json, os, sys
NUMBERS = json.loads({json.dumps(json.dumps(NUMBERS))})
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    "The error's name, or what the call returned."
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    words += [ctypes.c_long(0)] * (6 - len(words))
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *words)
    return errno.errorcode[ctypes.get_errno()] if result == -1 else result

def tried(action, *arguments):
    "The error's name, or None."
    try:
        action(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]

"""


@pytest.fixture
def witness(engine: Engine) -> Iterator[Container]:
    """Another container, which goes on as if nothing had happened; and so does the host."""
    container: Container = engine.containers.run(
        IMAGE, ["sleep", "300"], detach=True, name="witness"
    )
    before = (socket.gethostname(), cgroup_names())
    yield container
    assert container.exec_run(["cat", "/etc/hostname"])[1].decode().strip() == container.short_id
    container.reload()
    assert container.status == "running"
    assert (socket.gethostname(), cgroup_names()) == before


def cgroup_names() -> set[str]:
    """Groups beside ours that a container could have made."""
    return {
        entry.name
        for each in controllers().values()
        for entry in os.scandir(each.mount)
        if entry.is_dir() and entry.name.startswith("escape")
    }


def attack(engine: Engine, program: str, **options: Any) -> Any:
    """What the attacker prints as JSON."""
    said = engine.containers.run(
        IMAGE, ["python3", "-c", TOOLS + program], remove=True, stderr=True, **options
    )
    return json.loads(said)


def test_the_tools_can_call_the_kernel(engine: Engine) -> None:
    """Or else every refusal below would prove nothing."""
    program = """
print(json.dumps([call("getpid"), call("open_tree", -1, b"", 0), call("dup", 99),
                  tried(open, "/nowhere"), tried(open, "/etc/passwd")]))
"""
    assert attack(engine, program) == [1, "EPERM", "EBADF", "ENOENT", None]


# ── By the file system ──────────────────────────────────────────────────────────────────────────


def test_chroot_and_climb(engine: Engine, witness: Container, tmp_path: Path) -> None:
    """A descriptor from before `chroot`, then `..`, until it goes no higher."""
    (tmp_path / "secret").write_text("the host's")
    program = f"""
os.mkdir("/jail")
outside = os.open("/", os.O_RDONLY)
os.chroot("/jail")
os.fchdir(outside)
for _ in range(100):
    os.chdir("..")
os.chroot(".")
print(json.dumps([os.path.exists({str(tmp_path)!r}), os.path.exists("/etc/hostname"),
                  call("pivot_root", b".", b".")]))
"""
    assert attack(engine, program) == [False, True, "EPERM"]


MOUNTING = (
    ("mount", 'b"none", b"/mnt", b"tmpfs", 0, None'),
    ("mount", 'b"/", b"/mnt", None, 4096, None'),
    ("mount", 'None, b"/proc/sys", None, 4096 | 32, None'),
    ("umount2", 'b"/proc/kcore", 2'),
    ("fsopen", 'b"tmpfs", 0'),
    ("fspick", '-100, b"/", 0'),
    ("fsconfig", "3, 6, None, None, 0"),
    ("fsmount", "3, 0, 0"),
    ("open_tree", '-100, b"/", 1'),
    ("move_mount", '-100, b"/proc", -100, b"/mnt", 0'),
    ("mount_setattr", '-100, b"/", 0, None, 0'),
    ("pivot_root", 'b"/", b"/mnt"'),
    ("swapon", 'b"/dev/zero", 0'),
    ("quotactl", "0, None, 0, None"),
    ("open_by_handle_at", "3, None, 0"),
    ("lookup_dcookie", "1, None, 0"),
    ("nfsservctl", "0, None, None"),
)


def test_mounts_are_made_by_nobody(engine: Engine, witness: Container) -> None:
    """The old calls and the new ones, to the filter or to the kernel: all the same."""
    found = answers(engine, MOUNTING)
    assert {call: answer for call, answer in found.items() if answer != "EPERM"} == {}
    assert len(found) > 12


def answers(engine: Engine, calls: tuple[tuple[str, str], ...]) -> dict[str, str | int]:
    """What the kernel answers to each of the calls that this machine has."""
    known = [(f"{name}({rest})", name, rest) for name, rest in calls if name in NUMBERS]
    asked = [f"{text!r}: call({name!r}, {rest})" for text, name, rest in known]
    found: dict[str, str | int] = attack(engine, f"print(json.dumps({{{', '.join(asked)}}}))")
    assert found.keys() == {text for text, _, _ in known}
    return found


def test_covered_and_read_only_paths(engine: Engine, witness: Container) -> None:
    """Directly, and by every other way to the same file."""
    program = """
ways = ("", "/proc/1/root", "/proc/self/root", "/proc/self/cwd/..", "/proc/thread-self/root")
os.chdir("/tmp")
read = {}
for way in ways:
    for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug"):
        if os.path.exists(way + path):
            read[way + path] = len(open(way + path, "rb").read(10))
written = {
    way + path: tried(open, way + path, "w")
    for way in ways
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
                 "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches",
                 "/proc/irq/default_smp_affinity")
    if os.path.exists(way + path)
}
written |= {
    path: tried(open, path, "w")
    for path in ("/sys/kernel/uevent_helper", "/sys/power/state", "/sys/kernel/mm/ksm/run")
    if os.path.exists(path)
}
print(json.dumps([sorted(set(read.values())), sorted(set(written.values())),
                  len(read), len(written)]))
"""
    read, written, readable, writable = attack(engine, program)
    assert (read, written) == ([0], ["EROFS"])
    assert min(readable, writable) > 5


def test_raw_devices(engine: Engine, witness: Container) -> None:
    """Nodes may be made; none of them can be opened: disks, memory, the kernel's log."""
    disks = [entry.stat() for entry in Path("/dev").iterdir() if entry.is_block_device()][:3]
    numbers_of = [(os.major(each.st_rdev), os.minor(each.st_rdev)) for each in disks]
    program = f"""
import stat
found = []
nodes = [(stat.S_IFBLK, *pair) for pair in {[*numbers_of, (8, 0), (259, 0)]}]
nodes += [(stat.S_IFCHR, 1, minor) for minor in (1, 2, 4, 11)] + [(stat.S_IFCHR, 10, 237)]
for place in ("/", "/dev/", "/tmp/", "/dev/shm/", "/root/"):
    for kind, major, minor in nodes:
        path = f"{{place}}node"
        os.mknod(path, kind | 0o666, os.makedev(major, minor))
        for flags in (os.O_RDONLY, os.O_RDWR):
            found.append(tried(os.open, path, flags))
        os.unlink(path)
print(json.dumps([sorted(set(found)), len(found)]))
"""
    found, tries = attack(engine, program)
    assert set(found) <= {"EACCES", "EPERM"}
    assert tries >= 5 * 7 * 2


# ── By the processes ────────────────────────────────────────────────────────────────────────────


def test_signals_and_ptrace_end_at_the_border(engine: Engine, witness: Container) -> None:
    """The host's numbers mean nobody in here, whatever is done to them."""
    program = f"""
found = set()
for pid in ({os.getpid()}, {witness.pid}, 2):
    found.add(tried(os.kill, pid, 9))
    found.add(call("ptrace", 16, pid, 0, 0))
    found.add(call("pidfd_open", pid, 0))
print(json.dumps(sorted(map(str, found))))
"""
    assert attack(engine, program) == ["ESRCH"]


def test_ptrace_of_one_s_own_child_works(engine: Engine) -> None:
    """Docker's profile allows it from Linux 4.8 on: a debugger is no way out."""
    program = """
child = os.fork()
if child == 0:
    import time
    time.sleep(30)
print(json.dumps(call("ptrace", 16, child, 0, 0)))
os.kill(child, 9)
"""
    assert attack(engine, program) == 0


def test_namespaces_are_made_and_entered_by_nobody(engine: Engine, witness: Container) -> None:
    flags = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]
    program = f"""
found = [call("unshare", flag) for flag in {flags}]
for flag in {flags}:
    pid = call("clone", flag | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    found.append(pid)
for kind in os.listdir("/proc/self/ns"):
    descriptor = os.open(f"/proc/1/ns/{{kind}}", os.O_RDONLY)
    found.append(call("setns", descriptor, 0))
found.append(call("setns", call("pidfd_open", 1, 0), 0x20000000))
print(json.dumps([sorted(set(map(str, found))), call("clone3", b"\\0" * 88, 88)]))
"""
    assert attack(engine, program) == [["EPERM"], "ENOSYS"]


def test_no_descriptor_and_no_directory_of_the_host(engine: Engine, witness: Container) -> None:
    """CVE-2024-21626: a descriptor that stayed open led out; so did a working directory."""
    program = """
import stat
found = []
for name in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink(f"/proc/self/fd/{name}")
    except FileNotFoundError:  # the listing's own
        continue
    found.append((name, target.split(":")[0]))
outside = [name for name, target in found if target.startswith("/") and not os.path.exists(target)]
reached = [name for name, _ in found if tried(os.stat, f"/proc/self/fd/{name}/../../etc") is None]
print(json.dumps([sorted(name for name, _ in found), outside, reached, os.getcwd()]))
"""
    names, _, reached, where = attack(engine, program)
    assert (names, reached, where) == (["0", "1", "2"], [], "/")


@pytest.mark.parametrize("number", range(3, 20))
def test_no_working_directory_leads_out(engine: Engine, number: int) -> None:
    """CVE-2024-21626, as it was used: a working directory that is a descriptor of the runtime."""
    secret = engine.root / "secret"
    secret.write_text("the host's own words")
    look = f"cat {'../' * 12}{str(secret).lstrip('/')} 2>&1; true"
    said = b""
    with contextlib.suppress(OnggiError):  # refused, with a sentence: as good
        said = engine.containers.run(
            IMAGE, ["sh", "-c", look], working_dir=f"/proc/self/fd/{number}", remove=True
        )
    secret.unlink()
    assert b"the host's own words" not in said


OVERWRITE = """
import time
def attack(path):
    try:
        descriptor = os.open(path, os.O_PATH)
    except PermissionError:
        return "shut"  # every program of this image is open to its root: it is the runtime
    except OSError:
        return None
    target = os.readlink(f"/proc/self/fd/{descriptor}")
    if os.path.exists(target) and os.path.samefile(target, path):
        return None  # a program of this image
    results.add(tried(os.open, f"/proc/self/fd/{descriptor}", os.O_RDWR))
    results.add(tried(os.open, f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_TRUNC))
    return target
results, seen = set(), set()
print("ready", flush=True)
end = time.monotonic() + 100
while time.monotonic() < end and not os.path.exists("/enough"):
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) > 1:
            try:
                met = attack(f"/proc/{name}/exe")
            except OSError:  # it has ended meanwhile
                continue
            if met and met not in seen:
                seen.add(met)
                print("met", flush=True)
print(json.dumps(sorted(map(str, results))))
"""


def test_the_runtime_cannot_be_overwritten_on_its_way_in(engine: Engine) -> None:
    """CVE-2019-5736: whoever opens /proc/PID/exe of an `exec` on its way in holds the runtime. The
    attacker has met one: then it was either shut, or led to a file that cannot be written.
    """
    interpreter = Path(os.path.realpath("/proc/self/exe"))
    before = (interpreter.stat().st_mtime_ns, interpreter.stat().st_size)
    container = engine.containers.run(IMAGE, ["python3", "-c", TOOLS + OVERWRITE], detach=True)
    wait_for(lambda: b"ready" in container.logs())
    deadline = time.monotonic() + 60
    for tries in itertools.count(1):
        container.exec_run(["true"])
        if (tries >= 15 and b"met" in container.logs()) or time.monotonic() > deadline:
            break
    container.exec_run(["touch", "/enough"])
    assert container.wait(timeout=90)["StatusCode"] == 0
    _, *met, results = container.logs().splitlines()
    assert met, "the attacker has never seen an exec on its way in"
    assert {*json.loads(results)} <= {"EACCES", "EROFS", "EPERM", "ETXTBSY"}
    assert (interpreter.stat().st_mtime_ns, interpreter.stat().st_size) == before


def test_the_runtime_is_not_started_by_the_container(engine: Engine) -> None:
    """Its program is `/proc/self/exe`: what is started is what the runtime runs, read-only."""
    container = engine.containers.create(IMAGE, ["/proc/self/exe", "-c", "print(open('/x', 'w'))"])
    interpreter = Path(os.path.realpath("/proc/self/exe"))
    before = interpreter.stat().st_mtime_ns
    code = None
    with contextlib.suppress(OnggiError):  # refused before it runs: as good
        container.start()
        code = container.wait(timeout=20)["StatusCode"]
    assert code != 0
    assert interpreter.stat().st_mtime_ns == before


# ── By the kernel ───────────────────────────────────────────────────────────────────────────────


SHUT = (
    ("init_module", 'b"x", 1, b""'),
    ("finit_module", '0, b"", 0'),
    ("delete_module", 'b"loop", 0'),
    ("kexec_load", "0, 0, None, 0"),
    ("kexec_file_load", "0, 0, 0, None, 0"),
    ("reboot", "0xfee1dead, 672274793, 0x01234567, None"),
    ("settimeofday", "b'\\0' * 16, None"),
    ("clock_settime", "0, b'\\0' * 16"),
    ("adjtimex", "b'\\1' * 208"),
    ("sethostname", 'b"mine", 4'),
    ("setdomainname", 'b"mine", 4'),
    ("swapoff", 'b"/dev/zero"'),
    ("syslog", "3, None, 0"),
    ("acct", 'b"/tmp/acct"'),
    ("bpf", "0, None, 0"),
    ("perf_event_open", "None, 0, -1, -1, 0"),
    ("userfaultfd", "0"),
    ("io_uring_setup", "1, b'\\0' * 120"),
    ("io_uring_enter", "0, 0, 0, 0, None"),
    ("io_uring_register", "0, 0, None, 0"),
    ("keyctl", "0, -3, 0"),
    ("add_key", 'b"user", b"a", b"b", 1, -3'),
    ("request_key", 'b"user", b"a", None, -3'),
    ("iopl", "3"),
    ("ioperm", "0, 1, 1"),
    ("vhangup", ""),
    ("fanotify_init", "0, 0"),
    ("kcmp", "1, 1, 0, 0, 0"),
    ("personality", "0x0400000"),
    ("uselib", 'b"/x"'),
    ("ustat", "0, None"),
    ("sysfs", "3"),
    ("move_pages", "0, 0, None, None, None, 0"),
    ("set_mempolicy", "0, None, 0"),
    ("socket", "40, 1, 0"),
)


def test_doors_of_the_kernel_that_are_shut(engine: Engine, witness: Container) -> None:
    """Modules, another kernel, the clock, keys, BPF, io_uring: the profile's, or a capability's."""
    found = answers(engine, SHUT)
    assert {call: answer for call, answer in found.items() if answer != "EPERM"} == {}
    assert len(found) > 25


def test_a_question_that_is_allowed_is_answered(engine: Engine) -> None:
    """`personality` and `socket` are decided by their arguments."""
    found = answers(engine, (("personality", "0xffffffff"), ("socket", "1, 1, 0")))
    assert all(isinstance(answer, int) for answer in found.values()), found


@pytest.mark.parametrize("user", ["root", "student"])
def test_an_exec_finds_the_same_doors_shut(witness: Container, user: str) -> None:
    program = TOOLS + 'print([call("keyctl", 0, -3, 0), call("unshare", 0x10000000)])'
    code, said = witness.exec_run(["python3", "-c", program], user=user)
    assert (code, said) == (0, b"['EPERM', 'EPERM']\n")


def test_a_build_step_finds_them_shut_too(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "attack.py").write_text(TOOLS + 'sys.exit(call("keyctl", 0, -3, 0) != "EPERM")')
    (tmp_path / "Dockerfile").write_text(
        f"FROM {IMAGE}\nCOPY attack.py /\nRUN python3 /attack.py\n"
    )
    engine.images.build(tmp_path)


def test_the_release_agent_of_control_groups(engine: Engine, witness: Container) -> None:
    """CVE-2022-0492: whoever may write there has the host run a program."""
    program = """
import glob
paths = glob.glob("/sys/fs/cgroup/**/release_agent", recursive=True)
paths += glob.glob("/sys/fs/cgroup/**/notify_on_release", recursive=True)
paths += glob.glob("/sys/fs/cgroup/**/cgroup.procs", recursive=True)
found = {tried(open, path, "w") for path in paths}
found |= {tried(os.mkdir, os.path.dirname(path) + "/escape") for path in paths}
print(json.dumps([sorted(map(str, found)), len(paths), call("unshare", 0x02000000),
                  call("mount", b"none", b"/mnt", b"cgroup", 0, b"rdma")]))
"""
    found, tries, *calls = attack(engine, program)
    assert (found, calls) == (["EROFS"], ["EPERM", "EPERM"])
    assert tries > 0


def test_set_user_id_gives_no_more_than_the_container_has(engine: Engine) -> None:
    """A set-user-ID program makes a root of the container, who is behind the same filter."""
    program = """
import shutil, stat, subprocess
shutil.copy(sys.executable, "/tmp/su"); os.chmod("/tmp/su", 0o4755)
code = "import os; os.setuid(0); print(open('/proc/self/status').read())"
def become(): os.setgroups([]); os.setgid(1000); os.setuid(1000)
environment = {"PYTHONHOME": sys.prefix}
said = subprocess.run(["/tmp/su", "-c", code], preexec_fn=become, capture_output=True, text=True,
                      env=environment).stdout
lines = dict(line.split(":\\t", 1) for line in said.splitlines() if ":\\t" in line)
print(json.dumps([lines.get("Seccomp"), lines.get("CapBnd")]))
"""
    filtered, bounding = attack(engine, program)
    assert filtered == "2"
    own = attack(
        engine, "print(json.dumps([l for l in open('/proc/self/status') if 'CapBnd' in l]))"
    )
    assert own == [f"CapBnd:\t{bounding}\n"]


# ── By taking everything ────────────────────────────────────────────────────────────────────────


@pytest.mark.needs("cgroup:pids")
def test_a_fork_bomb_stays_in_its_container(engine: Engine, witness: Container) -> None:
    program = """
children = 0
while True:
    try:
        pid = os.fork()
    except OSError as error:
        refusal = errno.errorcode[error.errno]
        break
    if pid == 0:
        try:
            while True:
                os.fork()
        except OSError:
            os._exit(0)
    children += 1
print(json.dumps([refusal, children < 64]))
"""
    assert attack(engine, program, pids_limit=64) == ["EAGAIN", True]


@pytest.mark.needs("cgroup:memory")
def test_a_memory_hog_dies_alone(engine: Engine, witness: Container) -> None:
    program = "eaten = []\nwhile True:\n    eaten.append(bytearray(b'x' * (1 << 20)))\n"
    container = engine.containers.run(
        IMAGE, ["python3", "-c", program], detach=True, mem_limit="24m"
    )
    assert container.wait(timeout=60)["StatusCode"] == 137
    container.reload()
    assert container.attrs["State"]["OOMKilled"] is True


def test_a_log_flood_stops_nobody(engine: Engine, witness: Container) -> None:
    """It writes as fast as it can; meanwhile others are started, and it can be ended."""
    flood = engine.containers.run(IMAGE, ["sh", "-c", "timeout 30 yes"], detach=True)
    for _ in range(3):
        assert engine.containers.run("onggi/base", ["echo", "here"], remove=True) == b"here\n"
    flood.kill()
    assert flood.wait(timeout=60)["StatusCode"] == 137


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
