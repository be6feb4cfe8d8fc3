"""Which extended attributes belong to an image."""

from __future__ import annotations

import pytest

from runtime.layer.entry import is_content


@pytest.mark.parametrize(
    ("xattr", "expected"),
    [
        ("security.capability", True),
        ("user.note", True),
        ("user.overlay.opaque", False),
        ("trusted.overlay.redirect", False),
        ("trusted.note", False),
        ("security.selinux", False),
        ("system.posix_acl_access", False),
    ],
)
def test_a_layer_carries_only_what_is_the_images_own(xattr: str, expected: bool) -> None:
    assert is_content(xattr) is expected
