"""A container's own view of the network: what `ip address`, `ip route` and `ss -l` would say there.

Read on the host, from the files of the container's first process: nothing is asked inside.
"""

from __future__ import annotations

from lessons_lib import wires
from lessons_lib.language import say
from lessons_lib.shown import Shown, code, escaped, listing
from runtime.engine.container import Container
from runtime.network.records import NetworkRecords


def inside(*containers: Container) -> Shown:
    """For each container: its devices, addresses, its way out, and the ports it listens at."""
    rows = [row for each in containers for row in _rows(each)]
    head = [say("inside.container"), say("inside.question"), say("inside.answer")]
    page = [[escaped(name), escaped(what), code(answer)] for name, what, answer in rows]
    return listing(head, rows, page)


def _rows(container: Container) -> list[list[str]]:
    container.reload()
    endpoints = NetworkRecords(container.database).endpoints(container.id)
    own = {each.device: str(each.address) for each in endpoints if each.address}
    devices = [name for name in wires.devices(container.pid) if name in ("lo", *own)]
    out = [route for route in wires.routes(container.pid) if route.gateway]
    ports = wires.listening(container.pid)
    answers = {
        "devices": " ".join(sorted(devices, key=lambda name: (name != "lo", name))),
        "addresses": " ".join(own[device] for device in sorted(own)),
        "way-out": " ".join(f"{route.device} → {route.gateway}" for route in out),
        "listening": " ".join(map(str, ports)),
    }
    name = container.name
    return [[name, say(f"inside.{key}"), answer or "–"] for key, answer in answers.items()]
