"""What on this host stands in the way of containers' packets, and what the user may do.

Every chain at a hook has a say: our accept does not override another program's drop. Docker sets
the policy of the chain FORWARD to drop and lets through what is its own; so do some firewalls.
Their rules are theirs, so they are only read here. What is blocked is what the host hands on
between interfaces; what it sends itself is not, so a published port is served by the proxy all
the same.

man 8 iptables-nft; docs.docker.com/engine/network/packet-filtering-firewalls
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from runtime.linux.netlink import read_attributes
from runtime.network import legacy
from runtime.network import nftables as nft
from runtime.network.values import Network

FORWARDING = {
    4: Path("/proc/sys/net/ipv4/ip_forward"),
    6: Path("/proc/sys/net/ipv6/conf/all/forwarding"),
}

USERS_CHAIN = "DOCKER-USER"
"""Docker's chain for its users' own rules; it asks it before its own."""


class Obstacle(NamedTuple):
    """A sentence, what to do about it, and their facts: as in an error (runtime/errors.py)."""

    template: str
    hint: str
    facts: dict[str, str]

    def __str__(self) -> str:
        return f"{self.template} ({self.hint})".format(**self.facts)


def find(networks: Sequence[Network]) -> list[Obstacle]:
    """Everything that keeps the packets of these networks from their way. Raises KernelError."""
    found = []
    outward = [each for each in networks if not each.internal]
    if outward and not _is_on(FORWARDING[4]):
        found.append(
            Obstacle(
                "this host does not hand on packets (net.ipv4.ip_forward is 0): containers "
                "reach nobody outside of their network",
                "sysctl -w net.ipv4.ip_forward=1",
                {},
            )
        )
    for chain in dropping_chains():
        blocked = [each.link for each in networks if not _is_let_through(chain, each.link)]
        has_docker = any(each.name == USERS_CHAIN for each in nft.chains())
        if blocked:
            where = f"{chain.table} {chain.name}"
            found.append(_blocked(where, blocked, chain.name, "iptables", has_docker))
    old = legacy.forward()
    blocked = [each.link for each in networks if not _is_let_through_by(old, each.link)]
    if old is not None and blocked:
        where, has_docker = f"{legacy.PROGRAM} FORWARD", USERS_CHAIN in old.chains
        found.append(_blocked(where, blocked, "FORWARD", legacy.PROGRAM, has_docker))
    return found


def _blocked(where: str, links: list[str], chain: str, program: str, has_docker: bool) -> Obstacle:
    return Obstacle(
        "the chain {chain} of another program drops what this host hands on for {links}: "
        "containers cannot reach the outside, and where bridges are filtered not each other; "
        "published ports are served by the proxy",
        "let them through, for each of them: {program} -I {place} -i {link} -j ACCEPT; "
        "{program} -I {place} -o {link} -j ACCEPT",
        {
            "chain": where,
            "links": ", ".join(links),
            "link": links[0],
            "program": program,
            "place": USERS_CHAIN if has_docker else chain,
        },
    )


def forwarding_is_blocked(networks: Sequence[Network]) -> bool:
    """Whether what was sent to a published port would not reach its container by NAT."""
    try:
        if not _is_on(FORWARDING[4]):
            return True
        chains, old = dropping_chains(), legacy.forward()
        return any(
            not _is_let_through_by(old, each.link)
            or any(not _is_let_through(chain, each.link) for chain in chains)
            for each in networks
        )
    except OSError:  # nobody may look, not even open a socket for the question
        return False


def dropping_chains() -> list[nft.ListedChain]:
    """Other people's chains that drop what is forwarded by default."""
    return [
        each
        for each in nft.chains()
        if each.hook == nft.Hook.FORWARD
        and each.policy == 0
        and each.family in (nft.IPV4, nft.INET)
        and not each.table.startswith("onggi-")
    ]


def _is_let_through(chain: nft.ListedChain, link: str) -> bool:
    """Whether somebody has accepted what comes from `link` and what goes to it."""
    accepted: set[int] = set()
    for rule in nft.rules(chain.table, chain.family):
        if rule.chain in (USERS_CHAIN, chain.name):
            accepted |= _accepted_directions(rule, link)
    return accepted >= {_FROM, _TO}


def _is_let_through_by(old: legacy.Forward | None, link: str) -> bool:
    """The same of the packet filter from before nftables."""
    if old is None or not old.drops:
        return True
    return old.accepts(link, ("FORWARD", USERS_CHAIN)) == {legacy.FROM, legacy.TO}


_FROM, _TO = 6, 7
"""NFT_META_IIFNAME, NFT_META_OIFNAME."""


def _accepted_directions(rule: nft.Listed, link: str) -> set[int]:
    """Of a rule that is `-i LINK -j ACCEPT` or `-o LINK -j ACCEPT` and nothing more."""
    names = [name for name, _ in rule.expressions if name != "counter"]
    if names != ["meta", "cmp", "immediate"]:
        return set()
    meta, cmp, immediate = (
        dict(read_attributes(data)) for name, data in rule.expressions if name != "counter"
    )
    key = struct.unpack(">I", meta[2])[0]
    pattern = dict(read_attributes(cmp[3]))[1]
    equal = struct.unpack(">I", cmp[2])[0] == 0
    verdict = dict(read_attributes(dict(read_attributes(immediate[2])).get(2, b"")))
    accepts = verdict.get(1) == struct.pack(">i", 1)
    fits = link.encode().ljust(16, b"\0").startswith(pattern)
    return {key} if accepts and equal and fits and key in (_FROM, _TO) else set()


def _is_on(setting: Path) -> bool:
    try:
        return setting.read_text().strip() != "0"
    except OSError:
        return True
