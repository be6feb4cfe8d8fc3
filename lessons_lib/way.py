"""The packet's way from this machine through NAT, bridge and veth into a container, with counters.

Nothing is drawn from memory: the rule comes from the engine's table in the kernel, the route and
the devices from /proc, and what each of them counted is the difference before and after some real
requests. A published port that no rule serves goes through the engine's proxy, and then that is
what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from lessons_lib import web, wires
from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.refusals import Refused
from lessons_lib.shown import CLAY, FAINT, INK, LEAF, Shown, words_table
from lessons_lib.waiting import until
from runtime.engine.container import Container
from runtime.network import firewall
from runtime.network.records import NetworkRecords
from runtime.network.values import Endpoint

MARGIN = 20
BAND = 96
BOX = 430
COUNT = 230
STEP = 62
HIGH = 44


@dataclass(frozen=True, slots=True)
class Station:
    """One place that the packet passes; `inside`: in the container's world. `counted` in words."""

    name: str
    what: str
    counted: str
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Counters:
    """What the rule, the cable's end on the host and its end inside have counted so far."""

    rule: int
    sent: int
    received: int

    def since(self, before: Counters) -> Counters:
        """What has come since then."""
        return Counters(
            self.rule - before.rule, self.sent - before.sent, self.received - before.received
        )


def way(container: Container, asks: int = 10) -> Shown:
    """Ask the container's first published port so many times, and show what has passed where.

    Raises Refused for a container that does not run, or that publishes no TCP port.
    """
    endpoint, inner, outer = plugged(container)
    url = f"http://127.0.0.1:{outer}"
    web.page(url)
    before = counters(container, endpoint)
    for _ in range(asks):
        web.page(url)
    until(lambda: _is_quiet(container, endpoint), 2.0)
    passed = counters(container, endpoint).since(before)
    stations = list(_stations(endpoint, inner, outer, asks, passed))
    head = [say("way.where"), say("way.station"), say("way.what"), say("way.counted")]
    worlds = [say("way.inside" if each.inside else "way.host") for each in stations]
    rows = [[world, s.name, s.what, s.counted] for world, s in zip(worlds, stations, strict=True)]
    words = words_table([head, *rows])
    return Shown(words, picture=picture(container.name, stations, words))


def plugged(container: Container) -> tuple[Endpoint, int, int]:
    """The cable by which it is reached, its own port, and the host's. Raises Refused."""
    container.reload()
    found = NetworkRecords(container.database).endpoints(container.id)
    bound = [
        (int(name.partition("/")[0]), int(place["HostPort"]))
        for name, places in container.ports.items()
        for place in places or ()
        if name.endswith("/tcp")
    ]
    cabled = [each for each in found if each.address and not each.network.internal]
    if container.status != "running" or not cabled or not bound:
        raise Refused("way.unreachable", name=container.name)
    return cabled[0], *bound[0]


def counted_by_rule(container: Container) -> int:
    """Packets that the rules of a container's published ports have counted."""
    wanted = container.id[:12]
    listed = firewall.rules(container.images.root)
    return sum(r.packets for r in listed if r.chain == "ports" and r.comment.startswith(wanted))


def counters(container: Container, endpoint: Endpoint) -> Counters:
    """What they say now."""
    here, there = wires.devices(), wires.devices(container.pid)
    return Counters(
        counted_by_rule(container),
        here[endpoint.link].sent,
        there[endpoint.device].received,
    )


def _is_quiet(container: Container, endpoint: Endpoint) -> bool:
    """Whether what went in at one end of the cable has come out at the other."""
    now = counters(container, endpoint)
    return now == counters(container, endpoint)


def _stations(
    endpoint: Endpoint, inner: int, outer: int, asks: int, passed: Counters
) -> list[Station]:
    assert endpoint.address is not None
    address = endpoint.address.ip
    route = wires.way_to(IPv4Address(address), wires.routes())
    there = wires.devices()
    bridged = route is not None and route.device == endpoint.network.link
    translated = passed.rule > 0
    same = passed.sent == passed.received
    return [
        Station(say("way.browser"), f"127.0.0.1:{outer}", say("way.asked", count=asks)),
        Station(
            say("way.nat" if translated else "way.proxy"),
            f"127.0.0.1:{outer} → {address}:{inner}",
            say("way.connections" if translated else "way.no-rule", count=passed.rule),
        ),
        Station(
            say("way.route"),
            f"{route.subnet} → {say('way.the-bridge')}" if route and bridged else "–",
            "",
        ),
        Station(
            say("way.bridge"),
            f"{endpoint.network.name}, {say('way.own-address')} {_gateway(endpoint)}",
            "" if endpoint.network.link in there else say("way.missing"),
        ),
        Station(
            say("way.outer-end"),
            say("way.veth", device=endpoint.device),
            say("way.more" if passed.sent > asks else "way.packets", count=asks),
        ),
        Station(
            say("way.inner-end"),
            f"{endpoint.device}, {say('way.address')} {endpoint.address}",
            say("way.same" if same else "way.other"),
            inside=True,
        ),
        Station(say("way.program"), say("way.listens", port=inner), "", inside=True),
    ]


def _gateway(endpoint: Endpoint) -> str:
    pool = endpoint.network.pool(4)
    return str(pool.gateway) if pool else "–"


def picture(name: str, stations: list[Station], words: str) -> str:
    """The stations from top to bottom in the two worlds, with what each counted at its side."""
    drawing = Drawing(2 * MARGIN + BAND + BOX + COUNT, 2 * MARGIN + STEP * len(stations) + 12)
    outside = sum(not each.inside for each in stations)
    bands = (
        (say("way.host"), 0, outside, "#ffffff", FAINT),
        (name, outside, len(stations) - outside, "#e3eddf", LEAF),
    )
    for label, first, count, fill, edge in bands:
        y = MARGIN + STEP * first + (12 if first else 0)
        drawing.box(MARGIN, y, BAND + BOX, STEP * count - 6, fill=fill, edge=edge)
        drawing.text(MARGIN + 14, y + 28, label, bold=True, room=BAND - 20)
    x = MARGIN + BAND
    for number, each in enumerate(stations):
        y = MARGIN + STEP * number + (12 if each.inside else 0) + 6
        drawing.box(x, y, BOX - 12, HIGH, fill="#fffdf8", edge=LEAF if each.inside else CLAY)
        drawing.text(x + 12, y + 18, each.name, size=13, bold=True, room=BOX - 40)
        drawing.text(x + 12, y + 36, each.what, size=12, mono=True, colour=INK, room=BOX - 40)
        drawing.text(x + BOX + 12, y + 27, each.counted, size=12.5, colour=CLAY, room=COUNT - 20)
        if number:
            gap = 30 if each.inside and not stations[number - 1].inside else 18
            drawing.arrow_down(x + BOX / 2, y - gap, y, colour=INK)
    return drawing.svg(say("way.title", name=name), words)
