"""Descriptors survive the way to JSON and back."""

from __future__ import annotations

import pytest

from runtime.errors import InvalidSpec
from runtime.oci.descriptor import LAYER_GZIP, MANIFEST, Descriptor, Platform
from runtime.oci.digest import Digest

DIGEST = Digest.of(b"layer")


def test_json_has_only_what_is_said() -> None:
    descriptor = Descriptor(LAYER_GZIP, DIGEST, 5)
    assert descriptor.to_json() == {"mediaType": LAYER_GZIP, "digest": DIGEST, "size": 5}


def test_annotations_and_platform_come_back() -> None:
    platform = Platform("arm64", "linux", "v8")
    descriptor = Descriptor(MANIFEST, DIGEST, 7, {"b": "2", "a": "1"}, platform)
    assert list(descriptor.to_json()["annotations"]) == ["a", "b"]
    assert Descriptor.from_json(descriptor.to_json()) == descriptor
    assert str(platform) == "linux/arm64/v8"


@pytest.mark.parametrize("missing", ["mediaType", "digest", "size"])
def test_required_members(missing: str) -> None:
    json = Descriptor(MANIFEST, DIGEST, 0).to_json()
    del json[missing]
    with pytest.raises(InvalidSpec, match=rf"descriptor\.{missing}: this member is missing"):
        Descriptor.from_json(json)


def test_a_bad_digest_is_named() -> None:
    json = Descriptor(MANIFEST, DIGEST, 0).to_json() | {"digest": "sha256:short"}
    with pytest.raises(InvalidSpec, match=r"descriptor\.digest: not a digest"):
        Descriptor.from_json(json)
