"""The flags of `run` and `create`: docker's, in docker's words.

A flag that is a row of the engine's table of options (engine/options.py) becomes that row's
keyword as it is. The others are the command line's own affair: files to read variables from,
several flags that make one option. A flag whose option does not work
here is for engines elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtime.cli import units
from runtime.cli.files import read_labels, read_profiles, read_variables
from runtime.cli.flags import CPUS, LIST, SIZE, SWITCH, WHOLE, WORD, Flag, Given, Kind, elsewhere
from runtime.cli.network_flags import networks_of
from runtime.engine.options import OPTIONS, works
from runtime.errors import Conflict

MAP = Kind("map", repeats=True)
DURATION = Kind("duration", units.parse_duration, "{flag} takes a time such as 30s, not {text}")
SWAP = Kind("bytes", units.parse_swap, "{flag} takes a size such as 64m, or -1, not {text}")
WEIGHT = Kind("uint16", units.parse_whole, "{flag} takes a whole number, not {text}")
ULIMIT = Kind("ulimit", repeats=True)
MOUNT = Kind("mount", repeats=True)
NETWORK = Kind("network", repeats=True)

ENVIRONMENT = Flag("env", "e", LIST, "Set environment variables")
ENVIRONMENT_FILE = Flag("env-file", "", LIST, "Read in a file of environment variables")
INTERACTIVE = Flag("interactive", "i", SWITCH, "Keep standard input open")
TERMINAL = Flag("tty", "t", SWITCH, "Allocate a pseudo-TTY")
USER = Flag("user", "u", WORD, "User name or UID (format: <name|uid>[:<group|gid>])")
WORKDIR = Flag("workdir", "w", WORD, "Working directory inside the container")
PRIVILEGED = Flag("privileged", "", SWITCH, "Give extended privileges to this container")

OF_THE_ENGINE = (
    Flag("annotation", "", MAP, "Add an annotation to the container (passed to the OCI runtime)"),
    Flag("add-host", "", LIST, "Add a custom host-to-IP mapping (host:ip)"),
    Flag("attach", "a", LIST, "Attach to STDIN, STDOUT or STDERR"),
    Flag("blkio-weight", "", WEIGHT, "Block IO weight, between 10 and 1000, or 0 to disable"),
    Flag("blkio-weight-device", "", LIST, "Block IO weight (relative device weight)"),
    Flag("cap-add", "", LIST, "Add Linux capabilities"),
    Flag("cap-drop", "", LIST, "Drop Linux capabilities"),
    Flag("cgroup-parent", "", WORD, "Optional parent cgroup for the container"),
    Flag("cgroupns", "", WORD, "Cgroup namespace to use (host|private)"),
    Flag("cpu-period", "", WHOLE, "Limit CPU CFS (Completely Fair Scheduler) period"),
    Flag("cpu-quota", "", WHOLE, "Limit CPU CFS (Completely Fair Scheduler) quota"),
    Flag("cpu-rt-period", "", WHOLE, "Limit CPU real-time period in microseconds"),
    Flag("cpu-rt-runtime", "", WHOLE, "Limit CPU real-time runtime in microseconds"),
    Flag("cpu-shares", "c", WHOLE, "CPU shares (relative weight)"),
    Flag("cpus", "", CPUS, "Number of CPUs"),
    Flag("cpuset-cpus", "", WORD, "CPUs in which to allow execution (0-3, 0,1)"),
    Flag("cpuset-mems", "", WORD, "MEMs in which to allow execution (0-3, 0,1)"),
    Flag("device", "", LIST, "Add a host device to the container"),
    Flag("device-cgroup-rule", "", LIST, "Add a rule to the cgroup allowed devices list"),
    Flag("device-read-bps", "", LIST, "Limit read rate (bytes per second) from a device"),
    Flag("device-read-iops", "", LIST, "Limit read rate (IO per second) from a device"),
    Flag("device-write-bps", "", LIST, "Limit write rate (bytes per second) to a device"),
    Flag("device-write-iops", "", LIST, "Limit write rate (IO per second) to a device"),
    Flag("dns", "", LIST, "Set custom DNS servers"),
    Flag("dns-option", "", LIST, "Set DNS options"),
    Flag("dns-search", "", LIST, "Set custom DNS search domains"),
    Flag("domainname", "", WORD, "Container NIS domain name"),
    Flag("entrypoint", "", WORD, "Overwrite the default ENTRYPOINT of the image"),
    ENVIRONMENT,
    Flag("expose", "", LIST, "Expose a port or a range of ports"),
    Flag("gpus", "", WORD, "GPU devices to add to the container ('all' to pass all GPUs)"),
    Flag("group-add", "", LIST, "Add additional groups to join"),
    Flag("health-cmd", "", WORD, "Command to run to check health"),
    Flag("hostname", "h", WORD, "Container host name"),
    Flag("init", "", SWITCH, "Run an init inside that forwards signals and reaps processes"),
    INTERACTIVE,
    Flag("ipc", "", WORD, "IPC mode to use"),
    Flag("kernel-memory", "", SIZE, "Kernel memory limit"),
    Flag("label", "l", LIST, "Set meta data on a container"),
    Flag("link", "", LIST, "Add link to another container"),
    Flag("log-driver", "", WORD, "Logging driver for the container"),
    Flag("log-opt", "", LIST, "Log driver options"),
    Flag("mac-address", "", WORD, "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    Flag("memory", "m", SIZE, "Memory limit"),
    Flag("memory-reservation", "", SIZE, "Memory soft limit"),
    Flag("memory-swap", "", SWAP, "Memory and swap together: '-1' to enable unlimited swap"),
    Flag("memory-swappiness", "", WHOLE, "Tune container memory swappiness (0 to 100)"),
    Flag("mount", "", MOUNT, "Attach a filesystem mount to the container"),
    Flag("network", "", NETWORK, "Connect a container to a network"),
    Flag("network-alias", "", LIST, "Add network-scoped alias for the container"),
    Flag("oom-kill-disable", "", SWITCH, "Disable OOM Killer"),
    Flag("oom-score-adj", "", WHOLE, "Tune host's OOM preferences (-1000 to 1000)"),
    Flag("pid", "", WORD, "PID namespace to use"),
    Flag("pids-limit", "", WHOLE, "Tune container pids limit (set -1 for unlimited)"),
    PRIVILEGED,
    Flag("publish", "p", LIST, "Publish a container's port(s) to the host"),
    Flag("publish-all", "P", SWITCH, "Publish all exposed ports to random ports"),
    Flag("read-only", "", SWITCH, "Mount the container's root filesystem as read only"),
    Flag("restart", "", WORD, "Restart policy to apply when a container exits"),
    Flag("rm", "", SWITCH, "Automatically remove the container when it exits"),
    Flag("runtime", "", WORD, "Runtime to use for this container"),
    Flag("security-opt", "", LIST, "Security Options"),
    Flag("shm-size", "", SIZE, "Size of /dev/shm"),
    Flag("stop-signal", "", WORD, "Signal to stop the container"),
    Flag("stop-timeout", "", WHOLE, "Timeout (in seconds) to stop a container"),
    Flag("storage-opt", "", LIST, "Storage driver options for the container"),
    Flag("sysctl", "", MAP, "Sysctl options"),
    Flag("tmpfs", "", LIST, "Mount a tmpfs directory"),
    TERMINAL,
    Flag("ulimit", "", ULIMIT, "Ulimit options"),
    USER,
    Flag("userns", "", WORD, "User namespace to use"),
    Flag("uts", "", WORD, "UTS namespace to use"),
    Flag("volume", "v", LIST, "Bind mount a volume"),
    Flag("volume-driver", "", WORD, "Optional volume driver for the container"),
    Flag("volumes-from", "", LIST, "Mount volumes from the specified container(s)"),
    WORKDIR,
)
"""Each is a row of `OPTIONS`."""

HEALTH = (
    Flag("health-interval", "", DURATION, "Time between running the check (ms|s|m|h)"),
    Flag("health-retries", "", WHOLE, "Consecutive failures needed to report unhealthy"),
    Flag(
        *("health-start-interval", "", DURATION),
        "Time between running the check during the start period (ms|s|m|h)",
    ),
    Flag(
        *("health-start-period", "", DURATION),
        "Start period for the container to initialize before health-retries count (ms|s|m|h)",
    ),
    Flag("health-timeout", "", DURATION, "Maximum time to allow one check to run (ms|s|m|h)"),
    Flag("no-healthcheck", "", SWITCH, "Disable any container-specified HEALTHCHECK"),
)
"""With --health-cmd they make one option, a health check."""

OF_THE_COMMAND_LINE = (
    Flag("disable-content-trust", "", SWITCH, "Accepted: digests are always verified", True),
    Flag("cidfile", "", WORD, "Write the container ID to the file"),
    ENVIRONMENT_FILE,
    Flag("ip", "", WORD, "IPv4 address (e.g., 172.30.100.104)"),
    Flag("ip6", "", WORD, "IPv6 address (e.g., 2001:db8::33)"),
    Flag("label-file", "", LIST, "Read in a line delimited file of labels"),
    Flag("link-local-ip", "", LIST, "Container IPv4/IPv6 link-local addresses"),
    Flag("name", "", WORD, "Assign a name to the container"),
    Flag("platform", "", WORD, "Set platform if server is multi-platform capable"),
    Flag("pull", "", WORD, "Pull image before running (always, missing, never)"),
    Flag("quiet", "q", SWITCH, "Suppress the pull output"),
)
"""No rows of it."""

SPECIAL = (
    *("env", "label", "entrypoint", "cpus", "health-cmd", "log-driver", "log-opt"),
    *("network", "network-alias", "volume"),
)
WORKING = {option.flag for option in OPTIONS if works(option)}
DIRECT = [option for option in OPTIONS if option.flag and option.flag not in SPECIAL]
"""Rows whose keyword is simply the flag's value."""


def _or_elsewhere(flag: Flag, working: bool) -> Flag:
    return flag if working else flag._replace(kind=elsewhere(flag.kind))


CONTAINER_FLAGS = (
    *(_or_elsewhere(flag, flag.long in WORKING) for flag in OF_THE_ENGINE),
    *(_or_elsewhere(flag, "health-cmd" in WORKING) for flag in HEALTH),
    *OF_THE_COMMAND_LINE,
)


def options_of(given: Given) -> dict[str, Any]:
    """The keywords of `Containers.create` that a command line says.

    Raises InvalidInput and Conflict for flags that make no sense together, OSError for a file
    that cannot be read.
    """
    values = {option.keyword: given.values[option.flag.replace("-", "_")] for option in DIRECT}
    options = {keyword: value for keyword, value in values.items() if value not in (None, [])}
    options["environment"] = read_variables(given.env_file, given.env)
    options["labels"] = read_labels(given.label_file, given.label)
    if given.entrypoint is not None:  # one word, however it looks; "" clears the image's
        options["entrypoint"] = [given.entrypoint] if given.entrypoint else []
    if given.volume:
        options["volumes"] = [from_here(text) for text in given.volume]
    if given.security_opt:
        options["security_opt"] = read_profiles(given.security_opt)
    if given.cpus is not None:
        options["nano_cpus"] = round(given.cpus * 10**9)
    options |= networks_of(given)
    if health := health_of(given):
        options["healthcheck"] = health
    if given.log_driver or given.log_opt:
        options["log_config"] = {"type": given.log_driver or "", "config": given.log_opt}
    return options


def from_here(volume: str) -> str:
    """A -v whose source begins with a dot is a path from where the command was called."""
    source, colon, rest = volume.partition(":")
    return f"{Path(source).absolute()}{colon}{rest}" if colon and source.startswith(".") else volume


def health_of(given: Given) -> dict[str, Any]:
    """The health check of --health-* and --no-healthcheck. Raises Conflict for both at once."""
    names = ("interval", "timeout", "retries", "start_period", "start_interval")
    check = {name: given.values[f"health_{name}"] for name in names}
    check = {name: value for name, value in check.items() if value}
    if given.health_cmd:
        check["test"] = given.health_cmd
    if not given.no_healthcheck:
        return check
    if check:
        raise Conflict("--no-healthcheck conflicts with --health-* options")
    return {"test": ["NONE"]}
