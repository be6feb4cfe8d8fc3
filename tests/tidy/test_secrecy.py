"""Nothing in the repository tells about the machine that it was made on."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sources import HOME, tracked

PLACES = [str(HOME) + "/", sys.base_prefix + "/", str(Path.home() / ".pyenv")]
"""Paths of this very machine. A base_prefix of /usr would be everybody's."""

HOSTS = re.compile(r"https?://[^\s/\"']*(?:pypi|pythonhosted|devpi|artifactory|nexus|npmjs)")
"""Where packages come from is the business of pip's settings."""


def test_no_place_and_no_package_host_is_told() -> None:
    places = [place for place in PLACES if place != "/usr/" and len(place) > 6]
    told = []
    for path in tracked():
        text = (HOME / path).read_bytes().decode("utf-8", "replace")
        told += [f"{path}: {place}" for place in places if place in text]
        if path != "tests/tidy/test_secrecy.py":
            told += [f"{path}: {host}" for host in HOSTS.findall(text)]
    assert told == []
