"""The registry: which function answers which address. No socket, no framework.

distribution-spec: "Endpoints" is the table below.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from runtime.errors import Conflict, RegistryError
from runtime.registry.messages import Route, parse_route
from runtime.registry.server import blobs, lists, manifests
from runtime.registry.server.answers import Answer, Asked, Refused, as_json
from runtime.registry.server.inventory import Inventory
from runtime.registry.server.page import catalog_page
from runtime.registry.server.uploads import Uploads

PAGE = Route("page")
"""`/`, which is no part of the protocol."""


class Registry:
    """One state directory, served."""

    def __init__(self, root: Path, *, deletes: bool = False) -> None:
        """Raises Conflict: another server has the directory; HostLacks, OSError."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _only_server(root)
        self.inventory = Inventory(root)
        self.uploads = Uploads(root, self.inventory)
        self.uploads.clear()
        self._deletes = deletes

    async def answer(self, path: str, asked: Asked) -> Answer:
        """What the registry says to a request; a refusal is an answer, too."""
        try:
            route = PAGE if path == "/" else parse_route(path)
            methods = self._methods(route, asked)
            method = "GET" if asked.method == "HEAD" and "GET" in methods else asked.method
            if method not in methods:
                raise _not_allowed(list(methods))
            return await methods[method]()
        except Refused as refused:
            return refused.answer
        except RegistryError as error:  # an address that breaks the grammar
            status = 404 if error.code == "UNSUPPORTED" else error.status
            return Refused(error.code, error.message, status=status).answer

    def close(self) -> None:
        """Let go of the directory."""
        self.inventory.database.close()
        os.close(self._lock)

    def _methods(self, route: Route, asked: Asked) -> dict[str, Callable[[], Awaitable[Answer]]]:
        """What can be done at an address."""
        inventory, uploads, thread = self.inventory, self.uploads, asyncio.to_thread
        match route.kind:
            case "page":
                return {"GET": lambda: thread(catalog_page, inventory, asked)}
            case "api":
                return {"GET": _hello}
            case "catalog":
                return {"GET": lambda: thread(lists.catalog, inventory, asked)}
            case "tags":
                return {"GET": lambda: thread(lists.tags, inventory, route, asked)}
            case "referrers":
                return {"GET": lambda: thread(manifests.referrers, inventory, route, asked)}
            case "manifest":
                return {
                    "GET": lambda: thread(manifests.get_manifest, inventory, route, asked),
                    "PUT": lambda: self._put_manifest(route, asked),
                    **self._delete(lambda: manifests.delete_manifest(inventory, route)),
                }
            case "blob":
                return {
                    "GET": lambda: thread(blobs.get_blob, inventory, route, asked),
                    **self._delete(lambda: blobs.delete_blob(inventory, route)),
                }
            case "uploads":
                return {"POST": lambda: blobs.begin(inventory, uploads, route, asked)}
        return {
            "GET": lambda: thread(blobs.status, uploads, route),
            "PATCH": lambda: blobs.append(uploads, route, asked),
            "PUT": lambda: blobs.finish(uploads, route, asked),
            "DELETE": lambda: thread(blobs.cancel, uploads, route),
        }

    def _delete(self, act: Callable[[], Answer]) -> dict[str, Callable[[], Awaitable[Answer]]]:
        return {"DELETE": lambda: asyncio.to_thread(act)} if self._deletes else {}

    async def _put_manifest(self, route: Route, asked: Asked) -> Answer:
        data = await manifests.read_manifest(asked)
        return await asyncio.to_thread(manifests.put_manifest, self.inventory, route, asked, data)


async def _hello() -> Answer:
    """This registry speaks the protocol."""
    return as_json({})


def _not_allowed(methods: list[str]) -> Refused:
    allowed = sorted({*methods, *(["HEAD"] if "GET" in methods else [])})
    return Refused(
        "UNSUPPORTED",
        "this registry does not do that at this address",
        headers={"Allow": ", ".join(allowed)},
    )


def _only_server(root: Path) -> int:
    """Held as long as the server lives: uploads under way are in one process's hands."""
    lock = os.open(root / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as cause:
        os.close(lock)
        raise Conflict("another registry server is using this directory: {path}", path=root) from (
            cause
        )
    return lock
