"""JSON documents: read with an address for every mistake, written one way only.

A digest is over bytes, so writing must be deterministic: members in the order they are given,
maps sorted, no spaces, UTF-8. Reading is stricter than `json` (no NaN, no bottomless nesting)
and names the exact place of a mistake: `manifest.layers[2].size`. As Go programs write `null`
for empty lists and maps, null counts as absent.

image-spec: canonicalization.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Self, TypeVar

from runtime.errors import InvalidInput, InvalidSpec
from runtime.oci.digest import Digest

_D = TypeVar("_D", bound=Digest)
_T = TypeVar("_T")
_KINDS = {str: "string", int: "integer", bool: "boolean", list: "array", dict: "object"}


def canonical_json(members: Mapping[str, Any]) -> bytes:
    """The one byte sequence for `members`, in their order. Raises InvalidSpec.

    Only text that no JSON can carry is refused: half a surrogate pair, that is, a name or a
    value that was not UTF-8 on its file system.
    """
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError as cause:
        raise InvalidSpec(
            "text that is not UTF-8 cannot be written to an image: {text!r}",
            text=text[max(cause.start - 20, 0) : cause.end + 20],
        ) from cause


def without_empty(members: Mapping[str, Any], *, unless: tuple[str, ...] = ()) -> dict[str, Any]:
    """`members` without those that are None, False or empty: what Go calls omitempty.

    The members named in `unless` are left out only when they are None.
    """
    return {
        name: value
        for name, value in members.items()
        if value or (name in unless and value is not None)
    }


def without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    """`members` without those that are None: empty ones say something, too."""
    return {name: value for name, value in members.items() if value is not None}


def sorted_map(values: Mapping[str, Any]) -> dict[str, Any]:
    """A map's members sorted by name: the order in which Go programs write theirs."""
    return dict(sorted(values.items()))


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object and where it stands, such as `manifest.layers[2]`."""

    members: Mapping[str, Any]
    where: str

    @classmethod
    def parse(cls, data: bytes, where: str) -> Self:
        """The object that `data` holds. Raises InvalidSpec when it is none."""
        try:
            value = json.loads(data, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as cause:
            raise InvalidSpec("{where}: not JSON: {cause}", where=where, cause=cause) from cause
        _expect(value, dict, where)
        return cls(value, where)

    def has(self, name: str) -> bool:
        """Whether member `name` is there and not null."""
        return self.members.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A string member; `default` when it is absent, or InvalidSpec when there is none."""
        return self._member(name, str, default)

    def number(self, name: str) -> int:
        """An integer member that is a size or a version: from 0 to 2⁶³−1."""
        value = self._member(name, int)
        if not 0 <= value < 1 << 63:
            raise InvalidSpec("{where}: {value} is out of range", where=self._at(name), value=value)
        return value

    def integer(self, name: str) -> int:
        """An integer member of any size and sign."""
        return self._member(name, int)

    def integers(self, name: str) -> tuple[int, ...]:
        """An array of integers, empty when absent."""
        return tuple(_expect(item, int, at) for at, item in self._items(name))

    def flag(self, name: str) -> bool:
        """A boolean member, false when absent."""
        return self._member(name, bool, False)

    def digest(self, name: str, kind: type[_D]) -> _D:
        """A string member that spells a digest."""
        return _as_digest(self.text(name), kind, self._at(name))

    def digests(self, name: str, kind: type[_D]) -> tuple[_D, ...]:
        """An array of digests, empty when absent."""
        texts = enumerate(self.texts(name) or ())
        return tuple(_as_digest(text, kind, f"{self._at(name)}[{i}]") for i, text in texts)

    def texts(self, name: str) -> tuple[str, ...] | None:
        """An array of strings, None when absent (an absent Cmd is not an empty one)."""
        if not self.has(name):
            return None
        return tuple(_expect(item, str, at) for at, item in self._items(name))

    def text_map(self, name: str) -> dict[str, str]:
        """An object whose values are all strings, empty when absent."""
        values = self._member(name, dict, {})
        return {
            key: _expect(value, str, f"{self._at(name)}.{key}") for key, value in values.items()
        }

    def names(self, name: str) -> tuple[str, ...]:
        """The sorted keys of an object that serves as a set (ExposedPorts, Volumes)."""
        return tuple(sorted(self._member(name, dict, {})))

    def child(self, name: str, *, optional: bool = False) -> Document:
        """A member that is an object; an absent one is an error, or empty if `optional`."""
        return Document(self._member(name, dict, {} if optional else None), self._at(name))

    def children(self, name: str) -> tuple[Document, ...]:
        """An array of objects, empty when absent."""
        return tuple(Document(_expect(item, dict, at), at) for at, item in self._items(name))

    def others(self, *known: str) -> dict[str, Any]:
        """The members that are not `known`: kept, so that rewriting a document loses nothing."""
        return {name: value for name, value in self.members.items() if name not in known}

    def _items(self, name: str) -> list[tuple[str, Any]]:
        values = self._member(name, list, [])
        return [(f"{self._at(name)}[{i}]", value) for i, value in enumerate(values)]

    def _member(self, name: str, kind: type[_T], default: _T | None = None) -> _T:
        value = self.members.get(name)
        if value is not None:
            return _expect(value, kind, self._at(name))
        if default is None:
            raise InvalidSpec("{where}: this member is missing", where=self._at(name))
        return default

    def _at(self, name: str) -> str:
        return f"{self.where}.{name}"


def _expect(value: Any, kind: type[_T], where: str) -> _T:
    # In Python a bool is also an int, in JSON it is not.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidSpec(
            "{where}: expected JSON type {expected}, found {found}",
            where=where,
            expected=_KINDS[kind],
            found=_KINDS.get(type(value), "null" if value is None else "number"),
        )
    return value


def _as_digest(text: str, kind: type[_D], where: str) -> _D:
    try:
        return kind(text)
    except InvalidInput as cause:
        raise InvalidSpec("{where}: not a digest: {text!r}", where=where, text=text) from cause


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
