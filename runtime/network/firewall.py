"""Which packets go where: the rules of all networks of a state directory.

One table, `onggi-` and eight digits of the state directory's path, so that it is known for what it
is (`nft list ruleset`) and two engines on one host never touch each other's. Nothing of another
program is ever read into it or changed. It is written anew whenever a network or a published port
comes or goes, in one transaction: no packet ever meets half of it.

    prerouting  raw   a container must not reach the host's 127.0.0.0/8 (route_localnet opens it)
    prerouting  nat   to a published port of this host, from outside  → ports
    output      nat   the same, from this host itself                 → ports
    ports             host's port → container's address and port
    forward           isolation: who may send into which bridge
    postrouting nat   containers go out by the host's address (masquerade)

An accept in here does not override another table's drop. Where somebody's chain drops what is
forwarded (Docker's FORWARD), ports are published by the proxy alone: `obstacles` finds that out.

wiki.nftables.org, "Netfilter hooks"; linux Documentation/networking/ip-sysctl.rst
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from runtime.errors import HostLacks, KernelError
from runtime.network import nftables as nft
from runtime.network import obstacles
from runtime.network.nftables import Base, Hook, Rule, Transaction
from runtime.network.ports import Published
from runtime.network.values import Network

LOOPBACK = "127.0.0.0/8"

NAT_CHAINS = {
    "prerouting": Base("nat", Hook.PREROUTING, nft.DSTNAT),
    "output": Base("nat", Hook.OUTPUT, nft.DSTNAT),
    "postrouting": Base("nat", Hook.POSTROUTING, nft.SRCNAT),
}
FILTER_CHAINS = {
    "guard": Base("filter", Hook.PREROUTING, nft.RAW),
    "forward": Base("filter", Hook.FORWARD, nft.FILTER),
}


def table_of(root: Path) -> str:
    """The name of the table of a state directory."""
    return "onggi-" + hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]


def apply(root: Path, networks: Sequence[Network], published: Sequence[Published]) -> None:
    """Put the rules for these bridges and ports in force, in place of all earlier ones; for none
    of either, take the table away. Raises HostLacks: without rules nothing would be isolated.
    """
    try:
        _apply(root, networks, published)
    except OSError as error:
        raise HostLacks(
            "this host's packet filter does not take the rules of containers' networks: {reason}",
            feature="nftables",
            evidence=str(error),
            hint="a container with --network none, or --network host, needs no rules",
            reason=error.strerror,
        ) from error


def _apply(root: Path, networks: Sequence[Network], published: Sequence[Published]) -> None:
    if not networks:
        return clear(root)
    switch_on_forwarding(networks)
    open_loopback({each.network for each in published}, networks)
    shortcuts = () if obstacles.forwarding_is_blocked(networks) else published
    try:
        _rules(table_of(root), networks, shortcuts, nat=True).commit()
    except KernelError as error:
        if error.errno not in (errno.ENOENT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT):
            raise
        _rules(table_of(root), networks, (), nat=False).commit()  # a kernel without NAT
    return None


def clear(root: Path) -> None:
    """Take the table away; one that is not there is no error. Raises KernelError."""
    change = Transaction(table_of(root))
    change.add_table()
    change.delete_table()
    change.commit()


def rules(root: Path) -> list[nft.Listed]:
    """What is in force, in order, with the counters: which packets have come by."""
    return nft.rules(table_of(root))


def _rules(
    table: str, networks: Sequence[Network], published: Sequence[Published], *, nat: bool
) -> Transaction:
    change = Transaction(table)
    change.add_table()
    change.delete_table()
    change.add_table()
    change.add_chain("ports")
    for name, base in {**FILTER_CHAINS, **(NAT_CHAINS if nat else {})}.items():
        change.add_chain(name, base)
    for network in networks:
        change.add_rule(
            "guard",
            [
                *nft.interface("iifname", network.link),
                *nft.address("daddr", LOOPBACK),
                *(nft.counter(), nft.drop()),
            ],
            "the host's loopback is not for containers",
        )
    for rule, comment in forward_rules(networks):
        change.add_rule("forward", rule, comment)
    if not nat:
        return change
    for chain in ("prerouting", "output"):
        change.add_rule(chain, [*nft.destination_is_this_host(), nft.jump("ports")])
    for each in published:
        shortcut = port_rule(each)
        if shortcut is not None:
            change.add_rule("ports", shortcut, each.comment)
    for rule, comment in masquerade_rules(networks):
        change.add_rule("postrouting", rule, comment)
    return change


def forward_rules(networks: Iterable[Network]) -> Iterable[tuple[Rule, str]]:
    """Isolation. Into a bridge come answers, what was sent to a published port, and what one of
    its containers sends to another; nothing else, wherever it is from.
    """
    for network in networks:
        outward = nft.interface("iifname", network.link)
        inward = nft.interface("oifname", network.link)
        if network.internal:
            elsewhere = nft.interface("oifname", network.link, differs=True)
            yield [*outward, *elsewhere, nft.counter(), nft.drop()], f"{network.name}: internal"
        else:
            yield [*inward, *nft.connection_goes_on(), nft.accept()], f"{network.name}: answers"
            yield (
                [*inward, *nft.connection_was_sent_here(), nft.accept()],
                f"{network.name}: published ports",
            )
        among = nft.accept() if network.icc else nft.drop()
        yield [*outward, *inward, nft.counter(), among], f"{network.name}: among its containers"
        yield [*inward, nft.counter(), nft.drop()], f"{network.name}: from elsewhere"


def port_rule(published: Published) -> Rule | None:
    """One published port; None where only the proxy can serve it, from IPv6 to IPv4. It also serves
    a container that calls itself by the host's address: a bridge sends no frame back by the port
    by which it came.
    """
    if published.is_ipv6 or ":" in published.address:
        return None
    where = [] if published.is_everywhere else nft.address("daddr", published.host_ip)
    return [
        *nft.family_is(nft.IPV4),
        *nft.port(published.protocol, published.host_port),
        *where,
        *nft.address("saddr", published.address, differs=True),
        nft.counter(),
        *nft.dnat(published.address, published.port),
    ]


def masquerade_rules(networks: Iterable[Network]) -> Iterable[tuple[Rule, str]]:
    """Whose sender is changed on the way: containers that go out; this host's loopback, to which
    no container could answer; and one that calls a published port of its own network, whose
    answer would otherwise go past this host.
    """
    for network in networks:
        inward = nft.interface("oifname", network.link)
        yield (
            [*inward, *nft.address("saddr", LOOPBACK), nft.counter(), nft.masquerade()],
            f"{network.name}: from localhost",
        )
        for pool in network.pools:
            own = nft.address("saddr", str(pool.subnet))
            hairpin = [*inward, *own, *nft.connection_was_sent_here()]
            yield [*hairpin, nft.counter(), nft.masquerade()], f"{network.name}: hairpin"
            if network.internal or not network.masquerade:
                continue
            away = nft.interface("oifname", network.link, differs=True)
            yield [*own, *away, nft.counter(), nft.masquerade()], f"{network.name}: going out"


# ── Settings of the kernel ──────────────────────────────────────────────────────────────────────


def switch_on_forwarding(networks: Iterable[Network]) -> None:
    """Let this host hand on packets between its interfaces, as docker does. Where that is not
    allowed, `obstacles` says so.
    """
    versions = {
        pool.subnet.version for each in networks if not each.internal for pool in each.pools
    }
    for version in versions:
        setting = obstacles.FORWARDING[version]
        with contextlib.suppress(OSError):
            if setting.read_text().strip() == "0":
                setting.write_text("1")


def open_loopback(ids: set[str], networks: Iterable[Network]) -> None:
    """Let packets whose sender is 127.0.0.1 leave by the bridges of these networks, and their
    answers come back: that is how localhost reaches a published port. `guard` keeps containers
    from using the same door.
    """
    for network in networks:
        if network.id in ids:
            setting = Path(f"/proc/sys/net/ipv4/conf/{network.link}/route_localnet")
            with contextlib.suppress(OSError):  # then the proxy serves it
                setting.write_text("1")
