"""COPY and ADD, as they are written.

    COPY --from=build --chown=app /out /srv/        words between blanks
    COPY ["a file", "/with blanks/"]                or a JSON list
    COPY <<EOF /etc/motd                            or lines of the Dockerfile itself

The rules are BuildKit's (frontend/dockerfile/instructions, parseCopy). Rule: pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.dockerfile import instruction as ins
from runtime.dockerfile.source import Word
from runtime.dockerfile.statement import Statement, read_json_list, refuse_variable
from runtime.errors import DockerfileError


def read_copy(statement: Statement) -> ins.Copy:
    """COPY, with its flags. Raises DockerfileError."""
    flags = statement.read_flags(
        ("chown", "chmod", "from"), switches=("link", "parents"), lists=("exclude",)
    )
    return ins.Copy(
        **statement.head,
        **_files(statement, flags),
        origin=_origin(flags),
        parents=_truth(flags, "parents") or False,
    )


def read_add(statement: Statement) -> ins.Add:
    """ADD, with its flags. Raises DockerfileError."""
    flags = statement.read_flags(
        ("chown", "chmod", "checksum"),
        later=("keep-git-dir",),
        switches=("link", "unpack"),
        lists=("exclude",),
    )
    return ins.Add(
        **statement.head,
        **_files(statement, flags),
        checksum=flags.get("checksum"),
        unpack=_truth(flags, "unpack"),
    )


def _truth(flags: Mapping[str, Word], name: str) -> bool | None:
    """What a switch says; None if it is not there."""
    return flags[name].text == "true" if name in flags else None


def _origin(flags: Mapping[str, Word]) -> Word | None:
    """--from: the name or number of a stage, or an image; docker expands no variable in it."""
    origin = flags.get("from")
    return refuse_variable(origin) if origin else None


def _files(statement: Statement, flags: Mapping[str, Word]) -> dict[str, Any]:
    """What COPY and ADD share. `--link` makes no difference to what is in the image."""
    listed = read_json_list(statement.rest)
    words = (
        statement.words
        if listed is None
        else tuple(Word(text, statement.rest.place) for text in listed)
    )
    if len(words) < 2:
        raise DockerfileError(
            "{file}:{line}:{column}: {name} takes at least a source and a destination",
            hint="{name} source… destination",
            name=statement.name,
            **(statement.rest if words else statement.keyword).place.facts(),
        )
    *sources, destination = words
    announced = {word.place for word in words if _announces(statement, word)}
    if destination.place in announced and listed is None:
        raise DockerfileError(
            "{file}:{line}:{column}: a here-document cannot be the destination: {word}",
            hint="{name} {word} /path",
            name=statement.name,
            word=destination.text,
            **destination.place.facts(),
        )
    return {
        "sources": tuple(word for word in sources if word.place not in announced),
        "destination": destination,
        "chown": flags.get("chown"),
        "chmod": flags.get("chmod"),
        "documents": statement.documents,
        "excludes": statement.flag_values("exclude"),
    }


def _announces(statement: Statement, word: Word) -> bool:
    """Whether a word is, or is part of, what announces a here-document."""
    places = (document.word.place for document in statement.documents)
    return any(
        place.line == word.place.line
        and place.columns[0] <= word.place.columns[0]
        and word.place.columns[1] <= place.columns[1]
        for place in places
    )
