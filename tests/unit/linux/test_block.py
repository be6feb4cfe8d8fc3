"""Which disks share their time by weight."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import InvalidInput
from runtime.linux import block


def disk(folder: Path, name: str, scheduler: str, size: int = 8) -> None:
    (folder / name / "queue").mkdir(parents=True)
    (folder / name / "size").write_text(f"{size}\n")
    (folder / name / "dev").write_text("8:0\n")
    (folder / name / "queue" / "scheduler").write_text(scheduler + "\n")


def test_only_bfq_shares_by_weight(tmp_path: Path) -> None:
    disk(tmp_path, "sda", "none [mq-deadline] bfq")
    disk(tmp_path, "sdb", "none mq-deadline [bfq]")
    disk(tmp_path, "nvme0n1", "[none] mq-deadline")
    disk(tmp_path, "loop0", "[none]", size=0)
    disk(tmp_path, "old", "none")
    assert block.without_weights(tmp_path) == (
        ("nvme0n1", "none"),
        ("old", "none"),
        ("sda", "mq-deadline"),
    )


def test_a_host_without_disks_has_nothing_to_say(tmp_path: Path) -> None:
    assert block.without_weights(tmp_path / "none") == ()


@pytest.mark.parametrize("path", ["/dev/null", "/etc", "/nowhere", "", "a\0b"])
def test_what_is_no_disk_has_no_number(path: str) -> None:
    with pytest.raises(InvalidInput, match="not a block device"):
        block.numbers_of(path)
