"""Where lessons lie: sources, and the notebooks of each language made from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.language import LANGUAGES, Language
from lessons_lib.publish import parity, seals
from lessons_lib.publish.notebook import code_cells, notebook, read, without_outputs
from lessons_lib.publish.source import Lesson, parse

HOME = Path(__file__).resolve().parents[2]
_TERM = re.compile(r"^\| *([^|]+?) *\| *([^|]*?) *\|", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder `notebooks/` of a work tree."""

    home: Path = HOME

    def source(self, name: str) -> Path:
        """The source of a lesson."""
        return self.home / "notebooks" / "source" / f"{name}.md"

    def folder(self, language: Language) -> Path:
        """The notebooks of one language."""
        return self.home / "notebooks" / language

    def book(self, name: str, language: Language) -> Path:
        """One lesson's notebook in one language."""
        return self.folder(language) / f"{name}.ipynb"

    def names(self) -> tuple[str, ...]:
        """All lessons that have a source, in their order."""
        return tuple(sorted(path.stem for path in self.source("x").parent.glob("[0-9]*.md")))

    def named(self, words: list[str]) -> tuple[str, ...]:
        """The lessons whose names begin with one of `words`; all for none.

        Raises LookupError for a word that fits no lesson.
        """
        for word in words:
            if not any(name.startswith(word) for name in self.names()):
                raise LookupError(f"no lesson begins with “{word}”: {', '.join(self.names())}")
        return tuple(name for name in self.names() if not words or name.startswith(tuple(words)))

    def lesson(self, name: str) -> Lesson:
        """The source of one lesson, read. Raises SourceError."""
        return parse(self.source(name).read_text("utf-8"), name)

    def terms(self) -> dict[str, str]:
        """{English: Korean} from the first two columns of docs/GLOSSARY.md's table."""
        glossary = self.home / "docs" / "GLOSSARY.md"
        rows = _TERM.findall(glossary.read_text("utf-8")) if glossary.exists() else []
        body = [row for row in rows if not set("".join(row)) <= set("-: ")]
        return dict(body[1:])

    def faults(self, name: str) -> Iterator[str]:
        """Whatever is wrong with a published lesson, found without executing it."""
        lesson = self.lesson(name)
        yield from seals.broken(lesson)
        missing = [language for language in LANGUAGES if not self.book(name, language).exists()]
        for language in missing:
            yield f"notebooks/{language}/{name}.ipynb is missing: run make notebooks"
        if missing:
            return
        for language in LANGUAGES:
            yield from (f"{language}/{name}: {fault}" for fault in self._stale(lesson, language))
        ko, en = (read(self.book(name, language)) for language in LANGUAGES)
        unlike = [*parity.differences(ko, en), *parity.unlike_the_glossary(ko, en, self.terms())]
        yield from (f"{name}: {fault}" for fault in unlike)

    def strays(self) -> Iterator[str]:
        """Notebooks without a source, and words of the glossary without a translation."""
        for language in LANGUAGES:
            for path in sorted(self.folder(language).glob("*.ipynb")):
                if path.stem not in self.names():
                    yield f"notebooks/{language}/{path.name} has no source"
        for term, word in self.terms().items():
            if not term or not word:
                yield f"docs/GLOSSARY.md: blank beside “{term or word}”"

    def _stale(self, lesson: Lesson, language: Language) -> Iterator[str]:
        """How a stored notebook differs from what its source says, outputs aside."""
        stored = read(self.book(lesson.name, language))
        fresh = notebook(lesson, language, self.names())
        if without_outputs(stored) != fresh:
            yield "is not what its source says: run make notebooks"
        yield from parity.wrong_alphabet(stored, language)
        for number, cell in enumerate(code_cells(stored), 1):
            if cell.execution_count != number:
                yield f"cell “{cell.id}” was not executed in its turn"
