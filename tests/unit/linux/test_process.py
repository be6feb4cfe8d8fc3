"""Which process is which, what a wait status says, and what the kernel answers."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from runtime.errors import KernelError
from runtime.linux import libc, namespaces, netdevice, probe, process


@pytest.mark.parametrize(
    ("status", "code"),
    [(0, 0), (1 << 8, 1), (255 << 8, 255), (9, 137), (15, 143), (11 | 0x80, 139)],
)
def test_a_wait_status_as_a_shell_reports_it(status: int, code: int) -> None:
    assert process.exit_code(status) == code


def test_a_process_is_known_by_its_number_and_its_start() -> None:
    started = process.start_time(os.getpid())
    assert started is not None
    assert process.is_alive(os.getpid(), started)
    assert not process.is_alive(os.getpid(), started + 1)


def test_a_zombie_runs_nothing_any_more() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    started = process.start_time(child.pid)
    assert started is not None
    child.kill()
    deadline = time.monotonic() + 10
    while process.is_alive(child.pid, started):
        assert time.monotonic() < deadline
    assert process.start_time(child.pid) is None
    child.communicate()
    assert process.start_time(child.pid) is None


def _named(name: str) -> None:
    process.set_name(name)
    assert process.start_time(os.getpid()) is not None


@pytest.mark.parametrize("name", ["a) R 1 2 3", "(((", "much too long for a name", "옹기"])
def test_a_process_may_have_any_name(name: str) -> None:
    assert probe.tried(lambda: _named(name)) == ""


def test_a_descriptor_means_a_process() -> None:
    descriptor = namespaces.pidfd_open(os.getpid())
    try:
        assert not os.get_inheritable(descriptor)
        signal.pidfd_send_signal(descriptor, 0)
    finally:
        os.close(descriptor)


def test_a_refusal_tells_call_and_arguments_and_errno() -> None:
    with pytest.raises(KernelError) as refusal:
        namespaces.pidfd_open(2**30)
    error = refusal.value
    assert (error.call, error.arguments, error.errno) == ("pidfd_open", "1073741824, 0", 3)
    assert isinstance(error, OSError)
    assert str(error) == "pidfd_open(1073741824, 0) failed: No such process"


def test_bytes_are_told_as_text() -> None:
    with pytest.raises(KernelError) as refusal:
        libc.checked("umount2", b"/no/such\xff", 0)
    assert refusal.value.arguments == r"'/no/such\\xff', 0"
    assert refusal.value.errno in (errno.ENOENT, errno.EPERM)


def test_identities_tell_namespaces_apart() -> None:
    for kind in namespaces.FLAG_OF_KIND:
        own = namespaces.identity("self", kind)
        assert own == namespaces.identity(os.getpid(), kind)
        assert own.endswith("]")


def _with_a_new_network() -> None:
    before = namespaces.identity("self", "network")
    namespaces.unshare(namespaces.CLONE_NEWNET)
    assert namespaces.identity("self", "network") != before
    netdevice.bring_up("lo")
    with pytest.raises(OSError) as refusal:
        netdevice.bring_up("eth7")
    assert refusal.value.errno == errno.ENODEV


@pytest.mark.needs("root")
def test_a_new_network_has_a_loopback_that_can_be_switched_on() -> None:
    assert probe.tried(_with_a_new_network) == ""


def test_the_end_of_anybody_is_waited_for_and_of_nobody_else() -> None:
    started = process.start_time(os.getpid()) or 0
    assert not process.ends(os.getpid(), started, timeout_s=0)
    assert not process.ends(os.getpid(), started + 1, timeout_s=60), "another one had that number"
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        born = process.start_time(child.pid) or 0
        waiting = threading.Thread(target=process.ends, args=(child.pid, born, 60))
        waiting.start()
        assert child.stdin is not None
        child.stdin.close()
        waiting.join(timeout=30)
        assert not waiting.is_alive()
    assert not process.ends(child.pid, born, timeout_s=60)
