"""Volumes and mount points and images and containers that mean harm: nothing leaves its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import OnggiError
from runtime.linux.files import make_in_root

pytestmark = pytest.mark.needs("containers")

ROUNDS = 12

HOSTILE = """FROM onggi/base
RUN ln -s {outside} /absolute && ln -s ../../../../../../../..{outside} /up \
 && ln -s /proc/self/fd /descriptors && ln -s /proc/1/root /magic && ln -s /nowhere/at/all /broken \
 && ln -s /proc /kernels && mkdir /d && ln -s {outside} /d/inner && ln -s {outside}/secret /d/file
"""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of the host; images and containers know its path."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret").write_text("secret of the host")
    return place


@pytest.fixture
def hostile(engine: Engine, outside: Path, tmp_path: Path) -> str:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "Dockerfile").write_text(HOSTILE.format(outside=outside))
    engine.images.build(path=tmp_path / "image", tag="hostile")
    return "hostile"


def names(place: Path) -> list[str]:
    return sorted(os.listdir(place))


@pytest.mark.parametrize("place", ["absolute", "up/new", "broken"])
def test_a_place_behind_a_link_stays_inside(
    engine: Engine, hostile: str, outside: Path, place: str
) -> None:
    written = engine.containers.run(
        hostile,
        ["sh", "-c", f"echo x >/{place}/f; ls /{place}"],
        volumes=[f"data1:/{place}"],
        remove=True,
    )
    assert written == b"f\n"
    assert names(outside) == ["secret"]
    assert names(Path(engine.volumes.get("data1").mountpoint)) == ["f"]


@pytest.mark.parametrize("place", ["descriptors/3", "magic/tmp", "kernels", "kernels/x"])
def test_a_place_that_is_none_is_refused(
    engine: Engine, hostile: str, outside: Path, place: str
) -> None:
    for kind in (f"data1:/{place}", f"{outside}:/{place}"):
        with pytest.raises(OnggiError):
            engine.containers.run(hostile, ["true"], volumes=[kind], remove=True)
    assert names(outside) == ["secret"]


def test_initial_contents_are_the_image_s_and_no_link_is_followed(
    engine: Engine, hostile: str, outside: Path
) -> None:
    for place in ("d", "absolute", "up", "magic", "descriptors"):
        container = engine.containers.create(hostile, volumes=[f"from-{place}:/{place}"])
        contents = Path(engine.volumes.get(f"from-{place}").mountpoint)
        found = [each for each in contents.rglob("*") if not each.is_symlink()]
        assert not [each for each in found if each.is_file() and "secret" in each.read_text()]
        container.remove()
    kept = Path(engine.volumes.get("from-d").mountpoint)
    assert (kept / "inner").readlink() == outside
    assert names(outside) == ["secret"]


@pytest.fixture
def swapping(engine: Engine, outside: Path) -> Iterator[Container]:
    """A container that swaps a directory of its volume for a link to the host's, in a loop."""
    script = (
        f"mkdir -p /v/d/sub; echo fine >/v/d/sub/f; ln -s {outside} /v/link;"
        " while :; do mv /v/d /v/aside; cp -d /v/link /v/d; rm /v/d; mv /v/aside /v/d; done"
    )
    container = engine.containers.run(
        "onggi/base", ["sh", "-c", script + " 2>/dev/null"], volumes=["races:/v"], detach=True
    )
    yield container
    container.remove(force=True)


def test_part_of_a_volume_while_links_are_swapped_in_it(
    engine: Engine, swapping: Container, outside: Path
) -> None:
    for _ in range(ROUNDS):
        try:
            seen = engine.containers.run(
                "onggi/base",
                ["sh", "-c", "touch /p/evil; ls /p"],
                mounts=["source=races,target=/p,volume-subpath=d/sub"],
                remove=True,
            )
        except OnggiError:
            continue
        assert b"secret" not in seen
    assert names(outside) == ["secret"]


def test_a_mount_point_in_a_volume_in_which_links_are_swapped(
    engine: Engine, swapping: Container, outside: Path
) -> None:
    for _ in range(ROUNDS):
        try:
            engine.containers.run(
                "onggi/base",
                ["sh", "-c", "touch /v/d/sub/deep/evil"],
                volumes=["races:/v", "other:/v/d/sub/deep"],
                remove=True,
            )
        except OnggiError:
            continue
    assert names(outside) == ["secret"]


def test_making_a_place_never_leaves_the_root(tmp_path: Path, outside: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(outside)
    (root / "up").symlink_to("../../outside")
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    for path in ("/out/x", "/up/x", "/../x", "/plain/deep/x"):
        try:
            os.close(make_in_root(descriptor, path, directory=True))
        except OnggiError:
            continue
    os.close(descriptor)
    assert names(outside) == ["secret"]
    assert all((root / f"{place}/x").is_dir() for place in ("plain/deep", str(outside)[1:]))
    assert not (tmp_path / "x").exists()
    (root / "round").symlink_to("round2")
    (root / "round2").symlink_to("round")
    with pytest.raises(OnggiError):
        make_in_root(os.open(root, os.O_PATH), "/round/x", directory=True)


@pytest.mark.parametrize(
    "link", ["/etc/passwd", "../etc/passwd", "up", "/proc/self/fd/2", "/none/x"]
)
def test_a_console_that_is_a_link_of_a_volume_is_covered_itself(
    engine: Engine, outside: Path, link: str
) -> None:
    """/dev is a volume that somebody else has filled. The terminal goes there, not behind it."""
    leads = link.replace("up", "../" * 12 + str(outside / "secret")[1:])
    fill = ["sh", "-c", f"mknod -m 666 /v/null c 1 3; ln -s {leads} /v/console"]
    engine.containers.run("onggi/base", fill, volumes=["devices:/v"], remove=True)
    said = engine.containers.run(
        "onggi/base",
        ["sh", "-c", "test -c /dev/console && echo covered; head -n 1 /etc/passwd"],
        volumes=["devices:/dev", "/dev/pts:/dev/pts"],
        tty=True,
        remove=True,
    )
    assert said.split()[0] == b"covered"
    assert said.split()[1].startswith(b"root:")
    assert (outside / "secret").read_text() == "secret of the host"
    place = Path(engine.volumes.get("devices").mountpoint)
    assert str((place / "console").readlink()) == leads


def test_a_null_that_is_a_link_hides_nothing(engine: Engine) -> None:
    """It would show a setting of the kernel's, writable, where a file of /proc is to be hidden."""
    fill = ["ln", "-s", "/proc/sys/kernel/core_pattern", "/v/null"]
    engine.containers.run("onggi/base", fill, volumes=["nulls:/v"], remove=True)
    with pytest.raises(OnggiError, match="/dev/null of the container is not that device"):
        engine.containers.run("onggi/base", "true", volumes=["nulls:/dev"], remove=True)


def test_a_console_that_is_a_directory_is_refused(engine: Engine) -> None:
    fill = ["sh", "-c", "mknod -m 666 /v/null c 1 3; mkdir /v/console"]
    engine.containers.run("onggi/base", fill, volumes=["dirs:/v"], remove=True)
    with pytest.raises(OnggiError, match=r"move_mount|directory"):
        volumes = ["dirs:/dev", "/dev/pts:/dev/pts"]
        engine.containers.run("onggi/base", "true", volumes=volumes, tty=True, remove=True)


@pytest.mark.parametrize("place", ["absolute/n", "up/new/n", "broken/n", "d/inner/n"])
def test_a_device_behind_a_link_stays_inside(
    engine: Engine, hostile: str, outside: Path, place: str
) -> None:
    written = engine.containers.run(
        hostile,
        ["sh", "-c", f"test -c /{place} && echo x >/{place} && echo works"],
        devices=[f"/dev/null:/{place}"],
        remove=True,
    )
    assert written == b"works\n"
    assert names(outside) == ["secret"]


@pytest.mark.parametrize(
    "place", ["d/file", "d/inner", "magic", "descriptors/2", "magic/n", "bin/sh"]
)
def test_a_device_where_something_else_is_is_refused(
    engine: Engine, hostile: str, outside: Path, place: str
) -> None:
    """What a link means would be mounted once more, and devices could be used there."""
    with pytest.raises(OnggiError):
        engine.containers.run(hostile, "true", devices=[f"/dev/null:/{place}"], remove=True)
    assert names(outside) == ["secret"]
