"""What instructions mean: configs, histories and command lines as docker writes them."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from runtime.build.plan.arguments import plan_arguments, plan_base, unused_arguments
from runtime.build.plan.stage import DEFAULT_PATH, StagePlan, plan_stage
from runtime.build.step import CopyFiles, MakeDirectory, RunCommand, cache_key
from runtime.dockerfile.parser import parse
from runtime.errors import DockerfileError
from runtime.oci.descriptor import Platform
from runtime.oci.digest import ChainID
from runtime.oci.image import RunConfig

PLATFORM = Platform("amd64", "linux")
BASE = RunConfig(env=("PATH=/bin",), cmd=("sh",), working_dir="/srv", labels={"a": "1"})
PARENT = ChainID.of(b"layers below")


def planned(
    lines: str,
    base: RunConfig = BASE,
    given: dict[str, str] | None = None,
    before: str = "",
    epoch: int | None = None,
) -> StagePlan:
    dockerfile = parse(f"{before}\nFROM scratch\n{lines}")
    arguments = plan_arguments(dockerfile, given or {}, PLATFORM, epoch)
    return plan_stage(dockerfile.stages[-1], base, arguments)


def run_of(plan: StagePlan) -> RunCommand:
    (run,) = (step for step in plan.steps if isinstance(step, RunCommand))
    return run


def key(lines: str, **options: object) -> str:
    step = planned(lines, **options).steps[-1]  # type: ignore[arg-type]
    return cache_key(PARENT, step, None)


@pytest.mark.parametrize(
    ("line", "created_by"),
    [
        ("ENV a=1 b='x y'", "ENV a=1 b=x y"),
        ("LABEL name=$PATH", "LABEL name=/bin"),
        ("WORKDIR app", "WORKDIR /srv/app"),
        ("WORKDIR /a/../b/./c/", "WORKDIR /b/c"),
        ("WORKDIR ..", "WORKDIR /"),
        ("USER app:staff", "USER app:staff"),
        ('CMD ["a", "한글"]', 'CMD ["a", "한글"]'),
        ("CMD echo $HOME", 'CMD ["/bin/sh", "-c", "echo $HOME"]'),
        ('ENTRYPOINT ["/app"]', 'ENTRYPOINT ["/app"]'),
        ("EXPOSE 80 53/udp 8000-8001", "EXPOSE 80/tcp 53/udp 8000/tcp 8001/tcp"),
        ("STOPSIGNAL SIGQUIT", "STOPSIGNAL SIGQUIT"),
        ('SHELL ["/bin/bash", "-c"]', 'SHELL ["/bin/bash", "-c"]'),
        ("MAINTAINER Kim", "MAINTAINER Kim"),
        ("RUN echo $HOME", "RUN /bin/sh -c echo $HOME"),
        ('RUN ["echo", "hi"]', "RUN echo hi"),
        ("COPY --chown=1:2 a b /d/", "COPY --chown=1:2 a b /d/"),
        ("ARG name", "ARG name"),
        ("ARG name=x", "ARG name=x"),
    ],
)
def test_history_lines(line: str, created_by: str) -> None:
    assert planned(line).steps[0].created_by == created_by


def test_configs_grow_from_step_to_step() -> None:
    plan = planned("ENV a=1\nENV b=$a$a a=2\nENV c=$a\nLABEL a=2 b=3\nEXPOSE 80\nEXPOSE 80 81\n")
    assert plan.config.env == ("PATH=/bin", "a=2", "b=11", "c=2")
    assert plan.config.labels == {"a": "2", "b": "3"}
    assert plan.config.exposed_ports == ("80/tcp", "81/tcp")
    assert plan.steps[0].config.env == ("PATH=/bin", "a=1")


def test_an_image_without_a_path_gets_dockers() -> None:
    assert planned("", base=RunConfig()).config.env == (f"PATH={DEFAULT_PATH}",)


def test_entrypoint_drops_the_cmd_of_the_base_only() -> None:
    assert planned('ENTRYPOINT ["/app"]').config.cmd is None
    assert planned('CMD ["x"]\nENTRYPOINT ["/app"]').config.cmd == ("x",)
    assert planned("ENTRYPOINT []").config.entrypoint == ()


def test_shell_holds_from_where_it_stands() -> None:
    plan = planned('CMD a\nSHELL ["/bin/bash", "-ec"]\nENTRYPOINT b')
    assert plan.config.cmd == ("/bin/sh", "-c", "a")
    assert plan.config.entrypoint == ("/bin/bash", "-ec", "b")


def test_a_run_knows_all_it_depends_on() -> None:
    plan = planned("ARG who=me\nENV e=1\nUSER app\nWORKDIR sub\nRUN id", epoch=7)
    run = run_of(plan)
    assert run.argv == ("/bin/sh", "-c", "id")
    assert set(run.env) == {"PATH=/bin", "who=me", "e=1", "SOURCE_DATE_EPOCH=7"}
    assert (run.user, run.cwd) == ("app", PurePosixPath("/srv/sub"))
    assert run.created_by == "RUN |1 who=me /bin/sh -c id"
    assert not any(entry.startswith(("who=", "SOURCE")) for entry in plan.config.env)


@pytest.mark.parametrize(
    ("before", "lines", "given", "value"),
    [
        ("", "ARG v=1", {}, "1"),
        ("", "ARG v=1", {"v": "2"}, "2"),
        ("ARG v=0", "ARG v=1", {}, "1"),
        ("ARG v=0", "ARG v", {}, "0"),
        ("ARG v=0", "ARG v", {"v": "2"}, "2"),
        ("ARG v=0", "", {}, ""),
        ("", "ARG v=1\nENV v=3", {"v": "2"}, "3"),
        ("", "ENV v=3\nARG v=1", {"v": "2"}, "3"),
        ("", "ARG w=1\nARG v=$w-$w", {}, "1-1"),
        ("", "ARG v='a b'", {}, "a b"),
    ],
)
def test_where_an_argument_gets_its_value(
    before: str, lines: str, given: dict[str, str], value: str
) -> None:
    plan = planned(f"{lines}\nLABEL got=$v", given=given, before=before)
    assert plan.config.labels["got"] == value


def test_platform_arguments_are_there_once_declared() -> None:
    assert planned("LABEL a=$TARGETARCH").config.labels["a"] == ""
    assert planned("ARG TARGETARCH\nLABEL a=$TARGETARCH").config.labels["a"] == "amd64"


def test_from_sees_global_arguments_only() -> None:
    dockerfile = parse("ARG tag=1\nARG image=onggi/base:$tag\nFROM ${image}\nFROM ${none}")
    arguments = plan_arguments(dockerfile, {"tag": "2"}, PLATFORM, None)
    assert plan_base(dockerfile.stages[0], arguments) == "onggi/base:2"
    with pytest.raises(DockerfileError, match=r"4:6: .+ is empty here"):
        plan_base(dockerfile.stages[1], arguments)


def test_unused_arguments_are_named() -> None:
    dockerfile = parse("ARG a\nFROM scratch\nARG b")
    given = dict.fromkeys(("a", "b", "c", "http_proxy"), "x")
    assert unused_arguments(dockerfile, given) == ("c",)


def test_proxies_reach_the_command_but_not_the_key() -> None:
    run = run_of(planned("RUN x", given={"HTTP_PROXY": "http://proxy"}))
    assert run.secret_env == ("HTTP_PROXY=http://proxy",)
    assert key("RUN x", given={"HTTP_PROXY": "http://proxy"}) == key("RUN x")


@pytest.mark.parametrize(
    ("written", "path", "is_directory"),
    [
        ("/a", "/a", False),
        ("/a/", "/a", True),
        ("b", "/srv/b", False),
        (".", "/srv", True),
        ("./", "/srv", True),
        ("b/.", "/srv/b", True),
        ("..", "/", True),
        ("/../..", "/", True),
        ("$PATH/x", "/bin/x", False),
    ],
)
def test_destinations(written: str, path: str, is_directory: bool) -> None:
    step = planned(f"COPY a {written}").steps[0]
    assert isinstance(step, CopyFiles)
    assert str(step.destination.path) == path
    assert step.destination.is_directory is is_directory


@pytest.mark.parametrize(
    "line",
    [
        "EXPOSE http",
        "EXPOSE 70000",
        "EXPOSE 9-8",
        "EXPOSE 80/icmp",
        "STOPSIGNAL 1x",
        "COPY --chmod=u+q a b",
        "COPY --exclude=[ a b",
        "ADD --checksum=sha256:12 http://a.example/x /",
        f"ADD --checksum=sha256:{'0' * 64} file /",
        f"ADD --checksum=sha256:{'0' * 64} http://a.example/x http://a.example/y /",
        "COPY --chmod=999 a b",
        "ENV $none=1",
        "ENV a='open",
        "WORKDIR ${x",
    ],
)
def test_bad_values_are_refused_with_their_place(line: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        planned(line)
    assert caught.value.line == 3
    assert caught.value.source_line == line


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RUN a", "RUN b"),
        ("RUN a", 'RUN ["a"]'),
        ("RUN a", "ENV x=1\nRUN a"),
        ("RUN a", "ARG x=1\nRUN a"),
        ("RUN a", "USER 1\nRUN a"),
        ("RUN a", "WORKDIR x\nRUN a"),
        ("COPY a /b", "COPY a /c"),
        ("COPY a /b", "COPY a /b/"),
        ("COPY a /b", "COPY --chown=1 a /b"),
        ("COPY a /b", "COPY --chmod=700 a /b"),
        ("WORKDIR a", "USER 1\nWORKDIR a"),
    ],
)
def test_what_changes_the_layer_changes_the_key(one: str, other: str) -> None:
    assert key(one) != key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RUN a", "LABEL x=1\nRUN a"),
        ("RUN a", 'CMD ["x"]\nEXPOSE 80\nRUN a'),
        ("RUN a \\\n b", "RUN a  b"),
        ("COPY a /srv/b", "COPY a b"),
        ("COPY a /b", "COPY other /b"),  # what it holds is the content's digest
    ],
)
def test_what_does_not_change_the_layer_keeps_the_key(one: str, other: str) -> None:
    assert key(one) == key(other)


def test_keys_depend_on_layers_content_and_epoch() -> None:
    step = planned("COPY a /b").steps[0]
    keys = {
        cache_key(PARENT, step, None),
        cache_key(None, step, None),
        cache_key(PARENT, step, 0),
        cache_key(PARENT, step, None, "content"),
    }
    assert len(keys) == 4


def test_workdir_belongs_to_the_user_of_that_moment() -> None:
    step = planned("USER app\nWORKDIR /x\nUSER root").steps[1]
    assert isinstance(step, MakeDirectory)
    assert step.owner.text == "app"
