"""Remote contexts: an address instead of a directory.

    https://host/context.tar.gz               an archive
    https://host/Dockerfile                   anything else is a Dockerfile that needs no files
    https://host/team/app.git#branch:folder   a git repository: its last commit, or that of a
                                              branch, a tag or a commit; all of it, or one folder

What comes is as little trusted as what a client sends: git may speak to no file of this host and
run none of the repository's hooks, and a folder that leads out of the repository is refused.

Docker's reference, "docker build", "Git repositories"; moby: builder/remotecontext
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from runtime.build import web
from runtime.build.download import LARGEST_BYTES
from runtime.build.given import Stream, empty_place
from runtime.cancellation import Cancellation
from runtime.errors import HostLacks, InvalidInput, NotFound, OnggiError
from runtime.linux import tree
from runtime.snapshot.overlay import Snapshots

_GIT_PATH = re.compile(r"\.git(#.*)?$")
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "http:https:git:ssh",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}
_DEFAULT_COMMIT = "HEAD"


@contextlib.contextmanager
def open_remote(
    snapshots: Snapshots, address: str, cancellation: Cancellation
) -> Iterator[Path | Stream]:
    """The context at an address, while the block lasts: a directory, or a stream as a client
    would send it. Raises NotFound, HostLacks (git is missing), Cancelled.
    """
    if is_git(address):
        with empty_place(snapshots) as place:
            yield _cloned(place, address, cancellation)
        return
    with tempfile.TemporaryFile() as file:
        try:
            with web.ask(address) as answer:
                answer.receive(file, LARGEST_BYTES)
        except OnggiError as cause:
            raise NotFound(
                "{address} cannot be downloaded: {reason}", address=address, reason=cause.message
            ) from cause
        cancellation.check()
        file.seek(0)
        yield cast(BinaryIO, file)


def is_git(address: str) -> bool:
    """Whether an address is that of a git repository. moby: builder/remotecontext/urlutil"""
    if address.startswith(("http://", "https://")):
        return bool(_GIT_PATH.search(address))
    return True


def _cloned(place: Path, address: str, cancellation: Cancellation) -> Path:
    """The files of the commit that an address means, without their history."""
    repository, _, fragment = address.partition("#")
    commit, _, folder = fragment.partition(":")
    if repository.startswith("github.com/"):
        repository = f"https://{repository}"
    if commit.startswith("-"):
        raise InvalidInput("no branch, tag or commit: {text}", text=commit[:100])
    _git(place, cancellation, "init", "--quiet")
    fetch = ("fetch", "--quiet", "--no-tags", "--depth", "1", repository, commit or _DEFAULT_COMMIT)
    _git(place, cancellation, *fetch)
    _git(place, cancellation, "checkout", "--quiet", "FETCH_HEAD")
    _git(
        place, cancellation, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"
    )
    tree.delete(place / ".git")
    found = Path(os.path.realpath(place / posixpath.normpath(f"/{folder}").lstrip("/")))
    if not found.is_relative_to(os.path.realpath(place)) or not found.is_dir():
        raise NotFound("the repository has no directory {path}", path=folder)
    return found


def _git(place: Path, cancellation: Cancellation, *words: str) -> None:
    """Raises NotFound with what git says, HostLacks without git."""
    command = ["git", "-c", f"core.hooksPath={os.devnull}", *words]
    environment = {**os.environ, **_ENVIRONMENT}
    try:
        process = subprocess.Popen(
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError as cause:
        raise HostLacks(
            "building from a repository needs git on this host",
            hint="install it: apt install git",
            feature="git",
            evidence="execve(git): ENOENT",
        ) from cause
    with process, cancellation.ends(process.kill):
        _, said = process.communicate()
    cancellation.check()
    if process.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines() or ["?"]
        raise NotFound("git {verb} failed: {reason}", verb=words[0], reason=lines[-1][:300])
