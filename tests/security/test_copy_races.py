"""`cp` with a container that means harm: whatever it swaps, nothing outside is touched or seen.

What is written goes through a name that is by turns a directory and a link to the host's. A cp
that first looks and then opens loses this race within a few rounds.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import OnggiError

pytestmark = pytest.mark.needs("containers")

ROUNDS = 200


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of the host; a container knows its path, and has none of that name."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/secret").write_text("secret of the host")
    return tmp_path


@pytest.fixture
def swapping(engine: Engine, outside: Path) -> Iterator[Container]:
    """A container that swaps /w/d, a directory, for a link to the host's directory, in a loop."""
    script = (
        "mkdir -p /w/d/sub /w/aside; echo harmless >/w/d/sub/secret;"
        f"ln -s {outside} /w/link; ln -s ../../../../../../../../../..{outside} /w/up;"
        "while :; do mv /w/d /w/aside/d; cp -d /w/link /w/d; rm /w/d;"
        " cp -d /w/up /w/d; rm /w/d; mv /w/aside/d /w/d; done 2>/dev/null"
    )
    container = engine.containers.run("onggi/base", ["sh", "-c", script], detach=True)
    yield container
    container.remove(force=True)


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 4
            tar.addfile(info, io.BytesIO(b"evil"))
    return out.getvalue()


def world(root: Path) -> dict[str, tuple[int, int, list[str] | bytes]]:
    return {
        str(path): (
            path.lstat().st_mode,
            path.lstat().st_ctime_ns,
            sorted(os.listdir(path)) if path.is_dir() else path.read_bytes(),
        )
        for path in (root, *root.rglob("*"))
    }


def test_writing_while_the_container_swaps_links(swapping: Container, outside: Path) -> None:
    before = world(outside)
    whole = archive("d/sub/evil", "d/sub/secret", "d/new/evil")
    deep = archive("sub/evil", "sub/secret", "evil")
    done = 0
    for _ in range(ROUNDS // 2):
        for path, data in (("/w", whole), ("/w/d", deep)):
            with contextlib.suppress(OnggiError):
                swapping.put_archive(path, data)
                done += 1
    assert world(outside) == before
    assert done, "some of them arrived, in the container"


def test_reading_while_the_container_swaps_links(swapping: Container) -> None:
    seen = set()
    for _ in range(ROUNDS // 2):
        for path in ("/w/d/sub/secret", "/w"):
            with contextlib.suppress(OnggiError):
                data = b"".join(swapping.get_archive(path)[0])
                assert b"secret of the host" not in data
                seen.add(b"harmless" in data)
    assert True in seen


def test_a_link_to_the_host_leads_nowhere(swapping: Container, outside: Path) -> None:
    before = world(outside)
    for path in ("/w/link/sub", "/w/up/sub", "/w/link/", "/proc/1/root/w"):
        with pytest.raises(OnggiError):
            swapping.put_archive(path, archive("evil"))
    assert world(outside) == before
