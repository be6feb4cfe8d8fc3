"""Volumes, binds and tmpfs: the same commands to docker and to us, and the same comes of them.

Compared are exit codes and what is written, once ids and places of the host have been taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dockerd import Docker, running_dockerd

from runtime.cli.main import main
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
    captured: pytest.CaptureFixture[bytes]
    differences: list[str] = field(default_factory=list)

    def __call__(self, *line: str) -> tuple[int, str]:
        """Exit code and standard output, as docker has them. What we do differently is noted. An @
        in the line is another word for each of us.
        """
        theirs = self.docker.run(*(word.replace("@", "docker") for word in line))
        code = main([word.replace("@", "onggi") for word in line])
        written, complaint = self.captured.readouterr()
        mine = code, _plain(written, line[0]), bool(complaint)
        docker_s = theirs.returncode, _plain(theirs.stdout, line[0]), bool(theirs.stderr)
        if mine != docker_s:
            said = f"{mine} {complaint!r}", f"{docker_s} {theirs.stderr!r}"
            self.differences.append("\n  ".join((" ".join(line), *said)))
        return docker_s[:2]


def _plain(said: bytes, command: str) -> str:
    """Without what differs from run to run. Docker keeps a container's mounts in no order."""
    if command == "inspect":
        said = b"".join(sorted(said.splitlines(keepends=True)))
    text = re.sub(r"\b[0-9a-f]{64}\b", "ID", said.decode())
    return re.sub(r"(Total reclaimed space:) .*", r"\1 …", text)


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    with running_dockerd() as running:
        yield running


@pytest.fixture
def both(
    engine: Engine,
    docker: Docker,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Both]:
    monkeypatch.setenv("ONGGI_LANG", "en")
    (tmp_path / "Dockerfile").write_text(IMAGE)
    image, _ = engine.images.build(path=tmp_path, tag="site")
    docker("load", stdin=b"".join(image.save(named=True)))
    yield Both(docker, capfdbinary)
    docker("volume", "prune", "-f")


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


MOUNTS = (
    "{{range .Mounts}}{{$.Name}} {{.Type}} {{.Destination}} {{.Driver}}"
    " {{.Mode}} {{.RW}} {{.Propagation}}\n{{end}}"
)
HOST = "HOST"
"""In a line: a directory of the host's, in which are a directory, a file and a link."""

WRITTEN = (
    (f"-v {HOST}/new/deep:/x", "stat -c '%u:%g %a %F' /x; touch /x/f"),
    (f"-v {HOST}/link:/x -v {HOST}/file:/x/y:ro", "ls /x; cat /x/y; echo no >/x/y"),
    (f"-v {HOST}/file:/site", "true"),
    (f"-v {HOST}/dir:/etc/passwd", "true"),
    (
        f"-v {HOST}/dir:/x --mount type=bind,src={HOST}/dir,dst=/y,readonly",
        "touch /x/f; touch /y/g",
    ),
    ("-v /:/x:ro", "test -d /x/proc/self && echo host; touch /x/etc/new"),
    ("-v once:/site/deep", "stat -c '%u:%g %a' /site/deep; touch /site/deep/f"),
    ("--mount src=same,dst=/site", LOOK),
    ("--mount src=same,dst=/a,readonly -v same:/b", "echo x >/b/f; cat /a/f; echo no >/a/f"),
    ("--mount src=bare,dst=/site,volume-nocopy", "ls -A /site; stat -c '%u:%g %a' /site"),
    ("-v inner:/o/i -v outer:/o", "echo x >/o/i/f; ls -A /o /o/i"),
    ("-v /o -v outer:/o/deep/er", "ls -AR /o"),
    ("-v clean:/x/../y/./z", "ls -d /y/z; ls -d /x"),
    ("--tmpfs /t --tmpfs /site", "grep ' /t ' /proc/mounts; stat -c '%u:%g %a' /t; ls -A /site"),
    ("--tmpfs /t:rw,exec,size=1m,uid=5,gid=6,mode=0700", "grep ' /t ' /proc/mounts"),
    ("--tmpfs /t:ro,nr_inodes=10", "grep ' /t ' /proc/mounts; touch /t/f"),
    ("--mount type=tmpfs,dst=/t,tmpfs-mode=0750", "stat -c '%a' /t; grep ' /t ' /proc/mounts"),
    ("-v /site --tmpfs /site/deep", "cat /site/page; ls -A /site/deep; touch /site/deep/x"),
    *((each, "true") for each in ("--tmpfs /t:nonsense", "--tmpfs /t:size=x")),
)
"""What a container is started with, and a shell's words about what has come of it."""

BIND = f"--mount type=bind,src={HOST},dst=/x"
CREATED = (
    *(f"-v data:/x:{mode}" for mode in ("ro", "rw", "z", "Z", "ro,z", "nocopy,ro", "consistent")),
    *(f"-v data:/x:{mode}" for mode in ("z,Z", "ro,rw", "cached,delegated", "rslave", ",", "RO")),
    *(f"-v {HOST}:/x:{mode}" for mode in ("cached", "delegated,ro", "rprivate", "private,ro,Z")),
    *(f"-v {HOST}:/x:{mode}" for mode in ("nocopy", "shared,slave", "ro,ro")),
    *("-v /anon/", "-v /a -v /a", "-v data:/a -v data:/b", "-v a1:/x -v b1:/x"),
    *("-v a1:/x --mount src=b1,dst=/x", "-v a1:/x --tmpfs /x", "--tmpfs /x --tmpfs /x"),
    *("-v ~:/x", "-v -a:/x", "-v ab/c:/x", "-v 새것:/x", "-v a%b:/x", "-v data:x"),
    *("-v data:", "-v a1:/b:ro:c", "-v data:/", "-v data:/..", f"-v {HOST}:/", "--tmpfs /"),
    *("--mount src=data,dst=/", "--mount src=data", "--mount dst=/x", "--mount type=x,dst=/x"),
    *("--mount src=data,dst=x", "--mount type=bind,src=a/b,dst=/x", "--mount dst"),
    *("--mount type=bind,dst=/x", "--mount a=b,dst=/x", "--mount dst=/x,bind-propagation=slave"),
    *(f"{BIND},{each}" for each in ("readonly=1", "ro=false", "readonly=no", "volume-nocopy")),
    *(f"{BIND},{each}" for each in ("bind-propagation=rprivate", "bind-propagation=x")),
    *("--mount type=tmpfs,src=data,dst=/x", "--mount type=tmpfs,dst=/x,tmpfs-size=x"),
    *("--mount type=tmpfs,dst=/x,tmpfs-mode=9", "--mount type=tmpfs,dst=/x,readonly", "--tmpfs t"),
    *(f"--volumes-from user:{mode}" for mode in ("", "ro", "rw", "z", "x", "rslave", "nocopy")),
    *("--volumes-from :ro", "--volumes-from user --volumes-from user:ro"),
    *("--volumes-from user -v a1:/d", "--volume-driver nosuch -v x1:/x", "-v x1:/x:ro,"),
)
"""What a container is created with, or not."""

REFUSED = ("-v :/x", "-v :", "-v ::", "-v data:/a:", "-v a:/x", "-v x", "-v /")
"""What docker 20.10's client cannot read either, and lets through as the place of an anonymous
volume, which has no place when the container starts: here it is refused when it is created."""


def words(flags: str, place: Path) -> list[str]:
    """Each of the two has a directory of its own, with the same in it."""
    return [word.replace(HOST, f"{place}/@") for word in flags.split()]


def test_every_form(both: Both, tmp_path: Path) -> None:
    for host in (tmp_path / "docker", tmp_path / "onggi"):
        (host / "dir").mkdir(parents=True)
        (host / "dir/inside").touch()
        (host / "file").write_text("of the host\n")
        (host / "link").symlink_to("dir")
    both("create", "--name", "user", "-v", "data:/d", "-v", f"{tmp_path}/@:/h:ro", "site")
    for flags, script in WRITTEN:
        both(*RUN, *words(flags, tmp_path), "site", "sh", "-c", script)
    created = []
    for number, flags in enumerate(CREATED):
        code, _ = both("create", "--name", f"form{number}", *words(flags, tmp_path), "site")
        created += [] if code else [f"form{number}"]
    assert 20 < len(created) < len(CREATED) - 20
    both("inspect", "-f", MOUNTS, *created)
    both("rm", "-v", "user", *created)
    both("volume", "ls", "-q")
    assert not both.differences, "\n\n".join(both.differences)
    for flags in REFUSED:
        assert main(["create", *flags.split(), "site"]) in (1, 125)
