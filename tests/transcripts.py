"""Transcripts: what a person types at docker's client, and what it answers.

    # A comment.
    $ docker create --name web onggi/base sleep 1000
      ID1
    $ docker start web nobody
      web
    ! Error response from daemon: …
    ! Error: failed to start containers: nobody
    = 1

A line is a shell's; indented is what it wrote to its output, `!` what to its errors, `=` its exit
code unless that is 0. Everything was recorded with Debian's client and Debian's dockerd. Where
another client says something else, even to that dockerd, a second answer follows `@28`. Where we
mean to differ, `@onggi: the reason` is followed by our answer: these are all the exceptions.

What cannot be the same twice is named: an ID gets a number in the order of appearance, so the same
ID is the same name in all of a transcript; moments, durations and sizes become TIME, AGO and SIZE;
the daemon's own words behind "Error response from daemon" are each engine's. `| shape` at the end
of a line shows the members of a JSON document and their kinds, of which we must have all and may
have more; `| shape without` is followed by the beginnings of those that are of no concern.

    python tests/transcripts.py record [NAME…]     ask dockerd again and write down what it says
    python tests/transcripts.py play [NAME…]       ask our server, and say what is different
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "compat" / "transcripts"
PATIENCE_S = 60
REFERENCE, MODERN = "20.10", "28"
SHAPE = "| shape"
OURS = "@onggi"

PRELUDE = """\
patiently() { # a condition, until it holds
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1)); [ $tries -lt 400 ] || { echo "never: $*"; return 1; }; sleep 0.05
    done
}
names() { docker ps -a --format '{{.Names}}' "$@" | tr '\\n' ' '; echo; }
"""


@dataclass(frozen=True, slots=True)
class Client:
    """An unmodified docker command."""

    name: str
    program: str


@functools.cache
def clients() -> tuple[Client, ...]:
    """Those of this host: Debian's, and one of version 28 where it is on the PATH."""
    found: dict[str, Client] = {}
    for program in ("/usr/bin/docker", shutil.which("docker")):
        if program and Path(program).exists():
            told = subprocess.run(
                [program, "--version"], capture_output=True, text=True, check=True
            )
            for name in (REFERENCE, MODERN):
                if f" version {name}." in told.stdout:
                    found.setdefault(name, Client(name, program))
    return tuple(found.values())


@dataclass
class Step:
    """A line, what stands before it, and its answers by who gives them."""

    before: list[str]
    command: str
    answers: dict[str, list[str]] = field(default_factory=dict)

    def expected(self, client: str, *, ours: bool) -> list[str]:
        """The answer of an engine by that client."""
        known = {key.partition(":")[0]: answer for key, answer in self.answers.items()}
        ways = (f"{OURS} {client}", OURS) if ours else ()
        return next(
            (known[way] for way in (*ways, f"@{client}") if way in known), known.get("", [])
        )


def read(path: Path) -> list[Step]:
    """The steps of a transcript."""
    steps: list[Step] = []
    before: list[str] = []
    who = ""
    for line in path.read_text().splitlines():
        if line.startswith("$ "):
            steps.append(Step(before, line.removeprefix("$ ")))
            before, who = [], ""
        elif line.startswith("> "):
            steps[-1].command += "\n" + line.removeprefix("> ")
        elif line.startswith("@"):
            who = line
            steps[-1].answers[who] = []
        elif line.startswith(("  ", "! ", "= ")):
            steps[-1].answers.setdefault(who, []).append(line)
        else:
            before.append(line)
    return [*steps, Step(before, "")] if before else steps


def write(path: Path, steps: Sequence[Step]) -> None:
    """The opposite of `read`."""
    lines: list[str] = []
    for step in steps:
        lines += step.before
        if step.command:
            lines.append("$ " + step.command.replace("\n", "\n> "))
        for who, answer in sorted(step.answers.items()):
            lines += [*([who] if who else []), *answer]
    path.write_text("\n".join(lines) + "\n")


class Names:
    """Names for what cannot be the same twice; one for each run of a transcript."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words
        self._ids: list[str] = []

    def put_in(self, text: str) -> str:
        """The text with names in it."""
        for word, name in self._words.items():
            text = text.replace(word, name)
        text = re.sub(r"(?<![\w-])(?:[0-9a-f]{64}|[0-9a-f]{12})(?![\w-])", self._id, text)
        for pattern, name in UNSTEADY:
            text = pattern.sub(name, text)
        return LABELS.sub(_in_order, text)

    def _id(self, match: re.Match[str]) -> str:
        text = match[0]
        for number, known in enumerate(self._ids, 1):
            if known.startswith(text) or text.startswith(known):
                self._ids[number - 1] = max(known, text, key=len)
                return f"ID{number}"
        self._ids.append(text)
        return f"ID{len(self._ids)}"


def _in_order(labels: re.Match[str]) -> str:
    """Docker's older client takes labels out of a map, in any order."""
    return f'"Labels":"{",".join(sorted(labels[1].split(",")))}"'


LABELS = re.compile(r'"Labels":"([^"]*)"')

UNSTEADY = [
    (re.compile(pattern), name)
    for pattern, name in (
        (
            r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?Z| ?[+-]\d\d:?\d\d)?( UTC| [+-]\d\d)?",
            "TIME",
        ),
        (r"\bLess than a second( ago)?|\bAbout an? (minute|hour)( ago)?", "AGO"),
        (r"\b\d+ (second|minute|hour|day|week|month|year)s?( ago)?\b", "AGO"),
        (r"\b\d+(\.\d+)?(e[+]\d+)?[kKMGT]?i?B\b", "SIZE"),
        (r"\b\d+\.\d+%", "PERCENT"),
        (r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC"),
        (r"(Error response from daemon: ).*", r"\1…"),
        (r" {3,}", "   "),
    )
]


class Host:
    """An engine that clients speak to: where its socket is, and a folder for their files."""

    def __init__(self, address: str, variables: Mapping[str, str]) -> None:
        """`variables` are the shell's; their values are called by their names in answers."""
        self.address = address
        self.variables = dict(variables)

    @contextlib.contextmanager
    def session(self, client: Client) -> Iterator[Session]:
        """Somebody with an empty folder and home, and this one client."""
        with tempfile.TemporaryDirectory(prefix="onggi-typed-") as folder:
            yield Session(self, client, Path(folder))


class Session:
    """One after the other, lines of a shell."""

    def __init__(self, host: Host, client: Client, folder: Path) -> None:
        self.folder = folder / "work"
        programs, home = folder / "bin", folder / "home"
        for each in (self.folder, programs, home):
            each.mkdir()
        (programs / "docker").symlink_to(client.program)
        self.environment = {
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(home),
            "DOCKER_HOST": host.address,
            "DOCKER_CLI_HINTS": "false",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "NO_COLOR": "1",
            "DOCKER_BUILDKIT": "0",
        }
        self.environment |= host.variables
        words = {value: name for name, value in host.variables.items()}
        self._names = Names({**words, str(self.folder): "HERE", str(folder): "FOLDER"})

    def answer(self, command: str) -> list[str]:
        """What comes of a line."""
        line, shape, without = command.partition(SHAPE)
        code, output, errors = self.run(line)
        if shape and code == 0:
            obsolete = tuple(f"{at}{name}" for name in without.split()[1:] for at in ("", "[]."))
            members = shape_of(_documents(output))
            output = "\n".join(each for each in members if not each.startswith(obsolete))
        lines = ["  " + line for line in self._lines(output)]
        lines += ["! " + line for line in self._lines(errors)]
        return [*lines, f"= {code}"] if code else lines

    def run(self, command: str) -> tuple[int, str, str]:
        """Exit code, output, errors. Whoever does not end is killed with all that it started."""
        shell = subprocess.Popen(
            ["sh", "-c", PRELUDE + command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = shell.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            output, errors = shell.communicate()
            errors += b"\nnever ended\n"
        return shell.returncode, _text(output), _text(errors)

    def _lines(self, text: str) -> list[str]:
        named = self._names.put_in(text)
        return [line.rstrip() for line in named.splitlines() if line.strip()]


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace").replace("\r", "")


def _documents(text: str) -> Any:
    """A document; or, of several, a list."""
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        document, length = decoder.raw_decode(text)
        found.append(document)
        text = text[length:]
    return found[0] if len(found) == 1 else found


def shape_of(document: Any, path: str = "") -> Iterator[str]:
    """The members of a document, each with its kind: `Config.Env[]: text`."""
    kinds = {bool: "flag", int: "number", float: "number", str: "text", type(None): "null"}
    if isinstance(document, dict) and document:
        for name in sorted(document):
            yield from shape_of(document[name], f"{path}.{name}" if path else name)
    elif isinstance(document, list) and document:
        yield from dict.fromkeys(line for each in document for line in shape_of(each, path + "[]"))
    else:
        empty = {dict: "empty", list: "empty"}
        yield f"{path}: {(kinds | empty)[type(document)]}"


def differences(step: Step, client: str, answer: list[str], *, ours: bool) -> list[str]:
    """What is not as it was recorded; [] when all is."""
    expected = step.expected(client, ours=ours)
    if SHAPE in step.command:
        return _missing(expected, answer)
    if answer == expected:
        return []
    return [
        f"$ {step.command}",
        *(f"-{line}" for line in expected),
        *(f"+{line}" for line in answer),
    ]


def _missing(expected: Sequence[str], answer: Sequence[str]) -> list[str]:
    """The members that are not there or of another kind. Nothing says nothing about its kind."""
    nothing = {"null", "empty"}
    have = [line.rpartition(": ")[::2] for line in answer]
    missing = []
    for line in expected:
        path, _, kind = line.rpartition(": ")
        kinds = {each for name, each in have if name == path}
        deeper = any(name.startswith((path + ".", path + "[")) for name, _ in have)
        if not (kind in kinds or kinds & nothing or (kind in nothing and (kinds or deeper))):
            missing.append(f"-{line}")
    return missing


def play(steps: Sequence[Step], host: Host, client: Client, *, ours: bool = True) -> list[str]:
    """Type all lines of a transcript; what came out otherwise than recorded."""
    with host.session(client) as session:
        told: list[str] = []
        for step in steps:
            if step.command:
                told += differences(step, client.name, session.answer(step.command), ours=ours)
        return told


def record(path: Path, host: Host, client: Client) -> None:
    """Write down what dockerd answers to this client."""
    steps = read(path)
    with host.session(client) as session:
        for step in steps:
            if step.command:
                _note(step, client, session.answer(step.command))
    write(path, steps)


def _note(step: Step, client: Client, answer: list[str]) -> None:
    if client.name == REFERENCE:
        step.answers[""] = answer
        return
    step.answers.pop(f"@{client.name}", None)
    if answer != step.answers.get("", []):
        step.answers[f"@{client.name}"] = answer


def main(line: Sequence[str]) -> int:
    """Record with a dockerd of our own, or play at our server."""
    from reference import base_archive, base_state, clean, running_ours, running_reference

    verb, names = line[:1], line[1:]
    paths = [path for path in sorted(FOLDER.glob("*.txt")) if not names or path.stem in names]
    told: list[str] = []
    if verb == ["record"]:
        with base_archive() as base, running_reference(base) as host:
            for path in paths:
                for client in clients():
                    print(path.stem, client.name, flush=True)
                    record(path, host, client)
                    clean(host)
    elif verb == ["play"]:
        with base_state() as state, running_ours(state) as host:
            for path in paths:
                for client in clients():
                    begin = time.monotonic()
                    told = play(read(path), host, client)
                    clean(host)
                    seconds = time.monotonic() - begin
                    print(f"{path.stem} {client.name} {seconds:.1f} s", *told, sep="\n", flush=True)
    else:
        print(__doc__)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.modules["transcripts"] = sys.modules["__main__"]
    sys.exit(main(sys.argv[1:]))
