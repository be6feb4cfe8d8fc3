"""How fast layers are, as ratios to named peers: `make bench` runs it after `bench.py`.

    unpack    a layer of 200 MB and 20,000 files, gzip-compressed, into a directory, its digest and
              DiffID verified; against `umoci unpack` of the same image
    commit    one changed file in a container of that image; against `docker commit` (Debian's
              docker.io) of the same change to the same image

Ours and the peer take turns. Needs root, umoci and dockerd.
"""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import leftovers
from bench import seconds
from dockerd import Docker, running_dockerd

from runtime.engine import Engine
from runtime.engine.image import Image
from runtime.layer.apply import apply_layer

DIRECTORIES, FILES, FILE_BYTES = 200, 100, 10_240
ROUNDS = 5


def make_tree(root: Path) -> None:
    """20,000 files that compress as programs and libraries do: to about half."""
    dice = random.Random(1)
    words = [bytes(dice.choices(range(97, 123), k=6)) for _ in range(4000)]
    for directory in range(DIRECTORIES):
        folder = root / f"usr/lib/package{directory}"
        folder.mkdir(parents=True)
        for file in range(FILES):
            half = b" ".join(dice.choices(words, k=FILE_BYTES // 14))
            (folder / f"file{file}").write_bytes(half + dice.randbytes(FILE_BYTES - len(half)))


def make_image(engine: Engine, folder: Path) -> Image:
    """onggi/base and that tree on top of it."""
    make_tree(folder / "context/tree")
    (folder / "context/Dockerfile").write_text("FROM onggi/base\nCOPY tree /\n")
    return engine.images.build(folder / "context", tag="bench")[0]


def bench_unpack(engine: Engine, image: Image, folder: Path) -> bool:
    """The whole way from a compressed blob to files; both begin with an empty directory."""
    archive, layout = folder / "image.tar", folder / "layout"
    archive.write_bytes(b"".join(engine.images.save("bench")))
    copy = ["skopeo", "--insecure-policy", "copy", "-q"]
    subprocess.run([*copy, f"oci-archive:{archive}:latest", f"oci:{layout}:bench"], check=True)
    [packed] = engine.images.load(layout)
    top = packed.layers[-1]
    assert top.diff_id == image.layers[-1].diff_id
    ours, theirs = folder / "ours", folder / "theirs"

    def unpack() -> None:
        for layer in packed.layers:
            target = ours / layer.diff_id.short
            target.mkdir(parents=True)
            with engine.images.content.open(layer.digest) as blob:
                assert apply_layer(blob, target).diff_id == layer.diff_id

    def umoci() -> None:
        command = ["umoci", "unpack", "--image", f"{layout}:bench", str(theirs)]
        subprocess.run(command, check=True, capture_output=True)

    def clean() -> None:
        for place in (ours, theirs):
            shutil.rmtree(place, ignore_errors=True)

    return compare("unpack, 20,000 files", unpack, umoci, limit=1.0, after=clean)


def bench_commit(engine: Engine, docker: Docker) -> bool:
    """One file changed, one layer more."""
    docker("load", stdin=b"".join(engine.images.save("bench")))
    change = ["sh", "-c", "echo changed >/usr/lib/package0/file0"]
    docker("run", "--name=changed", "--network=none", "bench", *change)
    container = engine.containers.create("bench", change)
    container.start()
    container.wait()
    theirs = partial(docker, "commit", "changed")
    return compare("commit, one file changed", container.commit, theirs, limit=0.3)


def compare(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    limit: float,
    after: Callable[[], object] = lambda: None,
) -> bool:
    """Take turns, print one line; whether the ratio of the medians is within `limit`."""
    pairs = []
    for _ in range(1 + ROUNDS):
        pairs.append((seconds(ours), seconds(peer)))
        after()
    mine, theirs = (statistics.median(column) for column in zip(*pairs[1:], strict=True))
    ratio = mine / theirs
    print(f"{name:<26} onggi {mine:6.2f} s   peer {theirs:6.2f} s   ratio {ratio:.2f} (≤ {limit})")
    return bool(ratio <= limit)


def main() -> int:
    """Exit code 0 if every ratio is within its limit."""
    with tempfile.TemporaryDirectory(prefix="onggi-bench-") as name:
        folder = Path(name)
        engine = Engine(folder / "state")
        engine.images.bootstrap(names=("onggi/base",))
        image = make_image(engine, folder)
        good = bench_unpack(engine, image, folder)
        with running_dockerd() as docker:
            good = bench_commit(engine, docker) and good
        leftovers.end_launchers(folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
