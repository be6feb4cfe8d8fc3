"""Lists over the wire: the tags of a repository, the repositories of a registry.

Both come in pages: `n` says how many, `last` after which one, and the Link header where the next
page is, until there is none. Always in the same order, so that a page is the same for everybody.

distribution-spec: "Listing Tags"; docker's API: "Listing Repositories"
"""

from __future__ import annotations

from collections.abc import Callable

from runtime.registry.messages import CATALOG_PATH, Route, next_link, parse_page, tags_path
from runtime.registry.server.answers import Answer, Asked, as_json
from runtime.registry.server.inventory import Inventory
from runtime.registry.server.manifests import unknown_name

MOST = 1000
"""The longest page."""


def tags(inventory: Inventory, route: Route, asked: Asked) -> Answer:
    """A repository's tags."""
    if not inventory.has_repository(route.name):
        raise unknown_name(route.name)

    def read(last: str, limit: int) -> list[str]:
        return inventory.tags(route.name, last, limit)

    page, headers = _page(tags_path(route.name), asked, read)
    return as_json({"name": route.name, "tags": page}, headers=headers)


def catalog(inventory: Inventory, asked: Asked) -> Answer:
    """All repositories."""
    page, headers = _page(CATALOG_PATH, asked, inventory.repositories)
    return as_json({"repositories": page}, headers=headers)


def _page(
    address: str, asked: Asked, read: Callable[[str, int], list[str]]
) -> tuple[list[str], dict[str, str]]:
    """One page, and the Link to the next one. One more than asked for is read, to know of it."""
    limit, last = parse_page(asked.query_text, MOST)
    found = read(last, limit + 1)
    page = found[:limit]
    if len(found) <= limit or not page:
        return page, {}
    return page, {"Link": next_link(address, limit, page[-1])}
