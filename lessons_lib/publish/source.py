"""The text of a lesson, `notebooks/source/NN-name.md`, read into units.

The format is described in docs/CONTRIBUTING.md. Everything that can be wrong with one file by
itself is found here, with its line; what its two languages have in common is parity.py's part.

This file is pure: it opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

from lessons_lib.language import LANGUAGES, Language

MARK = re.compile(r"<!-- (?P<kind>[a-z]+)(?:: (?P<key>[^\s=]+))?(?P<options>(?: [^\s=]+=\S+)*) -->")
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "# YOUR CODE HERE"
LONGEST_CELL = 12
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "prose": LANGUAGES,
    "code": ("tags",),
    "exercise": (),
    "grade": ("exercise", "points"),
    "answer": ("exercise", "kind", "hint"),
}


class SourceError(ValueError):
    """What is wrong with a source, and the line, counted from 1."""

    def __init__(self, lesson: str, line: int, fault: str) -> None:
        super().__init__(f"notebooks/source/{lesson}.md:{line}: {fault}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Prose:
    """A Markdown cell. `seals` holds what each language looked like when both agreed."""

    key: str
    line: int
    text: Mapping[Language, str]
    seals: Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class Code:
    """A code cell, the same bytes in every language."""

    key: str
    line: int
    code: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exercise:
    """A code cell with a hole. `with_answer` fills it."""

    key: str
    line: int
    before: str
    solution: str
    after: str

    def with_answer(self, answer: str) -> str:
        """The cell as somebody who answers `answer` leaves it."""
        return "\n".join(part for part in (self.before, answer, self.after) if part)

    @property
    def stub(self) -> str:
        """The cell as it is published."""
        indent = re.match(r"\s*", self.solution)
        return self.with_answer((indent[0] if indent else "") + STUB)


@dataclass(frozen=True, slots=True)
class Grade:
    """The code cell that grades the exercise named `exercise`."""

    key: str
    line: int
    exercise: str
    points: float
    code: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A seeded answer: the grader must see that it is right, or which mistake it makes."""

    key: str
    line: int
    exercise: str
    right: bool
    hint: str
    code: str


Unit = Prose | Code | Exercise | Grade | Answer


@dataclass(frozen=True, slots=True)
class Lesson:
    """All units of one source in their order. `name` is the file's, without its ending."""

    name: str
    units: tuple[Unit, ...]

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """The exercises in their order."""
        return tuple(unit for unit in self.units if isinstance(unit, Exercise))

    def answers(self, exercise: str) -> tuple[Answer, ...]:
        """The seeded answers to one exercise in their order."""
        return tuple(
            unit for unit in self.units if isinstance(unit, Answer) and unit.exercise == exercise
        )

    def title(self, language: Language) -> str:
        """The lesson's first heading."""
        first = self.units[0]
        assert isinstance(first, Prose)
        return first.text[language].splitlines()[0].removeprefix("# ")


@dataclass(frozen=True, slots=True)
class _Part:
    """A mark and the text up to the next one."""

    line: int
    kind: str
    key: str
    options: Mapping[str, str]
    body: str


def parse(text: str, name: str) -> Lesson:
    """Read a whole source. Raises SourceError for the first thing that is wrong with it."""
    units = tuple(_Reader(name).units(text))
    _check_whole(name, units)
    return Lesson(name, units)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Knows the lesson's name, so that every refusal can say it."""

    lesson: str

    def units(self, text: str) -> Iterator[Unit]:
        parts = iter(list(self._parts(text)))
        for part in parts:
            self._check_head(part)
            if part.kind == "prose":
                yield self._prose(part, next(parts, None), next(parts, None))
            else:
                yield self._cell(part)

    def _parts(self, text: str) -> Iterator[_Part]:
        """Cut at the marks. A mark inside a fence is text: a lesson may show one."""
        lines = text.split("\n")
        starts = [*self._marks(lines), (len(lines), None)]
        self._refuse_unless(not "".join(lines[: starts[0][0]]).strip(), 1, "text before any unit")
        for (start, mark), (end, _) in pairwise(starts):
            assert mark
            options = dict(option.split("=", 1) for option in mark["options"].split())
            body = "\n".join(lines[start + 1 : end]).strip("\n")
            yield _Part(start + 1, mark["kind"], mark["key"] or "", options, body)

    def _marks(self, lines: list[str]) -> Iterator[tuple[int, re.Match[str] | None]]:
        fence = ""
        for number, line in enumerate(lines):
            if ticks := re.match(r"`{3,}", line):
                if not fence:
                    fence = ticks[0]
                elif line.rstrip() == fence:
                    fence = ""
            elif not fence and line.startswith("<!--"):
                mark = MARK.fullmatch(line.rstrip())
                self._refuse_unless(mark is not None, number + 1, f"not a mark: {line}")
                yield number, mark

    def _check_head(self, part: _Part) -> None:
        allowed = OPTIONS.get(part.kind)
        if allowed is None:
            self._refuse(part, f"“{part.kind}” is no kind of unit ({', '.join(OPTIONS)})")
        if not KEY.fullmatch(part.key) or len(part.key) > 64:
            self._refuse(part, f"“{part.key}” is no key: lower-case words with hyphens, up to 64")
        if unknown := set(part.options) - set(allowed):
            self._refuse(part, f"{part.kind} has no option {', '.join(sorted(unknown))}")

    def _prose(self, part: _Part, *sides: _Part | None) -> Prose:
        kinds = tuple(side.kind if side else "" for side in sides)
        if part.body or kinds != LANGUAGES:
            self._refuse(part, "prose is <!-- ko --> and its text, then <!-- en --> and its text")
        text = {
            language: side.body for language, side in zip(LANGUAGES, sides, strict=True) if side
        }
        if not all(text.values()):
            self._refuse(part, "one language is blank")
        seals = {language: part.options.get(language, "") for language in LANGUAGES}
        return Prose(part.key, part.line, text, seals)

    def _cell(self, part: _Part) -> Unit:
        code = self._fenced(part)
        match part.kind:
            case "code":
                tags = tuple(filter(None, part.options.get("tags", "").split(",")))
                return Code(part.key, part.line, self._short(part, code), tags)
            case "exercise":
                return self._exercise(part, code)
            case "grade":
                points = float(self._option(part, "points"))
                exercise = self._option(part, "exercise")
                return Grade(part.key, part.line, exercise, points, self._short(part, code))
        return self._answer(part, code)

    def _answer(self, part: _Part, code: str) -> Answer:
        kind = self._option(part, "kind")
        self._refuse_unless(kind in ("right", "wrong"), part.line, "kind is right or wrong")
        hint = self._option(part, "hint") if kind == "wrong" else ""
        exercise = self._option(part, "exercise")
        return Answer(part.key, part.line, exercise, kind == "right", hint, code)

    def _exercise(self, part: _Part, code: str) -> Exercise:
        lines = code.split("\n")
        stripped = [line.strip() for line in lines]
        if stripped.count(BEGIN) != 1 or stripped.count(END) != 1:
            self._refuse(part, f"an exercise has one {BEGIN} and one {END}")
        begin, end = stripped.index(BEGIN), stripped.index(END)
        if begin + 1 >= end:
            self._refuse(part, "the solution is empty")
        before, solution, after = lines[:begin], lines[begin + 1 : end], lines[end + 1 :]
        return Exercise(part.key, part.line, *map("\n".join, (before, solution, after)))

    def _fenced(self, part: _Part) -> str:
        lines = part.body.split("\n")
        fence = re.fullmatch(r"(`{3,})python", lines[0])
        if not fence or lines[-1] != fence[1] or fence[1] in lines[1:-1]:
            self._refuse(part, f"{part.kind} is one ```python fence and nothing else")
        return "\n".join(lines[1:-1])

    def _short(self, part: _Part, code: str) -> str:
        if code.count("\n") >= LONGEST_CELL:
            self._refuse(
                part, f"a cell has up to {LONGEST_CELL} lines; details live in lessons_lib"
            )
        return code

    def _option(self, part: _Part, name: str) -> str:
        if name not in part.options:
            self._refuse(part, f"{part.kind} “{part.key}” needs {name}=…")
        return part.options[name]

    def _refuse(self, part: _Part, fault: str) -> NoReturn:
        raise SourceError(self.lesson, part.line, fault)

    def _refuse_unless(self, holds: bool, line: int, fault: str) -> None:
        if not holds:
            raise SourceError(self.lesson, line, fault)


def _check_whole(name: str, units: tuple[Unit, ...]) -> None:
    """What no unit can know by itself: keys, order, and that every grader can be proven."""
    if not units or not isinstance(units[0], Prose):
        raise SourceError(name, 1, "a lesson begins with prose")
    for language in LANGUAGES:
        if not units[0].text[language].startswith("# "):
            raise SourceError(name, units[0].line, f"the first prose has no # title in {language}")
    seen: set[str] = set()
    for unit in units:
        if unit.key in seen:
            raise SourceError(name, unit.line, f"the key “{unit.key}” is there twice")
        if isinstance(unit, Grade | Answer) and unit.exercise not in seen:
            raise SourceError(name, unit.line, f"no exercise “{unit.exercise}” before it")
        seen.add(unit.key)
    for exercise in (unit for unit in units if isinstance(unit, Exercise)):
        _check_provable(name, exercise, units)


def _check_provable(name: str, exercise: Exercise, units: tuple[Unit, ...]) -> None:
    mine = [unit for unit in units if isinstance(unit, Grade | Answer)]
    mine = [unit for unit in mine if unit.exercise == exercise.key]
    answers = [unit for unit in mine if isinstance(unit, Answer)]
    if len(mine) - len(answers) != 1:
        raise SourceError(name, exercise.line, f"“{exercise.key}” needs one grade cell")
    if sum(not answer.right for answer in answers) < 3:
        raise SourceError(name, exercise.line, f"“{exercise.key}” needs three wrong answers")
    if not any(answer.right for answer in answers):
        raise SourceError(
            name, exercise.line, f"“{exercise.key}” needs a right answer written another way"
        )
