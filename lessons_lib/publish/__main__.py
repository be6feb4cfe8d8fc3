"""`python -m lessons_lib.publish`: build, reword, check, bless or prove lessons.

build [03 …]       write and execute notebooks/ko and notebooks/en (make notebooks)
reword [03 …]      write their prose alone anew: nothing is executed, outputs stay
check [03 …]       compare them with their sources, without executing (make check)
bless 03 [key …]   both languages of these units have been compared and agree
prove [03 …]       try every seeded answer on every grader
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence

from lessons_lib.language import LANGUAGES
from lessons_lib.publish import execute, seals
from lessons_lib.publish.notebook import keep_outputs, notebook, read, write
from lessons_lib.publish.prove import prove
from lessons_lib.publish.shelf import Shelf
from lessons_lib.publish.source import SourceError


def main(arguments: Sequence[str] | None = None, shelf: Shelf | None = None) -> int:
    """Run one command; 0 if nothing is wrong, else 1 and a line for each fault."""
    parser = argparse.ArgumentParser("lessons_lib.publish", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("words", nargs="*")
    asked = parser.parse_args(arguments)
    try:
        faults = list(_COMMANDS[asked.command](shelf or Shelf(), asked.words))
    except (SourceError, LookupError, execute.Unpublishable) as problem:
        faults = [str(problem.args[0])]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def build(shelf: Shelf, words: list[str]) -> Iterator[str]:
    """Write both notebooks of each lesson, executed. A broken seal stops before that."""
    for name in shelf.named(words):
        lesson = shelf.lesson(name)
        if broken := list(seals.broken(lesson)):
            yield from broken
            continue
        for language in LANGUAGES:
            book = notebook(lesson, language, shelf.names())
            with execute.scratch() as where:
                execute.execute(book, shelf.folder(language), where)
            write(book, shelf.book(name, language))
            print(f"notebooks/{language}/{name}.ipynb")


def reword(shelf: Shelf, words: list[str]) -> Iterator[str]:
    """Write the prose of notebooks that have been executed. Where code has changed, `build`."""
    for name in shelf.named(words):
        lesson = shelf.lesson(name)
        if broken := list(seals.broken(lesson)):
            yield from broken
            continue
        for language in LANGUAGES:
            book, place = notebook(lesson, language, shelf.names()), shelf.book(name, language)
            if keep_outputs(book, read(place)):
                write(book, place)
            else:
                yield f"{language}/{name}: code has changed, too: run make notebooks"


def check(shelf: Shelf, words: list[str]) -> Iterator[str]:
    """Everything that can be wrong with the lessons without executing them."""
    for name in shelf.named(words):
        yield from shelf.faults(name)
    yield from shelf.strays()


def bless(shelf: Shelf, words: list[str]) -> Iterator[str]:
    """Seal units in their present form."""
    name, *keys = words or [""]
    found = shelf.named([name])
    if not name or len(found) != 1:
        yield f"bless one lesson at a time: {', '.join(found)}"
        return
    source, lesson = shelf.source(found[0]), shelf.lesson(found[0])
    source.write_text(seals.bless(source.read_text("utf-8"), lesson, keys), "utf-8")


def prove_graders(shelf: Shelf, words: list[str]) -> Iterator[str]:
    """Try every seeded answer, in both languages."""
    for name in shelf.named(words):
        for language in LANGUAGES:
            with execute.scratch() as where:
                yield from prove(shelf.lesson(name), language, shelf.folder(language), where)


_COMMANDS: dict[str, Callable[[Shelf, list[str]], Iterator[str]]] = {
    "build": build,
    "reword": reword,
    "check": check,
    "bless": bless,
    "prove": prove_graders,
}

if __name__ == "__main__":
    sys.exit(main())
