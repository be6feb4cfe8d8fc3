"""The protocol's words: what is written is read again, and what makes no sense is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import RegistryError
from runtime.oci.digest import Digest
from runtime.registry import messages
from runtime.registry.messages import (
    ByteRange,
    Challenge,
    ContentRange,
    Refusal,
    Route,
    parse_challenges,
    parse_next,
    parse_page,
    parse_received,
    parse_refusals,
    parse_route,
)

DIGEST = Digest.of(b"content")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2/", Route("api")),
        ("/v2", Route("api")),
        ("/v2/_catalog", Route("catalog")),
        (messages.manifest_path("team/app", "1.0"), Route("manifest", "team/app", "1.0")),
        (messages.manifest_path("app", DIGEST), Route("manifest", "app", DIGEST)),
        (f"/v2/app/manifests/{DIGEST.replace(':', '%3A')}", Route("manifest", "app", DIGEST)),
        (messages.blob_path("a/b/c", DIGEST), Route("blob", "a/b/c", DIGEST)),
        (messages.uploads_path("app"), Route("uploads", "app")),
        ("/v2/app/blobs/uploads", Route("uploads", "app")),
        (messages.uploads_path("app", "a1-b2"), Route("upload", "app", "a1-b2")),
        (messages.tags_path("app"), Route("tags", "app")),
        (messages.referrers_path("app", DIGEST), Route("referrers", "app", DIGEST)),
        # A repository may be called like a part of a path.
        ("/v2/blobs/uploads/manifests/1", Route("manifest", "blobs/uploads", "1")),
        ("/v2/tags/list/tags/list", Route("tags", "tags/list")),
    ],
)
def test_a_path_is_read_as_it_was_written(path: str, route: Route) -> None:
    assert parse_route(path) == route


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", "UNSUPPORTED"),
        ("/v1/app/tags/list", "UNSUPPORTED"),
        ("/v2/app/other/x", "UNSUPPORTED"),
        ("/v2/App/tags/list", "NAME_INVALID"),
        ("/v2/../tags/list", "NAME_INVALID"),
        ("/v2/a//b/tags/list", "NAME_INVALID"),
        ("/v2/%2e%2e/%2e%2e/manifests/x", "NAME_INVALID"),
        ("/v2/a/tags/list/tags/list\n", "UNSUPPORTED"),
        (f"/v2/{'a' * 256}/tags/list", "NAME_INVALID"),
        ("/v2/app/manifests/.hidden", "TAG_INVALID"),
        ("/v2/app/manifests/sha256:../../x", "UNSUPPORTED"),
        ("/v2/app/manifests/sha256:abc", "DIGEST_INVALID"),
        ("/v2/app/blobs/sha256:ABC", "DIGEST_INVALID"),
        ("/v2/app/blobs/uploads/..", "BLOB_UPLOAD_UNKNOWN"),
    ],
)
def test_a_path_that_makes_no_sense_is_refused_with_its_code(path: str, code: str) -> None:
    with pytest.raises(RegistryError) as refused:
        parse_route(path)
    assert (refused.value.code, refused.value.status) == (code, messages.STATUS[code])


@given(st.text())
def test_any_path_is_read_or_refused(path: str) -> None:
    try:
        route = parse_route("/v2/" + path)
    except RegistryError as error:
        assert error.code in messages.STATUS
    else:
        assert ".." not in f"{route.name}/{route.reference}".split("/")


def test_a_refusal_is_read_as_it_was_written() -> None:
    refusal = Refusal("MANIFEST_UNKNOWN", "없음", {"tag": "1"})
    assert parse_refusals(refusal.to_bytes()) == (refusal,)
    assert "detail" not in json.loads(Refusal("DENIED").to_bytes())["errors"][0]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": 1}', b'{"errors": [1]}'])
def test_a_body_that_is_no_refusal_says_nothing(body: bytes) -> None:
    assert parse_refusals(body) == ()


def test_a_challenge_is_read_as_it_was_written() -> None:
    challenge = Challenge(
        "bearer",
        {"realm": "https://auth.example/token", "service": 'a "b" \\c', "scope": "x:y:z a:b:c"},
    )
    assert parse_challenges([str(challenge)]) == (challenge,)
    assert challenge.scopes == ("x:y:z", "a:b:c")


@pytest.mark.parametrize(
    ("headers", "schemes"),
    [
        (['Basic realm="x"'], ["basic"]),
        (['Bearer realm="https://a/t",service="s", Basic realm="x"'], ["bearer", "basic"]),
        (["Negotiate", 'Basic realm="x"'], ["negotiate", "basic"]),
        (['bearer realm=token , scope="a,b"'], ["bearer"]),
        ([""], []),
        (["="], []),
    ],
)
def test_challenges_come_in_many_ways(headers: list[str], schemes: list[str]) -> None:
    assert [each.scheme for each in parse_challenges(headers)] == schemes


@given(st.text())
def test_any_challenge_is_read_to_an_end(header: str) -> None:
    parse_challenges([header])


def test_a_scope_names_what_is_asked_for() -> None:
    assert messages.scope("team/app", "pull", "push") == "repository:team/app:pull,push"


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("bytes=0-99", "bytes 0-99/200"),
        ("bytes=100-", "bytes 100-199/200"),
        ("bytes=150-999", "bytes 150-199/200"),
        ("bytes=-50", "bytes 150-199/200"),
        ("bytes=-999", "bytes 0-199/200"),
        ("bytes=200-", None),
        ("bytes=-0", None),
    ],
)
def test_a_range_means_bytes_of_a_blob(header: str, meant: str | None) -> None:
    wanted = ByteRange.parse(header)
    assert wanted is not None
    found = wanted.within(200)
    assert (found and str(found)) == meant
    assert str(wanted) == header


@pytest.mark.parametrize(
    "header", ["", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"]
)
def test_a_range_that_is_none_is_ignored(header: str) -> None:
    assert ByteRange.parse(header) is None


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 200))
def test_a_range_never_leads_outside(first: int, last: int, size: int) -> None:
    found = ByteRange(first, last).within(size) if first <= last else None
    assert found is None or (0 <= found.first <= found.last < size and found.length <= size)


def test_a_content_range_is_read_in_both_ways() -> None:
    whole = ContentRange(10, 19, 100)
    assert ContentRange.parse(str(whole)) == whole
    assert ContentRange.parse(whole.plain) == ContentRange(10, 19)
    assert str(ContentRange(10, 19)) == "bytes 10-19/*"
    for nonsense in ("", "9-1", "bytes 0-99/50", "bytes */5", "0-", "1-2-3"):
        assert ContentRange.parse(nonsense) is None


@pytest.mark.parametrize(("count", "header"), [(0, "0-0"), (100, "0-99")])
def test_what_has_arrived_of_an_upload(count: int, header: str) -> None:
    assert messages.received_range(count) == header
    assert parse_received(header) == count


def test_what_has_arrived_is_not_guessed() -> None:
    assert [parse_received(text) for text in ("", "5-9", "x", "bytes=0-9")] == [0, 0, 0, 10]


def test_a_page_leads_to_the_next() -> None:
    link = messages.next_link(messages.CATALOG_PATH, 2, "team/a&b")
    path = parse_next(link)
    assert path == "/v2/_catalog?n=2&last=team%2Fa%26b"
    assert parse_page(path.partition("?")[2], 100) == (2, "team/a&b")


@pytest.mark.parametrize(
    "link",
    [
        "",
        '</v2/_catalog>; rel="prev"',
        '<https://elsewhere.example/v2/_catalog>; rel="next"',
        '<//elsewhere.example/v2/_catalog>; rel="next"',
        '</etc/passwd>; rel="next"',
        '<https://[>; rel="next"',
        '<//[>; rel="next"',
    ],
)
def test_a_link_that_leads_elsewhere_leads_nowhere(link: str) -> None:
    assert parse_next(link) is None


def test_a_page_is_never_larger_than_allowed() -> None:
    assert parse_page("", 50) == (50, "")
    assert parse_page("n=1000&last=x", 50) == (50, "x")
    for number in ("-1", "x", "1e3", "9" * 30):
        with pytest.raises(RegistryError, match="PAGINATION_NUMBER_INVALID"):
            parse_page(f"n={number}", 50)
