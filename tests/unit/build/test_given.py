"""Contexts and Dockerfiles from directories, archives and streams; none of them leads out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from runtime.build.given import open_given
from runtime.dockerfile.source import Place, Word
from runtime.errors import Cancelled, DockerfileError, InvalidInput, NotFound
from runtime.snapshot.overlay import Snapshots

pytestmark = pytest.mark.needs("root")

TEXT = "FROM scratch\nCOPY a /\n"


class Pipe(io.RawIOBase):
    """Gives a few bytes at a time and cannot be sought, as standard input."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, 100) if size >= 0 else -1)


def archive(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def seen(
    root: Path, context: Path | BinaryIO, dockerfile: str | BinaryIO | None = None
) -> tuple[int, list[str]]:
    """How many instructions there are, and the context's files."""
    word = Word(".", Place("Dockerfile", 1, (1, 2), ""))
    snapshots = Snapshots(root)
    with open_given(snapshots, context, dockerfile) as (opened, parsed):
        (source,) = opened.find([word])
        names = [file.relative for file in source.files if file.relative]
        count = len(list(parsed.instructions))
    assert list(snapshots.keys()) == []
    return count, names


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_an_archive_is_a_context(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    data = pack(archive(Dockerfile=TEXT, a="x"))
    assert seen(tmp_path, Pipe(data)) == (2, ["Dockerfile", "a"])  # type: ignore[arg-type]
    (tmp_path / "context.tar").write_bytes(data)
    assert seen(tmp_path, tmp_path / "context.tar") == (2, ["Dockerfile", "a"])


def test_a_dockerfile_alone_has_no_files(tmp_path: Path) -> None:
    assert seen(tmp_path, Pipe(b"FROM scratch\n" * 100)) == (100, [])  # type: ignore[arg-type]


def test_the_dockerfile_may_come_from_elsewhere(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "a").touch()
    (tmp_path / "Else").write_text("FROM scratch\n")
    assert seen(tmp_path, context, str(tmp_path / "Else")) == (1, ["a"])
    assert seen(tmp_path, context, "../Else") == (1, ["a"])
    assert seen(tmp_path, context, io.BytesIO(TEXT.encode())) == (2, ["a"])
    data = archive(Dockerfile="", Other=TEXT, a="")
    assert seen(tmp_path, io.BytesIO(data), "Other") == (2, ["Dockerfile", "Other", "a"])


def test_an_ignore_file_belongs_to_its_dockerfile(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    for name, text in {
        "Dockerfile": "FROM scratch",
        "one": "FROM scratch",
        "a": "",
        "b": "",
        ".dockerignore": "*\n!a",
        "one.dockerignore": "*\n!b",
    }.items():
        (context / name).write_text(text)
    assert seen(tmp_path, context) == (1, ["a"])
    assert seen(tmp_path, context, "one") == (1, ["b"])
    assert seen(tmp_path, context, io.BytesIO(b"FROM scratch")) == (1, ["a"])


@pytest.mark.parametrize("target", ["/etc/hostname", "../../../../../../etc/hostname"])
def test_no_link_of_a_context_leads_to_the_host(tmp_path: Path, target: str) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").symlink_to(target)
    with pytest.raises(NotFound, match="there is no file Dockerfile"):
        seen(tmp_path, context)
    (context / "Dockerfile").unlink()
    (context / "Dockerfile").write_text("FROM scratch")
    (context / ".dockerignore").symlink_to(target)
    assert seen(tmp_path, context) == (1, [".dockerignore", "Dockerfile"])


def test_a_pipe_is_no_dockerfile(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    os.mkfifo(context / "Dockerfile")
    with pytest.raises(NotFound):
        seen(tmp_path, context)


def test_a_hostile_archive_leaves_nothing(tmp_path: Path) -> None:
    data = archive(**{"Dockerfile": TEXT, "../../out": "x"})
    with pytest.raises(InvalidInput, match="cannot be unpacked"):
        seen(tmp_path, io.BytesIO(data))
    assert not (tmp_path.parent / "out").exists()
    assert list(Snapshots(tmp_path).keys()) == []
    with pytest.raises(InvalidInput, match="not an archive"):
        seen(tmp_path, io.BytesIO(b"FROM scratch\n"), "Other")
    with pytest.raises(DockerfileError):
        seen(tmp_path, io.BytesIO(b"\0\1\2 garbage\n".replace(b"\0", b"")))


def test_who_goes_away_need_not_wait_for_the_end_of_a_bomb(tmp_path: Path) -> None:
    """Some 60 KB that are 64 MiB of zeros; after three pieces nobody wants them any more."""
    bomb = gzip.compress(archive(Dockerfile=TEXT) + bytes(64 << 20))
    seen_pieces: list[None] = []

    def check() -> None:
        seen_pieces.append(None)
        if len(seen_pieces) == 3:
            raise Cancelled("it was cancelled")

    snapshots = Snapshots(tmp_path)
    with pytest.raises(Cancelled), open_given(snapshots, io.BytesIO(bomb), None, check):
        pytest.fail("the bomb was unpacked")
    assert (len(seen_pieces), list(snapshots.keys())) == (3, [])
