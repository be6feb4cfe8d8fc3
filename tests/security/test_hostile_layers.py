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
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import InvalidInput, OnggiError, UnsafePath
from runtime.layer.apply import apply_layer
from runtime.layer.compression import decompressed
from runtime.layer.container_target import ContainerTarget
from runtime.layer.limits import Limits
from runtime.layer.reader import entries
from runtime.layer.target import Target

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


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_layer_that_unfolds_out_of_all_proportion(
    host: Host, compress: Callable[[bytes], bytes]
) -> None:
    bomb = compress(archive(member("zeros", data=bytes(16 << 20))))
    limits = Limits(modest_bytes=4 << 20, ratio=50)
    with pytest.raises(InvalidInput, match="looks like a bomb"):
        apply_layer(io.BytesIO(bomb), host.target, limits)
    assert host.world() == host.before


# ── What stands before an entry ──────────────────────────────────────────────────────────────


def describing(kind: bytes, content: bytes) -> bytes:
    """A header of that kind, with what it says of the next entry."""
    info = tarfile.TarInfo("describing")
    info.type, info.size = kind, len(content)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


def pax(*records: tuple[str, bytes]) -> bytes:
    """A PAX header as it stands in an archive, whatever its records are."""
    lines = b""
    for key, value in records:
        rest = b" %b=%b\n" % (key.encode(), value)
        length = len(rest) + 1
        while len(b"%d" % length) + len(rest) != length:
            length += 1
        lines += b"%d" % length + rest
    return describing(b"x", lines)


def plain(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Entries without the end of the archive."""
    return b"".join(
        info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512) for info, data in members
    )


FILE = plain(member("harmless", data=EVIL))
LINK = plain(member("harmless", tarfile.LNKTYPE, "f"))


@pytest.mark.parametrize(
    "attack",
    [
        pax(("path", b"../evil")) + FILE,
        pax(("path", b"a"), ("path", b"../evil")) + FILE,
        pax(("path", b"a")) + pax(("path", b"/tmp/evil")) + FILE,
        describing(b"L", b"../evil\0") + FILE,
        pax(("path", b"a")) + describing(b"L", b"../evil\0") + FILE,
        plain(member("f", data=EVIL)) + pax(("linkpath", b"../../outside/secret")) + LINK,
        plain(link("f", "../../outside/secret")) + pax(("path", b"f/x"), ("linkpath", b"f")) + LINK,
    ],
    ids=["path", "path twice", "two headers", "GNU", "both", "linkpath", "through a link"],
)
def test_a_name_from_a_header_is_a_name_like_any_other(host: Host, attack: bytes) -> None:
    with pytest.raises(OnggiError):
        apply_layer(io.BytesIO(attack), host.target)
    assert host.world() == host.before


@pytest.mark.parametrize(
    "records",
    [
        [("size", b"-1")],
        [("size", b"99999999999999999999")],
        [("size", b"9223372036854775807")],
        [("size", b"4294967296")],
        [("uid", b"-1")],
        [("uid", b"4294967295")],
        [("mtime", b"nan")],
        [("mtime", b"1e400")],
        [("GNU.sparse.size", b"1099511627776"), ("GNU.sparse.name", b"/etc/passwd")],
    ],
)
def test_numbers_that_cannot_be(host: Host, records: list[tuple[str, bytes]]) -> None:
    with pytest.raises(InvalidInput):
        apply_layer(io.BytesIO(pax(*records) + FILE), host.target)
    assert host.world() == host.before


def test_a_size_is_the_header_s_where_it_says_one(host: Host) -> None:
    """Whoever took the block's size would read the content as headers of its own choosing."""
    inner = plain(member("../evil", data=EVIL))
    smuggled = plain(member("f", data=b""))
    data = pax(("size", b"%d" % len(inner))) + smuggled + inner
    apply_layer(io.BytesIO(data), host.target)
    assert (host.target / "f").read_bytes() == inner
    assert host.world() == host.before


@pytest.mark.parametrize("count", [1, 600])
def test_headers_do_not_fill_the_memory(host: Host, count: int) -> None:
    """One that is too large, or many that are so together."""
    size = (2 << 20) // count
    headers = b"".join(
        pax((f"SCHILY.xattr.user.a{number}", b"x" * size)) for number in range(count)
    )
    with pytest.raises(InvalidInput, match="too large"):
        apply_layer(io.BytesIO(headers + FILE), host.target)


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


# ── Seeded damage, for every kind of target ──────────────────────────────────────────────────

_FUZZ_SECONDS = 1.5


def _mutant(seed: int) -> bytes:
    """A rich archive with a few things done to it; the same one for the same seed."""
    random = Random(seed)
    names = ["d", "l", "d/f", "l/f", ".wh.d", "d/.wh..wh..opq", "h", "../x", "/tmp/x", "d/" * 9]
    kinds = [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE]
    aims = [OUT, f"{OUT}/secret", "/", "d", "l", "d/f", "/etc/passwd", "."]
    parts = []
    for _ in range(random.randrange(2, 12)):
        if random.random() < 0.3:
            key = random.choice(["path", "linkpath", "size", "mtime", "SCHILY.xattr.user.a"])
            parts.append(pax((key, random.choice(names + aims).encode())))
        name, kind, aim = random.choice(names), random.choice(kinds), random.choice(aims)
        parts.append(plain(member(name, kind, aim, random.randbytes(random.randrange(600)))))
    data = bytearray(b"".join(parts))
    for _ in range(random.randrange(4)):
        position = random.randrange(len(data))
        data[position : position + random.randrange(9)] = random.randbytes(random.randrange(9))
    if random.random() < 0.7:
        _repair_checksums(data)
    compressions: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, zstandard.compress]
    packed = random.choice(compressions)(bytes(data))
    return packed[: random.randrange(len(packed))] if random.random() < 0.1 else packed


def _to_a_layer(data: bytes, target: Path) -> None:
    apply_layer(io.BytesIO(data), target, LIMITS)


def _to_the_host(data: bytes, target: Path) -> None:
    with Target(target, owner=(0, 0), keeps_kinds=True) as filled:
        for entry, content in entries(decompressed(io.BytesIO(data), LIMITS)):
            filled.place(entry, content)


def _to_a_container(data: bytes, target: Path) -> None:
    root = os.open(target, os.O_PATH | os.O_DIRECTORY)
    try:
        with ContainerTarget(root, b"/") as filled:
            for entry, content in entries(decompressed(io.BytesIO(data), LIMITS)):
                filled.place(entry, content)
    finally:
        os.close(root)


@pytest.mark.parametrize("unpack", [_to_a_layer, _to_the_host, _to_a_container])
def test_no_mutant_writes_outside(tmp_path: Path, unpack: Callable[[bytes, Path], None]) -> None:
    """All seeds begin at the same number; a busy machine gets less far. One target for all of
    them: what one leaves, the next may use.
    """
    host = Host(tmp_path)
    end = time.monotonic() + _FUZZ_SECONDS
    for seed in range(5000):
        try:
            with contextlib.suppress(OnggiError):
                unpack(_mutant(seed), host.target)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        assert host.world() == host.before, f"seed {seed}"
        if time.monotonic() > end and seed >= 60:
            break
