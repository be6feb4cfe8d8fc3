"""Every command's name: docker's words, and where the function behind them is.

The functions are named, not imported: `onggi ps` loads the file it needs and no other, and
`onggi --help` loads none. The values here and in flags.py are named tuples, since making
dataclasses would take longer than everything else that a small command does.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runtime.cli.command import Command


class Verb(NamedTuple):
    """A command: `module` in this folder, the `function` there, and one line of help."""

    module: str
    function: str
    summary: str

    def load(self) -> Command:
        """Import the command."""
        command: Command = getattr(import_module(f"runtime.cli.{self.module}"), self.function)
        return command


class Noun(NamedTuple):
    """A word that only groups commands: `onggi image`."""

    summary: str
    verbs: Mapping[str, Verb]


RUN = Verb("run", "run", "Create and run a new container from an image")
CREATE = Verb("run", "create", "Create a new container")
CP = Verb("copy", "cp", "Copy files/folders between a container and the local filesystem")
EXPORT = Verb("copy", "export", "Export a container's filesystem as a tar archive")
DIFF = Verb("changes", "diff", "Inspect changes to files in a container")
COMMIT = Verb("changes", "commit", "Create a new image from a container's changes")
START = Verb("run", "start", "Start one or more stopped containers")
ATTACH = Verb("attach", "attach", "Attach to a container that runs: its output, your keys")
EXEC = Verb("attach", "execute", "Execute a command in a running container")
PS = Verb("ps", "ps", "List containers")
LOGS = Verb("containers", "logs", "Fetch the logs of a container")
STATS = Verb("stats", "stats", "Display a live stream of containers' resource usage")
TOP_PROCESSES = Verb("stats", "top", "Display the running processes of a container")
UPDATE = Verb("update", "update", "Update configuration of one or more containers")
STOP = Verb("containers", "stop", "Stop one or more running containers")
KILL = Verb("containers", "kill", "Kill one or more running containers")
RESTART = Verb("life", "restart", "Restart one or more containers")
PAUSE = Verb("life", "pause", "Pause all processes within one or more containers")
UNPAUSE = Verb("life", "unpause", "Unpause all processes within one or more containers")
RENAME = Verb("life", "rename", "Rename a container")
EVENTS = Verb("life", "events", "Get real time events from the engine")
PORT = Verb("containers", "port", "List port mappings or a specific mapping for the container")
WAIT = Verb("containers", "wait", "Block until containers stop, then print their exit codes")
RM = Verb("containers", "rm", "Remove one or more containers")
CONTAINER_PRUNE = Verb("containers", "prune", "Remove all stopped containers")
BUILD = Verb("build", "build", "Build an image from a Dockerfile")
BOOTSTRAP = Verb("build", "bootstrap", "Make the base images from this host's own files")
IMAGES = Verb("images", "images", "List images")
RMI = Verb("images", "rmi", "Remove one or more images")
HISTORY = Verb("images", "history", "Show the history of an image")
TAG = Verb("images", "tag", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE")
IMAGE_PRUNE = Verb("images", "prune", "Remove unused images")
SAVE = Verb("archives", "save", "Save one or more images to a tar archive")
LOAD = Verb("archives", "load", "Load images from a tar archive or STDIN")
IMPORT = Verb("archives", "import_tar", "Import a tarball to create an image of its files")
PULL = Verb("registry", "pull", "Download an image from a registry")
PUSH = Verb("registry", "push", "Upload an image to a registry")
LOGIN = Verb("registry", "login", "Authenticate to a registry")
LOGOUT = Verb("registry", "logout", "Log out from a registry")
MANIFEST_INSPECT = Verb("registry", "inspect_manifest", "Display an image manifest, or index")
INSPECT = Verb("inspection", "inspect", "Return low-level information on whatever has that name")
INSPECT_CONTAINER = Verb("inspection", "container", "Display detailed information on containers")
INSPECT_IMAGE = Verb("inspection", "image", "Display detailed information on images")
INSPECT_NETWORK = Verb("inspection", "network", "Display detailed information on networks")
NETWORK_CONNECT = Verb("networks", "connect", "Connect a container to a network")
NETWORK_CREATE = Verb("networks", "create", "Create a network")
NETWORK_DISCONNECT = Verb("networks", "disconnect", "Disconnect a container from a network")
NETWORK_LS = Verb("networks", "ls", "List networks")
NETWORK_PRUNE = Verb("networks", "prune", "Remove all unused networks")
NETWORK_RM = Verb("networks", "rm", "Remove one or more networks")
VOLUME_CREATE = Verb("volumes", "create", "Create a volume")
VOLUME_LS = Verb("volumes", "ls", "List volumes")
VOLUME_INSPECT = Verb("volumes", "inspect", "Display detailed information on one or more volumes")
VOLUME_RM = Verb("volumes", "rm", "Remove one or more volumes")
VOLUME_PRUNE = Verb("volumes", "prune", "Remove unused volumes")
SPEC = Verb("inspection", "spec", "Print a container's config.json, as the OCI defines it")
INFO = Verb("system", "info", "Display what this host permits, each line with its evidence")
VERSION = Verb("system", "version", "Show the version information")
DF = Verb("system", "df", "Show disk usage")
BUILDER_PRUNE = Verb("images", "prune_builds", "Remove build cache")
SYSTEM_PRUNE = Verb("system", "prune", "Remove unused data")
SERVE = Verb("serve", "serve", "Serve docker's API, for docker's own clients")
REGISTRY_SERVE = Verb("registry_server", "serve", "Serve a registry of your own")
REGISTRY_GC = Verb("registry_server", "gc", "Remove what nobody can pull from a registry any more")
REGISTRY_HTPASSWD = Verb("registry_server", "htpasswd", "Print a line of a password file")

NOUNS = {
    "container": Noun(
        "Manage containers",
        {
            "attach": ATTACH,
            "commit": COMMIT,
            "cp": CP,
            "create": CREATE,
            "diff": DIFF,
            "exec": EXEC,
            "export": EXPORT,
            "inspect": INSPECT_CONTAINER,
            "kill": KILL,
            "list": PS,
            "logs": LOGS,
            "ls": PS,
            "pause": PAUSE,
            "port": PORT,
            "prune": CONTAINER_PRUNE,
            "ps": PS,
            "remove": RM,
            "rename": RENAME,
            "restart": RESTART,
            "rm": RM,
            "run": RUN,
            "start": START,
            "stats": STATS,
            "stop": STOP,
            "top": TOP_PROCESSES,
            "update": UPDATE,
            "unpause": UNPAUSE,
            "wait": WAIT,
        },
    ),
    "image": Noun(
        "Manage images",
        {
            "bootstrap": BOOTSTRAP,
            "build": BUILD,
            "history": HISTORY,
            "import": IMPORT,
            "inspect": INSPECT_IMAGE,
            "list": IMAGES,
            "load": LOAD,
            "ls": IMAGES,
            "prune": IMAGE_PRUNE,
            "pull": PULL,
            "push": PUSH,
            "remove": RMI,
            "rm": RMI,
            "save": SAVE,
            "tag": TAG,
        },
    ),
    "network": Noun(
        "Manage networks",
        {
            "connect": NETWORK_CONNECT,
            "create": NETWORK_CREATE,
            "disconnect": NETWORK_DISCONNECT,
            "inspect": INSPECT_NETWORK,
            "list": NETWORK_LS,
            "ls": NETWORK_LS,
            "prune": NETWORK_PRUNE,
            "remove": NETWORK_RM,
            "rm": NETWORK_RM,
        },
    ),
    "volume": Noun(
        "Manage volumes",
        {
            "create": VOLUME_CREATE,
            "inspect": VOLUME_INSPECT,
            "list": VOLUME_LS,
            "ls": VOLUME_LS,
            "prune": VOLUME_PRUNE,
            "remove": VOLUME_RM,
            "rm": VOLUME_RM,
        },
    ),
    "manifest": Noun("Look at manifests in registries", {"inspect": MANIFEST_INSPECT}),
    "builder": Noun("Manage builds", {"build": BUILD, "prune": BUILDER_PRUNE}),
    "registry": Noun(
        "Manage a registry of your own",
        {"gc": REGISTRY_GC, "htpasswd": REGISTRY_HTPASSWD, "serve": REGISTRY_SERVE},
    ),
    "system": Noun(
        "Manage Onggi", {"df": DF, "events": EVENTS, "info": INFO, "prune": SYSTEM_PRUNE}
    ),
}

COMMON = {
    "run": RUN,
    "exec": EXEC,
    "ps": PS,
    "build": BUILD,
    "pull": PULL,
    "push": PUSH,
    "images": IMAGES,
    "login": LOGIN,
    "logout": LOGOUT,
    "version": VERSION,
    "info": INFO,
}

OTHERS = {
    "attach": ATTACH,
    "commit": COMMIT,
    "cp": CP,
    "create": CREATE,
    "diff": DIFF,
    "events": EVENTS,
    "export": EXPORT,
    "history": HISTORY,
    "import": IMPORT,
    "inspect": INSPECT,
    "kill": KILL,
    "load": LOAD,
    "logs": LOGS,
    "pause": PAUSE,
    "port": PORT,
    "rename": RENAME,
    "restart": RESTART,
    "rm": RM,
    "rmi": RMI,
    "save": SAVE,
    "serve": SERVE,
    "spec": SPEC,
    "start": START,
    "stats": STATS,
    "stop": STOP,
    "tag": TAG,
    "top": TOP_PROCESSES,
    "update": UPDATE,
    "unpause": UNPAUSE,
    "wait": WAIT,
}

TOP: dict[str, Verb | Noun] = {**COMMON, **OTHERS, **NOUNS}


def paths() -> dict[str, Verb]:
    """Every command by the words that lead to it: "ps", "container ls", …"""
    nested = {
        f"{noun} {name}": verb
        for noun, group in NOUNS.items()
        for name, verb in group.verbs.items()
    }
    return {**nested, **COMMON, **OTHERS}


def aliases(verb: Verb) -> list[str]:
    """All the ways to write the command."""
    return [f"onggi {path}" for path, found in paths().items() if found is verb]
