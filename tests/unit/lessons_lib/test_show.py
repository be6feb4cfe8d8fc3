"""show.source: the text as it stands in the repository, and the way there."""

from __future__ import annotations

import re
from html import unescape

from lessons_lib import show
from runtime.linux import mount
from runtime.snapshot.overlay import Snapshots


def test_the_source_is_what_stands_in_the_file() -> None:
    where, *lines = show.source(mount.pivot_root).words.splitlines()
    file, _, first = where.removeprefix("# ").partition(":")
    text = (show.REPOSITORY / file).read_text().splitlines()
    start = int(first) - 1
    assert text[start : start + len(lines)] == lines
    assert lines[0].startswith("def pivot_root(")


def test_a_method_is_shown_without_its_indentation() -> None:
    assert "\ndef prepare(" in show.source(Snapshots.prepare).words


def test_the_link_leads_from_a_notebook_to_the_lines() -> None:
    page = show.source(mount.umount).page
    match = re.search(r'href="\.\./\.\./(runtime/linux/mount\.py)#L(\d+)-L(\d+)"', page)
    assert match
    lines = (show.REPOSITORY / match[1]).read_text().splitlines()
    assert lines[int(match[2]) - 1].startswith("def umount(")


def test_the_page_holds_the_same_text_as_the_words() -> None:
    page = unescape(re.sub(r"<[^>]+>", "", show.source(mount.bind).page))
    assert "mount(str(source), target, None, MS_BIND | (MS_REC if recursive else 0))" in page


def test_only_marked_lines_stand_out() -> None:
    plain = show.source(mount.umount).page
    marked = show.source(mount.umount, mark="checked(").page
    assert "#ffffcc" not in plain
    assert marked.count("#ffffcc") == 1


def test_the_same_call_gives_the_same_bytes() -> None:
    assert show.source(Snapshots).page == show.source(Snapshots).page
