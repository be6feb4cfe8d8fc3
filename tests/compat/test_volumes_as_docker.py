"""Volumes, binds and tmpfs: the same commands to docker and to us, and the same comes of them.

Compared are exit codes and what is written, once ids and places of the host have been taken out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dockerd import Docker, running_dockerd

from runtime.engine import Engine

pytestmark = [pytest.mark.needs("containers", "dockerd"), pytest.mark.timeout(600)]

IMAGE = """FROM onggi/base
RUN mkdir -p /site/deep && echo first >/site/page && ln -s page /site/link \
 && chown -R 7:8 /site && chmod 2750 /site
VOLUME /site
"""
RUN = ("run", "--rm", "--network", "none")
LOOK = "stat -c '%n %u:%g %a %F' /site /site/* && cat /site/page"


@dataclass(frozen=True)
class Both:
    """Docker's command and ours."""

    docker: Docker
    differences: list[str] = field(default_factory=list)

    def __call__(self, *line: str) -> tuple[int, str]:
        """Exit code and standard output, as docker has them. What we do differently is noted. An @
        in the line is another word for each of us.
        """
        theirs = self.docker.run(*(word.replace("@", "docker") for word in line))
        command = [sys.executable, "-m", "runtime.cli.main"]
        command += [word.replace("@", "onggi") for word in line]
        environment = {**os.environ, "ONGGI_LANG": "en"}
        ours = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment
        )
        mine, docker_s = (
            (done.returncode, _plain(done.stdout), bool(done.stderr)) for done in (ours, theirs)
        )
        if mine != docker_s:
            said = f"{mine} {ours.stderr!r}", f"{docker_s} {theirs.stderr!r}"
            self.differences.append("\n  ".join((" ".join(line), *said)))
        return theirs.returncode, _plain(theirs.stdout)


def _plain(said: bytes) -> str:
    """Without what differs from run to run."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "ID", said.decode())
    return re.sub(r"(Total reclaimed space:) .*", r"\1 …", text)


@pytest.fixture
def both(engine: Engine, tmp_path: Path) -> Iterator[Both]:
    (tmp_path / "Dockerfile").write_text(IMAGE)
    image, _ = engine.images.build(path=tmp_path, tag="site")
    with running_dockerd() as docker:
        docker("load", stdin=b"".join(image.save(named=True)))
        yield Both(docker)


def test_the_same_comes_of_it(both: Both, tmp_path: Path) -> None:
    listed = ("volume", "ls", "--format", "{{.Driver}} {{.Name}} {{.Labels}} {{.Scope}}")
    shown = "{{.Name}} {{.Driver}} {{.Scope}} {{json .Labels}}"

    assert both("volume", "create", "--label", "a=b", "data") == (0, "data\n")
    both("volume", "create", "data")
    both("volume", "inspect", "-f", shown, "data")
    both("volume", "inspect", "nosuch")
    both(*listed)
    both(*listed, "-f", "label=a=c")

    # Initial contents: owners and modes too, in a volume and not in a bind; once.
    code, first = both(*RUN, "-v", "data:/site", "site", "sh", "-c", LOOK)
    assert code == 0 and "/site 7:8 2750 directory" in first
    both(*RUN, "-v", "data:/site", "site", "sh", "-c", "echo second >/site/page; rm /site/link")
    both(*RUN, "-v", "data:/site", "site", "sh", "-c", LOOK)
    both(*RUN, "-v", "data:/other:ro", "site", "sh", "-c", "cat /other/page; touch /other/new")
    both(*RUN, "-v", "empty:/site:nocopy", "site", "ls", "-A", "/site")
    both(*RUN, "-v", f"{tmp_path}/@:/site", "site", "sh", "-c", "ls -A /site; touch /site/x")
    assert all((tmp_path / who / "x").exists() for who in ("docker", "onggi"))

    # What is missing, and what makes no sense.
    missing = f"type=bind,src={tmp_path}/nosuch,dst=/x"
    assert both(*RUN, "--mount", missing, "site", "true")[0] == 125
    both(*RUN, "-v", "relative/path:/x", "site", "true")
    both(*RUN, "-v", "data:relative", "site", "true")
    both(*RUN, "-v", "data:/x:nonsense", "site", "true")
    both(*RUN, "--mount", "type=volume,dst=/x,nonsense=1", "site", "true")
    both(*RUN, "--volumes-from", "nosuch", "site", "true")

    both(
        *RUN,
        "--tmpfs",
        "/t:size=64k,mode=1770",
        "site",
        "sh",
        "-c",
        "stat -c %a /t; df -k /t | tail -1 | awk '{print $2}'",
    )
    both(
        *RUN,
        "--mount",
        "type=tmpfs,dst=/t,tmpfs-size=65536",
        "site",
        "sh",
        "-c",
        "df -k /t | tail -1 | awk '{print $2}'",
    )

    # In use, shared, and gone.
    both("create", "--name", "user", "--network", "none", "-v", "data:/d", "site", "cat", "/d/page")
    for place in ("/d", "/site"):  # docker lists them in any order
        mount = "{{.Type}} {{.Destination}} {{.RW}}"
        one = '{{range .Mounts}}{{if eq .Destination "PLACE"}}' + mount + "{{end}}{{end}}"
        both("inspect", "-f", one.replace("PLACE", place), "user")
    assert both("volume", "rm", "data")[0] == 1
    both("run", "--rm", "--network", "none", "--volumes-from", "user:ro", "site", "cat", "/d/page")
    both("volume", "prune", "-f", "--filter", "label=a=c")
    both(*listed, "-f", "dangling=false", "-f", "name=data")
    both("rm", "-v", "user")
    both("volume", "rm", "data", "nosuch")
    both("volume", "rm", "-f", "nosuch")
    both("volume", "rm", "empty")
    both(*listed)
    assert not both.differences, "\n\n".join(both.differences)
