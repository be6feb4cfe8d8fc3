"""Layers made to attack their host: nothing outside of the target changes, whatever they say.

Every archive here is written by Python's tarfile, not by our writer: an attacker would not use
ours. Beside the target lies a small world that must stay as it is, down to inode change times,
which no one can set back.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import InvalidInput, OnggiError, UnsafePath
from runtime.layer.apply import apply_layer
from runtime.layer.limits import Limits

pytestmark = pytest.mark.needs("root")

LIMITS = Limits(bytes=1 << 20, entries=200, depth=40)

World = dict[str, tuple[object, ...]]


class Host:
    """A target to unpack into, and the world around it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.target = root / "state/target"
        self.outside = root / "outside"
        self.target.mkdir(parents=True)
        (self.outside / "etc").mkdir(parents=True)
        (self.outside / "etc/passwd").write_text("root:x:0:0\n")
        (self.outside / "secret").write_text("secret")
        (root / "state/neighbour").write_text("another layer")
        self.before = self.world()

    def world(self) -> World:
        """All there is to know about every file but the target's."""
        found: World = {}
        for directory, directories, files in os.walk(self.root):
            if Path(directory) == self.target:
                directories.clear()
                continue
            for name in [".", *directories, *files]:
                path = Path(directory, name)
                if path != self.target:
                    found[str(path)] = _facts(path)
        return found

    def attack(self, data: bytes) -> None:
        """Apply a hostile layer: it is refused by name or harmless, and nothing else changes."""
        try:
            with contextlib.suppress(OnggiError):
                apply_layer(io.BytesIO(data), self.target, LIMITS)
        finally:
            assert self.world() == self.before


def _facts(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    content = path.read_bytes() if stat.S_ISREG(status.st_mode) else sorted(os.listdir(path))
    return (status.st_mode, status.st_nlink, status.st_uid, status.st_ctime_ns, content)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.uid, info.mtime = kind, link, 0o4777, 1234, 1
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    return info, data


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def link(name: str, target: str | Path) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, tarfile.SYMTYPE, str(target))


def renamed(path: str) -> tuple[tarfile.TarInfo, bytes]:
    """A file whose PAX header contradicts its harmless name."""
    info, data = member("harmless", data=EVIL)
    info.pax_headers = {"path": path}
    return info, data


EVIL = b"evil"
OUT = "../../outside"

ATTACKS = {
    "parent": [member("../evil", data=EVIL)],
    "parent in the middle": [member("a/../../evil", data=EVIL)],
    "parent at the end": [member("a/..", tarfile.DIRTYPE)],
    "parent that would stay inside": [member("a/../b", data=EVIL)],
    "absolute": [member("/tmp/evil", data=EVIL)],
    "absolute twice": [member("//tmp/evil", data=EVIL)],
    "zero byte": [renamed("a\0b")],
    "long way up": [renamed("../" * 60 + "evil")],
    "through a link": [link("l", OUT), member("l/evil", data=EVIL)],
    "through an absolute link": [link("l", "/"), member("l/tmp/evil", data=EVIL)],
    "through a link to itself": [link("l", "l"), member("l/evil", data=EVIL)],
    "through a link inside": [
        member("d", tarfile.DIRTYPE),
        link("l", "d"),
        member("l/f", data=EVIL),
    ],
    "through two links": [link("x", OUT), link("l", "x/etc"), member("l/passwd", data=EVIL)],
    "directory through a link": [link("l", OUT), member("l/d", tarfile.DIRTYPE)],
    "parents through a link": [link("l", OUT), member("l/a/b/c", data=EVIL)],
    "link through a link": [link("l", OUT), link("l/m", "x")],
    "device through a link": [link("l", OUT), member("l/null", tarfile.CHRTYPE)],
    "swapped directory": [
        member("d", tarfile.DIRTYPE),
        member("d/a", data=EVIL),
        member("d", data=b""),
        link("d", OUT),
        member("d/evil", data=EVIL),
    ],
    "hard link to outside": [member("h", tarfile.LNKTYPE, "../../outside/secret")],
    "hard link to absolute": [member("h", tarfile.LNKTYPE, "/etc/passwd")],
    "hard link through a link": [link("l", OUT), member("h", tarfile.LNKTYPE, "l/secret")],
    "hard link placed through a link": [
        member("f", data=EVIL),
        link("l", OUT),
        member("l/h", tarfile.LNKTYPE, "f"),
    ],
    "whiteout through a link": [link("l", OUT), member("l/.wh.secret")],
    "opaque through a link": [link("l", OUT), member("l/.wh..wh..opq")],
    "whiteout above": [member("../.wh.neighbour")],
    "whiteout of the parent": [member(".wh...")],
    "whiteout of the directory": [member("a/.wh..")],
    "whiteout of nothing": [member("a/.wh.")],
    "root as a link": [link(".", OUT), member("evil", data=EVIL)],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_known_attacks_are_called_by_their_name(host: Host, attack: str) -> None:
    data = archive(*ATTACKS[attack])
    with pytest.raises(UnsafePath):
        apply_layer(io.BytesIO(data), host.target)
    assert host.world() == host.before


def test_a_link_to_anywhere_is_harmless_by_itself(host: Host) -> None:
    host.attack(archive(link("l", host.outside / "secret"), link("m", "../../../etc")))
    assert (host.target / "l").is_symlink()


def test_writing_over_a_link_replaces_it(host: Host) -> None:
    """The mode is 4777: following the link would also make a secret setuid."""
    host.attack(archive(link("l", host.outside / "secret"), member("l", data=EVIL)))
    assert (host.target / "l").read_bytes() == EVIL


def test_a_hard_link_to_a_link_does_not_reach_its_target(host: Host) -> None:
    soft, hard = link("l", host.outside / "secret"), member("h", tarfile.LNKTYPE, "l")
    host.attack(archive(soft, hard, member("h", data=EVIL)))
    assert (host.target / "l").is_symlink()


def test_times_are_not_set_through_a_link_that_replaced_a_directory(host: Host) -> None:
    host.attack(archive(member("d", tarfile.DIRTYPE), member("d"), link("d", OUT)))
    assert (host.target / "d").is_symlink()


def test_overlay_marks_cannot_be_smuggled_in(host: Host) -> None:
    info, data = member("d", tarfile.DIRTYPE)
    info.pax_headers = {
        "SCHILY.xattr.trusted.overlay.redirect": "/etc",
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.user.overlay.opaque": "y",
        "SCHILY.xattr.security.selinux": "x",
    }
    host.attack(archive((info, data)))
    assert os.listxattr(host.target / "d") == []


# ── Bombs ────────────────────────────────────────────────────────────────────────────────────


def test_a_gzip_bomb_ends_early(host: Host) -> None:
    bomb = gzip.compress(archive(member("zeros", data=bytes(64 << 20))))
    assert len(bomb) < 100_000
    with pytest.raises(InvalidInput, match="looks like a bomb"):
        apply_layer(io.BytesIO(bomb), host.target, LIMITS)
    written = sum(path.stat().st_size for path in host.target.rglob("*"))
    assert written <= 2 * LIMITS.bytes


def test_zeros_after_the_end_count_too(host: Host) -> None:
    with pytest.raises(InvalidInput, match="looks like a bomb"):
        apply_layer(io.BytesIO(bytes(2 << 20)), host.target, LIMITS)


def test_a_bomb_of_empty_files(host: Host) -> None:
    with pytest.raises(InvalidInput, match="more than 200 entries"):
        apply_layer(io.BytesIO(archive(*(member(f"{n}") for n in range(300)))), host.target, LIMITS)
    assert len(os.listdir(host.target)) == 200


def test_a_promise_of_more_than_there_is(host: Host) -> None:
    info, _ = member("huge")
    info.size = 1 << 50
    with pytest.raises(InvalidInput, match="ends too early"):
        apply_layer(io.BytesIO(info.tobuf()), host.target)


def test_a_very_deep_name(host: Host) -> None:
    with pytest.raises(InvalidInput, match="levels deep"):
        apply_layer(io.BytesIO(archive(member("d/" * 2000 + "f"))), host.target)
    assert os.listdir(host.target) == []


def test_replacing_the_deepest_tree_that_is_allowed(host: Host) -> None:
    deep = "/".join(["d"] * 256)
    apply_layer(io.BytesIO(archive(member(deep), member("d", data=EVIL))), host.target)
    assert (host.target / "d").read_bytes() == EVIL


# ── Whatever the tar says ────────────────────────────────────────────────────────────────────

_part = st.sampled_from(["a", "b", "l", "..", ".", "", ".wh.a", ".wh.l", ".wh..wh..opq", ".wh..."])
_name = st.lists(_part, min_size=1, max_size=4).map("/".join)
_aim = st.sampled_from(["..", "../..", OUT, f"{OUT}/etc", f"{OUT}/secret", "/", "/tmp", "a", "."])
_kind = st.sampled_from(
    [
        *(tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE),
        *(tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE),
    ]
)
_member = st.builds(member, _name, _kind, _aim | _name, st.sampled_from([b"", EVIL]))


@settings(max_examples=300, deadline=None)
@given(st.lists(_member, min_size=1, max_size=12))
def test_no_sequence_of_entries_leads_outside(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    Host(tmp_path_factory.mktemp("host")).attack(archive(*members))


_SEED = archive(
    member("d", tarfile.DIRTYPE),
    link("l", OUT),
    member("d/" + "n" * 120, data=EVIL),
    member("h", tarfile.LNKTYPE, "d/" + "n" * 120),
    member("d/.wh.gone"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(_SEED) - 1), st.binary(min_size=1, max_size=8))))
def test_no_damage_leads_outside(
    tmp_path_factory: pytest.TempPathFactory, patches: list[tuple[int, bytes]]
) -> None:
    data = bytearray(_SEED)
    for position, patch in patches:
        data[position : position + len(patch)] = patch
    _repair_checksums(data)
    Host(tmp_path_factory.mktemp("host")).attack(bytes(data))


def _repair_checksums(data: bytearray) -> None:
    """Without this nearly every patch would end at the first checksum."""
    for start in range(0, len(data) - 511, 512):
        block = data[start : start + 512]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            data[start + 148 : start + 156] = b"%06o\0 " % sum(block)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_noise_is_refused_by_name(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    Host(tmp_path_factory.mktemp("host")).attack(noise)


# ── Somebody else in the target at the same time ─────────────────────────────────────────────


@contextlib.contextmanager
def swapping(directory: Path, link_target: Path) -> Iterator[None]:
    """While this lasts, `directory` is by turns a directory and a link to `link_target`."""
    done = threading.Event()
    aside = directory.with_name("aside")

    def swap() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError):
                directory.rename(aside)
                directory.symlink_to(link_target)
                directory.unlink()
                aside.rename(directory)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_link_swapped_in_meanwhile_is_not_followed(host: Host) -> None:
    """Checking first and writing later would lose this race within a few rounds."""
    (host.target / "d").mkdir()
    data = archive(*(member(f"{'d' if n % 2 else 'e'}/{n}", data=EVIL) for n in range(100)))
    with swapping(host.target / "d", host.outside):
        end = time.monotonic() + 2
        while time.monotonic() < end:
            with contextlib.suppress(OnggiError):
                apply_layer(io.BytesIO(data), host.target, LIMITS)
    assert host.world() == host.before
