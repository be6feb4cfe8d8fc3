"""SOURCE_DATE_EPOCH: the same inputs are the same image, whoever builds them, when and where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from runtime.engine import Engine
from runtime.engine.image import Image

NAMES = ("tree/a", "tree/b", "tree/c/d", "tree/c/e", "tree/f.txt", "tree/한글")
DOCKERFILE = """\
FROM onggi/base AS build
ARG WHO=nobody
RUN --mount=type=cache,target=/root/.cache --mount=target=/src \\
    mkdir /out && for each in z y x w; do echo $each > /out/$each; done && \\
    cp -r /src/tree /out/ && ln /out/z /out/hard && ln -s z /out/soft && chmod 640 /out/y
FROM onggi/base
WORKDIR /srv/app
COPY --from=build /out .
COPY --chown=5:6 tree data/
COPY <<END /etc/motd
made for $WHO
END
RUN rm x && mkdir -p p/q && touch p/q/r && echo done
LABEL b=2 a=1
CMD ["cat", "z"]
"""
BUILD = """
import json, os, sys
os.umask(int(sys.argv[3], 8))
from runtime.engine import Engine
engine = Engine(sys.argv[1])
image, _ = engine.images.build(path=sys.argv[2], buildargs={"WHO": "me"}, nocache=True)
print(json.dumps([image.id, image.manifest_digest, [layer.diff_id for layer in image.layers]]))
"""


def context(folder: Path, names: Iterable[str], time_s: int, mode: int) -> Path:
    """The same files, made in another order, at another time, in a folder of another mode."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}\n")
        path.chmod(0o644)
        os.utime(path, (time_s, time_s))
    (folder / "Dockerfile").write_text(DOCKERFILE)
    for directory in (folder / "tree", folder / "tree" / "c"):
        directory.chmod(0o755)
    folder.chmod(mode)
    return folder


def built(root: Path, folder: Path, umask: str, seed: str, epoch: str) -> list[object]:
    """What another process, with another umask, hash seed and time zone, makes of it."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD, root, folder, umask],
        env={**os.environ, "PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": epoch, "TZ": f"X{seed}"},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: list[object] = json.loads(done.stdout)
    return answer


def test_two_builds_agree_to_the_manifest(engine: Engine, state_root: Path, tmp_path: Path) -> None:
    """In two state directories that have nothing in common but the base image."""
    Engine(state_root).images.load(engine.images.get("onggi/base").save(named=True))
    one = context(tmp_path / "one", NAMES, 1_000_000_000, 0o755)
    other = context(tmp_path / "elsewhere" / "other", reversed(NAMES), 1_600_000_000, 0o700)
    first = built(engine.root, one, "022", "1", "1700000000")
    assert built(state_root, other, "077", "2", "1700000000") == first
    assert built(state_root, other, "077", "2", "1700000001") != first


def test_without_an_epoch_two_builds_differ_in_times_only(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    folder = context(tmp_path / "one", NAMES, 1_000_000_000, 0o755)
    first, _ = engine.images.build(path=folder, nocache=True)
    second, _ = engine.images.build(path=folder, nocache=True)
    again, _ = engine.images.build(path=folder)
    assert again.id == second.id
    assert entries(engine, first) == entries(engine, second)


def entries(engine: Engine, image: Image) -> list[list[tuple[object, ...]]]:
    """All that the layers say, but for times."""
    found: list[list[tuple[object, ...]]] = []
    for layer in image.manifest.layers:
        with tarfile.open(engine.images.content.path(layer.digest)) as tar:
            found.append(
                [
                    (each.name, each.type, each.mode, each.uid, each.gid, each.size, each.linkname)
                    for each in tar
                ]
            )
    return found
