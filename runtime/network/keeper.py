"""The keeper: one small process that owns the networks of a state directory.

It makes bridges when the first container wants to be in a network, cables for each container, and
takes them away. It is one process, and not one for each network, because what it has imported
takes 30 MB and a quarter of a second; because a container may be in several networks; and
because one process that does one thing after the other needs no locks.

    monitor ── {plug}, network namespace ──▶ keeper      before the program begins
    engine  ── {connect}, {disconnect}, {remove} ──▶ keeper
    the kernel ── pidfd: a container has ended ──▶ keeper

Nobody tells it that a container has ended: it sees that, however that ends and whoever has been
killed. It starts with the first container and ends a while after the last one, with the bridges.

When it is killed, nothing in the kernel changes and packets go on. The next one, which the next
call of the engine starts, compares rows and kernel: what belongs to nobody goes, what runs stays.

Rule: single-threaded, and it never forks. Only it writes the tables `plugs` and `endpoints`.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import resource
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.database import Database
from runtime.errors import Conflict, KernelError, NotFound, OnggiError
from runtime.linux import cgroup, namespaces, packets, process
from runtime.linux.packets import Message
from runtime.linux.routes import routes
from runtime.network import bridge, conntrack, firewall
from runtime.network.door import Door
from runtime.network.links import Links
from runtime.network.ports import Published
from runtime.network.publishing import Ports, main_endpoint
from runtime.network.records import NetworkRecords, Plug
from runtime.network.requests import world
from runtime.network.resolver import Names, write_files
from runtime.network.values import BRIDGE, Endpoint, Network, Place, Plugged

IDLE_S = 60.0
"""After this long without a container it ends."""

LOOK_S = 5.0
"""So often it looks whether its state directory is still there."""

REST_S = 0.02
"""So long nobody must have wanted anything before dead cables are taken away: see `pull_out`."""

MOST_DEAD = 32
"""Cables that may wait for that."""


@dataclass(frozen=True, slots=True)
class Held:
    """A running container: what it got; its first process and its network namespace, opened."""

    plugged: Plugged
    pidfd: int
    there: int


def main(listener_descriptor: int, root: str, path: str) -> None:
    """Serve requests on an inherited listening socket until there has been nothing to keep for
    long, or until a signal says that it is time to go.
    """
    listener = socket.socket(fileno=listener_descriptor)
    os.closerange(3, listener_descriptor)
    os.closerange(listener_descriptor + 1, 1 << 10)
    _stand_alone()
    with _only_one(Path(path)):
        keeper = Keeper(Path(root), listener)
        try:
            keeper.recover()
            keeper.serve()
        finally:
            # Whoever connects from now on finds no file, and starts another keeper.
            Path(path).unlink(missing_ok=True)
        if Path(path).parent.exists():
            keeper.serve_the_last()
        keeper.leave()


class Keeper:
    """See the module. What is held in memory can be made again from the rows and the kernel."""

    def __init__(self, root: Path, listener: socket.socket) -> None:
        self.root = root
        self.world = world()
        database = Database(root)
        self.records = NetworkRecords(database)
        self.selector = selectors.DefaultSelector()
        self.ports = Ports(self.selector, database)
        self.names = Names(self.selector)
        self._held: dict[str, Held] = {}
        self._bridges: dict[str, tuple[Network, int]] = {}
        """The networks that are up, and the indexes of their bridges."""
        self._rules: object = None
        """What `firewall` has been told last."""
        self._closed: list[Published] = []
        """Ports that nobody has any more, and the kernel may still remember."""
        self._dead: list[str] = []
        self._going = False
        self._door = Door(self.selector, listener, self._greet)

    @functools.cached_property
    def links(self) -> Links:
        """Opened when the first container wants a cable: a host that permits no such socket says so
        to whoever asked for one. Raises HostLacks.
        """
        return Links()

    # ── The loop ───────────────────────────────────────────────────────────────────────────────

    def serve(self) -> None:
        """Until it is no longer needed, or its state directory has been deleted."""
        signals, wake = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        self.selector.register(signals, selectors.EVENT_READ, lambda: self._go(signals))
        idle_since_s = time.monotonic()
        while not self._going and (self.root / "run").exists():
            if self._turn(LOOK_S) or self._held:
                idle_since_s = time.monotonic()
            elif time.monotonic() - idle_since_s >= IDLE_S:
                return

    def serve_the_last(self) -> None:
        """Those who have connected already when nobody could any more."""
        while self._turn(0):
            pass

    def leave(self) -> None:
        """Take everything away that nobody uses. What still runs stays as it is."""
        self._bury()
        used = {e.network.id for held in self._held.values() for e in held.plugged.endpoints}
        for network, _ in [*self._bridges.values()]:
            if network.id not in used:
                with contextlib.suppress(OnggiError):  # also without its state directory
                    self._lower(network)

    def _turn(self, patience_s: float) -> bool:
        """Wait for something to do, and do it; False if nothing came. Ends come first: who asks
        for an address may know that its last owner has ended.
        """
        if self._dead:
            patience_s = min(patience_s, REST_S)
        for due_s in (self.ports.due_s(), self.names.due_s(), self._door.due_s()):
            patience_s = patience_s if due_s is None else min(patience_s, due_s)
        ready = [key for key, _ in self.selector.select(patience_s)]
        ends = {held.pidfd for held in self._held.values()}
        for key in sorted(ready, key=lambda key: key.fd not in ends):
            _attempt(key.data)
        _attempt(self.ports.look)
        _attempt(self.names.look)
        self._door.look()
        if self._dead and (not ready or len(self._dead) >= MOST_DEAD):
            self._bury()
        return bool(ready)

    def _bury(self) -> None:
        """Take away the cables of those who have ended."""
        dead, self._dead = self._dead, []
        if dead:
            _attempt(bridge.pull_out, self.links, dead)

    def _go(self, signals: socket.socket) -> None:
        """A signal has said so."""
        self.selector.unregister(signals)
        self._going = True

    def _greet(self, connection: socket.socket) -> None:
        self.selector.register(connection, selectors.EVENT_READ, lambda: self._answer(connection))

    def _answer(self, connection: socket.socket) -> None:
        """One request, one answer."""
        self.selector.unregister(connection)
        with connection:
            descriptors: tuple[int, ...] = ()
            try:
                message, descriptors = packets.receive(connection)
                answer = self._carry_out(message, descriptors) if message else {}
            except BaseException as error:  # noqa: BLE001  (told to the one who asked)
                if not isinstance(error, Conflict | NotFound):
                    traceback.print_exc(file=sys.stderr)
                answer = {"error": packets.described(error)}
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
            with contextlib.suppress(OSError):  # it has gone
                packets.send(connection, answer, wait=False)

    def _carry_out(self, message: Message, descriptors: tuple[int, ...]) -> Message:
        match message["verb"]:
            case "plug":
                self.plug(_plug_of(message), descriptors[0])
            case "connect":
                place = Place.from_json(message["place"])
                self.connect(message["container"], message["network"], place)
            case "disconnect":
                self.disconnect(message["container"], message["network"])
            case "remove":
                self.remove(self.records.network(message["network"]))
        return {"done": True}

    # ── Containers ─────────────────────────────────────────────────────────────────────────────

    def plug(self, plug: Plug, there: int) -> None:
        """Plug a container into the networks that it wants, before its program begins."""
        laid = self.records.endpoints(plug.container)
        self.unplug(plug.container)
        if laid:  # by a keeper that was killed over this request: they would be in the way
            self._bury()
        places = self.records.places(plug.container)
        if places is None:  # a build step
            _, request = self.records.request(plug)
            wanted = request.get("networks") or {self.records.get(BRIDGE).id: {}}
            places = {network: Place.from_json(each) for network, each in wanted.items()}
        masters = {network_id: self._raise(network_id) for network_id in places}
        endpoints = self.records.plug(plug, places, self.world)
        try:
            plugged = self._plugged(plug, endpoints)
            self.ports.open(plugged)  # a port in use is said before anything is there
            bridge.plug_in(self.links, self.root, endpoints, masters, there)
            bridge.turn_outward(there, (), endpoints)
            self._attend(self._hold(plugged, os.dup(there)))
        except BaseException:
            self._forget(plug.container, endpoints)
            raise

    def unplug(self, container: str) -> None:
        """Take a container out of all networks: it has ended."""
        held = self._held.pop(container, None)
        if held is not None:
            self.selector.unregister(held.pidfd)
            os.close(held.pidfd)
            bridge.silence(held.plugged.endpoints, held.there)
            os.close(held.there)
        self._forget(container, self.records.endpoints(container))
        if held is not None:
            self._announce()

    def connect(self, container: str, network_id: str, place: Place) -> None:
        """Plug a container that runs into one more network."""
        held = self._running(container)
        master = self._raise(network_id)
        endpoint = self.records.connect(container, network_id, place)
        before = held.plugged.endpoints
        after = (*before, endpoint)
        try:
            bridge.plug_in(self.links, self.root, [endpoint], {network_id: master}, held.there)
            bridge.turn_outward(held.there, before, after)
        except BaseException:
            self._pull(endpoint)
            self.records.set_place(container, network_id, None)
            raise
        self._change(held, after)

    def disconnect(self, container: str, network_id: str) -> None:
        """Pull one cable of a container that runs. Raises NotFound if it has none there."""
        held = self._running(container)
        before = held.plugged.endpoints
        after = tuple(each for each in before if each.network.id != network_id)
        if before == after:
            raise NotFound(
                "container {container} is not connected to network {network}",
                container=held.plugged.name,
                network=self.records.network(network_id).name,
            )
        self.records.set_place(container, network_id, None)
        self._pull(next(each for each in before if each not in after))
        bridge.turn_outward(held.there, before, after)
        self._change(held, after)

    def _plugged(self, plug: Plug, endpoints: tuple[Endpoint, ...]) -> Plugged:
        name, request = self.records.request(plug)
        return Plugged(
            *(plug.container, name, plug.hostname, plug.domainname, plug.directory),
            *(plug.pid, plug.pid_start, endpoints, request),
        )

    def _hold(self, plugged: Plugged, there: int) -> Held:
        held = Held(plugged, namespaces.pidfd_open(plugged.pid), there)
        self._held[plugged.container] = held
        self.selector.register(held.pidfd, selectors.EVENT_READ, lambda: self._see_end(held))
        return held

    def _attend(self, held: Held) -> None:
        """Tell a container the names of the others, and the others of it."""
        self._announce()
        self.names.serve(held.plugged, held.there)
        texts = self.names.hosts(held.plugged), self.names.resolvers(held.plugged)
        write_files(held.plugged.directory, *texts)

    def _announce(self) -> None:
        """Names and rules as they must be now."""
        self.names.refresh({held.plugged.container: held.plugged for held in self._held.values()})
        networks = [network for network, _ in self._bridges.values()]
        rules = networks, self.ports.published()
        if rules != self._rules:
            firewall.apply(self.root, *rules)
            self._rules = rules
        conntrack.forget(self._closed)  # with the rules away nobody comes to be remembered anew
        self._closed.clear()

    def _see_end(self, held: Held) -> None:
        """It has ended; unless it has been started again meanwhile, and so been unplugged."""
        now = self._held.get(held.plugged.container)
        if now is not None and now.pidfd == held.pidfd:
            self.unplug(held.plugged.container)

    def _change(self, held: Held, endpoints: tuple[Endpoint, ...]) -> None:
        plugged = replace(held.plugged, endpoints=endpoints)
        now = self._held[plugged.container] = replace(held, plugged=plugged)
        if main_endpoint(held.plugged) != main_endpoint(plugged):
            self._closed += self.ports.close(plugged.container)
            self.ports.open(plugged)
        self._attend(now)

    def _running(self, container: str) -> Held:
        """Raises Conflict for one that has just ended, or has no cables."""
        if container not in self._held:
            raise Conflict("container {name} is not running", name=container[:12])
        return self._held[container]

    def _forget(self, container: str, endpoints: Iterable[Endpoint]) -> None:
        """Its rows go; its cables in a quiet moment."""
        self._closed += self.ports.close(container)
        self.names.leave(container)
        self._dead += [each.link for each in endpoints]
        self.records.unplug(container)

    def _pull(self, endpoint: Endpoint) -> None:
        bridge.pull_out(self.links, [endpoint.link])
        self.records.disconnect(endpoint)

    # ── Networks ───────────────────────────────────────────────────────────────────────────────

    def remove(self, network: Network) -> None:
        """Delete a network that nobody is in. Raises Conflict, NotFound."""
        self.records.refuse_removal(network)
        if network.id in self._bridges:
            self._lower(network)
        self.records.forget(network, raised=self.world)

    def _raise(self, network_id: str) -> int:
        """Its bridge's index; it is made if need be.

        Raises Conflict if it is up in another network namespace, and used there.
        """
        if network_id in self._bridges:
            return self._bridges[network_id][1]
        if self.records.raised_in(network_id) not in ("", self.world) and self.records.is_used(
            network_id
        ):
            raise Conflict(
                "network {name} is in use in another network namespace",
                hint="stop its containers there, or make another network here",
                name=self.records.network(network_id).name,
            )
        mine = bridge.alias(self.root, network_id)
        there = self.links.all()
        network = self.records.network(network_id)
        if not any(link.alias == mine for link in there):
            network = self.records.choose_pools(network_id, routes)
        name = bridge.free_name(network, mine, there)
        if name != network.link:
            network = self.records.rename_link(network, name)
        self.records.set_raised(network_id, self.world)
        index = bridge.raise_bridge(self.links, network, mine)
        self._bridges[network_id] = network, index
        return index

    def _lower(self, network: Network) -> None:
        bridge.lower_bridge(self.links, network, bridge.alias(self.root, network.id))
        self._bridges.pop(network.id, None)
        try:
            self._announce()
        finally:  # where rules are refused there are none, either
            self.records.set_lowered(network.id, self.world)

    # ── After a crash ──────────────────────────────────────────────────────────────────────────

    def recover(self) -> None:
        """Make rows, kernel and memory agree, after a keeper that was killed."""
        for plug in self.records.plugs_elsewhere(self.world):
            if not process.is_alive(plug.pid, plug.pid_start):
                self.records.unplug(plug.container)
        for plug in self.records.plugs(self.world):
            _attempt(self._take_over, plug)
        for network in self.records.raised(self.world):
            _attempt(self._raise, network.id)
        for held in list(self._held.values()):
            with contextlib.suppress(Conflict):  # somebody has taken a port meanwhile
                self.ports.open(held.plugged)
            self._attend(held)
        _attempt(self._remove_strays)

    def _take_over(self, plug: Plug) -> None:
        """Keep a container that runs; forget one that has ended meanwhile."""
        endpoints = self.records.endpoints(plug.container)
        with contextlib.suppress(KernelError, OSError):
            there = os.open(f"/proc/{plug.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            if process.is_alive(plug.pid, plug.pid_start):
                self._hold(self._plugged(plug, endpoints), there)
                self._complete(endpoints, there)
                return
            os.close(there)
        self._forget(plug.container, endpoints)

    def _remove_strays(self) -> None:
        """Devices of ours that nobody has."""
        known = {network.id for network, _ in self._bridges.values()}
        for held in self._held.values():
            known |= {each.id for each in held.plugged.endpoints}
        strays = bridge.strays(self.links, self.root, known)
        bridge.pull_out(self.links, [link.name for link in strays])

    def _complete(self, endpoints: tuple[Endpoint, ...], there: int) -> None:
        """Cables that a keeper was killed over are laid now."""
        names = {link.name for link in self.links.all()}
        missing = [each for each in endpoints if each.link not in names]
        masters = {each.network.id: self._raise(each.network.id) for each in missing}
        bridge.plug_in(self.links, self.root, missing, masters, there)
        with contextlib.suppress(KernelError):  # it has its route already
            bridge.turn_outward(there, (), endpoints)


def _attempt(action: Callable[..., object], *arguments: object) -> None:
    """One container's trouble is not the others': it is written down, and the keeper goes on."""
    try:
        action(*arguments)
    except Exception:  # noqa: BLE001
        traceback.print_exc(file=sys.stderr)


def _plug_of(message: Message) -> Plug:
    return Plug(
        *(message["container"], message["pid"], message["pid_start"]),
        *(Path(message["directory"]), message["hostname"], message["domainname"]),
    )


def _stand_alone() -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    # Who is told to go before it serves goes when it does, and leaves nothing half made.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.umask(0o022)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # each connection of a proxy takes two
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    process.set_name("onggi-keeper")
    with contextlib.suppress(OSError):
        cgroup.leave()


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """A keeper that is just leaving is waited for: it may still be taking its bridges away."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
