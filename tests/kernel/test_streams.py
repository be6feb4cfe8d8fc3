"""What goes in and out of a container: input that ends or does not, several who listen, logs."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import Conflict, InvalidInput, NotFound

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"
ONGGI = [sys.executable, "-m", "runtime.cli.main"]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def begin(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*ONGGI, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )


def write(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()


def read_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 30)[0], "nothing came"
    return process.stdout.readline()


def loop(engine: Engine) -> Container:
    """A container that echoes what it is told, whoever tells it."""
    script = "while read line; do echo got $line; done; echo end"
    container: Container = engine.containers.run(
        IMAGE, ["sh", "-c", script], name="web", stdin_open=True, detach=True
    )
    return container


def test_input_ends_where_ours_ends(engine: Engine) -> None:
    done = subprocess.run(
        [*ONGGI, "run", "-i", "--rm", IMAGE, "sh", "-c", "wc -c; exit 4"],
        input=bytes(300_000),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (4, b"300000", b"")


def test_after_the_end_of_input_the_output_still_comes(engine: Engine) -> None:
    process = begin("run", "-i", "--rm", IMAGE, "sh", "-c", "cat; echo ended; sleep 0.3; echo late")
    out, _ = process.communicate(b"abc\n")
    assert (out, process.returncode) == (b"abc\nended\nlate\n", 0)


def test_of_a_container_in_the_background_the_input_never_ends(engine: Engine) -> None:
    container = loop(engine)
    for number in range(3):
        process = begin("attach", "web")
        write(process, b"%d\n" % number)
        assert read_line(process) == b"got %d\n" % number
        process.kill()
        process.communicate()
    container.reload()
    assert container.status == "running"
    assert container.attrs["Config"]["OpenStdin"]


def test_all_see_everything_and_any_may_write(engine: Engine) -> None:
    loop(engine)
    both = [begin("attach", "web"), begin("attach", "web")]
    for process in both:
        write(process, b"hello\n")
        read_line(process)
    monitor = engine.containers.get("web").row["monitor_pid"]
    until(lambda: len(os.listdir(f"/proc/{monitor}/fd")) >= 8)
    both[1].send_signal(signal.SIGSTOP)
    for number in range(200):
        write(both[0], b"%d\n" % number)
    seen = b""
    while b"got 199\n" not in seen:
        seen += read_line(both[0])
    both[1].send_signal(signal.SIGCONT)
    late = b""
    while b"got 199\n" not in late:
        late += read_line(both[1])
    for process in both:
        process.kill()
        process.communicate()


def test_a_reader_who_stands_still_holds_up_nobody(engine: Engine) -> None:
    script = "seq 1 200000; echo done > /done; sleep 1000"
    process = begin("run", "--name", "web", IMAGE, "sh", "-c", script)
    container = None
    while container is None:
        try:
            container = engine.containers.get("web")
        except NotFound:
            time.sleep(0.05)
    until(lambda: engine.containers.get("web").status == "running")
    process.send_signal(signal.SIGSTOP)
    until(lambda: container.exec_run("test -e /done").exit_code == 0)
    process.kill()
    process.communicate()
    engine.containers.get("web").kill()


def test_attach_once_then_the_end(engine: Engine) -> None:
    """As docker's StdinOnce: created with -i, the first who is attached ends the input."""
    container = engine.containers.create(IMAGE, ["cat"], name="web", stdin_open=True)
    container.start()
    process = begin("attach", "web")
    write(process, b"abc\n")
    assert read_line(process) == b"abc\n"
    process.kill()
    process.communicate()
    assert container.wait(timeout=30)["StatusCode"] == 0


def test_attach_refuses_what_does_not_run(engine: Engine) -> None:
    container = engine.containers.create(IMAGE, ["true"], name="web")
    with pytest.raises(Conflict, match="is not running"):
        container.attach()


def test_signals_go_through_unless_they_should_not(engine: Engine) -> None:
    script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    container = engine.containers.run(IMAGE, ["sh", "-c", script], name="web", detach=True)
    until(lambda: container.logs() == b"ready\n")
    process = begin("attach", "--sig-proxy=false", "web")
    monitor = container.row["monitor_pid"]
    before = len(os.listdir(f"/proc/{monitor}/fd"))
    until(lambda: len(os.listdir(f"/proc/{monitor}/fd")) >= before)
    process.terminate()
    process.communicate()
    assert process.returncode in (-signal.SIGTERM, 143)
    container.reload()
    assert container.status == "running"


def test_the_outputs_that_are_wanted(engine: Engine) -> None:
    script = "echo out; echo err >&2"
    for flag, expected in (("stdout", (b"out\n", b"")), ("STDERR", (b"", b"err\n"))):
        done = subprocess.run(
            [*ONGGI, "run", "--rm", "-a", flag, IMAGE, "sh", "-c", script],
            capture_output=True,
            check=True,
        )
        assert (done.stdout, done.stderr) == expected


def test_only_the_input(engine: Engine) -> None:
    done = subprocess.run(
        [*ONGGI, "run", "-i", "-a", "stdin", "--name", "web", IMAGE, "sh", "-c", "cat > /it"],
        input=b"abc",
        capture_output=True,
        check=True,
    )
    container = engine.containers.get("web")
    assert done.stdout.decode().strip() == container.id
    container.wait(timeout=30)
    assert (container.upper_path / "it").read_bytes() == b"abc"


def test_the_sdk_s_attach(engine: Engine) -> None:
    script = "while [ ! -e /go ]; do sleep 0.05; done; echo out; echo err >&2; sleep 0.1; echo end"
    container = engine.containers.run(IMAGE, ["sh", "-c", script], detach=True)
    stream = container.attach(stream=True, demux=True)
    connection = container.attach_socket()
    container.exec_run("touch /go")
    pairs = list(stream)
    assert b"".join(out or b"" for out, _ in pairs) == b"out\nend\n"
    assert b"".join(err or b"" for _, err in pairs) == b"err\n"
    frames = b""
    while data := connection.recv(1 << 16):
        frames += data
    connection.close()
    assert b"\1\0\0\0\0\0\0\4out\n" in frames
    assert b"\2\0\0\0\0\0\0\4err\n" in frames


def test_a_connection_goes_both_ways(engine: Engine) -> None:
    container = engine.containers.create(IMAGE, ["cat"], stdin_open=True)
    container.start()
    connection = container.attach_socket({"stdin": True, "stream": True})
    connection.sendall(b"hello\n")
    connection.shutdown(socket.SHUT_WR)
    seen = b""
    while data := connection.recv(1 << 16):
        seen += data
    connection.close()
    assert seen == b"\1\0\0\0\0\0\0\6hello\n"
    assert container.wait(timeout=30)["StatusCode"] == 0


def test_exec_with_everything(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "1000"], detach=True, environment=["A=1"])
    script = "echo $A$B; pwd; id -u; echo err >&2; exit 3"
    done = container.exec_run(
        ["sh", "-c", script], environment={"B": "2"}, workdir="/tmp", user="7", demux=True
    )
    assert done == (3, (b"12\n/tmp\n7\n", b"err\n"))
    streamed = container.exec_run(["echo", "hello"], stream=True)
    assert (streamed.exit_code, b"".join(streamed.output)) == (None, b"hello\n")
    connection = container.exec_run("cat", stdin=True, socket=True).output
    connection.sendall(b"abc")
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(100) == b"\1\0\0\0\0\0\0\3abc"
    connection.close()
    fds = container.exec_run(["sh", "-c", "ls /proc/self/fd"]).output.split()
    assert fds == [b"0", b"1", b"2", b"3"], "3 is ls's own"


def test_an_exec_s_power_is_the_container_s(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "1000"], detach=True)
    wanted = ("CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp")

    def power(status: str) -> dict[str, str]:
        lines = (line.partition(":\t")[::2] for line in status.splitlines())
        return {name: value for name, value in lines if name in wanted}

    first = power(container.exec_run("cat /proc/1/status").output.decode())
    mine = container.exec_run("cat /proc/self/status").output.decode()
    assert power(mine) == first
    privileged = container.exec_run("cat /proc/self/status", privileged=True).output.decode()
    assert int(power(privileged)["CapEff"], 16) > int(first["CapEff"], 16)
    assert power(privileged)["Seccomp"] == first["Seccomp"]


def test_a_command_in_the_background(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "1000"], name="web", detach=True)
    done = subprocess.run(
        [*ONGGI, "exec", "-d", "web", "sh", "-c", "seq 1 100000; echo it > /it; sleep 1000"],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    until(lambda: container.exec_run("cat /it").output == b"it\n")
    (exec_id,) = container.exec_ids
    noted = container.exec_inspect(exec_id)
    assert noted["Running"]
    assert Path(f"/proc/{noted['Pid']}").exists()
    done = subprocess.run([*ONGGI, "exec", "-d", "web", "/none"], capture_output=True, check=False)
    assert done.returncode == 127
    with pytest.raises(NotFound, match="no such exec"):
        container.exec_inspect("../../config.json")


def test_who_began_a_command_may_be_killed(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "1000"], name="web", detach=True)
    script = "echo ready; sleep 0.5; seq 1 100000; echo it > /it"
    process = begin("exec", "web", "sh", "-c", script)
    assert read_line(process) == b"ready\n"
    process.kill()
    process.communicate()
    until(lambda: container.exec_run("cat /it").output == b"it\n")
    assert container.exec_ids == []


def test_no_command_in_a_paused_container(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "1000"], name="web", detach=True)
    container.pause()
    try:
        for act in (lambda: container.exec_run("true"), container.attach):
            with pytest.raises(Conflict, match="is paused"):
                act()
    finally:
        container.unpause()


def test_logs_between_two_moments(engine: Engine) -> None:
    script = "echo 1; sleep 0.2; echo 2; sleep 0.2; echo 3"
    engine.containers.run(IMAGE, ["sh", "-c", script], name="told")
    container = engine.containers.get("told")
    stamps = [line.split()[0].decode() for line in container.logs(timestamps=True).splitlines()]
    assert container.logs(since=stamps[1]) == b"2\n3\n"
    assert container.logs(until=stamps[1]) == b"1\n2\n"
    assert container.logs(since=stamps[1], until=stamps[1]) == b"2\n"
    assert container.logs(since=stamps[1], tail=1) == b"3\n"
    assert container.logs(since="10m") == b"1\n2\n3\n"
    assert container.logs(until="10m") == b""
    assert container.logs(until=stamps[0], follow=True, stream=True) is not None
    done = subprocess.run(
        [*ONGGI, "logs", "--since", stamps[2], container.name], capture_output=True, check=True
    )
    assert done.stdout == b"3\n"
    for words in (["--since", "yesterday"], ["--until", "10x"]):
        done = subprocess.run(
            [*ONGGI, "logs", *words, container.name], capture_output=True, check=False
        )
        assert done.returncode == 1


def test_logs_with_details(engine: Engine) -> None:
    subprocess.run(
        [
            *[*ONGGI, "run", "--name", "web", "-l", "team=red pot", "-e", "STAGE=test"],
            *["--log-opt", "labels=team,none", "--log-opt", "env=STAGE", IMAGE, "echo", "hello"],
        ],
        capture_output=True,
        check=True,
    )
    done = subprocess.run([*ONGGI, "logs", "--details", "web"], capture_output=True, check=True)
    assert done.stdout == b"STAGE=test,team=red%20pot hello\n"


def test_a_foreground_run_loses_nothing_when_its_log_is_rotated(engine: Engine) -> None:
    process = begin(
        *["run", "--rm", "--log-opt", "max-size=20k", "--log-opt", "max-file=2"],
        *[IMAGE, "seq", "1", "60000"],
    )
    time.sleep(0.5)  # it reads nothing at first
    out, _ = process.communicate()
    assert out == b"".join(b"%d\n" % number for number in range(1, 60001))
    assert process.returncode == 0
    assert engine.containers.list(all=True) == []


def test_a_rotated_log_has_its_size(engine: Engine) -> None:
    config = {"type": "json-file", "config": {"max-size": "20k", "max-file": "3"}}
    container = engine.containers.create(IMAGE, ["seq", "1", "20000"], log_config=config)
    container.start()
    container.wait()
    kept = container.logs()
    assert kept.endswith(b"\n20000\n")
    assert 100 < len(kept) < 60_000
    sizes = [each.stat().st_size for each in container.bundle_path.glob("log*")]
    assert len(sizes) <= 3
    assert max(sizes) <= 20_000
    assert container.attrs["HostConfig"]["LogConfig"]["Config"] == config["config"]
    assert container.logs(tail=2) == b"19999\n20000\n"


def test_without_a_log_who_is_attached_sees_it_all(engine: Engine) -> None:
    done = subprocess.run(
        [*ONGGI, "run", "--name", "web", "--log-driver", "none", IMAGE, "seq", "1", "60000"],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"".join(b"%d\n" % number for number in range(1, 60001))
    container = engine.containers.get("web")
    with pytest.raises(InvalidInput, match="keeps nothing"):
        container.logs()
    container = engine.containers.run(
        IMAGE, ["echo", "secret"], detach=True, log_config={"type": "none"}
    )
    container.wait()


def test_a_log_driver_that_there_is_not(engine: Engine) -> None:
    for words in (["--log-driver", "syslog"], ["--log-opt", "max-sizes=1"]):
        line = [*ONGGI, "run", *words, IMAGE, "true"]
        done = subprocess.run(line, capture_output=True, check=False)
        assert done.returncode == 125
    assert engine.containers.list(all=True) == []


def test_a_flood_fills_neither_memory_nor_disk(engine: Engine) -> None:
    config = {"type": "local", "config": {"max-size": "100k", "max-file": "2"}}
    script = "yes $(printf %01000d 7) | head -c 30000000; touch /done; sleep 1000"
    container = engine.containers.run(IMAGE, ["sh", "-c", script], detach=True, log_config=config)
    monitor = container.row["monitor_pid"]

    def resident() -> int:
        return int(Path(f"/proc/{monitor}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )

    before = resident()
    until(lambda: container.exec_run("test -e /done").exit_code == 0)
    assert resident() - before < 4_000_000
    assert sum(each.stat().st_size for each in container.bundle_path.glob("log*")) <= 200_000
