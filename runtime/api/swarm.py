"""Swarm, nodes, services, tasks, secrets and configs, as an engine answers that is in no swarm.

Docker Engine API 1.47, "Swarm", "Node", "Service", "Task", "Secret", "Config"; the sentences are
those of moby's daemon/cluster/errors.go, which clients know.
"""

from __future__ import annotations

from runtime.api.answers import Answer
from runtime.api.call import Call
from runtime.api.errors import Refused
from runtime.api.routes import route

OF_MANAGERS = (
    ("GET", "/swarm"),
    ("POST", "/swarm/update"),
    ("GET", "/swarm/unlockkey"),
    ("POST", "/swarm/unlock"),
    ("GET", "/nodes"),
    ("GET", "/nodes/{id}"),
    ("DELETE", "/nodes/{id}"),
    ("POST", "/nodes/{id}/update"),
    ("GET", "/services"),
    ("POST", "/services/create"),
    ("GET", "/services/{id}/logs"),
    ("GET", "/services/{id}"),
    ("DELETE", "/services/{id}"),
    ("POST", "/services/{id}/update"),
    ("GET", "/tasks"),
    ("GET", "/tasks/{id}/logs"),
    ("GET", "/tasks/{id}"),
    ("GET", "/secrets"),
    ("POST", "/secrets/create"),
    ("GET", "/secrets/{id}"),
    ("DELETE", "/secrets/{id}"),
    ("POST", "/secrets/{id}/update"),
    ("GET", "/configs"),
    ("POST", "/configs/create"),
    ("GET", "/configs/{id}"),
    ("DELETE", "/configs/{id}"),
    ("POST", "/configs/{id}/update"),
)
"""What only a manager can do."""


def no_manager() -> Refused:
    """There is no swarm here to do that in."""
    return Refused(
        503,
        'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
        "to connect this node to swarm and try again.",
    )


def ask_a_manager(call: Call) -> Answer:
    """Only a swarm's manager can do that, and this engine is in no swarm (503)."""
    raise no_manager()


for _method, _template in OF_MANAGERS:
    route(_method, _template)(ask_a_manager)


@route("POST", "/swarm/leave")
def leave(call: Call) -> Answer:
    """There is nothing to leave (503)."""
    raise Refused(503, "This node is not part of a swarm")
