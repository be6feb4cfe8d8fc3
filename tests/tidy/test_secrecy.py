"""Nothing in the repository tells about the machine that it was made on."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from sources import HOME, tracked

PLACES = [str(HOME) + "/", sys.base_prefix + "/", str(Path.home() / ".pyenv")]
"""Paths of this very machine. A base_prefix of /usr would be everybody's."""

HOSTS = re.compile(r"https?://[^\s/\"']*(?:pypi|pythonhosted|devpi|artifactory|nexus|npmjs)")
"""Where packages come from is the business of pip's settings."""


@pytest.mark.parametrize("path", tracked())
def test_no_place_and_no_package_host_is_told(path: str) -> None:
    text = (HOME / path).read_bytes().decode("utf-8", "replace")
    told = [place for place in PLACES if place != "/usr/" and len(place) > 6 and place in text]
    assert told == []
    assert path == "tests/tidy/test_secrecy.py" or not HOSTS.search(text)
