"""Docker's notations: one text on the command line, a dictionary in the SDK, one value here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime.engine import notation
from runtime.errors import InvalidInput


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("nofile=1024", (("nofile", 1024, 1024),)),
        ("nofile=1024:2048", (("nofile", 1024, 2048),)),
        (["core=0", "nproc=10:-1"], (("core", 0, 0), ("nproc", 10, -1))),
        (["nofile=1", "nofile=2"], (("nofile", 2, 2),)),
        ("memlock=-1:-1", (("memlock", -1, -1),)),
        ([{"Name": "nofile", "Soft": 1, "Hard": 2}], (("nofile", 1, 2),)),
        ({"name": "nofile", "hard": 2}, (("nofile", 2, 2),)),
    ],
)
def test_ulimits(values: Any, expected: Any) -> None:
    assert notation.as_ulimits(values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("/dev/fuse", (("/dev/fuse", "/dev/fuse", "rwm"),)),
        ("/dev/a:/dev/b", (("/dev/a", "/dev/b", "rwm"),)),
        ("/dev/a:r", (("/dev/a", "/dev/a", "r"),)),
        ("/dev/a:/dev/b:rw", (("/dev/a", "/dev/b", "rw"),)),
        ("/dev/a::rw", (("/dev/a", "/dev/a", "rw"),)),
        (["/dev/a", "/dev/b:m"], (("/dev/a", "/dev/a", "rwm"), ("/dev/b", "/dev/b", "m"))),
        ({"PathOnHost": "/dev/a", "CgroupPermissions": "r"}, (("/dev/a", "/dev/a", "r"),)),
    ],
)
def test_devices(values: Any, expected: Any) -> None:
    assert notation.as_devices(values) == expected


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (notation.as_policy, "", "no"),
        (notation.as_policy, "always", "always"),
        (notation.as_policy, "on-failure:3", "on-failure"),
        (notation.as_retries, "on-failure:3", 3),
        (notation.as_retries, "on-failure", 0),
        (notation.as_policy, {"Name": "unless-stopped"}, "unless-stopped"),
        (notation.as_retries, {"Name": "on-failure", "MaximumRetryCount": 5}, 5),
        (notation.as_capabilities, ["net_admin", "CAP_KILL"], ("CAP_NET_ADMIN", "CAP_KILL")),
        (notation.as_capabilities, "all", ("ALL",)),
        (notation.as_sysctls, ["net.a=1", "kernel.sem=1 2"], {"net.a": "1", "kernel.sem": "1 2"}),
        (notation.as_sysctls, {"net.core.somaxconn": 9}, {"net.core.somaxconn": "9"}),
        (notation.as_tmpfs, ["/run", "/x:size=1m,ro"], {"/run": "", "/x": "size=1m,ro"}),
        (notation.as_tmpfs, {"/run": None}, {"/run": ""}),
        (notation.as_swap, "-1", -1),
        (notation.as_swap, "1k", 1024),
        (notation.as_stop_signal, "SIGINT", "SIGINT"),
        (notation.as_log_driver, {"config": {}}, "json-file"),
        (notation.as_log_driver, {"Type": "none"}, "none"),
        (notation.as_log_options, {"type": "", "config": ["max-size=1m"]}, {"max-size": "1m"}),
        (notation.as_log_options, {"Config": {"max-file": 3}}, {"max-file": "3"}),
        (notation.as_texts, [1000, "audio"], ("1000", "audio")),
    ],
)
def test_values(read: Callable[[Any], Any], value: Any, expected: Any) -> None:
    assert read(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"test": "true"}, {"Test": ["CMD-SHELL", "true"]}),
        ({"Test": ["CMD", "true"]}, {"Test": ["CMD", "true"]}),
        ({"test": ["NONE"]}, {"Test": ["NONE"]}),
        (
            {"interval": 10**9, "timeout": "1m30s", "retries": 2, "start_period": 10**6},
            {"Interval": 10**9, "Timeout": 90 * 10**9, "StartPeriod": 10**6, "Retries": 2},
        ),
        ({"StartInterval": "500ms", "interval": 0}, {"StartInterval": 5 * 10**8}),
    ],
)
def test_health_checks(value: dict[str, Any], expected: dict[str, Any]) -> None:
    assert notation.as_health(value) == expected


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (notation.as_ulimits, "nofile", "not a ulimit: 'nofile'"),
        (notation.as_ulimits, "bogus=1", "not a ulimit: 'bogus=1'"),
        (notation.as_ulimits, "nofile=1:2:3", "not a ulimit: 'nofile=1:2:3'"),
        (notation.as_ulimits, "nofile=x", "not a ulimit: 'nofile=x'"),
        (notation.as_ulimits, "nofile=2:1", "the soft limit of nofile is above its hard limit"),
        (notation.as_ulimits, "nofile=-1:1", "the soft limit of nofile is above its hard limit"),
        (notation.as_devices, "dev/a", "not a device: 'dev/a'"),
        (notation.as_devices, "/dev/a:/dev/b:rx", "not a device: '/dev/a:/dev/b:rx'"),
        (notation.as_devices, "/dev/a:/dev/b:rw:x", "not a device: '/dev/a:/dev/b:rw:x'"),
        (notation.as_devices, "/dev/a:b", "not a device: '/dev/a:b'"),
        (notation.as_devices, "", "not a device: ''"),
        (notation.as_policy, "sometimes", "invalid restart policy: sometimes"),
        (notation.as_policy, "on-failure:x", "invalid restart policy: on-failure:x"),
        (notation.as_policy, "on-failure:-1", "invalid restart policy: on-failure:-1"),
        (notation.as_policy, "always:3", "maximum retry count cannot be used with"),
        (notation.as_capabilities, ["net admin"], "not a capability: 'NET ADMIN'"),
        (notation.as_sysctls, "kernel.panic=1", "sysctl kernel.panic is not allowed"),
        (notation.as_sysctls, "net.x", "not a pair: 'net.x'"),
        (notation.as_health, {"interval": "5"}, "Interval of the health check is not a duration"),
        (notation.as_health, {"timeout": 5}, "Timeout of the health check is not a duration"),
        (notation.as_health, {"retries": -1}, "the number of health check retries"),
        (notation.as_health, {"test": ["NONE"], "retries": 1}, "--no-healthcheck conflicts"),
        (notation.as_stop_signal, "SIGNOTHING", "no such signal: SIGNOTHING"),
        (notation.as_mac, "02:42", "not a MAC address"),
    ],
)
def test_what_is_none(read: Callable[[Any], Any], value: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(value)
    assert caught.value.message.startswith(message)


def test_what_docker_s_json_shows() -> None:
    limits = notation.show_ulimits((("nofile", 1, 2),))
    assert limits == [{"Name": "nofile", "Hard": 2, "Soft": 1}]
    assert notation.show_devices((("/a", "/b", "r"),)) == [
        {"PathOnHost": "/a", "PathInContainer": "/b", "CgroupPermissions": "r"}
    ]
