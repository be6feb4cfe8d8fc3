"""Mistakes: what docker's client of version 28 says to them, and how it ends, at Debian's dockerd.

    $ run -p 99999:80 onggi/base true
    = 125
    ! docker: invalid hostPort: 99999

One line each, in tests/compat/mistakes.txt; `!` is the sentence, without the usage that follows it.
Where we mean to end otherwise, `@onggi CODE the reason` stands below. Before the first line there
are a container that runs (web), one that was only created (made), a volume (data) and a network
(home), and no mistake changes anything.

    python tests/mistakes.py [all]     type new lines at dockerd, or all, and write down its answers
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).parent / "compat" / "mistakes.txt"
PREPARED = (
    "run -d --name web --network none onggi/base sleep 100000",
    "create --name made --network none onggi/base sleep 1",
    "volume create data",
    "network create --subnet 10.77.0.0/24 home",
)


UNASKED = -1
VERBS = ("create", "connect", "disconnect", "inspect", "ls", "prune", "rm")
"""Words behind `network`, `volume` and the like."""


@dataclass
class Mistake:
    """A line as it is typed behind `docker` or `onggi`, and docker's answer."""

    line: str
    code: int = UNASKED
    said: list[str] = field(default_factory=list)
    ours: int | None = None
    """The exit code that ours has instead, and why."""
    reason: str = ""

    @property
    def sentence(self) -> str:
        """What docker says is wrong."""
        return self.said[0] if self.said else ""

    def untold(self, ours: str) -> list[str]:
        """Values of the line that come back in docker's sentence, wholly or in parts, and not in
        ours. Flags need not: whoever sees the value knows where he has written it.
        """
        _, *words = shlex.split(self.line)
        values = [each for each in words if each not in VERBS and not each.startswith("-")]
        return [each for each in values if _told(each, self.sentence) and not _told(each, ours)]


def _told(value: str, sentence: str) -> bool:
    pieces = [piece for piece in re.split(r"[=:,/@]", value) if piece]
    return any(re.search(rf"(?<!\w){re.escape(each)}(?!\w)", sentence) for each in pieces)


def read() -> list[Mistake]:
    """All of the file."""
    found: list[Mistake] = []
    for text in FILE.read_text().splitlines():
        mark, _, rest = text.partition(" ")
        if mark == "$":
            found.append(Mistake(rest))
        elif mark == "=":
            found[-1].code = int(rest)
        elif mark == "!":
            found[-1].said.append(rest)
        elif mark == "@onggi":
            code, _, found[-1].reason = rest.partition(" ")
            found[-1].ours = int(code)
    return found


def write(mistakes: list[Mistake]) -> None:
    """The opposite; comments stay where they stand."""
    known = {each.line: each for each in mistakes}
    lines: list[str] = []
    for text in FILE.read_text().splitlines():
        if text.startswith("#") or not text:
            lines.append(text)
        if text.startswith("$ "):
            each = known[text.removeprefix("$ ")]
            lines += [text, f"= {each.code}", *(f"! {said}" for said in each.said)]
            if each.ours is not None:
                lines.append(f"@onggi {each.ours} {each.reason}")
    FILE.write_text("\n".join(lines) + "\n")


def sentence_in(errors: str) -> list[str]:
    """The lines before the usage and the pointers to more information."""
    found = []
    for text in errors.splitlines():
        if re.match(r"(Usage:|See '|Run '|Commands:|Learn more)", text):
            break
        if text.strip():
            found.append(text.rstrip())
    return found


def record(mistakes: list[Mistake]) -> None:
    """Ask docker these."""
    from reference import base_archive, running_reference
    from transcripts import MODERN, clients

    (client,) = (each for each in clients() if each.name == MODERN)
    with base_archive() as base, running_reference(base) as host, host.session(client) as session:
        for line in PREPARED:
            code, _, errors = session.run(f"docker {line}")
            assert code == 0, errors
        for each in mistakes:
            each.code, _, errors = session.run(f"docker {each.line}")
            said = "\n".join(sentence_in(errors)).replace(str(session.folder), "HERE")
            each.said = re.sub(r"\b[0-9a-f]{64}\b", "ID", said).splitlines()
        session.run("docker rm -f web made")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    known = read()
    record([each for each in known if each.code == UNASKED or sys.argv[1:] == ["all"]])
    write(known)
