"""References are read as docker reads them.

The tables follow distribution/reference's normalize_test.go.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidReference
from runtime.oci.reference import Reference

HEX = "6d2b4a9c" * 8


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"),
        ("onggi/base", "docker.io/onggi/base:latest", "onggi/base:latest"),
        ("docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
        ("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000/a:latest", "127.0.0.1:5000/a:latest"),
        ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"),
        ("ghcr.io/a/b/c:x", "ghcr.io/a/b/c:x", "ghcr.io/a/b/c:x"),
        ("HOST/app", "HOST/app:latest", "HOST/app:latest"),
        ("a--b/c__d.e", "docker.io/a--b/c__d.e:latest", "a--b/c__d.e:latest"),
        (f"a@sha256:{HEX}", f"docker.io/library/a@sha256:{HEX}", f"a@sha256:{HEX}"),
        (f"a:1@sha256:{HEX}", f"docker.io/library/a:1@sha256:{HEX}", f"a:1@sha256:{HEX}"),
        (HEX[:12], f"docker.io/library/{HEX[:12]}:latest", f"{HEX[:12]}:latest"),
    ],
)
def test_docker_reads_it_so(text: str, full: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == full
    assert reference.familiar == familiar


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":tag",
        "@",
        "alpine:",
        "alpine@",
        "Alpine",
        "docker.io/Docker/docker",
        "a//b",
        "/a",
        "a/",
        "a___b",
        "a..b",
        "a-/b",
        "-a",
        "a:-tag",
        "a:.tag",
        "a:" + "t" * 129,
        "a b",
        "a\n",
        "alpine:latest\n",
        "a@sha256:short",
        f"a@md5:{HEX}",
        f"a@sha256:{HEX}@sha256:{HEX}",
        "https://ghcr.io/a",
        "host:port/a",
        "host:5000/",
        "[fe80::1%eth0]:5000/a",
        HEX,
        "옹기",
        "a/" * 127 + "aa",
        "../../etc/passwd",
    ],
)
def test_docker_refuses_it(text: str) -> None:
    with pytest.raises(InvalidReference):
        Reference.parse(text)


def test_capitals_get_a_hint() -> None:
    with pytest.raises(InvalidReference) as refusal:
        Reference.parse("Alpine:3")
    assert refusal.value.hint == "try alpine"


_component = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?", fullmatch=True).filter(
    lambda text: len(text) < 20
)
_domain = st.sampled_from(
    ["docker.io", "localhost", "r.example", "r.example:5000", "HOST", "[::1]"]
)

_tag = st.from_regex(re.compile(r"\w[\w.-]{0,9}", re.ASCII), fullmatch=True)


@given(_domain, st.lists(_component, min_size=1, max_size=4), _tag)
def test_every_spelling_reads_as_the_same(domain: str, path: list[str], tag: str) -> None:
    reference = Reference.parse(f"{domain}/{'/'.join(path)}:{tag}")
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidReference as refusal:
        assert refusal.message
    else:
        assert Reference.parse(str(reference)) == reference


def test_another_tag() -> None:
    reference = Reference.parse(f"ghcr.io/a@sha256:{HEX}").with_tag("2")
    assert str(reference) == "ghcr.io/a:2"
    with pytest.raises(InvalidReference, match="invalid tag"):
        reference.with_tag("no spaces")
