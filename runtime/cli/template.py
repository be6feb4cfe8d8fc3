"""Go's text templates, as far as `--format` uses them.

    {{.ID}}  {{.State.Status}}  {{json .Config}}  {{index .Config.Labels "a.b"}}  {{.Label "a"}}
    {{range $key, $value := .Labels}}…{{else}}…{{end}}  {{if eq .State "running"}}…{{end}}
    {{$s := .State}}{{$s.Status}}  {{with .State}}{{.Status}}{{end}}
    {{.Names | upper}}  {{len .Mounts}}  {{join .Config.Env ", "}}  {{- trimmed -}}  {{/* note */}}

A template is read once into a tree of small nodes and written as often as wanted; the data are
what `json.loads` gives, with functions where Go has methods. What is not understood is an
error that names it: no output is guessed. Pure. What stands between the braces is read in
template_actions.py, the functions are in template_functions.py.

text/template: https://pkg.go.dev/text/template
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.cli.template_actions import Action, Scope, TemplateError, Value
from runtime.cli.template_functions import shown


def render(template: str, data: Any) -> str:
    """`template` filled from `data`. Raises TemplateError."""
    return Template(template).render(data)


class Template:
    """A template that was understood."""

    def __init__(self, text: str) -> None:
        pieces = _Pieces(_split(text))
        self._nodes = pieces.block()
        if pieces.stopped_at:
            raise TemplateError("in the format, nothing is open for {word}", word=pieces.stopped_at)

    def render(self, data: Any) -> str:
        """The text for `data`. Raises TemplateError."""
        return "".join(_write(self._nodes, {"": data, "$": data}))


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


@dataclass(frozen=True, slots=True)
class _Assignment:
    """`{{$x := .State}}`: from here to the end of its block, $x is that."""

    variables: tuple[str, ...]
    value: Value


_Node = str | _Block | _Assignment | Value


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
        elif isinstance(node, _Assignment):
            scope = {**scope, **_named(node.variables, (node.value(scope),))}
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

    def __init__(self, pieces: Iterator[tuple[bool, str]]) -> None:
        self.pieces = pieces
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
                action = Action(text)
                variables = tuple(action.variables())
                value = action.whole()
                nodes.append(_Assignment(variables, value) if variables else value)
        self.stopped_at = ""
        return tuple(nodes)

    def opened(self, action: str) -> _Block:
        """The block that `action` opens, up to its `end`."""
        word, _, rest = action.partition(" ")
        looked_at = Action(rest)
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
