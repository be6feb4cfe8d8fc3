"""Whole builds on real stores, without RUN: that needs a container, see tests/kernel."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime.build import events
from runtime.build.builder import Builder, host_platform
from runtime.build.cache import CacheHit
from runtime.build.cache_directory import CacheDirectories
from runtime.build.download import Downloads
from runtime.build.store import BuiltImage
from runtime.container.messages import Exit
from runtime.content.store import ContentStore
from runtime.errors import BuildFailed, DockerfileError, InvalidInput, NotFound
from runtime.oci.digest import Digest
from runtime.oci.identity import chain_ids
from runtime.oci.image import ImageConfig, Manifest
from runtime.oci.mounts import Mount
from runtime.oci.reference import Reference
from runtime.oci.spec import Process
from runtime.snapshot.overlay import Snapshots

pytestmark = pytest.mark.needs("root")  # files that belong to others

EPOCH = 1_700_000_000


@dataclass
class Memory:
    """A build cache that lives as long as the test."""

    hits: dict[str, CacheHit] = field(default_factory=dict)

    def get(self, key: str) -> CacheHit | None:
        return self.hits.get(key)

    def put(self, key: str, hit: CacheHit) -> None:
        self.hits[key] = hit


class Site:
    """A state directory, a context, and what is needed to build the one into the other."""

    def __init__(self, root: Path, context: Path) -> None:
        self.context = context
        self.content = ContentStore(root)
        self.snapshots = Snapshots(root)
        self.cache = Memory()
        self.images: dict[str, Digest] = {}
        self.events: list[events.Event] = []
        root.mkdir(exist_ok=True)
        context.mkdir(exist_ok=True)

    def build(
        self,
        text: str,
        *,
        tag: str = "",
        epoch: int | None = EPOCH,
        run: Callable[[Path], int] | None = None,
        **options: object,
    ) -> BuiltImage:
        """`run(upper)` stands for the container: it changes the layer and returns exit code."""

        def run_step(
            snapshot: str,
            program: Process,
            on_output: object,
            mounts: tuple[Mount, ...],
            network: str,
        ) -> Exit:
            upper = self.snapshots.overlay(snapshot).upper
            assert run is not None and upper is not None
            return Exit(run(upper), False)

        (self.context / "Dockerfile").write_text(text)
        self.events = []
        root = self.snapshots.directory.parent
        places = (CacheDirectories(root), Downloads(root))
        builder = Builder(self.content, self.snapshots, self.cache, *places, run_step, self.resolve)
        built = builder.build(
            self.context,
            epoch=epoch,
            progress=self.events.append,
            **options,  # type: ignore[arg-type]
        )
        if tag:
            self.images[str(Reference.parse(tag))] = built.manifest.digest
        return built

    def resolve(self, reference: Reference) -> Digest | None:
        return self.images.get(str(reference))

    def config(self, built: BuiltImage) -> ImageConfig:
        return ImageConfig.from_bytes(self.content.read(built.config.digest))

    def entries(self, built: BuiltImage, layer: int = -1) -> dict[str, tarfile.TarInfo]:
        """A layer's tar, read by Python's own tarfile."""
        manifest = Manifest.from_bytes(self.content.read(built.manifest.digest))
        with tarfile.open(self.content.path(manifest.layers[layer].digest)) as tar:
            return {entry.name: entry for entry in tar}

    def said(self, kind: type) -> list[events.Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def leftovers(self) -> list[str]:
        """Snapshots that are no layer, blobs half written."""
        return [*self.snapshots.keys(), *(path.name for path in self.content.ingest.glob("*"))]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "state", tmp_path / "context")


def test_an_image_from_scratch(site: Site) -> None:
    (site.context / "hello.txt").write_text("안녕")
    built = site.build(
        'FROM scratch\nCOPY hello.txt /data/\nENV a=1\nWORKDIR /data/new\nCMD ["/x"]\n'
    )
    config = site.config(built)
    assert [entry.empty_layer for entry in config.history] == [False, True, False, True]
    assert [entry.created_by for entry in config.history] == [
        "COPY hello.txt /data/",
        "ENV a=1",
        "WORKDIR /data/new",
        'CMD ["/x"]',
    ]
    assert config.config.working_dir == "/data/new"
    assert config.config.cmd == ("/x",)
    assert config.platform == host_platform()
    assert len(config.diff_ids) == 2
    assert all(site.snapshots.has(chain_id) for chain_id in chain_ids(config.diff_ids))
    assert set(site.entries(built, 0)) == {"data", "data/hello.txt"}
    assert set(site.entries(built, 1)) == {"data", "data/new"}
    assert not site.leftovers()


def test_layers_are_stored_as_plain_tar(site: Site) -> None:
    built = site.build("FROM scratch\nWORKDIR /x\n")
    manifest = Manifest.from_bytes(site.content.read(built.manifest.digest))
    assert [str(layer.digest) for layer in manifest.layers] == [
        str(diff_id) for diff_id in site.config(built).diff_ids
    ]
    assert manifest.config == built.config


def test_the_same_files_make_the_same_image_anywhere_and_anytime(
    site: Site, tmp_path: Path
) -> None:
    other = Site(tmp_path / "state2", tmp_path / "context2")
    for each, age in ((site, 10), (other, 2_000_000_000)):
        (each.context / "src").mkdir()
        for name in ("b", "a"):
            (each.context / "src" / name).write_text(name)
            os.utime(each.context / "src" / name, (age, age))
    os.chown(other.context / "src/a", 1234, 1234)
    dockerfile = "FROM scratch\nCOPY src /src\nWORKDIR /w\nLABEL x=1\nRUN true\n"

    def run(upper: Path) -> int:
        (upper / "made").write_text("now")
        return 0

    first, second = (each.build(dockerfile, run=run) for each in (site, other))
    assert first == second
    assert all(entry.mtime == EPOCH for entry in site.entries(first, 0).values())
    assert {entry.created for entry in site.config(first).history} == {"2023-11-14T22:13:20Z"}


def test_with_an_epoch_the_files_themselves_are_that_old(site: Site) -> None:
    """A later RUN sees them, and may write their times into what it makes."""
    (site.context / "a").write_text("a")
    built = site.build("FROM scratch\nCOPY a /d/a\n")
    files = site.snapshots.files(chain_ids(site.config(built).diff_ids)[-1])
    assert {int(each.stat().st_mtime) for each in (files / "d", files / "d/a")} == {EPOCH}


def test_building_again_takes_every_layer_from_the_cache(site: Site) -> None:
    (site.context / "a").write_text("a")
    dockerfile = "FROM scratch\nCOPY a /\nWORKDIR /w\nLABEL x=1\nRUN true\n"
    first = site.build(dockerfile, epoch=None, run=lambda upper: 0)
    assert len(site.said(events.LayerWritten)) == 3
    again = site.build(dockerfile, epoch=None, run=None)
    assert again == first, "with all its times, the image is the same one"
    assert len(site.said(events.StepCached)) == 3
    assert not site.said(events.LayerWritten)


def test_a_changed_file_makes_its_step_and_all_later_ones_new(site: Site) -> None:
    for name in "ab":
        (site.context / name).write_text(name)
    dockerfile = "FROM scratch\nCOPY a /\nCOPY b /\nRUN true\n"
    site.build(dockerfile, run=lambda upper: 0)
    (site.context / "b").write_text("changed")
    site.build(dockerfile, run=lambda upper: 0)
    kinds = [type(event) for event in site.events if not isinstance(event, events.StepDone)]
    assert kinds == [
        *(events.StepStarted, events.StepStarted, events.StepCached),
        *(events.StepStarted, events.LayerWritten, events.StepStarted, events.LayerWritten),
    ]


def test_no_cache_means_none(site: Site) -> None:
    site.build("FROM scratch\nWORKDIR /w\n")
    site.build("FROM scratch\nWORKDIR /w\n", no_cache=True)
    assert not site.said(events.StepCached)


def test_a_hit_whose_blob_is_gone_is_made_again(site: Site) -> None:
    built = site.build("FROM scratch\nWORKDIR /w\n")
    for digest in site.config(built).diff_ids:
        site.content.delete(digest)
    assert site.build("FROM scratch\nWORKDIR /w\n") == built
    assert site.said(events.LayerWritten)


def test_a_hit_whose_snapshot_is_gone_is_unpacked_again(site: Site) -> None:
    built = site.build("FROM scratch\nWORKDIR /w\n")
    (chain_id,) = chain_ids(site.config(built).diff_ids)
    site.snapshots.remove(chain_id)
    site.build("FROM scratch\nWORKDIR /w\n")
    assert site.said(events.StepCached)
    assert (site.snapshots.files(chain_id) / "w").is_dir()


def test_steps_are_counted_and_told(site: Site) -> None:
    site.build("FROM scratch\nENV a=1\nWORKDIR \\\n /w\n")
    assert site.said(events.StepStarted) == [
        events.StepStarted(1, 3, "FROM scratch"),
        events.StepStarted(2, 3, "ENV a=1"),
        events.StepStarted(3, 3, "WORKDIR  /w"),
    ]
    assert len(site.said(events.StepDone)) == 3


def test_unused_build_arguments_are_told(site: Site) -> None:
    site.build("FROM scratch\nARG a\n", build_args={"a": "1", "b": "2"})
    assert site.said(events.UnusedBuildArguments) == [events.UnusedBuildArguments(("b",))]


# ── bases and stages ─────────────────────────────────────────────────────────────────────────


def test_a_local_image_is_built_upon(site: Site) -> None:
    (site.context / "a").write_text("a")
    base = site.build('FROM scratch\nCOPY a /\nENV x=1\nCMD ["/a"]\n', tag="my/base:1")
    built = site.build("ARG v=1\nFROM my/base:${v}\nENV y=$x$x\n")
    config = site.config(built)
    assert config.diff_ids == site.config(base).diff_ids
    assert config.config.env[1:] == ("x=1", "y=11")
    assert config.config.cmd == ("/a",)
    assert len(config.history) == 4


def test_base_layers_are_unpacked_when_they_are_not(site: Site) -> None:
    base = site.build("FROM scratch\nWORKDIR /w\n", tag="base")
    for chain_id in chain_ids(site.config(base).diff_ids):
        site.snapshots.remove(chain_id)
    built = site.build("FROM base\nWORKDIR w/deeper\n")
    assert len(site.config(built).diff_ids) == 2


def test_only_the_wanted_stage_and_those_below_it_are_built(site: Site) -> None:
    dockerfile = (
        "FROM scratch AS one\nWORKDIR /one\nFROM no/such:image AS unused\n"
        "FROM one AS two\nWORKDIR /two\nFROM two\nLABEL last=1\n"
    )
    assert len(site.config(site.build(dockerfile)).diff_ids) == 2
    assert len(site.said(events.StepStarted)) == 6
    assert len(site.config(site.build(dockerfile, target="One")).diff_ids) == 1
    assert len(site.config(site.build(dockerfile, target="0")).diff_ids) == 1
    with pytest.raises(NotFound, match="there is no stage three in Dockerfile"):
        site.build(dockerfile, target="three")


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("no/such:image", "1:6: there is no image no/such:image on this machine"),
        ("NoName", "1:6: this is no name of an image: NoName"),
    ],
)
def test_a_base_that_is_not_there(site: Site, base: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message):
        site.build(f"FROM {base}\n")


def test_labels_of_the_command_line_win(site: Site) -> None:
    built = site.build("FROM scratch\nLABEL a=1 b=1\n", labels={"b": "2"})
    assert site.config(built).config.labels == {"a": "1", "b": "2"}


def test_metadata_alone_makes_an_image_without_layers(site: Site) -> None:
    built = site.build("FROM scratch\nMAINTAINER Kim\nLABEL a=1\n", epoch=None)
    config = site.config(built)
    assert (config.diff_ids, config.author) == ((), "Kim")
    assert site.build("FROM scratch\nMAINTAINER Kim\nLABEL a=1\n", epoch=None) == built


# ── COPY ─────────────────────────────────────────────────────────────────────────────────────


def owner_and_mode(entry: tarfile.TarInfo) -> tuple[int, int, str]:
    return entry.uid, entry.gid, oct(entry.mode)


@pytest.mark.parametrize(
    ("copy", "names"),
    [
        ("a.txt /data", ["data"]),
        ("a.txt /data/", ["data", "data/a.txt"]),
        ("a.txt b.txt /data/", ["data", "data/a.txt", "data/b.txt"]),
        ("*.txt .", ["a.txt", "b.txt"]),
        ("a.txt .", ["a.txt"]),
        ("dir /data", ["data", "data/in", "data/link", "data/sub"]),
        ("dir/ /data/", ["data", "data/in", "data/link", "data/sub"]),
        ("dir a.txt /data/", ["data", "data/a.txt", "data/in", "data/link", "data/sub"]),
        ("a.txt /new/name", ["new", "new/name"]),
        ('["with blank", "/to here"]', ["to here"]),
    ],
)
def test_destinations(site: Site, copy: str, names: list[str]) -> None:
    for name in ("a.txt", "b.txt", "with blank"):
        (site.context / name).write_text(name)
    (site.context / "dir/sub").mkdir(parents=True)
    (site.context / "dir/in").write_text("in")
    (site.context / "dir/link").symlink_to("/in/the/image")
    entries = site.entries(site.build(f"FROM scratch\nCOPY {copy}\n"))
    assert sorted(entries) == names
    if "data/link" in names:
        assert entries["data/link"].linkname == "/in/the/image"


def test_modes_are_kept_and_owners_are_not(site: Site) -> None:
    (site.context / "dir").mkdir(mode=0o700)
    (site.context / "dir/tool").write_text("#!")
    (site.context / "dir/tool").chmod(0o4755)
    os.chown(site.context / "dir/tool", 1234, 1234)
    (site.context / "dir/tool").chmod(0o4755)
    entries = site.entries(site.build("FROM scratch\nCOPY dir /new/dir\n"))
    assert owner_and_mode(entries["new"]) == (0, 0, "0o755")
    assert owner_and_mode(entries["new/dir"]) == (0, 0, "0o700")
    assert owner_and_mode(entries["new/dir/tool"]) == (0, 0, "0o4755")


def test_a_context_in_a_closed_directory_makes_an_open_one(site: Site) -> None:
    site.context.chmod(0o700)
    (site.context / "a").write_text("a")
    entries = site.entries(site.build("FROM scratch\nCOPY . /app\n"))
    assert owner_and_mode(entries["app"]) == (0, 0, "0o755")


def test_chown_and_chmod(site: Site) -> None:
    (site.context / "a").write_text("a")
    (site.context / "passwd").write_text("root:x:0:0::/:/sh\napp:x:500:501::/:/sh\n")
    (site.context / "group").write_text("staff:x:50:app\n")
    base = "FROM scratch\nCOPY passwd group /etc/\n"
    for text, owner in {
        "app": (500, 501),
        "app:staff": (500, 50),
        "7": (7, 7),
        "7:8": (7, 8),
        "0:staff": (0, 50),
        ":staff": (0, 50),
    }.items():
        built = site.build(base + f"ARG to={text}\nCOPY --chown=$to --chmod=0640 a /d/a\n")
        entries = site.entries(built)
        assert owner_and_mode(entries["d/a"]) == (*owner, "0o640")
        assert owner_and_mode(entries["d"]) == (*owner, "0o755")
    for text in ("nobody", "app:nobody"):
        with pytest.raises(DockerfileError, match=r"3:6: the image knows no (user|group) nobody"):
            site.build(base + f"COPY --chown={text} a /d/a\n")


def test_existing_directories_keep_what_they_are(site: Site) -> None:
    (site.context / "tree/home").mkdir(parents=True)
    (site.context / "tree/home").chmod(0o777)
    (site.context / "tree/home/file").write_text("x")

    def make_home(upper: Path) -> int:
        (upper / "home").mkdir(mode=0o711)
        (upper / "home/old").write_text("old")
        os.chown(upper / "home", 5, 6)
        os.setxattr(upper / "home", "user.note", b"kept")
        return 0

    built = site.build("FROM scratch\nRUN make home\nCOPY tree /\n", run=make_home)
    entries = site.entries(built)
    assert set(entries) == {"home", "home/file"}
    assert owner_and_mode(entries["home"]) == (5, 6, "0o711")
    assert entries["home"].pax_headers["SCHILY.xattr.user.note"] == "kept"


def test_a_link_in_the_image_is_followed_inside_the_image(site: Site, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (site.context / "a").write_text("a")

    def make_links(upper: Path) -> int:
        (upper / "usr/share").mkdir(parents=True)
        (upper / "share").symlink_to("usr/share")
        (upper / "evil").symlink_to(outside)
        (upper / "up").symlink_to("../../../../..")
        (upper / "usr/share/old").symlink_to(outside / "file")
        return 0

    dockerfile = (
        "FROM scratch\nRUN links\n"
        "COPY a /share/a\nCOPY a /evil/a\nCOPY a /up/b\nCOPY a /usr/share/old\nWORKDIR /evil/w\n"
    )
    built = site.build(dockerfile, run=make_links)
    assert set(site.entries(built, 1)) == {"usr", "usr/share", "usr/share/a"}
    inside = str(outside).lstrip("/")
    assert f"{inside}/a" in site.entries(built, 2)
    assert set(site.entries(built, 3)) == {"b"}
    assert f"{inside}/file" in site.entries(built, 4)
    assert f"{inside}/w" in site.entries(built, 5)
    assert not list(outside.iterdir())


def test_a_file_replaces_a_file_and_a_link(site: Site) -> None:
    (site.context / "d").mkdir()
    (site.context / "d/one").write_text("new")
    (site.context / "d/two").write_text("new")

    def make(upper: Path) -> int:
        (upper / "one").write_text("old")
        (upper / "two").symlink_to("/etc/shadow")
        return 0

    entries = site.entries(site.build("FROM scratch\nRUN make\nCOPY d /\n", run=make))
    assert all(entries[name].isfile() and entries[name].size == 3 for name in ("one", "two"))


@pytest.mark.parametrize(
    ("copy", "message"),
    [
        ("a /dir", ""),
        ("a b /none", "several sources need a directory"),
        ("a b /dir", ""),
        ("d /file", "/file is there in the image, and is no directory"),
        ("a /file/x", "/file is there in the image, and is no directory"),
        ("a /file/", "/file is there in the image, and is no directory"),
        ("d2 /", "/dir is a directory in the image, and cannot become a file"),
        ("d3 /", "/link is there in the image, and is no directory"),
    ],
)
def test_what_can_and_cannot_be_copied_over(site: Site, copy: str, message: str) -> None:
    for name in ("a", "b", "d/x", "d2/dir", "d3/link/x"):
        (site.context / name).parent.mkdir(exist_ok=True, parents=True)
        (site.context / name).write_text("new")

    def make(upper: Path) -> int:
        (upper / "dir").mkdir()
        (upper / "file").write_text("old")
        (upper / "link").symlink_to("dir")
        return 0

    dockerfile = f"FROM scratch\nRUN make\nCOPY {copy}\n"
    if not message:
        assert site.build(dockerfile, run=make)
        return
    with pytest.raises(DockerfileError, match=message) as caught:
        site.build(dockerfile, run=make)
    assert caught.value.line == 3
    assert not site.leftovers()


def test_dockerignore_is_the_one_beside_its_dockerfile(site: Site) -> None:
    for name in ("a", "b", "c"):
        (site.context / name).write_text(name)
    (site.context / ".dockerignore").write_text("a\n.dockerignore\nDockerfile*\nother*\n")
    built = site.build("FROM scratch\nCOPY . /\n")
    assert set(site.entries(built)) == {"b", "c"}
    (site.context / "other.Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (site.context / "other.Dockerfile.dockerignore").write_text("*\n!a\n")
    built = site.build("FROM scratch\n", dockerfile="other.Dockerfile")
    assert set(site.entries(built)) == {"a"}


# ── failures ─────────────────────────────────────────────────────────────────────────────────


def test_a_failing_command_leaves_nothing_and_keeps_finished_steps(site: Site) -> None:
    dockerfile = "FROM scratch\nWORKDIR /w\nRUN false\n"
    with pytest.raises(BuildFailed) as caught:
        site.build(dockerfile, run=lambda upper: 3)
    error = caught.value
    assert (error.exit_status, error.line, error.file) == (3, 3, "Dockerfile")
    assert error.message == "Dockerfile:3:1: the command ended with exit code 3: RUN false"
    assert not site.leftovers()
    site.build(dockerfile, run=lambda upper: 0)
    assert len(site.said(events.StepCached)) == 1, "WORKDIR was finished, RUN was not"


def test_an_interrupted_command_leaves_nothing(site: Site) -> None:
    def interrupt(upper: Path) -> int:
        (upper / "half").write_text("made")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        site.build("FROM scratch\nRUN sleep\n", run=interrupt)
    assert not site.leftovers()
    assert not [*site.snapshots.chain_ids()]


def test_an_empty_change_is_a_layer_too(site: Site) -> None:
    built = site.build("FROM scratch\nRUN true\n", run=lambda upper: 0)
    assert site.entries(built) == {}
    assert len(site.config(built).diff_ids) == 1


def test_a_deleted_file_is_a_whiteout_in_the_layer(site: Site) -> None:
    (site.context / "a").write_text("a")

    def delete(upper: Path) -> int:
        os.mknod(upper / "a", stat.S_IFCHR, os.makedev(0, 0))
        return 0

    built = site.build("FROM scratch\nCOPY a /\nRUN rm /a\nCOPY a /\n", run=delete)
    assert set(site.entries(built, 1)) == {".wh.a"}
    assert set(site.entries(built, 2)) == {"a"}


def test_workdir_over_a_file_is_refused(site: Site) -> None:
    (site.context / "a").write_text("a")
    for path in ("/a", "/a/b"):
        with pytest.raises(DockerfileError, match=f"3:1: {path} is there in the image"):
            site.build(f"FROM scratch\nCOPY a /\nWORKDIR {path}\n")


def test_no_dockerfile_no_context_no_text(site: Site) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        site.build("FROM scratch\n", dockerfile="other")
    (site.context / "latin").write_bytes(b"FROM scratch\n# caf\xe9\n")
    with pytest.raises(InvalidInput, match="latin:2: not UTF-8 text"):
        site.build("FROM scratch\n", dockerfile="latin")
    (site.context / "binary").write_bytes(b"\x7fELF\0\0")
    with pytest.raises(InvalidInput, match="binary:1: a NUL character"):
        site.build("FROM scratch\n", dockerfile="binary")
