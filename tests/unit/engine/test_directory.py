"""The state directory: where it is, who may see it, and who is writing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.engine import directory
from runtime.engine.directory import alone, default_root, open_directory, writing
from runtime.errors import HostLacks, NotFound, OnggiError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    open_directory(tmp_path / "state")
    return tmp_path / "state"


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONGGI_ROOT", "relative/place")
    assert default_root() == Path.cwd() / "relative/place"
    monkeypatch.delenv("ONGGI_ROOT")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_root() == tmp_path / "onggi"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert default_root() == Path.home() / ".local/share/onggi"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_root() == Path("/var/lib/onggi")


def test_nobody_else_may_look_in(root: Path) -> None:
    assert root.stat().st_mode & 0o777 == 0o700
    open_directory(root)


@pytest.mark.parametrize("place", ["/proc/onggi", "/dev/null", "/dev/null/onggi"])
def test_a_place_that_cannot_be(place: str) -> None:
    with pytest.raises(HostLacks, match=f"cannot be written: {place}") as refusal:
        open_directory(Path(place))
    assert refusal.value.evidence


def test_many_write_and_one_is_alone(root: Path) -> None:
    with writing(root), writing(root), alone(root) as nobody_writes:
        assert not nobody_writes
    with alone(root) as nobody_writes:
        assert nobody_writes
        with alone(root) as another:
            assert not another


def test_a_killed_writer_writes_no_more(root: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom runtime.engine.directory import writing\n"
        "with writing(Path(sys.argv[1])):\n    print('writing', flush=True)\n    input()"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"writing\n"
    with alone(root) as nobody_writes:
        assert not nobody_writes
    writer.kill()
    writer.communicate()
    with alone(root) as nobody_writes:
        assert nobody_writes


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_sentence(root: Path, number: int) -> None:
    sentence = "no space left on the disk of the state directory"
    with pytest.raises(OnggiError, match=sentence), writing(root):
        raise OSError(number, "as the kernel says")
    with alone(root) as nobody_writes:
        assert nobody_writes


def test_a_disk_that_became_read_only(root: Path) -> None:
    with pytest.raises(HostLacks, match="cannot be written"), writing(root):
        raise OSError(errno.EROFS, "Read-only file system")


def test_other_errors_stay_what_they_are(root: Path) -> None:
    for error in (NotFound("nothing"), OSError(errno.EIO, "broken"), ValueError()):
        with pytest.raises(type(error)) as caught, writing(root):
            raise error
        assert caught.value is error
    assert directory.VARIABLE == "ONGGI_ROOT"
