"""JSON documents: one way to write, an address for every mistake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidSpec
from runtime.oci.document import Document, canonical_json
from runtime.oci.image import ImageConfig, Index, Manifest


def test_bytes_have_no_spaces_keep_order_and_are_utf8() -> None:
    assert canonical_json({"b": [1, 2], "a": "옹기"}) == '{"b":[1,2],"a":"옹기"}'.encode()


def test_text_that_json_cannot_carry_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="not UTF-8"):
        canonical_json({"Env": ["NAME=\udcff"]})


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"1", b'{"a": NaN}', b"\xff", b'{"a":' * 100_000, b"[" * 100_000]
)
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidSpec, match=r"^manifest: "):
        Document.parse(data, "manifest")


@pytest.mark.parametrize(
    ("json", "address"),
    [
        (b'{"layers":[{},{"size":"1"}]}', r"manifest\.layers\[1\]\.size: .* integer.* string"),
        (b'{"layers":[{},{"size":true}]}', r"manifest\.layers\[1\]\.size: .* integer.* boolean"),
        (b'{"layers":[{},{"size":-1}]}', r"manifest\.layers\[1\]\.size: -1 is out of range"),
        (b'{"layers":[{},{}]}', r"manifest\.layers\[1\]\.size: this member is missing"),
        (b'{"layers":[{},[]]}', r"manifest\.layers\[1\]: .* object.* array"),
    ],
)
def test_a_mistake_is_named_by_its_place(json: bytes, address: str) -> None:
    with pytest.raises(InvalidSpec, match=address):
        Document.parse(json, "manifest").children("layers")[1].number("size")


def test_null_counts_as_absent_as_go_writes_it() -> None:
    document = Document.parse(b'{"Cmd":null,"Labels":null,"User":null}', "config")
    assert document.texts("Cmd") is None
    assert document.text_map("Labels") == {}
    assert document.text("User", "") == ""


_text = st.text(max_size=4)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _text,
    lambda values: st.lists(values, max_size=2) | st.dictionaries(_text, values, max_size=2),
    max_leaves=4,
)
_MEMBERS = st.sampled_from(
    [
        *("schemaVersion", "mediaType", "config", "layers", "manifests", "rootfs", "type"),
        *("diff_ids", "history", "size", "digest", "architecture", "os", "Env", "Cmd", "Labels"),
        *("Healthcheck", "created", "annotations", "platform"),
    ]
)


_documents = st.dictionaries(_MEMBERS, _JSON | st.dictionaries(_MEMBERS, _JSON, max_size=4))


@given(_documents)
def test_any_json_is_read_or_refused_by_name(members: dict[str, object]) -> None:
    try:
        data = canonical_json(members)
    except InvalidSpec:
        return
    for kind in (ImageConfig, Manifest, Index):
        try:
            document = kind.from_bytes(data)
        except InvalidSpec as refusal:
            assert refusal.message
        else:
            assert kind.from_bytes(document.to_bytes()) == document
