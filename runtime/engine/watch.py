"""The journal followed for many at once: one watch of the file for a whole server.

The kernel lets a user watch 128 things only (fs.inotify.max_user_instances), and a server has a
thousand clients who wait for a container's end. So one of its threads hears what is new, and hands
it to those whom it concerns; each has a descriptor of his own, which becomes readable then.

    with contextlib.closing(engine.watch.subscribe(container.id)) as subscription:
        select(subscription.fileno()); subscription.take()
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque

from runtime import journal
from runtime.database import Database
from runtime.journal import Event
from runtime.linux import inotify


class Subscription:
    """What happens to `actor`, or to everybody if that is "", from now on."""

    def __init__(self, watch: Watch, actor: str, number: int) -> None:
        self.actor = actor
        self._watch = watch
        self._number = number
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._events: deque[Event] = deque()

    def fileno(self) -> int:
        """Readable when there is something to `take`."""
        return self._bell

    def give(self, event: Event) -> None:
        """It has happened."""
        if event.number > self._number:
            self._events.append(event)
            os.eventfd_write(self._bell, 1)

    def take(self) -> list[Event]:
        """What has happened since the last time; it never waits."""
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return []
        return [self._events.popleft() for _ in range(len(self._events))]

    def close(self) -> None:
        """Nobody wants to know any more."""
        if self._watch.forget(self):
            os.close(self._bell)


class Watch:
    """Hands on what the journal says. Somebody must call `hear` when `fileno` is readable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._number = journal.last_number(database)
        self._descriptor = inotify.init()
        inotify.add_watch(self._descriptor, database.path, inotify.IN_ATTRIB)

    def fileno(self) -> int:
        """Readable when there is something to `hear`."""
        return self._descriptor

    def subscribe(self, actor: str = "") -> Subscription:
        """From now on."""
        subscription = Subscription(self, actor, journal.last_number(self._database))
        with self._lock:
            self._subscriptions.setdefault(actor, set()).add(subscription)
        return subscription

    def hear(self) -> None:
        """Hand on what is new. Of an event that comes between two calls nothing is lost."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._descriptor, 1 << 16)  # what exactly changed, the database says
        with self._lock:
            for event in journal.after(self._database, self._number):
                self._number = event.number
                for actor in ("", event.actor):
                    for each in self._subscriptions.get(actor, ()):
                        each.give(event)

    def forget(self, subscription: Subscription) -> bool:
        """No more for this one; False if it had been forgotten before."""
        with self._lock:
            known = self._subscriptions.get(subscription.actor, set())
            if subscription not in known:
                return False
            known.discard(subscription)
            if not known:
                del self._subscriptions[subscription.actor]
            return True
