"""Our config.json is the runtime-spec's: its schema accepts it, and so does runc.

runtime-spec: config.md, config-linux.md, schema/config-schema.json
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import json_schemas
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.container.bundle import Bundle, Request, make_spec
from runtime.engine import Engine
from runtime.errors import InvalidSpec
from runtime.linux.capabilities import NAMES
from runtime.oci.devices import Device, DeviceRule
from runtime.oci.image import RunConfig
from runtime.oci.mounts import DEFAULT_MOUNTS, Mount
from runtime.oci.spec import NAMESPACES, Namespace, Process, Rlimit, Spec

SCHEMAS = Path(__file__).parent / "schemas" / "oci-runtime"


def check(document: Any) -> None:
    """Raises jsonschema.ValidationError."""
    json_schemas.check(SCHEMAS / "config-schema.json", document)


def test_the_schema_refuses_what_is_wrong() -> None:
    """Or else the other tests here would prove nothing."""
    good = Spec(Process(("true",))).to_json()
    check(good)
    for wrong in (
        good | {"process": good["process"] | {"args": "true"}},
        good | {"mounts": [{"source": "x"}]},
        good | {"linux": good["linux"] | {"namespaces": [{"type": "time travel"}]}},
        good | {"linux": good["linux"] | {"resources": {"memory": {"limit": "64m"}}}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            check(wrong)


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
PATHS = st.from_regex(r"(/[a-z]{1,5}){1,3}", fullmatch=True)
NUMBERS = st.integers(0, 2**64 - 1)
SMALL = st.integers(0, 0o777)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "memory": st.fixed_dictionaries({"limit": st.integers(1, 2**60)}),
        "cpu": st.fixed_dictionaries({"quota": st.integers(1, 2**40), "period": st.just(100_000)}),
        "pids": st.fixed_dictionaries({"limit": st.integers(1, 2**22)}),
    },
)
SPECS = st.builds(
    Spec,
    process=st.builds(
        Process,
        args=st.lists(TEXT, min_size=1, max_size=3).map(tuple),
        env=TEXTS,
        cwd=PATHS,
        user=TEXT,
        groups=st.sampled_from([(), ("0",), ("7", "video"), ("staff",)]),
        terminal=st.booleans(),
        capabilities=st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
        no_new_privileges=st.booleans(),
        rlimits=st.lists(
            st.builds(Rlimit, st.just("RLIMIT_NOFILE"), NUMBERS, NUMBERS), max_size=2
        ).map(tuple),
        oom_score_adj=st.none() | st.integers(-1000, 1000),
    ),
    hostname=TEXT,
    root_readonly=st.booleans(),
    mounts=st.lists(st.builds(Mount, PATHS, TEXT, TEXT, TEXTS), max_size=3).map(tuple),
    root_propagation=st.sampled_from(["", "private", "shared", "slave", "unbindable"]),
    domainname=TEXT,
    namespaces=st.lists(
        st.builds(Namespace, st.sampled_from(NAMESPACES), st.just("") | PATHS), max_size=3
    ).map(tuple),
    devices=st.lists(
        st.builds(Device, PATHS, st.sampled_from("cb"), SMALL, SMALL, SMALL, SMALL, SMALL),
        max_size=2,
    ).map(tuple),
    device_rules=st.lists(
        st.builds(
            DeviceRule,
            st.booleans(),
            st.sampled_from("abc"),
            st.none() | SMALL,
            st.none() | SMALL,
            st.sampled_from(["r", "rwm", "m"]),
        ),
        max_size=3,
    ).map(tuple),
    sysctl=st.dictionaries(TEXT, TEXT, max_size=2),
    seccomp=st.none() | st.just({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}),
    resources=LIMITS,
    cgroups_path=PATHS,
    masked_paths=st.lists(PATHS, max_size=2).map(tuple),
    readonly_paths=st.lists(PATHS, max_size=2).map(tuple),
    annotations=st.dictionaries(st.text(min_size=1, max_size=5), TEXT, max_size=2),
)


@given(SPECS)
def test_any_spec_comes_back_and_follows_the_schema(spec: Spec) -> None:
    document = json.loads(json.dumps(spec.to_json()))
    check(document)
    assert Spec.from_bytes(json.dumps(document).encode()) == spec


def test_other_members_are_passed_over() -> None:
    """spec.md, "Extensibility": a runtime must not refuse what it does not know."""
    document = Spec(Process(("true",))).to_json() | {"hooks": {}, "com.example": [1]}
    assert Spec.from_bytes(json.dumps(document).encode()) == Spec(Process(("true",)))


@pytest.mark.parametrize(
    ("change", "address"),
    [
        ({"root": None}, "config.root"),
        ({"process": []}, "config.process"),
        ({"process": {"args": [1]}}, r"config.process.args\[0\]"),
        ({"mounts": [{}]}, r"config.mounts\[0\].destination"),
        ({"hostname": 7}, "config.hostname"),
        ({"linux": {"namespaces": [{"type": 1}]}}, r"config.linux.namespaces\[0\].type"),
    ],
)
def test_a_mistake_is_named_by_its_place(change: dict[str, Any], address: str) -> None:
    document = Spec(Process(("true",))).to_json() | change
    with pytest.raises(InvalidSpec, match=address):
        Spec.from_bytes(json.dumps(document).encode())


def test_a_spec_that_is_no_json() -> None:
    for text in (b"", b"{", b"[]", b"\xff", b"null", b'{"process": NaN}'):
        with pytest.raises(InvalidSpec):
            Spec.from_bytes(text)


@pytest.mark.parametrize(
    "request_",
    [
        Request("web", command=("true",)),
        Request("web", command=("true",), memory_bytes=64 << 20, nano_cpus=10**9, pids_limit=5),
        Request("web", command=("true",), user="student:staff", environment=("A=안녕",)),
    ],
    ids=["plain", "limits", "user"],
)
def test_what_a_request_becomes_follows_the_schema(tmp_path: Path, request_: Request) -> None:
    bundle = Bundle(tmp_path, tmp_path / "c")
    check(make_spec("0" * 64, request_, RunConfig(), bundle).to_json())


def test_default_mounts_are_made_in_an_order_that_works() -> None:
    """config.md, "Mounts": in the listed order, so what holds a mount point comes first."""
    places = [PurePosixPath(each.destination) for each in DEFAULT_MOUNTS]
    for number, place in enumerate(places):
        assert not any(later in place.parents for later in places[number:])


@pytest.mark.needs("containers", "runc")
def test_runc_starts_our_bundle(engine: Engine, tmp_path: Path) -> None:
    """Debian's runc, with nothing changed but where the root is: runc mounts no layers."""
    script = (
        "echo $GREETING; hostname; pwd; echo /proc/[0-9]*; cat /etc/hostname; ls /sys/class/net"
    )
    container = engine.containers.create(
        "onggi/base",
        ["sh", "-c", f"{script}; exit 7"],
        environment={"GREETING": "hello"},
        hostname="jar",
        working_dir="/tmp",
    )
    rootfs = tmp_path / "rootfs"
    for layer in container.image.layers:
        subprocess.run(["cp", "-aT", "--remove-destination", layer.files, rootfs], check=True)
    config = json.loads((container.bundle_path / "config.json").read_text())
    config["root"]["path"] = str(rootfs)
    check(config)
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        ["runc", "--root", tmp_path / "runc", "run", "--bundle", tmp_path, "onggi-by-runc"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.stderr == ""
    assert done.returncode == 7
    ours = engine.containers.create(
        "onggi/base",
        ["sh", "-c", script],
        network="none",  # as runc knows none
        environment={"GREETING": "hello"},
        hostname="jar",
        working_dir="/tmp",
    )
    ours.start()
    ours.wait()
    assert done.stdout == ours.logs().decode()
    assert done.stdout.splitlines()[:3] == ["hello", "jar", "/tmp"]
