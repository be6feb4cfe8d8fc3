"""image-spec layer.md, clause by clause, on the tars that we write and the ones that we read."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from runtime.layer.apply import apply_layer
from runtime.layer.tar import tree_layer
from runtime.layer.whiteout import is_opaque, is_whiteout

pytestmark = pytest.mark.needs("root")


def written(upper: Path) -> list[tarfile.TarInfo]:
    out = io.BytesIO()
    tree_layer(upper, out, epoch=0)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        return archive.getmembers()


def applied(target: Path, *names: str) -> Path:
    """A layer with these entries; a name that ends with a slash is a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name.rstrip("/"))
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(info)
    target.mkdir(exist_ok=True)
    apply_layer(io.BytesIO(out.getvalue()), target)
    return target


def test_change_types(tmp_path: Path) -> None:
    """ "Additions and Modifications are represented the same in the changeset tar archive.
    Removals are represented using 'whiteout' file entries." """
    (tmp_path / "new").touch()
    os.mknod(tmp_path / "removed", stat.S_IFCHR, os.makedev(0, 0))
    assert [(m.name, m.type) for m in written(tmp_path)] == [
        (".wh.removed", tarfile.REGTYPE),
        ("new", tarfile.REGTYPE),
    ]


def test_file_types(tmp_path: Path) -> None:
    """ "Layer Changesets … MUST be one of: regular files, directories, sockets, symbolic links,
    block devices, character devices, FIFOs." A socket is left out: tar has no way to write it."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "regular").touch()
    (tmp_path / "symlink").symlink_to("regular")
    os.mkfifo(tmp_path / "fifo")
    os.mknod(tmp_path / "character", stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(tmp_path / "block", stat.S_IFBLK, os.makedev(7, 0))
    assert {m.name: m.type for m in written(tmp_path)} == {
        "directory": tarfile.DIRTYPE,
        "regular": tarfile.REGTYPE,
        "symlink": tarfile.SYMTYPE,
        "fifo": tarfile.FIFOTYPE,
        "character": tarfile.CHRTYPE,
        "block": tarfile.BLKTYPE,
    }


def test_file_attributes(tmp_path: Path) -> None:
    """ "Where supported, MUST include file attributes for Additions and Modifications":
    modification time, user and group ID, mode, extended attributes, link reference."""
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o1751)
    os.chown(tmp_path / "file", 7, 8)
    os.setxattr(tmp_path / "file", "user.key", b"value")
    [member] = written(tmp_path)
    assert (member.mtime, member.uid, member.gid, member.mode) == (0, 7, 8, 0o1751)
    assert member.pax_headers["SCHILY.xattr.user.key"] == "value"


def test_hard_links(tmp_path: Path) -> None:
    """ "Hardlinks: 'linkname' … MUST refer to an entry of the archive", written before it."""
    (tmp_path / "a").touch()
    os.link(tmp_path / "a", tmp_path / "b")
    first, second = written(tmp_path)
    assert (first.type, second.type, second.linkname) == (tarfile.REGTYPE, tarfile.LNKTYPE, "a")


def test_whiteouts_apply_to_parents_only(tmp_path: Path) -> None:
    """ "Whiteout files MUST only apply to resources in lower/parent layers. Files that are
    present in the same layer as a whiteout file can only be hidden by whiteout files in
    subsequent layers." """
    target = applied(tmp_path, "a/", "a/b", "a/.wh.b", ".wh.c", "c")
    assert (target / "a/b").is_file()
    assert (target / "c").is_file()


def test_a_whiteout_hides_one_path(tmp_path: Path) -> None:
    """ "A whiteout file is an empty file with a special filename that signifies a path should
    be deleted. A whiteout filename consists of the prefix .wh. plus the basename." """
    target = applied(tmp_path, "etc/.wh.my-app-config")
    assert is_whiteout((target / "etc/my-app-config").lstat())


def test_an_opaque_whiteout_hides_all_siblings_of_below(tmp_path: Path) -> None:
    """ "A file with the name .wh..wh..opq … indicating that all siblings are hidden in the
    lower layer"; the order of the entries does not matter."""
    for index, names in enumerate(
        [("bin/.wh..wh..opq", "bin/my-app-tools"), ("bin/my-app-tools", "bin/.wh..wh..opq")]
    ):
        target = applied(tmp_path / str(index), *names)
        assert is_opaque(os.fsencode(target / "bin"))
        assert os.listdir(target / "bin") == ["my-app-tools"]


def test_whiteouts_are_written_first(tmp_path: Path) -> None:
    """ "Implementations SHOULD generate layers such that the whiteout files appear before
    sibling directory entries." """
    (tmp_path / "d").mkdir()
    (tmp_path / "d/!first").touch()
    os.mknod(tmp_path / "d/~last", stat.S_IFCHR, os.makedev(0, 0))
    os.setxattr(tmp_path / "d", "trusted.overlay.opaque", b"y")
    assert [m.name for m in written(tmp_path)] == [
        *("d", "d/.wh..wh..opq", "d/.wh.~last", "d/!first")
    ]
