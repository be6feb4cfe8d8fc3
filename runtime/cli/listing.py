"""The ways a list is printed: as a table, as JSON, by a template; `--format` for every list.

A row is a mapping from docker's field names to text (and to functions, where Go has methods:
`{{.Label "name"}}`). Headers are a mapping from the same names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.cli.console import harmless, say
from runtime.cli.flags import LIST, SWITCH, WORD, Flag, UsageError
from runtime.cli.table import MINIMUM_WIDTH, lay_out
from runtime.cli.units import human_size

Row = Mapping[str, Any]

FORMAT = Flag(
    "format", "", WORD, "Format output: 'table', 'table TEMPLATE', 'json' or a Go template"
)
FILTER = Flag("filter", "f", LIST, "Filter output based on conditions provided")
PRUNE_FILTER = Flag("filter", "", LIST, "Provide filter values (e.g., until=24h, label=a)")
NO_TRUNC = Flag("no-trunc", "", SWITCH, "Don't truncate output")


def show(rows: Sequence[Row], headers: Row, columns: Sequence[str], form: str | None) -> None:
    """Print `rows` as `form` says; without one, as a table of `columns`. Raises TemplateError."""
    form = (form or "table").strip().replace("\\t", "\t").replace("\\n", "\n")
    if form == "table":
        show_table([[row[column] for column in columns] for row in (headers, *rows)])
        return
    from runtime.cli.template import Template
    from runtime.cli.template_functions import as_json

    if form == "json":
        for row in rows:
            say(harmless_in_html(as_json(dict(sorted(row.items())))))
    elif form.startswith("table "):
        template = Template(form.removeprefix("table "))
        show_table([template.render(row).split("\t") for row in (headers, *rows)])
    else:
        template = Template(form)
        for row in rows:
            say(template.render(row))


def harmless_in_html(text: str) -> str:
    """JSON as Go writes it: `<none>` is no tag to whoever puts it into a page."""
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def show_table(cells: Sequence[Sequence[str]], least: int = MINIMUM_WIDTH) -> None:
    """Print aligned columns. What is in a cell stays in it: a line break is shown, not made."""
    for line in lay_out([[harmless(cell, keep="") for cell in row] for row in cells], least):
        say(line)


def show_removed(kind: str, names: Sequence[str], freed_bytes: int | None = None) -> None:
    """What a prune has removed, and how much of the disk it gave back, in docker's words."""
    if names:
        say("\n".join([f"Deleted {kind}:", *names, ""]))
    if freed_bytes is not None:
        say(f"Total reclaimed space: {human_size(freed_bytes)}")


def filters_of(words: Sequence[str]) -> dict[str, list[str]]:
    """`--filter status=exited --filter label=a=b` as the engine takes it. Raises UsageError."""
    filters: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(
                "not a filter: {word}", hint="write name=value, as in status=exited", word=word
            )
        filters.setdefault(name.strip().lower(), []).append(value.strip())
    return filters
