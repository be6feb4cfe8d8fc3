"""COPY --from, here-documents, ADD, VOLUME, HEALTHCHECK and ONBUILD in whole builds."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
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
from runtime.errors import DockerfileError, NotFound
from runtime.oci.digest import Digest
from runtime.oci.image import ImageConfig, Manifest
from runtime.oci.mounts import Mount
from runtime.oci.reference import Reference
from runtime.oci.spec import Process
from runtime.snapshot.overlay import Snapshots

pytestmark = pytest.mark.needs("root")  # files that belong to others

Write = Callable[[Path], object]


class Site:
    """A context and a state directory; RUN calls the functions of `runs`, one after the other."""

    def __init__(self, root: Path, context: Path) -> None:
        self.context = context
        self.content = ContentStore(root)
        self.snapshots = Snapshots(root)
        self.hits: dict[str, CacheHit] = {}
        self.images: dict[str, Digest] = {}
        self.events: list[events.Event] = []
        self.commands: list[tuple[str, ...]] = []
        root.mkdir()
        context.mkdir()

    def get(self, key: str) -> CacheHit | None:
        return self.hits.get(key)

    def put(self, key: str, hit: CacheHit) -> None:
        self.hits[key] = hit

    def build(self, text: str, *runs: Write, tag: str = "", target: str = "") -> BuiltImage:
        waiting: Iterator[Write] = iter(runs)

        def run_step(
            snapshot: str,
            program: Process,
            on_output: object,
            mounts: tuple[Mount, ...],
            network: str,
        ) -> Exit:
            self.commands.append(program.args)
            upper = self.snapshots.overlay(snapshot).upper
            assert upper is not None
            next(waiting, lambda _upper: None)(upper)
            return Exit(0, False)

        (self.context / "Dockerfile").write_text(text)
        self.events = []
        find: Callable[[Reference], Digest | None] = lambda name: self.images.get(str(name))  # noqa: E731
        root = self.snapshots.directory.parent
        places = (CacheDirectories(root), Downloads(root))
        builder = Builder(self.content, self.snapshots, self, *places, run_step, find)
        built = builder.build(
            self.context, epoch=1_700_000_000, target=target or None, progress=self.events.append
        )
        if tag:
            self.images[str(Reference.parse(tag))] = built.manifest.digest
        return built

    def config(self, built: BuiltImage) -> ImageConfig:
        return ImageConfig.from_bytes(self.content.read(built.config.digest))

    def layer(self, built: BuiltImage) -> tarfile.TarFile:
        """The topmost layer."""
        manifest = Manifest.from_bytes(self.content.read(built.manifest.digest))
        return tarfile.open(self.content.path(manifest.layers[-1].digest))

    def files(self, built: BuiltImage) -> dict[str, tuple[int, int, int]]:
        """The files of the topmost layer: mode, user, group."""
        with self.layer(built) as tar:
            return {each.name: (each.mode, each.uid, each.gid) for each in tar if not each.isdir()}

    def read(self, built: BuiltImage, name: str) -> str:
        with self.layer(built) as tar:
            file = tar.extractfile(name)
            assert file
            return file.read().decode()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "state", tmp_path / "context")


def make_program(upper: Path) -> None:
    (upper / "out/sub").mkdir(parents=True)
    for name in ("out/app", "out/sub/data"):
        (upper / name).write_text(name)
        os.chown(upper / name, 12, 34)
    (upper / "out/app").chmod(0o4755)
    (upper / "out/link").symlink_to("app")
    (upper / "way").symlink_to("/out/sub")
    os.setxattr(upper / "out/app", "user.note", b"kept")


BUILD = "FROM scratch AS Build\nRUN make\nFROM scratch\n"


@pytest.mark.parametrize("origin", ["build", "BUILD", "0"])
def test_files_come_from_an_earlier_stage_as_they_are(site: Site, origin: str) -> None:
    built = site.build(f"{BUILD}COPY --from={origin} /out/ /srv/\n", make_program)
    assert site.files(built) == {
        "srv/app": (0o4755, 12, 34),
        "srv/sub/data": (0o644, 12, 34),
        "srv/link": (0o777, 0, 0),
    }
    with site.layer(built) as tar:
        assert tar.getmember("srv/link").linkname == "app"
        assert "SCHILY.xattr.user.note" in tar.getmember("srv/app").pax_headers
    assert site.config(built).history[-1].created_by == f"COPY --from={origin} /out/ /srv/"


def test_paths_in_a_stage_follow_its_links_and_wildcards(site: Site) -> None:
    built = site.build(BUILD + "COPY --from=build --chown=7 way/d* out/a?p /x/\n", make_program)
    assert site.files(built) == {"x/data": (0o644, 7, 7), "x/app": (0o4755, 7, 7)}


def test_a_stage_has_only_what_it_shows(site: Site) -> None:
    """What a later layer of the stage deleted cannot be copied."""

    def delete(upper: Path) -> None:
        (upper / "out").mkdir()
        os.mknod(upper / "out/app", 0o020000, 0)

    text = "FROM scratch AS a\nRUN make\nRUN rm\nFROM scratch\nCOPY --from=a /out /o\n"
    built = site.build(text, make_program, delete)
    assert set(site.files(built)) == {"o/link", "o/sub/data"}
    with pytest.raises(DockerfileError, match="there is no /out/app in a"):
        site.build(text.replace("/out /o", "/out/app /o"))


def test_files_come_from_an_image(site: Site) -> None:
    site.build("FROM scratch\nRUN make\n", make_program, tag="tools:1")
    built = site.build("FROM scratch\nCOPY --from=tools:1 /out/app /\n")
    assert set(site.files(built)) == {"app"}
    with pytest.raises(DockerfileError, match="2:6: there is no image other on this machine"):
        site.build("FROM scratch\nCOPY --from=other /a /\n")


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_stage_cannot_copy_from_itself_or_what_follows(site: Site, number: str) -> None:
    with pytest.raises(DockerfileError, match=f"there is no stage {number} above this one"):
        site.build(
            f"FROM scratch\nFROM scratch\nCOPY --from={number} /a /\nFROM scratch\n", target="1"
        )


def test_only_the_needed_stages_are_built(site: Site) -> None:
    text = (
        "FROM scratch AS unused\nRUN never\nFROM scratch AS a\nRUN make\n"
        "FROM scratch AS b\nCOPY --from=a /out/app /\nFROM unused AS c\nRUN never either\n"
        "FROM b AS last\nLABEL x=1\n"
    )
    site.build(text, make_program)
    assert site.commands == [("/bin/sh", "-c", "make")]
    started = [event for event in site.events if isinstance(event, events.StepStarted)]
    assert [event.number for event in started] == [1, 2, 3, 4, 5, 6]
    assert {event.total for event in started} == {6}
    site.build(text, target="A")
    assert len([event for event in site.events if isinstance(event, events.StepStarted)]) == 2
    with pytest.raises(NotFound, match="there is no stage nope"):
        site.build(text, target="nope")


def test_a_copy_from_a_stage_is_cached_by_what_it_copies(site: Site) -> None:
    text = BUILD + "COPY --from=build /out/app /\n"
    first = site.build(text, make_program)
    site.hits = {key: hit for key, hit in site.hits.items() if hit.size}
    changed = text.replace("RUN make", "RUN make more")

    def make_more(upper: Path) -> None:
        make_program(upper)
        (upper / "out/more").write_text("")

    assert site.build(changed, make_more) == first
    assert len([event for event in site.events if isinstance(event, events.StepCached)]) == 1


def test_a_here_document_is_a_script(site: Site) -> None:
    site.build('FROM scratch\nRUN <<-EOF\n\techo $a\n\tEOF\nRUN cat <<A - <<"B"\nx\nA\n\ty\nB\n')
    assert [command[2] for command in site.commands] == [
        "echo $a\n",
        'cat <<A - <<"B"\nx\nA\n\ty\nB',
    ]


def test_here_documents_are_files(site: Site) -> None:
    text = (
        "FROM scratch\nENV who=you\nCOPY --chmod=600 --chown=5 <<a.txt <<'b.txt' /d/\n"
        'hello "$who" \\$\n\na.txt\n$who\\\nb.txt\n'
    )
    built = site.build(text)
    assert site.files(built) == {"d/a.txt": (0o600, 5, 5), "d/b.txt": (0o600, 5, 5)}
    assert site.read(built, "d/a.txt") == 'hello "you" $\n\n'
    assert site.read(built, "d/b.txt") == "$who\\\n"
    assert site.build(text) == built
    assert site.build(text.replace("who=you", "who=me")) != built


def archive(path: Path, mode: str = "w", names: tuple[str, ...] = ("in/a", "b")) -> None:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid, entry.mode = len(name), 77, 0o640
            tar.addfile(entry, io.BytesIO(name.encode()))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_add_unpacks_archives_whatever_their_name(site: Site, mode: str) -> None:
    archive(site.context / "some.file", mode)
    built = site.build("FROM scratch\nADD some.file /to\n")
    assert site.files(built) == {"to/in/a": (0o640, 77, 0), "to/b": (0o640, 77, 0)}
    assert site.read(built, "to/in/a") == "in/a"
    assert [*site.snapshots.keys()] == []
    assert set(site.files(site.build("FROM scratch\nCOPY some.file /to\n"))) == {"to"}
    assert site.config(built).history[-1].created_by == "ADD some.file /to"


def test_add_copies_what_is_no_archive(site: Site) -> None:
    import gzip

    (site.context / "dir").mkdir()
    archive(site.context / "dir/inside.tar")
    (site.context / "plain.gz").write_bytes(gzip.compress(b"no tar"))
    (site.context / "empty.tar").write_bytes(b"")
    built = site.build("FROM scratch\nADD --chown=3 dir plain.gz empty.tar /to/\n")
    assert set(site.files(built)) == {"to/inside.tar", "to/plain.gz", "to/empty.tar"}


@pytest.mark.parametrize("name", ["../escaped", "/../../escaped"])
def test_a_hostile_archive_writes_nowhere(site: Site, name: str) -> None:
    archive(site.context / "evil.tar", names=("good", name))
    with pytest.raises(DockerfileError, match=r"2:5: the archive evil\.tar cannot be unpacked"):
        site.build("FROM scratch\nADD evil.tar /to/\n")
    assert [*site.snapshots.keys()] == []


@pytest.mark.parametrize("source", ["https://a.example/x.git#v1", "git://a/x", "git@a:b.git"])
def test_git_repositories_are_refused(site: Site, source: str) -> None:
    with pytest.raises(DockerfileError, match="2:5: ADD of a git repository is not supported yet"):
        site.build(f"FROM scratch\nADD {source} /x\n")


def test_volume_and_healthcheck_go_into_the_config(site: Site) -> None:
    text = (
        'FROM scratch\nENV d=/data\nVOLUME $d /b\nVOLUME ["/a b"]\n'
        "HEALTHCHECK --interval=1.5s --retries=2 CMD curl $x\n"
    )
    config = site.config(site.build(text)).config
    assert config.to_json()["Volumes"] == {"/data": {}, "/b": {}, "/a b": {}}
    test = {"Test": ["CMD-SHELL", "curl $x"], "Interval": 1_500_000_000, "Retries": 2}
    assert config.healthcheck == test
    text += 'HEALTHCHECK CMD ["x", "y"]\n'
    assert site.config(site.build(text)).config.healthcheck == {"Test": ["CMD", "x", "y"]}
    text += "HEALTHCHECK NONE\n"
    built = site.config(site.build(text))
    assert built.config.healthcheck == {"Test": ["NONE"]}
    assert built.history[1].created_by == 'VOLUME ["/data", "/b"]'


def test_onbuild_is_pulled_by_whoever_builds_on_it(site: Site) -> None:
    (site.context / "app").write_text("app")
    text = "FROM scratch\nONBUILD COPY app /srv/\nONBUILD ENV a=1\n"
    base = site.build(text, tag="base")
    assert site.config(base).config.extra == {"OnBuild": ["COPY app /srv/", "ENV a=1"]}
    assert not site.config(base).diff_ids
    child = site.build("FROM base\nENV a=${a}2\n", tag="child")
    assert set(site.files(child)) == {"srv/app"}
    assert site.config(child).config.extra == {}
    assert "a=12" in site.config(child).config.env
    assert site.config(site.build("FROM child\n")).diff_ids == site.config(child).diff_ids
    (site.context / "app").unlink()
    with pytest.raises(DockerfileError, match=r"ONBUILD \(base\):1:6: no such file"):
        site.build("FROM base\n")


@pytest.mark.parametrize("platform", ["$TARGETPLATFORM", "linux", "linux/{machine}", "{machine}"])
def test_the_hosts_own_platform_is_accepted(site: Site, platform: str) -> None:
    named = platform.format(machine=os.uname().machine)
    site.build(f"FROM --platform={named} scratch\nWORKDIR /w\n")


@pytest.mark.parametrize("platform", ["windows/amd64", "linux/riscv64", "linux/amd64/v9", "s390x"])
def test_other_platforms_are_refused(site: Site, platform: str) -> None:
    assert host_platform().architecture not in ("riscv64", "s390x")
    with pytest.raises(DockerfileError, match=f"1:6: this host runs .* only, not {platform}"):
        site.build(f"FROM --platform={platform} scratch\n")


def test_copy_keeps_parents_and_leaves_out_what_is_excluded(site: Site) -> None:
    for name in ("a/b/c.txt", "a/b/d.log", "a/e.txt", "x.txt"):
        (site.context / name).parent.mkdir(parents=True, exist_ok=True)
        (site.context / name).write_text(name)
    head = "FROM scratch\nCOPY "
    for line, expected in {
        "--parents a/b/c.txt x.txt /p": ["p/a/b/c.txt", "p/x.txt"],
        "--parents a/./b/c.txt /p/": ["p/b/c.txt"],
        "--parents a/b /p": ["p/a/b/c.txt", "p/a/b/d.log"],
        "--parents **/*.txt /p": ["p/a/b/c.txt", "p/a/e.txt", "p/x.txt"],
        "--exclude=**/*.log --exclude=e.* a /p": ["p/b/c.txt"],
        "--exclude=b/* --exclude=!b/c.txt a /p": ["p/b/c.txt", "p/e.txt"],
        "--exclude=x* x.txt a/e.txt /p/": ["p/e.txt"],
    }.items():
        names = [each.name for each in site.layer(site.build(head + line)) if each.isfile()]
        assert names == expected, line


def test_chmod_by_letters(site: Site) -> None:
    (site.context / "sub").mkdir()
    (site.context / "sub" / "file").write_text("x")
    (site.context / "sub" / "file").chmod(0o600)
    (site.context / "sub").chmod(0o700)
    built = site.build("FROM scratch\nCOPY --chmod=u=rwX,go=rX sub /p/sub\n")
    modes = {each.name: each.mode for each in site.layer(built)}
    assert modes == {"p": 0o755, "p/sub": 0o755, "p/sub/file": 0o644}


def test_add_downloads_and_unpacks_as_it_is_told(site: Site) -> None:
    (site.context / "file").write_text("packed")
    with tarfile.open(site.context / "a.tgz", "w:gz") as tar:
        tar.add(site.context / "file", "inner")
    with serving(site.context) as address:
        for line, expected in {
            f"ADD {address}/a.tgz /d/": ["d/a.tgz"],
            f"ADD --unpack {address}/a.tgz /d/": ["d/inner"],
            f"ADD {address}/file a.tgz /d/": ["d/file", "d/inner"],
            "ADD --unpack=false a.tgz /d/": ["d/a.tgz"],
            f"ADD --chmod=0755 {address}/file /d/x": ["d/x"],
        }.items():
            layer = site.layer(site.build(f"FROM scratch\n{line}"))
            assert sorted(each.name for each in layer if each.isfile()) == expected, line
        assert layer.getmember("d/x").mode == 0o755


def test_an_address_that_has_not_changed_is_cached(site: Site) -> None:
    (site.context / "file").write_text("one")
    with serving(site.context) as address:
        text = f"FROM scratch\nADD {address}/file /\n"
        first = site.build(text)
        os.utime(site.context / "file", (1, 1))
        assert site.build(text) == first
        (site.context / "file").write_text("two")
        os.utime(site.context / "file", (2e9, 2e9))
        assert site.build(text) != first


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The folder's files, over http on the loopback."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Silently."""
