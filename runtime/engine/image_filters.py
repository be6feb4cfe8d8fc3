"""Which images, and which of their names, a list shows.

Docker Engine API 1.47, ImageList "filters"; a pattern for names is Go's path.Match, in which no
star matches a slash. github.com/distribution/reference, FamiliarMatch
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from runtime.engine.filters import Filters, has_labels, is_true, read_filters, until_ns
from runtime.engine.image import Image, created_ns

IMAGE_FILTERS = ("before", "dangling", "label", "reference", "since", "until")

Named = tuple[Image, list[str]]
"""An image, and those of its names that are meant; none for one that has none."""


def choose_images(
    every: Sequence[Image], filters: Filters, find: Callable[[str], Image]
) -> list[Named]:
    """Those that pass every filter. Raises InvalidInput for a filter that does not exist, and
    what `find` raises for an image that a filter names.
    """
    wanted = read_filters(filters, IMAGE_FILTERS)
    tests = [_test(name, texts, find) for name, texts in wanted.items() if name != "reference"]
    named = [(image, _names(image, wanted.get("reference"))) for image in every]
    return [
        (image, names)
        for image, names in named
        if (names or "reference" not in wanted) and all(test(image) for test in tests)
    ]


def _test(name: str, texts: list[str], find: Callable[[str], Image]) -> Callable[[Image], bool]:
    """One filter, its values read, as a question about an image."""
    match name:
        case "dangling":
            dangling = is_true(name, texts)
            return lambda image: dangling == (not image.tags)
        case "label":
            return lambda image: has_labels(image.labels, texts)
        case "before":
            limits = [created_ns(find(text)) for text in texts]
            return lambda image: all(created_ns(image) < limit for limit in limits)
        case "since":
            limits = [created_ns(find(text)) for text in texts]
            return lambda image: all(created_ns(image) > limit for limit in limits)
        case _:
            limits = [until_ns(text) for text in texts]
            return lambda image: all(created_ns(image) < limit for limit in limits)


def _names(image: Image, patterns: Sequence[str] | None) -> list[str]:
    if patterns is None:
        return image.tags
    return [name for name in image.tags if any(matches(name, pattern) for pattern in patterns)]


def matches(name: str, pattern: str) -> bool:
    """Whether the pattern means the name, with its tag or without."""
    shape = re.compile(_translated(pattern))
    return any(shape.fullmatch(text) for text in (name, name.rpartition(":")[0]))


def _translated(pattern: str) -> str:
    """A pattern of Go's path.Match as a regular expression."""
    tokens = re.findall(r"\[\^?[^\]]+\]|\\.|.", pattern, re.DOTALL)
    wild = {"*": "[^/]*", "?": "[^/]"}
    return "".join(
        token if len(token) > 2 else wild.get(token) or re.escape(token[-1]) for token in tokens
    )
