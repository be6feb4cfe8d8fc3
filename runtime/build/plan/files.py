"""COPY and ADD, worked out: sources, destination, owner, mode.

Rule: pure; which files there are is found out when the step is carried out.
Dockerfile reference, "COPY", "ADD".
"""

from __future__ import annotations

import re

from runtime.build.plan.scope import Scope
from runtime.build.step import CopyFiles, Destination, Document
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.expand import expand
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError

_MODE = re.compile(r"[0-7]{3,4}")
_ADDRESS = re.compile(r"https?://|git://|git@", re.IGNORECASE)


def plan_copy(scope: Scope, instruction: ins.Copy) -> CopyFiles:
    """The step of a COPY or an ADD. Raises DockerfileError."""
    sources = tuple(map(scope.expand_word, instruction.sources))
    destination = scope.expand_word(instruction.destination)
    owner = instruction.chown and scope.expand_word(instruction.chown)
    unpacks = isinstance(instruction, ins.Add)
    if unpacks:
        _refuse_addresses(sources)
    documents = tuple(_document(scope, each) for each in instruction.documents)
    flags = [
        f"--{name}={scope.expand(word)}"
        for name, word in (
            ("from", instruction.origin),
            ("chown", instruction.chown),
            ("chmod", instruction.chmod),
        )
        if word
    ]
    named = [source.text for source in sources] + [f"<<{each.name}" for each in documents]
    return CopyFiles(
        instruction,
        " ".join(("ADD" if unpacks else "COPY", *flags, *named, destination.text)),
        scope.config,
        sources=sources,
        destination=_destination(scope, destination),
        owner=owner,
        mode=_mode(scope, instruction.chmod) if instruction.chmod else None,
        origin=instruction.origin,
        documents=documents,
        unpacks=unpacks,
    )


def _document(scope: Scope, document: ins.HereDocument) -> Document:
    """A here-document as a file; in it, quotes are characters like others."""
    text = document.text
    if document.expands:
        content = Word(text, document.word.place)
        text = expand(content, scope.variables, quotes=False)
    return Document(document.word, document.name, text.encode())


def _mode(scope: Scope, word: Word) -> int:
    text = scope.expand(word)
    if not _MODE.fullmatch(text):
        raise DockerfileError(
            "{file}:{line}:{column}: not a mode: {text}",
            hint="write it in octal, such as --chmod=755",
            text=text,
            **word.place.facts(),
        )
    return int(text, 8)


def _destination(scope: Scope, word: Word) -> Destination:
    is_directory = word.text.rpartition("/")[2] in ("", ".", "..")
    return Destination(word, scope.absolute(word.text), is_directory)


def _refuse_addresses(sources: tuple[Word, ...]) -> None:
    """ADD of what is elsewhere. Raises DockerfileError."""
    for source in sources:
        if _ADDRESS.match(source.text):
            raise DockerfileError(
                "{file}:{line}:{column}: ADD of an address is not supported yet: {address}",
                hint="download it into the build context and COPY it",
                address=source.text,
                **source.place.facts(),
            )
