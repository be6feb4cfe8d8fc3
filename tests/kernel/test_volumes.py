"""Volumes, binds and tmpfs in containers: what is shown, who may write, what stays."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import Conflict, ContainerFailed, HostLacks, InvalidInput, NotFound, OnggiError

pytestmark = pytest.mark.needs("containers")


def sh(engine: Engine, script: str, image: str = "onggi/base", **options: Any) -> str:
    """What a shell in a container of its own writes."""
    written: bytes = engine.containers.run(image, ["sh", "-c", script], remove=True, **options)
    return written.decode()


def text(container: Container, path: str) -> bytes:
    pieces, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        file = tar.extractfile(tar.getmembers()[0])
        assert file is not None
        return file.read()


def archive(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


SITE = """FROM onggi/base
RUN mkdir -p /site/deep && echo first >/site/page && ln -s page /site/link \
 && chown -R 7:8 /site && chmod 2750 /site && ln -s /site /way
VOLUME /site
"""


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Iterator[str]:
    """An image with a VOLUME that has something in it, and a link to it."""
    (tmp_path / "Dockerfile").write_text(SITE)
    engine.images.build(path=tmp_path, tag="site")
    yield "site"


def test_data_outlive_containers_and_are_shared(engine: Engine) -> None:
    sh(engine, "echo one >/data/x", volumes=["data1:/data"])
    assert sh(engine, "cat /d/x", volumes={"data1": {"bind": "/d", "mode": "ro"}}) == "one\n"
    one = engine.containers.run("onggi/base", ["sleep", "1000"], detach=True, volumes=["data1:/a"])
    two = engine.containers.run("onggi/base", ["sleep", "1000"], detach=True, volumes=["data1:/b"])
    one.exec_run(["sh", "-c", "echo live >/a/y"])
    assert two.exec_run(["cat", "/b/y"]).output == b"live\n"
    os.kill(two.pid, signal.SIGKILL)
    one.remove(force=True)
    with pytest.raises(Conflict, match=f"volume is in use.*{two.id}"):
        engine.volumes.get("data1").remove()
    two.remove(force=True)
    assert (Path(engine.volumes.get("data1").attrs["Mountpoint"]) / "y").read_text() == "live\n"
    engine.volumes.get("data1").remove()
    with pytest.raises(NotFound):
        engine.volumes.get("data1")


def test_an_image_s_volume(engine: Engine, site: str) -> None:
    script = "stat -c '%u %g %a' /site; cat /site/link; stat -c %u /site/deep; echo x >/site/new"
    made = engine.containers.create(site, ["sh", "-c", script])
    (anonymous,) = engine.volumes.list()
    assert anonymous.is_anonymous and len(anonymous.id) == 64
    made.start()
    made.wait()
    assert made.logs() == b"7 8 2750\nfirst\n7\n"
    assert made.diff() == []
    assert "site/new" not in exported(made)
    # Its successor starts from the image's contents again, a named volume keeps its own.
    sh(engine, "echo second >/site/page", site, volumes=["keep:/site"])
    assert sh(engine, "cat /site/page", site, volumes=["keep:/site"]) == "second\n"
    assert sh(engine, "ls /site", site, volumes=["empty:/site:nocopy"]) == ""
    assert sh(engine, "cat /way/page; ls /site", site, volumes=["linked:/way"]).startswith("first")
    assert {each.id for each in engine.volumes.list()} == {
        *(anonymous.id, "keep", "empty", "linked")
    }
    made.remove(v=True)
    assert [each.id for each in engine.volumes.list()] == ["empty", "keep", "linked"]
    assert engine.volumes.prune()["VolumesDeleted"] == []
    assert len(engine.volumes.prune({"all": "true"})["VolumesDeleted"]) == 3


def exported(container: Container) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as tar:
        return tar.getnames()


def test_binds(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("of the host\n")
    new = tmp_path / "made" / "here"
    binds = [f"{tmp_path}:/d:ro", f"{tmp_path}/file:/etc/one", f"{new}:/new"]
    script = "cat /d/file /etc/one; touch /new/x; touch /d/y 2>&1 || true"
    assert sh(engine, script, volumes=binds).endswith("Read-only file system\n")
    assert (new / "x").exists()
    with pytest.raises(InvalidInput, match="bind source path does not exist"):
        sh(engine, "true", mounts=[f"type=bind,source={tmp_path}/nope,target=/x"])
    with pytest.raises(OnggiError, match="one is a directory, the other a file"):
        sh(engine, "true", volumes=[f"{tmp_path}:/etc/passwd"])
    with pytest.raises(OnggiError, match="inside /proc"):
        sh(engine, "true", volumes=[f"{tmp_path}:/proc/self"])
    with pytest.raises(OnggiError, match="Duplicate mount point: /x"):
        sh(engine, "true", volumes=["v1:/x"], tmpfs={"/x": ""})


def test_what_is_mounted_below_a_bind(engine: Engine, tmp_path: Path) -> None:
    """In a mount namespace of this process's own thread: the launcher must be in it, too."""
    script = f"""
import sys
from runtime.engine import Engine
from runtime.linux import mount
mount.make_private("/")
mount.mount("tmpfs", "{tmp_path}", "tmpfs")
mount.mount(None, "{tmp_path}", None, mount.MS_SHARED)
(folder := __import__("pathlib").Path("{tmp_path}") / "below").mkdir()
mount.mount("tmpfs", folder, "tmpfs")
(folder / "deep").touch()
engine = Engine()
def sh(script, how):
    mounts = ["type=bind,source={tmp_path},target=/d" + how]
    return engine.containers.run(
        "onggi/base", ["sh", "-c", script], remove=True, mounts=mounts).decode().strip()
assert sh("ls /d/below", "") == "deep"
assert sh("ls /d/below", ",bind-nonrecursive") == ""
assert "Read-only" in sh("touch /d/below/x 2>&1 || true", ",readonly")
assert sh("touch /d/below/x 2>&1 || true", ",readonly,bind-recursive=writable") == ""
later = engine.containers.run("onggi/base", ["sleep", "1000"], detach=True,
    volumes=["{tmp_path}:/slave:rslave", "{tmp_path}:/private"])
late = folder.parent / "late"
late.mkdir()
mount.mount("tmpfs", late, "tmpfs")
(late / "seen").touch()
assert later.exec_run(["ls", "/slave/late"]).output == b"seen\\n"
assert later.exec_run(["ls", "/private/late"]).output == b""
later.remove(force=True)
"""
    namespace = ["unshare", "--mount", "--propagation", "unchanged"]
    done = subprocess.run(
        [*namespace, sys.executable, "-c", script],
        capture_output=True,
        timeout=100,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


SPREADING = {
    "private": (False, False, True, False),
    "rprivate": (False, False, False, False),
    "slave": (True, False, True, False),
    "rslave": (True, False, True, False),
    "shared": (True, True, True, True),
    "rshared": (True, True, True, True),
}
"""What runc makes of each: whether a mount that the host makes is seen inside and the other way
round, in the bind itself and in a mount that was below it."""


def test_mounts_spread_as_far_as_is_said(engine: Engine, tmp_path: Path) -> None:
    """Both ways, with real mounts, in a mount namespace where everything is shared. The mode speaks
    of the bind; what was mounted below it obeys it too if it begins with r, else hears of the host.
    """
    script = f"""
from pathlib import Path
from runtime.engine import Engine
from runtime.errors import HostLacks
from runtime.linux import mount
mount.make_private("/")

def shared(place):
    place.mkdir()
    mount.mount("tmpfs", place, "tmpfs")
    mount.mount(None, place, None, mount.MS_SHARED)
    return place

def spread(container, source, place):
    for name in ("late", "inner"):
        (place / name).mkdir()
    mount.mount("tmpfs", place / "late", "tmpfs")
    (place / "late/seen").touch()
    inside = Path("/d") / place.relative_to(source)
    yield container.exec_run(["ls", str(inside / "late")]).output == b"seen\\n"
    line = f"mount -t tmpfs tmpfs {{inside}}/inner && touch {{inside}}/inner/seen"
    done = container.exec_run(["sh", "-c", line])
    assert done.exit_code == 0, done.output
    yield (place / "inner/seen").exists()

engine = Engine()
options = dict(detach=True, network="none", cap_add=["SYS_ADMIN"])
for mode, expected in {SPREADING}.items():
    source = shared(Path("{tmp_path}") / mode)
    below = shared(source / "below")
    container = engine.containers.run(
        "onggi/base", ["sleep", "1000"], volumes=[f"{{source}}:/d:{{mode}}"], **options)
    found = (*spread(container, source, source), *spread(container, source, below))
    assert found == expected, (mode, found)
    container.remove(force=True)
alone = Path("{tmp_path}/alone")
alone.mkdir()
mount.mount("tmpfs", alone, "tmpfs")
mount.make_private(alone)
for mode, said in (("shared", "not a shared mount"), ("rslave", "not a shared or slave mount")):
    try:
        engine.containers.run("onggi/base", ["true"], volumes=[f"{{alone}}:/d:{{mode}}"])
        raise AssertionError(mode)
    except HostLacks as refusal:
        assert f"path {{alone}} is mounted on {{alone}} but it is {{said}}" in str(refusal)
"""
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "unchanged", sys.executable, "-c", script],
        capture_output=True,
        timeout=200,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_memory(engine: Engine) -> None:
    mounts = ["type=tmpfs,target=/run/fast,tmpfs-size=1m,tmpfs-mode=1770"]
    script = "stat -c '%a' /run/fast; df -k /run/fast | tail -1 | awk '{print $2}'"
    assert sh(engine, script, mounts=mounts) == "1770\n1024\n"


def test_part_of_a_volume(engine: Engine) -> None:
    sh(engine, "mkdir -p /v/a/b; echo x >/v/a/b/f; ln -s /etc /v/out", volumes=["data1:/v"])
    mounts = ["source=data1,target=/d,volume-subpath=a/b"]
    assert sh(engine, "ls /d", mounts=mounts) == "f\n"
    for wrong in ("a/nope", "out"):
        with pytest.raises(OnggiError, match="there is nothing to mount at /d"):
            sh(engine, "ls /d", mounts=[f"source=data1,target=/d,volume-subpath={wrong}"])


def test_a_directory_of_the_host_with_a_name(engine: Engine, tmp_path: Path) -> None:
    options = {"type": "none", "o": "bind", "device": str(tmp_path)}
    assert engine.volumes.create("host1", driver_opts=options).attrs["Options"] == options
    sh(engine, "echo x >/d/f", volumes=["host1:/d"])
    assert (tmp_path / "f").read_text() == "x\n"
    for wrong in ({"type": "tmpfs", "device": "tmpfs"}, {"size": "1g"}):
        with pytest.raises(HostLacks):
            engine.volumes.create("no1", driver_opts=wrong)
    with pytest.raises(InvalidInput, match="invalid option: 'colour'"):
        engine.volumes.create("no1", driver_opts={"colour": "red"})


def test_volumes_from(engine: Engine, tmp_path: Path) -> None:
    source = engine.containers.create(
        "onggi/base", ["true"], name="source", volumes=["/anon", f"{tmp_path}:/host", "named1:/n"]
    )
    sh(engine, "echo x >/anon/f; echo y >/host/f; echo z >/n/f", volumes_from=["source"])
    assert (tmp_path / "f").read_text() == "y\n"
    script = "cat /anon/f /host/f /n/f; touch /n/g || echo no"
    assert sh(engine, script, volumes_from=["source:ro"]) == "x\ny\nz\nno\n"
    with pytest.raises(NotFound, match="nobody"):
        engine.containers.create("onggi/base", volumes_from=["nobody"])
    source.remove(v=True)
    assert [each.id for each in engine.volumes.list()] == ["named1"]


def test_cp_reaches_volumes(engine: Engine, tmp_path: Path) -> None:
    made = engine.containers.create(
        "onggi/base", ["sleep", "1000"], volumes=["data1:/data", f"{tmp_path}:/host:ro"]
    )
    (tmp_path / "h").write_text("host")
    for state in ("stopped", "running"):
        made.put_archive("/data", archive(state, state.encode()))
        assert (engine_place(engine, "data1") / state).read_text() == state
        assert text(made, f"/data/{state}") == state.encode()
        assert text(made, "/host/h") == b"host"
        with pytest.raises(Conflict, match="read-only"):
            made.put_archive("/host", archive("no", b""))
        if state == "stopped":
            made.start()
    assert [each for each in made.diff() if each["Path"].startswith("/data")] == []


def engine_place(engine: Engine, name: str) -> Path:
    return Path(engine.volumes.get(name).attrs["Mountpoint"])


def test_what_docker_shows(engine: Engine, tmp_path: Path) -> None:
    made = engine.containers.create(
        "onggi/base",
        ["true"],
        name="web",
        volumes=["shown1:/data", f"{tmp_path}:/host:ro", "/anon"],
        mounts=["type=tmpfs,target=/run/t", "type=volume,source=data2,target=/d2,readonly"],
    )
    shown = {each["Destination"]: each for each in made.attrs["Mounts"]}
    assert shown["/data"] == {
        "Type": "volume",
        "Name": "shown1",
        "Source": str(engine_place(engine, "shown1")),
        "Destination": "/data",
        "Driver": "local",
        "Mode": "z",
        "RW": True,
        "Propagation": "",
    }
    assert (shown["/host"]["Mode"], shown["/host"]["RW"]) == ("ro", False)
    assert shown["/host"]["Propagation"] == "rprivate"
    assert (shown["/d2"]["RW"], shown["/run/t"]["Type"]) == (False, "tmpfs")
    assert made.attrs["HostConfig"]["Binds"] == ["shown1:/data", f"{tmp_path}:/host:ro"]
    assert [each["Type"] for each in made.attrs["HostConfig"]["Mounts"]] == ["tmpfs", "volume"]
    assert made.attrs["Config"]["Volumes"] == {"/anon": {}}
    assert engine.containers.list(all=True, filters={"volume": "shown1"}) == [made]
    assert engine.containers.list(all=True, filters={"volume": "data3"}) == []
    usage = {each["Name"]: each["UsageData"]["RefCount"] for each in engine.df()["Volumes"]}
    assert usage["shown1"] == usage["data2"] == 1
    made.start()
    made.wait()
    made.remove(v=True)
    said = [
        json.loads(line)
        for line in engine.events(since=0, follow=False, filters={"volume": "shown1"})
    ]
    assert [each["Action"] for each in said] == ["create", "mount", "unmount"]
    assert said[1]["Actor"]["Attributes"] == {
        "container": made.id,
        "destination": "/data",
        "driver": "local",
        "propagation": "",
        "read/write": "true",
    }
    assert not {"status", "id"} & set(said[0])


def test_names_and_filters(engine: Engine) -> None:
    one = engine.volumes.create("data1", labels={"tier": "db"})
    two = engine.volumes.create()
    engine.containers.create("onggi/base", ["true"], volumes=["data1:/x"])
    assert engine.volumes.create("data1", labels={"tier": "other"}).labels == {"tier": "db"}
    assert engine.volumes.list({"dangling": True}) == [two]
    assert engine.volumes.list({"label": "tier=db"}) == [one]
    assert engine.volumes.list({"name": "ata"}) == [one]
    assert engine.volumes.prune()["VolumesDeleted"] == [two.id]
    with pytest.raises(InvalidInput):
        engine.volumes.create("a/b")
    with pytest.raises(NotFound):
        engine.volumes.create("data3", driver="nfs")


def test_no_device_can_be_opened_in_a_volume(engine: Engine) -> None:
    with pytest.raises(ContainerFailed):
        sh(engine, "mknod /d/null c 1 3 && cat /d/null", volumes=["data1:/d"])


def test_an_image_is_upgraded_and_the_data_stay(engine: Engine, site: str, tmp_path: Path) -> None:
    sh(engine, "echo mine >/site/page", site, volumes=["keep:/site"])
    (tmp_path / "Dockerfile").write_text(SITE.replace("first", "new version"))
    engine.images.build(path=tmp_path, tag="site")
    assert sh(engine, "cat /site/page", site, volumes=["keep:/site"]) == "mine\n"
    assert sh(engine, "cat /site/page", site) == "new version\n"


def test_a_failed_start_and_a_full_life_leave_no_anonymous_volume(engine: Engine) -> None:
    with pytest.raises(OnggiError):
        engine.containers.run("onggi/base", ["/no/such"], remove=True, volumes=["/anon"])
    sh(engine, "true", volumes=["/anon"])
    deadline = time.monotonic() + 20
    while engine.volumes.list() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert engine.volumes.list() == []
    with pytest.raises(OnggiError):
        engine.containers.create("onggi/base", name="web", command="", volumes=["/a", "v1:/b:xx"])
    assert engine.volumes.list() == []


MAKE_VOLUMES = """
import sys
from runtime.engine import Engine
engine = Engine(sys.argv[1])
print("ready", flush=True)
for number in range(1000):
    engine.volumes.create(f"{sys.argv[2]}-{number}", labels={"number": str(number)})
    volumes = [f"{sys.argv[2]}-full{number}:/etc"]
    engine.containers.create("onggi/base", "true", network="none", volumes=volumes)
"""


@pytest.mark.timeout(300)
def test_kill_while_volumes_are_made(engine: Engine) -> None:
    """For real, at moments that a seed decides: each is there, with all that belongs to it, or is
    not; and nothing else is.
    """
    chance = random.Random(9)
    folder = engine.root / "volumes"
    whole = set(sh(engine, "ls -A /etc", volumes=["whole:/etc"], network="none").split())
    made = 0
    for round_ in range(6):
        program = [sys.executable, "-c", MAKE_VOLUMES, str(engine.root), f"r{round_}"]
        with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.3))
            process.kill()
        engine.recover()
        volumes = {volume.name: volume for volume in engine.volumes.list()}
        assert set(volumes) == {*os.listdir(folder)}
        containers = engine.containers.list(all=True)
        used = {mount["Name"] for each in containers for mount in each.attrs["Mounts"]}
        assert used <= set(volumes)
        for name in volumes:
            assert os.listdir(folder / name) == ["_data"], "nothing half copied is left"
            found = set(os.listdir(folder / name / "_data"))
            if name in used | {"whole"}:
                assert found == whole
            else:  # its container never came to be; the next one fills it
                assert found in ([set(), whole] if "full" in name else [set()])
        made += len(volumes)
        for container in engine.containers.list(all=True):
            container.remove(v=True)
        for name, volume in volumes.items():
            if name != "whole":
                volume.remove()
    assert made > 6, "it was never killed before it had begun"
    engine.volumes.get("whole").remove()
