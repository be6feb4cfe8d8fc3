"""Every grader, proven in one run of its lesson.

One kernel runs the lesson from top to bottom. At an exercise it becomes a learner who tries
again and again: the untouched stub, each seeded wrong answer, each right one, and at last the
solution, with the grade cell after each. The run goes on with the solution.

An attempt is as expected when the untouched stub scores 0, a wrong answer scores less than all
points and is told its own mistake, and a right one scores all points and is told none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.language import Language
from lessons_lib.publish import execute
from lessons_lib.publish.notebook import Cell, notebook
from lessons_lib.publish.source import Exercise, Grade, Lesson

VERDICT = "application/vnd.onggi.verdict+json"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer and what the grader has to say about it. No `hint`: any, or none."""

    name: str
    code: str
    least: float
    most: float
    hint: str | None = None

    def faults(self, score: float, points: float, hint: str) -> Iterator[str]:
        """How the verdict differs from what it has to be."""
        if not self.least * points <= score <= self.most * points:
            yield f"{self.name}: {score:g} of {points:g} points"
        if self.hint is not None and hint != self.hint:
            yield f"{self.name}: told “{hint or 'no mistake'}”, expected “{self.hint}”"


def attempts(lesson: Lesson, exercise: Exercise) -> Iterator[Attempt]:
    """All attempts at one exercise, the solution last."""
    almost = 1 - 1e-6
    yield Attempt("untouched", exercise.stub, 0, 0)
    answers = lesson.answers(exercise.key)
    for answer in (each for each in answers if not each.right):
        code = exercise.with_answer(answer.code)
        yield Attempt(answer.key, code, 0, almost, answer.hint)
    for answer in (each for each in answers if each.right):
        yield Attempt(answer.key, exercise.with_answer(answer.code), 1, 1, "")
    yield Attempt("solution", exercise.with_answer(exercise.solution), 1, 1, "")


def prove(
    lesson: Lesson, language: Language, folder: Path, where: execute.Scratch
) -> Iterator[str]:
    """A sentence for each verdict that is not as expected, in the order of the lesson.

    Raises Unpublishable where a cell that is no attempt fails.
    """
    book = notebook(lesson, language)
    exercises = {exercise.key: exercise for exercise in lesson.exercises}
    grades = {unit.key: unit for unit in lesson.units if isinstance(unit, Grade)}
    places = {cell.id: place for place, cell in enumerate(book.cells)}
    with execute.kernel(book, folder, where) as client:
        for place, cell in enumerate(book.cells):
            if cell.cell_type != "code" or cell.id in exercises:
                continue
            if cell.id not in grades:
                execute.run(client, cell, place)
                continue
            exercise = exercises[grades[cell.id].exercise]
            asked = (book.cells[places[exercise.key]], places[exercise.key])
            for attempt in attempts(lesson, exercise):
                asked[0].source = attempt.code
                execute.run(client, *asked)
                execute.run(client, cell, place)
                yield from faults(attempt, grades[cell.id], cell.outputs)


def faults(attempt: Attempt, grade: Grade, outputs: Sequence[Cell]) -> Iterator[str]:
    """What is wrong with the verdict that the grade cell has left behind."""
    if any(output.get("name") == "stderr" for output in outputs):
        yield f"{grade.key}: {attempt.name}: the grade cell writes to stderr"
    verdicts = [output.data[VERDICT] for output in outputs if VERDICT in output.get("data", {})]
    results = [output for output in outputs if output.output_type == "execute_result"]
    if len(verdicts) != 1 or len(results) != 1:
        yield f"{grade.key}: {attempt.name}: a grade cell shows one verdict and ends in its score"
        return
    verdict, score = verdicts[0], float(results[0].data["text/plain"])
    if (verdict["score"], verdict["points"]) != (score, grade.points):
        yield f"{grade.key}: {attempt.name}: verdict and score differ: {verdict}, {score}"
    told = attempt.faults(score, grade.points, verdict["hint"] or "")
    yield from (f"{grade.key}: {fault}" for fault in told)
