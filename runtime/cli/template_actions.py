"""Actions of Go's text templates: what stands between the braces, read and evaluated.

    .State.Status    json .Config    index .Labels "a.b"    .Names | upper    (len .Mounts)

Reading gives a `Value`: a function from a scope to what the action means there. Blocks and the
text around them are template.py's business. Pure.

https://pkg.go.dev/text/template#hdr-Pipelines
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.cli.template_functions import CONSTANTS, FUNCTIONS, shown
from runtime.errors import InvalidInput

Scope = Mapping[str, Any]
"""What `.` and the variables mean at one place: "" is the dot, "$" the root, "$x" a variable."""

Value = Callable[[Scope], Any]
"""A part of an action, read: give it a scope and it gives its value."""


class TemplateError(InvalidInput):
    """A template that cannot be read, or that asks the data for what they do not have."""


_TOKEN = re.compile(
    r"""\s*(?: (?P<string> "(?:\\.|[^"\\])*" | `[^`]*` )
             | (?P<number> -?\d+(?:\.\d+)? )
             | (?P<path>   (?:\$\w*|\))(?:\.\w+)* | (?:\.[^\W\d]\w*)+ | \. )
             | (?P<word>   [^\W\d]\w* )
             | (?P<sign>   := | [|(,] ) )""",
    re.VERBOSE,
)


def _tokens(action: str) -> list[tuple[str, str]]:
    found, at = [], 0
    action = action.strip()
    while at < len(action):
        match = _TOKEN.match(action, at)
        if match is None:
            raise TemplateError(
                "cannot read {rest} in the format", rest="{{" + action[at:].strip() + "}}"
            )
        kind = match.lastgroup or ""
        found.append((kind, match[kind]))
        at = match.end()
    return found


class Action:
    """A pipeline being read: operands, calls, pipes and parentheses, from left to right."""

    def __init__(self, action: str) -> None:
        self.text = action.strip()
        self.tokens = _tokens(action)

    def variables(self) -> list[str]:
        """The names before ":=" ("$key, $value :="), taken away; none if there is no ":="."""
        if ("sign", ":=") not in self.tokens:
            return []
        end = self.tokens.index(("sign", ":="))
        names = [text for kind, text in self.tokens[:end] if kind == "path"]
        del self.tokens[: end + 1]
        return names

    def pipeline(self) -> Value:
        """Each command's value is the last argument of the next one."""
        value = self.command(None)
        while self.tokens and self.tokens[0] == ("sign", "|"):
            self.tokens.pop(0)
            value = self.command(value)
        return value

    def whole(self) -> Value:
        """The pipeline, and nothing after it."""
        value = self.pipeline()
        if self.tokens:
            raise self.unreadable()
        return value

    def command(self, piped: Value | None) -> Value:
        """A function or a field with its arguments; a field without them is just its value."""
        if not self.tokens:
            raise self.unreadable()
        kind, text = self.tokens[0]
        is_function = kind == "word" and text not in CONSTANTS
        called = self.function() if is_function else self.operand()
        arguments = []
        while self.tokens and self.tokens[0][1] != "|" and not self.tokens[0][1].startswith(")"):
            arguments.append(self.operand())
        if piped:
            arguments.append(piped)
        return _Call(text, called, tuple(arguments)) if arguments or is_function else called

    def function(self) -> Value:
        """One of the known functions."""
        _, name = self.tokens.pop(0)
        function = FUNCTIONS.get(name)
        if function is None:
            raise TemplateError(
                "the format calls {name}, which is no function here",
                hint="known functions: {known}",
                name=name,
                known=", ".join(sorted(FUNCTIONS)),
            )
        return lambda scope: function

    def operand(self) -> Value:
        """A path, a number, a text, a constant or something in parentheses."""
        kind, text = self.tokens.pop(0)
        if (kind, text) == ("sign", "("):
            return self.parenthesis()
        if kind == "path" and not text.startswith(")"):
            first, *names = text.split(".")
            return _Path(first, tuple(filter(None, names)))
        if kind == "number":
            number = float(text) if "." in text else int(text)
            return lambda scope: number
        if kind == "string":
            unquoted = text[1:-1] if text[0] == "`" else _unquote(text)
            return lambda scope: unquoted
        if kind == "word" and text in CONSTANTS:
            return lambda scope: CONSTANTS[text]
        raise self.unreadable()

    def parenthesis(self) -> Value:
        """A pipeline in parentheses, and maybe fields of its value: `(index .A 0).Name`."""
        inner = self.pipeline()
        if not self.tokens or not self.tokens[0][1].startswith(")"):
            raise self.unreadable()
        names = self.tokens.pop(0)[1].split(".")[1:]
        return lambda scope: _follow(inner(scope), names)

    def unreadable(self) -> TemplateError:
        """The error for an action that is no pipeline."""
        return TemplateError("cannot read {rest} in the format", rest="{{" + self.text + "}}")


def _unquote(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise TemplateError("cannot read {rest} in the format", rest=text) from error


@dataclass(frozen=True, slots=True)
class _Path:
    """`.A.B` or `$x.A.B`."""

    start: str
    names: tuple[str, ...]

    def __call__(self, scope: Scope) -> Any:
        if self.start not in scope:
            raise TemplateError("the format uses {name} before it has a value", name=self.start)
        return _follow(scope[self.start], self.names)


@dataclass(frozen=True, slots=True)
class _Call:
    """A function or a method with its arguments; `name` is how the template calls it."""

    name: str
    called: Value
    arguments: tuple[Value, ...]

    def __call__(self, scope: Scope) -> Any:
        function = self.called(scope)
        if not callable(function):
            raise TemplateError("the format gives arguments to {value}", value=shown(function))
        arguments = [argument(scope) for argument in self.arguments]
        try:
            return function(*arguments)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise TemplateError(
                "the format calls {name} with arguments that do not fit: {arguments}",
                name=self.name,
                arguments=" ".join(map(shown, arguments)),
            ) from error


class Members(dict[str, Any]):
    """A JSON object that leaves members out where they say nothing: asked for one of those, a
    template gets `empty`, by default no value (`{{with .State.Health}}`), where Go has a field and
    it is empty.
    """

    def __init__(
        self, members: Mapping[str, Any], omitted: Sequence[str], empty: str | None = None
    ) -> None:
        super().__init__(members)
        self.empty = empty
        self.omitted = frozenset(omitted) - frozenset(members)


def _follow(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        if isinstance(value, Members) and name in value.omitted:
            value = value.empty
            continue
        if not isinstance(value, Mapping) or name not in value:
            raise _no_such_field(name, value)
        value = value[name]
    return value


def _no_such_field(name: str, value: Any) -> TemplateError:
    if not isinstance(value, Mapping):
        return TemplateError(
            "the format asks for .{name} of {value}", name=name, value=shown(value)
        )
    return TemplateError(
        "the format asks for .{name}, which is not there",
        hint="known fields: {known}",
        name=name,
        known=", ".join(f".{key}" for key in value),
    )
