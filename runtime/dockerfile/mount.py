"""`RUN --mount=…`: what a command sees besides the image, and leaves no trace of in it.

    --mount=type=bind,source=.,target=/src         files of the context, or of `from=stage`
    --mount=type=cache,target=/root/.cache         a directory that outlives the build
    --mount=type=tmpfs,target=/tmp,size=64m        memory
    --mount=type=secret,id=token,env=TOKEN         what no layer and no history may hold

The options are fields of a line of CSV; a value may hold variables, except that of `from`: which
stages a build needs must be known before any of them is planned. The rules are BuildKit's
(frontend/dockerfile/instructions, parseMount). Rule: pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from runtime.dockerfile.nearest import nearest
from runtime.dockerfile.source import Word
from runtime.dockerfile.statement import refuse_variable
from runtime.errors import DockerfileError

MountKind = Literal["bind", "cache", "tmpfs", "secret"]
Sharing = Literal["shared", "private", "locked"]


@dataclass(frozen=True, slots=True)
class RunMount:
    """One mount. `source`, `target` and `id` are as they were written; "" is not said.

    `origin` is what `from` names. A secret with `env` is a variable, and a file only if it has a
    `target` too.
    """

    word: Word
    kind: MountKind = "bind"
    target: str = ""
    source: str = ""
    origin: str = ""
    id: str = ""
    env: str = ""
    sharing: Sharing = "shared"
    read_only: bool = True
    required: bool = False
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size_bytes: int | None = None


ALIASES = {
    "src": "source",
    "dst": "target",
    "destination": "target",
    "readonly": "ro",
    "readwrite": "rw",
}
EXAMPLES = {
    "type": "cache",
    "target": "/path",
    "source": "path",
    "from": "stage",
    "id": "name",
    "sharing": "locked",
    "ro": "true",
    "rw": "true",
    "required": "true",
    "env": "NAME",
    "mode": "0700",
    "uid": "1000",
    "gid": "1000",
    "size": "64m",
}
"""Every option, by its first name, and a value that it takes."""

SWITCHES = frozenset({"ro", "rw", "required"})

BELONGS = {
    "bind": frozenset({"target", "source", "from", "ro", "rw", "id"}),
    "cache": frozenset(
        {"target", "source", "from", "ro", "rw", "id", "sharing", "mode", "uid", "gid"}
    ),
    "tmpfs": frozenset({"target", "size", "id"}),
    "secret": frozenset({"target", "source", "id", "env", "required", "mode", "uid", "gid"}),
}
"""Which options go with which type."""

TRUE = ("1", "t", "T", "true", "True", "TRUE")
FALSE = ("0", "f", "F", "false", "False", "FALSE")

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?", re.IGNORECASE | re.ASCII)
_POWERS = ("", "k", "m", "g", "t", "p")


def read_mount(word: Word, expand: Callable[[Word], str]) -> RunMount:
    """The mount that `word` describes, its variables expanded. Raises DockerfileError."""
    options = _read_options(word, expand)
    kind = options.pop("type", "bind").lower()
    if kind == "ssh":
        raise DockerfileError(
            "{file}:{line}:{column}: RUN --mount=type=ssh is not supported yet",
            hint="give the key as a secret: --mount=type=secret",
            **word.place.facts(),
        )
    if kind not in BELONGS:
        raise _bad_value(word, "type", kind)
    for key in options:
        if key not in BELONGS[kind]:
            raise DockerfileError(
                "{file}:{line}:{column}: the option {key} does not go with --mount=type={kind}",
                key=key,
                kind=kind,
                **word.place.facts(),
            )
    mount = _mount(word, cast(MountKind, kind), options)
    _refuse_incomplete(mount)
    return mount


def mount_origin(word: Word) -> Word | None:
    """The stage or image that a mount takes its files from; None: it takes them from the
    context, or from nowhere. Raises DockerfileError for a variable.
    """
    origin = _fields(word).get("from", "")
    return refuse_variable(Word(origin, word.place)) if origin else None


def _fields(word: Word) -> dict[str, str]:
    """The options by their first names, in the order of the line; "" for one without `=`."""
    import csv  # few RUNs have mounts

    try:
        (row,) = csv.reader([word.text], strict=True)
    except (csv.Error, ValueError) as cause:
        raise DockerfileError(
            "{file}:{line}:{column}: --mount is not a line of options: {cause}",
            hint="separate them by commas: --mount=type=cache,target=/path",
            cause=cause,
            **word.place.facts(),
        ) from cause
    fields: dict[str, str] = {}
    for field in row:
        key, equals, value = field.partition("=")
        key = ALIASES.get(key.lower(), key.lower())
        if key not in EXAMPLES:
            raise _unknown(word, key)
        if not equals and key not in SWITCHES:
            raise _bad_value(word, key, "")
        fields[key] = value if equals else "true"
    return fields


def _read_options(word: Word, expand: Callable[[Word], str]) -> dict[str, str]:
    return {key: expand(Word(value, word.place)) for key, value in _fields(word).items()}


def _mount(word: Word, kind: MountKind, options: Mapping[str, str]) -> RunMount:
    read_only = kind in ("bind", "secret")
    for key, meaning in (("ro", True), ("rw", False)):
        if key in options:
            read_only = _truth(word, key, options[key]) is meaning
    values: dict[str, Any] = {
        **{name: options.get(name, "") for name in ("target", "source", "id", "env")},
        "sharing": _sharing(word, options.get("sharing", "shared")),
        "required": "required" in options and _truth(word, "required", options["required"]),
        "mode": _number(word, "mode", options, base=8),
        "uid": _number(word, "uid", options),
        "gid": _number(word, "gid", options),
        "size_bytes": _size(word, options["size"]) if "size" in options else None,
    }
    return RunMount(word, kind, origin=options.get("from", ""), read_only=read_only, **values)


def _refuse_incomplete(mount: RunMount) -> None:
    """Raises DockerfileError for a mount that names too little, or too much."""
    if mount.kind != "secret":
        missing = "" if mount.target else "target"
    else:
        missing = "" if mount.id or mount.source or mount.target else "id"
    if missing:
        raise DockerfileError(
            "{file}:{line}:{column}: --mount=type={kind} needs the option {key}",
            hint="for example: {key}={example}",
            kind=mount.kind,
            key=missing,
            example=EXAMPLES[missing],
            **mount.word.place.facts(),
        )
    if mount.kind == "secret" and mount.id and mount.source:
        raise DockerfileError(
            "{file}:{line}:{column}: a secret has either an id or a source: they mean the same",
            **mount.word.place.facts(),
        )


def _truth(word: Word, key: str, text: str) -> bool:
    """Go's strconv.ParseBool."""
    if text not in (*TRUE, *FALSE):
        raise _bad_value(word, key, text)
    return text in TRUE


def _sharing(word: Word, text: str) -> str:
    if text.lower() not in ("shared", "private", "locked"):
        raise _bad_value(word, "sharing", text)
    return text.lower()


def _number(word: Word, key: str, options: Mapping[str, str], base: int = 10) -> int | None:
    text = options.get(key)
    if text is None:
        return None
    digits = "0-7" if base == 8 else "0-9"
    if not re.fullmatch(rf"[{digits}]{{1,10}}", text) or int(text, base) >= 1 << 32:
        raise _bad_value(word, key, text)
    return int(text, base)


def _size(word: Word, text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise _bad_value(word, "size", text)
    return int(float(match[1]) * 1024 ** _POWERS.index(match[2].lower()))


def _bad_value(word: Word, key: str, value: str) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: the option {key} of --mount cannot be {value!r}",
        hint="for example: {key}={example}",
        key=key,
        value=value,
        example=EXAMPLES[key],
        **word.place.facts(),
    )


def _unknown(word: Word, key: str) -> DockerfileError:
    meant = nearest(key, (*EXAMPLES, *ALIASES))
    return DockerfileError(
        "{file}:{line}:{column}: --mount has no option {key!r}",
        hint="did you mean {meant}?" if meant else "",
        key=key,
        meant=meant,
        **word.place.facts(),
    )
