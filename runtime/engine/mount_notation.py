"""How people write mounts: `-v`, `--mount`, and docker's JSON for both.

    -v /data                  a volume with a made-up name
    -v site:/data:ro          the volume `site`, read-only
    -v /srv/site:/data        a directory or file of the host's
    --mount type=volume,source=site,target=/data,volume-nocopy
    --mount type=bind,source=/srv/site,target=/data,readonly
    --mount type=tmpfs,target=/run,tmpfs-size=64m,tmpfs-mode=1770

Each text becomes a `Point`; what is at the host's paths, and which volumes there are, is seen by
those who make the points of a container out of them (`mount_points`). Pure.

moby: volume/mounts/linux_parser.go; docker/cli: opts/mount.go; docker-py: types/services.py
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.container.points import BIND, DRIVER, TMPFS, VOLUME, Point
from runtime.engine.arguments import as_bytes, as_labels
from runtime.errors import HostLacks, InvalidInput, NotFound

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
MODES = (
    ("rw", "ro"),
    PROPAGATIONS,
    ("nocopy",),
    ("z", "Z"),  # labels of SELinux: where that is off they mean nothing, as for docker
    ("consistent", "cached", "delegated"),  # how far a Mac may lag behind
)
"""What may stand behind the last colon of -v: of each line one at most."""

MODES_OF_OTHERS = tuple(group for group in MODES if group not in (PROPAGATIONS, ("nocopy",)))
"""The same of --volumes-from: how mounts spread stays as it is there, and nothing is copied."""

SWITCHES = ("readonly", "volume-nocopy", "bind-nonrecursive")
"""Keys of --mount that need no value."""

WORDS = (
    *("type", "source", "target", "consistency", "bind-propagation", "bind-recursive"),
    *("volume-subpath", "volume-label", "volume-driver", "volume-opt", "tmpfs-size", "tmpfs-mode"),
)
OTHER_WORDS = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}

RECURSIONS = ("enabled", "disabled", "writable", "readonly")
TMPFS_OPTIONS = ("noexec", "nosuid", "nodev")

Document = Mapping[str, Any]


# ── -v ───────────────────────────────────────────────────────────────────────────────────────


def as_binds(values: Any) -> tuple[str, ...]:
    """Those of `volumes` that name a source: texts, or the SDK's {source: {"bind": path, "mode":
    "rw"}}.
    """
    return tuple(text for text in _volume_texts(values) if ":" in text)


def as_anonymous(values: Any) -> tuple[str, ...]:
    """The others: only a place in the container."""
    return tuple(text for text in _volume_texts(values) if ":" not in text)


def _volume_texts(values: Any) -> list[str]:
    if isinstance(values, str):
        return [values]
    if not isinstance(values, Mapping):
        return [str(value) for value in values]
    return [_volume_text(str(source), value) for source, value in values.items()]


def _volume_text(source: str, value: Any) -> str:
    if not isinstance(value, Mapping):
        return f"{source}:{value}:rw"
    modes = [str(value[key]) for key in ("mode", "propagation") if value.get(key)]
    if "ro" in value and "mode" not in value:
        modes.insert(0, "ro" if value["ro"] else "rw")
    return ":".join((source, str(value.get("bind", "")), ",".join(modes) or "rw"))


def parse_volume(text: str, driver: str = "") -> Point:
    """One -v as a point; a volume without a name has none yet. Raises InvalidInput, NotFound for
    a driver that is not here.
    """
    source, target, mode = _parts(text)
    modes = _read_modes(mode)
    is_bind = source.startswith("/")
    propagation = next((each for each in modes if each in PROPAGATIONS), "")
    if is_bind and "nocopy" in modes:
        raise _must_not_be_given(BIND, "VolumeOptions")
    if propagation and not is_bind:
        raise _must_not_be_given(VOLUME, "BindOptions")
    if is_bind:
        return Point(
            BIND,
            destination(target),
            source=posixpath.normpath(source),
            read_only="ro" in modes,
            mode=mode,
            propagation=propagation or "rprivate",
            makes_source=True,
        )
    refuse_driver(driver)
    return Point(
        VOLUME,
        destination(target),
        name=volume_name(source) if source else "",
        anonymous=not source,
        read_only="ro" in modes,
        mode=mode or ("z" if source else ""),
        copies="nocopy" not in modes,
    )


def _parts(text: str) -> tuple[str, str, str]:
    """Source, place and mode. Raises InvalidInput."""
    parts = text.split(":")
    if len(parts) == 1:
        return "", text, ""
    is_mode = len(parts) == 2 and parts[1] and _are_modes(parts[1].split(","))
    if len(parts) > 3 or not all(parts) or is_mode:
        raise InvalidInput(
            "invalid volume specification: '{text}'",
            hint="write NAME:/path or /path/on/host:/path, with :ro for read-only",
            text=text,
        )
    source, target, mode = (*parts, "")[:3]
    return source, target, mode


def _are_modes(modes: list[str]) -> bool:
    return all(any(each in group for group in MODES) for each in modes)


def _read_modes(mode: str, known: tuple[tuple[str, ...], ...] = MODES) -> list[str]:
    modes = mode.split(",") if mode else []
    counts = [sum(each in group for each in modes) for group in known]
    if sum(counts) < len(modes) or max(counts) > 1:
        raise InvalidInput(
            "invalid mode: {mode}",
            hint="for example: ro, rw, nocopy, rslave; several with commas between them",
            mode=mode,
        )
    return modes


def destination(path: str) -> str:
    """A place in the container, cleaned. Raises InvalidInput for one that cannot be mounted at."""
    if not path.startswith("/"):
        raise InvalidInput(
            "invalid mount path: '{path}' mount path must be absolute",
            hint="begin it with /",
            path=path,
        )
    clean = "/" + posixpath.normpath(path).lstrip("/")
    if clean == "/":
        raise InvalidInput("invalid specification: destination can't be '/'")
    return clean


def volume_name(name: str) -> str:
    """A volume's name. Raises InvalidInput."""
    if len(name) == 1 and name.isascii() and name.isalnum():
        raise InvalidInput(
            "volume name is too short, names should be at least two alphanumeric characters"
        )
    if not NAME.fullmatch(name) or len(name) > 255:
        raise InvalidInput(
            '{name!r} includes invalid characters for a local volume name, only "{allowed}" are '
            "allowed",
            hint="if you intended to pass a host directory, use an absolute path",
            name=name[:100],
            allowed="[a-zA-Z0-9][a-zA-Z0-9_.-]",
        )
    return name


def refuse_driver(name: str) -> None:
    """Raises NotFound for all but the one driver that there is."""
    if name not in ("", DRIVER):
        raise NotFound(
            "error looking up volume plugin {name}: plugin not found",
            hint="the only driver here is: {driver}",
            name=name,
            driver=DRIVER,
        )


def from_containers(text: str) -> tuple[str, bool]:
    """NAME or NAME:ro of --volumes-from: the container, and whether it is read-only. Raises
    InvalidInput.
    """
    name, _, mode = text.partition(":")
    if not name:
        raise InvalidInput("invalid volumes-from specification: '{text}'", text=text)
    return name, "ro" in _read_modes(mode, MODES_OF_OTHERS)


# ── --mount ──────────────────────────────────────────────────────────────────────────────────


def as_mounts(values: Any) -> tuple[Document, ...]:
    """Docker's Mounts of --mount texts, or of the SDK's Mount objects. Raises InvalidInput."""
    many = [values] if isinstance(values, str | Mapping) else values
    return tuple(parse_mount(each) if isinstance(each, str) else dict(each) for each in many)


def parse_mount(text: str) -> dict[str, Any]:
    """One --mount as docker's JSON. Raises InvalidInput."""
    given, several = _mount_fields(text)
    kind = given.get("type", VOLUME)
    for key, name in (("type", kind), ("target", given.get("target", ""))):
        if not name:
            raise InvalidInput(
                "--mount {text}: {key} is required",
                hint="write type=…,target=/path",
                text=text,
                key=key,
            )
    for key in (*given, *(key for key, found in several.items() if found)):
        family = key.partition("-")[0]
        if family in (VOLUME, BIND, TMPFS) and family != kind:
            raise InvalidInput(
                "cannot mix '{family}-*' options with mount type '{kind}'", family=family, kind=kind
            )
    mount: dict[str, Any] = {"Type": kind, "Target": given["target"]}
    mount |= {"Source": given["source"]} if "source" in given else {}
    mount |= {"ReadOnly": True} if given.get("readonly") == "true" else {}
    mount |= {"Consistency": given["consistency"]} if "consistency" in given else {}
    options = {
        "BindOptions": _bind_options(given),
        "VolumeOptions": _volume_options(given, several),
        "TmpfsOptions": _tmpfs_options(given),
    }
    return mount | {name: value for name, value in options.items() if value}


def _mount_fields(text: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The fields that are said once, and those that may be repeated."""
    given: dict[str, str] = {}
    several: dict[str, dict[str, str]] = {"volume-label": {}, "volume-opt": {}}
    for field in next(csv.reader([text]), []):
        name, equals, value = field.partition("=")
        key = OTHER_WORDS.get(name.lower(), name.lower())
        if not equals and key not in SWITCHES:
            raise InvalidInput("invalid field '{field}' must be a key=value pair", field=field)
        if key not in (*WORDS, *SWITCHES):
            raise InvalidInput(
                "unexpected key '{key}' in '{field}'",
                hint="the keys are: {known}",
                key=name,
                field=field,
                known=", ".join((*WORDS, *SWITCHES)),
            )
        if key in SWITCHES:
            given[key] = _truth(name, value if equals else "true")
        elif key in several:
            label, _, rest = value.partition("=")
            several[key][label] = rest
        else:
            given[key] = value
    return given, several


def _truth(key: str, value: str) -> str:
    if value.lower() not in ("true", "false", "1", "0", "t", "f"):
        raise _invalid_value(key, value)
    return "true" if value.lower() in ("true", "1", "t") else "false"


def _bind_options(given: Mapping[str, str]) -> dict[str, Any]:
    recursion = given.get("bind-recursive", "enabled")
    if recursion not in RECURSIONS:
        raise _invalid_value("bind-recursive", recursion)
    options: dict[str, Any] = {}
    if "bind-propagation" in given:
        options["Propagation"] = given["bind-propagation"]
    if given.get("bind-nonrecursive") == "true" or recursion == "disabled":
        options["NonRecursive"] = True
    if recursion == "writable":
        options["ReadOnlyNonRecursive"] = True
    if recursion == "readonly":
        options["ReadOnlyForceRecursive"] = True
    return options


def _volume_options(
    given: Mapping[str, str], several: Mapping[str, dict[str, str]]
) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if given.get("volume-nocopy") == "true":
        options["NoCopy"] = True
    if several["volume-label"]:
        options["Labels"] = several["volume-label"]
    if "volume-driver" in given or several["volume-opt"]:
        options["DriverConfig"] = {"Name": given.get("volume-driver", "")}
        options["DriverConfig"] |= {"Options": several["volume-opt"]}
    if given.get("volume-subpath"):
        options["Subpath"] = given["volume-subpath"]
    return options


def _tmpfs_options(given: Mapping[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if "tmpfs-size" in given:
        options["SizeBytes"] = as_bytes(given["tmpfs-size"])
    if "tmpfs-mode" in given:
        if not re.fullmatch(r"[0-7]{1,4}", given["tmpfs-mode"]):
            raise _invalid_value("tmpfs-mode", given["tmpfs-mode"])
        options["Mode"] = int(given["tmpfs-mode"], 8)
    return options


def _invalid_value(key: str, value: str) -> InvalidInput:
    return InvalidInput("invalid value for {key}: {value}", key=key, value=value)


def point_of(mount: Document) -> Point:
    """One of docker's Mounts as a point. Raises InvalidInput, NotFound, HostLacks."""
    kind = str(mount.get("Type") or VOLUME)
    makers = {VOLUME: _volume_point, BIND: _bind_point, TMPFS: _tmpfs_point}
    if kind in ("image", "cluster", "npipe"):
        raise HostLacks(
            "this engine has no mounts of the type {feature}",
            feature=kind,
            evidence=f"--mount type={kind}",
            hint="the types here are: volume, bind, tmpfs",
        )
    if kind not in makers:
        raise InvalidInput(
            "invalid mount config for type '{kind}': mount type unknown",
            hint="the types are: volume, bind, tmpfs",
            kind=kind,
        )
    if not mount.get("Target"):
        raise _must_be_given(kind, "Target")
    for field, owner in (("BindOptions", BIND), ("VolumeOptions", VOLUME), ("TmpfsOptions", TMPFS)):
        if mount.get(field) and owner != kind:
            raise _must_not_be_given(kind, field)
    return makers[kind](mount)


def _volume_point(mount: Document) -> Point:
    options = mount.get("VolumeOptions") or {}
    driver = options.get("DriverConfig") or {}
    refuse_driver(str(driver.get("Name") or ""))
    name = str(mount.get("Source") or "")
    subpath = str(options.get("Subpath") or "")
    if subpath.startswith("/") or ".." in subpath.split("/"):
        raise InvalidInput(
            "invalid subpath: {path}", hint="write a path below the volume's top", path=subpath
        )
    if subpath and not name:
        raise InvalidInput("a subpath needs a volume with a name: {path}", path=subpath)
    return Point(
        VOLUME,
        destination(str(mount["Target"])),
        name=volume_name(name) if name else "",
        read_only=bool(mount.get("ReadOnly")),
        mode="z",
        anonymous=not name,
        copies=not options.get("NoCopy") and not subpath,
        subpath=posixpath.normpath(subpath) if subpath else "",
        labels=as_labels(options.get("Labels")),
        options={str(key): str(value) for key, value in (driver.get("Options") or {}).items()},
    )


def _bind_point(mount: Document) -> Point:
    options = mount.get("BindOptions") or {}
    source = str(mount.get("Source") or "")
    if not source:
        raise _must_be_given(BIND, "Source")
    if not source.startswith("/"):
        raise InvalidInput(
            "invalid mount path: '{path}' mount path must be absolute",
            hint="begin it with /",
            path=source,
        )
    propagation = str(options.get("Propagation") or "rprivate")
    if propagation not in PROPAGATIONS:
        raise _invalid_value("bind-propagation", propagation)
    return Point(
        BIND,
        destination(str(mount["Target"])),
        source=posixpath.normpath(source),
        read_only=bool(mount.get("ReadOnly")),
        propagation=propagation,
        recursive=not options.get("NonRecursive"),
        spares_below=bool(options.get("ReadOnlyNonRecursive") or options.get("NonRecursive")),
        makes_source=bool(options.get("CreateMountpoint")),
    )


def _tmpfs_point(mount: Document) -> Point:
    if mount.get("Source"):
        raise _must_not_be_given(TMPFS, "Source")
    options = mount.get("TmpfsOptions") or {}
    size, mode = options.get("SizeBytes"), options.get("Mode")
    data = (*([f"size={size}"] if size else []), *([f"mode={mode:o}"] if mode else []))
    return Point(
        TMPFS,
        destination(str(mount["Target"])),
        read_only=bool(mount.get("ReadOnly")),
        data=(*TMPFS_OPTIONS, *data),
    )


def _must_be_given(kind: str, field: str) -> InvalidInput:
    return InvalidInput(
        "invalid mount config for type '{kind}': field {field} must not be empty",
        kind=kind,
        field=field,
    )


def _must_not_be_given(kind: str, field: str) -> InvalidInput:
    return InvalidInput(
        "invalid mount config for type '{kind}': field {field} must not be specified",
        kind=kind,
        field=field,
    )


def show_mounts(mounts: Iterable[Document]) -> list[dict[str, Any]]:
    """As HostConfig has them."""
    return [{"Source": "", **mount} for mount in mounts]
