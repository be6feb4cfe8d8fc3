"""Writing layers: the same bytes for the same tree, and all of the tree."""

from __future__ import annotations

import io
import os
import socket
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import Conflict, HostLacks, InvalidInput
from runtime.layer.tar import tree_layer

EPOCH = 1_700_000_000


def layer(root: Path, epoch: int | None = EPOCH) -> bytes:
    out = io.BytesIO()
    tree_layer(root, out, epoch=epoch)
    return out.getvalue()


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: member for member in archive}


def fill(root: Path) -> None:
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/sh").write_bytes(b"shell" * 300)
    (root / "usr/bin/sh").chmod(0o4755)
    os.link(root / "usr/bin/sh", root / "usr/bin/bash")
    (root / "bin").symlink_to("usr/bin")
    (root / "empty").touch()


def test_the_same_tree_gives_the_same_bytes_anywhere_and_anytime(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "somewhere/else"
    for root in (one, two):
        root.mkdir(parents=True)
        fill(root)
    for path in two.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    assert layer(one) == layer(two)


def test_the_order_of_creation_does_not_matter(tmp_path: Path) -> None:
    for order in ("abcdefgh", "hgfedcba"):
        (tmp_path / order).mkdir()
        for name in order:
            (tmp_path / order / name).write_text(name)
    assert layer(tmp_path / "abcdefgh") == layer(tmp_path / "hgfedcba")


def test_the_reference_bytes_do_not_change(tmp_path: Path) -> None:
    """Whoever breaks this changes the ID of every image that is built from now on."""
    (tmp_path / "etc").mkdir(mode=0o755)
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (tmp_path / "etc/hosts").chmod(0o644)
    uid, gid = os.getuid(), os.getgid()
    expected = b""
    for name, mode, size, kind in (
        (b"etc/", b"0000755", 0, b"5"),
        (b"etc/hosts", b"0000644", 20, b"0"),
    ):
        fields = name.ljust(100, b"\0") + mode + b"\0" + b"%07o\0%07o\0" % (uid, gid)
        fields += b"%011o\0%011o\0" % (size, EPOCH)
        rest = kind + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(155 + 12)
        checksum = sum(fields + b" " * 8 + rest)
        expected += fields + b"%06o\0 " % checksum + rest
    expected += b"127.0.0.1 localhost\n".ljust(512, b"\0") + bytes(1024)
    assert layer(tmp_path) == expected


def test_with_an_epoch_every_time_is_the_epoch(tmp_path: Path) -> None:
    fill(tmp_path)
    assert {member.mtime for member in members(layer(tmp_path)).values()} == {EPOCH}


def test_without_one_times_are_the_files_to_the_nanosecond(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    os.utime(tmp_path / "a", ns=(0, 1_700_000_000_123_456_789))
    assert members(layer(tmp_path, None))["a"].pax_headers["mtime"] == "1700000000.123456789"


def test_modes_links_and_content(tmp_path: Path) -> None:
    fill(tmp_path)
    data = layer(tmp_path)
    found = members(data)
    assert list(found) == ["bin", "empty", "usr", "usr/bin", "usr/bin/bash", "usr/bin/sh"]
    assert found["bin"].linkname == "usr/bin"
    assert found["usr/bin/bash"].mode == 0o4755
    assert found["usr/bin/sh"].islnk()
    assert found["usr/bin/sh"].linkname == "usr/bin/bash"
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        content = archive.extractfile("usr/bin/bash")
        assert content is not None
        assert content.read() == b"shell" * 300


def test_long_and_undecodable_names(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90) / ("e" * 90)
    deep.mkdir(parents=True)
    (deep / ("f" * 90)).symlink_to("t" * 200)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    found = members(layer(tmp_path))
    name = "/".join(("d" * 90, "e" * 90, "f" * 90))
    assert found[name].linkname == "t" * 200
    assert "\udcff" in found


def test_sockets_are_left_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert members(layer(tmp_path)) == {}


@pytest.mark.needs("root")
def test_owners_devices_and_pipes(tmp_path: Path) -> None:
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mkfifo(tmp_path / "pipe")
    os.chown(tmp_path / "pipe", 3_000_000, 100)
    found = members(layer(tmp_path))
    assert found["null"].ischr()
    assert (found["null"].devmajor, found["null"].devminor) == (1, 3)
    assert found["pipe"].isfifo()
    assert (found["pipe"].uid, found["pipe"].gid, found["pipe"].uname) == (3_000_000, 100, "")


@pytest.mark.needs("root")
def test_capabilities_travel_and_overlay_marks_do_not(tmp_path: Path) -> None:
    # struct vfs_cap_data, version 2: cap_net_raw permitted and effective.
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    (tmp_path / "ping").touch()
    os.setxattr(tmp_path / "ping", "security.capability", capability)
    os.setxattr(tmp_path / "ping", "trusted.overlay.origin", b"x")
    os.setxattr(tmp_path / "ping", "trusted.note", b"x")
    headers = members(layer(tmp_path))["ping"].pax_headers
    assert list(headers) == ["SCHILY.xattr.security.capability"]
    assert headers["SCHILY.xattr.security.capability"].encode() == capability


@pytest.mark.needs("root")
def test_whiteouts_and_opaque_directories(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/aaa").touch()
    os.mknod(tmp_path / "etc/zzz", stat.S_IFCHR, os.makedev(0, 0))
    os.setxattr(tmp_path / "etc", "trusted.overlay.opaque", b"y")
    found = members(layer(tmp_path))
    assert list(found) == ["etc", "etc/.wh..wh..opq", "etc/.wh.zzz", "etc/aaa"]
    assert found["etc/.wh.zzz"].isreg()
    assert found["etc/.wh.zzz"].size == 0


@pytest.mark.needs("root")
@pytest.mark.parametrize("mark", ["redirect", "metacopy"])
def test_half_a_file_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / "moved").mkdir()
    os.setxattr(tmp_path / "moved", f"trusted.overlay.{mark}", b"/old")
    with pytest.raises(HostLacks, match="not all there"):
        layer(tmp_path)


def test_reserved_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / ".wh.motd").touch()
    with pytest.raises(InvalidInput, match=r"/\.wh\.motd"):
        layer(tmp_path)


class _Meddling(io.BytesIO):
    """Somebody who does something to the tree as soon as the first header is written."""

    def __init__(self, meddle: Callable[[], None]) -> None:
        super().__init__()
        self._meddle = meddle

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if not self.tell():
            self._meddle()
        return super().write(data)


def test_a_file_that_shrinks_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 100)
    out = _Meddling(lambda: os.truncate(tmp_path / "log", 10))
    with pytest.raises(Conflict, match="/log became shorter"):
        tree_layer(tmp_path, out, epoch=None)


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    for name in ("tree/a", "tree/b", "other"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    out = _Meddling(lambda: os.replace(tmp_path / "other", tmp_path / "tree/b"))
    with pytest.raises(Conflict, match="/b was replaced"):
        tree_layer(tmp_path / "tree", out, epoch=None)


_trees = st.dictionaries(
    st.text("ab.", min_size=1, max_size=3).filter(lambda n: n.strip(".") and n[0] != "."),
    st.one_of(st.binary(max_size=1100), st.sampled_from(["link", "directory"])),
    max_size=6,
)


@settings(deadline=None)
@given(_trees)
def test_any_tree_is_what_python_reads(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, bytes | str]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    makers: dict[str, Callable[[Path], None]] = {
        "link": lambda path: path.symlink_to("nowhere"),
        "directory": Path.mkdir,
    }
    for name, content in tree.items():
        if isinstance(content, bytes):
            (root / name).write_bytes(content)
        else:
            makers[content](root / name)
    with tarfile.open(fileobj=io.BytesIO(layer(root))) as archive:
        assert archive.getnames() == sorted(tree)
        for name, content in tree.items():
            if isinstance(content, bytes):
                file = archive.extractfile(name)
                assert file is not None
                assert file.read() == content
