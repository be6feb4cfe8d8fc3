"""Other people's tools read the layers we write, and we read theirs.

skopeo looks at an OCI image layout whose blobs are our content store as it lies on the disk;
umoci unpacks it into the very tree it was made of. Then the other way round, with layers from
umoci, from GNU tar in its formats, and recompressed by skopeo.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runtime.content.store import ContentStore
from runtime.layer.apply import apply_layer
from runtime.layer.diff import changes_of_upper
from runtime.layer.tar import write_layer
from runtime.linux.mount import mount, umount
from runtime.oci.descriptor import CONFIG, LAYER, LAYER_GZIP, MANIFEST, Descriptor
from runtime.oci.digest import DiffID, Digest
from runtime.oci.image import ImageConfig, Index, Manifest, RunConfig

pytestmark = pytest.mark.needs("skopeo", "umoci", "root")

# struct vfs_cap_data, version 2: cap_net_raw, permitted and effective.
CAP_NET_RAW = bytes.fromhex("0100000200200000000000000000000000000000")

Facts = dict[str, tuple[object, ...]]


def run(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_tree(root: Path) -> Path:
    """Everything a layer can hold, with owners, modes and times that are not the default."""
    (root / "etc/deep/er").mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (root / "etc/deep/er/file").write_bytes(os.urandom(70_000))
    (root / "bin").mkdir()
    (root / "bin/busybox").write_bytes(b"\x7fELF" * 1000)
    (root / "bin/busybox").chmod(0o4755)
    os.link(root / "bin/busybox", root / "bin/sh")
    os.setxattr(root / "bin/busybox", "security.capability", CAP_NET_RAW)
    (root / "lib").symlink_to("usr/lib")
    (root / "long").symlink_to("t" * 150)
    (root / ("n" * 120)).touch()
    (root / "옹기").write_text("옹기\n")
    os.mkfifo(root / "pipe")
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    os.chown(root / "etc/passwd", 1000, 3_000_000)
    os.chown(root / "lib", 5, 6, follow_symlinks=False)
    for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        os.utime(path, ns=(0, (1_600_000_000 + number) * 10**9), follow_symlinks=False)
    return root


def facts(root: Path, *, links: bool = True, times: bool = True) -> Facts:
    """What a container would see of each file. Inode numbers become names of the same file."""
    first: dict[tuple[int, int], str] = {}
    found: Facts = {}
    for path in sorted(root.rglob("*")):
        status, name = path.lstat(), str(path.relative_to(root))
        is_file = stat.S_ISREG(status.st_mode)
        found[name] = (
            stat.filemode(status.st_mode),
            (status.st_uid, status.st_gid, status.st_rdev),
            os.readlink(path) if path.is_symlink() else "",
            path.read_bytes() if is_file else b"",
            _capability(path) if is_file else b"",
            first.setdefault((status.st_dev, status.st_ino), name) if links else "",
            status.st_mtime_ns if times else 0,
        )
    return found


def _capability(path: Path) -> bytes:
    names = os.listxattr(path)
    return os.getxattr(path, "security.capability") if "security.capability" in names else b""


def make_layout(root: Path, *uppers: Path) -> Path:
    """An OCI image layout at `root`, tagged `test`, with one layer per overlay upper."""
    store = ContentStore(root)
    layers = []
    for upper in uppers:
        with store.writer() as blob:
            write_layer(changes_of_upper(upper), blob, epoch=None)
            digest, size = blob.commit()
        layers.append(Descriptor(LAYER, digest, size))
    config = ImageConfig(
        architecture="amd64",
        os="linux",
        created="2023-11-14T22:13:20Z",
        config=RunConfig(env=("PATH=/bin",), cmd=("sh",), labels={"language": "한국어"}),
        diff_ids=tuple(DiffID(layer.digest) for layer in layers),
    ).to_bytes()
    manifest = Manifest(Descriptor(CONFIG, store.add(config), len(config)), tuple(layers))
    data = manifest.to_bytes()
    tag = {"org.opencontainers.image.ref.name": "test"}
    index = Index((Descriptor(MANIFEST, store.add(data), len(data), tag),))
    (root / "index.json").write_bytes(index.to_bytes())
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return root


def read_layout(root: Path) -> tuple[ContentStore, Manifest, ImageConfig]:
    """Somebody's OCI image layout with one manifest, read by our types."""
    store = ContentStore(root)
    [descriptor] = Index.from_bytes((root / "index.json").read_bytes()).manifests
    manifest = Manifest.from_bytes(store.read(descriptor.digest))
    return store, manifest, ImageConfig.from_bytes(store.read(manifest.config.digest))


def apply_all(layout: Path, target: Path) -> list[Path]:
    """Each layer of a layout in a directory of its own, its DiffID checked."""
    store, manifest, config = read_layout(layout)
    directories = []
    for layer, diff_id in zip(manifest.layers, config.diff_ids, strict=True):
        directory = target / diff_id.short
        directory.mkdir(parents=True)
        with store.open(layer.digest) as blob:
            assert apply_layer(blob, directory).diff_id == diff_id
        directories.append(directory)
    return directories


def umoci_unpack(layout: Path, bundle: Path) -> Path:
    run("umoci", "unpack", "--image", f"{layout}:test", bundle)
    return bundle / "rootfs"


def skopeo_inspect(layout: Path, *options: str) -> Any:
    return json.loads(run("skopeo", "inspect", *options, f"oci:{layout}:test"))


# ── They read ours ───────────────────────────────────────────────────────────────────────────


def test_skopeo_inspects_our_image(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout", make_tree(tmp_path / "tree"))
    _, manifest, _ = read_layout(layout)
    seen = skopeo_inspect(layout)
    assert seen["Architecture"] == "amd64"
    assert seen["Created"] == "2023-11-14T22:13:20Z"
    assert seen["Labels"] == {"language": "한국어"}
    assert seen["Layers"] == [manifest.layers[0].digest]
    assert skopeo_inspect(layout, "--config")["config"]["Cmd"] == ["sh"]


def test_umoci_unpacks_the_tree_we_packed(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    rootfs = umoci_unpack(make_layout(tmp_path / "layout", tree), tmp_path / "bundle")
    assert facts(rootfs) == facts(tree)


@pytest.mark.needs("overlay")
def test_umoci_and_overlayfs_agree_on_a_second_layer(tmp_path: Path) -> None:
    """What a container saw in its overlay is what umoci makes of base and difference."""
    tree, upper, work, merged = (tmp_path / name for name in ("tree", "upper", "work", "merged"))
    make_tree(tree)
    for directory in (upper, work, merged):
        directory.mkdir()
    options = f"lowerdir={tree},upperdir={upper},workdir={work}"
    mount("overlay", merged, "overlay", data=options)
    try:
        (merged / "etc/passwd").unlink()
        (merged / "etc/deep/er/file").unlink()
        (merged / "etc/deep/er").rmdir()
        (merged / "etc/deep/er").mkdir()
        (merged / "etc/deep/er/new").write_text("new\n")
        (merged / "lib").unlink()
        (merged / "lib").mkdir()
        (merged / "tmp").rmdir()
        (merged / "tmp").write_text("a file now\n")
        expected = facts(merged, links=False, times=False)
    finally:
        umount(merged)
    rootfs = umoci_unpack(make_layout(tmp_path / "layout", tree, upper), tmp_path / "bundle")
    assert facts(rootfs, links=False, times=False) == expected


# ── We read theirs ───────────────────────────────────────────────────────────────────────────


def test_we_read_what_umoci_packs(tmp_path: Path) -> None:
    layout, tree = tmp_path / "layout", make_tree(tmp_path / "tree")
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", f"{layout}:test")
    run("umoci", "insert", "--image", f"{layout}:test", tree, "/")
    [directory] = apply_all(layout, tmp_path / "layers")
    assert facts(directory) == facts(tree)


def test_we_read_the_deletions_umoci_packs(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout", make_tree(tmp_path / "tree"))
    rootfs = umoci_unpack(layout, tmp_path / "bundle")
    (rootfs / "etc/passwd").unlink()
    (rootfs / "added").write_text("new\n")
    run("umoci", "repack", "--image", f"{layout}:test", tmp_path / "bundle")
    _, second = apply_all(layout, tmp_path / "layers")
    assert (second / "added").read_text() == "new\n"
    status = (second / "etc/passwd").lstat()
    assert (stat.S_ISCHR(status.st_mode), status.st_rdev) == (True, 0)


def test_we_read_what_skopeo_recompresses(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    layout, copy = make_layout(tmp_path / "layout", tree), tmp_path / "copy"
    run("skopeo", "--insecure-policy", "copy", f"oci:{layout}:test", f"oci:{copy}:test")
    _, manifest, _ = read_layout(copy)
    assert manifest.layers[0].media_type == LAYER_GZIP
    [directory] = apply_all(copy, tmp_path / "layers")
    assert facts(directory) == facts(tree)


@pytest.mark.parametrize("tar_format", ["gnu", "oldgnu", "posix"])
def test_we_read_what_gnu_tar_writes(tmp_path: Path, tar_format: str) -> None:
    tree, archive, target = make_tree(tmp_path / "tree"), tmp_path / "a.tar", tmp_path / "target"
    xattrs = ["--xattrs", "--xattrs-include=*"] if tar_format == "posix" else []
    run("tar", "-C", tree, f"--format={tar_format}", *xattrs, "-cf", archive, ".")
    target.mkdir()
    with archive.open("rb") as stream:
        assert apply_layer(stream, target).diff_id == Digest.of(archive.read_bytes())
    if not xattrs:  # the older formats have no place for a capability
        os.removexattr(tree / "bin/busybox", "security.capability")
    assert facts(target) == facts(tree)


def test_gnu_tar_reads_what_we_write(tmp_path: Path) -> None:
    tree, target = make_tree(tmp_path / "tree"), tmp_path / "target"
    layout = make_layout(tmp_path / "layout", tree)
    store, manifest, _ = read_layout(layout)
    target.mkdir()
    blob = store.path(manifest.layers[0].digest)
    options = ("--xattrs", "--xattrs-include=*", "--numeric-owner", "-p")
    assert run("tar", "-C", target, *options, "-xvf", blob)
    assert facts(target) == facts(tree)
