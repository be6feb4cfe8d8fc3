"""`onggi --host` on real engines: Debian's dockerd, and our own server.

What a command asks for is compared in test_same_requests.py; here containers really run.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from docker_host import serving
from dockerd import running_dockerd
from keyboard import Keyboard

from lessons_lib.certificates import write_certificate
from lessons_lib.waiting import until as wait_for
from runtime.engine import Engine

pytestmark = [
    pytest.mark.needs("containers", "docker", "dockerd", "busybox"),
    pytest.mark.timeout(300),
]

ONGGI = (sys.executable, "-m", "runtime.cli.main")


@pytest.fixture(scope="module")
def dockers() -> Iterator[str]:
    """Debian's dockerd, with an image `busybox`; its address."""
    with running_dockerd() as docker:
        docker.import_busybox()
        yield docker.address


def onggi(host: str, *line: str, stdin: str = "", **variables: str) -> tuple[int, str, str]:
    """Exit code, output, complaints."""
    environment = {**os.environ, "ONGGI_LANG": "en", "DOCKER_HOST": host, **variables}
    done = subprocess.run(
        [*ONGGI, *line],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


Ask = Callable[..., tuple[int, str, str]]


def life(ask: Ask, image: str, tmp_path: Path) -> None:
    """A container's, from `run` to `rm`, with what goes in and comes out."""
    plain = ("run", "--rm", "--network", "none")
    assert ask(*plain, image, "echo", "hi") == (0, "hi\n", "")
    assert ask(*plain, image, "sh", "-c", "echo out; echo err >&2; exit 3") == (
        *(3, "out\n"),
        "err\n",
    )
    assert ask(*plain, "-i", image, "cat", stdin="안녕\n") == (0, "안녕\n", "")
    assert ask(*plain, image, "nosuch")[:2] == (127, "")
    script = "echo begun; sleep 1000"
    code, name, _ = ask(
        "run", "-d", "--name", "web", "--network", "none", image, "sh", "-c", script
    )
    assert (code, len(name)) == (0, 65)
    assert ask("ps", "-q", "--no-trunc") == (0, name, "")
    assert ask("exec", "-i", "web", "cat", stdin="in") == (0, "in", "")
    assert ask("exec", "web", "sh", "-c", "exit 4") == (4, "", "")
    assert ask("logs", "web") == (0, "begun\n", "")
    (tmp_path / "file").write_text("carried")
    assert ask("cp", str(tmp_path / "file"), "web:/file")[0] == 0
    assert ask("cp", "web:/file", str(tmp_path / "back"))[0] == 0
    assert (tmp_path / "back").read_text() == "carried"
    assert ask("inspect", "-f", "{{.State.Status}}", "web") == (0, "running\n", "")
    assert ask("kill", "web") == (0, "web\n", "")
    assert ask("wait", "web") == (0, "137\n", "")
    assert ask("rm", "web") == (0, "web\n", "")
    code, _, complaint = ask("rm", "web")
    assert (code, "No such container: web" in complaint) == (1, True)


def test_at_dockerd(dockers: str, tmp_path: Path) -> None:
    life(partial(onggi, dockers), "busybox", tmp_path)


def test_at_our_own_server(docker_host: str, tmp_path: Path) -> None:
    life(partial(onggi, docker_host), "onggi/base", tmp_path)


PROMPT = "sh", "-c", "PS1='# ' exec sh -i"


def at_a_terminal(host: str, image: str) -> None:
    """Size, keys, the window's changes, leaving and coming back, exit codes."""
    here = ("--host", host)
    line = ("run", "-it", "--name", "web", "--network", "none", image, *PROMPT)
    with Keyboard(*here, *line, size=(31, 97)) as keyboard:
        keyboard.wait_until_raw()
        keyboard.see("# ")
        keyboard.type("stty size\r")
        keyboard.see("31 97\r\n")
        keyboard.type("echo re''ady; cat\r")  # until then the shell itself echoes what it reads
        keyboard.see("ready\r\n")
        keyboard.type("one\r")
        keyboard.see("one\r\none\r\n")
        keyboard.type(b"\x03")
        keyboard.see("^C")
        keyboard.see("# ")
        keyboard.resize(42, 111)
        keyboard.type("while test \"$(stty size)\" != '42 111'; do sleep 0.1; done; echo wi''de\r")
        keyboard.see("wide\r\n")
        keyboard.type(b"\x10\x11")
        assert keyboard.exit_code() == 0
        assert keyboard.is_as_before
    with Keyboard(*here, "exec", "-it", "web", *PROMPT, size=(20, 60)) as keyboard:
        keyboard.wait_until_raw()
        keyboard.see("# ")
        keyboard.type("exit 9\r")
        assert keyboard.exit_code() == 9
        assert keyboard.is_as_before
    with Keyboard(*here, "attach", "--detach-keys", "ctrl-a,x", "web") as keyboard:
        keyboard.wait_until_raw()
        keyboard.type("echo ba''ck\r")
        keyboard.see("back\r\n")
        keyboard.type(b"\x01x")
        assert keyboard.exit_code() == 1
    with Keyboard(*here, "attach", "web") as keyboard:
        keyboard.wait_until_raw()
        keyboard.type("exit 5\r")
        assert keyboard.exit_code() == 5
        assert keyboard.is_as_before
    assert onggi(host, "rm", "web")[0] == 0


def test_a_terminal_at_dockerd(dockers: str) -> None:
    at_a_terminal(dockers, "busybox")


def test_a_terminal_at_our_own_server(docker_host: str) -> None:
    at_a_terminal(docker_host, "onggi/base")


CLIENTS = (ONGGI, ("/usr/bin/docker",))
"""Debian's client is asked the same: what it does is what ours is to do. Newer ones end at once,
and tell an attached container nothing.
"""

PROXIED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
LOOP = "while :; do sleep 0.05; done"
TRAPS = "; ".join(f"trap 'echo {each.name}' {each.name[3:]}" for each in PROXIED)


def begun(host: str, client: tuple[str, ...], *line: str) -> subprocess.Popen[str]:
    """A client in the foreground, without a terminal, when the program speaks."""
    process = subprocess.Popen(
        [*client, *line],
        env={**os.environ, "ONGGI_LANG": "en", "DOCKER_HOST": host},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    heard = process.stdout.readline()
    assert heard == "ready\n", heard or process.communicate(timeout=60)
    return process


def signals_to(host: str, image: str, client: tuple[str, ...]) -> None:
    """What is sent to the client comes to the program, which decides; its end is the client's."""
    script = f"{TRAPS}; echo ready; {LOOP}"
    plain = ("run", "--rm", "--network", "none", "--name", "web")
    running = begun(host, client, *plain, image, "sh", "-c", script)
    assert running.stdout is not None
    for number in PROXIED:
        running.send_signal(number)
        assert running.stdout.readline() == f"{number.name}\n"
    assert onggi(host, "kill", "web")[0] == 0
    assert running.communicate(timeout=60)[0] == ""
    assert running.returncode == 137
    # Whoever is no PID 1 has the kernel's defaults: it dies of the signal.
    for number in PROXIED:
        script = "echo ready; exec sleep 1000"
        line = (*plain, "--pid", "host", image, "sh", "-c", script)
        running = begun(host, client, *line)
        running.send_signal(number)
        running.communicate(timeout=60)
        assert running.returncode == 128 + number


def attached_signals(host: str, image: str, client: tuple[str, ...]) -> None:
    """`attach` and `start -a` hand on, too; with --sig-proxy=false the client is meant itself."""
    script = "trap 'echo caught; exit 5' TERM; while :; do echo ready; sleep 0.05; done"
    created = ("create", "--network", "none", "--name", "web", image, "sh", "-c", script)
    assert onggi(host, *created)[0] == 0
    ways: tuple[tuple[str, ...], ...] = (("start", "-a", "web"), ("attach", "--no-stdin", "web"))
    for line in ways:
        if line[0] == "attach":
            assert onggi(host, "start", "web")[0] == 0
        running = begun(host, client, *line)
        running.send_signal(signal.SIGTERM)
        assert running.communicate(timeout=60)[0].endswith("caught\n")
        assert running.returncode == 5
    assert onggi(host, "start", "web")[0] == 0
    running = begun(host, client, "attach", "--sig-proxy=false", "web")
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)  # a shell says 143
    assert onggi(host, "inspect", "-f", "{{.State.Status}}", "web")[1] == "running\n"
    assert onggi(host, "rm", "-f", "web")[0] == 0


@pytest.mark.parametrize("client", CLIENTS, ids=["onggi", "docker"])
def test_signals_at_dockerd(dockers: str, client: tuple[str, ...]) -> None:
    signals_to(dockers, "busybox", client)
    attached_signals(dockers, "busybox", client)


@pytest.mark.parametrize("client", CLIENTS, ids=["onggi", "docker"])
def test_signals_at_our_own_server(docker_host: str, client: tuple[str, ...]) -> None:
    signals_to(docker_host, "onggi/base", client)
    attached_signals(docker_host, "onggi/base", client)


def test_nobody_there(tmp_path: Path) -> None:
    code, out, complaint = onggi(f"unix://{tmp_path}/nobody", "ps")
    assert (code, out) == (1, "")
    assert complaint.startswith(f"onggi: no engine answers at unix://{tmp_path}/nobody")


class Signed:
    """Certificates of a server, and of a client whom it knows."""

    def __init__(self, folder: Path) -> None:
        self.server = write_certificate(folder / "server")
        self.client = write_certificate(folder / "client")
        self.flags = {
            "tlsverify": "true",
            "tlscacert": str(self.client[0]),
            "tlscert": str(self.server[0]),
            "tlskey": str(self.server[1]),
        }
        """Of a server."""
        self.folder = folder / "known"
        """As DOCKER_CERT_PATH."""
        self.folder.mkdir()
        files = {"ca": self.server[0], "cert": self.client[0], "key": self.client[1]}
        for name, file in files.items():
            (self.folder / f"{name}.pem").write_bytes(file.read_bytes())


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return Signed(tmp_path_factory.mktemp("signed"))


@pytest.fixture
def tls_host(engine: Engine, signed: Signed, tmp_path: Path) -> Iterator[str]:
    """Our server with TLS on both sides; its address."""
    flags = [f"--{name}={value}" for name, value in signed.flags.items()]
    with serving(tmp_path / "s", "-H", "tcp://127.0.0.1:0", "--group", "root", *flags) as server:
        wait_for(lambda: len(server.said) > 1)
        (place,) = re.findall(r"tcp://\S+", "".join(server.said))
        yield place


def by_tls(host: str, signed: Signed) -> Ask:
    """With the variables that docker's client reads."""
    return partial(onggi, host, DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(signed.folder))


def test_by_tls_at_our_own_server(tls_host: str, signed: Signed, tmp_path: Path) -> None:
    ask = by_tls(tls_host, signed)
    life(ask, "onggi/base", tmp_path)
    much_in_both_directions(ask, "onggi/base")
    follow(ask, "onggi/base")
    built(ask, "onggi/base", tmp_path)
    refused(tls_host, signed, tmp_path)


def test_by_tls_at_dockerd(signed: Signed, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with running_dockerd(own_network=False, also_at=[host], **signed.flags) as docker:
        docker.import_busybox()
        ask = by_tls(host, signed)
        life(ask, "busybox", tmp_path)
        much_in_both_directions(ask, "busybox")
        follow(ask, "busybox")
        refused(host, signed, tmp_path)


def much_in_both_directions(ask: Ask, image: str) -> None:
    """More than fits into all buffers on the way, in and out at once, to the last byte."""
    much = "".join(f"{number:07}\n" for number in range(400_000))
    plain = ("run", "--rm", "-i", "--network", "none", image)
    code, said, _ = ask(*plain, "cat", stdin=much)
    assert (code, len(said), said == much) == (0, len(much), True)


def follow(ask: Ask, image: str) -> None:
    """What is attached, or reads logs, comes to the end with the container."""
    script = "echo begun; cat; echo ended; exit 5"
    line = ("run", "-i", "--name", "told", "--network", "none", image, "sh", "-c", script)
    assert ask(*line, stdin="heard\n") == (5, "begun\nheard\nended\n", "")
    assert ask("logs", "-f", "told") == (0, "begun\nheard\nended\n", "")
    assert ask("start", "-ai", "told", stdin="again\n") == (5, "begun\nagain\nended\n", "")
    assert ask("rm", "told")[0] == 0


def built(ask: Ask, image: str, tmp_path: Path) -> None:
    """A context goes there, an image comes of it."""
    place = tmp_path / "context"
    place.mkdir()
    (place / "Dockerfile").write_text(f"FROM {image}\nCOPY big /big\nRUN test -s /big\n")
    (place / "big").write_bytes(os.urandom(3_000_000))
    code, _, complaint = ask("build", "-t", "made", str(place))
    assert code == 0, complaint
    assert ask("rmi", "made")[0] == 0


def refused(host: str, signed: Signed, tmp_path: Path) -> None:
    """Who is not known, and who does not know the other, in one sentence and a hint."""
    stranger, _ = write_certificate(tmp_path / "stranger")
    cert, key = signed.client
    cases = {
        "certificate verify failed": ("--tlscacert", stranger, "--tlscert", cert, "--tlskey", key),
        " certificate ": ("--tlscacert", signed.server[0]),  # required, or bad: as they call it
    }
    for reason, flags in cases.items():
        line = ("--host", host, "--tlsverify", *map(str, flags), "ps")
        code, out, complaint = onggi("", *line, DOCKER_CERT_PATH=str(tmp_path))
        assert (code, out) == (1, "")
        assert complaint.startswith(f"onggi: no engine answers at {host}: "), complaint
        assert reason in complaint.replace("_", " ").lower()
        assert complaint.count("\n") == 2, complaint
