"""How fast a build is, as a ratio to named peers, measured in turns in the same run.

    cold       12 steps, 4 of them RUN, nothing known before: against `docker build` (the classic
               builder) and `buildah build --layers`
    cached     the same again, from the command line, as the third command of a session and those
               after it: against `docker build`
    in-process the same again, in a Python that runs already, as a notebook does

The base image is the same for all: onggi/base, exported. Docker gets a daemon of its own, without
a network, in a folder that goes afterwards. Needs root and Debian's docker.io and buildah; a peer
that is not there is said and left out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import leftovers
from bench import seconds

from runtime.engine import Engine

ROUNDS = 5
DOCKERFILE = """\
FROM onggi/base
ARG VERSION=1
ENV APP=/srv/app
WORKDIR /srv/app
RUN echo one > one
COPY a.txt .
RUN cat a.txt > b.txt
LABEL version=$VERSION
RUN mkdir -p data && echo $VERSION > data/version
COPY tree tree
RUN ls tree > list
CMD ["cat", "list"]
"""


class Place:
    """The folders of one run: a context, a state directory, the peers' homes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.context = folder / "context"
        (self.context / "tree").mkdir(parents=True)
        (self.context / "Dockerfile").write_text(DOCKERFILE)
        (self.context / "a.txt").write_text("a\n")
        for number in range(20):
            (self.context / "tree" / f"{number}.txt").write_text(f"{number}\n")
        self.engine = Engine(folder / "state")
        self.engine.images.bootstrap(names=("onggi/base",))

    def base(self) -> Path:
        """onggi/base's files as one plain tar, which every tool imports."""
        root, tar = self.folder / "rootfs", self.folder / "base.tar"
        root.mkdir()
        for layer in self.engine.images.get("onggi/base").layers:
            subprocess.run(["cp", "-aT", "--remove-destination", layer.files, root], check=True)
        subprocess.run(["tar", "-C", root, "-cf", tar, "."], check=True)
        return tar

    def build(self, *, cold: bool) -> None:
        self.engine.images.build(path=self.context, tag="bench", nocache=cold)

    def command(self) -> None:
        environment = {**os.environ, "ONGGI_ROOT": str(self.folder / "state")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # people's Python keeps its bytecode
        quiet([Path(sys.executable).with_name("onggi"), "build", self.context], environment)


def quiet(command: list[str | Path], environment: dict[str, str] | None = None) -> None:
    """Run it; what it says matters only if it fails."""
    subprocess.run(command, env=environment, check=True, capture_output=True)


@contextlib.contextmanager
def docker(place: Place) -> Iterator[dict[str, str] | None]:
    """A docker daemon of our own, with onggi/base in it; its environment. None without docker."""
    if not shutil.which("dockerd"):
        yield None
        return
    home = place.folder / "docker"
    home.mkdir()
    host = f"unix://{home}/socket"
    environment = {**os.environ, "DOCKER_HOST": host, "DOCKER_BUILDKIT": "0"}
    with (home / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [
                *("dockerd", "--host", host, "--data-root", home / "data"),
                *("--exec-root", home / "run", "--pidfile", home / "pid"),
                *("--bridge", "none", "--iptables=false", "--ip6tables=false"),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        for _ in range(300):
            ready = subprocess.run(
                ["docker", "info"], env=environment, capture_output=True, check=False
            )
            if ready.returncode == 0:
                break
            time.sleep(0.1)
        quiet(["docker", "import", place.folder / "base.tar", "onggi/base"], environment)
        yield environment
    finally:
        daemon.terminate()
        daemon.wait()


def columns(rows: list[tuple[float, ...]]) -> list[list[float]]:
    """Rounds of measurements as one list for each competitor."""
    return [list(column) for column in zip(*rows, strict=True)]


def compare(name: str, times_s: list[list[float]], limit: float) -> bool:
    """One line; whether the ratio of the medians, ours and the peer's, is within `limit`."""
    mine, theirs = (statistics.median(column) * 1000 for column in times_s)
    ratio = mine / theirs
    times = f"onggi {mine:7.1f} ms   peer {theirs:7.1f} ms"
    print(f"{name:<34} {times}   ratio {ratio:.2f} (≤ {limit})", flush=True)
    return ratio <= limit


def against_docker(place: Place) -> bool:
    """Cold, and cached from the command line and in-process."""
    with docker(place) as environment:
        if environment is None:
            print("docker is not here: left out")
            return True
        build: list[str | Path] = ["docker", "build", "--network=none", "-t", "bench"]
        cold = [*build, "--no-cache", place.context]
        pairs: list[tuple[float, ...]] = [
            (seconds(lambda: place.build(cold=True)), seconds(lambda: quiet(cold, environment)))
            for _ in range(ROUNDS)
        ]
        good = compare("build, cold: docker", columns(pairs), limit=0.3)
        again = [*build, place.context]
        for _ in range(3):  # writes the bytecode, leaves a deputy
            place.command()
        triples: list[tuple[float, ...]] = [
            (
                seconds(place.command),
                seconds(lambda: place.build(cold=False)),
                seconds(lambda: quiet(again, environment)),
            )
            for _ in range(ROUNDS * 4)
        ]
        command, inside, peer = columns(triples)
        good &= compare("build, cached, command line: docker", [command, peer], limit=1.0)
        return compare("build, cached, in-process: docker", [inside, peer], limit=0.3) and good


def against_buildah(place: Place) -> bool:
    """Cold; buildah runs commands by runc, in a network namespace of their own, as ours are."""
    if not shutil.which("buildah"):
        print("buildah is not here: left out")
        return True
    home = place.folder / "buildah"
    tool: list[str | Path] = ["buildah", "--root", home / "root", "--runroot", home / "run"]
    quiet([*tool, "from", "--name", "base", "scratch"])
    quiet([*tool, "add", "base", place.folder / "base.tar", "/"])
    quiet([*tool, "config", "--env", "PATH=/usr/bin:/bin", "base"])
    quiet([*tool, "commit", "base", "onggi/base"])
    cold = [*tool, "build", "--no-cache", "--layers", "--isolation=oci", "--network=none"]
    cold += ["--pull-never", "-t", "bench", place.context]
    try:
        pairs: list[tuple[float, ...]] = [
            (seconds(lambda: place.build(cold=True)), seconds(lambda: quiet(cold)))
            for _ in range(ROUNDS)
        ]
    finally:
        quiet([*tool, "rm", "--all"])
        subprocess.run(["umount", home / "root" / "overlay"], check=False)  # buildah leaves it
    return compare("build, cold: buildah", columns(pairs), limit=0.3)


def main() -> int:
    """Exit code 0 if every ratio is within its limit."""
    with tempfile.TemporaryDirectory(prefix="onggi-bench-") as folder:
        place = Place(Path(folder))
        place.base()
        good = [against_docker(place), against_buildah(place)]
        leftovers.end_launchers(Path(folder, "state"))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
