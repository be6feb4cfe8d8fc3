"""--log-driver and --log-opt: how much of its output a container's log keeps.

    json-file   everything, unless max-size says otherwise; docker's default
    local       five files of 20 MB
    none        nothing: only who is attached sees it

All three are kept in the format of `log`, and none ever holds up the container. `none` passes
what is written through one small file, which is overwritten, and only while somebody listens.

Pure. docs.docker.com, "Configure logging drivers"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from runtime.container.log import Limits
from runtime.errors import InvalidInput

DEFAULT_DRIVER = "json-file"
NONE = "none"
SPOOL = Limits(1_000_000, 1)
"""What `none` passes on is at most so much."""

EVERYTHING = Limits()
LIMITS_OF_DRIVER = {DEFAULT_DRIVER: EVERYTHING, "local": Limits(20_000_000, 5), NONE: SPOOL}
KNOWN = {
    DEFAULT_DRIVER: (*("max-size", "max-file", "compress", "mode"), *("labels", "env", "tag")),
    "local": ("max-size", "max-file", "compress", "mode"),
    NONE: ("mode",),
}

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]?)b?", re.IGNORECASE)
_POWER = {letter: power for power, letter in enumerate(("", "k", "m", "g", "t"))}
_ANNOTATION = "onggi.log."


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What is kept. With `only_heard` nothing is, unless somebody is attached."""

    limits: Limits = EVERYTHING
    only_heard: bool = False

    def annotations(self) -> dict[str, str]:
        """As a bundle says it: the runtime-spec has no member for logs."""
        return {
            _ANNOTATION + "max-size": str(self.limits.most_bytes),
            _ANNOTATION + "max-file": str(self.limits.most_files),
            _ANNOTATION + "only-heard": "yes" if self.only_heard else "no",
        }

    @classmethod
    def of(cls, annotations: Mapping[str, str]) -> LogOptions:
        """What `annotations` said; without them, everything is kept."""
        size = annotations.get(_ANNOTATION + "max-size", "0")
        files = annotations.get(_ANNOTATION + "max-file", "1")
        heard = annotations.get(_ANNOTATION + "only-heard") == "yes"
        return cls(Limits(int(size), int(files)), heard)


def read_log_options(driver: str, options: Mapping[str, str]) -> LogOptions:
    """Raises InvalidInput for a driver or an option that there is not, or does not work here."""
    if driver not in KNOWN:
        raise InvalidInput(
            "no such log driver: {driver}",
            hint="write json-file, local or none",
            driver=driver,
        )
    for name in options:
        if name not in KNOWN[driver]:
            raise InvalidInput(
                "the log driver {driver} has no option {name}", driver=driver, name=name
            )
    if options.get("compress", "false") != "false":
        raise InvalidInput("not supported yet: {flag}", flag="--log-opt compress=true")
    limits = LIMITS_OF_DRIVER[driver]
    size = _read_size(options.get("max-size", "")) if "max-size" in options else limits.most_bytes
    files = _read_count(options["max-file"]) if "max-file" in options else limits.most_files
    return LogOptions(Limits(size, files), driver == NONE)


def _read_size(text: str) -> int:
    """Docker's log sizes are powers of 1000; -1 is no limit."""
    if text == "-1":
        return 0
    shape = _SIZE.fullmatch(text)
    size = int(float(shape[1]) * 1000 ** _POWER[shape[2].lower()]) if shape else 0
    if size <= 0:
        raise InvalidInput(
            "max-size takes a size, not {text!r}", hint="for example: max-size=10m", text=text
        )
    return size


def _read_count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 1_000_000):
        raise InvalidInput(
            "max-file takes a number from 1, not {text!r}",
            hint="for example: max-file=3",
            text=text,
        )
    return int(text)
