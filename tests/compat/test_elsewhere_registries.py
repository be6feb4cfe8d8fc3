"""`onggi --host` and registries: the engine elsewhere sends and fetches, and says that it is us.

Both engines, Debian's dockerd and our server, push to our own registry and pull from it. The
credentials lie in a folder of the client's; the engine's own user knows none.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import leftovers
import pytest
from docker_host import serving
from dockerd import running_dockerd
from own_registry import OwnRegistry, running_registry
from registries import HTPASSWD, PASSWORD, USER
from witness import witnessed
from worlds import own_network

pytestmark = [
    pytest.mark.needs("containers", "docker", "dockerd", "busybox"),
    pytest.mark.timeout(300),
]

ONGGI = (sys.executable, "-m", "runtime.cli.main")
DOCKER = ("docker",)


class Said(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


class Elsewhere(NamedTuple):
    """An engine, an image that it has, two registries, and a client's own folder."""

    host: str
    image: str
    open: OwnRegistry
    guarded: OwnRegistry
    home: Path

    def ask(self, *line: str, program: tuple[str, ...] = ONGGI, stdin: str = "") -> Said:
        """A client's command."""
        environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("DOCKER_")},
            "ONGGI_LANG": "en",
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(self.home),
        }
        done = subprocess.run(
            [*program, *line],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def log_in(self, password: str, program: tuple[str, ...] = ONGGI) -> Said:
        """At the registry that asks for a password."""
        line = ("login", "-u", USER, "--password-stdin", self.guarded.host)
        return self.ask(*line, program=program, stdin=password + "\n")

    def known(self) -> dict[str, dict[str, str]]:
        """What the client keeps."""
        file = self.home / "config.json"
        found: dict[str, dict[str, str]] = (
            json.loads(file.read_text()).get("auths", {}) if file.exists() else {}
        )
        return found


@pytest.fixture(params=["dockerd", "ours"], scope="module")
def place(
    request: pytest.FixtureRequest, base_state: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Elsewhere]:
    """In a network of its own: for both engines a registry's address is one of loopback."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in ("open", "guarded", "home"):
        (folder / name).mkdir()
    (folder / "htpasswd").write_text(HTPASSWD)
    with (
        own_network(),
        running_registry(folder / "open") as open_,
        running_registry(folder / "guarded", "--htpasswd", folder / "htpasswd") as guarded,
    ):
        rest = (open_, guarded, folder / "home")
        if request.param == "dockerd":
            with running_dockerd(own_network=False) as docker:
                docker.import_busybox()
                yield Elsewhere(docker.address, "busybox", *rest)
            return
        leftovers.end_launchers(base_state)  # whose keeper has another network
        nobody = {**os.environ, "DOCKER_CONFIG": str(folder), "ONGGI_ROOT": str(base_state)}
        nobody.pop("ONGGI_PULL", None)
        socket = folder / "s"
        with serving(socket, "--group", "root", env=nobody), witnessed(socket) as witness:
            yield Elsewhere(f"unix://{witness.socket}", "onggi/base", *rest)
        leftovers.end_launchers(base_state)


def digest_of(place: Elsewhere, name: str) -> str:
    """By which the registry knows an image of the engine's; "" if it has been in none."""
    said = place.ask("inspect", "-f", "{{range .RepoDigests}}{{println .}}{{end}}", name)
    repository = name.rpartition(":")[0]
    found = [line for line in said.out.splitlines() if line.startswith(f"{repository}@")]
    return found[0].partition("@")[2] if found else ""


def travel(place: Elsewhere, name: str) -> None:
    """There, away from here, and back: the same image by the same digest."""
    assert place.ask("tag", place.image, name) == (0, "", "")
    pushed = place.ask("push", name)
    assert pushed.code == 0, pushed.err
    first, *_, last = pushed.out.splitlines()
    assert first == f"The push refers to repository [{name.rpartition(':')[0]}]"
    found = re.fullmatch(r"1: digest: (sha256:[0-9a-f]{64}) size: \d+", last)
    assert found, pushed.out
    assert digest_of(place, name) == found[1]
    assert "Layer already exists" in place.ask("push", name).out
    identity = place.ask("inspect", "-f", "{{.Id}}", name).out
    assert place.ask("rmi", name).out.startswith(f"Untagged: {name}\n")
    assert place.ask("inspect", name).code == 1
    pulled = place.ask("pull", name)
    assert pulled.code == 0, pulled.err
    assert f"Digest: {found[1]}\n" in pulled.out
    assert pulled.out.splitlines()[-1] == name
    assert digest_of(place, name) == found[1]
    assert place.ask("inspect", "-f", "{{.Id}}", name).out == identity
    assert place.ask("pull", "-q", f"{name.rpartition(':')[0]}@{found[1]}").code == 0
    assert place.ask("rmi", "-f", name).code == 0


def test_there_and_back(place: Elsewhere) -> None:
    travel(place, f"{place.open.host}/team/jar:1")


def test_with_a_password(place: Elsewhere) -> None:
    """Nobody may; who has logged in may, until he logs out. Docker's client says the same."""
    host, name = place.guarded.host, f"{place.guarded.host}/team/jar:1"
    assert place.ask("tag", place.image, name).code == 0
    for program in (ONGGI, DOCKER):
        refused = place.ask("push", "-q", name, program=program)
        assert (refused.code, refused.out) == (1, ""), refused
    for program in (ONGGI, DOCKER):
        wrong = place.log_in("wrong", program)
        assert (wrong.code, wrong.out) == (1, ""), wrong
        assert "Error response from daemon: " in wrong.err and "401" in wrong.err, wrong
        assert place.known() == {}
    right = place.log_in(PASSWORD)
    assert (right.code, right.out) == (0, "Login Succeeded\n"), right
    assert f"is stored unencrypted in '{place.home}/config.json'" in right.err
    assert list(place.known()) == [host]
    assert (place.home / "config.json").stat().st_mode & 0o777 == 0o600
    kept = place.known()
    travel(place, name)
    # Docker's client finds what ours has kept, and keeps the same itself.
    again = place.ask("login", host, program=DOCKER)
    assert again.code == 0 and "Login Succeeded" in again.out, again
    assert place.ask("logout", host, program=DOCKER).code == 0
    assert place.known() == {}
    assert place.log_in(PASSWORD, DOCKER).code == 0
    assert place.known() == kept
    ours = place.ask("login", host)
    assert ours == (0, "Authenticating with existing credentials...\nLogin Succeeded\n", ours.err)
    assert place.ask("logout", host) == (0, f"Removing login credentials for {host}\n", "")
    assert place.known() == {}
    assert place.ask("logout", host) == (0, f"Not logged in to {host}\n", "")
    assert place.ask("pull", name).code == 1
