"""What was asked and what the image says, put together as docker does."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.container.bundle import (
    DEFAULT_PATH,
    FLOOR_FILES,
    Bundle,
    Request,
    command_line,
    environment,
    make_floor,
    make_spec,
)
from runtime.errors import InvalidInput
from runtime.oci.image import RunConfig

ID = "0123456789abcdef" * 4
PATH = f"PATH={DEFAULT_PATH}"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle(tmp_path, tmp_path / "containers" / ID)


@pytest.mark.parametrize(
    ("image", "asked", "line"),
    [
        # image's (ENTRYPOINT, CMD), the user's (--entrypoint, arguments)
        ((None, ("sh",)), (None, None), ("sh",)),
        ((None, ("sh",)), (None, ("ls", "-l")), ("ls", "-l")),
        ((("python",), None), (None, None), ("python",)),
        ((("python",), ("-V",)), (None, None), ("python", "-V")),
        ((("python",), ("-V",)), (None, ("-c", "1")), ("python", "-c", "1")),
        ((("python",), ("-V",)), (None, ()), ("python",)),
        ((("python",), ("-V",)), (("ls",), None), ("ls",)),
        ((("python",), ("-V",)), (("ls",), ("-l",)), ("ls", "-l")),
        ((("python",), ("-V",)), ((), ("ls",)), ("ls",)),
        ((None, ("sh",)), (("echo", "a"), ("b",)), ("echo", "a", "b")),
    ],
)
def test_entrypoint_and_command(image: Any, asked: Any, line: tuple[str, ...]) -> None:
    """Dockerfile reference, "Understand how CMD and ENTRYPOINT interact"."""
    config = RunConfig(entrypoint=image[0], cmd=image[1])
    request = Request("image", entrypoint=asked[0], command=asked[1])
    assert command_line(request, config) == line


@pytest.mark.parametrize(
    ("image", "request_"),
    [
        (RunConfig(), Request("web")),
        (RunConfig(cmd=("sh",)), Request("web", command=())),
        (RunConfig(cmd=("sh",)), Request("web", entrypoint=())),
        (RunConfig(), Request("web", command=("",))),
    ],
)
def test_there_must_be_something_to_run(image: RunConfig, request_: Request) -> None:
    with pytest.raises(InvalidInput, match="image web has none"):
        command_line(request_, image)


@pytest.mark.parametrize(
    ("image", "asked", "expected"),
    [
        ((), (), (PATH, "HOSTNAME=jar")),
        (("PATH=/bin",), (), ("PATH=/bin", "HOSTNAME=jar")),
        (("A=1", "B=2"), ("A=3",), (PATH, "HOSTNAME=jar", "A=3", "B=2")),
        ((), ("HOSTNAME=x", "A=a=b", "E="), (PATH, "HOSTNAME=x", "A=a=b", "E=")),
        ((), ("A=1", "A=2"), (PATH, "HOSTNAME=jar", "A=2")),
        ((), ("A=안녕 =",), (PATH, "HOSTNAME=jar", "A=안녕 =")),
    ],
)
def test_variables(image: Any, asked: Any, expected: tuple[str, ...]) -> None:
    found = environment(Request("web", environment=asked), RunConfig(env=image), "jar")
    assert found == expected


@pytest.mark.parametrize(
    ("request_", "image", "expected"),
    [
        (Request("web"), RunConfig(), ("/", "", ID[:12])),
        (
            Request("web"),
            RunConfig(working_dir="/app", user="student"),
            ("/app", "student", ID[:12]),
        ),
        (
            Request("web", working_dir="/tmp", user="7:8", hostname="jar"),
            RunConfig(working_dir="/app", user="student"),
            ("/tmp", "7:8", "jar"),
        ),
    ],
)
def test_where_and_as_whom(
    bundle: Bundle, request_: Request, image: RunConfig, expected: tuple[str, str, str]
) -> None:
    spec = make_spec(ID, request_, dataclasses.replace(image, cmd=("sh",)), bundle)
    assert (spec.process.cwd, spec.process.user, spec.hostname) == expected
    assert f"HOSTNAME={expected[2]}" in spec.process.env
    assert spec.cgroups_path == f"/onggi/{ID}"


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"working_dir": "app"}, "absolute"),
        ({"hostname": "a" * 65}, "64"),
        ({"hostname": "two words"}, "host name"),
        ({"hostname": "a\nb"}, "host name"),
        ({"command": ("echo", "a\0b")}, "null"),
        ({"environment": ("A=\0",)}, "null"),
        ({"working_dir": "/a\0"}, "null"),
        ({"user": "a\0"}, "null"),
    ],
)
def test_what_makes_no_sense_anywhere(bundle: Bundle, asked: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        make_spec(ID, Request("web", **asked), RunConfig(cmd=("sh",)), bundle)


def test_a_bundle_has_what_starting_needs(bundle: Bundle) -> None:
    spec = make_spec(ID, Request("web", hostname="jar"), RunConfig(cmd=("sh",)), bundle)
    bundle.write(spec)
    assert bundle.spec() == spec
    assert bundle.directory.stat().st_mode & 0o777 == 0o700
    assert (bundle.directory / "hostname").read_text() == "jar\n"
    assert "127.0.0.1\tlocalhost" in (bundle.directory / "hosts").read_text()
    assert "jar" in (bundle.directory / "hosts").read_text()
    assert (bundle.directory / "log").read_bytes() == b""
    assert os.listdir(bundle.rootfs) == []
    assert json.loads((bundle.directory / "config.json").read_text()) == spec.to_json()
    for mount in spec.mounts:
        assert mount.type != "bind" or Path(mount.source).is_file()
    bundle.remove()
    bundle.remove()
    assert not bundle.directory.exists()


def test_the_floor_is_empty_files_and_is_made_once(tmp_path: Path) -> None:
    make_floor(tmp_path / "floor")
    assert [(tmp_path / "floor" / name).read_bytes() for name in FLOOR_FILES] == [b""] * 3
    before = (tmp_path / "floor/etc").stat().st_mtime_ns
    make_floor(tmp_path / "floor")
    assert (tmp_path / "floor/etc").stat().st_mtime_ns == before


TEXTS = st.text(max_size=5)
REQUESTS = st.builds(
    Request,
    image=TEXTS,
    command=st.none() | st.lists(TEXTS).map(tuple),
    entrypoint=st.none() | st.lists(TEXTS).map(tuple),
    environment=st.lists(TEXTS).map(tuple),
    working_dir=TEXTS,
    labels=st.dictionaries(TEXTS, TEXTS),
    memory_bytes=st.integers(),
    auto_remove=st.booleans(),
)


@given(REQUESTS)
def test_a_request_comes_back_from_the_database_as_it_went(request: Request) -> None:
    assert Request.from_json(request.to_json()) == request
