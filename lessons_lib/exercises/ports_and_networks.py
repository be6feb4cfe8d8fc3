"""The graders of lesson 06, and the riddles that two of them need.

They ask for pages, as a browser or a neighbour would, and look at who can reach whom. What they
say: texts/<language>/06-ports-and-networks.toml.
"""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_interface

from lessons_lib import web, wires
from lessons_lib.checks import Marks, Mistake
from lessons_lib.lesson import Lesson
from lessons_lib.waiting import until
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import NotFound

LESSON = "06-ports-and-networks"

SHOP = "lesson06/shop"
OUTER = 4062
INNER = 80

KITCHEN, WAITER, GUEST, HIDDEN = "kitchen", "waiter", "guest", "sumun"


def soup_for_this_host(marks: Marks, engine: Engine) -> None:
    """Port 4062 of this host's loopback, and of no other address, leads to the soup."""
    soup = _container(engine, "soup")
    if soup.status != "running":
        raise Mistake("not-running", status=soup.status)
    bound = [(name, place) for name, places in soup.ports.items() for place in places or ()]
    if not bound:
        raise Mistake("not-published")
    if str(OUTER) not in {place["HostPort"] for _, place in bound}:
        raise Mistake("other-port", found=bound[0][1]["HostPort"])
    marks.earn(0.3)
    _wait_for_the_window(soup)
    said = web.page(f"http://127.0.0.1:{OUTER}", patience_s=0)
    if not said:
        raise Mistake("nobody-listens", inner=bound[0][0])
    if "soup" not in said:
        raise Mistake("other-page", said=said[:60])
    marks.earn(0.4)
    if any(place["HostIp"] != "127.0.0.1" for _, place in bound):
        raise Mistake("for-everybody")
    marks.earn(0.3)


def find_the_address(marks: Marks, engine: Engine, answer: object) -> None:
    """The answer is the address of the hidden container in the back alley."""
    if answer in (None, Ellipsis, ""):
        raise Mistake("no-answer")
    hidden = _container(engine, HIDDEN)
    given = _as_address(answer)
    networks = hidden.attrs["NetworkSettings"]["Networks"]
    wanted = networks["lesson06-back"]
    gateways = {each["Gateway"] for each in networks.values()}
    if str(given) in gateways:
        raise Mistake("gateway", given=given)
    if given.is_loopback:
        raise Mistake("loopback", given=given)
    if str(given) in {each["IPAddress"] for each in networks.values()} - {wanted["IPAddress"]}:
        raise Mistake("other-network", given=given)
    if str(given) != wanted["IPAddress"]:
        raise Mistake("nobody", given=given)
    marks.earn(1.0)


def a_way_to_the_kitchen(marks: Marks, engine: Engine) -> None:
    """The waiter reaches the kitchen by name, the guest does not, and no port is open for it."""
    kitchen, waiter, guest = (_container(engine, name) for name in (KITCHEN, WAITER, GUEST))
    for each in (kitchen, waiter, guest):
        if each.status != "running":
            raise Mistake("not-running", who=each.name)
    if not _common(kitchen, waiter):
        raise Mistake("apart")
    _wait_for_the_window(kitchen)
    if web.asked_from(waiter, f"http://{KITCHEN}") != "stew":
        raise Mistake("no-name", network=", ".join(_common(kitchen, waiter)))
    marks.earn(0.5)
    if _common(kitchen, guest) or web.asked_from(guest, _inner_url(kitchen)):
        raise Mistake("guest-too")
    marks.earn(0.3)
    if any(kitchen.ports.values()):
        raise Mistake("open-port")
    marks.earn(0.2)


def hide_one(lesson: Lesson) -> None:
    """A container in two networks of the lesson, one of them in the back."""
    lesson.remove(HIDDEN)
    alley, back = lesson.network("alley", "10.206.6.0/24"), lesson.network("back", "10.206.8.0/24")
    hidden = lesson.engine.containers.run(
        SHOP, name=HIDDEN, environment={"MENU": "hidden"}, network=alley.name, detach=True
    )
    assert isinstance(hidden, Container)
    back.connect(hidden)


def open_restaurant(lesson: Lesson) -> None:
    """A kitchen, a waiter and a guest. The waiter and the guest share the hall."""
    lesson.remove(KITCHEN, WAITER, GUEST)
    hall, stove = lesson.network("hall"), lesson.network("stove")
    places = ((KITCHEN, "stew", stove), (WAITER, "hello", hall), (GUEST, "hungry", hall))
    for name, menu, network in places:
        lesson.engine.containers.run(
            SHOP, name=name, environment={"MENU": menu}, network=network.name, detach=True
        )


def _container(engine: Engine, name: str) -> Container:
    try:
        return engine.containers.get(name)
    except NotFound:
        raise Mistake("no-container", who=name) from None


def _wait_for_the_window(shop: Container) -> None:
    """Until its program listens, or has ended: a server that was just started takes a moment."""

    def settled() -> bool:
        shop.reload()
        return shop.status != "running" or INNER in wires.listening(shop.pid)

    until(settled)


def _as_address(answer: object) -> IPv4Address:
    """The answer as an address, with or without its subnet. Raises the mistake of none."""
    text = str(answer).strip()
    try:
        found = ip_interface(text).ip if "/" in text else ip_address(text)
    except ValueError:
        raise Mistake("no-address", given=text[:60]) from None
    if not isinstance(found, IPv4Address):
        raise Mistake("no-address", given=text[:60])
    return found


def _common(one: Container, other: Container) -> list[str]:
    """The networks that both are in."""
    names = [set(each.attrs["NetworkSettings"]["Networks"]) for each in (one, other)]
    return sorted(names[0] & names[1])


def _inner_url(container: Container) -> str:
    """Where it serves, for somebody who knows its address."""
    networks = container.attrs["NetworkSettings"]["Networks"].values()
    return f"http://{next(each['IPAddress'] for each in networks)}"
