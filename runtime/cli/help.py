"""What `--help` prints, in the layout of docker's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runtime.cli.command import Command
from runtime.cli.commands import COMMON, NOUNS, OTHERS, Noun, Verb, aliases
from runtime.cli.first_flags import ALL
from runtime.cli.flags import HELP, Flag
from runtime.cli.messages import translate
from runtime.cli.table import pad, width


def of_everything() -> str:
    """`onggi --help`."""
    return "\n\n".join(
        (
            _usage("[OPTIONS] COMMAND"),
            translate("Containers you can look into"),
            _group("Common Commands:", COMMON),
            _group("Management Commands:", NOUNS),
            _group("Commands:", OTHERS),
            translate("Options:") + "\n" + _columns(_flag_cells(ALL)),
            translate("Run 'onggi COMMAND --help' for more information on a command."),
        )
    )


def of_noun(name: str, noun: Noun) -> str:
    """`onggi image --help`."""
    more = translate("Run 'onggi {path} COMMAND --help' for more information on a command.")
    return "\n\n".join(
        (
            _usage(f"{name} COMMAND"),
            translate(noun.summary),
            _group("Commands:", _without_aliases(noun.verbs)),
            more.format(path=name),
        )
    )


def of_command(path: str, verb: Verb, command: Command) -> str:
    """`onggi run --help`."""
    parts = [_usage(f"{path} {command.usage}"), translate(verb.summary)]
    if len(names := aliases(verb)) > 1:
        parts.append(f"{translate('Aliases:')}\n  {', '.join(names)}")
    works = [flag for flag in command.flags if not flag.kind.later]
    flags = sorted((*works, HELP), key=lambda flag: flag.long)
    parts.append(f"{translate('Options:')}\n{_columns(_flag_cells(flags))}")
    return "\n\n".join(parts)


ELSEWHERE = "(engines elsewhere: --host)"


def _usage(line: str) -> str:
    return translate("Usage:  {usage}").format(usage=f"onggi {line}".rstrip())


def _without_aliases(verbs: Mapping[str, Verb]) -> dict[str, Verb]:
    """Each verb once, under the name that docker shows."""
    return {name: verb for name, verb in verbs.items() if name not in ("list", "ps", "remove")}


def _group(title: str, entries: Mapping[str, Verb | Noun]) -> str:
    rows = [(f"  {name}", translate(entry.summary)) for name, entry in entries.items()]
    return f"{translate(title)}\n{_columns(rows)}"


def _flag_cells(flags: Iterable[Flag]) -> list[tuple[str, str]]:
    return [
        (
            (f"  -{flag.short}, " if flag.short else "      ")
            + f"--{flag.long} {flag.kind.word}".rstrip(),
            translate(flag.help) + (f" {translate(ELSEWHERE)}" if flag.kind.elsewhere else ""),
        )
        for flag in flags
    ]


def _columns(rows: list[tuple[str, str]]) -> str:
    first = max(width(left) for left, _ in rows) + 3
    return "\n".join(pad(left, first) + right for left, right in rows)
