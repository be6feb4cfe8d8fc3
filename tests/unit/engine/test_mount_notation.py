"""How people write mounts: -v, --mount and the SDK's dictionaries, as one value each."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.container.points import Point
from runtime.engine import mount_notation as notation
from runtime.errors import HostLacks, InvalidInput, NotFound, OnggiError


@pytest.mark.parametrize(
    ("values", "binds", "anonymous"),
    [
        ("site:/data", ("site:/data",), ()),
        (["/a", "b1:/b:ro"], ("b1:/b:ro",), ("/a",)),
        ({"/srv": {"bind": "/mnt", "mode": "ro"}}, ("/srv:/mnt:ro",), ()),
        ({"site": {"bind": "/mnt"}}, ("site:/mnt:rw",), ()),
        ({"site": "/mnt"}, ("site:/mnt:rw",), ()),
        ({"site": {"bind": "/mnt", "ro": True}}, ("site:/mnt:ro",), ()),
        ({"/srv": {"bind": "/m", "propagation": "rslave"}}, ("/srv:/m:rslave",), ()),
    ],
)
def test_the_keyword_volumes(values: Any, binds: tuple[str], anonymous: tuple[str]) -> None:
    assert notation.as_binds(values) == binds
    assert notation.as_anonymous(values) == anonymous


VOLUME = Point("volume", "/data", "site", mode="z", copies=True)
BIND = Point("bind", "/data", source="/srv", propagation="rprivate", makes_source=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("site:/data", VOLUME),
        ("site:/data/../data/", VOLUME),
        ("site:/data:ro", VOLUME._replace(read_only=True, mode="ro")),
        ("site:/data:nocopy", VOLUME._replace(copies=False, mode="nocopy")),
        ("/data", VOLUME._replace(name="", anonymous=True, mode="")),
        ("/srv:/data", BIND),
        ("/srv/:/data:rw", BIND._replace(mode="rw")),
        (
            "/srv:/data:ro,rslave",
            BIND._replace(read_only=True, mode="ro,rslave", propagation="rslave"),
        ),
    ],
)
def test_a_volume_flag(text: str, expected: Point) -> None:
    assert notation.parse_volume(text) == expected


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("a1:b2:c3:d4", "invalid volume specification: 'a1:b2:c3:d4'"),
        ("site:", "invalid volume specification"),
        (":/data", "invalid volume specification"),
        ("/data:ro", "invalid volume specification"),
        ("site:data", "mount path must be absolute"),
        ("data", "mount path must be absolute"),
        ("site:/data:rx", "invalid mode: rx"),
        ("site:/data:ro,rw", "invalid mode: ro,rw"),
        ("site:/data:ro,", "invalid mode: ro,"),
        ("site:/", "destination can't be '/'"),
        ("site:/data/..", "destination can't be '/'"),
        ("a b:/data", "includes invalid characters"),
        ("..:/data", "includes invalid characters"),
        ("a:/data", "too short"),
        ("/srv:/data:nocopy", "VolumeOptions must not be specified"),
        ("site:/data:rslave", "BindOptions must not be specified"),
    ],
)
def test_what_no_volume_flag_can_say(text: str, refusal: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        notation.parse_volume(text)
    assert refusal in refused.value.message


def test_there_is_one_driver() -> None:
    notation.parse_volume("site:/data", "local")
    with pytest.raises(NotFound, match="nfs"):
        notation.parse_volume("site:/data", "nfs")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target=/data", {"Type": "volume", "Target": "/data"}),
        (
            "type=bind,src=/srv,dst=/data,ro",
            {"Type": "bind", "Target": "/data", "Source": "/srv", "ReadOnly": True},
        ),
        (
            "type=bind,source=/srv,destination=/d,readonly=false,bind-propagation=rslave",
            {
                "Type": "bind",
                "Target": "/d",
                "Source": "/srv",
                "BindOptions": {"Propagation": "rslave"},
            },
        ),
        (
            'type=volume,source=v1,target=/d,volume-nocopy,"volume-label=a=1,2",volume-label=b',
            {
                "Type": "volume",
                "Target": "/d",
                "Source": "v1",
                "VolumeOptions": {"NoCopy": True, "Labels": {"a": "1,2", "b": ""}},
            },
        ),
        (
            "type=tmpfs,target=/run,tmpfs-size=1m,tmpfs-mode=1770",
            {
                "Type": "tmpfs",
                "Target": "/run",
                "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o1770},
            },
        ),
    ],
)
def test_a_mount_flag(text: str, expected: dict[str, Any]) -> None:
    assert notation.parse_mount(text) == expected
    assert notation.as_mounts([text, expected]) == (expected, expected)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("type=bind,source=/srv", "target is required"),
        ("type=,target=/x", "type is required"),
        ("type=volume,target", "must be a key=value pair"),
        ("type=volume,target=/x,colour=red", "unexpected key 'colour'"),
        ("type=volume,target=/x,readonly=maybe", "invalid value for readonly: maybe"),
        ("type=tmpfs,target=/x,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"),
        ("type=bind,source=/s,target=/x,volume-nocopy", "cannot mix 'volume-*' options"),
        ("type=volume,target=/x,tmpfs-size=1m", "cannot mix 'tmpfs-*' options"),
        ("type=volume,target=/x,volume-label=a", ""),
        ("type=bind,target=/x", "field Source must not be empty"),
        ("type=bind,source=srv,target=/x", "must be absolute"),
        ("type=bind,source=/s,target=/x,bind-propagation=never", "bind-propagation: never"),
        ("type=tmpfs,source=/s,target=/x", "field Source must not be specified"),
        ("type=image,source=onggi/base,target=/x", "no mounts of the type image"),
        ("type=floppy,target=/x", "mount type unknown"),
        ("type=volume,source=v1,target=/x,volume-subpath=../y", "invalid subpath"),
        ("type=volume,target=/x,volume-subpath=y", "needs a volume with a name"),
        ("type=volume,target=x", "must be absolute"),
    ],
)
def test_what_no_mount_flag_can_say(text: str, refusal: str) -> None:
    if not refusal:
        assert notation.point_of(notation.parse_mount(text)).labels == {"a": ""}
        return
    with pytest.raises(OnggiError) as refused:
        notation.point_of(notation.parse_mount(text))
    assert refusal in refused.value.message
    assert isinstance(refused.value, InvalidInput | HostLacks)


def test_a_mount_as_a_point() -> None:
    bind = {"Type": "bind", "Source": "/s", "Target": "/d", "ReadOnly": True}
    assert notation.point_of(bind) == Point(
        "bind", "/d", source="/s", read_only=True, propagation="rprivate"
    )
    tmpfs = notation.parse_mount("type=tmpfs,target=/run,tmpfs-size=1m,tmpfs-mode=700")
    assert notation.point_of(tmpfs).data == (
        "noexec",
        "nosuid",
        "nodev",
        "size=1048576",
        "mode=700",
    )
    below = notation.parse_mount("source=v1,target=/d,volume-subpath=a/b")
    assert notation.point_of(below) == Point(
        "volume", "/d", "v1", mode="z", subpath="a/b", copies=False
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", ("web", False)),
        ("web:ro", ("web", True)),
        ("w:rw", ("w", False)),
        ("w:", ("w", False)),
    ],
)
def test_volumes_from(text: str, expected: tuple[str, bool]) -> None:
    assert notation.from_containers(text) == expected


@pytest.mark.parametrize("text", ["", ":ro", "web:rx", "web:rslave", "web:nocopy", "web:ro,rw"])
def test_what_volumes_from_cannot_say(text: str) -> None:
    with pytest.raises(InvalidInput):
        notation.from_containers(text)
