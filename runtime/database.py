"""The one SQLite file: names, containers and the build cache, changed by transactions.

Blobs and file trees are files; everything that has a *name* or a *state* is a row here, so
that a kill -9 at any moment leaves the old state or the new one. Several processes use the
file at once (callers, monitors): write-ahead logging lets readers go on, and every change is
one short transaction.

Rule: the only module that imports sqlite3. A connection belongs to one thread of one process
and is never carried across a fork (https://sqlite.org/howtocorrupt.html, 2.6).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from _thread import get_ident
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from runtime.errors import HostLacks, OnggiError

SCHEMA = """
CREATE TABLE IF NOT EXISTS images (          -- a name and the manifest it means now
    name        TEXT PRIMARY KEY,            -- full reference: docker.io/onggi/base:latest
    manifest    TEXT NOT NULL,               -- digest
    named_ns    INTEGER NOT NULL             -- since the epoch
);
CREATE TABLE IF NOT EXISTS containers (
    id          TEXT PRIMARY KEY,            -- 64 hex digits
    name        TEXT NOT NULL UNIQUE,
    image       TEXT NOT NULL,               -- the name that was asked for
    manifest    TEXT NOT NULL,               -- digest of the manifest it was made from
    request     TEXT NOT NULL,               -- JSON: what the user asked for
    created_ns  INTEGER NOT NULL,
    status      TEXT NOT NULL,               -- see runtime/container/state.py
    owner_pid   INTEGER NOT NULL DEFAULT 0,  -- who is removing it: a process
    owner_start INTEGER NOT NULL DEFAULT 0,  --   … and its start time, as PIDs come again
    pid         INTEGER NOT NULL DEFAULT 0,  -- PID 1 of the container, as the host counts
    pid_start   INTEGER NOT NULL DEFAULT 0,
    monitor_pid INTEGER NOT NULL DEFAULT 0,
    monitor_start INTEGER NOT NULL DEFAULT 0,
    started_ns  INTEGER NOT NULL DEFAULT 0,
    finished_ns INTEGER NOT NULL DEFAULT 0,
    exit_code   INTEGER,                     -- NULL: it has not ended, or nobody saw how
    oom_killed  INTEGER NOT NULL DEFAULT 0,
    error       TEXT NOT NULL DEFAULT ''     -- why its command could not be started
);
CREATE TABLE IF NOT EXISTS build_cache (     -- the layer that a step made
    key         TEXT PRIMARY KEY,
    digest      TEXT NOT NULL,
    diff_id     TEXT NOT NULL,
    size        INTEGER NOT NULL,
    created     TEXT NOT NULL,               -- RFC 3339
    used_ns     INTEGER NOT NULL
);
"""
CHANGES_2 = """
CREATE TABLE events (                        -- see runtime/journal.py
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ns     INTEGER NOT NULL,
    type        TEXT NOT NULL,               -- container, image
    action      TEXT NOT NULL,
    actor       TEXT NOT NULL,               -- id
    attributes  TEXT NOT NULL                -- JSON
);
-- labels: JSON, the image's and its own; wish: why a user ends it (stop, restart); restarts: how
-- often its policy started it again; backoff_ms: how long was waited before the last time, and
-- restart_ns: when the next one is due; boot: the host's when it was started; health: JSON,
-- docker's State.Health
ALTER TABLE containers ADD labels     TEXT NOT NULL DEFAULT '{}';
ALTER TABLE containers ADD wish       TEXT NOT NULL DEFAULT '';
ALTER TABLE containers ADD restarts   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE containers ADD backoff_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE containers ADD restart_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE containers ADD boot       TEXT NOT NULL DEFAULT '';
ALTER TABLE containers ADD health     TEXT NOT NULL DEFAULT '';
"""
CHANGES_PORTS = """
CREATE TABLE ports (                         -- what is published of a container that runs
    container   TEXT NOT NULL,               -- id
    network     TEXT NOT NULL,               -- id
    protocol    TEXT NOT NULL,               -- tcp, udp
    host_ip     TEXT NOT NULL,
    host_port   INTEGER NOT NULL,
    address     TEXT NOT NULL,               -- the container's
    port        INTEGER NOT NULL
);
"""
CHANGES_NETWORKS = """
CREATE TABLE networks (                      -- see runtime/network/records.py
    id          TEXT PRIMARY KEY,            -- 64 hex digits
    name        TEXT NOT NULL UNIQUE,
    driver      TEXT NOT NULL,               -- bridge, host, null
    link        TEXT NOT NULL,               -- the name of its bridge on the host
    settings    TEXT NOT NULL,               -- JSON: pools, options, labels
    created_ns  INTEGER NOT NULL,
    raised      TEXT NOT NULL DEFAULT ''     -- the world in which its bridge is
);
INSERT INTO networks (id, name, driver, link, settings, created_ns)
    SELECT lower(hex(randomblob(32))), column1, column2, column3, '{}', strftime('%s') * 1000000000
    FROM (VALUES ('bridge', 'bridge', 'onggi0'), ('host', 'host', ''), ('none', 'null', ''));
CREATE TABLE plugs (                         -- a running container with cables
    container   TEXT PRIMARY KEY,
    pid         INTEGER NOT NULL,            -- its PID 1
    pid_start   INTEGER NOT NULL,
    world       TEXT NOT NULL,
    facts       TEXT NOT NULL                -- JSON: directory, host name
);
CREATE TABLE endpoints (                     -- a cable: what a container got in a network
    id          TEXT PRIMARY KEY,
    container   TEXT NOT NULL,
    network     TEXT NOT NULL,
    address     TEXT,                        -- without the number of fixed bits
    address6    TEXT,
    mac         TEXT NOT NULL,
    link        TEXT NOT NULL UNIQUE,        -- its end on the host
    device      TEXT NOT NULL,               -- its end in the container
    place       TEXT NOT NULL,               -- JSON: what was asked for
    UNIQUE (container, network),
    UNIQUE (network, address),
    UNIQUE (network, address6)
);
-- JSON: the networks that it is in when it runs, by id, and what was asked for in each
ALTER TABLE containers ADD networks TEXT NOT NULL DEFAULT '{}';
"""
CHANGES_VOLUMES = """
CREATE TABLE volumes (                       -- see runtime/container/volumes.py
    name        TEXT PRIMARY KEY,
    labels      TEXT NOT NULL,               -- JSON
    options     TEXT NOT NULL,               -- JSON: what the driver was told (type, o, device)
    created_ns  INTEGER NOT NULL
);
CREATE TABLE mounts (                        -- see runtime/container/points.py
    container   TEXT NOT NULL,               -- id; this row is there before the container's own
    destination TEXT NOT NULL,
    volume      TEXT NOT NULL,               -- its name, or nothing
    point       TEXT NOT NULL,               -- JSON
    PRIMARY KEY (container, destination)
);
CREATE INDEX mounts_of_volumes ON mounts (volume);
"""
CHANGES_TRAVELS = """
CREATE TABLE packed_layers (                 -- see runtime/engine/travels.py
    layer       TEXT NOT NULL,               -- digest of a layer of ours, which is a tar
    compression TEXT NOT NULL,               -- gzip, zstd
    digest      TEXT NOT NULL,               -- of what it was compressed to
    size        INTEGER NOT NULL,            -- of that, in bytes
    PRIMARY KEY (layer, compression)
);
CREATE TABLE homes (                         -- where a blob was seen
    host        TEXT NOT NULL,               -- the registry
    digest      TEXT NOT NULL,
    repository  TEXT NOT NULL,
    seen_ns     INTEGER NOT NULL,
    PRIMARY KEY (host, digest, repository)
);
"""
CHANGES_BUILD_CACHE = """
-- parent: ChainID of the layers below; made_by: the step; made_ns: when it was carried out,
-- whatever time its layer bears; uses: how many builds had the layer, that one included
ALTER TABLE build_cache ADD parent    TEXT NOT NULL DEFAULT '';
ALTER TABLE build_cache ADD made_by   TEXT NOT NULL DEFAULT '';
ALTER TABLE build_cache ADD made_ns   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE build_cache ADD uses      INTEGER NOT NULL DEFAULT 1;
UPDATE build_cache SET made_ns = used_ns;    -- until now nobody wrote down more
"""
VERSIONS = (
    *(SCHEMA, CHANGES_2),
    *(CHANGES_PORTS, CHANGES_NETWORKS, CHANGES_VOLUMES, CHANGES_TRAVELS),
    CHANGES_BUILD_CACHE,
)
"""What each version added to the one before. A file of an older one is brought up to date when it
is opened: nothing here is ever changed, only added to, once it has been published."""

RESERVE_BYTES = 1 << 20
"""Put aside on the disk. To delete a row SQLite must first write; when the disk is full, this is
given back, so that what fills it can still be removed."""

Row = sqlite3.Row
Result = TypeVar("Result")


class Database:
    """The state directory's rows. One object may be shared by threads: each gets its own
    connection, opened at first use and again after a fork.
    """

    def __init__(
        self, root: Path, name: str = "onggi.db", versions: Sequence[str] = VERSIONS
    ) -> None:
        self.path = root / name
        self._versions = versions
        self._reserve = root / "reserve"
        self._connections: dict[tuple[int, int], sqlite3.Connection] = {}

    def one(self, query: str, *values: object) -> Row | None:
        """The first row, or None."""
        with _translated(self.path):
            row: Row | None = self._connection().execute(query, values).fetchone()
            return row

    def all(self, query: str, *values: object) -> list[Row]:
        """All rows."""
        with _translated(self.path):
            return self._connection().execute(query, values).fetchall()

    def change(self, statement: str, *values: object) -> int:
        """Carry out one statement durably; return how many rows it changed.

        With a WHERE over the state that the caller believes in, this is a compare-and-swap.
        """
        connection = self._connection()
        with _translated(self.path):
            try:
                return connection.execute(statement, values).rowcount
            except sqlite3.OperationalError as error:
                if not _is_full(error) or connection.in_transaction or not self._give_reserve():
                    raise
                return connection.execute(statement, values).rowcount

    def atomically(self, action: Callable[[], Result], *, lasting: bool = True) -> Result:
        """Carry out `action` in a transaction, and return what it returned. When the disk is full
        it is tried again with the reserve: so it must be fit to be called twice.
        """
        try:
            with self.transaction(lasting=lasting):
                return action()
        except OnggiError as error:
            full = isinstance(error.__cause__, sqlite3.Error) and _is_full(error.__cause__)
            if not full or self._connection().in_transaction or not self._give_reserve():
                raise
            with self.transaction(lasting=lasting):
                return action()

    @contextlib.contextmanager
    def transaction(self, *, lasting: bool = True) -> Iterator[None]:
        """All statements inside become visible together, or none. Waits for other writers. Inside
        another transaction it is a part of that.

        A power cut may take back one that is not `lasting`, until anybody has finished one that is.
        """
        connection = self._connection()
        if connection.in_transaction:
            yield
            return
        with _translated(self.path), _synchronous(connection, lasting=lasting):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
                with contextlib.suppress(OSError):
                    os.utime(self.path)  # the bell for who watches the file: see `journal.follow`
            except BaseException:
                if connection.in_transaction:  # SQLite ends it by itself after some errors
                    connection.execute("ROLLBACK")
                raise

    def keep_reserve(self) -> None:
        """Put `RESERVE_BYTES` aside (again), if there is room for it."""
        try:
            with self._reserve.open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except FileExistsError:
            pass
        except OSError:
            self._reserve.unlink(missing_ok=True)

    def _give_reserve(self) -> bool:
        try:
            self._reserve.unlink()
        except FileNotFoundError:
            return False
        return True

    def close(self) -> None:
        """Close this thread's connection; the next use opens it again."""
        connection = self._connections.pop((os.getpid(), get_ident()), None)
        if connection is not None:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        # `threading.local` would do, but importing threading makes every fork slower.
        key = (os.getpid(), get_ident())
        if key not in self._connections:
            self._connections[key] = _connect(self.path, self._versions)
        return self._connections[key]


def _connect(path: Path, versions: Sequence[str]) -> sqlite3.Connection:
    with _translated(path):
        connection = sqlite3.connect(path, timeout=30.0, isolation_level=None)
        connection.row_factory = sqlite3.Row
        # FULL syncs the log at every commit: a container that was acknowledged survives a
        # power cut. It costs a third of a millisecond.
        connection.execute("PRAGMA synchronous=FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if not 0 <= version <= len(versions):
            raise OnggiError(
                "the state directory was made by another version of Onggi: {path}",
                hint="use the version that made it, or set ONGGI_ROOT to another directory",
                path=path,
            )
        if version < len(versions):
            _bring_up_to_date(connection, versions)
        return connection


@contextlib.contextmanager
def _synchronous(connection: sqlite3.Connection, *, lasting: bool) -> Iterator[None]:
    """Whether a COMMIT inside waits until the disk has it. https://sqlite.org/wal.html, 4"""
    if lasting:
        yield
        return
    connection.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous=FULL")


def _bring_up_to_date(connection: sqlite3.Connection, versions: Sequence[str]) -> None:
    """Of several processes that open an old file at once, one changes it and the others wait."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for changes in versions[version:]:
            for statement in _statements(changes):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(versions)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """One by one: `executescript` would end the transaction first."""
    bare = "\n".join(line.partition("--")[0] for line in script.splitlines())
    return filter(None, map(str.strip, bare.split(";")))


def _is_full(error: sqlite3.Error) -> bool:
    return "full" in str(error)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's complaints about the disk, as one sentence each."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        reason = str(error)
        if _is_full(error):
            raise OnggiError(
                "no space left on the disk of the state directory: {path}",
                hint="free some space, for example with `onggi system prune`",
                path=path.parent,
            ) from error
        if "unable to open" in reason or "readonly" in reason:
            raise HostLacks(
                "the state directory cannot be written: {path}",
                hint="start as the user who owns it, or set ONGGI_ROOT to another directory",
                feature="a writable state directory",
                evidence=reason,
                path=path.parent,
            ) from error
        raise OnggiError(
            "the state database cannot be used: {path}: {reason}",
            hint="if the file is damaged, move it away; images and containers are then forgotten",
            path=path,
            reason=reason,
        ) from error


UniqueViolation = sqlite3.IntegrityError
"""What an INSERT raises when the name or id exists already."""
