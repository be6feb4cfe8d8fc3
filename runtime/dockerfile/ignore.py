r"""Path patterns: the wildcards of COPY, and .dockerignore, which keeps files out of a build.

    *.log         in the context's root       **/*.log   anywhere
    build/        a directory, so all in it   docs/*.md  not below docs/
    !keep.log     an exception: the last line that matches decides

`*` and `?` match anything but `/`, `**` any number of directories, `[a-z]` and `[^a-z]` one
character, `\` takes the meaning away. Go's path/filepath.Match, moby/patternmatcher.

Rule: pure; it sees paths, no files.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from runtime.errors import InvalidInput

ANY_DEPTH = "**"
WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of a .dockerignore; an `exception` begins with `!`."""

    regex: re.Pattern[str]
    exception: bool

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Raises re.error for a bad `[…]`."""
        path = _clean(text.removeprefix("!").strip())
        return cls(path_pattern(path), text.startswith("!"))


@dataclass(frozen=True, slots=True)
class Ignore:
    """A .dockerignore. The default ignores nothing."""

    patterns: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, text: str, file: str = ".dockerignore") -> Ignore:
        """Raises InvalidInput for a line that is no pattern."""
        patterns: list[Pattern] = []
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
            pattern = line.strip()
            if not pattern or line.startswith("#"):
                continue
            try:
                patterns.append(Pattern.parse(pattern))
            except re.error as cause:
                raise InvalidInput(
                    "{file}:{line}: not a pattern: {pattern}",
                    hint="a [ needs its ], and something between them",
                    file=file,
                    line=number,
                    pattern=pattern,
                ) from cause
        return cls(tuple(patterns))

    @property
    def has_exceptions(self) -> bool:
        """Whether something inside an ignored directory may still be wanted."""
        return any(pattern.exception for pattern in self.patterns)

    def ignores(self, path: str) -> bool:
        """Whether the file at `path` (relative, with /) stays out. A directory takes all in it."""
        parts = path.split("/")
        prefixes = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        ignored = False
        for pattern in self.patterns:
            if pattern.exception == ignored and any(map(pattern.regex.fullmatch, prefixes)):
                ignored = not pattern.exception
        return ignored


def has_wildcard(text: str) -> bool:
    """Whether `text` is a pattern at all."""
    return not WILDCARDS.isdisjoint(text)


def path_pattern(glob: str) -> re.Pattern[str]:
    """A path pattern as a regular expression. Raises re.error for a bad `[…]`."""
    result = ""
    rest = glob
    while rest:
        token = _TOKEN.match(rest)
        if token is None:
            raise re.error(f"bad pattern: {glob}")
        rest = rest[token.end() :]
        result += _translated(token, is_last=not rest)
    return re.compile(result, re.DOTALL)


_TOKEN = re.compile(
    r"""(?P<any_depth>\*\*/?) | (?P<many>\*) | (?P<one>\?)
      | \[ (?P<negated>\^?) (?P<set>(?:\\.|[^\]\\])+) \]
      | \\(?P<escaped>.) | (?P<plain>[^\[])""",
    re.VERBOSE | re.DOTALL,
)


def _translated(token: re.Match[str], *, is_last: bool) -> str:
    if token["any_depth"]:
        return ".*" if is_last else "(?:.*/)?"
    if token["many"]:
        return "[^/]*"
    if token["one"]:
        return "[^/]"
    if token["set"]:
        members = re.sub(r"\\(.)", lambda match: re.escape(match[1]), token["set"])
        return f"[{token['negated']}{members.replace('[', re.escape('['))}]"
    return re.escape(token["escaped"] or token["plain"])


def _clean(path: str) -> str:
    """Without `./`, `//`, and a `/` at either end: everything is relative to the context."""
    return posixpath.normpath("/" + path).lstrip("/") or "."
