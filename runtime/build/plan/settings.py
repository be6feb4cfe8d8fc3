"""Settings: the instructions that change the image's config and touch no file.

ENV, LABEL, ARG, CMD, ENTRYPOINT, USER, EXPOSE, VOLUME, HEALTHCHECK, ONBUILD, STOPSIGNAL, SHELL and
MAINTAINER: one function each. It sets what the instruction sets, and returns its line in the
history. Rule: pure. image-spec: config.md; Dockerfile reference.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from runtime.build.plan.scope import Scope, entries_of, variables_of
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError
from runtime.oci.image import RunConfig

TRIGGERS = "OnBuild"
"""Docker's member of the config for ONBUILD; the image-spec reserves the name."""

_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")
_SIGNAL = re.compile(r"(SIG)?[A-Z][A-Z0-9]*([+-]\d+)?|\d{1,2}")


def change_config(scope: Scope, instruction: ins.Instruction) -> str:
    """Set what the instruction sets; returns its line in the history."""
    match instruction:
        case ins.Env(pairs=pairs):
            values = _expand_pairs(scope, pairs)
            env = variables_of(scope.config.env) | values
            scope.config = replace(scope.config, env=entries_of(env))
            return " ".join(("ENV", *entries_of(values)))
        case ins.Label(pairs=pairs):
            values = _expand_pairs(scope, pairs)
            scope.config = replace(scope.config, labels={**scope.config.labels, **values})
            return " ".join(("LABEL", *entries_of(values)))
        case ins.Arg(declarations=declarations):
            return _declare(scope, declarations)
        case ins.Cmd(command=command):
            scope.config = replace(scope.config, cmd=scope.argv(command))
            scope.cmd_is_own = True
            return f"CMD {_json(scope.config.cmd)}"
        case ins.Entrypoint(command=command):
            return _entrypoint(scope, command)
        case ins.User(user=user):
            scope.config = replace(scope.config, user=scope.expand(user))
            return f"USER {scope.config.user}"
        case ins.Expose(ports=ports):
            return _expose(scope, ports)
        case ins.Volume(paths=paths):
            return _volume(scope, paths)
        case ins.HealthCheck():
            return _health_check(scope, instruction)
        case ins.OnBuild(trigger=trigger):
            triggers = (*scope.config.extra.get(TRIGGERS, ()), trigger.text)
            scope.config = with_triggers(scope.config, triggers)
            return f"ONBUILD {trigger}"
        case ins.StopSignal(signal=signal):
            scope.config = replace(scope.config, stop_signal=_signal(scope, signal))
            return f"STOPSIGNAL {scope.config.stop_signal}"
        case ins.Shell(arguments=arguments):
            scope.config = replace(scope.config, shell=arguments)
            return f"SHELL {_json(arguments)}"
        case ins.Maintainer(name=name):
            scope.author = name.text
            return f"MAINTAINER {name}"
    raise AssertionError(f"no plan for {type(instruction).__name__}")


def _entrypoint(scope: Scope, command: ins.Command) -> str:
    """A new ENTRYPOINT drops the base image's CMD: that was meant for another program."""
    scope.config = replace(
        scope.config,
        entrypoint=scope.argv(command),
        cmd=scope.config.cmd if scope.cmd_is_own else None,
    )
    return f"ENTRYPOINT {_json(scope.config.entrypoint)}"


def _declare(scope: Scope, declarations: tuple[ins.Declaration, ...]) -> str:
    """ARG: from the command line, else the default here, else the global one, else unset."""
    written: list[str] = []
    found: dict[str, str] = {}
    for declaration in declarations:
        name = scope.expand(declaration.name)
        value = scope.arguments.given.get(name)
        if value is None and declaration.default is not None:
            value = scope.expand(declaration.default)
        if value is None:
            value = scope.arguments.global_.get(name)
        if value is not None:
            found[name] = value
        written.append(name if value is None else f"{name}={value}")
    scope.declared |= found  # only now: a line sees nothing of its own
    return " ".join(("ARG", *written))


def _volume(scope: Scope, words: tuple[Word, ...]) -> str:
    paths = [scope.expand(word).strip() for word in words]
    if "" in paths:
        raise DockerfileError(
            "{file}:{line}:{column}: a VOLUME needs a path, and {word} is empty here",
            word=words[paths.index("")].text,
            **words[paths.index("")].place.facts(),
        )
    volumes = tuple(dict.fromkeys((*scope.config.volumes, *paths)))
    scope.config = replace(scope.config, volumes=volumes)
    return f"VOLUME {_json(tuple(paths))}"


def _health_check(scope: Scope, check: ins.HealthCheck) -> str:
    """Docker's Healthcheck object; a duration that is not given is not in it."""
    match check.command:
        case None:
            test = ["NONE"]
        case ins.ExecForm(arguments=arguments):
            test = ["CMD", *arguments]
        case ins.ShellForm(line=line):
            test = ["CMD-SHELL", line.text]
    values = {
        "Test": test,
        "Interval": check.interval_ns,
        "Timeout": check.timeout_ns,
        "StartPeriod": check.start_period_ns,
        "StartInterval": check.start_interval_ns,
        "Retries": check.retries,
    }
    health = {name: value for name, value in values.items() if value}
    scope.config = replace(scope.config, healthcheck=health)
    return check.text


def _expose(scope: Scope, words: tuple[Word, ...]) -> str:
    ports = [port for word in words for port in _ports(scope, word)]
    exposed = tuple(dict.fromkeys((*scope.config.exposed_ports, *ports)))
    scope.config = replace(scope.config, exposed_ports=exposed)
    return " ".join(("EXPOSE", *ports))


def _ports(scope: Scope, word: Word) -> list[str]:
    """`8000`, `53/udp`, `8000-8002/tcp`: one entry per port, always with its protocol."""
    ports: list[str] = []
    for text in scope.expand(word).split():
        match = _PORT.fullmatch(text.lower())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not match or not first <= last <= 65535:
            raise DockerfileError(
                "{file}:{line}:{column}: not a port: {text}",
                hint="a port is a number from 0 to 65535, maybe with /tcp or /udp",
                text=text,
                **word.place.facts(),
            )
        ports += (f"{port}/{match[3] or 'tcp'}" for port in range(first, last + 1))
    return ports


def _signal(scope: Scope, word: Word) -> str:
    text = scope.expand(word)
    if not _SIGNAL.fullmatch(text.upper()):
        raise DockerfileError(
            "{file}:{line}:{column}: not a signal: {text}",
            hint="write its name or number, such as SIGTERM or 15",
            text=text,
            **word.place.facts(),
        )
    return text


def _expand_pairs(scope: Scope, pairs: tuple[ins.Pair, ...]) -> dict[str, str]:
    """All values are expanded with what held before the instruction, as docker does."""
    values = {scope.expand(pair.name): scope.expand(pair.value) for pair in pairs}
    if "" in values:
        raise DockerfileError(
            "{file}:{line}:{column}: a name before a = is empty here",
            hint="does it come from a variable that is not set?",
            **pairs[list(values).index("")].name.place.facts(),
        )
    return values


def with_triggers(config: RunConfig, triggers: tuple[str, ...]) -> RunConfig:
    """The config with these ONBUILD instructions instead of those it had."""
    others = {name: value for name, value in config.extra.items() if name != TRIGGERS}
    return replace(config, extra={**others, TRIGGERS: [*triggers]} if triggers else others)


def _json(arguments: tuple[str, ...] | None) -> str:
    return json.dumps(arguments or (), ensure_ascii=False)
