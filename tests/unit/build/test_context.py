"""COPY takes what is in the context, whatever links and wildcards say, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.build.context import Context
from runtime.build.sources import Source, content_digest
from runtime.dockerfile.ignore import Ignore
from runtime.dockerfile.source import Place, Word
from runtime.errors import DockerfileError, NotFound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small project, beside a file that is none of its business."""
    (tmp_path / "secret").write_text("outside")
    context = tmp_path / "context"
    (context / "src/deep").mkdir(parents=True)
    (context / "src/app.py").write_text("print()")
    (context / "src/deep/data.txt").write_text("data")
    (context / "src/link").symlink_to("app.py")
    (context / "README.md").write_text("read me")
    (context / ".env").write_text("KEY=1")
    (context / "current").symlink_to("src")
    (context / "escape").symlink_to("../secret")
    (context / "absolute").symlink_to("/etc/passwd")
    return context


def word(text: str) -> Word:
    return Word(text, Place("Dockerfile", 2, (6, 6 + len(text)), f"COPY {text} /"))


def find(root: Path, *texts: str, ignore: str = "") -> tuple[Source, ...]:
    with Context(root, Ignore.parse(ignore)) as context:
        return context.find(map(word, texts))


def names(sources: tuple[Source, ...]) -> list[str]:
    return [f"{source.name}:{file.relative}" for source in sources for file in source.files]


IN_SRC = ["app.py", "deep", "deep/data.txt", "link"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("README.md", ["README.md:"]),
        ("/README.md", ["README.md:"]),
        ("./src/../README.md", ["README.md:"]),
        ("*.md", ["README.md:"]),
        ("src", ["src:", *(f"src:{name}" for name in IN_SRC)]),
        ("src/", ["src:", *(f"src:{name}" for name in IN_SRC)]),
        ("current", ["current:", *(f"current:{name}" for name in IN_SRC)]),
        ("current/app.py", ["app.py:"]),
        ("src/link", ["link:"]),
        ("s*/*.py", ["app.py:"]),
        ("s?c/deep/[a-d]*", ["data.txt:"]),
    ],
)
def test_sources(root: Path, pattern: str, found: list[str]) -> None:
    assert names(find(root, pattern)) == found


def test_a_dot_means_everything(root: Path) -> None:
    for each in ("escape", "absolute"):
        (root / each).unlink()
    (source,) = find(root, ".")
    assert {file.relative for file in source.files} == {
        *(".", "README.md", ".env", "current", "src", "src/app.py"),
        *("src/deep", "src/deep/data.txt", "src/link"),
    } - {"."} | {""}


def test_kinds_and_contents(root: Path) -> None:
    files = {file.relative: file for file in find(root, "src")[0].files}
    assert files["link"].kind == "symlink" and files["link"].content == "app.py"
    assert files["deep"].kind == "directory"
    assert find(root, "src/link")[0].files[0].kind == "file", "a source itself is followed"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("REDME.md", "no such file in the build context: REDME.md", "did you mean README.md?"),
        ("src/ap.py", "no such file in the build context: src/ap.py", "did you mean src/app.py?"),
        ("README.md/x", "no such file", "relative"),
        ("../secret", "../secret is outside of the build context", "-f DOCKERFILE"),
        ("src/../../secret", "outside of the build context", "-f DOCKERFILE"),
        ("escape", "escape is a link that leads to nothing in the build context", "links may"),
        ("absolute", "absolute is a link that leads to nothing", "links may"),
        ("*.none", "nothing in the build context matches *.none", ""),
        ("[", "nothing in the build context matches [", ""),
    ],
)
def test_what_cannot_be_copied(root: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        find(root, text)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.columns == (6, 6 + len(text))


def test_a_wildcard_without_matches_is_fine_beside_others(root: Path) -> None:
    assert names(find(root, "README.md", "nothing*")) == ["README.md:"]


def test_a_pipe_is_refused(root: Path) -> None:
    os.mkfifo(root / "src/pipe")
    with pytest.raises(DockerfileError, match="src/pipe is a socket, a pipe or a device"):
        find(root, "src")


def test_a_context_must_be_a_directory(root: Path) -> None:
    for path in (root / "none", root / "README.md"):
        with pytest.raises(NotFound, match="not a directory"):
            Context(path)


@pytest.mark.parametrize(
    ("ignore", "text", "found"),
    [
        (".env\nsrc/deep", ".", {"README.md", "current", "src", "src/app.py", "src/link"}),
        ("*\n!src/app.py", ".", {"src", "src/app.py"}),
        ("**/*.txt", "src", {"app.py", "deep", "link"}),
        ("src/deep\n!src/deep/data.txt", "src", {"app.py", "deep", "deep/data.txt", "link"}),
        ("*.md", "*", {"app.py", "deep", "deep/data.txt", "link"}),
    ],
)
def test_ignored_files_are_not_there(root: Path, ignore: str, text: str, found: set[str]) -> None:
    sources = find(root, text, ignore=ignore + "\nescape\nabsolute")
    relative = {file.relative for source in sources for file in source.files}
    assert relative - {""} == found


def test_naming_an_ignored_file_says_why(root: Path) -> None:
    with pytest.raises(DockerfileError, match=r"\.env is kept out of the build by \.dockerignore"):
        find(root, ".env", ignore=".env")


def test_an_ignored_file_is_not_even_opened(root: Path) -> None:
    os.mkfifo(root / "src/pipe")
    assert find(root, "src", ignore="**/pipe")


def digest(root: Path, text: str = "src") -> str:
    return content_digest(find(root, text))


def test_times_and_owners_do_not_count(root: Path) -> None:
    before = digest(root)
    os.utime(root / "src/app.py", (1, 1))
    os.utime(root / "src", (1, 1))
    assert digest(root) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda src: (src / "app.py").write_text("other"),
        lambda src: (src / "app.py").chmod(0o755),
        lambda src: (src / "app.py").rename(src / "main.py"),
        lambda src: (src / "new").mkdir(),
        lambda src: (src / "deep").chmod(0o700),
        lambda src: ((src / "link").unlink(), (src / "link").symlink_to("deep")),
        lambda src: ((src / "link").unlink(), (src / "link").write_text("app.py")),
    ],
)
def test_whatever_ends_up_in_the_layer_counts(root: Path, change: object) -> None:
    before = digest(root)
    change(root / "src")  # type: ignore[operator]
    assert digest(root) != before


def test_a_directory_counts_by_its_contents_not_its_name(root: Path) -> None:
    assert digest(root, "src") == digest(root, "current")
    (root / "copy.md").write_text("read me")
    assert digest(root, "README.md") != digest(root, "copy.md"), "it would get that name"


def test_names_that_are_not_utf8(root: Path) -> None:
    (root / os.fsdecode(b"src/\xff\xfe")).write_text("odd")
    assert os.fsdecode(b"\xff\xfe") in {file.relative for file in find(root, "src")[0].files}
    assert digest(root)


def test_directories_nested_too_deeply(root: Path) -> None:
    deep = root / "src"
    for _ in range(250):
        deep = deep / "d"
        deep.mkdir()
    with pytest.raises(DockerfileError, match="nested too deeply"):
        find(root, "src")
