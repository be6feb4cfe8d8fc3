"""COPY and ADD, worked out: sources, destination, owner, mode.

Rule: pure; which files there are is found out when the step is carried out.
Dockerfile reference, "COPY", "ADD".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from runtime.build.mode import Mode
from runtime.build.plan.scope import Scope
from runtime.build.step import CopyFiles, Destination, Document
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.expand import expand
from runtime.dockerfile.ignore import Ignore, Pattern
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError

_DEEP = re.compile(r"(?<![^/])\*\*(?![^/])")
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_GIT = re.compile(r"git://|git@|ssh://|https?://[^#?]+\.git(#.*)?$", re.IGNORECASE)
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


def plan_copy(scope: Scope, instruction: ins.Copy) -> CopyFiles:
    """The step of a COPY or an ADD. Raises DockerfileError."""
    words = tuple(map(scope.expand_word, instruction.sources))
    destination = scope.expand_word(instruction.destination)
    documents = tuple(_document(scope, each) for each in instruction.documents)
    step = CopyFiles(
        instruction,
        _created_by(scope, instruction, words, destination),
        scope.config,
        sources=words if instruction.parents else tuple(map(_in_one_directory, words)),
        destination=_destination(scope, destination),
        owner=instruction.chown and scope.expand_word(instruction.chown),
        mode=_mode(scope, instruction.chmod) if instruction.chmod else None,
        origin=instruction.origin,
        documents=documents,
        parents=instruction.parents,
        excludes=_excludes(scope, instruction.excludes),
    )
    return _plan_add(scope, instruction, step) if isinstance(instruction, ins.Add) else step


def _in_one_directory(word: Word) -> Word:
    """Only with --parents does `**` reach down: elsewhere it is `*`, as in Go."""
    return Word(_DEEP.sub("*", word.text), word.place)


def _plan_add(scope: Scope, instruction: ins.Add, step: CopyFiles) -> CopyFiles:
    """What ADD does beyond COPY: it downloads, and unpacks."""
    for word in step.sources:
        if _GIT.match(word.text):
            raise DockerfileError(
                "{file}:{line}:{column}: ADD of a git repository is not supported yet: {address}",
                hint="clone it into the build context and COPY it",
                address=word.text,
                **word.place.facts(),
            )
    addresses = tuple(word for word in step.sources if _ADDRESS.match(word.text))
    return replace(
        step,
        sources=tuple(word for word in step.sources if word not in addresses),
        addresses=addresses,
        checksum=_checksum(scope, instruction, step, addresses),
        unpacks=instruction.unpack is not False,
        unpacks_downloads=instruction.unpack is True,
    )


def _checksum(
    scope: Scope, instruction: ins.Add, step: CopyFiles, addresses: tuple[Word, ...]
) -> str:
    """What --checksum says. Raises DockerfileError if that is none, or there is no one file that
    it could be about.
    """
    word = instruction.checksum
    if word is None:
        return ""
    text = scope.expand(word).lower()
    if not _CHECKSUM.fullmatch(text):
        raise DockerfileError(
            "{file}:{line}:{column}: not a checksum: {text}",
            hint="sha256: and 64 hex digits: `sha256sum FILE` prints them",
            text=text,
            **word.place.facts(),
        )
    if len(addresses) != 1 or len(step.sources) + len(step.documents) != 1:
        raise DockerfileError(
            "{file}:{line}:{column}: --checksum is for one source, which is an address",
            hint="ADD --checksum=sha256:… https://… destination",
            **word.place.facts(),
        )
    return text


def _created_by(
    scope: Scope, instruction: ins.Copy, sources: Iterable[Word], destination: Word
) -> str:
    """The line of the history: flags that made a difference, sources, destination."""
    flags = [
        f"--{name}={scope.expand(word)}"
        for name, word in (
            ("from", instruction.origin),
            ("chown", instruction.chown),
            ("chmod", instruction.chmod),
            *(("exclude", word) for word in instruction.excludes),
        )
        if word
    ]
    if instruction.parents:
        flags.append("--parents")
    named = [source.text for source in sources]
    named += [f"<<{document.name}" for document in instruction.documents]
    keyword = "ADD" if isinstance(instruction, ins.Add) else "COPY"
    return " ".join((keyword, *flags, *named, destination.text))


def _document(scope: Scope, document: ins.HereDocument) -> Document:
    """A here-document as a file; in it, quotes are characters like others."""
    text = document.text
    if document.expands:
        content = Word(text, document.word.place)
        text = expand(content, scope.variables, quotes=False)
    return Document(document.word, document.name, text.encode())


def _mode(scope: Scope, word: Word) -> Mode:
    text = scope.expand(word)
    mode = Mode.parse(text)
    if mode is None:
        raise DockerfileError(
            "{file}:{line}:{column}: not a mode: {text}",
            hint="write it in octal or in letters, such as --chmod=755 or --chmod=u=rwX,go=rX",
            text=text,
            **word.place.facts(),
        )
    return mode


def _excludes(scope: Scope, words: tuple[Word, ...]) -> Ignore:
    """The patterns of all --exclude, which are those of a .dockerignore."""
    patterns: list[Pattern] = []
    for word in words:
        text = scope.expand(word)
        try:
            patterns.append(Pattern.parse(text))
        except re.error as cause:
            raise DockerfileError(
                "{file}:{line}:{column}: not a pattern: {pattern}",
                hint="a [ needs its ], and something between them",
                pattern=text,
                **word.place.facts(),
            ) from cause
    return Ignore(tuple(patterns))


def _destination(scope: Scope, word: Word) -> Destination:
    is_directory = word.text.rpartition("/")[2] in ("", ".", "..")
    return Destination(word, scope.absolute(word.text), is_directory)
