"""From what the user asked and what the image says to a bundle that can be started.

A bundle is a directory: `config.json` (the runtime-spec's description of the container),
the files that are shown to it as /etc/hostname, /etc/hosts and /etc/resolv.conf, and, once it
runs, its log and its monitor's socket.

`make_spec` decides, `Bundle.write` writes; starting is another file's business.
runtime-spec: bundle.md, config.md; image-spec: conversion.md
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from runtime.container import devices, isolation, limits, log, profile, worlds
from runtime.container.command import argv
from runtime.container.log_options import DEFAULT_DRIVER, read_log_options
from runtime.container.messages import STDIN_ANNOTATION, StdinPolicy
from runtime.container.points import Point, mount_of
from runtime.errors import InvalidInput, NotFound
from runtime.linux import etc
from runtime.linux.seccomp import Filter
from runtime.oci.image import RunConfig
from runtime.oci.mounts import DEFAULT_MOUNTS, Mount
from runtime.oci.spec import Process, Spec

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_TERM = "xterm"
_HOSTNAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}", re.ASCII)

FILTER = "seccomp.bpf"

FLOOR_DIRECTORIES = ("dev", "proc", "sys", "etc")
FLOOR_FILES = ("etc/hostname", "etc/hosts", "etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. None and "" mean: as the image says.

    `entrypoint=()` clears the image's; 0 is no limit. Which keyword, flag and member of docker's
    JSON each field has stands in engine/options.py. Values are plain: texts, numbers, tuples
    and mappings with texts as keys, so that they are the same after JSON.
    """

    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    hostname: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: int = 0
    memory_swap_bytes: int = 0
    memory_reservation_bytes: int = 0
    memory_swappiness: int | None = None
    kernel_memory_bytes: int = 0
    oom_kill_disable: bool = False
    nano_cpus: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids_limit: int = 0
    blkio_weight: int = 0
    blkio_weight_device: tuple[tuple[str, int], ...] = ()
    device_read_bps: tuple[tuple[str, int], ...] = ()
    device_write_bps: tuple[tuple[str, int], ...] = ()
    device_read_iops: tuple[tuple[str, int], ...] = ()
    device_write_iops: tuple[tuple[str, int], ...] = ()
    oom_score_adj: int = 0
    ulimits: tuple[tuple[str, int, int], ...] = ()
    shm_bytes: int = 0
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    devices: tuple[tuple[str, str, str], ...] = ()
    device_rules: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    group_add: tuple[str, ...] = ()
    domainname: str = ""
    pid_mode: str = ""
    ipc_mode: str = ""
    uts_mode: str = ""
    cgroupns_mode: str = ""
    auto_remove: bool = False
    stdin_open: bool = False
    stop_signal: str = ""
    stop_timeout_s: int | None = None
    restart_policy: str = "no"
    restart_retries: int = 0
    health: Mapping[str, Any] | None = None
    """Docker's HealthConfig; in a container's row it is complete with what the image says."""
    shell: tuple[str, ...] = ()
    """The image's SHELL, by which a health check in shell form is asked."""
    init: bool = False
    network: str = worlds.DEFAULT_NETWORK
    networks: Mapping[str, Any] = field(default_factory=dict)
    """What it is plugged into at first, by id, and what was asked for there: see `places`."""
    mac_address: str = ""
    ports: tuple[tuple[Any, ...], ...] = ()
    """What is to be published: the fields of network.ports.Wanted."""
    publish_all_ports: bool = False
    exposed_ports: tuple[str, ...] = ()
    """Ports by name, "80/tcp"; with `publish_all_ports` those of the image, too."""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """Other containers' ids, and how this one calls them."""
    attach: tuple[str, ...] = ("stdin", "stdout", "stderr")
    tty: bool = False
    binds: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    """Places for volumes without a name; `binds` are all the others that -v can say."""
    mounts: tuple[Mapping[str, Any], ...] = ()
    volumes_from: tuple[str, ...] = ()
    volume_driver: str = ""
    log_driver: str = DEFAULT_DRIVER
    log_options: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """As it stands in the database."""
        return json.dumps({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    @functools.lru_cache(maxsize=128)
    def from_json(cls, text: str) -> Request:
        """What `to_json` wrote; lists within it, too, become tuples again."""
        return cls(**{name: _frozen(value) for name, value in json.loads(text).items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Bundle:
    """The directory of one container. `root` is the state directory."""

    root: Path
    directory: Path

    @property
    def rootfs(self) -> Path:
        """An empty directory of the host, over which the container's root is mounted."""
        return self.directory / "rootfs"

    @property
    def floor(self) -> Path:
        """The layer below all layers: empty files and directories to mount on.

        With them at the bottom, starting a container writes nothing into its own layer, and
        what an image itself has at these places wins.
        """
        return self.root / "floor"

    @property
    def points(self) -> Path:
        """The same for what this container alone has mounted; there only if it has something."""
        return self.directory / "points"

    def spec(self) -> Spec:
        """What config.json says now. Raises NotFound when it has been removed, InvalidSpec."""
        return Spec.from_bytes(self._existing("config.json").read_bytes())

    def filter(self) -> Filter | None:
        """Its seccomp filter, compiled when the bundle was written; None for one without.

        Raises NotFound: a container whose filter is lost must not start without it.
        """
        data = self._existing(FILTER).read_bytes()
        return Filter.from_bytes(data) if data else None

    def read_log(self) -> log.Reader:
        """The log, from its beginning. Raises NotFound when it has been removed."""
        self._existing("config.json")
        return log.Reader(self.directory / log.NAME)

    def _existing(self, name: str) -> Path:
        path = self.directory / name
        if not path.exists():
            raise NotFound("no such container: {name}", name=self.directory.name[:12])
        return path

    def write(self, spec: Spec, request: Request | None = None) -> None:
        """Make the directory and put everything into it that starting needs. For a container that
        is plugged in, the networks' keeper writes hosts and resolv.conf anew when it starts.
        """
        self.directory.mkdir(mode=0o700, parents=True)
        self.rootfs.mkdir()
        make_floor(self.floor)
        make_points(self.points, spec.mounts)
        request = request or Request(image="")
        names = {"hostname": spec.hostname + "\n", "hosts": hosts_file(spec.hostname, request)}
        names |= {"resolv.conf": resolv_conf(request), log.NAME: ""}
        for name, text in names.items():
            (self.directory / name).write_text(text)
        compiled = b"" if spec.seccomp is None else profile.compiled(spec.seccomp).to_bytes()
        (self.directory / FILTER).write_bytes(compiled)
        (self.directory / "config.json").write_text(json.dumps(spec.to_json()))

    def rewrite(self, spec: Spec) -> None:
        """Put another config.json in place of the present one, at once."""
        new = self.directory / "config.json.new"
        new.write_text(json.dumps(spec.to_json()))
        new.replace(self.directory / "config.json")

    def edition(self) -> tuple[int, int]:
        """Two numbers that are others after every `rewrite`. Raises NotFound."""
        status = self._existing("config.json").stat()
        return status.st_ino, status.st_mtime_ns

    def remove(self) -> None:
        """Delete it; a bundle that is not there is no error. A monitor that does not know yet may
        put something in, or take something out, meanwhile.
        """
        while self.directory.exists():
            try:
                return log.remove_directory(self.directory)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                    raise
        return None


def make_spec(
    container_id: str,
    request: Request,
    image: RunConfig,
    bundle: Bundle,
    points: Iterable[Point] = (),
) -> Spec:
    """The whole description of a container. Raises InvalidInput for a request that makes none."""
    worlds.refuse_foreign_names(request)
    hostname = request.hostname or container_id[:12]
    neighbour = worlds.neighbour_bundle(request, bundle.root)
    if request.uts_mode == "host" or (request.network == "host" and not request.hostname):
        hostname = os.uname().nodename
    elif neighbour is not None:
        hostname = Bundle(bundle.root, neighbour).spec().hostname
    capabilities = isolation.capabilities_of(request)
    nodes, rules = devices.devices_of(request)
    masked_paths, readonly_paths = isolation.hidden_paths(request)
    permits = devices.permits_new_nodes(nodes, rules)
    shown = (mount_of(point, permits_nodes=permits) for point in points)
    spec = Spec(
        process=Process(
            args=command_line(request, image),
            env=environment(request, image, hostname),
            cwd=request.working_dir or image.working_dir or "/",
            user=request.user or image.user,
            terminal=request.tty,
            groups=request.group_add,
            capabilities=capabilities,
            no_new_privileges=isolation.no_new_privileges(request),
            rlimits=isolation.rlimits_of(request),
            oom_score_adj=isolation.oom_score_of(request),
        ),
        hostname=hostname,
        domainname=request.domainname,
        root_readonly=request.read_only,
        mounts=worlds.mounts_of(
            request, bundle.root, (*etc_mounts(neighbour or bundle.directory), *shown)
        ),
        namespaces=worlds.namespaces_of(request, bundle.root),
        devices=nodes,
        device_rules=rules,
        resources=limits.resources(request),
        cgroups_path=f"/onggi/{container_id}",
        annotations={
            STDIN_ANNOTATION: stdin_policy(request),
            **worlds.network_annotation(request.network),
            **read_log_options(request.log_driver, request.log_options).annotations(),
        },
        sysctl=request.sysctls,
        seccomp=isolation.seccomp_of(request, capabilities),
        masked_paths=masked_paths,
        readonly_paths=readonly_paths,
    )
    refuse_nonsense(spec)
    return spec


def refuse_nonsense(spec: Spec) -> None:
    """Raises InvalidInput for what no program could ever be started with."""
    process = spec.process
    texts = (*process.args, *process.env, process.cwd, process.user)
    if any("\0" in text for text in texts):
        raise InvalidInput("a null character cannot be part of a command, variable, path or user")
    if not process.cwd.startswith("/"):
        raise InvalidInput(
            "the working directory must be an absolute path: {path}",
            hint="begin it with /",
            path=process.cwd,
        )
    if not _HOSTNAME.fullmatch(spec.hostname):
        raise InvalidInput(
            "not a host name: {name!r}",
            hint="use up to 64 of a-z A-Z 0-9 _ . - and begin with a letter or digit",
            name=spec.hostname[:100],
        )


def command_line(request: Request, image: RunConfig) -> tuple[str, ...]:
    """ENTRYPOINT and CMD put together. Raises InvalidInput if nothing is left to run."""
    line = tuple(argv(request.entrypoint, request.command, image.entrypoint, image.cmd))
    if not line or not line[0]:
        raise InvalidInput(
            "no command was given, and image {image} has none",
            hint="write the command after the image's name",
            image=request.image,
        )
    return line


def environment(request: Request, image: RunConfig, hostname: str) -> tuple[str, ...]:
    """PATH, HOSTNAME and with a terminal TERM, then the image's variables, then the user's: the
    last one wins.
    """
    variables = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname}
    if request.tty:
        variables["TERM"] = DEFAULT_TERM
    for entry in (*image.env, *request.environment):
        name, _, value = entry.partition("=")
        variables[name] = value
    return tuple(f"{name}={value}" for name, value in variables.items())


def stdin_policy(request: Request) -> StdinPolicy:
    """What becomes of the standard input that was asked for."""
    if not request.stdin_open:
        return StdinPolicy.NOTHING
    return StdinPolicy.ONCE if "stdin" in request.attach else StdinPolicy.FOR_EVER


def make_floor(floor: Path) -> None:
    """See `Bundle.floor`. Made once a state directory; making it again changes nothing."""
    if (floor / FLOOR_FILES[-1]).exists():
        return
    for name in FLOOR_DIRECTORIES:
        (floor / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    for name in FLOOR_FILES:
        (floor / name).touch(mode=0o644)


def make_points(points: Path, mounts: Iterable[Mount]) -> None:
    """See `Bundle.points`: a directory, or an empty file, wherever something is mounted that is
    not mounted in every container.
    """
    common = {"/dev", "/proc", "/sys", *(f"/{name}" for name in FLOOR_FILES)}
    for each in mounts:
        if each in DEFAULT_MOUNTS or each.destination in common:
            continue
        place = points / each.destination.lstrip("/")
        with contextlib.suppress(FileExistsError, NotADirectoryError):  # the start tells it better
            if each.type == "bind" and Path(each.source).is_file():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch(mode=0o644)
            else:
                place.mkdir(parents=True, exist_ok=True)


def hosts_file(hostname: str, request: Request) -> str:
    """/etc/hosts of a container that is in no network of ours: alone on its loopback, or in the
    host's world, whose names it then has.
    """
    if request.network == worlds.HOST_NETWORK:
        with contextlib.suppress(OSError):
            own = Path("/etc/hosts").read_text(errors="replace")
            added = etc.added_hosts(request.extra_hosts, "127.0.0.1")
            return own + "".join(f"{address}\t{name}\n" for address, name in added)
    return etc.hosts_text([*etc.added_hosts(request.extra_hosts, ""), ("127.0.1.1", hostname)])


def resolv_conf(request: Request) -> str:
    """Its /etc/resolv.conf: the host's as it stands, unless something else was asked for."""
    if request.dns or request.dns_search or request.dns_options:
        wanted = (request.dns, request.dns_search, request.dns_options)
        return etc.asked_for(etc.host_resolvers(), *wanted).text()
    with contextlib.suppress(OSError):
        return etc.RESOLV_CONF.read_text(errors="replace")
    return ""


def etc_mounts(directory: Path) -> tuple[Mount, ...]:
    """The files of a bundle that a container sees in its /etc."""
    names = ("hostname", "hosts", "resolv.conf")
    return tuple(Mount(f"/etc/{name}", "bind", str(directory / name), ("bind",)) for name in names)
