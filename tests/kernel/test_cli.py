"""`onggi` as a program, on real containers: output, order, exit codes, signals, pipes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.engine import Engine

pytestmark = pytest.mark.needs("containers")

ONGGI = (sys.executable, "-m", "runtime.cli.main")
LOOP = "while :; do sleep 0.05; done"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")


def onggi(*line: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ONGGI, *line],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def out(*line: str) -> str:
    done = onggi(*line)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def begin(*line: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*ONGGI, *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_run_stands_in_for_the_program(engine: Engine) -> None:
    done = onggi("run", "--rm", "onggi/base", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert engine.containers.list(all=True) == []


def test_flags_after_the_image_are_the_command_s(engine: Engine) -> None:
    assert out("run", "--rm", "onggi/base", "echo", "--rm", "-d") == "--rm -d\n"


def test_what_a_container_writes_is_not_touched(engine: Engine) -> None:
    done = subprocess.run(
        [*ONGGI, "run", "--rm", "onggi/base", "printf", r"\033[1m\377\000\n"],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"\x1b[1m\xff\x00\n"


def test_options_reach_the_container(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HERE", "here")
    script = 'echo "$A $FROM_HERE ${NOWHERE-unset}"; hostname; pwd; id -u'
    options = [
        "-e",
        "A=1",
        "-e",
        "FROM_HERE",
        "-e",
        "NOWHERE",
        "-h",
        "jar",
        "-w",
        "/tmp",
        "-u",
        "7",
    ]
    assert out("run", "--rm", *options, "onggi/base", "sh", "-c", script) == (
        "1 here unset\njar\n/tmp\n7\n"
    )


def test_limits_reach_the_kernel(engine: Engine) -> None:
    name = "limited"
    limits = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "20"]
    container_id = out("run", "-d", "--name", name, *limits, "onggi/base", "sleep", "60").strip()
    form = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}"
    assert out("inspect", "-f", form, name) == "67108864 500000000 20\n"
    assert out("inspect", "-f", "{{.Id}}", name).strip() == container_id


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("nosuch", 127, "onggi: command not found in the container: nosuch"),
        ("/etc", 126, "onggi: command cannot be executed in the container: /etc"),
    ],
)
def test_a_command_that_cannot_be_started(
    engine: Engine, command: str, code: int, message: str
) -> None:
    done = onggi("run", "--rm", "onggi/base", command)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(message)
    out("run", "-d", "--name", "host", "onggi/base", "sleep", "60")
    done = onggi("exec", "host", command)
    assert done.returncode == code
    assert done.stderr.startswith(message)


def test_standard_input(engine: Engine) -> None:
    assert onggi("run", "-i", "--rm", "onggi/base", "cat", stdin="안녕\n").stdout == "안녕\n"
    assert onggi("run", "--rm", "onggi/base", "cat", stdin="not read\n").stdout == ""
    out("run", "-d", "--name", "host", "onggi/base", "sleep", "60")
    assert onggi("exec", "-i", "host", "cat", stdin="in\n").stdout == "in\n"
    assert onggi("exec", "host", "cat", stdin="not read\n").stdout == ""


def test_exec_keeps_streams_and_exit_code_apart(engine: Engine) -> None:
    out("run", "-d", "--name", "host", "-e", "A=1", "onggi/base", "sleep", "60")
    script = 'echo "$A$B"; pwd; echo err >&2; exit 5'
    done = onggi("exec", "-e", "B=2", "-w", "/tmp", "host", "sh", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (5, "12\n/tmp\n", "err\n")


def test_exec_does_not_wait_for_what_was_left_behind(engine: Engine) -> None:
    out("run", "-d", "--name", "host", "onggi/base", "sleep", "60")
    began = time.monotonic()
    assert out("exec", "host", "sh", "-c", "sleep 50 & echo started") == "started\n"
    assert time.monotonic() - began < 20


def test_exec_in_the_background(engine: Engine) -> None:
    out("run", "-d", "--name", "host", "onggi/base", "sleep", "60")
    assert out("exec", "-d", "host", "touch", "/tmp/done") == ""
    until(lambda: onggi("exec", "host", "test", "-e", "/tmp/done").returncode == 0)


def test_the_life_of_a_container(engine: Engine) -> None:
    script = f"echo hello; trap 'exit 4' TERM; {LOOP}"
    container_id = out("run", "-d", "--name", "web", "onggi/base", "sh", "-c", script).strip()
    assert re.fullmatch("[0-9a-f]{64}", container_id)
    until(lambda: out("logs", "web") == "hello\n")
    assert out("ps", "-q") == container_id[:12] + "\n"
    assert out("ps", "-q", "--no-trunc") == container_id + "\n"
    assert out("ps", "--format", "{{.Names}} {{.Image}} {{.State}}") == "web onggi/base running\n"
    assert re.search(r"Up .+ seconds? ", out("ps"))
    assert out("stop", "web") == "web\n"
    assert out("wait", "web") == "4\n"
    assert out("ps", "-q") == ""
    assert re.search(r"Exited \(4\) .+ ago ", out("ps", "-a"))
    assert out("start", container_id[:6]) == container_id[:6] + "\n"
    assert onggi("rm", "web").returncode == 1
    assert out("kill", "-s", "9", "web") == "web\n"
    assert out("rm", "web") == "web\n"
    assert out("ps", "-aq") == ""


def test_create_and_start_attached(engine: Engine) -> None:
    out("create", "--name", "later", "onggi/base", "sh", "-c", "echo now; exit 6")
    assert "Created" in out("ps", "-a")
    done = onggi("start", "-a", "later")
    assert (done.returncode, done.stdout) == (6, "now\n")


def test_several_names_are_each_answered(engine: Engine) -> None:
    for name in ("one", "two"):
        out("create", "--name", name, "onggi/base", "true")
    done = onggi("rm", "one", "nosuch", "two")
    assert (done.returncode, done.stdout) == (1, "one\ntwo\n")
    assert done.stderr.startswith("onggi: no such container: nosuch\n")


def test_the_newest_container_comes_first(engine: Engine) -> None:
    for name in ("one", "two", "three"):
        out("create", "--name", name, "-l", "room=kitchen", "onggi/base", "true")
    assert out("ps", "-a", "--format", "{{.Names}}").split() == ["three", "two", "one"]
    assert out("ps", "-n", "2", "--format", "{{.Names}}").split() == ["three", "two"]
    assert out("ps", "-l", "--format", "{{.Names}}").split() == ["three"]
    wanted = ["ps", "-a", "-f", "label=room=kitchen", "-f", "name=t"]
    assert (
        out(*wanted, "--format", '{{.Names}} {{.Label "room"}}') == "three kitchen\ntwo kitchen\n"
    )


def test_control_characters_do_not_reach_the_terminal(engine: Engine) -> None:
    out("create", "--name", "evil", "-l", "x=\x1b[2J", "onggi/base", "echo", "\x1b]0;title\x07")
    shown = [
        out("ps", "-a", "--no-trunc"),
        out("ps", "-a", "--format", "{{.Labels}}"),
        out("inspect", "evil"),
    ]
    assert not any("\x1b" in text or "\x07" in text for text in shown)
    assert json.loads(shown[2])[0]["Config"]["Labels"]["x"] == "\x1b[2J"


def test_logs(engine: Engine) -> None:
    script = "for i in 1 2 3; do echo line $i; done; echo err >&2"
    onggi("run", "--name", "talker", "onggi/base", "sh", "-c", script)
    done = onggi("logs", "talker")
    assert (done.stdout, done.stderr) == ("line 1\nline 2\nline 3\n", "err\n")
    both = onggi("logs", "--tail", "2", "talker")
    assert len((both.stdout + both.stderr).splitlines()) == 2
    assert onggi("logs", "-n", "0", "talker").stdout == ""
    stamped = onggi("logs", "-t", "talker").stdout.splitlines()[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 1", stamped)


def test_logs_are_followed_to_the_end(engine: Engine) -> None:
    script = "echo first; sleep 0.5; echo last"
    out("run", "-d", "--name", "slow", "onggi/base", "sh", "-c", script)
    assert out("logs", "-f", "slow") == "first\nlast\n"


def test_ctrl_c_goes_to_the_program(engine: Engine) -> None:
    script = f"trap 'echo interrupted; exit 9' INT; echo ready; {LOOP}"
    running = begin("run", "--rm", "onggi/base", "sh", "-c", script)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.send_signal(signal.SIGINT)
    assert running.communicate(timeout=20) == ("interrupted\n", "")
    assert running.returncode == 9


def test_the_third_ctrl_c_ends_the_command_line_alone(engine: Engine) -> None:
    # As PID 1, `sleep` is deaf: the kernel drops signals for which it has no handler.
    running = begin("run", "--name", "deaf", "onggi/base", "sleep", "60")
    until(lambda: [each.name for each in engine.containers.list()] == ["deaf"])
    for _ in range(3):
        running.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert "three times" in running.communicate(timeout=20)[1]
    assert running.returncode == 1
    assert engine.containers.get("deaf").status == "running"


def test_a_killed_command_line_leaves_the_container_alone(engine: Engine) -> None:
    running = begin("run", "--name", "web", "onggi/base", "sh", "-c", f"echo ready; {LOOP}")
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.kill()
    running.communicate()
    assert engine.containers.get("web").status == "running"
    assert out("logs", "web") == "ready\n"


def test_a_reader_that_stops_early(engine: Engine) -> None:
    line = " ".join([*ONGGI, "run", "--rm", "onggi/base", "yes"])
    done = subprocess.run(
        ["bash", "-c", f"{line} | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("y\n141\n", "")
    until(lambda: engine.containers.list(all=True) == [])


def write_context(folder: Path, dockerfile: str) -> str:
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "hello.txt").write_text("안녕\n")
    return str(folder)


def test_build_and_what_became_of_it(engine: Engine, tmp_path: Path) -> None:
    context = write_context(
        tmp_path,
        "FROM onggi/base\nARG WHO=nobody\nCOPY hello.txt /\n"
        "RUN cat /hello.txt && echo $WHO && echo err >&2\nCMD cat /hello.txt\n",
    )
    names = ["-t", "greeting:1", "-t", "greeting:2"]
    said = out("build", *names, "--build-arg", "WHO=me", "--label", "a=b", context)
    assert "Step 4/5 : RUN cat" in said
    assert all(f"\n{line}\n" in said for line in ("안녕", "me", "err"))
    match = re.search(r"Successfully built ([0-9a-f]{12})\n", said)
    assert match
    assert said.endswith("Successfully tagged greeting:1\nSuccessfully tagged greeting:2\n")
    again = out("build", "-q", *names, "--build-arg", "WHO=me", "--label", "a=b", context)
    assert again.startswith("sha256:") and again.count("\n") == 1
    assert "Using cache" in out("build", "--build-arg", "WHO=me", context)
    assert out("run", "--rm", "greeting:2") == "안녕\n"
    assert out("inspect", "-f", "{{.Config.Labels.a}}", "greeting:1") == "b\n"
    table = out("images", "greeting").splitlines()
    assert [line.split()[:2] for line in table[1:]] == [["greeting", "1"], ["greeting", "2"]]
    assert out("history", "greeting:1").splitlines()[1].split()[0] == again[7:19]
    out("tag", "greeting:1", "other")
    assert out("rmi", "greeting:1", "greeting:2") == "Untagged: greeting:1\nUntagged: greeting:2\n"
    assert re.fullmatch(
        r"Untagged: other:latest\nDeleted: sha256:[0-9a-f]{64}\n", out("image", "rm", "other")
    )


def test_a_build_that_fails(engine: Engine, tmp_path: Path) -> None:
    context = write_context(tmp_path, "FROM onggi/base\nRUN echo before; exit 7\n")
    done = onggi("build", "-t", "never", context)
    assert done.returncode == 1
    assert "before\n" in done.stdout
    assert done.stderr.startswith("onggi: Dockerfile:2:")
    assert "    2 | RUN echo before; exit 7\n" in done.stderr
    assert onggi("inspect", "never").returncode == 1


def test_an_image_in_use_stays(engine: Engine, tmp_path: Path) -> None:
    out("build", "-t", "mine", write_context(tmp_path, "FROM onggi/base\nCOPY hello.txt /\n"))
    out("create", "--name", "user", "mine")
    done = onggi("rmi", "mine")
    assert (done.returncode, done.stdout) == (1, "")
    assert "user" in done.stderr


def test_what_the_disk_holds_and_what_a_prune_frees(engine: Engine) -> None:
    out(
        "run",
        "--name",
        "writer",
        "onggi/base",
        "dd",
        "if=/dev/zero",
        "of=/x",
        "bs=1M",
        "count=3",
        "status=none",
    )
    rows = [json.loads(line) for line in out("system", "df", "--format", "json").splitlines()]
    containers = next(row for row in rows if row["Type"] == "Containers")
    assert (containers["TotalCount"], containers["Active"]) == ("1", "0")
    assert containers["Size"].startswith("3.1") and containers["Size"].endswith("MB")
    freed = out("container", "prune", "-f")
    assert freed.startswith("Deleted Containers:\n")
    assert freed.splitlines()[-1].startswith("Total reclaimed space: 3.1")


def test_spec_is_the_oci_s_config(engine: Engine) -> None:
    out("create", "--name", "one", "onggi/base", "echo", "hi")
    config = json.loads(out("spec", "one"))
    assert config["process"]["args"] == ["echo", "hi"]
    assert config["ociVersion"].startswith("1.")


def test_info_has_a_line_of_evidence_for_everything(engine: Engine) -> None:
    from runtime.linux import probe

    said = out("info")
    for capability in probe.capabilities():
        assert capability.name in said
        assert capability.evidence in said
    assert str(engine.root) in said


def test_messages_in_korean(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONGGI_LANG")
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    done = onggi("run", "--rm", "onggi/base", "nosuch")
    assert done.returncode == 127
    assert done.stderr.startswith("onggi: 컨테이너 안에 그런 명령이 없습니다: nosuch\n")


def test_base_images_are_made_with_progress(state_root: Path) -> None:
    done = onggi("run", "--rm", "onggi/base", "echo", "hello")
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "onggi/base" in done.stderr
    assert "\r" not in done.stderr
    assert os.environ["ONGGI_ROOT"] == str(state_root)
