"""RUN --mount with real containers: what a command sees, and what is left of it: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from runtime.build import events
from runtime.build.cache_directory import CacheDirectories
from runtime.engine import Engine
from runtime.engine.image import Image
from runtime.errors import BuildFailed, DockerfileError
from runtime.oci.digest import ChainID

BASE = "FROM onggi/base\n"


class Site:
    """A context, an engine, and what the last build said."""

    def __init__(self, engine: Engine, context: Path) -> None:
        self.engine = engine
        self.context = context
        self.said = ""
        self.cached = 0

    def build(self, dockerfile: str, **options: object) -> Image:
        (self.context / "Dockerfile").write_text(dockerfile)
        image, log = self.engine.images.build(path=self.context, **options)  # type: ignore[arg-type]
        self.said = "".join(e.data.decode() for e in log if isinstance(e, events.Output))
        self.cached = sum(isinstance(e, events.StepCached) for e in log)
        return image

    def layer(self, image: Image) -> list[str]:
        """The names in its topmost layer."""
        digest = image.manifest.layers[-1].digest
        with tarfile.open(self.engine.images.content.path(digest)) as tar:
            return tar.getnames()

    def left(self) -> list[str]:
        """What unfinished builds have left in the state directory."""
        root = self.engine.root
        names = [*(root / "builds").iterdir()] if (root / "builds").exists() else []
        snapshots = (root / "snapshots").iterdir()
        names += [each for each in snapshots if each.name.startswith((".new", "build-"))]
        return [each.name for each in names]


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Site:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("context")
    (tmp_path / "ignored").write_text("x")
    (tmp_path / ".dockerignore").write_text("ignored")
    return Site(engine, tmp_path)


def test_a_command_sees_its_mounts_and_no_layer_has_them(site: Site) -> None:
    image = site.build(
        f"{BASE.strip()} AS one\nRUN mkdir /out && echo stage > /out/f && ln /out/f /out/g\n{BASE}"
        "WORKDIR /w\n"
        "RUN --mount=target=/src --mount=type=bind,source=sub/a.txt,target=deep/er "
        "--mount=from=one,source=/out,target=/var/run/o,rw --mount=type=tmpfs,target=/tmp,size=1m "
        "--mount=type=cache,target=/root/.cache,mode=0700,uid=7 "
        "cat /src/sub/a.txt /w/deep/er /run/o/f && ls /src && ! touch /src/x 2>&- && touch /run/o/x"
        " && stat -c '%U %h %a' /run/o/g && stat -c '%u %a' /root/.cache "
        "&& echo k > /root/.cache/k && df -h /tmp | grep -c 1.0M && touch /tmp/x\n"
    )
    seen = ["contextcontextstage", "Dockerfile", "sub", "root 2 644", "7 700", "1"]
    assert site.said.splitlines() == seen
    assert site.layer(image) == []
    assert site.left() == []
    assert site.build((site.context / "Dockerfile").read_text()).id == image.id
    assert site.said == ""


def test_what_mounts_show_decides_whether_the_layer_is_known(site: Site) -> None:
    text = f"{BASE}RUN --mount=source=sub,target=/src --mount=type=cache,target=/c cat /src/a.txt\n"
    site.build(text)
    (site.context / "other").write_text("not shown")
    os.utime(site.context / "sub" / "a.txt", (1, 1))
    site.build(text)
    assert site.cached == 1
    (site.context / "sub" / "a.txt").write_text("changed")
    site.build(text)
    assert site.said == "changed"


def test_a_cache_outlives_builds_until_it_is_pruned(site: Site) -> None:
    text = f"{BASE}RUN --mount=type=cache,id=c,target=/c echo x >> /c/log; wc -l < /c/log\n"
    for expected in ("1\n", "2\n"):
        site.build(text, nocache=True)
        assert site.said == expected
    listed = [e for e in site.engine.df()["BuildCache"] if e["Type"] == "exec.cachemount"]
    assert [(e["Description"], e["InUse"]) for e in listed] == [("cached mount c", False)]
    with CacheDirectories(site.engine.root).use("c", "shared", lambda _place: None):
        site.engine.images.prune_builds(all=True)
        assert site.engine.images.caches.all() != []
    answer = site.engine.images.prune_builds()
    assert (listed[0]["ID"] in answer["CachesDeleted"], answer["SpaceReclaimed"] > 0) == (
        True,
        True,
    )
    site.build(text, nocache=True)
    assert site.said == "1\n"


def test_the_build_cache_tells_what_each_step_left(site: Site) -> None:
    text = f"{BASE}RUN echo one > /one\nRUN test -e /one && echo {{}} > /two\n"
    chain_id = site.build(text.format(1), tag="app").chain_id
    site.build(text.format(2), tag="app")
    site.engine.images.prune()  # the first one, which has no name any more
    one, old, new = site.engine.df()["BuildCache"]
    assert [each["UsageCount"] for each in (one, old, new)] == [2, 1, 1]
    assert [each["Shared"] for each in (one, old, new)] == [True, False, True]
    assert [each["Parents"] for each in (one, old, new)] == [None, [one["ID"]], [one["ID"]]]
    assert old["ID"] == chain_id and old["Description"].endswith("echo 1 > /two")
    assert one["CreatedAt"] < old["CreatedAt"] < one["LastUsedAt"] < new["CreatedAt"]
    assert not any(each["InUse"] for each in (one, old, new))
    layer = site.engine.images.snapshots.prepare("build-now", ChainID(new["ID"]))
    assert layer.upper is not None
    assert [each["InUse"] for each in site.engine.df()["BuildCache"]] == [True, False, True]
    site.engine.images.snapshots.remove("build-now")
    answer = site.engine.images.prune_builds()
    assert answer["CachesDeleted"] == [old["ID"]]
    assert answer["SpaceReclaimed"] >= old["Size"] > 0
    assert site.engine.df()["BuildCache"] == [one, new]


def test_no_device_of_a_cache_can_be_opened(site: Site) -> None:
    site.build(
        f"{BASE}RUN --mount=type=cache,target=/c "
        "mknod /c/null c 1 3; cat /c/null 2>/dev/null && exit 1 || echo closed\n"
    )
    assert site.said == "closed\n"


def test_a_secret_is_seen_once_and_kept_nowhere(site: Site) -> None:
    image = site.build(
        f"{BASE}RUN --mount=type=secret,id=a --mount=type=secret,id=b,env=B,required "
        "--mount=type=secret,id=c,target=/etc/c,mode=0444,uid=5 --mount=type=secret,id=none "
        "cat /run/secrets/a; echo $B; stat -c '%u %a' /etc/c /run/secrets/a; ls /run/secrets\n",
        secrets={"a": b"s3cret-a\n", "b": b"s3cret-b", "c": b"s3cret-c"},
    )
    assert site.said == "s3cret-a\ns3cret-b\n5 444\n0 400\na\n"
    assert site.layer(image) == []
    # By another process: one that opens and closes a database's file loses SQLite's locks on it.
    search = ["grep", "-rals", "s3cret", str(site.engine.root)]
    assert subprocess.run(search, stdout=subprocess.PIPE, check=False).stdout == b""
    with pytest.raises(DockerfileError, match="no secret zz"):
        site.build(f"{BASE}RUN --mount=type=secret,id=zz,required true\n")
    assert site.left() == []


@pytest.mark.parametrize(
    "mount",
    [
        "source=sub,target=/etc/passwd",
        "source=sub/a.txt,target=/etc",
        "source=sub,target=/etc/passwd/x",
        "type=tmpfs,target=/etc/passwd",
    ],
)
def test_what_cannot_be_mounted_is_said_with_its_place(site: Site, mount: str) -> None:
    with pytest.raises(DockerfileError, match=r"Dockerfile:2:1: nothing can be mounted at /etc"):
        site.build(f"{BASE}RUN --mount={mount} true\n")
    assert site.left() == []


def test_a_source_is_no_pattern(site: Site) -> None:
    (site.context / "a[b]*").write_text("literally")
    (site.context / "ab").write_text("not this")
    site.build(f"{BASE}RUN --mount=source=a[b]*,target=/x cat /x\n")
    assert site.said == "literally"


def test_a_here_document_with_an_interpreter_is_run_by_it(site: Site) -> None:
    site.build(f"{BASE}RUN <<one\n#!/bin/sh -x\necho $0\none\nRUN <<-two\n\techo 2\n\ttwo\n")
    assert sorted(site.said.split("\n")) == ["", "+ echo /dev/pipes/one", "/dev/pipes/one", "2"]


def test_a_failed_step_leaves_nothing_and_the_finished_ones_stay_known(site: Site) -> None:
    text = f"{BASE}WORKDIR /new\nRUN --mount=target=/src --mount=type=cache,target=/c exit "
    with pytest.raises(BuildFailed):
        site.build(f"{text}3\n")
    assert site.left() == []
    site.build(f"{text}0\n")
    assert site.cached == 1


BUILD = """
import sys
from runtime.engine import Engine
Engine(sys.argv[1]).images.build(path=sys.argv[2], secrets={"s": b"s3cret"},
                                 progress=lambda event: print(event, flush=True))
"""


@pytest.mark.parametrize(
    ("moment", "how"),
    [
        ("StepStarted(number=2", signal.SIGKILL),
        ("under way", signal.SIGKILL),
        ("under way", signal.SIGINT),
        ("StepStarted(number=3", signal.SIGKILL),
    ],
    ids=["as it begins", "while it runs", "Ctrl-C", "after it"],
)
def test_an_interrupted_build_leaves_nothing(site: Site, moment: str, how: signal.Signals) -> None:
    wait = "sleep 4321" if moment == "under way" else "true"
    (site.context / "Dockerfile").write_text(
        f"{BASE}RUN --mount=target=/src --mount=type=cache,target=/c --mount=type=secret,id=s "
        f"--mount=type=tmpfs,target=/t echo under way; {wait}\nRUN sleep 4322\n"
    )
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILD, site.engine.root, site.context],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert builder.stdout is not None
    assert any(moment in line for line in builder.stdout)
    builder.send_signal(how)
    builder.communicate()
    deadline = time.monotonic() + 30
    again = site.engine
    while (site.left() or again.images.caches.remove_unused()) and time.monotonic() < deadline:
        time.sleep(0.05)
        again = Engine(site.engine.root)  # whoever comes next clears up
    assert site.left() == []
    assert again.images.caches.all() == []
