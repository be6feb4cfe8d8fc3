"""Go's text templates, as far as `--format` uses them.

    {{.ID}}  {{.State.Status}}  {{json .Config}}  {{index .Config.Labels "a.b"}}  {{.Label "a"}}
    {{range $key, $value := .Labels}}…{{else}}…{{end}}  {{if eq .State "running"}}…{{end}}
    {{.Names | upper}}  {{len .Mounts}}  {{join .Config.Env ", "}}  {{- trimmed -}}  {{/* note */}}

A template is read once into a tree of small nodes and written as often as wanted; the data are
what `json.loads` gives, with functions where Go has methods. What is not understood is an
error that names it: no output is guessed. Pure; the functions are in template_functions.py.

text/template: https://pkg.go.dev/text/template
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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


def render(
    template: str, data: Any, functions: Mapping[str, Callable[..., Any]] | None = None
) -> str:
    """`template` filled from `data`. Raises TemplateError."""
    return Template(template, functions).render(data)


class Template:
    """A template that was understood. `functions` are known in it beside Go's own."""

    def __init__(
        self, text: str, functions: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        pieces = _Pieces(_split(text), {**FUNCTIONS, **(functions or {})})
        self._nodes = pieces.block()
        if pieces.stopped_at:
            raise TemplateError("in the format, nothing is open for {word}", word=pieces.stopped_at)

    def render(self, data: Any) -> str:
        """The text for `data`. Raises TemplateError."""
        return "".join(_write(self._nodes, {"": data, "$": data}))


# ── Actions: what stands between the braces ────────────────────────────────────────────────────

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


class _Action:
    """A pipeline being read: operands, calls, pipes and parentheses, from left to right."""

    def __init__(self, action: str, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.text = action.strip()
        self.functions = functions
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
        return _Call(called, tuple(arguments)) if arguments or is_function else called

    def function(self) -> Value:
        _, name = self.tokens.pop(0)
        function = self.functions.get(name)
        if function is None:
            raise TemplateError(
                "the format calls {name}, which is no function here",
                hint="known functions: {known}",
                name=name,
                known=", ".join(sorted(self.functions)),
            )
        return lambda scope: function

    def operand(self) -> Value:
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
        inner = self.pipeline()
        if not self.tokens or not self.tokens[0][1].startswith(")"):
            raise self.unreadable()
        names = self.tokens.pop(0)[1].split(".")[1:]
        return lambda scope: _follow(inner(scope), names)

    def unreadable(self) -> TemplateError:
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
    """A function or a method with its arguments."""

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
            name = getattr(function, "__name__", "").strip("_")
            raise TemplateError(
                "the format calls {name} with arguments that do not fit: {arguments}",
                name=name,
                arguments=" ".join(map(shown, arguments)),
            ) from error


def _follow(value: Any, names: Sequence[str]) -> Any:
    for name in names:
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


# ── The tree: text, actions and blocks ─────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Block:
    """`range`, `if` or `with`: what it looks at, and what is written for something or nothing."""

    word: str
    variables: tuple[str, ...]
    value: Value
    body: tuple[_Node, ...]
    otherwise: tuple[_Node, ...]

    def write(self, scope: Scope) -> Iterator[str]:
        value = self.value(scope)
        if not value:
            yield from _write(self.otherwise, scope)
        elif self.word == "if":
            yield from _write(self.body, scope)
        elif self.word == "with":
            yield from _write(self.body, {**scope, "": value, **_named(self.variables, (value,))})
        else:
            for key, item in _pairs(value):
                known = (key, item)[-len(self.variables) :] if self.variables else ()
                yield from _write(self.body, {**scope, "": item, **_named(self.variables, known)})


_Node = str | _Block | Value


def _named(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=False))


def _pairs(value: Any) -> Iterator[tuple[Any, Any]]:
    """What `range` walks over: a map in the order of its keys, as Go does, or a list."""
    if isinstance(value, Mapping):
        yield from sorted(value.items())
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    else:
        raise TemplateError("the format ranges over {value}", value=shown(value))


def _write(nodes: Sequence[_Node], scope: Scope) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, _Block):
            yield from node.write(scope)
        else:
            yield shown(node(scope))


def _split(text: str) -> Iterator[tuple[bool, str]]:
    """(False, text) and (True, action) in turn; "{{-" and "-}}" eat the blanks beside them."""
    at = 0
    for match in re.finditer(r"(\s*\{\{-(?=\s)|\{\{)(.*?)((?<=\s)-\}\}\s*|\}\})", text, re.DOTALL):
        yield False, text[at : match.start()]
        if not re.fullmatch(r"\s*/\*.*\*/\s*", match[2], re.DOTALL):
            yield True, match[2]
        at = match.end()
    if "{{" in text[at:]:
        raise TemplateError("in the format, an opening {{{{ has no closing }}}}")
    yield False, text[at:]


class _Pieces:
    """Text and actions on their way into the tree."""

    def __init__(
        self, pieces: Iterator[tuple[bool, str]], functions: Mapping[str, Callable[..., Any]]
    ) -> None:
        self.pieces = pieces
        self.functions = functions
        self.stopped_at = ""  # the action that ended the last block: "end", "else", "else if …"

    def block(self) -> tuple[_Node, ...]:
        """Nodes up to the `end` or `else` that closes them, or up to the end of the text."""
        nodes: list[_Node] = []
        for is_action, text in self.pieces:
            word = text.split()[0] if is_action and text.strip() else ""
            if not is_action:
                nodes.append(text)
            elif word in ("end", "else"):
                self.stopped_at = text.strip()
                return tuple(nodes)
            elif word in ("range", "if", "with"):
                nodes.append(self.opened(text.strip()))
            else:
                nodes.append(_Action(text, self.functions).whole())
        self.stopped_at = ""
        return tuple(nodes)

    def opened(self, action: str) -> _Block:
        word, _, rest = action.partition(" ")
        looked_at = _Action(rest, self.functions)
        variables, value = looked_at.variables(), looked_at.whole()
        body = self.block()
        otherwise: tuple[_Node, ...] = ()
        if self.stopped_at.startswith("else "):
            otherwise = (self.opened(self.stopped_at.removeprefix("else ").strip()),)
        elif self.stopped_at == "else":
            otherwise = self.block()
        if self.stopped_at != "end":
            raise TemplateError("in the format, {word} has no end", word=word)
        return _Block(word, tuple(variables), value, body, otherwise)
