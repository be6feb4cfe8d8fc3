"""The plan: what each instruction of a stage means, worked out before anything runs.

A stage and its base image's config determine every command line, path, variable and history
line of the build, since nothing that runs can change them. So planning is a pure function:

    plan_stage(stage, base config, arguments) → steps, final config

Rule: pure; opens nothing, runs nothing. image-spec: config.md; Dockerfile reference.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from runtime.build.step import (
    CopyFiles,
    Destination,
    Document,
    MakeDirectory,
    RunCommand,
    SetConfig,
    Step,
)
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.expand import expand
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError
from runtime.oci.descriptor import Platform
from runtime.oci.image import RunConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ("/bin/sh", "-c")

GO_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "i686": "386",
    "loongarch64": "loong64",
}
"""The kernel's names for machines and Go's, which images use, where the two differ."""

PROXY_ARGUMENTS = frozenset(
    name
    for lower in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for name in (lower, lower.upper())
)
"""Build arguments that need no ARG: RUN sees them, image and cache do not."""

TRIGGERS = "OnBuild"
"""Docker's member of the config for ONBUILD; the image-spec reserves the name."""

_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")
_MODE = re.compile(r"[0-7]{3,4}")
_ADDRESS = re.compile(r"https?://|git://|git@", re.IGNORECASE)
_SIGNAL = re.compile(r"(SIG)?[A-Z][A-Z0-9]*([+-]\d+)?|\d{1,2}")


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage's steps, and what the image inherits from them."""

    steps: tuple[Step, ...]
    config: RunConfig
    author: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """Values for ARG: `given` on the command line, `global_` from before the first FROM."""

    given: Mapping[str, str] = field(default_factory=dict)
    global_: Mapping[str, str] = field(default_factory=dict)
    epoch: int | None = None


def plan_arguments(
    dockerfile: ins.Dockerfile, given: Mapping[str, str], platform: Platform, epoch: int | None
) -> Arguments:
    """The arguments that all FROMs see. Raises DockerfileError.

    Docker predefines the platform's names; a stage sees those and the global ones only if it
    declares them itself, with `ARG name`.
    """
    values = _platform_arguments(platform)
    for arg in dockerfile.arguments:
        for declared in arg.declarations:
            name = declared.name.text
            if name in given:
                values[name] = given[name]
            elif declared.default is not None:
                values[name] = expand(declared.default, values, dockerfile.directives.escape)
    return Arguments(given, values, epoch)


def plan_base(stage: ins.Stage, arguments: Arguments, escape: str = "\\") -> str:
    """The name after FROM, its variables expanded. Raises DockerfileError if that is empty."""
    name = expand(stage.base.image, arguments.global_, escape)
    if not name:
        raise DockerfileError(
            "{file}:{line}:{column}: {word} is empty here: there is no image to build on",
            hint="declare it before FROM, with a default: ARG name=image",
            word=stage.base.image.text,
            **stage.base.image.place.facts(),
        )
    return name


def check_platform(
    stage: ins.Stage, arguments: Arguments, host: Platform, escape: str = "\\"
) -> None:
    """FROM --platform: only what this host runs. Raises DockerfileError for anything else."""
    word = stage.base.platform
    if word is None:
        return
    system, slash, rest = expand(word, arguments.global_, escape).lower().partition("/")
    if not slash and system != host.os:  # docker takes `amd64` alone too
        system, rest = host.os, system
    machine, _, variant = (rest or host.architecture).partition("/")
    machine = GO_ARCHITECTURES.get(machine, machine)
    variants = ("", host.variant, "v8" if machine == "arm64" else "")
    if (system, machine) != (host.os, host.architecture) or variant not in variants:
        raise DockerfileError(
            "{file}:{line}:{column}: this host runs {host} only, not {wanted}",
            hint="leave --platform out",
            host=host,
            wanted=word.text,
            **word.place.facts(),
        )


def plan_stage(
    stage: ins.Stage, base: RunConfig, arguments: Arguments, escape: str = "\\"
) -> StagePlan:
    """What the stage's instructions do on an image with config `base`. Raises DockerfileError."""
    planner = _Planner(_with_path(base), arguments, escape)
    steps = tuple(planner.plan(instruction) for instruction in stage.instructions)
    return StagePlan(steps, planner.config, planner.author)


def plan_changes(instructions: Iterable[ins.Instruction], config: RunConfig) -> RunConfig:
    """The config after instructions that stand in no Dockerfile. Raises DockerfileError."""
    planner = _Planner(config, Arguments(), "\\")
    for instruction in instructions:
        planner.plan(instruction)
    return planner.config


def unused_arguments(dockerfile: ins.Dockerfile, given: Mapping[str, str]) -> tuple[str, ...]:
    """The given build arguments that no ARG declares."""
    declared = {
        declaration.name.text
        for instruction in dockerfile.instructions
        if isinstance(instruction, ins.Arg)
        for declaration in instruction.declarations
    }
    return tuple(sorted(given.keys() - declared - PROXY_ARGUMENTS))


def _platform_arguments(platform: Platform) -> dict[str, str]:
    facts = {
        "PLATFORM": str(platform),
        "OS": platform.os,
        "ARCH": platform.architecture,
        "VARIANT": platform.variant,
    }
    return {side + name: value for side in ("BUILD", "TARGET") for name, value in facts.items()}


def _with_path(config: RunConfig) -> RunConfig:
    """Programs are found in an image that says nothing about PATH too, as with docker."""
    if any(entry.startswith("PATH=") for entry in config.env):
        return config
    return replace(config, env=(*config.env, f"PATH={DEFAULT_PATH}"))


@dataclass(slots=True)
class _Planner:
    """Goes through a stage; `config` and `declared` are what holds at this point of it."""

    config: RunConfig
    arguments: Arguments
    escape: str
    declared: dict[str, str] = field(default_factory=dict)
    author: str = ""
    cmd_is_own: bool = False

    def plan(self, instruction: ins.Instruction) -> Step:
        """The step for one instruction; changes what holds for the next."""
        match instruction:
            case ins.Run():
                return self.run(instruction)
            case ins.Copy():  # and ADD
                return self.copy(instruction)
            case ins.Workdir():
                return self.workdir(instruction)
        created_by = self.change_config(instruction)
        return SetConfig(instruction, created_by, self.config)

    def run(self, instruction: ins.Run) -> RunCommand:
        argv = self.argv(_with_documents(instruction))
        epoch = self.arguments.epoch
        env = self.declared | _variables(self.config.env)
        if epoch is not None:
            env["SOURCE_DATE_EPOCH"] = str(epoch)
        given = self.arguments.given
        return RunCommand(
            instruction,
            # docker's way to say which build arguments the command could see
            " ".join(("RUN", *_counted(_entries(self.declared)), *argv)),
            self.config,
            argv=argv,
            env=_entries(env),
            secret_env=_entries({name: given[name] for name in PROXY_ARGUMENTS & given.keys()}),
            cwd=PurePosixPath(self.config.working_dir or "/"),
            user=self.config.user,
        )

    def copy(self, instruction: ins.Copy) -> CopyFiles:
        sources = tuple(map(self.expand_word, instruction.sources))
        destination = self.expand_word(instruction.destination)
        owner = instruction.chown and self.expand_word(instruction.chown)
        unpacks = isinstance(instruction, ins.Add)
        if unpacks:
            refuse_addresses(sources)
        documents = tuple(map(self.document, instruction.documents))
        flags = [
            f"--{name}={self.expand(word)}"
            for name, word in (
                ("from", instruction.origin),
                ("chown", instruction.chown),
                ("chmod", instruction.chmod),
            )
            if word
        ]
        named = [source.text for source in sources] + [f"<<{each.name}" for each in documents]
        return CopyFiles(
            instruction,
            " ".join(("ADD" if unpacks else "COPY", *flags, *named, destination.text)),
            self.config,
            sources=sources,
            destination=self.destination(destination),
            owner=owner,
            mode=self.mode(instruction.chmod) if instruction.chmod else None,
            origin=instruction.origin,
            documents=documents,
            unpacks=unpacks,
        )

    def document(self, document: ins.HereDocument) -> Document:
        """A here-document as a file; in it, quotes are characters like others."""
        text = document.text
        if document.expands:
            content = Word(text, document.word.place)
            text = expand(content, self.variables, quotes=False)
        return Document(document.word, document.name, text.encode())

    def workdir(self, instruction: ins.Workdir) -> MakeDirectory:
        path = self.absolute(self.expand(instruction.path))
        self.config = replace(self.config, working_dir=str(path))
        return MakeDirectory(
            instruction,
            f"WORKDIR {path}",
            self.config,
            path=path,
            owner=Word(self.config.user, instruction.source.place),
        )

    def change_config(self, instruction: ins.Instruction) -> str:
        """Set what the instruction sets; returns its line in the history."""
        match instruction:
            case ins.Env(pairs=pairs):
                values = self.expand_pairs(pairs)
                env = _variables(self.config.env) | values
                self.config = replace(self.config, env=_entries(env))
                return " ".join(("ENV", *_entries(values)))
            case ins.Label(pairs=pairs):
                values = self.expand_pairs(pairs)
                self.config = replace(self.config, labels={**self.config.labels, **values})
                return " ".join(("LABEL", *_entries(values)))
            case ins.Arg(declarations=declarations):
                return " ".join(("ARG", *map(self.declare, declarations)))
            case ins.Cmd(command=command):
                self.config = replace(self.config, cmd=self.argv(command))
                self.cmd_is_own = True
                return f"CMD {_json(self.config.cmd)}"
            case ins.Entrypoint(command=command):
                return self.entrypoint(command)
            case ins.User(user=user):
                self.config = replace(self.config, user=self.expand(user))
                return f"USER {self.config.user}"
            case ins.Expose(ports=ports):
                return self.expose(ports)
            case ins.Volume(paths=paths):
                return self.volume(paths)
            case ins.HealthCheck():
                return self.health_check(instruction)
            case ins.OnBuild(trigger=trigger):
                triggers = (*self.config.extra.get(TRIGGERS, ()), trigger.text)
                self.config = with_triggers(self.config, triggers)
                return f"ONBUILD {trigger}"
            case ins.StopSignal(signal=signal):
                self.config = replace(self.config, stop_signal=self.signal(signal))
                return f"STOPSIGNAL {self.config.stop_signal}"
            case ins.Shell(arguments=arguments):
                self.config = replace(self.config, shell=arguments)
                return f"SHELL {_json(arguments)}"
            case ins.Maintainer(name=name):
                self.author = name.text
                return f"MAINTAINER {name}"
        raise AssertionError(f"no plan for {type(instruction).__name__}")

    def entrypoint(self, command: ins.Command) -> str:
        """A new ENTRYPOINT drops the base image's CMD: that was meant for another program."""
        self.config = replace(
            self.config,
            entrypoint=self.argv(command),
            cmd=self.config.cmd if self.cmd_is_own else None,
        )
        return f"ENTRYPOINT {_json(self.config.entrypoint)}"

    def declare(self, declaration: ins.Declaration) -> str:
        """ARG: from the command line, else the default here, else the global one, else unset."""
        name = declaration.name.text
        value = self.arguments.given.get(name)
        if value is None and declaration.default is not None:
            value = self.expand(declaration.default)
        if value is None:
            value = self.arguments.global_.get(name)
        if value is None:
            return name
        self.declared[name] = value
        return f"{name}={value}"

    def volume(self, words: tuple[Word, ...]) -> str:
        paths = [self.expand(word).strip() for word in words]
        if "" in paths:
            raise DockerfileError(
                "{file}:{line}:{column}: a VOLUME needs a path, and {word} is empty here",
                word=words[paths.index("")].text,
                **words[paths.index("")].place.facts(),
            )
        volumes = tuple(dict.fromkeys((*self.config.volumes, *paths)))
        self.config = replace(self.config, volumes=volumes)
        return f"VOLUME {_json(tuple(paths))}"

    def health_check(self, check: ins.HealthCheck) -> str:
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
        self.config = replace(self.config, healthcheck=health)
        return check.text

    def expose(self, words: tuple[Word, ...]) -> str:
        ports = [port for word in words for port in self.ports(word)]
        exposed = tuple(dict.fromkeys((*self.config.exposed_ports, *ports)))
        self.config = replace(self.config, exposed_ports=exposed)
        return " ".join(("EXPOSE", *ports))

    def ports(self, word: Word) -> list[str]:
        """`8000`, `53/udp`, `8000-8002/tcp`: one entry per port, always with its protocol."""
        ports: list[str] = []
        for text in self.expand(word).split():
            match = _PORT.fullmatch(text)
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

    def signal(self, word: Word) -> str:
        text = self.expand(word)
        if not _SIGNAL.fullmatch(text.upper()):
            raise DockerfileError(
                "{file}:{line}:{column}: not a signal: {text}",
                hint="write its name or number, such as SIGTERM or 15",
                text=text,
                **word.place.facts(),
            )
        return text

    def mode(self, word: Word) -> int:
        text = self.expand(word)
        if not _MODE.fullmatch(text):
            raise DockerfileError(
                "{file}:{line}:{column}: not a mode: {text}",
                hint="write it in octal, such as --chmod=755",
                text=text,
                **word.place.facts(),
            )
        return int(text, 8)

    def argv(self, command: ins.Command) -> tuple[str, ...]:
        """An exec form as it is; a shell form behind the shell that is set here."""
        if isinstance(command, ins.ExecForm):
            return command.arguments
        return (*(self.config.shell or DEFAULT_SHELL), command.line.text)

    def destination(self, word: Word) -> Destination:
        is_directory = word.text.rpartition("/")[2] in ("", ".", "..")
        return Destination(word, self.absolute(word.text), is_directory)

    def absolute(self, path: str) -> PurePosixPath:
        """`path` seen from the current WORKDIR, without `.` and `..`."""
        joined = posixpath.join("/", self.config.working_dir, path)
        return PurePosixPath("/" + posixpath.normpath(joined).lstrip("/"))

    def expand_pairs(self, pairs: tuple[ins.Pair, ...]) -> dict[str, str]:
        """All values are expanded with what held before the instruction, as docker does."""
        values = {self.expand(pair.name): self.expand(pair.value) for pair in pairs}
        if "" in values:
            raise DockerfileError(
                "{file}:{line}:{column}: a name before a = is empty here",
                hint="does it come from a variable that is not set?",
                **pairs[list(values).index("")].name.place.facts(),
            )
        return values

    def expand_word(self, word: Word) -> Word:
        return Word(self.expand(word), word.place)

    def expand(self, word: Word) -> str:
        return expand(word, self.variables, self.escape)

    @property
    def variables(self) -> dict[str, str]:
        """ENV wins over an ARG of the same name."""
        return self.declared | _variables(self.config.env)


def refuse_addresses(sources: tuple[Word, ...]) -> None:
    """ADD of what is elsewhere. Raises DockerfileError."""
    for source in sources:
        if _ADDRESS.match(source.text):
            raise DockerfileError(
                "{file}:{line}:{column}: ADD of an address is not supported yet: {address}",
                hint="download it into the build context and COPY it",
                address=source.text,
                **source.place.facts(),
            )


def with_triggers(config: RunConfig, triggers: tuple[str, ...]) -> RunConfig:
    """The config with these ONBUILD instructions instead of those it had."""
    others = {name: value for name, value in config.extra.items() if name != TRIGGERS}
    return replace(config, extra={**others, TRIGGERS: [*triggers]} if triggers else others)


def _with_documents(instruction: ins.Run) -> ins.Command:
    """`RUN <<EOF` alone: the document is the script; else the shell reads all there is."""
    command, documents = instruction.command, instruction.documents
    if not documents or isinstance(command, ins.ExecForm):
        return command
    line = command.line
    if line.text == documents[0].word.text:
        if documents[0].text.startswith("#!"):
            raise DockerfileError(
                "{file}:{line}:{column}: a here-document with #! is not supported yet",
                hint="write the program's name before it: RUN python3 <<EOF",
                **line.place.facts(),
            )
        return ins.ShellForm(Word(documents[0].text, line.place))
    text = line.text + "".join(f"\n{each.content}{each.name}" for each in documents)
    return ins.ShellForm(Word(text, line.place))


def _variables(env: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, _, value in (entry.partition("=") for entry in env)}


def _entries(variables: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in variables.items())


def _counted(entries: tuple[str, ...]) -> tuple[str, ...]:
    return (f"|{len(entries)}", *entries) if entries else ()


def _json(arguments: tuple[str, ...] | None) -> str:
    return json.dumps(arguments or (), ensure_ascii=False)
