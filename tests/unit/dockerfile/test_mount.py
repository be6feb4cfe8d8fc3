"""`--mount`: what its options mean, and which ones make no sense."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import pytest

from runtime.dockerfile.expand import expand
from runtime.dockerfile.mount import MountKind, RunMount, mount_origin, read_mount
from runtime.dockerfile.source import Place, Word
from runtime.errors import DockerfileError

NOWHERE = Word("", Place("Dockerfile", 1, (1, 1), ""))


def word(text: str) -> Word:
    return replace(NOWHERE, text=text)


def read(text: str) -> RunMount:
    mount = read_mount(word(text), lambda each: expand(each, {"V": "value"}))
    return replace(mount, word=NOWHERE)


def expected(kind: MountKind) -> Callable[..., RunMount]:
    """Makes mounts of this kind; those that can be written can be, unless it is said."""
    writable = kind in ("cache", "tmpfs")
    return functools.partial(RunMount, NOWHERE, kind, read_only=not writable)


bind, cache = expected("bind"), expected("cache")
tmpfs, secret = expected("tmpfs"), expected("secret")


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("target=/a", bind(target="/a")),
        ("type=bind,dst=/a,src=b,rw", bind(target="/a", source="b", read_only=False)),
        ("destination=/a,from=x,ro=false", bind(target="/a", origin="x", read_only=False)),
        ("TARGET=/$V", bind(target="/value")),
        ("type=cache,target=/c", cache(target="/c")),
        (
            "type=cache,id=i,target=/c,sharing=LOCKED,mode=0700,uid=1,gid=2,readonly",
            cache(id="i", target="/c", sharing="locked", mode=0o700, uid=1, gid=2, read_only=True),
        ),
        ("type=tmpfs,target=/t,size=1.5k", tmpfs(target="/t", size_bytes=1536)),
        ("type=tmpfs,target=/t,size=64MiB", tmpfs(target="/t", size_bytes=64 << 20)),
        ("type=secret,id=s,required", secret(id="s", required=True)),
        ("type=secret,id=s,env=$V,required=0", secret(id="s", env="value")),
        ('type=bind,"source=a,b",target=/x', bind(source="a,b", target="/x")),
    ],
)
def test_options(text: str, mount: RunMount) -> None:
    assert read(text) == mount


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("type=bnd,target=/a", "type=cache"),
        ("type=ssh", "type=secret"),
        ("targt=/a", "did you mean target?"),
        ("zzzzz=1,target=/a", ""),
        ("target", "target=/path"),
        ("type=bind", "target=/path"),
        ("type=cache", "target=/path"),
        ("type=secret", "id=name"),
        ("type=secret,id=a,src=b", ""),
        ("type=secret,id=a,from=b", ""),
        ("type=bind,target=/a,mode=0700", ""),
        ("type=bind,target=/a,sharing=locked", ""),
        ("type=bind,target=/a,required", ""),
        ("type=bind,target=/a,size=1m", ""),
        ("type=bind,target=/a,ro=maybe", "ro=true"),
        ("type=cache,target=/a,sharing=some", "sharing=locked"),
        ("type=cache,target=/a,mode=0900", "mode=0700"),
        ("type=cache,target=/a,uid=-1", "uid=1000"),
        ("type=cache,target=/a,gid=99999999999", "gid=1000"),
        ("type=tmpfs,target=/a,size=big", "size=64m"),
        ('type=bind,"target=/a', "separate them by commas"),
    ],
)
def test_nonsense_is_refused_with_advice(text: str, hint: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        read(text)
    assert hint in caught.value.hint


def test_origin_is_known_before_variables_are() -> None:
    assert mount_origin(word("from=build,target=$V")) == replace(NOWHERE, text="build")
    assert mount_origin(word("target=/a")) is None
    with pytest.raises(DockerfileError, match="takes no variable"):
        mount_origin(word("from=$V,target=/a"))
