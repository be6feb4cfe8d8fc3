"""Commands as one types them: what a shell answers, kept in the notebook.

    terminal("onggi ps -a", "onggi logs sunja")     one after the other, in a shell
    typed("onggi exec -it sunja sh", "tty", "exit")   the same with a real terminal between
    typed("onggi exec -it sunja sh", "sleep 1d", CTRL_C, window(40, 100), "exit")

`onggi` is this repository's, in the language of the notebook. The ids of containers differ from run
to run, so they are shown by whose they are: ‹id of sunja›.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lessons_lib import folder
from lessons_lib.language import current, say
from lessons_lib.shown import CLAY, FAINT, INK, MONO, PAPER, RULE, Shown, card, escaped, strong
from runtime.engine import Engine

PATIENCE_S = 60
"""A command of a lesson that takes longer hangs."""

NOTHING: Mapping[str, str] = {}

CTRL_C = "\x03"
"""The key that interrupts: for `typed`, once the command before it has written a line."""

SHORT = 12
"""Digits of an id that docker and we print."""


@dataclass(frozen=True, slots=True)
class Transcript(Shown):
    """What was typed and what was answered; `exit_code` and `output` are the last command's."""

    exit_code: int = 0
    output: str = ""


def terminal(*lines: str) -> Transcript:
    """Run each line in a shell of its own, in the lesson's folder, and show it with its answer.

    Standard error is shown where it came, as in a terminal; an exit code other than 0 is said.
    """
    return answered(lines)


def answered(lines: Iterable[str], *, note: str = "", **variables: str) -> Transcript:
    """The same with more variables in the environment, below a note."""
    answers = [(line, *_answer(["sh", "-c", line], variables)) for line in lines]
    return _transcript(answers, note)


def window(rows: int, columns: int) -> str:
    """For `typed`: the terminal's window gets this size, once the command before it has written a
    line. It is the sequence by which a program asks xterm for that (XTWINOPS 8).
    """
    return f"\x1b[8;{rows};{columns}t"


def typed(command: str, *lines: str) -> Transcript:
    """Run `command` on a pseudo-terminal of 24 rows and 80 columns and type `lines` at its prompt.

    Among the lines may be CTRL_C and `window(…)`: they meet the command before them while it runs.
    What is shown is what a person would see on the screen, the typed lines included.
    """
    script = json.dumps({"command": command, "lines": lines})
    output, code = _answer([sys.executable, "-m", "lessons_lib.typist", script])
    return _transcript([(command, output, code)])


def _answer(command: list[str], variables: Mapping[str, str] = NOTHING) -> tuple[str, int]:
    done = subprocess.run(
        command,
        cwd=folder.current(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**_environment(), **variables},
        timeout=PATIENCE_S,
        check=False,
    )
    return done.stdout.decode(errors="replace").replace("\r\n", "\n"), done.returncode


def _environment() -> Mapping[str, str]:
    """Ours, with `onggi` on the PATH and in the notebook's language."""
    here = str(Path(sys.executable).parent)
    path = f"{here}:{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "ONGGI_LANG": current()}


def _transcript(answers: list[tuple[str, str, int]], note: str = "") -> Transcript:
    owners = _owners()
    words = [note] if note else []
    page = [f'<span style="color:{FAINT}">{escaped(note)}</span>\n'] if note else []
    for line, answer, code in answers:
        shown = _with_names(answer, owners).rstrip("\n")
        ending = say("terminal.exit", code=code) if code else ""
        words += filter(None, (f"$ {line}", shown, ending))
        page.append(_lines(line, shown, ending))
    _, output, code = answers[-1]
    style = f"margin:0;background:none;color:{INK};font-family:{MONO};white-space:pre-wrap"
    body = f'<pre style="{style}">{"".join(page)}</pre>'
    return Transcript("\n".join(words), card(body, edge=CLAY), exit_code=code, output=output)


def _lines(line: str, answer: str, ending: str) -> str:
    prompt = f'<span style="color:{FAINT}">$ </span>{strong(line, CLAY)}\n'
    said = f"{escaped(answer)}\n" if answer else ""
    told = (
        f'<span style="color:{PAPER};background:{INK};border:1px solid {RULE};border-radius:4px;'
        f'padding:0 6px">{escaped(ending)}</span>\n'
        if ending
        else ""
    )
    return prompt + said + told


def _owners() -> Mapping[str, str]:
    """Container id → name, of all there are."""
    return {each.id: each.name for each in Engine().containers.list(all=True)}


def _with_names(text: str, owners: Mapping[str, str]) -> str:
    """The text with each id of a container, whole or short, told by its owner's name."""
    for container_id, name in owners.items():
        short = container_id[:SHORT]
        text = re.sub(
            rf"\b{short}(?:{container_id[SHORT:]})?\b", say("terminal.id", name=name), text
        )
    return text
