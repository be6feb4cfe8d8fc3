"""`make bench`, registries: how fast an image of 200 MB travels, as a ratio to skopeo.

    push    Images.push of layers that are stored as they are sent, against `skopeo copy` from an
            OCI layout of the same blobs
    pull    Images.pull into an empty engine, against `skopeo copy` into an empty OCI layout

Both speak to the same docker-registry on loopback and take turns; the repository is a new one each
time, so that everything travels. Needs root; Debian's skopeo and docker-registry.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import report, turns
from registries import RunningRegistry, running_registry

from runtime.engine import Engine
from runtime.layer.compression import diff_id_of
from runtime.linux import tree
from runtime.oci.descriptor import CONFIG, LAYER_GZIP, Descriptor
from runtime.oci.image import ImageConfig, Index, Manifest
from runtime.oci.reference import Reference

LAYERS = 4
LAYER_BYTES = 50_000_000
ROUNDS = 5
LIMIT = 1.0
CACHE = "/var/lib/containers/cache"


def make_image(engine: Engine) -> Manifest:
    """Four layers, half noise and half text, as a compressor leaves them."""
    content = engine.images.content
    noise = random.Random(1)
    layers, diff_ids = [], []
    for _ in range(LAYERS):
        text = b"".join(
            hashlib.sha256(noise.randbytes(8)).hexdigest().encode() for _ in range(1000)
        )
        tar = noise.randbytes(LAYER_BYTES // 2) + text * (LAYER_BYTES // len(text))
        data = gzip.compress(tar, 6, mtime=0)
        layers.append(Descriptor(LAYER_GZIP, content.add(data), len(data)))
        with content.open(layers[-1].digest) as blob:
            diff_ids.append(diff_id_of(blob))
    config = ImageConfig("amd64", "linux", diff_ids=tuple(diff_ids)).to_bytes()
    return Manifest(Descriptor(CONFIG, content.add(config), len(config)), tuple(layers))


def make_layout(engine: Engine, manifest: Manifest, layout: Path) -> None:
    """The same blobs where skopeo looks for them."""
    data = manifest.to_bytes()
    digest = engine.images.content.add(data)
    (layout / "blobs/sha256").mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    descriptor = Descriptor(manifest.media_type, digest, len(data))
    (layout / "index.json").write_bytes(Index((descriptor,)).to_bytes())
    for each in (digest, manifest.config.digest, *(layer.digest for layer in manifest.layers)):
        os.link(engine.images.content.path(each), layout / "blobs/sha256" / each.hex)


class Bench:
    """One run: its registry, its engine, and numbers for names that nobody has used."""

    def __init__(self, folder: Path, registry: RunningRegistry) -> None:
        self.folder = folder
        self.host = registry.host
        self.engine = Engine(folder / "state")
        manifest = make_image(self.engine)
        make_layout(self.engine, manifest, folder / "layout")
        self.digest = self.engine.images.content.add(manifest.to_bytes())
        self.numbers = itertools.count()
        os.environ["DOCKER_CONFIG"] = str(folder / "docker")

    def push(self) -> None:
        """Ours."""
        name = f"{self.host}/push{next(self.numbers)}:1"
        self.engine.images.names.point(Reference.parse(name), self.digest)
        self.engine.images.push(name)
        self.forget()

    def forget(self) -> None:
        """Where the layers are: from there they would be mounted instead of sent."""
        self.engine.images.database.change("DELETE FROM homes")

    def skopeo_push(self) -> None:
        """The peer's."""
        target = f"docker://{self.host}/push{next(self.numbers)}:1"
        self.skopeo("--dest-tls-verify=false", f"oci:{self.folder}/layout", target)

    def pull(self) -> None:
        """Ours."""
        root = self.folder / f"pulled{next(self.numbers)}"
        Engine(root).images.pull(f"{self.host}/pull:1")
        tree.delete(root)

    def skopeo_pull(self) -> None:
        """The peer's."""
        layout = self.folder / f"pulled{next(self.numbers)}"
        self.skopeo("--src-tls-verify=false", f"docker://{self.host}/pull:1", f"oci:{layout}:1")
        tree.delete(layout)

    def skopeo(self, *line: str) -> None:
        """Without its memory of blobs, by which it would have them mounted instead of sent."""
        forget = f'mkdir -p {CACHE} && mount -t tmpfs tmpfs {CACHE} && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", forget, "sh", "skopeo", "copy", "-q", *line]
        subprocess.run(command, check=True)

    def all(self) -> bool:
        """Every line; whether all are within their limits."""
        fine = report("push 200 MB", *turns(self.push, self.skopeo_push, ROUNDS, 1), LIMIT)
        target = f"docker://{self.host}/pull:1"
        self.skopeo("--dest-tls-verify=false", f"oci:{self.folder}/layout", target)
        return report("pull 200 MB", *turns(self.pull, self.skopeo_pull, ROUNDS, 1), LIMIT) and fine


def main() -> int:
    """0 if all ratios are within their limits."""
    with tempfile.TemporaryDirectory(prefix="onggi-bench-") as folder:
        place = Path(folder)
        with running_registry(place / "registry") as registry:
            return 0 if Bench(place, registry).all() else 1


if __name__ == "__main__":
    sys.exit(main())
